// Loads and stores of all spaces.
#include "spread.h"

namespace vgpu {
namespace {

template <Space space> uint8_t *resolve(const Instruction &i, Warp &w, AccessCache &c, const void *a, Intent intent) {
  if constexpr (space == Space::shared) return resolve_shared(i, w, c, a, intent);
  else return resolve_global(i, w, c, a, intent);
}

// Vectors of 16 bytes from eight lanes as eight lanes of four registers.
struct Octet {
  __m256 d[4];
};
inline Octet transpose_octet(const uint8_t *p, const int32_t *r) {
  auto pair = [=](int l) {
    const __m128 low = _mm_loadu_ps(reinterpret_cast<const float *>(p + r[l]));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), _mm_loadu_ps(reinterpret_cast<const float *>(p + r[l + 4])), 1);
  };
  const __m256 a = pair(0), b = pair(1), c = pair(2), d = pair(3);
  const __m256 ab = _mm256_unpacklo_ps(a, b), ab2 = _mm256_unpackhi_ps(a, b), cd = _mm256_unpacklo_ps(c, d), cd2 = _mm256_unpackhi_ps(c, d);
  return {{_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee), _mm256_shuffle_ps(ab2, cd2, 0x44),
           _mm256_shuffle_ps(ab2, cd2, 0xee)}};
}
// Products read a row for many lanes: the addresses are few, and come again every 8 or 16 lanes or stay for 8.
inline void transpose_load(const uint8_t *p, const Pattern &pattern, float *const to[4]) {
  const int32_t *r = pattern.relative;
  if (pattern.octets) {
    for (int l = 0; l < kLanes; l += 8)
      for (int n = 0; n < 4; ++n) _mm256_store_ps(to[n] + l, _mm256_broadcast_ss(reinterpret_cast<const float *>(p + r[l]) + n));
    return;
  }
  for (int l = 0; l < pattern.period; l += 8) {
    const Octet octet = transpose_octet(p, r + l);
    for (int at = l; at < kLanes; at += pattern.period)
      for (int n = 0; n < 4; ++n) _mm256_store_ps(to[n] + at, octet.d[n]);
  }
}
inline void transpose_store(uint8_t *p, const int32_t *r, const float *s0, const float *s1, const float *s2, const float *s3) {
  for (int l = 0; l < kLanes; l += 4) {
    __m128 a = _mm_load_ps(s0 + l), b = _mm_load_ps(s1 + l), c = _mm_load_ps(s2 + l), d = _mm_load_ps(s3 + l);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(reinterpret_cast<float *>(p + r[l]), a);
    _mm_storeu_ps(reinterpret_cast<float *>(p + r[l + 1]), b);
    _mm_storeu_ps(reinterpret_cast<float *>(p + r[l + 2]), c);
    _mm_storeu_ps(reinterpret_cast<float *>(p + r[l + 3]), d);
  }
}

template <class R> [[gnu::noinline]] void write_same(Warp &w, uint32_t to, R value) {
  write_lanes<R>(w, to, [=](int) { return value; });
}

// M: type in memory; R: type of the register, as wide or wider; N: elements. Operands: N destinations, address.
template <class M, class R, int N>
[[gnu::always_inline]] inline void take(const Instruction &i, Warp &w, const uint8_t *p, const Pattern &pattern) {
  if (pattern.uniform) {
    for (int n = 0; n < N; ++n) {
      M v;
      std::memcpy(&v, p + n * sizeof(M), sizeof(M));
      write_same(w, i.o[n], static_cast<R>(v));
    }
    return;
  }
  if constexpr (N == 1) {
    if (pattern.contiguous) {
      const M *m = reinterpret_cast<const M *>(p);
      write_lanes<R>(w, i.o[0], [=](int l) { return static_cast<R>(m[l]); });
      return;
    }
  }
  if constexpr (N == 4 && sizeof(M) == 4) {
    if (w.mask == kAll) {
      float *const to[4] = {w.at<float>(i.o[0]), w.at<float>(i.o[1]), w.at<float>(i.o[2]), w.at<float>(i.o[3])};
      return transpose_load(p, pattern, to);
    }
  }
  // Inactive lanes have the offset 0 and read what the first active lane reads.
  const int32_t *r = pattern.relative;
  for (int n = 0; n < N; ++n)
    write_lanes<R>(w, i.o[n], [=](int l) { return static_cast<R>(*reinterpret_cast<const M *>(p + r[l] + n * sizeof(M))); });
}
template <Space space, class M, class R, int N> void load(const Instruction &i, Warp &w) {
  AccessCache &c = w.worker->caches[i.cache];
  const uint8_t *p = resolve<space>(i, w, c, w.at<uint8_t>(i.o[N]), Intent::load);
  if (__builtin_expect(!p, 0)) return one_by_one(w, [&] { load<space, M, R, N>(i, w); });
  take<M, R, N>(i, w, p, *c.pattern);
}
// The lanes of all of them lie alike, as the addresses differ by constants.
template <class M, class R, int N> void load_row(const Instruction &first, Warp &w) {
  AccessCache &c = w.worker->caches[first.cache];
  const Instruction *i = &first, *const end = i + first.length;
  uint64_t base;
  if (__builtin_expect(spread(first, w, c, w.at<uint8_t>(first.o[N]), base), 1)) {
    const Pattern &pattern = *c.pattern;
    for (; i != end; ++i) {
      const uint64_t at = base + static_cast<uint64_t>(i->immediate - first.immediate);
      const uint8_t *p = resolve_shared_load(*i, w, pattern, at);
      if (__builtin_expect(!p, 0)) break;
      take<M, R, N>(*i, w, p, pattern);
    }
  }
  for (; i != end; ++i) load<Space::shared, M, R, N>(*i, w);
}

