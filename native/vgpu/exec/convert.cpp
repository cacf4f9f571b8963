// cvt. Names are cvt[.rounding][.ftz][.sat].to.from; registers wider than the type are narrowed and widened by the decoder.
#include "forms.h"
#include "numbers.h"
#include <limits>

namespace vgpu {
namespace {

enum Direction { kNearest, kDown, kUp, kZero };  // the last three as MXCSR has them
const char *const kIntegral[] = {"rni", "rmi", "rpi", "rzi"}, *const kRounded[] = {"rn", "rm", "rp", "rz"};

template <int direction> inline double integral(double x) {
  if constexpr (direction == kNearest) return __builtin_nearbyint(x);
  if constexpr (direction == kDown) return __builtin_floor(x);
  if constexpr (direction == kUp) return __builtin_ceil(x);
  return __builtin_trunc(x);
}

template <class I> constexpr char letter() { return sizeof(I) == 1 ? 'b' : sizeof(I) == 2 ? 'h' : sizeof(I) == 4 ? 'w' : 'l'; }
const char *signature(char to, char from) {
  static std::map<std::pair<char, char>, std::string> all;
  auto &s = all[{to, from}];
  s = {to, from};
  return s.c_str();
}

// Out of range goes to the nearest number of the type. A NaN from fp64 or to 64 bits has the highest bit alone, any other is 0.
template <class I, bool zero> inline I clamped(double x) {
  constexpr I nan = zero ? 0 : static_cast<I>(std::make_unsigned_t<I>(1) << (8 * sizeof(I) - 1));
  if constexpr (sizeof(I) < 8) {
    const bool number = x == x;
    x = number ? x : 0;
    x = x < std::numeric_limits<I>::min() ? std::numeric_limits<I>::min() : x;
    x = x > std::numeric_limits<I>::max() ? std::numeric_limits<I>::max() : x;
    const I r = static_cast<I>(std::conditional_t < sizeof(I) == 4 && std::is_unsigned_v<I>, int64_t, int32_t > (x));
    return zero || number ? r : nan;
  } else {
    constexpr double limit = std::is_signed_v<I> ? 9223372036854775808.0 : 18446744073709551616.0;
    if (!(x == x)) return nan;
    if (x >= limit) return std::numeric_limits<I>::max();
    if (x <= static_cast<double>(std::numeric_limits<I>::min())) return std::numeric_limits<I>::min();
    return static_cast<I>(x);
  }
}

// Conversions in two steps, each compiled once and not once for every pair of types.
template <class F, bool ftz, int direction> [[gnu::noinline]] void round_lanes(const F *a, double *r) {
#pragma GCC ivdep
  for (int l = 0; l < kLanes; ++l) r[l] = integral<direction>(static_cast<double>(flushed<ftz>(a[l])));
}
template <class I, bool zero> [[gnu::noinline]] void write_clamped(Warp &w, uint32_t to, const double *r) {
  write_lanes<I>(w, to, [=](int l) { return clamped<I, zero>(r[l]); });
}
template <class I, class F, bool ftz, int direction> void clamp_float(const Instruction &i, Warp &w) {
  alignas(64) double r[kLanes];
  round_lanes<F, ftz, direction>(w.at<F>(i.o[1]), r);
  write_clamped<I, sizeof(F) == 4 && sizeof(I) < 8>(w, i.o[0], r);
}
template <class I, class F, bool ftz, int direction> void from_float(Forms &f, const std::string &to, const std::string &from) {
  Form form{clamp_float<I, F, ftz, direction>, signature(letter<I>(), sizeof(F) == 4 ? 'f' : 'd'), Category::other_float};
  for (const char *sat : {"", ".sat"}) f[{"cvt.", kIntegral[direction], ftz ? ".ftz" : "", sat, ".", to, ".", from}] = form;
}

template <class I, class F> [[gnu::noinline]] void to_floats(const I *a, F *r) {
  for (int l = 0; l < kLanes; ++l) r[l] = static_cast<F>(a[l]);
}
template <class T> [[gnu::noinline]] void write_copies(Warp &w, uint32_t to, const T *from) {
  write_lanes<T>(w, to, [=](int l) { return from[l]; });
}
template <class F, class I, int direction> void round_integer(const Instruction &i, Warp &w) {
  const I *a = w.at<I>(i.o[1]);
  alignas(64) F r[kLanes];
  if constexpr (direction == kNearest) {
    to_floats(a, r);
  } else {
    Rounding rounding(direction);
    to_floats(a, r);
  }
  write_copies(w, i.o[0], r);
}
template <class I, class F> void to_float(Forms &f, const std::string &from, const std::string &to) {
  const char *s = signature(sizeof(F) == 4 ? 'f' : 'd', letter<I>());
  const Category k = Category::other_float;
  f[{"cvt.rn.", to, ".", from}] = {round_integer<F, I, kNearest>, s, k};
  f[{"cvt.rm.", to, ".", from}] = {round_integer<F, I, kDown>, s, k};
  f[{"cvt.rp.", to, ".", from}] = {round_integer<F, I, kUp>, s, k};
  f[{"cvt.rz.", to, ".", from}] = {round_integer<F, I, kZero>, s, k};
}
template <class I> void add_integer(Forms &f, const std::string &t) {
  from_float<I, float, false, kNearest>(f, t, "f32");
  from_float<I, float, false, kDown>(f, t, "f32");
  from_float<I, float, false, kUp>(f, t, "f32");
  from_float<I, float, false, kZero>(f, t, "f32");
  from_float<I, float, true, kNearest>(f, t, "f32");
  from_float<I, float, true, kDown>(f, t, "f32");
  from_float<I, float, true, kUp>(f, t, "f32");
  from_float<I, float, true, kZero>(f, t, "f32");
  from_float<I, double, false, kNearest>(f, t, "f64");
  from_float<I, double, false, kDown>(f, t, "f64");
  from_float<I, double, false, kUp>(f, t, "f64");
  from_float<I, double, false, kZero>(f, t, "f64");
  to_float<I, float>(f, t, "f32");
  to_float<I, double>(f, t, "f64");
}

// Bits do not depend on the sign that they will be read with, and those of a narrower number not even on that of the number.
template <class U, class V> U cut(V a) { return static_cast<U>(a); }
template <class To, class From> constexpr Handler convert_integer() {
  using U = std::make_unsigned_t<To>;
  using V = std::conditional_t<sizeof(To) <= sizeof(From), std::make_unsigned_t<From>, From>;
  return unary<U, V, cut<U, V>>;
}
using Wide = __int128;
template <class From> [[gnu::noinline]] void widen(const From *a, Wide *r) {
  for (int l = 0; l < kLanes; ++l) r[l] = a[l];
}
template <class To> [[gnu::noinline]] void write_saturated(Warp &w, uint32_t to, const Wide *r) {
  constexpr Wide low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
  write_each<To>(w, to, [=](int l) { return static_cast<To>(r[l] < low ? low : r[l] > high ? high : r[l]); });
}
template <class To, class From> void saturate_integer(const Instruction &i, Warp &w) {
  Wide r[kLanes];
  widen(w.at<From>(i.o[1]), r);
  write_saturated<To>(w, i.o[0], r);
}
template <class To, class From> void between(Forms &f, const std::string &to, const std::string &from) {
  const char *s = signature(letter<To>(), letter<From>());
  const Category k = Category::integer;
  f[{"cvt.", to, ".", from}] = {convert_integer<To, From>(), s, k};
  f[{"cvt.sat.", to, ".", from}] = {saturate_integer<To, From>, s, k};
}
template <class To> void to_integer(Forms &f, const std::string &to) {
  between<To, int8_t>(f, to, "s8");
  between<To, uint8_t>(f, to, "u8");
  between<To, int16_t>(f, to, "s16");
  between<To, uint16_t>(f, to, "u16");
  between<To, int32_t>(f, to, "s32");
  between<To, uint32_t>(f, to, "u32");
  between<To, int64_t>(f, to, "s64");
  between<To, uint64_t>(f, to, "u64");
}

// fp32 or fp64 to an integral value of the same type, for each flag.
template <class F, int direction, bool ftz, bool sat> void add_integral(Forms &f, const std::string &t) {
  const char *s = sizeof(F) == 4 ? "ff" : "dd";
  f[{"cvt.", kIntegral[direction], ftz ? ".ftz" : "", sat ? ".sat." : ".", t, ".", t}] = {unary<F, F,
                                                                                                [](F a) {
    F r = canonical(static_cast<F>(integral<direction>(static_cast<double>(flushed<ftz>(a)))));
    return sat ? saturate(r) : r;
                                                                                          }>,
                                                                                          s, Category::other_float};
}
template <class F, int direction> void add_integral_all(Forms &f, const std::string &t) {
  add_integral<F, direction, false, false>(f, t);
  add_integral<F, direction, false, true>(f, t);
  if (sizeof(F) == 8) return;
  add_integral<F, direction, true, false>(f, t);
  add_integral<F, direction, true, true>(f, t);
}

template <int direction, bool ftz> void narrow(const Instruction &i, Warp &w) {
  const double *a = w.at<double>(i.o[1]);
  alignas(64) float r[kLanes];
  {
    Rounding rounding(direction);
    for (int l = 0; l < kLanes; ++l) r[l] = static_cast<float>(a[l]);
  }
  const float *from = r;
  write_lanes<float>(w, i.o[0], [=](int l) { return flushed<ftz>(canonical(from[l])); });
}

}  // namespace

void add_convert_forms(Forms &f) {
  const Category k = Category::other_float;
  add_integer<int8_t>(f, "s8");
  add_integer<uint8_t>(f, "u8");
  add_integer<int16_t>(f, "s16");
  add_integer<uint16_t>(f, "u16");
  add_integer<int32_t>(f, "s32");
  add_integer<uint32_t>(f, "u32");
  add_integer<int64_t>(f, "s64");
  add_integer<uint64_t>(f, "u64");
  to_integer<int8_t>(f, "s8");
  to_integer<uint8_t>(f, "u8");
  to_integer<int16_t>(f, "s16");
  to_integer<uint16_t>(f, "u16");
  to_integer<int32_t>(f, "s32");
  to_integer<uint32_t>(f, "u32");
  to_integer<int64_t>(f, "s64");
  to_integer<uint64_t>(f, "u64");
  add_integral_all<float, kNearest>(f, "f32");
  add_integral_all<float, kDown>(f, "f32");
  add_integral_all<float, kUp>(f, "f32");
  add_integral_all<float, kZero>(f, "f32");
  add_integral_all<double, kNearest>(f, "f64");
  add_integral_all<double, kDown>(f, "f64");
  add_integral_all<double, kUp>(f, "f64");
  add_integral_all<double, kZero>(f, "f64");
  f["cvt.f32.f32"] = {unary<float, float, [](float a) { return canonical(a); }>, "ff", k};
  f["cvt.ftz.f32.f32"] = {unary<float, float, [](float a) { return flush(canonical(a)); }>, "ff", k};
  f["cvt.sat.f32.f32"] = {unary<float, float, [](float a) { return saturate(a); }>, "ff", k};
  f["cvt.ftz.sat.f32.f32"] = {unary<float, float, [](float a) { return saturate(flush(a)); }>, "ff", k};
  f["cvt.sat.f64.f64"] = {unary<double, double, [](double a) { return saturate(a); }>, "dd", k};
  f["cvt.f64.f64"] = f["mov.f64"];
  f["cvt.f64.f32"] = {unary<double, float, [](float a) { return static_cast<double>(a); }>, "df", k};
  f["cvt.ftz.f64.f32"] = {unary<double, float, [](float a) { return static_cast<double>(flush(a)); }>, "df", k};
  f["cvt.rn.f32.f64"] = {narrow<kNearest, false>, "fd", k};
  f["cvt.rm.f32.f64"] = {narrow<kDown, false>, "fd", k};
  f["cvt.rp.f32.f64"] = {narrow<kUp, false>, "fd", k};
  f["cvt.rz.f32.f64"] = {narrow<kZero, false>, "fd", k};
  f["cvt.rn.ftz.f32.f64"] = {narrow<kNearest, true>, "fd", k};
}

}  // namespace vgpu
