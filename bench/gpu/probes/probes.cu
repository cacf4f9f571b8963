/* What a multiprocessor does per cycle, asked of one part at a time. Each kernel has a result that can be predicted to the bit, so that the
   virtual GPU and a card can be held to it, and stores what its blocks' clocks say: [2 * block] when the first warp began,
   [2 * block + 1] when the last one ended. On the virtual GPU all clocks are 0. Launched by duet.bench.probe.Probes; not part of the
   library. */
#include <cstdint>

namespace {

constexpr int kWarp = 32;

/* The barrier lets all warps begin at once. */
__device__ __forceinline__ void begin(long long *cycles) {
  __syncthreads();
  if (threadIdx.x == 0) cycles[2 * blockIdx.x] = clock64();
  __syncthreads();
}

/* Behind a barrier, so that it is the last warp's. */
__device__ __forceinline__ void end(long long *cycles) {
  __syncthreads();
  if (threadIdx.x == 0) cycles[2 * blockIdx.x + 1] = clock64();
}

}  // namespace

/* `vectors` of 16 bytes; four at a time in flight. */
extern "C" __global__ void __launch_bounds__(512) probe_copy(uint4 *to, const uint4 *from, uint32_t vectors) {
  const uint32_t stride = gridDim.x * blockDim.x;
#pragma unroll 4
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < vectors; i += stride) to[i] = from[i];
}

/* Every block reads all of it, `turns` times, past L1, each from a place of its own: what comes is L2's. Stored: each thread's
   exclusive or. */
extern "C" __global__ void __launch_bounds__(1024)
    probe_l2(uint32_t *out, long long *cycles, const uint4 *from, uint32_t vectors, int turns) {
  uint4 sum = {0, 0, 0, 0};
  const uint32_t start = blockIdx.x * (vectors / gridDim.x);
  begin(cycles);
  for (int turn = 0; turn < turns; turn++) {
#pragma unroll 4
    for (uint32_t i = threadIdx.x; i < vectors; i += blockDim.x) {
      const uint32_t at = start + i;
      const uint4 v = __ldcg(from + (at < vectors ? at : at - vectors));
      sum.x ^= v.x, sum.y ^= v.y, sum.z ^= v.z, sum.w ^= v.w;
    }
  }
  end(cycles);
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}

/* 16 sums, each multiply-add with two numbers that stay: x = x * a + b. These are in the reuse cache or in the other bank. */
extern "C" __global__ void __launch_bounds__(1024) probe_ffma_free(float *out, long long *cycles, float a, float b, int turns) {
  float x[16];
#pragma unroll
  for (int i = 0; i < 16; i++) x[i] = static_cast<float>(threadIdx.x % kWarp + i);
  begin(cycles);
#pragma unroll 1
  for (int turn = 0; turn < turns; turn++) {
#pragma unroll
    for (int k = 0; k < 24; k++) {
#pragma unroll
      for (int i = 0; i < 16; i++) x[i] = fmaf(x[i], a, b);
    }
  }
  end(cycles);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 16; i++) sum += x[i];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/* 48 numbers to which products of two others are added, never the same ones in turn: with any division of the registers into two banks many
   triples lie in one. How many, duet.device.cuda.model counts in the machine code. */
extern "C" __global__ void __launch_bounds__(1024) probe_ffma_banks(float *out, long long *cycles, float scale, int turns) {
  constexpr int numbers = 48;
  float x[numbers];
#pragma unroll
  for (int i = 0; i < numbers; i++) x[i] = scale * static_cast<float>((static_cast<int>(threadIdx.x % kWarp) + 7 * i) % 23 - 11);
  begin(cycles);
#pragma unroll 1
  for (int turn = 0; turn < turns; turn++) {
#pragma unroll
    for (int k = 0; k < 10; k++) {
#pragma unroll
      for (int i = 0; i < numbers; i++) {
        const int c = i * 17 % numbers;
        x[c] = fmaf(x[(c + 1 + 5 * k) % numbers], x[(c + numbers - 2 - 3 * k) % numbers], x[c]);
      }
    }
  }
  end(cycles);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < numbers; i++) sum += x[i];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

__device__ __forceinline__ void multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Eight independent sums of products, so that what is waited for is the tensor core. `pair` is two bf16 numbers: all factors. */
extern "C" __global__ void __launch_bounds__(512) probe_mma(float *out, long long *cycles, uint32_t pair, int turns) {
  float c[8][4] = {};
  const uint32_t a[4] = {pair, pair, pair, pair}, b[2] = {pair, pair};
  begin(cycles);
#pragma unroll 1
  for (int turn = 0; turn < turns; turn++) {
#pragma unroll
    for (int k = 0; k < 4; k++) {
#pragma unroll
      for (int i = 0; i < 8; i++) multiply(c[i], a, b);
    }
  }
  end(cycles);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 8; i++) sum += c[i][0] + c[i][1] + c[i][2] + c[i][3];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/* Reads of 16 bytes from shared memory, lane i at vector lanes[i] of a row of 32 vectors, 16 rows. Stored: each thread's exclusive or. */
extern "C" __global__ void __launch_bounds__(1024) probe_lds(uint32_t *out, long long *cycles, const uint32_t *lanes, int turns) {
  __shared__ uint4 rows[16 * kWarp];
  for (uint32_t i = threadIdx.x; i < 16 * kWarp * 4; i += blockDim.x) reinterpret_cast<uint32_t *>(rows)[i] = i * 2654435761u;
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(rows + lanes[threadIdx.x % kWarp]));
  uint4 sum = {0, 0, 0, 0};
  begin(cycles);
#pragma unroll 1
  for (int turn = 0; turn < turns; turn++) {
#pragma unroll
    for (int row = 0; row < 16; row++) {
      uint4 v;
      asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                   : "r"(address + row * kWarp * 16));
      sum.x ^= v.x, sum.y ^= v.y, sum.z ^= v.z, sum.w ^= v.w;
    }
    sum.x = sum.x << 1 | sum.x >> 31; /* else every second turn takes back the first */
  }
  end(cycles);
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}

/* One sum by a chain of m16n8k16: element (0, 0) of c + a * b, `steps` times 16 terms. a and b are bf16 numbers, [step][16]; one problem a
   block, of 32 threads. Row 0 of A and column 0 of B have the numbers, all others are zeros. */
extern "C" __global__ void __launch_bounds__(32)
    probe_sum(float *out, const float *first, const uint32_t *a, const uint32_t *b, int steps) {
  const int lane = static_cast<int>(threadIdx.x);
  float c[4] = {lane == 0 ? first[blockIdx.x] : 0, 0, 0, 0};
  for (int step = 0; step < steps; step++) {
    const uint32_t at = (blockIdx.x * steps + step) * 8;
    /* Lanes 0 to 3 hold row 0 of A: terms 2 lane, 2 lane + 1 in a[0], the same + 8 in a[2]; likewise column 0 of B. */
    const bool mine = lane < 4;
    const uint32_t rows[4] = {mine ? a[at + lane] : 0, 0, mine ? a[at + lane + 4] : 0, 0};
    const uint32_t columns[2] = {mine ? b[at + lane] : 0, mine ? b[at + lane + 4] : 0};
    multiply(c, rows, columns);
  }
  if (lane == 0) out[blockIdx.x] = c[0];
}
