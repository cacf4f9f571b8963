/* The forward pass in fp32. */
#include "convolution/forward.cuh"

#define DUET_FORWARD(NAME, ROWS, COLUMNS, BLOCKS, FROM, TO) \
  extern "C" __global__ void __launch_bounds__(ROWS *COLUMNS / 64, BLOCKS) NAME(const __grid_constant__ duet_convolution p) { \
    duet::product::forward<duet::product::Tile<ROWS, COLUMNS>, FROM, TO>(p); \
  }
DUET_FORWARD(convolution_forward_128x128, 128, 128, 2, 4, 4)
DUET_FORWARD(convolution_forward_128x96, 128, 96, 2, 4, 4)
DUET_FORWARD(convolution_forward_128x64, 128, 64, 4, 4, 4)
DUET_FORWARD(convolution_forward_64x64, 64, 64, 8, 4, 4)
/* few channels, such as the first layer's */
DUET_FORWARD(convolution_forward_image_128x96, 128, 96, 2, 1, 4)
DUET_FORWARD(convolution_forward_image_128x64, 128, 64, 4, 1, 4)
DUET_FORWARD(convolution_forward_image_128x48, 128, 48, 4, 1, 4)
DUET_FORWARD(convolution_forward_scalar, 64, 64, 6, 1, 1)
#undef DUET_FORWARD
