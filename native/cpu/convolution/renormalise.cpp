/* Filters whose root mean square is above a radius are scaled back to it (Zeiler and Fergus 2013, section 3). A task takes a block. */
#include "convolution/geometry.h"
#include "runtime/team.h"
#include <cmath>

using namespace duet;

extern "C" {

int32_t duet_filter_renormalise(duet_team *team, const duet_convolution *convolution, float radius, float *filter) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    const Blocks blocks{group_filters(c)};
    const int all_taps = taps(c);
    parallel(team, int64_t{c.groups} * blocks.count(), [&](int64_t task, int) {
      const int group = static_cast<int>(task / blocks.count()), block = static_cast<int>(task % blocks.count());
      const int width = blocks.width(block);
      float *from = filter + group * group_elements(c) + block_offset(all_taps, block);
      double sums[kBlock] = {};
      for (int tap = 0; tap < all_taps; tap++) {
        const float *row = from + int64_t{tap} * width;
        for (int i = 0; i < width; i++) sums[i] += double{row[i]} * row[i];
      }
      float factors[kBlock];
      bool any = false;
      for (int i = 0; i < width; i++) {
        const double rms = std::sqrt(sums[i] / all_taps);
        factors[i] = rms > radius ? static_cast<float>(radius / rms) : 1;
        any |= rms > radius;
      }
      for (int tap = 0; any && tap < all_taps; tap++) {
        float *row = from + int64_t{tap} * width;
        for (int i = 0; i < width; i++) row[i] *= factors[i];
      }
    });
  });
}
}
