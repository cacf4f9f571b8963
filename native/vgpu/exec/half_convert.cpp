// cvt between fp32 and the 16-bit formats and tf32. Other types go by fp32 (ptx/decode_half.cpp), rounded to odd on the way.
#include "forms.h"
#include "half.h"

namespace vgpu {
namespace {

enum Direction { kNearest, kDown, kUp, kZero };
const char *const kRounded[] = {"rn", "rm", "rp", "rz"};
enum After { kPlain, kSaturate, kRelu };

template <class T> uint16_t narrow(float x, int direction) {
  if (direction == kNearest || x != x) return T::narrow(x);
  if constexpr (std::is_same_v<T, Half>) {
    return static_cast<uint16_t>(direction == kDown ? _cvtss_sh(x, _MM_FROUND_TO_NEG_INF)
                                 : direction == kUp ? _cvtss_sh(x, _MM_FROUND_TO_POS_INF)
                                                    : _cvtss_sh(x, _MM_FROUND_TO_ZERO));
  } else {
    const uint32_t b = std::bit_cast<uint32_t>(x);
    const bool away = (b & 0xffff) && direction == (b >> 31 ? kDown : kUp);
    return static_cast<uint16_t>((b >> 16) + away);
  }
}
template <class T, int direction, int after> uint16_t rounded(float x) {
  if (after == kRelu) x = x > 0 || x != x ? x : 0.0f;  // a NaN stays
  if (after == kSaturate) x = saturate(x);
  return narrow<T>(x, direction);
}
template <class T, int direction, int after> void add_narrow(Forms &f, std::string_view type) {
  constexpr const char *names[] = {"", ".sat", ".relu"};
  constexpr auto one = rounded<T, direction, after>;
  // d = {a, b}: a is the upper half
  constexpr auto two = [](float a, float b) { return uint32_t(rounded<T, direction, after>(a)) << 16 | rounded<T, direction, after>(b); };
  constexpr bool vectors = std::is_same_v<T, Bfloat>;  // plain arithmetic
  const Category k = Category::other_float;
  f[{"cvt.", kRounded[direction], names[after], ".", type, ".f32"}] = {
      vectors ? unary<uint16_t, float, one> : unary_each<uint16_t, float, one>, "hf", k};
  f[{"cvt.", kRounded[direction], names[after], ".", type, "x2.f32"}] = {
      vectors ? binary<uint32_t, float, float, two> : binary_each<uint32_t, float, float, two>, "wff", k};
}
template <class T, int direction> void add_direction(Forms &f, std::string_view type) {
  add_narrow<T, direction, kPlain>(f, type);
  add_narrow<T, direction, kSaturate>(f, type);
  add_narrow<T, direction, kRelu>(f, type);
}
// For comparisons with .ftz.
template <class T> float flushed_widen(uint16_t a) {
  const float x = T::widen(a);
  return std::fabs(x) < std::ldexp(1.0f, T::kLeastExponent) ? std::copysign(0.0f, x) : x;
}
template <class T> void add_format(Forms &f, std::string_view type) {
  add_direction<T, kNearest>(f, type);
  add_direction<T, kDown>(f, type);
  add_direction<T, kUp>(f, type);
  add_direction<T, kZero>(f, type);
  const Category k = Category::other_float;
  f[{"cvt.f32.", type}] = {unary_each<float, uint16_t, T::widen>, "fh", k};
  f[{"cvt.flush.f32.", type}] = {unary_each<float, uint16_t, flushed_widen<T>>, "fh", k};
}

// fp32 has enough digits more than 16-bit formats that a number rounded to odd is rounded right afterwards.
float odd_double(double x) { return odd(x); }
template <class I> float odd_integer(I x) {
  const bool negative = x < 0;
  uint64_t magnitude = negative ? -static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  if (magnitude >> 53) magnitude = (magnitude >> 11 | ((magnitude & 2047) != 0)) << 11;
  const float r = odd(static_cast<double>(magnitude));
  return negative ? -r : r;
}

enum { kNearestEven, kNearestAway };
template <int kind, bool relu> uint32_t tf32(float x) {
  if (relu) x = x > 0 || x != x ? x : 0.0f;
  const uint32_t b = std::bit_cast<uint32_t>(x);
  if (x != x) return 0x7fffffff;
  if ((b & 0x7f800000u) == 0x7f800000u) return b;
  return (b + (kind == kNearestAway ? 0x1000 : 0xfff + (b >> 13 & 1))) & ~0x1fffu;
}
uint32_t tf32_cut(float x) { return x == x ? std::bit_cast<uint32_t>(x) & ~0x1fffu : 0x7fffffff; }

}  // namespace

void add_half_convert_forms(Forms &f) {
  const Category k = Category::other_float;
  add_format<Half>(f, "f16");
  add_format<Bfloat>(f, "bf16");
  f["cvt.odd.f32.f64"] = {unary_each<float, double, odd_double>, "fd", k};
  f["cvt.odd.f32.s8"] = {unary_each<float, int8_t, odd_integer<int8_t>>, "fb", k};
  f["cvt.odd.f32.u8"] = {unary_each<float, uint8_t, odd_integer<uint8_t>>, "fb", k};
  f["cvt.odd.f32.s16"] = {unary_each<float, int16_t, odd_integer<int16_t>>, "fh", k};
  f["cvt.odd.f32.u16"] = {unary_each<float, uint16_t, odd_integer<uint16_t>>, "fh", k};
  f["cvt.odd.f32.s32"] = {unary_each<float, int32_t, odd_integer<int32_t>>, "fw", k};
  f["cvt.odd.f32.u32"] = {unary_each<float, uint32_t, odd_integer<uint32_t>>, "fw", k};
  f["cvt.odd.f32.s64"] = {unary_each<float, int64_t, odd_integer<int64_t>>, "fl", k};
  f["cvt.odd.f32.u64"] = {unary_each<float, uint64_t, odd_integer<uint64_t>>, "fl", k};
  f["cvt.rna.tf32.f32"] = {unary<uint32_t, float, tf32<kNearestAway, false>>, "wf", k};
  f["cvt.rn.tf32.f32"] = {unary<uint32_t, float, tf32<kNearestEven, false>>, "wf", k};
  f["cvt.rn.relu.tf32.f32"] = {unary<uint32_t, float, tf32<kNearestEven, true>>, "wf", k};
  f["cvt.rz.tf32.f32"] = {unary<uint32_t, float, tf32_cut>, "wf", k};
}

}  // namespace vgpu
