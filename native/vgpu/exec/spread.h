// How a warp's addresses lie relative to its first lane's. They are compared with the patterns that the instruction had last, the likeliest
// one first; only one that no instruction had is analysed.
#pragma once
#include "access.h"
#include <immintrin.h>

namespace vgpu {

// The pattern among those of all instructions, analysed if it is not there yet.
const Pattern *find_pattern(Worker &k, const int32_t *relative, uint32_t mask, uint32_t bytes);

inline __m256i eight(const void *from) { return _mm256_loadu_si256(static_cast<const __m256i *>(from)); }
inline __m256i four(const int32_t *from) { return _mm256_cvtepi32_epi64(_mm_load_si128(reinterpret_cast<const __m128i *>(from))); }
template <class A> [[gnu::always_inline]] inline bool fits(const Pattern *p, const Warp &w, uint32_t bytes, const A *address, A from) {
  if (p->mask != w.mask || p->bytes != bytes) return false;
  __m256i differs = _mm256_setzero_si256();
  const bool all = w.mask == kAll;
  if constexpr (sizeof(A) == 4) {
    const __m256i first = _mm256_set1_epi32(static_cast<int32_t>(from));
    for (int l = 0; l < kLanes; l += 8) {
      const __m256i d = _mm256_xor_si256(_mm256_sub_epi32(eight(address + l), first), eight(p->relative + l));
      differs = _mm256_or_si256(differs, all ? d : _mm256_and_si256(d, eight(w.lane + l)));
    }
  } else {
    const __m256i first = _mm256_set1_epi64x(static_cast<int64_t>(from));
    for (int l = 0; l < kLanes; l += 4) {
      const __m256i d = _mm256_xor_si256(_mm256_sub_epi64(eight(address + l), first), four(p->relative + l));
      differs = _mm256_or_si256(differs, all ? d : _mm256_and_si256(d, four(w.lane + l)));
    }
  }
  return _mm256_testz_si256(differs, differs);
}

template <class A> [[gnu::noinline]] const Pattern *other_pattern(Warp &w, AccessCache &c, const A *address, A from, uint32_t bytes) {
  for (uint8_t n = 0; n < kWays; ++n) {
    if (!fits(c.ways[n], w, bytes, address, from)) continue;
    c.follower[c.now] = n;
    c.now = n;
    return c.ways[n];
  }
  using S = std::make_signed_t<A>;
  alignas(32) int32_t r[kLanes];
  S far = 0;
#pragma GCC ivdep
  for (int l = 0; l < kLanes; ++l) {
    const S d = w.mask >> l & 1 ? static_cast<S>(address[l] - from) : 0;
    r[l] = static_cast<int32_t>(d);
    far |= d ^ static_cast<S>(r[l]);
  }
  if (far) return nullptr;
  const uint8_t place = c.oldest;
  c.oldest = static_cast<uint8_t>((place + 1) % kWays);
  c.follower[c.now] = place;
  c.now = c.follower[place] = place;
  return c.ways[place] = find_pattern(*w.worker, r, w.mask, bytes);
}

// The pattern of this access, null if the lanes are too far apart for 32-bit offsets.
template <class A> [[gnu::always_inline]] inline const Pattern *spread(Warp &w, AccessCache &c, const A *address, uint32_t bytes) {
  const A from = address[first_lane(w)];
  const uint8_t likely = c.follower[c.now];
  const Pattern *p = c.ways[likely];
  if (__builtin_expect(fits(p, w, bytes, address, from), 1)) c.now = likely;
  else p = other_pattern(w, c, address, from, bytes);
  return c.pattern = p;
}

// Lanes that always lie alike (ptx/shapes.cpp): the pattern that this warp had when it first came here. Another set of active lanes has
// another one.
const Pattern *keep_arrangement(Worker &k, const Pattern *p, const Pattern *&place);
template <class A>
[[gnu::always_inline]] inline const Pattern *spread(Warp &w, AccessCache &c, const A *address, uint32_t bytes, uint32_t arrangement) {
  if (!arrangement || !w.arranged) return spread(w, c, address, bytes);
  const Pattern *&known = w.arranged[arrangement - 1];
  if (__builtin_expect(known->mask == w.mask, 1)) {
#if defined(DUET_SANITIZER)
    if (!fits(known, w, bytes, address, address[first_lane(w)])) __builtin_trap();
#endif
    return c.pattern = known;
  }
  const Pattern *p = spread(w, c, address, bytes);
  return c.pattern = p ? keep_arrangement(*w.worker, p, known) : p;
}

// The same, and the first active lane's address.
inline bool spread(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, uint64_t &base) {
  const bool wide = i.flags & kWideAddress;
  const auto *narrow_address = static_cast<const uint32_t *>(address_register);
  const auto *wide_address = static_cast<const uint64_t *>(address_register);
  base = (wide ? wide_address[first_lane(w)] : narrow_address[first_lane(w)]) + static_cast<uint64_t>(i.immediate);
  return wide ? spread(w, c, wide_address, i.bytes, i.arrangement) : spread(w, c, narrow_address, i.bytes, i.arrangement);
}

}  // namespace vgpu
