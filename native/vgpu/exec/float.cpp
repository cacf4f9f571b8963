// Exact floating-point arithmetic: one rounding, fused only where PTX says fma.
#include "forms.h"
#include "numbers.h"
#include "product_tiles.h"

namespace vgpu {
namespace {

enum Kind { kAdd, kSub, kMul, kFma, kDiv, kSqrt, kReciprocal };
constexpr int operands(int kind) { return kind == kFma ? 3 : kind == kSqrt || kind == kReciprocal ? 1 : 2; }

template <int kind, class F> [[gnu::always_inline]] inline F compute(F a, F b, F c) {
  if constexpr (kind == kAdd) return a + b;
  if constexpr (kind == kSub) return a - b;
  if constexpr (kind == kMul) return a * b;
  if constexpr (kind == kDiv) return a / b;
  if constexpr (kind == kReciprocal) return F(1) / a;
  if constexpr (kind == kSqrt) {
    if constexpr (sizeof(F) == 4) return __builtin_sqrtf(a);
    else return __builtin_sqrt(a);
  }
  if constexpr (kind == kFma) {
    if constexpr (sizeof(F) == 4) return __builtin_fmaf(a, b, c);
    else return __builtin_fma(a, b, c);
  }
}

template <class F, int kind, bool ftz, bool sat> void arithmetic(const Instruction &i, Warp &w) {
  const F *a = w.at<F>(i.o[1]);
  const F *b = operands(kind) > 1 ? w.at<F>(i.o[2]) : a, *c = operands(kind) > 2 ? w.at<F>(i.o[3]) : a;
  write_lanes<F>(w, i.o[0], [=](int l) {
    F r = compute<kind, F>(flushed<ftz>(a[l]), flushed<ftz>(b[l]), flushed<ftz>(c[l]));
    r = flushed<ftz>(canonical(r));
    return sat ? saturate(r) : r;
  });
}

template <class F, int kind, bool ftz, int direction> void directed(const Instruction &i, Warp &w) {
  const F *a = w.at<F>(i.o[1]);
  const F *b = operands(kind) > 1 ? w.at<F>(i.o[2]) : a, *c = operands(kind) > 2 ? w.at<F>(i.o[3]) : a;
  alignas(64) F r[kLanes];
  {
    Rounding rounding(direction);
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) r[l] = compute<kind, F>(flushed<ftz>(a[l]), flushed<ftz>(b[l]), flushed<ftz>(c[l]));
  }
  const F *from = r;
  write_lanes<F>(w, i.o[0], [=](int l) { return flushed<ftz>(canonical(from[l])); });
}

template <int kind> void add_kind(Forms &f, std::initializer_list<const char *> names, Category k) {
  constexpr int n = operands(kind);
  const char *single = n == 1 ? "ff" : n == 2 ? "fff" : "ffff", *twice = n == 1 ? "dd" : n == 2 ? "ddd" : "dddd";
  for (const char *name : names) {
    const std::string s = name;
    for (const char *rn : {"", ".rn"}) {
      f[{s, rn, ".f32"}] = {arithmetic<float, kind, false, false>, single, k};
      f[{s, rn, ".ftz.f32"}] = {arithmetic<float, kind, true, false>, single, k};
      f[{s, rn, ".f64"}] = {arithmetic<double, kind, false, false>, twice, k};
      if (kind <= kFma) {
        f[{s, rn, ".sat.f32"}] = {arithmetic<float, kind, false, true>, single, k};
        f[{s, rn, ".ftz.sat.f32"}] = {arithmetic<float, kind, true, true>, single, k};
      }
    }
    f[{s, ".rm.f32"}] = {directed<float, kind, false, 1>, single, k};
    f[{s, ".rp.f32"}] = {directed<float, kind, false, 2>, single, k};
    f[{s, ".rz.f32"}] = {directed<float, kind, false, 3>, single, k};
    f[{s, ".rm.ftz.f32"}] = {directed<float, kind, true, 1>, single, k};
    f[{s, ".rp.ftz.f32"}] = {directed<float, kind, true, 2>, single, k};
    f[{s, ".rz.ftz.f32"}] = {directed<float, kind, true, 3>, single, k};
    f[{s, ".rm.f64"}] = {directed<double, kind, false, 1>, twice, k};
    f[{s, ".rp.f64"}] = {directed<double, kind, false, 2>, twice, k};
    f[{s, ".rz.f64"}] = {directed<double, kind, false, 3>, twice, k};
  }
}

template <class F, class U, bool ftz> void add_sign_forms(Forms &f, const std::string &t, const char *two, const char *three) {
  const Category k = Category::other_float;
  f[{"min.", t}] = {binary<F, F, F, [](F a, F b) { return smaller<F, U>(flushed<ftz>(a), flushed<ftz>(b)); }>, three, k};
  f[{"max.", t}] = {binary<F, F, F, [](F a, F b) { return larger<F, U>(flushed<ftz>(a), flushed<ftz>(b)); }>, three, k};
  f[{"min.NaN.", t}] = {
      binary<F, F, F, [](F a, F b) { return a != a || b != b ? canonical(a + b) : smaller<F, U>(flushed<ftz>(a), flushed<ftz>(b)); }>,
      three, k};
  f[{"max.NaN.", t}] = {
      binary<F, F, F, [](F a, F b) { return a != a || b != b ? canonical(a + b) : larger<F, U>(flushed<ftz>(a), flushed<ftz>(b)); }>, three,
      k};
  constexpr U sign = U(1) << (8 * sizeof(U) - 1);
  f[{"abs.", t}] = {unary<U, U, [](U a) { return std::bit_cast<U>(flushed<ftz>(std::bit_cast<F>(static_cast<U>(a & ~sign)))); }>, two, k};
  f[{"neg.", t}] = {unary<U, U, [](U a) { return std::bit_cast<U>(flushed<ftz>(std::bit_cast<F>(static_cast<U>(a ^ sign)))); }>, two, k};
  // copysign d, a, b: the sign of a with the value of b
  f[{"copysign.", t}] = {binary<U, U, U, [](U a, U b) { return static_cast<U>((a & sign) | (b & ~sign)); }>, three, k};
}

// min and max of absolute values with the sign of the product, and of three numbers, which the decoder calls min3 and max3.
template <bool least, bool ftz, bool nan> float extreme(float a, float b) {
  a = flushed<ftz>(a), b = flushed<ftz>(b);
  if (nan && (a != a || b != b)) return canonical(a + b);
  return least ? smaller<float, uint32_t>(a, b) : larger<float, uint32_t>(a, b);
}
template <bool least, bool ftz, bool nan> float with_sign(float a, float b) {
  const float r = extreme<least, ftz, nan>(std::abs(a), std::abs(b));
  return r != r ? r : std::signbit(a) != std::signbit(b) ? -r : r;
}
template <bool least, bool ftz, bool nan, bool absolute> float of_three(float a, float b, float c) {
  if (absolute) a = std::abs(a), b = std::abs(b), c = std::abs(c);
  return extreme<least, ftz, nan>(extreme<least, ftz, nan>(a, b), c);
}
template <bool least, bool ftz, bool nan> void add_extremes(Forms &f) {
  const Category k = Category::other_float;
  const char *name = least ? "min" : "max", *flush = ftz ? ".ftz" : "", *strict = nan ? ".NaN" : "";
  f[{name, flush, strict, ".xorsign.abs.f32"}] = {binary<float, float, float, with_sign<least, ftz, nan>>, "fff", k};
  f[{name, "3", flush, strict, ".f32"}] = {ternary<float, float, float, float, of_three<least, ftz, nan, false>>, "ffff", k};
  f[{name, "3", flush, strict, ".abs.f32"}] = {ternary<float, float, float, float, of_three<least, ftz, nan, true>>, "ffff", k};
}

enum Test { kFinite, kInfinite, kNumber, kNotANumber, kNormal, kSubnormal };
template <class F, int test> void test_property(const Instruction &i, Warp &w) {
  const F *a = w.at<F>(i.o[1]);
  uint32_t r = 0;
  for (int l = 0; l < kLanes; ++l) {
    int c = std::fpclassify(a[l]);
    bool is = test == kFinite       ? c != FP_NAN && c != FP_INFINITE
              : test == kInfinite   ? c == FP_INFINITE
              : test == kNumber     ? c != FP_NAN
              : test == kNotANumber ? c == FP_NAN
              : test == kNormal     ? c == FP_NORMAL
                                    : c == FP_SUBNORMAL;
    r |= uint32_t(is) << l;
  }
  write_predicate(w, i.o[0], r);
}
template <class F> void add_tests(Forms &f, const std::string &t, const char *signature) {
  const Category k = Category::other_float;
  f[{"testp.finite.", t}] = {test_property<F, kFinite>, signature, k};
  f[{"testp.infinite.", t}] = {test_property<F, kInfinite>, signature, k};
  f[{"testp.number.", t}] = {test_property<F, kNumber>, signature, k};
  f[{"testp.notanumber.", t}] = {test_property<F, kNotANumber>, signature, k};
  f[{"testp.normal.", t}] = {test_property<F, kNormal>, signature, k};
  f[{"testp.subnormal.", t}] = {test_property<F, kSubnormal>, signature, k};
}

}  // namespace

