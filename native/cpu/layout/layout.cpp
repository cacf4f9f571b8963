/* Copies that change the layout: channel slices, stored images to input, canonical from and to NHWC. */
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/transpose.h"
#include <cstring>

using namespace duet;

namespace {

constexpr int64_t kPixelsPerTask = 512;

struct Crop {
  int top, left;
  bool mirror;
};

}  // namespace

extern "C" {

void duet_copy_channels(duet_team *team, int64_t pixels, int32_t count, const float *from, int32_t from_channels, int32_t from_first,
                        float *to, int32_t to_channels, int32_t to_first) {
  parallel_slices(team, pixels, kPixelsPerTask, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      std::memcpy(to + i * to_channels + to_first, from + i * from_channels + from_first, sizeof(float) * count);
    }
  });
}

void duet_prepare_input(duet_team *team, int32_t batch, int32_t channels, int32_t stored_height, int32_t stored_width,
                        int32_t height, int32_t width, const uint8_t *images, const int32_t *crops, const float *mean,
                        const float *colour_shift, float scale, float *output) {
  parallel(team, int64_t{batch} * height, [=](int64_t task, int) {
    const int64_t image = task / height;
    const Crop crop{crops[3 * image], crops[3 * image + 1], crops[3 * image + 2] != 0};
    const int y = crop.top + static_cast<int>(task % height);
    float *to = output + task * width * channels;
    for (int x = 0; x < width; x++, to += channels) {
      const int from_x = crop.left + (crop.mirror ? width - 1 - x : x);
      const bool inside = y >= 0 && y < stored_height && from_x >= 0 && from_x < stored_width;
      const int64_t at = inside ? (int64_t{y} * stored_width + from_x) * channels : 0;
      const uint8_t *from = images + image * stored_height * stored_width * channels + at;
      for (int c = 0; c < channels; c++) {
        const float shift = colour_shift ? colour_shift[image * channels + c] : 0;
        to[c] = inside ? (from[c] - mean[at + c] + shift) * scale : 0;
      }
    }
  });
}

void duet_to_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *canonical, float *output) {
  const int64_t area = int64_t{height} * width;
  parallel(team, batch, [=](int64_t image, int) {
    transpose(canonical + image * area * channels, area, channels, area, output + image * area * channels, channels);
  });
}

void duet_from_nhwc(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, const float *input, float *canonical) {
  const int64_t area = int64_t{height} * width;
  parallel(team, batch, [=](int64_t image, int) {
    transpose(input + image * area * channels, channels, area, channels, canonical + image * area * channels, area);
  });
}
}
