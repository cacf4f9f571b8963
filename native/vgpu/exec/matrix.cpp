// ldmatrix, stmatrix and mma. A fragment's register is 8 x 8 values of 16 bits (or 8 x 4 of 32), four lanes a row, so that the 32 lanes of
// a register, side by side in the frame, are the matrix row by row.
#include "product.h"
#include "access.h"

namespace vgpu {

void need_all_lanes(const Instruction &i, Warp &w) {
  if (__builtin_expect(w.mask == kAll, 1) || !w.worker->settings.barriers || w.worker->seen(FindingKind::inactive_lanes, i)) return;
  w.worker->finding(FindingKind::inactive_lanes, i, w, first_lane(w),
                    "works on matrices of the whole warp, but lanes " + hex(~w.mask) + " are not active");
}

namespace {

// ---- ldmatrix ---------------------------------------------------------------------------------------------------------------
void transpose_words(uint8_t *m) {  // 8 x 8 of 16 bits
  auto *rows = reinterpret_cast<__m128i *>(m);
  __m128i a[8], b[8];
  for (int n = 0; n < 8; ++n) a[n] = _mm_load_si128(rows + n);
  for (int n = 0; n < 4; ++n) {
    b[2 * n] = _mm_unpacklo_epi16(a[n], a[n + 4]);
    b[2 * n + 1] = _mm_unpackhi_epi16(a[n], a[n + 4]);
  }
  for (int n = 0; n < 4; ++n) {
    a[2 * n] = _mm_unpacklo_epi16(b[n], b[n + 4]);
    a[2 * n + 1] = _mm_unpackhi_epi16(b[n], b[n + 4]);
  }
  for (int n = 0; n < 4; ++n) {
    _mm_store_si128(rows + 2 * n, _mm_unpacklo_epi16(a[n], a[n + 4]));
    _mm_store_si128(rows + 2 * n + 1, _mm_unpackhi_epi16(a[n], a[n + 4]));
  }
}

// Each row is an access of 16 bytes of the lane that gives its address: lanes 0 to 7 for the first matrix, and so on.
template <int count, bool transposed> void load_matrix(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  AccessCache &c = w.worker->caches[i.cache];
  constexpr uint32_t rows = count == 4 ? kAll : (1u << 8 * count % 32) - 1;
  const uint32_t all = w.mask, givers = all & rows;
  const void *addresses = w.at<uint8_t>(i.o[count]);
  alignas(32) uint8_t matrix[count][128];
  if (givers != rows) {
    for (int at = 0; at < count * 128; at += 4) {
      constexpr uint32_t pattern = 0x7fa5a5a5u;  // rows that no lane gives
      std::memcpy(matrix[0] + at, &pattern, 4);
    }
  }
  auto gather = [&] {
    const uint8_t *p = resolve_shared(i, w, c, addresses, Intent::load);
    if (!p) return false;
    for (uint32_t m = w.mask; m; m &= m - 1) {
      const int l = __builtin_ctz(m);
      std::memcpy(matrix[0] + 16 * l, p + c.pattern->relative[l], 16);
    }
    return true;
  };
  if (givers) {
    w.set_mask(givers);
    if (!gather()) one_by_one(w, [&] { gather(); });
    w.set_mask(all);
  }
  for (int n = 0; n < count; ++n) {
    if (transposed) transpose_words(matrix[n]);
    const auto *from = reinterpret_cast<const uint32_t *>(matrix[n]);
    write_lanes<uint32_t>(w, i.o[n], [=](int l) { return from[l]; });
  }
}

template <int count, bool transposed> void store_matrix(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  AccessCache &c = w.worker->caches[i.cache];
  constexpr uint32_t rows = count == 4 ? kAll : (1u << 8 * count % 32) - 1;
  const uint32_t all = w.mask, givers = all & rows;
  alignas(32) uint8_t matrix[count][128];
  for (int n = 0; n < count; ++n) {
    std::memcpy(matrix[n], w.at<uint8_t>(i.o[1 + n]), 128);
    if (transposed) transpose_words(matrix[n]);
  }
  auto scatter = [&] {
    uint8_t *p = resolve_shared(i, w, c, w.at<uint8_t>(i.o[0]), Intent::store);
    if (!p) return false;
    for (uint32_t m = w.mask; m; m &= m - 1) {
      const int l = __builtin_ctz(m);
      std::memcpy(p + c.pattern->relative[l], matrix[0] + 16 * l, 16);
    }
    return true;
  };
  if (!givers) return;
  w.set_mask(givers);
  const bool together = scatter();
  if (!together) one_by_one(w, [&] { scatter(); });
  if (together && c.pattern->overlapping && w.worker->settings.races && !w.worker->seen(FindingKind::shared_race, i))
    w.worker->finding(FindingKind::shared_race, i, w, first_lane(w), "writes rows that overlap");
  w.set_mask(all);
}

// ---- mma --------------------------------------------------------------------------------------------------------------------
inline __m128i row_of(const uint8_t *matrix, int row) { return _mm_load_si128(reinterpret_cast<const __m128i *>(matrix) + row); }

// Row `row` of a fragment's registers `first` and, for 8 values of 32 bits, `second`.
template <MatrixType type> inline __m256 eight(const uint8_t *first, const uint8_t *second, int row) {
  if constexpr (type == MatrixType::bf16) return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(row_of(first, row)), 16));
  if constexpr (type == MatrixType::f16) return _mm256_cvtph_ps(row_of(first, row));
  const __m128i high = second ? row_of(second, row) : _mm_setzero_si128();
  return _mm256_castsi256_ps(_mm256_and_si256(_mm256_set_m128i(high, row_of(first, row)), _mm256_set1_epi32(~0x1fff)));
}