// Half of the instructions of a product. Nothing looks at a result in between, so a NaN gets its one pattern at the end; a factor that
// several of them have stays where it is.
void fma_row(const Instruction &first, Warp &w) {
  const Instruction *const end = &first + first.length;
  if (__builtin_expect(w.mask != kAll, 0)) {
    for (const Instruction *i = &first; i != end; ++i) arithmetic<float, kFma, false, false>(*i, w);
    return;
  }
  constexpr int vectors = kLanes / 8;
  __m256 factor[vectors] = {}, nan = _mm256_setzero_ps();
  uint32_t held = ~0u;
  for (const Instruction *i = &first; i != end; ++i) {
    float *d = w.at<float>(i->o[0]);
    const float *a = w.at<float>(i->o[1]), *b = w.at<float>(i->o[2]), *c = w.at<float>(i->o[3]);
    if (i->o[1] != held) {
      held = i->o[1];
      for (int n = 0; n < vectors; ++n) factor[n] = _mm256_load_ps(a + 8 * n);
    }
    __m256 r[vectors];
    for (int n = 0; n < vectors; ++n) r[n] = _mm256_fmadd_ps(factor[n], _mm256_load_ps(b + 8 * n), _mm256_load_ps(c + 8 * n));
    for (int n = 0; n < vectors; ++n) _mm256_store_ps(d + 8 * n, r[n]);
    for (int n = 0; n < vectors; n += 2) nan = _mm256_or_ps(nan, _mm256_cmp_ps(r[n], r[n + 1], _CMP_UNORD_Q));
    if (i->o[0] == held) held = ~0u;
  }
  if (__builtin_expect(!_mm256_testz_si256(_mm256_castps_si256(nan), _mm256_castps_si256(nan)), 0)) make_canonical(first, w);
}
void make_canonical(const Instruction &first, Warp &w) {
  for (const Instruction *i = &first; i != &first + first.length; ++i) {
    float *d = w.at<float>(i->o[0]);
    for (int l = 0; l < kLanes; ++l) d[l] = canonical(d[l]);
  }
}

