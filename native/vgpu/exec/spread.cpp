// The patterns that the lanes of memory instructions make.
#include "spread.h"
#include <algorithm>

namespace vgpu {
namespace {

// Distinct bytes in ascending runs, bank conflicts, ideal sectors.
void analyse(Pattern &c) {
  const uint32_t mask = c.mask;
  const int bytes = static_cast<int>(c.bytes);
  const int first = __builtin_ctz(mask);
  bool contiguous = mask == kAll, uniform = true;
  uint32_t alignment = 0;
  int32_t low = 0, high = 0;
  for (int l = 0; l < kLanes; ++l) {
    int32_t r = c.relative[l];
    contiguous &= r == l * bytes;
    uniform &= r == 0;
    alignment |= static_cast<uint32_t>(r);
    low = std::min(low, r);
    high = std::max(high, r);
  }
  const int32_t *const r = c.relative;
  auto repeats = [&](int period) { return mask == kAll && std::equal(r + period, r + kLanes, r); };
  c.period = repeats(8) ? 8 : repeats(16) ? 16 : kLanes;
  c.octets = mask == kAll;
  for (int l = 0; l < kLanes; ++l) c.octets &= r[l] == r[l & ~7];
  for (auto &pieces : c.pieces) pieces.reset();
  c.contiguous = contiguous;
  c.uniform = uniform;
  c.alignment = alignment;
  c.low = low;
  c.high = high + bytes;
  int32_t sorted[kLanes];
  int n = 0;
  bool ascending = true;
  for (uint32_t m = mask; m; m &= m - 1) {
    sorted[n] = c.relative[__builtin_ctz(m)];
    ascending &= n == 0 || sorted[n] >= sorted[n - 1];
    ++n;
  }
  if (!ascending) std::sort(sorted, sorted + n);
  c.run_count = 0;
  c.overlapping = false;
  uint32_t distinct = 0;
  for (int k = 0; k < n; ++k) {
    Run *last = c.run_count ? &c.runs[c.run_count - 1] : nullptr;
    if (last && sorted[k] < last->offset + last->bytes) {
      c.overlapping = true;
      int32_t more = sorted[k] + bytes - (last->offset + last->bytes);
      if (more > 0) last->bytes += more, distinct += more;
    } else if (last && sorted[k] == last->offset + last->bytes) {
      last->bytes += bytes;
      distinct += bytes;
    } else {
      c.runs[c.run_count++] = {sorted[k], bytes};
      distinct += bytes;
    }
  }
  c.sectors_ideal = (distinct + 31) / 32;
  std::fill(std::begin(c.sectors), std::end(c.sectors), 0);
  // Shared memory serves 32 banks of 4 bytes at a time; 8-byte accesses go by half warps, 16-byte ones by quarters.
  c.wavefronts = c.wavefronts_ideal = 0;
  const int group = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  const int words = std::max(1, bytes / 4);
  for (int g = 0; g < kLanes; g += group) {
    int32_t seen[kLanes][16];
    int used[kLanes] = {};
    int total = 0;
    for (int l = g; l < g + group; ++l) {
      if (!(mask >> l & 1)) continue;
      for (int k = 0; k < words; ++k) {
        int32_t word = ((c.relative[l] - c.relative[first]) >> 2) + k;
        int bank = word & 31;
        if (std::find(seen[bank], seen[bank] + std::min(used[bank], 16), word) != seen[bank] + std::min(used[bank], 16)) continue;
        if (used[bank] < 16) seen[bank][used[bank]] = word;
        ++used[bank];
        ++total;
      }
    }
    if (!total) continue;
    c.wavefronts += *std::max_element(used, used + kLanes);
    c.wavefronts_ideal += (total + 31) / 32;
  }
}

constexpr uint32_t kPatterns = 256;
uint32_t hash(const int32_t *relative, uint32_t mask, uint32_t bytes) {
  uint32_t h = mask * 0x9e3779b1u + bytes, factor = 0x85ebca6bu;
  for (int l = 1; l < kLanes; ++l, factor += 0xc2b2ae36u) h += static_cast<uint32_t>(relative[l]) * factor;
  h ^= h >> 15;
  return (h * 0x2c1b3c6du >> 20) % kPatterns;
}

}  // namespace

const Pattern *find_pattern(Worker &k, const int32_t *relative, uint32_t mask, uint32_t bytes) {
  if (k.patterns.empty()) k.patterns.resize(kPatterns);
  std::unique_ptr<Pattern> &place = k.patterns[hash(relative, mask, bytes)];
  if (!place) place = std::make_unique<Pattern>();
  Pattern &p = *place;
  if (p.mask == mask && p.bytes == bytes && std::memcmp(p.relative, relative, sizeof p.relative) == 0) return &p;
  std::memcpy(p.relative, relative, sizeof p.relative);
  p.mask = mask;
  p.bytes = bytes;
  analyse(p);
  return &p;
}

// The table gives up patterns for new ones, so what is to last is copied, once for all warps and instructions that have it. Most lanes win:
// an access that goes lane by lane once should not be the one to be remembered.
const Pattern *keep_arrangement(Worker &k, const Pattern *p, const Pattern *&place) {
  if (__builtin_popcount(p->mask) <= __builtin_popcount(place->mask)) return p;
  for (const auto &kept : k.kept_patterns)
    if (kept->mask == p->mask && kept->bytes == p->bytes && !std::memcmp(kept->relative, p->relative, sizeof p->relative))
      return place = kept.get();
  auto kept = std::make_unique<Pattern>();
  std::copy(std::begin(p->relative), std::end(p->relative), kept->relative);
  kept->mask = p->mask;
  kept->bytes = p->bytes;
  analyse(*kept);
  k.kept_patterns.push_back(std::move(kept));
  return place = k.kept_patterns.back().get();
}

}  // namespace vgpu
