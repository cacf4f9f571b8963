// The .approx instructions. A card's results are within the bounds that the PTX ISA states, not exact; here they are exact and rounded
// once, or, with the setting perturb, anywhere within the bound: a test that breaks then is too tight.
#include "forms.h"
#include "numbers.h"

namespace vgpu {
namespace {

// PTX ISA 9, 9.7.3: div 9.7.3.8, rcp .13, sqrt .15, rsqrt .16, sin .18, cos .19, lg2 .20, ex2 .21, tanh .22.
enum class Bound { ulp1, ulp2, ulp2_of_rounded, relative_23, relative_22_9, sine, logarithm, tanh };

double unit_in_last_place(double x) { return std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23); }

// The largest error of the result for x; `exact` is no zero where it is relative.
template <Bound bound> double most(double x, double exact) {
  constexpr double pi = 3.14159265358979323846;
  if constexpr (bound == Bound::ulp1) return unit_in_last_place(exact);
  if constexpr (bound == Bound::ulp2 || bound == Bound::ulp2_of_rounded) return 2 * unit_in_last_place(exact);
  if constexpr (bound == Bound::relative_23) return std::ldexp(std::abs(exact), -23);
  if constexpr (bound == Bound::relative_22_9) return std::abs(exact) * std::exp2(-22.9);
  if constexpr (bound == Bound::sine) return std::exp2(std::abs(x) <= 2 * pi ? -20.5 : -14.7);  // beyond 100 pi there is no bound
  if constexpr (bound == Bound::logarithm) return x > 0.5 && x < 2 ? std::ldexp(1.0, -22) : std::ldexp(std::abs(exact), -22);
  if constexpr (bound == Bound::tanh) return std::ldexp(std::abs(exact), -11);
}

uint64_t mixed(uint64_t seed, uint64_t argument, uint64_t result) {
  uint64_t h = (seed + 0x9e3779b97f4a7c15u) ^ (argument << 32 | argument >> 32) ^ result;
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
  return h ^ h >> 32;
}

// Another result within the bound; half of them lie at its ends.
template <Bound bound> float perturbed(float r, double exact, double x, uint64_t h) {
  constexpr bool absolute = bound == Bound::sine || bound == Bound::logarithm;
  const uint32_t exponent = std::bit_cast<uint32_t>(r) & 0x7f800000u;
  if (exponent == 0x7f800000u || (absolute ? x == 0 : exponent == 0)) return r;
  const double base = bound == Bound::ulp2_of_rounded ? r : exact, far = most<bound>(x, base);
  const double part = (h & 3) == 0 ? -1 : (h & 3) == 1 ? 1 : std::ldexp(static_cast<double>(h >> 11), -52) - 1;
  float moved = static_cast<float>(base + part * far);
  if (std::abs(moved - base) > far) moved = std::nextafter(moved, r);
  return std::isfinite(moved) && std::abs(moved - base) <= far ? moved : r;
}

template <bool ftz, auto F, Bound bound> void function(const Instruction &i, Warp &w) {
  const float *a = w.at<float>(i.o[1]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<float>(w, i.o[0], [=](int l) {
    const double x = flushed<ftz>(a[l]), exact = F(x);
    float r = canonical(flushed<ftz>(static_cast<float>(exact)));
    if (perturb) r = flushed<ftz>(perturbed<bound>(r, exact, x, mixed(seed, std::bit_cast<uint32_t>(a[l]), std::bit_cast<uint32_t>(r))));
    return r;
  });
}

// `full`: over the whole range. The other one multiplies by the reciprocal, which is 0 for the largest divisors.
template <bool ftz, bool full> void divide(const Instruction &i, Warp &w) {
  const float *a = w.at<float>(i.o[1]), *b = w.at<float>(i.o[2]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<float>(w, i.o[0], [=](int l) {
    const float x = flushed<ftz>(a[l]), y = flushed<ftz>(b[l]);
    if (!full && std::abs(y) > 0x1p126f && std::isfinite(y)) return canonical(x * std::copysign(0.0f, y));
    float r = canonical(flushed<ftz>(x / y));
    if (perturb)
      r = flushed<ftz>(perturbed<Bound::ulp2>(r, static_cast<double>(x) / y, x,
                                              mixed(seed, std::bit_cast<uint32_t>(a[l]), std::bit_cast<uint32_t>(b[l]))));
    return r;
  });
}

// Only the upper words of the argument and the result count: 20 bits of the fraction. How far they may be off is not stated; one unit here.
template <auto F> void upper_word(const Instruction &i, Warp &w) {
  const double *a = w.at<double>(i.o[1]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<double>(w, i.o[0], [=](int l) {
    constexpr uint64_t upper = 0xffffffff00000000u, fraction = 0x000fffffffffffffu, exponent = 0x7ff0000000000000u;
    auto kept = [](uint64_t bits) { return (bits & exponent) ? bits & upper : bits & ~(exponent | fraction); };  // no denormals
    const double r = F(std::bit_cast<double>(kept(std::bit_cast<uint64_t>(a[l]))));
    if (r != r) return std::bit_cast<double>(0x7fffffff00000000u);
    uint64_t bits = kept(std::bit_cast<uint64_t>(r));
    if (perturb && (bits & exponent) && (bits & exponent) != exponent) {
      const uint64_t h = mixed(seed, std::bit_cast<uint64_t>(a[l]), bits);
      const uint64_t moved = bits + (h % 3 << 32) - (uint64_t(1) << 32);
      if ((moved & exponent) && (moved & exponent) != exponent) bits = moved;
    }
    return std::bit_cast<double>(bits);
  });
}

// Made of other instructions on a card; no bound is stated. One unit in the last place.
void reciprocal_root(const Instruction &i, Warp &w) {
  const double *a = w.at<double>(i.o[1]);
  const bool perturb = w.worker->settings.perturb;
  const uint64_t seed = w.worker->settings.seed;
  write_each<double>(w, i.o[0], [=](int l) {
    const double r = 1 / std::sqrt(a[l]);
    if (!perturb || !std::isfinite(r) || r == 0) return r;
    const uint64_t h = mixed(seed, std::bit_cast<uint64_t>(a[l]), std::bit_cast<uint64_t>(r)) % 3;
    return h == 0 ? std::nextafter(r, 0.0) : h == 1 ? std::nextafter(r, 2 * r) : r;
  });
}

template <auto F, Bound bound> void add(Forms &f, const std::string &name) {
  f[{name, ".approx.f32"}] = {function<false, F, bound>, "ff", Category::special};
  f[{name, ".approx.ftz.f32"}] = {function<true, F, bound>, "ff", Category::special};
}

}  // namespace

void add_approximate_forms(Forms &f) {
  add<[](double x) { return 1 / x; }, Bound::ulp1>(f, "rcp");
  add<[](double x) { return std::sqrt(x); }, Bound::relative_23>(f, "sqrt");
  add<[](double x) { return 1 / std::sqrt(x); }, Bound::relative_22_9>(f, "rsqrt");
  add<[](double x) { return std::exp2(x); }, Bound::ulp2_of_rounded>(f, "ex2");
  add<[](double x) { return std::log2(x); }, Bound::logarithm>(f, "lg2");
  add<[](double x) { return std::sin(x); }, Bound::sine>(f, "sin");
  add<[](double x) { return std::cos(x); }, Bound::sine>(f, "cos");
  f["tanh.approx.f32"] = {function<false, [](double x) { return std::tanh(x); }, Bound::tanh>, "ff", Category::special};
  f["div.approx.f32"] = {divide<false, false>, "fff", Category::special};
  f["div.approx.ftz.f32"] = {divide<true, false>, "fff", Category::special};
  f["div.full.f32"] = {divide<false, true>, "fff", Category::special};
  f["div.full.ftz.f32"] = {divide<true, true>, "fff", Category::special};
  f["rcp.approx.ftz.f64"] = {upper_word<[](double a) { return 1 / a; }>, "dd", Category::special};
  f["rsqrt.approx.ftz.f64"] = {upper_word<[](double a) { return 1 / std::sqrt(a); }>, "dd", Category::special};
  f["rsqrt.approx.f64"] = {reciprocal_root, "dd", Category::special};
}

}  // namespace vgpu
