// Tiles of cooperative groups and printf, as nvcc compiles them. tiles.ptx is made of it:
// nvcc -ptx -arch=compute_80 -O3 tiles.cu
#include <cooperative_groups.h>
#include <cstdio>
namespace cg = cooperative_groups;

// The two tiles of a warp have different masks in one instruction.
// out[0 .. 31]: ballots of the odd lanes; out[32 .. 63]: the value of the tile's lane 3; out[64 .. 95]: any lane of the tile above 20.
extern "C" __global__ void tiles_of_16(unsigned *out) {
  const auto tile = cg::tiled_partition<16>(cg::this_thread_block());
  const unsigned t = threadIdx.x;
  out[t] = tile.ballot(t & 1);
  out[32 + t] = tile.shfl(t, 3);
  out[64 + t] = tile.any(t > 20);
}

// Tiles of two warps meet through shared memory that the system reserves.
extern "C" __global__ void tiles_of_64(unsigned *out) {
  const auto tile = cg::tiled_partition<64>(cg::this_thread_block());
  tile.sync();
  out[threadIdx.x] = tile.any(threadIdx.x == 70);
}

extern "C" __global__ void is_grid_valid(unsigned *out) { *out = cg::this_grid().is_valid(); }

extern "C" __global__ void print(int n) {
  if (threadIdx.x % 3 == 0) {
    const int count = printf("thread %d of %u: %5.2f, %s, %c, %lld, %p, %*d\n", threadIdx.x, n, 0.5f * threadIdx.x, "text", 'x', 1ll << 40,
                             (void *)16, 4, n);
    if (threadIdx.x == 3) printf("%d arguments, 100%%\n", count);
  }
}