void add_float_forms(Forms &f) {
  add_kind<kAdd>(f, {"add"}, Category::other_float);
  add_kind<kSub>(f, {"sub"}, Category::other_float);
  add_kind<kMul>(f, {"mul"}, Category::other_float);
  add_kind<kFma>(f, {"fma", "mad"}, Category::fma);
  add_kind<kDiv>(f, {"div"}, Category::other_float);
  add_kind<kSqrt>(f, {"sqrt"}, Category::special);
  add_kind<kReciprocal>(f, {"rcp"}, Category::special);
  add_sign_forms<float, uint32_t, false>(f, "f32", "ff", "fff");
  add_sign_forms<float, uint32_t, true>(f, "ftz.f32", "ff", "fff");
  add_sign_forms<double, uint64_t, false>(f, "f64", "dd", "ddd");
  f["min.ftz.NaN.f32"] = f["min.NaN.ftz.f32"];
  f["max.ftz.NaN.f32"] = f["max.NaN.ftz.f32"];
  add_extremes<true, false, false>(f);
  add_extremes<true, false, true>(f);
  add_extremes<true, true, false>(f);
  add_extremes<true, true, true>(f);
  add_extremes<false, false, false>(f);
  add_extremes<false, false, true>(f);
  add_extremes<false, true, false>(f);
  add_extremes<false, true, true>(f);
  add_tests<float>(f, "f32", "pf");
  add_tests<double>(f, "f64", "pd");
}

}  // namespace vgpu
