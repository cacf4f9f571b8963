// Arithmetic in fp16 and bf16, one value or a pair in a register. Every result is rounded once: sums of two are right in fp32 (24 bits are
// enough to round again to 11), products and fma are made in fp64 and rounded to odd on the way.
#include "forms.h"
#include "half.h"

namespace vgpu {
namespace {

enum Kind { kAdd, kSub, kMul, kFma };
enum After { kPlain, kSaturate, kRelu };

template <class T, bool ftz> inline float widened(uint16_t a) {
  const float x = T::widen(a);
  return ftz && (a & 0x7c00) == 0 ? std::copysign(0.0f, x) : x;  // only fp16 has .ftz
}
template <class T, bool ftz> inline uint16_t narrowed(float x) {
  const uint16_t r = T::narrow(x);
  return ftz && (r & 0x7c00) == 0 ? r & 0x8000 : r;
}

template <class T, int kind, int after, bool ftz> uint16_t compute(uint16_t a, uint16_t b, uint16_t c) {
  const float x = widened<T, ftz>(a), y = widened<T, ftz>(b), z = widened<T, ftz>(c);
  float r;
  if constexpr (kind == kAdd) r = x + y;
  if constexpr (kind == kSub) r = x - y;
  if constexpr (kind == kMul) r = odd(static_cast<double>(x) * y);
  if constexpr (kind == kFma) r = odd(odd_sum(static_cast<double>(x) * y, z));
  if constexpr (after == kSaturate) r = saturate(r);
  if constexpr (after == kRelu) r = r > 0 || r != r ? r : 0.0f;
  return narrowed<T, ftz>(r);
}
template <class T, int kind, int after, bool ftz> uint16_t compute_two(uint16_t a, uint16_t b) {
  return compute<T, kind, after, ftz>(a, b, 0);
}

// A function of 16-bit values for both halves of a register.
template <auto F> uint32_t both1(uint32_t a) { return F(static_cast<uint16_t>(a)) | uint32_t(F(static_cast<uint16_t>(a >> 16))) << 16; }
template <auto F> uint32_t both2(uint32_t a, uint32_t b) {
  return F(static_cast<uint16_t>(a), static_cast<uint16_t>(b)) | uint32_t(F(static_cast<uint16_t>(a >> 16), static_cast<uint16_t>(b >> 16)))
                                                                     << 16;
}
template <auto F> uint32_t both3(uint32_t a, uint32_t b, uint32_t c) {
  return F(static_cast<uint16_t>(a), static_cast<uint16_t>(b), static_cast<uint16_t>(c)) |
         uint32_t(F(static_cast<uint16_t>(a >> 16), static_cast<uint16_t>(b >> 16), static_cast<uint16_t>(c >> 16))) << 16;
}

using H = uint16_t;
using W = uint32_t;
template <auto F> void add1(Forms &f, std::string_view name, std::string_view type, Category k) {
  f[{name, ".", type}] = {unary<H, H, F>, "hh", k};
  f[{name, ".", type, "x2"}] = {unary<W, W, both1<F>>, "ww", k};
}
template <auto F> void add2(Forms &f, std::string_view name, std::string_view type, Category k) {
  f[{name, ".", type}] = {binary<H, H, H, F>, "hhh", k};
  f[{name, ".", type, "x2"}] = {binary<W, W, W, both2<F>>, "www", k};
}
template <auto F> void add3(Forms &f, std::string_view name, std::string_view type, Category k) {
  f[{name, ".", type}] = {ternary<H, H, H, H, F>, "hhhh", k};
  f[{name, ".", type, "x2"}] = {ternary<W, W, W, W, both3<F>>, "wwww", k};
}

template <class T, int after, bool ftz> void add_arithmetic(Forms &f, const char *type, const std::string &flags, bool two = true) {
  add3<compute<T, kFma, after, ftz>>(f, "fma.rn" + flags, type, Category::fma);
  if (!two) return;
  for (const char *rounding : {"", ".rn"}) {
    add2<compute_two<T, kAdd, after, ftz>>(f, std::string("add") + rounding + flags, type, Category::other_float);
    add2<compute_two<T, kSub, after, ftz>>(f, std::string("sub") + rounding + flags, type, Category::other_float);
    add2<compute_two<T, kMul, after, ftz>>(f, std::string("mul") + rounding + flags, type, Category::other_float);
  }
}

// ---- min, max, signs --------------------------------------------------------------------------------------------------------
template <class T, bool most, bool nan, bool ftz> uint16_t select(uint16_t a, uint16_t b) {
  const float x = widened<T, ftz>(a), y = widened<T, ftz>(b);
  if (nan && (x != x || y != y)) return 0x7fff;
  return T::narrow(most ? larger<float, uint32_t>(x, y) : smaller<float, uint32_t>(x, y));
}
// .xorsign.abs: of the magnitudes, with the product's sign.
template <class T, bool most, bool nan, bool ftz> uint16_t select_magnitude(uint16_t a, uint16_t b) {
  const uint16_t r = select<T, most, nan, ftz>(a & 0x7fff, b & 0x7fff);
  return r == 0x7fff ? r : r | ((a ^ b) & 0x8000);
}
template <bool ftz, auto F> uint16_t of_bits(uint16_t a) {
  const uint16_t r = static_cast<uint16_t>(F(a));
  return ftz && (r & 0x7c00) == 0 ? r & 0x8000 : r;
}
template <class T, bool ftz> void add_selection(Forms &f, const char *type, const std::string &flags) {
  const Category k = Category::other_float;
  add2<select<T, false, false, ftz>>(f, "min" + flags, type, k);
  add2<select<T, true, false, ftz>>(f, "max" + flags, type, k);
  add2<select<T, false, true, ftz>>(f, "min" + flags + ".NaN", type, k);
  add2<select<T, true, true, ftz>>(f, "max" + flags + ".NaN", type, k);
  add2<select_magnitude<T, false, false, ftz>>(f, "min" + flags + ".xorsign.abs", type, k);
  add2<select_magnitude<T, true, false, ftz>>(f, "max" + flags + ".xorsign.abs", type, k);
  add2<select_magnitude<T, false, true, ftz>>(f, "min" + flags + ".NaN.xorsign.abs", type, k);
  add2<select_magnitude<T, true, true, ftz>>(f, "max" + flags + ".NaN.xorsign.abs", type, k);
  add1<of_bits<ftz, [](uint16_t a) { return a ^ 0x8000; }>>(f, "neg" + flags, type, k);
  add1<of_bits<ftz, [](uint16_t a) { return a & 0x7fff; }>>(f, "abs" + flags, type, k);
}

// ---- functions --------------------------------------------------------------------------------------------------------------
// Exact and rounded once; with `perturb` one unit in the last place off, about what PTX allows.
template <class T> uint16_t moved(uint16_t r, uint16_t argument, uint64_t seed) {
  uint64_t h = (seed + 0x9e3779b97f4a7c15u) ^ (uint64_t(argument) << 16 | r);
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
  const uint16_t to = static_cast<uint16_t>(r + (h >> 32) % 3 - 1);
  const float x = T::widen(r), y = T::widen(to);
  return std::isfinite(x) && std::isfinite(y) && x != 0 && std::signbit(x) == std::signbit(y) ? to : r;
}
template <class T, class R, bool ftz, auto F> void function(const Instruction &i, Warp &w) {
  const R *a = w.at<R>(i.o[1]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  auto one = [=](uint16_t x) {
    const float value = T::widen(x);
    const bool small = ftz && std::fabs(value) < std::ldexp(1.0f, T::kLeastExponent);
    uint16_t r = T::narrow(odd(F(small ? std::copysign(0.0, value) : value)));
    if (perturb) r = moved<T>(r, x, seed);
    return ftz && std::fabs(T::widen(r)) < std::ldexp(1.0f, T::kLeastExponent) ? static_cast<uint16_t>(r & 0x8000) : r;
  };
  write_each<R>(w, i.o[0], [=](int l) -> R {
    if constexpr (sizeof(R) == 2) return one(a[l]);
    else return one(static_cast<uint16_t>(a[l])) | uint32_t(one(static_cast<uint16_t>(a[l] >> 16))) << 16;
  });
}
template <class T, bool ftz, auto F> void add_function(Forms &f, const std::string &name, const std::string &type) {
  f[{name, ".", type}] = {function<T, H, ftz, F>, "hh", Category::special};
  f[{name, ".", type, "x2"}] = {function<T, W, ftz, F>, "ww", Category::special};
}

}  // namespace

void add_half_forms(Forms &f) {
  add_function<Half, false, [](double x) { return std::exp2(x); }>(f, "ex2.approx", "f16");
  add_function<Half, true, [](double x) { return std::exp2(x); }>(f, "ex2.approx.ftz", "f16");
  add_function<Bfloat, true, [](double x) { return std::exp2(x); }>(f, "ex2.approx.ftz", "bf16");
  add_function<Half, false, [](double x) { return std::tanh(x); }>(f, "tanh.approx", "f16");
  add_function<Bfloat, false, [](double x) { return std::tanh(x); }>(f, "tanh.approx", "bf16");
  add_arithmetic<Half, kPlain, false>(f, "f16", "");
  add_arithmetic<Half, kPlain, true>(f, "f16", ".ftz");
  add_arithmetic<Half, kSaturate, false>(f, "f16", ".sat");
  add_arithmetic<Half, kSaturate, true>(f, "f16", ".ftz.sat");
  add_arithmetic<Half, kRelu, false>(f, "f16", ".relu", false);
  add_arithmetic<Half, kRelu, true>(f, "f16", ".ftz.relu", false);
  add_arithmetic<Bfloat, kPlain, false>(f, "bf16", "");
  add_arithmetic<Bfloat, kRelu, false>(f, "bf16", ".relu", false);
  add_selection<Half, false>(f, "f16", "");
  add_selection<Half, true>(f, "f16", ".ftz");
  add_selection<Bfloat, false>(f, "bf16", "");
}

}  // namespace vgpu
