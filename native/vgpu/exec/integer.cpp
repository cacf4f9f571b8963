// Integer arithmetic. All of it wraps; it is computed in unsigned numbers, where wrapping is defined.
#include "forms.h"
#include <limits>
#include <type_traits>

namespace vgpu {
namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> struct Wider;
template <> struct Wider<int16_t> { using type = int32_t; };
template <> struct Wider<uint16_t> { using type = uint32_t; };
template <> struct Wider<int32_t> { using type = int64_t; };
template <> struct Wider<uint32_t> { using type = uint64_t; };
template <> struct Wider<int64_t> { using type = __int128; };
template <> struct Wider<uint64_t> { using type = unsigned __int128; };

// 16-bit products must not be made as int, which could overflow.
template <class T> T low_product(T a, T b) {
  using U = std::conditional_t<sizeof(T) == 2, uint32_t, Unsigned<T>>;
  return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
}
template <class T> T high_product(T a, T b) {
  using W = typename Wider<T>::type;
  return static_cast<T>((static_cast<W>(a) * static_cast<W>(b)) >> (8 * sizeof(T)));
}
template <class T> T sum(T a, T b) { return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b)); }

// Division by zero gives all ones, the remainder the dividend; the smallest number by -1 gives itself.
template <class T> T quotient(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return static_cast<T>(-Unsigned<T>(a));
  return static_cast<T>(a / b);
}
template <class T> T rest(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return 0;
  return static_cast<T>(a % b);
}

template <class T> T saturated(int64_t v) {
  return static_cast<T>(v < std::numeric_limits<T>::min()   ? std::numeric_limits<T>::min()
                        : v > std::numeric_limits<T>::max() ? std::numeric_limits<T>::max()
                                                            : v);
}

template <class T> void add_type(Forms &f, const std::string &t, char c) {
  auto signature = [c](int n) {
    static std::map<std::pair<char, int>, std::string> all;
    auto &s = all[{c, n}];
    s.assign(n, c);
    return s.c_str();
  };
  const Category k = Category::integer;
  f[{"add.", t}] = {binary<T, T, T, [](T a, T b) { return sum(a, b); }>, signature(3), k};
  f[{"sub.", t}] = {binary<T, T, T, [](T a, T b) { return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b)); }>, signature(3), k};
  f[{"mul.lo.", t}] = {binary<T, T, T, [](T a, T b) { return low_product(a, b); }>, signature(3), k};
  f[{"mul.hi.", t}] = {binary<T, T, T, [](T a, T b) { return high_product(a, b); }>, signature(3), k};
  f[{"mad.lo.", t}] = {ternary<T, T, T, T, [](T a, T b, T c) { return sum(low_product(a, b), c); }>, signature(4), k};
  f[{"mad.hi.", t}] = {ternary<T, T, T, T, [](T a, T b, T c) { return sum(high_product(a, b), c); }>, signature(4), k};
  f[{"div.", t}] = {binary_each<T, T, T, [](T a, T b) { return quotient(a, b); }>, signature(3), k};
  f[{"rem.", t}] = {binary_each<T, T, T, [](T a, T b) { return rest(a, b); }>, signature(3), k};
  f[{"min.", t}] = {binary<T, T, T, [](T a, T b) { return a < b ? a : b; }>, signature(3), k};
  f[{"max.", t}] = {binary<T, T, T, [](T a, T b) { return b < a ? a : b; }>, signature(3), k};
  if constexpr (std::is_signed_v<T>) {
    f[{"neg.", t}] = {unary<T, T, [](T a) { return static_cast<T>(-Unsigned<T>(a)); }>, signature(2), k};
    f[{"abs.", t}] = {unary<T, T, [](T a) { return a < 0 ? static_cast<T>(-Unsigned<T>(a)) : a; }>, signature(2), k};
  }
  if constexpr (sizeof(T) < 8) {
    using W = typename Wider<T>::type;
    using WU = std::make_unsigned_t<W>;
    static const std::string wide3 = std::string(1, sizeof(T) == 2 ? 'w' : 'l') + std::string(2, c);
    static const std::string wide4 = wide3 + wide3[0];
    f[{"mul.wide.", t}] = {binary<W, T, T, [](T a, T b) { return static_cast<W>(static_cast<W>(a) * static_cast<W>(b)); }>, wide3.c_str(),
                           k};
    f[{"mad.wide.", t}] = {
        ternary<W, T, T, W,
                [](T a, T b, W c) { return static_cast<W>(static_cast<WU>(static_cast<W>(a) * static_cast<W>(b)) + static_cast<WU>(c)); }>,
        wide4.c_str(), k};
  }
}

