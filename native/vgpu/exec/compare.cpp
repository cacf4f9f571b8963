// setp: comparisons into predicates. (set is decoded as setp and a selection.)
#include "forms.h"
#include "numbers.h"

namespace vgpu {
namespace {

// Operands: p, q (or a throw-away), a, b, c. mode: 0 plain, 1 and, 2 or, 3 xor with c; immediate -1 for !c.
template <class T, bool ftz, auto F> void set_predicate(const Instruction &i, Warp &w) {
  const T *a = w.at<T>(i.o[2]), *b = w.at<T>(i.o[3]);
  uint32_t r = 0;
  if (i.uniform && w.mask == w.whole) {
    r = F(a[0], b[0]) ? kAll : 0;
  } else {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) {
      if constexpr (ftz) r |= static_cast<uint32_t>(F(flush(a[l]), flush(b[l]))) << l;
      else r |= static_cast<uint32_t>(F(a[l], b[l])) << l;
    }
  }
  if (__builtin_expect(i.mode == 0, 1)) return write_predicate(w, i.o[0], r);
  const uint32_t c = i.mode > 3 ? 0 : w.predicate(i.o[4]) ^ static_cast<uint32_t>(i.immediate);
  const uint32_t n = ~r;
  write_predicate(w, i.o[0], i.mode == 1 ? r & c : i.mode == 2 ? r | c : i.mode == 3 ? r ^ c : r);
  write_predicate(w, i.o[1], i.mode == 1 ? n & c : i.mode == 2 ? n | c : i.mode == 3 ? n ^ c : n);
}

template <class T> void equality(Forms &f, const std::string &t, const char *signature) {
  const Category k = Category::integer;
  f[{"setp.eq.", t}] = {set_predicate<T, false, [](T a, T b) { return a == b; }>, signature, k};
  f[{"setp.ne.", t}] = {set_predicate<T, false, [](T a, T b) { return a != b; }>, signature, k};
}
template <class T> void order(Forms &f, const std::string &t, const char *signature, std::initializer_list<const char *> names) {
  const Category k = Category::integer;
  const char *const *n = names.begin();
  equality<T>(f, t, signature);
  f[{"setp.", n[0], ".", t}] = {set_predicate<T, false, [](T a, T b) { return a < b; }>, signature, k};
  f[{"setp.", n[1], ".", t}] = {set_predicate<T, false, [](T a, T b) { return a <= b; }>, signature, k};
  f[{"setp.", n[2], ".", t}] = {set_predicate<T, false, [](T a, T b) { return b < a; }>, signature, k};
  f[{"setp.", n[3], ".", t}] = {set_predicate<T, false, [](T a, T b) { return b <= a; }>, signature, k};
}

template <class F, bool ftz> void floats(Forms &f, const std::string &t, const char *s) {
  const Category k = Category::other_float;
  f[{"setp.eq.", t}] = {set_predicate<F, ftz, [](F a, F b) { return a == b; }>, s, k};
  f[{"setp.ne.", t}] = {set_predicate<F, ftz, [](F a, F b) { return (a < b) | (b < a); }>, s, k};
  f[{"setp.lt.", t}] = {set_predicate<F, ftz, [](F a, F b) { return a < b; }>, s, k};
  f[{"setp.le.", t}] = {set_predicate<F, ftz, [](F a, F b) { return a <= b; }>, s, k};
  f[{"setp.gt.", t}] = {set_predicate<F, ftz, [](F a, F b) { return b < a; }>, s, k};
  f[{"setp.ge.", t}] = {set_predicate<F, ftz, [](F a, F b) { return b <= a; }>, s, k};
  f[{"setp.equ.", t}] = {set_predicate<F, ftz, [](F a, F b) { return !((a < b) | (b < a)); }>, s, k};
  f[{"setp.neu.", t}] = {set_predicate<F, ftz, [](F a, F b) { return a != b; }>, s, k};
  f[{"setp.ltu.", t}] = {set_predicate<F, ftz, [](F a, F b) { return !(b <= a); }>, s, k};
  f[{"setp.leu.", t}] = {set_predicate<F, ftz, [](F a, F b) { return !(b < a); }>, s, k};
  f[{"setp.gtu.", t}] = {set_predicate<F, ftz, [](F a, F b) { return !(a <= b); }>, s, k};
  f[{"setp.geu.", t}] = {set_predicate<F, ftz, [](F a, F b) { return !(a < b); }>, s, k};
  f[{"setp.num.", t}] = {set_predicate<F, ftz, [](F a, F b) { return (a == a) & (b == b); }>, s, k};
  f[{"setp.nan.", t}] = {set_predicate<F, ftz, [](F a, F b) { return (a != a) | (b != b); }>, s, k};
}

}  // namespace

void add_compare_forms(Forms &f) {
  equality<uint16_t>(f, "b16", "hh");
  equality<uint32_t>(f, "b32", "ww");
  equality<uint64_t>(f, "b64", "ll");
  order<int16_t>(f, "s16", "hh", {"lt", "le", "gt", "ge"});
  order<int32_t>(f, "s32", "ww", {"lt", "le", "gt", "ge"});
  order<int64_t>(f, "s64", "ll", {"lt", "le", "gt", "ge"});
  for (auto names : {std::initializer_list<const char *>{"lt", "le", "gt", "ge"}, {"lo", "ls", "hi", "hs"}}) {
    order<uint16_t>(f, "u16", "hh", names);
    order<uint32_t>(f, "u32", "ww", names);
    order<uint64_t>(f, "u64", "ll", names);
  }
  floats<float, false>(f, "f32", "ff");
  floats<float, true>(f, "ftz.f32", "ff");
  floats<double, false>(f, "f64", "dd");
}

}  // namespace vgpu
