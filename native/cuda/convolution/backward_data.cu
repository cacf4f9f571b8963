/* Backward to the data in fp32. */
#include "convolution/backward_data.cuh"

#define DUET_BACKWARD_DATA(NAME, ROWS, COLUMNS, BLOCKS, VECTOR) \
  extern "C" __global__ void __launch_bounds__(ROWS *COLUMNS / 64, BLOCKS) NAME(const __grid_constant__ duet_convolution p) { \
    duet::product::backward_data<duet::product::Tile<ROWS, COLUMNS>, VECTOR>(p); \
  }
DUET_BACKWARD_DATA(convolution_backward_data_128x128, 128, 128, 2, 4)
DUET_BACKWARD_DATA(convolution_backward_data_128x96, 128, 96, 2, 4)
DUET_BACKWARD_DATA(convolution_backward_data_128x64, 128, 64, 4, 4)
DUET_BACKWARD_DATA(convolution_backward_data_128x48, 128, 48, 5, 4)
DUET_BACKWARD_DATA(convolution_backward_data_64x64, 64, 64, 8, 4)
DUET_BACKWARD_DATA(convolution_backward_data_scalar, 64, 64, 6, 1)
#undef DUET_BACKWARD_DATA
