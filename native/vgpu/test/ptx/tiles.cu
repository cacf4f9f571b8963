// Tiles of cooperative groups: lanes of one instruction have different masks. tiles.ptx is made of it:
// nvcc -ptx -arch=compute_80 -O3 tiles.cu
#include <cooperative_groups.h>
namespace cg = cooperative_groups;

// out[0 .. 31]: ballots of the odd lanes; out[32 .. 63]: the value of the tile's lane 3; out[64 .. 95]: any lane of the tile above 20.
extern "C" __global__ void tiles_of_16(unsigned *out) {
  const auto tile = cg::tiled_partition<16>(cg::this_thread_block());
  const unsigned t = threadIdx.x;
  out[t] = tile.ballot(t & 1);
  out[32 + t] = tile.shfl(t, 3);
  out[64 + t] = tile.any(t > 20);
}
