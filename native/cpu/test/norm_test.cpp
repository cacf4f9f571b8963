/* Response normalisation over channels and within maps, and filters kept to a radius, against naive sums in double. */
#include "subject.h"
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

}  // namespace

KERNEL_TEST(response_norm, 25) {
  const int groups = t.random.between(1, 3), in_group = t.random.chance(0.5) ? 16 * t.random.between(1, 4) : t.random.between(1, 40);
  const int channels = groups * in_group, size = t.random.between(1, 7), half = size / 2;
  const int64_t pixels = t.random.between(1, 400);
  const float alpha = t.random.chance(0.5) ? 1e-4f : 0.3f, beta = t.random.chance(0.6) ? 0.75f : 0.6f, k = t.random.between(1, 3);
  Guarded<float> a(pixels * channels), gradient(a.size()), forward(a.size()), backward(a.size());
  t.random.fill(a);
  t.random.fill(gradient);
  run(t, forward, [&](duet_team *team, float *to) {
    t.library.response_norm_forward(team, pixels, channels, groups, size, alpha, beta, k, a.get(), to);
  });
  run(t, backward, [&](duet_team *team, float *to) {
    t.library.response_norm_backward(team, pixels, channels, groups, size, alpha, beta, k, a.get(), gradient.get(), to);
  });
  t.describe("response_norm %d channels, %d groups, size %d, alpha %g, beta %g", channels, groups, size, alpha, beta);
  const auto base = [&](int64_t first, int c) {
    double sum = 0;
    for (int j = std::max(0, c - half); j <= std::min(in_group - 1, c + half); j++) sum += double{a[first + j]} * a[first + j];
    return k + alpha * sum;
  };
  for (int64_t first = 0; first < a.size(); first += in_group) {
    for (int c = 0; c < in_group; c++) {
      const double scaled = a[first + c] * std::pow(base(first, c), -double{beta});
      t.check.near(forward[first + c], {scaled, std::fabs(scaled)}, first + c, 1e-6);
      Exact want;
      want.add(gradient[first + c] * std::pow(base(first, c), -double{beta}));
      for (int j = std::max(0, c - half); j <= std::min(in_group - 1, c + half); j++) {
        want.add(-2.0 * alpha * beta * a[first + c] * gradient[first + j] * a[first + j] * std::pow(base(first, j), -double{beta} - 1));
      }
      t.check.near(backward[first + c], want, first + c);
    }
  }
}

KERNEL_TEST(spatial_norm, 25) {
  const Maps maps{t.random.between(1, 3), t.random.between(1, 9), t.random.between(1, 9), t.random.between(1, 40), t.random.between(0, 4)};
  const float alpha = t.random.chance(0.5) ? 4e-5f : 0.3f, beta = t.random.chance(0.6) ? 0.75f : 0.6f, k = t.random.between(1, 3);
  const duet_spatial_norm norm{maps.batch, maps.channels, maps.height, maps.width, 2 * maps.half + 1, alpha, beta, k};
  Guarded<float> a(maps.size()), gradient(a.size()), forward(a.size()), backward(a.size()), workspace(a.size());
  t.random.fill(a);
  t.random.fill(gradient);
  t.describe("spatial_norm %dx%dx%dx%d, size %d, alpha %g, beta %g", maps.batch, maps.height, maps.width, maps.channels, norm.size, alpha,
             beta);
  run(t, forward, [&](duet_team *team, float *to) { t.library.spatial_norm_forward(team, &norm, a.get(), to); });
  run(t, backward,
      [&](duet_team *team, float *to) { t.library.spatial_norm_backward(team, &norm, a.get(), gradient.get(), to, workspace.get()); });
  std::vector<double> base(a.size());
  for (int64_t i = 0; i < a.size(); i++) base[i] = k + alpha * maps.window_sum(i, [&](int64_t j) { return double{a[j]} * a[j]; });
  for (int64_t i = 0; i < a.size(); i++) {
    const double power = std::pow(base[i], -double{beta});
    t.check.near(forward[i], {a[i] * power, std::fabs(a[i] * power)}, i);
    const auto term = [&](int64_t j) { return double{gradient[j]} * a[j] * std::pow(base[j], -double{beta} - 1); };
    const double factor = 2.0 * alpha * beta * a[i];
    Exact want;
    want.add(gradient[i] * power);
    want.add(-factor * maps.window_sum(i, term));
    want.size += std::fabs(factor) * maps.window_sum(i, [&](int64_t j) { return std::fabs(term(j)); });
    t.check.near(backward[i], want, i);
  }
}

KERNEL_TEST(filter_renormalise, 25) {
  const int groups = t.random.between(1, 3), inputs = t.random.between(1, 12), outputs = t.random.between(1, 70),
            kernel = t.random.between(1, 4);
  const duet_convolution c{1, groups * inputs, kernel, kernel, groups * outputs, kernel,   kernel, 1, 0,
                           0, groups,          1,      1,      DUET_DIRECT,      DUET_FP32};
  const int64_t taps = int64_t{inputs} * kernel * kernel;
  const float radius = 0.9f;
  Guarded<float> before(groups * outputs * taps), after(before.size()), packed(t.library.filter_elements(&c));
  t.random.fill(before);
  t.describe("filter_renormalise %d groups of %d filters, %lld taps", groups, outputs, static_cast<long long>(taps));
  run(t, packed, [&](duet_team *team, float *to) {
    t.library.filter_pack(team, &c, before.get(), to);
    t.library.filter_renormalise(team, &c, radius, to);
  });
  t.library.filter_unpack(t.teams.teams[0], &c, packed.get(), after.get());
  for (int64_t first = 0; first < before.size(); first += taps) {
    double squares = 0;
    for (int64_t i = first; i < first + taps; i++) squares += double{before[i]} * before[i];
    const double factor = std::min(1.0, radius / std::sqrt(squares / taps));
    for (int64_t i = first; i < first + taps; i++) t.check.near(after[i], {before[i] * factor, std::fabs(before[i] * factor)}, i);
  }
}