// Lanes that write different values to one address of shared memory in one instruction: which one stays is not defined.
[[gnu::noinline]] void conflict(const Instruction &i, Warp &w, int lane, int other) {
  if (w.worker->seen(FindingKind::shared_race, i)) return;
  w.worker->finding(
      FindingKind::shared_race, i, w, lane,
      "writes another value to the same shared address as lane " + std::to_string(other) + " of its warp in the same instruction");
}
template <class M, class R, int N> void check_conflict(const Instruction &i, Warp &w, const AccessCache &c) {
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    for (uint32_t e = w.mask & ((1u << l) - 1); e; e &= e - 1) {
      int f = __builtin_ctz(e);
      if (c.pattern->relative[f] != c.pattern->relative[l]) continue;
      for (int n = 0; n < N; ++n) {
        const R *s = w.at<R>(i.o[1 + n]);
        const M a = static_cast<M>(s[l]), b = static_cast<M>(s[f]);
        if (std::memcmp(&a, &b, sizeof(M)) != 0) return conflict(i, w, l, f);
      }
    }
  }
}

// Operands: address, N sources.
template <Space space, class M, class R, int N> void store(const Instruction &i, Warp &w) {
  AccessCache &c = w.worker->caches[i.cache];
  uint8_t *p = resolve<space>(i, w, c, w.at<uint8_t>(i.o[0]), Intent::store);
  if (__builtin_expect(!p, 0)) return one_by_one(w, [&] { store<space, M, R, N>(i, w); });
  if constexpr (space == Space::shared) {
    if (__builtin_expect(c.pattern->overlapping, 0) && w.worker->settings.races) check_conflict<M, R, N>(i, w, c);
  }
  if constexpr (N == 1) {
    if (c.pattern->contiguous) {
      M *m = reinterpret_cast<M *>(p);
      const R *s = w.at<R>(i.o[1]);
#pragma GCC ivdep
      for (int l = 0; l < kLanes; ++l) m[l] = static_cast<M>(s[l]);
      return;
    }
  }
  if constexpr (N == 4 && sizeof(M) == 4) {
    if (w.mask == kAll)
      return transpose_store(p, c.pattern->relative, w.at<float>(i.o[1]), w.at<float>(i.o[2]), w.at<float>(i.o[3]), w.at<float>(i.o[4]));
  }
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    for (int n = 0; n < N; ++n) {
      const M v = static_cast<M>(w.at<R>(i.o[1 + n])[l]);
      std::memcpy(p + c.pattern->relative[l] + n * sizeof(M), &v, sizeof(M));
    }
  }
}

// ---- local memory and parameters: lane by lane ------------------------------------------------------------------------------
inline uint64_t lane_address(const Instruction &i, const Warp &w, uint32_t at, int l) {
  return (i.flags & kWideAddress ? w.at<uint64_t>(at)[l] : w.at<uint32_t>(at)[l]) + static_cast<uint64_t>(i.immediate);
}

