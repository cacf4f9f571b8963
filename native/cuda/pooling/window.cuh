/* Windows along one axis. */
#pragma once
#include "common/bf16.cuh"

namespace duet::pooling {

/* The part of window `output` inside the image: first <= position < last; `offset` is where the uncut window begins. */
struct Inside {
  int offset, first, last;
  __device__ __forceinline__ Inside(int output, int window, int stride, int padding, int size)
      : offset(output * stride - padding), first(max(0, offset)), last(min(size, offset + window)) {}
};

struct InsideBoth {
  Inside ys, xs;
  __device__ __forceinline__ InsideBoth(const duet_pooling &p, int row, int column, int window)
      : ys(row, window, p.stride.divisor, p.padding_top, p.height), xs(column, window, p.stride.divisor, p.padding, p.width) {}
  __device__ __forceinline__ int pixels() const { return (ys.last - ys.first) * (xs.last - xs.first); }
};

/* The windows that hold a position: first <= output < last. */
struct Windows {
  int first, last;
  __device__ __forceinline__ Windows(int position, const duet_pooling &p, int padding, int outputs) {
    const int at = position + padding;
    first = at < p.window ? 0 : static_cast<int>(quotient(at - p.window, p.stride)) + 1;
    last = min(outputs, static_cast<int>(quotient(at, p.stride)) + 1);
  }
};

/* A thread's place on the side that the grid covers: image, row, column, channel (or vector of channels). */
struct Place {
  uint32_t image;
  int row, column, channel;
  __device__ __forceinline__ Place(const duet_pooling &p, uint32_t i) {
    image = i;
    channel = static_cast<int>(split(image, p.channels));
    column = static_cast<int>(split(image, p.side_width));
    row = static_cast<int>(split(image, p.side_height));
  }
};

/* Whether a value takes the place of the best before it: it is larger, or it is NaN and the best is not. So the first largest of a window
   wins, and the first NaN over all numbers. */
__device__ __forceinline__ bool beats(float value, float best) { return !(value <= best) && best == best; }

}  // namespace duet::pooling
