/* The kernels of one precision; the tiles are those of SplitTiling in the engine. A block has four warps. */
#pragma once
#include "convolution/backward_data.cuh"
#include "convolution/backward_weights.cuh"
#include "convolution/forward.cuh"
#include "convolution/split.cuh"

#define DUET_SPLIT_KERNEL(NAME, BLOCKS, ...) \
  extern "C" __global__ void __launch_bounds__(128, BLOCKS) NAME(const __grid_constant__ duet_convolution p) { \
    using namespace duet::product; \
    __VA_ARGS__(p); \
  }

/* The names end in the rows and columns of a block; of a warp: 64 x 48, 48 x 64, 48 x 48, 32 x 48 and 32 x 32. */
#define DUET_SPLIT_KERNELS(X, PLANES) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_128x96, 2, forward<SplitTile<128, 96, 64, 48, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_96x128, 2, forward<SplitTile<96, 128, 48, 64, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_64x64, 4, forward<SplitTile<64, 64, 32, 32, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_image_96x96, 2, forward<SplitTile<96, 96, 48, 48, PLANES>, 1, 4>) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_image_128x48, 3, forward<SplitTile<128, 48, 32, 48, PLANES>, 1, 4>) \
  DUET_SPLIT_KERNEL(convolution_forward_##X##_scalar, 4, forward<SplitTile<64, 64, 32, 32, PLANES>, 1, 1>) \
  DUET_SPLIT_KERNEL(convolution_backward_data_##X##_128x96, 2, backward_data<SplitTile<128, 96, 64, 48, PLANES>, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_data_##X##_96x128, 2, backward_data<SplitTile<96, 128, 48, 64, PLANES>, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_data_##X##_256x48, 2, backward_data<SplitTile<256, 48, 64, 48, PLANES>, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_data_##X##_64x64, 4, backward_data<SplitTile<64, 64, 32, 32, PLANES>, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_data_##X##_scalar, 4, backward_data<SplitTile<64, 64, 32, 32, PLANES>, 1>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_128x96, 2, backward_weights<SplitTile<128, 96, 64, 48, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_96x128, 2, backward_weights<SplitTile<96, 128, 48, 64, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_64x64, 4, backward_weights<SplitTile<64, 64, 32, 32, PLANES>, 4, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_image_96x96, 2, backward_weights<SplitTile<96, 96, 48, 48, PLANES>, 1, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_image_128x48, 3, backward_weights<SplitTile<128, 48, 32, 48, PLANES>, 1, 4>) \
  DUET_SPLIT_KERNEL(convolution_backward_weights_##X##_scalar, 4, backward_weights<SplitTile<64, 64, 32, 32, PLANES>, 1, 1>)