// s32 division with doubles: the quotient of two 32-bit integers rounded to 53 bits truncates to the right integer.
int32_t quotient32(int32_t a, int32_t b) {
  double q = static_cast<double>(a) / static_cast<double>(b);
  q = q >= 2147483648.0 ? -2147483648.0 : q;
  int32_t r = static_cast<int32_t>(b == 0 ? -1.0 : q);
  return r;
}
int32_t rest32(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) -
                              (b == 0 ? 0u : static_cast<uint32_t>(quotient32(a, b)) * static_cast<uint32_t>(b)));
}

// The carry chain: wide sums in pieces of 32 (or 64) bits; the carry of each lane is a bit of warp.carry.
enum { kCarryIn = 1, kCarryOut = 2 };
template <class T, int kind, int carry> void chain(const Instruction &i, Warp &w) {
  const T *a = w.at<T>(i.o[1]), *b = w.at<T>(i.o[2]), *c = w.at<T>(i.o[kind >= 2 ? 3 : 2]);
  T *d = w.at<T>(i.o[0]);
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    using W = unsigned __int128;
    W in = (carry & kCarryIn) ? w.carry >> l & 1 : 0, r;
    if constexpr (kind == 0) r = W(a[l]) + b[l] + in;
    if constexpr (kind == 1) r = W(a[l]) - b[l] - in;
    if constexpr (kind == 2) r = W(low_product(a[l], b[l])) + c[l] + in;
    if constexpr (kind == 3) r = W(high_product(a[l], b[l])) + c[l] + in;
    d[l] = static_cast<T>(r);
    if (carry & kCarryOut) w.carry = (w.carry & ~(1u << l)) | static_cast<uint32_t>(r >> (8 * sizeof(T)) & 1) << l;
  }
}
template <class T> void add_chain(Forms &f, const std::string &u, const std::string &s, const char *three, const char *four) {
  const Category k = Category::integer;
  for (const std::string &t : {u, s}) {
    f[{"add.cc.", t}] = {chain<T, 0, 2>, three, k};
    f[{"addc.", t}] = {chain<T, 0, 1>, three, k};
    f[{"addc.cc.", t}] = {chain<T, 0, 3>, three, k};
    f[{"sub.cc.", t}] = {chain<T, 1, 2>, three, k};
    f[{"subc.", t}] = {chain<T, 1, 1>, three, k};
    f[{"subc.cc.", t}] = {chain<T, 1, 3>, three, k};
    f[{"mad.lo.cc.", t}] = {chain<T, 2, 2>, four, k};
    f[{"madc.lo.", t}] = {chain<T, 2, 1>, four, k};
    f[{"madc.lo.cc.", t}] = {chain<T, 2, 3>, four, k};
  }
  f[{"mad.hi.cc.", u}] = {chain<T, 3, 2>, four, k};
  f[{"madc.hi.", u}] = {chain<T, 3, 1>, four, k};
  f[{"madc.hi.cc.", u}] = {chain<T, 3, 3>, four, k};
}

