/* As norm_pool_backward, of bf16 maps. A thread owns eight channels of a 2 x 2 block of input pixels; groups of channels lie whole in a
   warp (response_norm/warp.cuh), so that the pixels are done one after the other without a barrier, and only what was read is kept. */
#include "response_norm/warp.cuh"

extern "C" __global__ void __launch_bounds__(128, 5) norm_pool_backward_bf16(const __grid_constant__ duet_norm_pool p) {
  using namespace duet;
  using namespace duet::response_norm;
  const uint32_t channels = p.channels;
  const Lane lane(p.group, blockIdx.x);
  const bool active = lane.used && lane.vector < p.count; /* all of a group or none of it */
  uint32_t image = lane.vector;
  const uint32_t c = split(image, p.channel_vectors);
  const int j = static_cast<int>(split(image, p.blocks_across)), i = static_cast<int>(split(image, p.blocks_down));

  Pairs<8> pooled[4] = {}; /* of windows (i - 1, j - 1), (i - 1, j), (i, j - 1), (i, j); 0 for those that are not there */
  Bytes<8> winners[4] = {};
#pragma unroll
  for (int window = 0; window < 4; window++) {
    const int y = i - 1 + window / 2, x = j - 1 + window % 2;
    if (!active || y < 0 || x < 0 || y >= p.output_height || x >= p.output_width) continue;
    const uint32_t at = ((image * p.output_height + y) * p.output_width + x) * channels + c;
    winners[window] = load_bytes<8>(p.winners, at);
    pooled[window] = load_pairs<8>(global<const bf16>(p.output), at);
  }

  const uint32_t corner = ((image * p.height + 2 * i) * p.width + 2 * j) * channels + c;
  const bool below = 2 * i + 1 < p.height, right = 2 * j + 1 < p.width;
  Pairs<8> a[4] = {};
#pragma unroll
  for (int pixel = 0; pixel < 4; pixel++) {
    if (!active || (pixel / 2 && !below) || (pixel % 2 && !right)) continue;
    a[pixel] = load_pairs<8>(global<const bf16>(p.input), corner + (pixel / 2 * p.width + pixel % 2) * channels);
  }

#pragma unroll
  for (int pixel = 0; pixel < 4; pixel++) {
    Values<8> db = {};
#pragma unroll
    for (int window = 0; window < 4; window++) {
      const int row = pixel / 2 + 2 - window / 2 * 2, column = pixel % 2 + 2 - window % 2 * 2; /* in the window */
      if (row > 2 || column > 2) continue;
      const Values<8> gradient = widen(pooled[window]);
#pragma unroll
      for (int n = 0; n < 8; n++) db.v[n] += winners[window].equals(n, row * 3 + column) ? gradient.v[n] : 0;
    }
    /* Rounded as if it had been stored between the two passes. */
    const Values<8> da = gradient(span(a[pixel], lane), widen(round_bf16(db)), p.alpha, p.k, p.relu, lane);
    if (!active || (pixel / 2 && !below) || (pixel % 2 && !right)) continue;
    store<8>(global<bf16>(p.input_gradient), corner + (pixel / 2 * p.width + pixel % 2) * channels, da);
  }
}