uint8_t *local_place(const Instruction &i, Warp &w, uint64_t address, int l, const char *verb) {
  Worker &k = *w.worker;
  const uint64_t size = k.kernel.local_bytes;
  address &= kLocalWindow - 1;
  if (address > size || i.bytes > size - address)
    k.fault(FindingKind::out_of_bounds, i, w, l,
            std::string(verb) + std::to_string(i.bytes) + " bytes at local address " + hex(address) + "; the thread has " +
                std::to_string(size) + " bytes of local memory");
  if ((address & (i.bytes - 1)) && k.settings.bounds)
    k.fault(FindingKind::misaligned, i, w, l, std::string(verb) + std::to_string(i.bytes) + " bytes at local address " + hex(address));
  return w.local + l * size + address;
}

template <class M, class R, int N> void load_local(const Instruction &i, Warp &w) {
  uint64_t address[kLanes];
  for (uint32_t m = w.mask; m; m &= m - 1) address[__builtin_ctz(m)] = lane_address(i, w, i.o[N], __builtin_ctz(m));
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    const uint8_t *p = local_place(i, w, address[l], l, "reads ");
    for (int n = 0; n < N; ++n) {
      M v;
      std::memcpy(&v, p + n * sizeof(M), sizeof(M));
      w.at<R>(i.o[n])[l] = static_cast<R>(v);
    }
  }
}
template <class M, class R, int N> void store_local(const Instruction &i, Warp &w) {
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    uint8_t *p = local_place(i, w, lane_address(i, w, i.o[0], l), l, "writes ");
    for (int n = 0; n < N; ++n) {
      const M v = static_cast<M>(w.at<R>(i.o[1 + n])[l]);
      std::memcpy(p + n * sizeof(M), &v, sizeof(M));
    }
  }
}

// Offsets in the parameters, checked; the lanes to read for: all, or the first one if all have the same offset.
[[gnu::noinline]] uint32_t parameter_offsets(const Instruction &i, Warp &w, uint32_t at, uint64_t *offset) {
  const uint64_t size = w.worker->launch.launch.arguments.size();
  const int first = first_lane(w);
  if (i.arrangement) {  // of lanes with one address
    offset[first] = lane_address(i, w, at, first) & (kLocalWindow / 2 - 1);
    if (offset[first] <= size && i.bytes <= size - offset[first]) return 1u << first;
  }
  bool same = true;
  for (int l = 0; l < kLanes; ++l) offset[l] = lane_address(i, w, at, l) & (kLocalWindow / 2 - 1);
  for (uint32_t m = w.mask; m; m &= m - 1) same &= offset[__builtin_ctz(m)] == offset[first];
  const uint32_t lanes = same ? w.mask & -w.mask : w.mask;
  for (uint32_t m = lanes; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    if (offset[l] > size || i.bytes > size - offset[l])
      w.worker->fault(FindingKind::out_of_bounds, i, w, l,
                      "reads " + std::to_string(i.bytes) + " bytes at offset " + std::to_string(offset[l]) + " of " + std::to_string(size) +
                          " bytes of parameters");
  }
  return lanes;
}

template <class M, class R, int N> void load_parameter(const Instruction &i, Warp &w) {
  const uint8_t *arguments = w.worker->launch.launch.arguments.data();
  uint64_t offset[kLanes];
  const uint32_t lanes = parameter_offsets(i, w, i.o[N], offset);
  for (uint32_t m = lanes; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    for (int n = 0; n < N; ++n) {
      M v;
      std::memcpy(&v, arguments + offset[l] + n * sizeof(M), sizeof(M));
      const R r = static_cast<R>(v);
      if (lanes != w.mask) write_same(w, i.o[n], r);
      else w.at<R>(i.o[n])[l] = r;
    }
  }
}

// ---- generic addresses: by window -------------------------------------------------------------------------------------------
// Runs the handler of the space that the lanes' addresses lie in; lanes of several spaces go one space after the other.
void by_window(const Instruction &i, Warp &w, uint32_t at, Handler global, Handler shared, Handler local, Handler parameter) {
  const uint64_t *a = w.at<uint64_t>(at);
  uint32_t masks[4] = {};
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    uint64_t window = (a[l] + static_cast<uint64_t>(i.immediate)) >> 56;
    masks[window < 4 ? window : 0] |= 1u << l;
  }
  const uint32_t all = w.mask;
  if (masks[0]) w.set_mask(masks[0]), global(i, w);
  if (masks[1]) {
    w.set_mask(masks[1]);
    Instruction moved = i;
    moved.immediate -= static_cast<int64_t>(kSharedWindow);
    shared(moved, w);
  }
  if (masks[2]) w.set_mask(masks[2]), local(i, w);
  if (masks[3]) w.set_mask(masks[3]), parameter(i, w);
  w.set_mask(all);
}
template <class M, class R, int N> void load_generic(const Instruction &i, Warp &w) {
  by_window(i, w, i.o[N], load<Space::global, M, R, N>, load<Space::shared, M, R, N>, load_local<M, R, N>, load_parameter<M, R, N>);
}
template <class M, class R, int N> void store_generic(const Instruction &i, Warp &w) {
  by_window(i, w, i.o[0], store<Space::global, M, R, N>, store<Space::shared, M, R, N>, store_local<M, R, N>,
            store<Space::global, M, R, N>);
}

