// A product of bf16 matrices on tensor cores, as nvcc compiles it: nvcc -ptx -O3 -arch=compute_80 gemm.cu
// c[m][n] = sum over k of a[m][k] * b[n][k], and relu of it in bf16. A block of two warps has a tile of 32 x 32, a warp 16 rows of it.
// Slices of 16 columns of a and b come by cp.async into a ring of two.
#include <cuda_bf16.h>
#include <cuda_pipeline.h>

namespace {

constexpr int kTile = 32, kSlice = 16, kPitch = kSlice + 8;  // rows 48 bytes apart: no bank conflicts

__device__ unsigned shared_address(const void *p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }

__device__ void load_matrices(unsigned (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(p)));
}

__device__ void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(64)
    gemm(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, __nv_bfloat16 *rectified, int n, int k) {
  __shared__ __align__(16) __nv_bfloat16 tile_a[2][kTile][kPitch], tile_b[2][kTile][kPitch];
  const int thread = threadIdx.x, lane = thread % 32, row = thread / 2, column = thread % 2 * 8;
  const __nv_bfloat16 *from_a = a + static_cast<size_t>(blockIdx.y * kTile + row) * k + column;
  const __nv_bfloat16 *from_b = b + static_cast<size_t>(blockIdx.x * kTile + row) * k + column;
  auto copy = [&](int slot) {
    __pipeline_memcpy_async(&tile_a[slot][row][column], from_a, 16);
    __pipeline_memcpy_async(&tile_b[slot][row][column], from_b, 16);
    __pipeline_commit();
    from_a += kSlice;
    from_b += kSlice;
  };
  float sum[4][4] = {};
  const int first = thread / 32 * 16;
  copy(0);
#pragma unroll 1
  for (int from = 0, slot = 0; from < k; from += kSlice, slot ^= 1) {
    __pipeline_wait_prior(0);
    __syncthreads();
    if (from + kSlice < k) copy(slot ^ 1);
    unsigned fragment_a[4], fragment_b[2][4];
    load_matrices(fragment_a, &tile_a[slot][first + lane % 16][lane / 16 * 8]);
    for (int half = 0; half < 2; ++half)
      load_matrices(fragment_b[half], &tile_b[slot][half * 16 + lane % 8 + lane / 16 * 8][lane / 8 % 2 * 8]);
    for (int j = 0; j < 4; ++j) multiply(sum[j], fragment_a, fragment_b[j / 2][j % 2 * 2], fragment_b[j / 2][j % 2 * 2 + 1]);
  }
  for (int j = 0; j < 4; ++j) {
    for (int half = 0; half < 2; ++half) {
      const size_t at = static_cast<size_t>(blockIdx.y * kTile + first + half * 8 + lane / 4) * n + blockIdx.x * kTile + j * 8 +
                        lane % 4 * 2;
      const float x = sum[j][half * 2], y = sum[j][half * 2 + 1];
      *reinterpret_cast<float2 *>(c + at) = make_float2(x, y);
      *reinterpret_cast<__nv_bfloat162 *>(rectified + at) = __hmax2(__floats2bfloat162_rn(x, y), __float2bfloat162_rn(0));
    }
  }
}