// The exponents of 16 numbers of 16 bits, as put() has them.
template <MatrixType type> inline __m256i exponents(__m256i words) {
  constexpr bool half = type == MatrixType::f16;
  constexpr int bits = half ? 10 : 7, bias = half ? 15 : 127, least = half ? Half::kLeastExponent : Bfloat::kLeastExponent;
  const __m256i x = _mm256_and_si256(words, _mm256_set1_epi16(0x7fff)), field = _mm256_srli_epi16(x, bits);
  __m256i e = _mm256_max_epi16(_mm256_sub_epi16(field, _mm256_set1_epi16(bias)), _mm256_set1_epi16(least));
  e = _mm256_blendv_epi8(e, _mm256_set1_epi16(kInfiniteExponent), _mm256_cmpeq_epi16(field, _mm256_set1_epi16(2 * bias + 1)));
  return _mm256_blendv_epi8(e, _mm256_set1_epi16(kZeroExponent), _mm256_cmpeq_epi16(x, _mm256_setzero_si256()));
}

inline void transpose(__m256 *r) {
  __m256 t[8];
  for (int n = 0; n < 8; n += 2) {
    t[n] = _mm256_unpacklo_ps(r[n], r[n + 1]);
    t[n + 1] = _mm256_unpackhi_ps(r[n], r[n + 1]);
  }
  __m256 u[8];
  for (int n = 0; n < 8; n += 4) {
    u[n] = _mm256_shuffle_ps(t[n], t[n + 2], 0x44);
    u[n + 1] = _mm256_shuffle_ps(t[n], t[n + 2], 0xee);
    u[n + 2] = _mm256_shuffle_ps(t[n + 1], t[n + 3], 0x44);
    u[n + 3] = _mm256_shuffle_ps(t[n + 1], t[n + 3], 0xee);
  }
  for (int n = 0; n < 4; ++n) {
    r[n] = _mm256_permute2f128_ps(u[n], u[n + 4], 0x20);
    r[n + 4] = _mm256_permute2f128_ps(u[n], u[n + 4], 0x31);
  }
}

