#pragma once
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/tail.h"

namespace duet {

/* Which windows hold an input position: first <= o < last. */
struct Windows {
  int first, last;
  Windows(int position, int window, int stride, int padding, int outputs) {
    const int at = position + padding;
    first = at < window ? 0 : (at - window) / stride + 1;
    last = std::min(outputs, at / stride + 1);
  }
};

/* The part of window `output` inside the image: first <= position < last; `offset` is the uncut window's begin. */
struct Inside {
  int offset, first, last;
  Inside(int output, int window, int stride, int padding, int size)
      : offset(output * stride - padding), first(std::max(0, offset)), last(std::min(size, offset + window)) {}
};

}  // namespace duet