// Sums of products of bytes, or of the two halves of a with two bytes of b from byte `from` on.
template <class A, class B> uint32_t dot4(uint32_t a, uint32_t b, uint32_t c) {
  for (int n = 0; n < 32; n += 8) c += static_cast<uint32_t>(static_cast<A>(a >> n) * static_cast<B>(b >> n));
  return c;
}
template <class A, class B, int from> uint32_t dot2(uint32_t a, uint32_t b, uint32_t c) {
  b >>= 8 * from;
  return c + static_cast<uint32_t>(static_cast<A>(a) * static_cast<B>(b)) +
         static_cast<uint32_t>(static_cast<A>(a >> 16) * static_cast<B>(b >> 8));
}
template <auto F> constexpr Form dot_form() { return {ternary<uint32_t, uint32_t, uint32_t, uint32_t, F>, "wwww", Category::integer}; }
template <class A8, class A16, class B> void add_dots(Forms &f, const char *types) {
  f[{"dp4a.", types}] = dot_form<dot4<A8, B>>();
  f[{"dp2a.lo.", types}] = dot_form<dot2<A16, B, 0>>();
  f[{"dp2a.hi.", types}] = dot_form<dot2<A16, B, 2>>();
}

}  // namespace

void add_integer_forms(Forms &f) {
  add_type<int16_t>(f, "s16", 'h');
  add_type<uint16_t>(f, "u16", 'h');
  add_type<int32_t>(f, "s32", 'w');
  add_type<uint32_t>(f, "u32", 'w');
  add_type<int64_t>(f, "s64", 'l');
  add_type<uint64_t>(f, "u64", 'l');
  const Category k = Category::integer;
  f["div.s32"] = {binary<int32_t, int32_t, int32_t, [](int32_t a, int32_t b) { return quotient32(a, b); }>, "www", k};
  f["rem.s32"] = {binary<int32_t, int32_t, int32_t, [](int32_t a, int32_t b) { return rest32(a, b); }>, "www", k};
  f["add.sat.s32"] = {binary<int32_t, int32_t, int32_t, [](int32_t a, int32_t b) { return saturated<int32_t>(int64_t(a) + b); }>, "www", k};
  f["sub.sat.s32"] = {binary<int32_t, int32_t, int32_t, [](int32_t a, int32_t b) { return saturated<int32_t>(int64_t(a) - b); }>, "www", k};
  f["mul24.lo.s32"] = {
      binary<int32_t, int32_t, int32_t,
             [](int32_t a, int32_t b) { return low_product(int32_t(uint32_t(a) << 8) >> 8, int32_t(uint32_t(b) << 8) >> 8); }>,
      "www", k};
  f["mul24.lo.u32"] = {binary<uint32_t, uint32_t, uint32_t, [](uint32_t a, uint32_t b) { return (a & 0xffffff) * (b & 0xffffff); }>, "www",
                       k};
  f["sad.s32"] = {ternary<int32_t, int32_t, int32_t, int32_t,
                          [](int32_t a, int32_t b, int32_t c) {
    return static_cast<int32_t>(static_cast<uint32_t>(c) + (a > b ? uint32_t(a) - uint32_t(b) : uint32_t(b) - uint32_t(a)));
                  }>,
                  "wwww", k};
  f["sad.u32"] = {
      ternary<uint32_t, uint32_t, uint32_t, uint32_t, [](uint32_t a, uint32_t b, uint32_t c) { return c + (a > b ? a - b : b - a); }>,
      "wwww", k};
  add_dots<uint8_t, uint16_t, uint8_t>(f, "u32.u32");
  add_dots<uint8_t, uint16_t, int8_t>(f, "u32.s32");
  add_dots<int8_t, int16_t, uint8_t>(f, "s32.u32");
  add_dots<int8_t, int16_t, int8_t>(f, "s32.s32");
  add_chain<uint32_t>(f, "u32", "s32", "www", "wwww");
  add_chain<uint64_t>(f, "u64", "s64", "lll", "llll");
}

}  // namespace vgpu