template <class M, class R, int N> Handler load_in(Space space) {
  switch (space) {
    case Space::global:
    case Space::constant: return load<Space::global, M, R, N>;
    case Space::shared: return load<Space::shared, M, R, N>;
    case Space::local: return load_local<M, R, N>;
    case Space::param: return load_parameter<M, R, N>;
    default: return load_generic<M, R, N>;
  }
}
template <class M, class R, int N> Handler store_in(Space space) {
  switch (space) {
    case Space::global: return store<Space::global, M, R, N>;
    case Space::shared: return store<Space::shared, M, R, N>;
    case Space::local: return store_local<M, R, N>;
    case Space::none: return store_generic<M, R, N>;
    default: return nullptr;
  }
}
template <class M, class R> Handler load_count(Space space, int count) {
  if constexpr (sizeof(M) == sizeof(R) || sizeof(M) == 1) {
    if (count == 2) return load_in<M, R, 2>(space);
    if (count == 4) return load_in<M, R, 4>(space);
  }
  return count == 1 ? load_in<M, R, 1>(space) : nullptr;
}
template <class M, class R> Handler store_count(Space space, int count) {
  if constexpr (sizeof(M) == sizeof(R) || sizeof(M) == 1) {
    if (count == 2) return store_in<M, R, 2>(space);
    if (count == 4) return store_in<M, R, 4>(space);
  }
  return count == 1 ? store_in<M, R, 1>(space) : nullptr;
}

template <class S, class U> Handler load_register(Space space, bool is_signed, int bytes, int count) {
  if (bytes == sizeof(U)) return load_count<U, U>(space, count);
  if constexpr (sizeof(U) < 8)
    if (bytes == 8) return is_signed ? load_count<S, int64_t>(space, count) : load_count<U, uint64_t>(space, count);
  if constexpr (sizeof(U) < 4)
    if (bytes == 4) return is_signed ? load_count<S, int32_t>(space, count) : load_count<U, uint32_t>(space, count);
  if constexpr (sizeof(U) < 2)
    if (bytes == 2) return is_signed ? load_count<S, int16_t>(space, count) : load_count<U, uint16_t>(space, count);
  return nullptr;
}
template <class U> Handler store_register(Space space, int bytes, int count) {
  if (bytes == sizeof(U)) return store_count<U, U>(space, count);
  if constexpr (sizeof(U) < 8)
    if (bytes == 8) return store_count<U, uint64_t>(space, count);
  if constexpr (sizeof(U) < 4)
    if (bytes == 4) return store_count<U, uint32_t>(space, count);
  if constexpr (sizeof(U) < 2)
    if (bytes == 2) return store_count<U, uint16_t>(space, count);
  return nullptr;
}

}  // namespace

Handler load_row_handler(Handler one) {
  if (one == load<Space::shared, uint32_t, uint32_t, 1>) return load_row<uint32_t, uint32_t, 1>;
  if (one == load<Space::shared, uint32_t, uint32_t, 2>) return load_row<uint32_t, uint32_t, 2>;
  if (one == load<Space::shared, uint32_t, uint32_t, 4>) return load_row<uint32_t, uint32_t, 4>;
  return nullptr;
}

Handler load_handler(Space space, int bytes, bool is_signed, int register_bytes, int count) {
  switch (bytes) {
    case 1: return load_register<int8_t, uint8_t>(space, is_signed, register_bytes, count);
    case 2: return load_register<int16_t, uint16_t>(space, is_signed, register_bytes, count);
    case 4: return load_register<int32_t, uint32_t>(space, is_signed, register_bytes, count);
    default: return load_register<int64_t, uint64_t>(space, is_signed, register_bytes, count);
  }
}

Handler store_handler(Space space, int bytes, int register_bytes, int count) {
  switch (bytes) {
    case 1: return store_register<uint8_t>(space, register_bytes, count);
    case 2: return store_register<uint16_t>(space, register_bytes, count);
    case 4: return store_register<uint32_t>(space, register_bytes, count);
    default: return store_register<uint64_t>(space, register_bytes, count);
  }
}

}  // namespace vgpu
