// Bit operations, selections, and moves that are one function of a lane.
#include "forms.h"
#include <bit>

namespace vgpu {
namespace {

using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;

template <class T> void logic(Forms &f, const std::string &t, const char *two, const char *three) {
  const Category k = Category::integer;
  f[{"and.", t}] = {binary<T, T, T, [](T a, T b) { return static_cast<T>(a & b); }>, three, k};
  f[{"or.", t}] = {binary<T, T, T, [](T a, T b) { return static_cast<T>(a | b); }>, three, k};
  f[{"xor.", t}] = {binary<T, T, T, [](T a, T b) { return static_cast<T>(a ^ b); }>, three, k};
  f[{"not.", t}] = {unary<T, T, [](T a) { return static_cast<T>(~a); }>, two, k};
  f[{"cnot.", t}] = {unary<T, T, [](T a) { return static_cast<T>(a == 0 ? 1 : 0); }>, two, k};
}

// Shifts by the width or more give zero, or the sign.
template <class T, class S> void shifts(Forms &f, const std::string &b, const std::string &u, const std::string &s, const char *three) {
  constexpr u32 width = 8 * sizeof(T);
  const Category k = Category::integer;
  f[{"shl.", b}] = {binary<T, T, u32, [](T a, u32 n) { return static_cast<T>(n < width ? a << (n & (width - 1)) : 0); }>, three, k};
  f[{"shr.", u}] = {binary<T, T, u32, [](T a, u32 n) { return static_cast<T>(n < width ? a >> (n & (width - 1)) : 0); }>, three, k};
  f[{"shr.", b}] = f[{"shr.", u}];
  f[{"shr.", s}] = {binary<S, S, u32, [](S a, u32 n) { return static_cast<S>(a >> (n < width ? n : width - 1)); }>, three, k};
}

// PTX: position and length are taken from the low bytes; a field past the end is filled with the sign.
template <class T> T extract(T a, u32 b, u32 c) {
  constexpr u32 width = 8 * sizeof(T);
  using U = std::make_unsigned_t<T>;
  u32 position = b & 0xff, length = c & 0xff;
  if (length == 0) return 0;
  U sign = 0;
  if constexpr (std::is_signed_v<T>) sign = U(a) >> std::min(position + length - 1, width - 1) & 1 ? ~U(0) : U(0);
  U field = position < width ? U(a) >> position : 0;
  u32 kept = std::min(length, position < width ? width - position : 0);
  U mask = kept >= width ? ~U(0) : (U(1) << kept) - 1;
  U high = length >= width ? ~U(0) : (U(1) << length) - 1;  // bits of the result that belong to the field
  U value = (field & mask) | (sign & high & ~mask);
  return static_cast<T>((value & high) | (sign & ~high));
}
template <class T> T insert(T a, T b, u32 c, u32 d) {
  constexpr u32 width = 8 * sizeof(T);
  u32 position = c & 0xff, length = d & 0xff;
  if (position >= width || length == 0) return b;
  T mask = length >= width ? ~T(0) : (T(1) << length) - 1;
  mask <<= position;
  return ((a << position) & mask) | (b & ~mask);
}
template <class T> void insert_field(const Instruction &i, Warp &w) {
  const T *a = w.at<T>(i.o[1]), *b = w.at<T>(i.o[2]);
  const u32 *c = w.at<u32>(i.o[3]), *d = w.at<u32>(i.o[4]);
  if (i.uniform && w.mask == w.whole) return write_all<T>(w, i.o[0], insert(a[0], b[0], c[0], d[0]));
  write_each<T>(w, i.o[0], [=](int l) { return insert(a[l], b[l], c[l], d[l]); });
}

u32 permute(u32 a, u32 b, u32 selector) {
  u64 both = u64(b) << 32 | a;
  u32 result = 0;
  for (int n = 0; n < 4; ++n) {
    u32 s = selector >> (4 * n) & 0xf;
    u32 byte = both >> (8 * (s & 7)) & 0xff;
    if (s & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * n);
  }
  return result;
}

void lop3(const Instruction &i, Warp &w) {
  const u32 *a = w.at<u32>(i.o[1]), *b = w.at<u32>(i.o[2]), *c = w.at<u32>(i.o[3]);
  const u32 table = *w.at<u32>(i.o[4]);
  u32 t[8];
  for (int n = 0; n < 8; ++n) t[n] = -(table >> n & 1);
  write_lanes<u32>(w, i.o[0], [=](int l) {
    u32 x = a[l], y = b[l], z = c[l];
    return (~x & ~y & ~z & t[0]) | (~x & ~y & z & t[1]) | (~x & y & ~z & t[2]) | (~x & y & z & t[3]) | (x & ~y & ~z & t[4]) |
           (x & ~y & z & t[5]) | (x & y & ~z & t[6]) | (x & y & z & t[7]);
  });
}

// lop3 with a predicate: d, p, a, b, c, table, q; mode: and. p is true for the lanes whose result is not 0, combined with q.
void lop3_predicate(const Instruction &i, Warp &w) {
  const u32 q = w.predicate(i.o[6]);
  Instruction plain = i;
  for (int n = 1; n < 5; ++n) plain.o[n] = i.o[n + 1];
  lop3(plain, w);
  const u32 *d = w.at<u32>(i.o[0]);
  u32 r = 0;
  for (int l = 0; l < kLanes; ++l) r |= static_cast<u32>(d[l] != 0) << l;
  write_predicate(w, i.o[1], i.mode ? r & q : r | q);
}

// b bits from bit a on.
template <bool clamp> u32 bit_mask(u32 a, u32 b) {
  const u32 position = a & 31, width = b & 31;
  if (clamp && a >= 32) return 0;
  if (clamp && b >= 32) return ~0u << position;
  return static_cast<u32>(((u64(1) << width) - 1) << position);
}
// The low b bits, extended by their sign or zeros.
template <class T, bool clamp> u32 extend(u32 a, u32 b) {
  const u32 width = b & 31;
  if (clamp && b >= 32) return a;
  if (width == 0) return 0;
  const u32 high = ~0u << width;
  return std::is_signed_v<T> && (a >> (width - 1) & 1) ? a | high : a & ~high;
}

template <bool wrap> u32 amount(u32 c) { return wrap ? c & 31 : std::min(c, 32u); }

template <class T> void choose(const Instruction &i, Warp &w) {
  const T *a = w.at<T>(i.o[1]), *b = w.at<T>(i.o[2]);
  const u32 p = w.predicate(i.o[3]) ^ static_cast<u32>(i.immediate);  // -1: !p
  if (i.uniform && w.mask == w.whole) return write_all<T>(w, i.o[0], p & 1 ? a[0] : b[0]);
  write_lanes<T>(w, i.o[0], [=](int l) { return p >> l & 1 ? a[l] : b[l]; });
}
template <class T, class C> void choose_by_sign(const Instruction &i, Warp &w) {
  const T *a = w.at<T>(i.o[1]), *b = w.at<T>(i.o[2]);
  const C *c = w.at<C>(i.o[3]);
  write_lanes<T>(w, i.o[0], [=](int l) { return c[l] >= 0 ? a[l] : b[l]; });
}

template <auto F> void predicate_logic(const Instruction &i, Warp &w) {
  write_predicate(w, i.o[0], F(w.predicate(i.o[1]), w.predicate(i.o[2])));
}

template <class T> u32 highest(T a, bool shift_amount) {
  using U = std::make_unsigned_t<T>;
  if (std::is_signed_v<T> && a < 0) a = ~a;
  if (a == 0) return ~0u;
  u32 lead = std::countl_zero(U(a));
  return shift_amount ? lead : 8 * sizeof(T) - 1 - lead;
}

}  // namespace

void add_bit_forms(Forms &f) {
  const Category k = Category::integer;
  logic<u16>(f, "b16", "hh", "hhh");
  logic<u32>(f, "b32", "ww", "www");
  logic<u64>(f, "b64", "ll", "lll");
  f["and.pred"] = {predicate_logic<[](u32 a, u32 b) { return a & b; }>, "ppp", k};
  f["or.pred"] = {predicate_logic<[](u32 a, u32 b) { return a | b; }>, "ppp", k};
  f["xor.pred"] = {predicate_logic<[](u32 a, u32 b) { return a ^ b; }>, "ppp", k};
  f["not.pred"] = {[](const Instruction &i, Warp &w) { write_predicate(w, i.o[0], ~w.predicate(i.o[1])); }, "pp", k};
  f["mov.pred"] = {[](const Instruction &i, Warp &w) { write_predicate(w, i.o[0], w.predicate(i.o[1])); }, "pp", Category::move};

  shifts<u16, int16_t>(f, "b16", "u16", "s16", "hhw");
  shifts<u32, int32_t>(f, "b32", "u32", "s32", "www");
  shifts<u64, int64_t>(f, "b64", "u64", "s64", "llw");
  f["bfe.u32"] = {ternary_each<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return extract(a, b, c); }>, "wwww", k};
  f["bfe.s32"] = {ternary_each<int32_t, int32_t, u32, u32, [](int32_t a, u32 b, u32 c) { return extract(a, b, c); }>, "wwww", k};
  f["bfe.u64"] = {ternary_each<u64, u64, u32, u32, [](u64 a, u32 b, u32 c) { return extract(a, b, c); }>, "llww", k};
  f["bfe.s64"] = {ternary_each<int64_t, int64_t, u32, u32, [](int64_t a, u32 b, u32 c) { return extract(a, b, c); }>, "llww", k};
  f["bfi.b32"] = {insert_field<u32>, "wwwww", k};
  f["bfi.b64"] = {insert_field<u64>, "lllww", k};
  f["prmt.b32"] = {ternary_each<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return permute(a, b, c); }>, "wwww", k};
  f["lop3.b32"] = {lop3, "wwwww", k};
  f["lop3.and.b32"] = f["lop3.or.b32"] = {lop3_predicate, "wwwwwp", k};  // the decoder adds the destination p
  f["bmsk.clamp.b32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return bit_mask<true>(a, b); }>, "www", k};
  f["bmsk.wrap.b32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return bit_mask<false>(a, b); }>, "www", k};
  f["szext.clamp.u32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return extend<u32, true>(a, b); }>, "www", k};
  f["szext.wrap.u32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return extend<u32, false>(a, b); }>, "www", k};
  f["szext.clamp.s32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return extend<int32_t, true>(a, b); }>, "www", k};
  f["szext.wrap.s32"] = {binary<u32, u32, u32, [](u32 a, u32 b) { return extend<int32_t, false>(a, b); }>, "www", k};
  f["shf.l.wrap.b32"] = {
      ternary<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64(b) << 32 | a) << amount<true>(c) >> 32); }>,
      "wwww", k};
  f["shf.l.clamp.b32"] = {
      ternary<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64(b) << 32 | a) << amount<false>(c) >> 32); }>,
      "wwww", k};
  f["shf.r.wrap.b32"] = {
      ternary<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64(b) << 32 | a) >> amount<true>(c)); }>, "wwww", k};
  f["shf.r.clamp.b32"] = {
      ternary<u32, u32, u32, u32, [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64(b) << 32 | a) >> amount<false>(c)); }>, "wwww", k};
  f["popc.b32"] = {unary_each<u32, u32, [](u32 a) { return u32(std::popcount(a)); }>, "ww", k};
  f["popc.b64"] = {unary_each<u32, u64, [](u64 a) { return u32(std::popcount(a)); }>, "wl", k};
  f["clz.b32"] = {unary_each<u32, u32, [](u32 a) { return u32(std::countl_zero(a)); }>, "ww", k};
  f["clz.b64"] = {unary_each<u32, u64, [](u64 a) { return u32(std::countl_zero(a)); }>, "wl", k};
  f["brev.b32"] = {unary_each<u32, u32,
                              [](u32 a) {
    a = __builtin_bswap32(a);
    a = (a >> 4 & 0x0f0f0f0f) | (a & 0x0f0f0f0f) << 4;
    a = (a >> 2 & 0x33333333) | (a & 0x33333333) << 2;
    return (a >> 1 & 0x55555555) | (a & 0x55555555) << 1;
                   }>,
                   "ww", k};
  f["brev.b64"] = {unary_each<u64, u64,
                              [](u64 a) {
    u64 r = 0;
    for (int n = 0; n < 64; ++n) r |= (a >> n & 1) << (63 - n);
    return r;
                   }>,
                   "ll", k};
  f["bfind.u32"] = {unary_each<u32, u32, [](u32 a) { return highest(a, false); }>, "ww", k};
  f["bfind.s32"] = {unary_each<u32, int32_t, [](int32_t a) { return highest(a, false); }>, "ww", k};
  f["bfind.u64"] = {unary_each<u32, u64, [](u64 a) { return highest(a, false); }>, "wl", k};
  f["bfind.s64"] = {unary_each<u32, int64_t, [](int64_t a) { return highest(a, false); }>, "wl", k};
  f["bfind.shiftamt.u32"] = {unary_each<u32, u32, [](u32 a) { return highest(a, true); }>, "ww", k};
  f["bfind.shiftamt.s32"] = {unary_each<u32, int32_t, [](int32_t a) { return highest(a, true); }>, "ww", k};

  for (const char *t : {"b16", "u16", "s16"}) f[{"selp.", t}] = {choose<u16>, "hhhp", Category::move};
  for (const char *t : {"b32", "u32", "s32"}) f[{"selp.", t}] = {choose<u32>, "wwwp", Category::move};
  for (const char *t : {"b64", "u64", "s64"}) f[{"selp.", t}] = {choose<u64>, "lllp", Category::move};
  f["selp.f32"] = {choose<u32>, "fffp", Category::move};
  f["selp.f64"] = {choose<u64>, "dddp", Category::move};
  for (const char *t : {"b32", "u32", "s32", "f32"}) {
    f[{"slct.", t, ".s32"}] = {choose_by_sign<u32, int32_t>, t[0] == 'f' ? "fffw" : "wwww", Category::move};
    f[{"slct.", t, ".f32"}] = {choose_by_sign<u32, float>, t[0] == 'f' ? "ffff" : "wwwf", Category::move};
  }
  for (const char *t : {"b16", "u16", "s16"}) f[{"mov.", t}] = {unary<u16, u16, [](u16 a) { return a; }>, "hh", Category::move};
  for (const char *t : {"b32", "u32", "s32"}) f[{"mov.", t}] = {unary<u32, u32, [](u32 a) { return a; }>, "ww", Category::move};
  for (const char *t : {"b64", "u64", "s64"}) f[{"mov.", t}] = {unary<u64, u64, [](u64 a) { return a; }>, "ll", Category::move};
  f["mov.f32"] = {unary<u32, u32, [](u32 a) { return a; }>, "ff", Category::move};
  f["mov.f64"] = {unary<u64, u64, [](u64 a) { return a; }>, "dd", Category::move};
}

}  // namespace vgpu
