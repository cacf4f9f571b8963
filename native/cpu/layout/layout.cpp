/* Copies: ranges of activations along an axis, stored images to input, canonical from and to NHWC. */
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/transpose.h"
#include "runtime/vector.h"
#include <algorithm>
#include <cstring>

using namespace duet;

namespace {

/* 64 KiB: a task is long against the cost of handing it out. */
constexpr int64_t kFloatsPerTask = 16 << 10;
constexpr int64_t kRowsPerTask = 16;

/* A window on a stored image, which it may leave. */
struct Crop {
  int top, left;
  bool mirror;
};

/* (from - mean + shift) * scale for `count` pixels; the shift, one for each channel, may be null. */
void scaled(const uint8_t *from, const float *mean, const float *shift, float scale, int channels, int count, float *to) {
  if (!shift) {
    for (int i = 0; i < count * channels; i++) to[i] = (from[i] - mean[i]) * scale;
    return;
  }
  for (int x = 0; x < count; x++, from += channels, mean += channels, to += channels) {
    for (int c = 0; c < channels; c++) to[c] = (from[c] - mean[c] + shift[c]) * scale;
  }
}

/* body(run, first float, last float): a task has several short runs, or a piece of a long one. */
template <class Body> void each_run(duet_team *team, int64_t outer, int64_t count, Body body) {
  if (count < kFloatsPerTask) {
    parallel_slices(team, outer, kFloatsPerTask / std::max<int64_t>(1, count), [=](int64_t first, int64_t last) {
      for (int64_t run = first; run < last; run++) body(run, int64_t{0}, count);
    });
    return;
  }
  const int64_t pieces = divide_up(count, kFloatsPerTask);
  parallel(team, outer * pieces, [=](int64_t task, int) {
    const int64_t first = task % pieces * kFloatsPerTask;
    body(task / pieces, first, std::min(count, first + kFloatsPerTask));
  });
}

}  // namespace

extern "C" {

int32_t duet_copy_block(duet_team *team, int64_t outer, int64_t count, const float *from, int64_t from_pitch, int64_t from_first, float *to,
                        int64_t to_pitch, int64_t to_first) noexcept {
  return guarded([&] {
    each_run(team, outer, count, [=](int64_t run, int64_t first, int64_t last) {
      std::memcpy(to + run * to_pitch + to_first + first, from + run * from_pitch + from_first + first, sizeof(float) * (last - first));
    });
  });
}

int32_t duet_add_block(duet_team *team, int64_t outer, int64_t count, const float *from, int64_t from_pitch, int64_t from_first, float *to,
                       int64_t to_pitch, int64_t to_first) noexcept {
  return guarded([&] {
    each_run(team, outer, count, [=](int64_t run, int64_t first, int64_t last) {
      const float *part = from + run * from_pitch + from_first;
      float *whole = to + run * to_pitch + to_first;
      for (int64_t i = first; i < last; i++) whole[i] += part[i];
    });
  });
}

int32_t duet_prepare_input(duet_team *team, int32_t batch, int32_t channels, int32_t stored_height, int32_t stored_width, int32_t height,
                           int32_t width, const uint8_t *images, const int32_t *crops, const float *mean, const float *colour_shift,
                           float scale, float *output) noexcept {
  return guarded([&] {
    parallel_slices(team, int64_t{batch} * height, kRowsPerTask, [=](int64_t first_row, int64_t last_row) {
      for (int64_t row = first_row; row < last_row; row++) {
        const int64_t image = row / height;
        const Crop crop{crops[3 * image], crops[3 * image + 1], crops[3 * image + 2] != 0};
        const int64_t y = int64_t{crop.top} + row % height;
        float *to = output + row * width * channels;
        /* Columns first .. end - 1 of the crop, before it is turned round, lie on the image. */
        const bool inside = y >= 0 && y < stored_height;
        const int first = inside ? static_cast<int>(std::clamp<int64_t>(-int64_t{crop.left}, 0, width)) : 0;
        const int end = inside ? static_cast<int>(std::clamp<int64_t>(int64_t{stored_width} - crop.left, first, width)) : 0;
        std::fill(to, to + first * channels, 0.0f);
        if (first < end) {
          const int64_t at = (y * stored_width + crop.left + first) * channels;
          scaled(images + image * stored_height * stored_width * channels + at, mean + at,
                 colour_shift ? colour_shift + image * channels : nullptr, scale, channels, end - first, to + first * channels);
        }
        std::fill(to + end * channels, to + width * channels, 0.0f);
        if (crop.mirror) {
          for (int x = 0; x < width / 2; x++) std::swap_ranges(to + x * channels, to + (x + 1) * channels, to + (width - 1 - x) * channels);
        }
      }
    });
  });
}

int32_t duet_to_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *canonical,
                     float *output) noexcept {
  return guarded([&] {
    const int64_t area = int64_t{height} * width;
    parallel(team, batch, [=](int64_t image, int) {
      transpose(canonical + image * area * channels, area, channels, area, output + image * area * channels, channels);
    });
  });
}

int32_t duet_from_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *input,
                       float *canonical) noexcept {
  return guarded([&] {
    const int64_t area = int64_t{height} * width;
    parallel(team, batch, [=](int64_t image, int) {
      transpose(input + image * area * channels, channels, area, channels, canonical + image * area * channels, area);
    });
  });
}
}
