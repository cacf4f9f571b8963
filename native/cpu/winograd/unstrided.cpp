#include "winograd/unstrided.h"

namespace duet {

duet_convolution without_stride(const duet_convolution &strided) {
  duet_convolution c = strided;
  if (c.stride == 1) return c;
  c.kernel_height = divide_up(c.kernel_height, c.stride);
  c.kernel_width = divide_up(c.kernel_width, c.stride);
  c.channels *= c.stride * c.stride;
  c.height = c.output_height + c.kernel_height - 1;
  c.width = c.output_width + c.kernel_width - 1;
  c.padding = c.padding_top = 0;
  c.stride = 1;
  return c;
}

void Unstrided::copy_row(const float *image, int y, float *to) const {
  const int stride = strided.stride, pixel = strided.channels, run = stride * pixel;
  for (int dy = 0; dy < stride; dy++) {
    const int from_y = y * stride + dy - strided.padding_top;
    const bool is_row = from_y >= 0 && from_y < strided.height;
    const float *row = is_row ? image + int64_t{from_y} * strided.width * pixel : nullptr;
    for (int x = 0; x < c.width; x++) {
      const int from_x = x * stride - strided.padding;
      float *square = to + (int64_t{x} * stride + dy) * run;
      if (is_row && from_x >= 0 && from_x + stride <= strided.width) {
        const float *pixels = row + int64_t{from_x} * pixel;
        for (int i = 0; i < run; i++) square[i] = pixels[i];
        continue;
      }
      for (int i = 0; i < run; i++) {
        const int column = from_x + i / pixel;
        square[i] = is_row && column >= 0 && column < strided.width ? row[int64_t{column} * pixel + i % pixel] : 0;
      }
    }
  }
}

template <class Body> void Unstrided::each_tap(Body body) const {
  const int stride = strided.stride, run = stride * strided.channels;
  const Blocks blocks = {strided.filters};
  for (int block = 0; block < blocks.count(); block++) {
    const int width = blocks.width(block);
    const int64_t from = block_offset(taps(strided), block);
    int64_t to = block_offset(taps(c), block);
    for (int tap = 0; tap < c.kernel_height * c.kernel_width; tap++) {
      for (int dy = 0; dy < stride; dy++) {
        for (int i = 0; i < run; i++, to += width) {
          const int y = tap / c.kernel_width * stride + dy, x = tap % c.kernel_width * stride + i / strided.channels;
          const bool is_tap = y < strided.kernel_height && x < strided.kernel_width;
          const int64_t tap_at = (int64_t{y} * strided.kernel_width + x) * strided.channels + i % strided.channels;
          body(is_tap ? from + tap_at * width : -1, to, width);
        }
      }
    }
  }
}

const float *Unstrided::filter_of(const float *packed, float *space) const {
  if (!is_copy()) return packed;
  each_tap([=](int64_t from, int64_t to, int width) {
    for (int i = 0; i < width; i++) space[to + i] = from < 0 ? 0 : packed[from + i];
  });
  return space;
}

void Unstrided::gradient_of(const float *copy, float *packed) const {
  if (!is_copy()) return;
  each_tap([=](int64_t to, int64_t from, int width) {
    if (to >= 0) std::copy_n(copy + from, width, packed + to);
  });
}

}  // namespace duet