// The lower 13 bits of tf32 operands are ignored: a value that was not rounded is cut off, with twice the error.
void need_rounded(const Instruction &i, Warp &w, const uint8_t *const *registers, int count) {
  for (int n = 0; n < count; ++n) {
    const auto *r = reinterpret_cast<const uint32_t *>(registers[n]);
    for (uint32_t m = w.mask; m; m &= m - 1) {
      const int l = __builtin_ctz(m);
      if (!(r[l] & 0x1fff) || (r[l] & 0x7f800000u) == 0x7f800000u) continue;
      if (!w.worker->seen(FindingKind::unrounded_tf32, i))
        w.worker->finding(FindingKind::unrounded_tf32, i, w, l, "multiplies " + hex(r[l]) + ", which has not been rounded to tf32");
      return;
    }
  }
}

// A lane has two neighbouring columns of a row of fp32 sums, in two registers. So that a row is two loads, columns are kept in the order
// 0 2 4 6 1 3 5 7.
constexpr int kColumn[8] = {0, 2, 4, 6, 1, 3, 5, 7};

// Operands: 4 registers of sums (2 of pairs of fp16), those of a, of b, of the sums before.
template <MatrixType type, int K, bool half> void product(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  constexpr int sums = half ? 2 : 4, wide = type == MatrixType::tf32 ? 2 : 1, a_count = K * wide / 4;
  constexpr int groups = K <= 8 ? 1 : 2;  // of 8 columns of a
  const uint32_t *o = w.worker->kernel.operands(i);
  const uint8_t *a[4] = {}, *b[2] = {}, *c[4];
  for (int n = 0; n < a_count; ++n) a[n] = w.at<uint8_t>(o[sums + n]);
  for (int n = 0; n < a_count / 2; ++n) b[n] = w.at<uint8_t>(o[sums + a_count + n]);
  for (int n = 0; n < sums; ++n) c[n] = w.at<uint8_t>(o[sums + a_count + a_count / 2 + n]);
  if (type == MatrixType::tf32 && w.worker->settings.tf32) need_rounded(i, w, a, a_count), need_rounded(i, w, b, a_count / 2);
  Product p;
  p.k = K;
  p.half = half;
  if constexpr (type == MatrixType::tf32) {
    for (int r = 0; r < 16; ++r) put<type>(p.a[r], p.a_exponent[r], eight<type>(a[r / 8], a[r / 8 + 2], r % 8));
    __m256 rows[8];
    for (int n = 0; n < 8; ++n) rows[n] = eight<type>(b[0], b[1], kColumn[n]);
    transpose(rows);
    for (int k = 0; k < 8; ++k) put<type>(p.b[k], p.b_exponent[k], rows[k]);
  } else {
    for (int r = 0; r < 16; ++r) {
      const uint8_t *left = a[r / 8], *right = groups == 2 ? a[r / 8 + 2] : left;
      const __m256i words = _mm256_set_m128i(row_of(right, r % 8), row_of(left, r % 8));
      _mm256_store_si256(reinterpret_cast<__m256i *>(p.a_exponent[r]), exponents<type>(words));
      _mm256_store_ps(p.a[r], eight<type>(left, nullptr, r % 8));
      if (groups == 2) _mm256_store_ps(p.a[r] + 8, eight<type>(right, nullptr, r % 8));
    }
    for (int g = 0; g < groups; ++g) {
      alignas(32) uint8_t columns[128];
      for (int n = 0; n < 8; ++n) _mm_store_si128(reinterpret_cast<__m128i *>(columns) + n, row_of(b[g], kColumn[n]));
      transpose_words(columns);
      for (int k = 0; k < 8; k += 2) {
        const __m256i words = _mm256_load_si256(reinterpret_cast<const __m256i *>(columns) + k / 2);
        _mm256_store_si256(reinterpret_cast<__m256i *>(p.b_exponent[8 * g + k]), exponents<type>(words));
        for (int n = k; n < k + 2; ++n) _mm256_store_ps(p.b[8 * g + n], eight<type>(columns, nullptr, n));
      }
    }
  }
  const __m256i order = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(kColumn));
  for (int r = 0; r < 16; ++r) {
    __m256 x;
    if constexpr (half) x = _mm256_permutevar8x32_ps(_mm256_cvtph_ps(row_of(c[r / 8], r % 8)), order);
    else x = _mm256_castsi256_ps(_mm256_set_m128i(row_of(c[r / 8 * 2 + 1], r % 8), row_of(c[r / 8 * 2], r % 8)));
    _mm256_store_ps(p.c[r], x);
  }
  accumulate(p, *w.worker, terms_at_once(type));
  alignas(32) uint8_t result[sums][128];
  uint8_t *d[sums];
  for (int n = 0; n < sums; ++n) d[n] = w.mask == kAll ? w.at<uint8_t>(o[n]) : result[n];
  const __m256i back = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (int r = 0; r < 16; ++r) {
    const __m256 x = _mm256_load_ps(p.c[r]);
    auto store = [&](int n, __m128i v) { _mm_store_si128(reinterpret_cast<__m128i *>(d[n]) + r % 8, v); };
    if constexpr (half) {
      store(r / 8, _mm256_cvtps_ph(_mm256_permutevar8x32_ps(x, back), _MM_FROUND_TO_NEAREST_INT));
    } else {
      store(r / 8 * 2, _mm_castps_si128(_mm256_castps256_ps128(x)));
      store(r / 8 * 2 + 1, _mm_castps_si128(_mm256_extractf128_ps(x, 1)));
    }
  }
  if (w.mask == kAll) return;
  for (int n = 0; n < sums; ++n) {
    const auto *from = reinterpret_cast<const uint32_t *>(result[n]);
    write_lanes<uint32_t>(w, o[n], [=](int l) { return from[l]; });
  }
}

}  // namespace

