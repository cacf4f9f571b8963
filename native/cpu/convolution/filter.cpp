#include "convolution/geometry.h"
#include "runtime/team.h"
#include "winograd/winograd.h"
#include <cstring>

namespace duet {

void PaddedImage::copy_row(const float *from, int from_pixel, int y, float *to) const {
  const size_t row_floats = size_t(padded_width) * channels;
  if (y < top || y - top >= height) {
    std::memset(to, 0, sizeof(float) * row_floats);
    return;
  }
  from += size_t(y - top) * width * from_pixel;
  const int columns = std::min(width, padded_width - left);
  const size_t before = size_t(left) * channels;
  const size_t inside = size_t(columns) * channels;
  std::memset(to, 0, sizeof(float) * before);
  if (from_pixel == channels) {
    std::memcpy(to + before, from, sizeof(float) * inside);
  } else {
    for (int x = 0; x < columns; x++) std::copy_n(from + size_t(x) * from_pixel, channels, to + before + size_t(x) * channels);
  }
  std::memset(to + before + inside, 0, sizeof(float) * (row_floats - before - inside));
}

void PaddedImage::copy(const float *from, int from_pixel, float *to) const {
  for (int y = 0; y < padded_height; y++) copy_row(from, from_pixel, y, to + ptrdiff_t{y} * padded_width * channels);
}

void ImageOperand<Pair>::copy(const float *from, Pair *to, float *space) const {
  for (int y = 0; y < padded.padded_height; y++) {
    padded.copy_row(from, padded.channels, y, space);
    round_along(space, this->space(), to + y * row());
  }
}

bool in_pairs(const duet_convolution &c, int operation) {
  if (c.precision == DUET_FP32) return false;
  /* Reading the weights takes more time than rounding the input. */
  if (is_fully_connected(c) && operation == DUET_FORWARD && c.batch <= kFewImages) return true;
  if (!wants_pairs(c)) return false;
  if (is_fully_connected(c)) return true;
  if (is_winograd(c, operation)) return winograd_in_pairs(c);
  switch (operation) {
    /* Where a window, and each pixel of it that is read by itself, begins with a new pair. */
    case DUET_FORWARD: return group_channels(c) % 2 == 0 || (c.groups == 1 && c.stride * c.channels % 2 == 0);
    case DUET_BACKWARD_DATA: return group_filters(c) % 2 == 0;
    /* These sum over pixels. */
    default: return true;
  }
}

PaddedImage padded_input(const duet_convolution &c) {
  return {c.channels,
          c.height,
          c.width,
          c.padding_top,
          c.padding,
          (c.output_height - 1) * c.stride + c.kernel_height,
          (c.output_width - 1) * c.stride + c.kernel_width};
}

int images_at_once(int batch, int64_t pixels, int64_t floats) {
  constexpr int64_t kPixels = 192;
  constexpr int64_t kFloats = 64 << 10;
  int64_t images = std::min(divide_up(kPixels, pixels), std::max<int64_t>(1, kFloats / std::max<int64_t>(1, floats)));
  return static_cast<int>(std::min<int64_t>(batch, images));
}

namespace {

/* Walks over canonical [out][in/groups][kh][kw] and its place in the packed filter: some taps of one filter, then the same of the next, so
 * that all of a cache line is used before it is evicted. Lines of different filters often evict each other, as their distance is a multiple
 * of 4 KiB where there are 1024 channels, or 256 with 6 x 6 places as in fc6. */
template <class Visit> void each_element(duet_team *team, const duet_convolution &c, Visit visit) {
  constexpr int kTaps = 64;
  const Blocks blocks{group_filters(c)};
  const int in = group_channels(c), area = c.kernel_height * c.kernel_width, all_taps = taps(c);
  parallel(team, int64_t{c.groups} * blocks.count(), [&](int64_t task, int) {
    const int group = static_cast<int>(task / blocks.count()), block = static_cast<int>(task % blocks.count());
    const int columns = blocks.columns(block), width = blocks.width(block);
    const int64_t packed = group * group_elements(c) + block_offset(all_taps, block);
    const int64_t canonical = (int64_t{group} * group_filters(c) + block * kBlock) * all_taps;
    int64_t rows[kTaps];
    for (int first = 0; first < all_taps; first += kTaps) {
      const int count = std::min(kTaps, all_taps - first);
      for (int i = 0; i < count; i++) {
        const int channel = (first + i) / area, place = (first + i) % area;
        rows[i] = packed + (int64_t{place} * in + channel) * width;
      }
      for (int column = 0; column < width; column++) {
        const int64_t from = canonical + int64_t{column} * all_taps + first;
        for (int i = 0; i < count; i++) visit(column < columns ? from + i : -1, rows[i] + column);
      }
    }
  });
}

}  // namespace
}  // namespace duet

using namespace duet;

extern "C" {

int32_t duet_convolution_precision(const duet_convolution *convolution, int32_t operation) noexcept {
  return in_pairs(*convolution, operation) ? DUET_BF16 : DUET_FP32;
}

int32_t duet_filter_block(void) noexcept { return kBlock; }

int64_t duet_filter_elements(const duet_convolution *convolution) noexcept { return convolution->groups * group_elements(*convolution); }

int32_t duet_filter_pack(duet_team *team, const duet_convolution *convolution, const float *canonical, float *packed) noexcept {
  return guarded([&] { each_element(team, *convolution, [=](int64_t from, int64_t to) { packed[to] = from < 0 ? 0 : canonical[from]; }); });
}

int32_t duet_filter_unpack(duet_team *team, const duet_convolution *convolution, const float *packed, float *canonical) noexcept {
  return guarded([&] {
    each_element(team, *convolution, [=](int64_t from, int64_t to) {
      if (from >= 0) canonical[from] = packed[to];
    });
  });
}
}
