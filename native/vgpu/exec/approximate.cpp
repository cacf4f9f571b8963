// The .approx instructions. A card's results are within documented bounds, not exact; here they are exact and rounded once,
// or, with the setting perturb, off by a random unit in the last place: a test that breaks then is too tight.
#pragma GCC optimize("O2,no-math-errno")
#include "forms.h"
#include "numbers.h"

namespace vgpu {
namespace {

float perturbed(float r, float argument, uint64_t seed) {
  uint32_t b = std::bit_cast<uint32_t>(r);
  if ((b & 0x7f800000u) == 0x7f800000u || (b & 0x7f800000u) == 0) return r;
  uint64_t h = (seed + 0x9e3779b97f4a7c15u) ^ (uint64_t(std::bit_cast<uint32_t>(argument)) << 32 | b);
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 32) % 3;
  float moved = std::bit_cast<float>(b + static_cast<uint32_t>(h) - 1);
  return std::isfinite(moved) && (std::bit_cast<uint32_t>(moved) & 0x7f800000u) ? moved : r;
}

template <bool ftz, auto F> void function(const Instruction &i, Warp &w) {
  const float *a = w.at<float>(i.o[1]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<float>(w, i.o[0], [=](int l) {
    float r = canonical(flushed<ftz>(static_cast<float>(F(static_cast<double>(flushed<ftz>(a[l]))))));
    return perturb ? perturbed(r, a[l], seed) : r;
  });
}

template <bool ftz> void divide(const Instruction &i, Warp &w) {
  const float *a = w.at<float>(i.o[1]), *b = w.at<float>(i.o[2]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<float>(w, i.o[0], [=](int l) {
    float r = canonical(flushed<ftz>(flushed<ftz>(a[l]) / flushed<ftz>(b[l])));
    return perturb ? perturbed(r, a[l], seed) : r;
  });
}

template <auto F> void add(Forms &f, const std::string &name) {
  f[{name, ".approx.f32"}] = {function<false, F>, "ff", Category::special};
  f[{name, ".approx.ftz.f32"}] = {function<true, F>, "ff", Category::special};
}

}  // namespace

void add_approximate_forms(Forms &f) {
  add<[](double x) { return 1 / x; }>(f, "rcp");
  add<[](double x) { return std::sqrt(x); }>(f, "sqrt");
  add<[](double x) { return 1 / std::sqrt(x); }>(f, "rsqrt");
  add<[](double x) { return std::exp2(x); }>(f, "ex2");
  add<[](double x) { return std::log2(x); }>(f, "lg2");
  add<[](double x) { return std::sin(x); }>(f, "sin");
  add<[](double x) { return std::cos(x); }>(f, "cos");
  f["tanh.approx.f32"] = {function<false, [](double x) { return std::tanh(x); }>, "ff", Category::special};
  for (const char *kind : {"approx", "full"}) {
    f[{"div.", kind, ".f32"}] = {divide<false>, "fff", Category::special};
    f[{"div.", kind, ".ftz.f32"}] = {divide<true>, "fff", Category::special};
  }
  // For doubles they keep about 20 bits of the result: the low word of it is zero.
  f["rcp.approx.ftz.f64"] = {unary_each<double, double, [](double a) {
    return std::bit_cast<double>(std::bit_cast<uint64_t>(1 / a) & 0xffffffff00000000u); }>, "dd", Category::special};
  f["rsqrt.approx.f64"] = {unary_each<double, double, [](double a) { return 1 / std::sqrt(a); }>, "dd", Category::special};
  f["rsqrt.approx.ftz.f64"] = {unary_each<double, double, [](double a) {
    return std::bit_cast<double>(std::bit_cast<uint64_t>(1 / std::sqrt(a)) & 0xffffffff00000000u); }>, "dd", Category::special};
}

}  // namespace vgpu