void transpose_matrix(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  alignas(32) uint8_t matrix[128];
  std::memcpy(matrix, w.at<uint8_t>(i.o[1]), sizeof matrix);
  transpose_words(matrix);
  const auto *from = reinterpret_cast<const uint32_t *>(matrix);
  write_lanes<uint32_t>(w, i.o[0], [=](int l) { return from[l]; });
}

Handler store_matrix_handler(int count, bool transposed) {
  if (count == 1) return transposed ? store_matrix<1, true> : store_matrix<1, false>;
  if (count == 2) return transposed ? store_matrix<2, true> : store_matrix<2, false>;
  return transposed ? store_matrix<4, true> : store_matrix<4, false>;
}

Handler load_matrix_handler(int count, bool transposed) {
  if (count == 1) return transposed ? load_matrix<1, true> : load_matrix<1, false>;
  if (count == 2) return transposed ? load_matrix<2, true> : load_matrix<2, false>;
  return transposed ? load_matrix<4, true> : load_matrix<4, false>;
}

Handler product_handler(MatrixType type, int k, bool half) {
  switch (type) {
    case MatrixType::bf16: return k == 16 ? product<MatrixType::bf16, 16, false> : k == 8 ? product<MatrixType::bf16, 8, false> : nullptr;
    case MatrixType::f16:
      if (k == 16) return half ? product<MatrixType::f16, 16, true> : product<MatrixType::f16, 16, false>;
      if (k == 8) return half ? product<MatrixType::f16, 8, true> : product<MatrixType::f16, 8, false>;
      return nullptr;
    case MatrixType::tf32: return k == 8 ? product<MatrixType::tf32, 8, false> : k == 4 ? product<MatrixType::tf32, 4, false> : nullptr;
    default: return nullptr;
  }
}

}  // namespace vgpu
