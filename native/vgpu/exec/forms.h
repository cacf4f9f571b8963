// Building blocks of the tables of forms: handlers made of a function of one lane.
#pragma once
#include "warp.h"
#include <initializer_list>
#include <string_view>
#include <unordered_map>

namespace vgpu {

// The table by name. Names are put together in one place: hundreds of concatenations take a compiler longer than the handlers.
class Forms {
 public:
  Form &operator[](const char *name);
  Form &operator[](std::initializer_list<std::string_view> parts);  // of the name
  const Form *find(const std::string &name) const;

 private:
  std::unordered_map<std::string, Form> forms_;
};
void add_integer_forms(Forms &forms);
void add_bit_forms(Forms &forms);
void add_float_forms(Forms &forms);
void add_approximate_forms(Forms &forms);
void add_compare_forms(Forms &forms);
void add_convert_forms(Forms &forms);
void add_half_forms(Forms &forms);
void add_half_convert_forms(Forms &forms);

template <class D, class A, auto F> void unary(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0]));
  write_lanes<D>(w, i.o[0], [=](int l) { return F(a[l]); });
}
template <class D, class A, class B, auto F> void binary(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  const B *b = w.at<B>(i.o[2]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0], b[0]));
  write_lanes<D>(w, i.o[0], [=](int l) { return F(a[l], b[l]); });
}
template <class D, class A, class B, class C, auto F> void ternary(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  const B *b = w.at<B>(i.o[2]);
  const C *c = w.at<C>(i.o[3]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0], b[0], c[0]));
  write_lanes<D>(w, i.o[0], [=](int l) { return F(a[l], b[l], c[l]); });
}
template <class D, class A, auto F> void unary_each(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0]));
  write_each<D>(w, i.o[0], [=](int l) { return F(a[l]); });
}
template <class D, class A, class B, auto F> void binary_each(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  const B *b = w.at<B>(i.o[2]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0], b[0]));
  write_each<D>(w, i.o[0], [=](int l) { return F(a[l], b[l]); });
}
template <class D, class A, class B, class C, auto F> void ternary_each(const Instruction &i, Warp &w) {
  const A *a = w.at<A>(i.o[1]);
  const B *b = w.at<B>(i.o[2]);
  const C *c = w.at<C>(i.o[3]);
  if (i.uniform && w.mask == w.whole) return write_all<D>(w, i.o[0], F(a[0], b[0], c[0]));
  write_each<D>(w, i.o[0], [=](int l) { return F(a[l], b[l], c[l]); });
}

}  // namespace vgpu
