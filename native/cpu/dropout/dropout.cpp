/* Dropout recomputes its mask: bits are a function of (seed, purpose, step, element), Philox 4x32-10. */
#include "runtime/interface.h"
#include "runtime/team.h"
#include "runtime/tail.h"

using namespace duet;

namespace {

/* Philox blocks made side by side, two vectors at a time because a multiplication takes a while. */
constexpr int kBits = 1024;

/* Words in 64 bits each, where their products fit. */
typedef uint64_t Words __attribute__((vector_size(kVectorWidth * 4)));
constexpr int kWords = kVectorWidth / 2;
constexpr int kLanes = 2 * kWords;

/* Four words of kWords blocks. */
struct Counters {
  Words c0, c1, c2, c3;

  void round(uint32_t k0, uint32_t k1) {
    const Words p0 = c0 * uint64_t{0xD2511F53u}, p1 = c2 * uint64_t{0xCD9E8D57u};
    c0 = (p1 >> 32) ^ c1 ^ uint64_t { k0 };
    c1 = p1 & kWord;
    c2 = (p0 >> 32) ^ c3 ^ uint64_t { k1 };
    c3 = p0 & kWord;
  }
  void store(uint32_t *words) const {
    for (int i = 0; i < kWords; i++) {
      words[4 * i] = static_cast<uint32_t>(c0[i]);
      words[4 * i + 1] = static_cast<uint32_t>(c1[i]);
      words[4 * i + 2] = static_cast<uint32_t>(c2[i]);
      words[4 * i + 3] = static_cast<uint32_t>(c3[i]);
    }
  }
  static constexpr uint64_t kWord = 0xFFFFFFFFu;
};

struct Philox {
  uint64_t seed;
  uint32_t purpose;
  uint64_t step;

  Counters counters(uint64_t first) const {
    Words block;
    for (int i = 0; i < kWords; i++) block[i] = first + i;
    return {block & Counters::kWord, ((block >> 32 << 16) ^ uint64_t{purpose}) & Counters::kWord, Words{} + (step & Counters::kWord),
            Words{} + (step >> 32)};
  }

  /* Words of blocks first .. first + kLanes - 1, four each, in order. */
  void blocks(uint64_t first, uint32_t *words) const {
    Counters one = counters(first), other = counters(first + kWords);
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
      one.round(k0, k1);
      other.round(k0, k1);
    }
    one.store(words);
    other.store(words + 4 * kWords);
  }

  /* The bits of `count` (at most kBits) elements; returns where in `words` they begin. */
  const uint32_t *bits(uint64_t element, int count, uint32_t *words) const {
    const uint64_t first = element / 4, end = (element + count + 3) / 4;
    for (uint64_t block = first; block < end; block += kLanes) blocks(block, words + 4 * (block - first));
    return words + element % 4;
  }
};

/* A select, not a branch: half of the branches would be guessed wrong. */
inline Vector kept(const uint32_t *bits, uint32_t threshold, Vector value) {
  typedef uint32_t Unsigned __attribute__((vector_size(kVectorWidth * 4)));
  Unsigned drawn;
  std::memcpy(&drawn, bits, sizeof drawn);
  return drawn >= threshold ? value : Vector{};
}

}  // namespace

extern "C" int32_t duet_dropout(duet_team *team, int32_t batch, int32_t channels, int32_t height, int32_t width, int32_t first_image,
                                int32_t total_channels, int32_t first_channel, int32_t total_height, int32_t first_row, uint64_t seed,
                                uint32_t purpose, uint64_t step, uint32_t threshold, float scale, const float *input,
                                float *output) noexcept {
  return guarded([&] {
    const Philox philox{seed, purpose, step};
    const int64_t area = int64_t{height} * width;
    /* Elements with consecutive numbers: the channels of an image where the whole layer has one pixel, else the pixels of one channel. */
    const bool is_pixel = area == 1 && total_height == 1;
    const int64_t runs = is_pixel ? batch : int64_t{batch} * channels;
    const int64_t length = is_pixel ? channels : area;
    const int64_t stride = is_pixel ? 1 : channels;
    parallel(team, runs, [&](int64_t run, int) {
      alignas(64) uint32_t words[kBits + 8 * kLanes];
      const int64_t image = is_pixel ? run : run / channels, channel = is_pixel ? 0 : run % channels;
      const uint64_t map = (static_cast<uint64_t>(first_image) + image) * total_channels + first_channel + channel;
      const uint64_t element = (map * total_height + first_row) * width;
      const int64_t at = image * channels * area + channel;
      for (int64_t first = 0; first < length; first += kBits) {
        const int count = static_cast<int>(std::min<int64_t>(kBits, length - first));
        const uint32_t *bits = philox.bits(element + first, count, words);
        const float *from = input + at + first * stride;
        float *to = output + at + first * stride;
        if (stride == 1) {
          each_vector(count,
                      [&](int i, auto part) { store_count(to + i, kept(bits + i, threshold, load_count(from + i, part) * scale), part); });
        } else {
          for (int i = 0; i < count; i++) to[i * stride] = bits[i] >= threshold ? from[i * stride] * scale : 0;
        }
      }
    });
  });
}
