/* Response normalisation within maps, and filters kept to a radius, against naive sums in double. */
#include "check.h"
#include <algorithm>

namespace {

/* A map of an NHWC image and the window around a pixel. */
struct Maps {
  int batch, height, width, channels, half;
  int64_t size() const { return int64_t{batch} * height * width * channels; }

  /* Sum of value(element) over the window of element i. */
  template <class Value> double window_sum(int64_t i, Value value) const {
    const int64_t pixel = i / channels, c = i % channels;
    const int x = static_cast<int>(pixel % width), y = static_cast<int>(pixel / width % height);
    const int64_t image = pixel - int64_t{y} * width - x;
    double sum = 0;
    for (int row = std::max(0, y - half); row <= std::min(height - 1, y + half); row++) {
      for (int column = std::max(0, x - half); column <= std::min(width - 1, x + half); column++) {
        sum += value((image + int64_t{row} * width + column) * channels + c);
      }
    }
    return sum;
  }
};

void spatial_norm(const Library &library, Teams &teams, Random &random, Checker &check) {
  const Maps maps{random.between(1, 3), random.between(1, 9), random.between(1, 9), random.between(1, 40), random.between(0, 4)};
  const float alpha = random.chance(0.5) ? 4e-5f : 0.3f, beta = random.chance(0.6) ? 0.75f : 0.6f, k = random.between(1, 3);
  const duet_spatial_norm norm{maps.batch, maps.channels, maps.height, maps.width, 2 * maps.half + 1, alpha, beta, k};
  Guarded<float> a(maps.size()), gradient(a.size()), forward(a.size()), backward(a.size()), workspace(a.size());
  random.fill(a);
  random.fill(gradient);
  check.describe("%s spatial_norm %dx%dx%dx%d, size %d, alpha %g, beta %g", library.instruction_set(), maps.batch, maps.height, maps.width,
                 maps.channels, norm.size, alpha, beta);
  with_each_team<float>(check, teams, forward, [&](duet_team *team, int, float *to) { library.spatial_norm_forward(team, &norm, a.get(), to); });
  with_each_team<float>(check, teams, backward, [&](duet_team *team, int, float *to) {
    library.spatial_norm_backward(team, &norm, a.get(), gradient.get(), to, workspace.get());
  });
  std::vector<double> base(a.size());
  for (int64_t i = 0; i < a.size(); i++) base[i] = k + alpha * maps.window_sum(i, [&](int64_t j) { return double{a[j]} * a[j]; });
  for (int64_t i = 0; i < a.size(); i++) {
    const double power = std::pow(base[i], -double{beta});
    check.near(forward[i], {a[i] * power, std::fabs(a[i] * power)}, i);
    const auto term = [&](int64_t j) { return double{gradient[j]} * a[j] * std::pow(base[j], -double{beta} - 1); };
    const double factor = 2.0 * alpha * beta * a[i];
    Exact want;
    want.add(gradient[i] * power);
    want.add(-factor * maps.window_sum(i, term));
    want.size += std::fabs(factor) * maps.window_sum(i, [&](int64_t j) { return std::fabs(term(j)); });
    check.near(backward[i], want, i);
  }
}

void filter_renormalise(const Library &library, Teams &teams, Random &random, Checker &check) {
  const int groups = random.between(1, 3), inputs = random.between(1, 12), outputs = random.between(1, 70), kernel = random.between(1, 4);
  const duet_convolution c{1, groups * inputs, kernel, kernel, groups * outputs, kernel, kernel, 1, 0, groups, 1, 1, DUET_DIRECT, DUET_FP32};
  const int64_t taps = int64_t{inputs} * kernel * kernel;
  const float radius = 0.9f;
  Guarded<float> before(groups * outputs * taps), after(before.size()), packed(library.filter_elements(&c));
  random.fill(before);
  check.describe("%s filter_renormalise %d groups of %d filters, %lld taps", library.instruction_set(), groups, outputs, static_cast<long long>(taps));
  with_each_team<float>(check, teams, packed, [&](duet_team *team, int, float *to) {
    library.filter_pack(team, &c, before.get(), to);
    library.filter_renormalise(team, &c, radius, to);
  });
  library.filter_unpack(teams.teams[0], &c, packed.get(), after.get());
  for (int64_t first = 0; first < before.size(); first += taps) {
    double squares = 0;
    for (int64_t i = first; i < first + taps; i++) squares += double{before[i]} * before[i];
    const double factor = std::min(1.0, radius / std::sqrt(squares / taps));
    for (int64_t i = first; i < first + taps; i++) check.near(after[i], {before[i] * factor, std::fabs(before[i] * factor)}, i);
  }
}

}  // namespace

void test_spatial_norm(const Library &library, Teams &teams, Random &random, Checker &check) {
  for (int i = 0; i < 25; i++) {
    spatial_norm(library, teams, random, check);
    filter_renormalise(library, teams, random, check);
  }
}
