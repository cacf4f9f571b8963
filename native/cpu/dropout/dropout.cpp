/* Dropout recomputes its mask: bits are a function of (seed, purpose, step, element), Philox 4x32-10. */
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/vector.h"

using namespace duet;

namespace {

/* Philox blocks made side by side, so that the loops become vectors. */
constexpr int kLanes = 16;
constexpr int kBits = 1024;

struct Philox {
  uint64_t seed;
  uint32_t purpose;
  uint64_t step;

  /* Words of blocks first .. first + kLanes - 1, four each, in order. */
  void blocks(uint64_t first, uint32_t *words) const {
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
    for (int i = 0; i < kLanes; i++) {
      const uint64_t block = first + i;
      c0[i] = static_cast<uint32_t>(block);
      c1[i] = purpose ^ (static_cast<uint32_t>(block >> 32) << 16);
      c2[i] = static_cast<uint32_t>(step);
      c3[i] = static_cast<uint32_t>(step >> 32);
    }
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
      for (int i = 0; i < kLanes; i++) {
        const uint64_t p0 = uint64_t{0xD2511F53u} * c0[i], p1 = uint64_t{0xCD9E8D57u} * c2[i];
        c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
        c1[i] = static_cast<uint32_t>(p1);
        c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
        c3[i] = static_cast<uint32_t>(p0);
      }
    }
    for (int i = 0; i < kLanes; i++) {
      words[4 * i] = c0[i];
      words[4 * i + 1] = c1[i];
      words[4 * i + 2] = c2[i];
      words[4 * i + 3] = c3[i];
    }
  }

  /* The bits of `count` (at most kBits) elements; returns where in `words` they begin. */
  const uint32_t *bits(uint64_t element, int count, uint32_t *words) const {
    const uint64_t first = element / 4, end = (element + count + 3) / 4;
    for (uint64_t block = first; block < end; block += kLanes) blocks(block, words + 4 * (block - first));
    return words + element % 4;
  }
};

}  // namespace

extern "C" void duet_dropout(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, int32_t total_channels,
                             int32_t first_channel, uint64_t seed, uint32_t purpose, uint64_t step, uint32_t threshold, float scale,
                             const float *input, float *output) {
  const Philox philox{seed, purpose, step};
  const int64_t area = int64_t{height} * width;
  /* Elements with consecutive numbers: the channels of an image without area, else the pixels of one channel. */
  const int64_t runs = area == 1 ? batch : int64_t{batch} * channels;
  const int64_t length = area == 1 ? channels : area;
  const int64_t stride = area == 1 ? 1 : channels;
  parallel(team, runs, [&](int64_t run, int) {
    alignas(64) uint32_t words[kBits + 8 * kLanes];
    const int64_t image = area == 1 ? run : run / channels, channel = area == 1 ? 0 : run % channels;
    const uint64_t element = (static_cast<uint64_t>(image) * total_channels + first_channel + channel) * area;
    const int64_t at = image * channels * area + channel;
    for (int64_t first = 0; first < length; first += kBits) {
      const int count = static_cast<int>(std::min<int64_t>(kBits, length - first));
      const uint32_t *bits = philox.bits(element + first, count, words);
      const float *from = input + at + first * stride;
      float *to = output + at + first * stride;
      for (int i = 0; i < count; i++) to[i * stride] = bits[i] >= threshold ? from[i * stride] * scale : 0;
    }
  });
}
