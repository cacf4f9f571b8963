/* Plain loops: the compiler makes vectors of them, and memory is what limits them. */
#include "runtime/interface.h"
#include "elementwise/exponential.h"
#include "runtime/team.h"
#include <cmath>
#include <limits>

using namespace duet;

namespace {

/* 64 KiB: a task is long against the cost of handing it out. */
constexpr int64_t kGrain = 16 << 10;

template <class Function> void each(duet_team *team, int64_t count, const float *a, float *out, Function function) {
  parallel_slices(team, count, kGrain, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) out[i] = function(a[i]);
  });
}

template <class Function> void each(duet_team *team, int64_t count, const float *a, const float *b, float *out, Function function) {
  parallel_slices(team, count, kGrain, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) out[i] = function(a[i], b[i]);
  });
}

double squares(int64_t count, const float *values) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += double{values[i]} * values[i];
  return sum;
}

}  // namespace

extern "C" {

int32_t duet_relu_forward(duet_team *team, int64_t count, const float *input, float *output) noexcept {
  return guarded([&] { each(team, count, input, output, [](float x) { return x < 0 ? 0 : x; }); });
}

int32_t duet_relu_backward(duet_team *team, int64_t count, const float *output, const float *output_gradient,
                           float *input_gradient) noexcept {
  return guarded(
      [&] { each(team, count, output, output_gradient, input_gradient, [](float y, float gradient) { return y > 0 ? gradient : 0; }); });
}

int32_t duet_tanh_forward(duet_team *team, int64_t count, const float *input, float *output) noexcept {
  return guarded([&] { each(team, count, input, output, [](float x) { return hyperbolic_tangent(x); }); });
}

int32_t duet_tanh_backward(duet_team *team, int64_t count, const float *output, const float *output_gradient,
                           float *input_gradient) noexcept {
  return guarded(
      [&] { each(team, count, output, output_gradient, input_gradient, [](float y, float gradient) { return gradient * (1 - y * y); }); });
}

int32_t duet_scale(duet_team *team, int64_t count, const float *input, float factor, float *output) noexcept {
  return guarded([&] { each(team, count, input, output, [=](float x) { return x * factor; }); });
}

int32_t duet_add(duet_team *team, int64_t count, const float *left, const float *right, float *output) noexcept {
  return guarded([&] { each(team, count, left, right, output, [](float x, float y) { return x + y; }); });
}

/* A task takes an image. */
int32_t duet_stronger(duet_team *team, int32_t batch, int64_t count, const float *left, const float *right, float *output) noexcept {
  return guarded([&] {
    parallel(team, batch, [=](int64_t image, int) {
      const int64_t first = image * count;
      const double own = squares(count, left + first), other = squares(count, right + first);
      const float *from = other <= own || std::isnan(own) ? left : right;
      if (from != output) std::copy(from + first, from + first + count, output + first);
    });
  });
}

int32_t duet_finite_check(duet_team *team, int64_t count, const float *values, int32_t *status) noexcept {
  return guarded([&] {
    std::atomic<int32_t> found{0};
    parallel_slices(team, count, kGrain, [&](int64_t first, int64_t last) {
      uint32_t bad = 0;
      for (int64_t i = first; i < last; i++) bad |= std::fabs(values[i]) <= std::numeric_limits<float>::max() ? 0u : 1u;
      if (bad) found.store(1, std::memory_order_relaxed);
    });
    *status = found.load();
  });
}

int32_t duet_sgd_update(duet_team *team, int64_t count, const float *gradient, float *weight, float *momentum, float rate, float decay,
                        float mu) noexcept {
  return guarded([&] {
    const float shrink = decay * rate;
    parallel_slices(team, count, kGrain, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++) {
        const float velocity = mu * momentum[i] - shrink * weight[i] - rate * gradient[i];
        momentum[i] = velocity;
        weight[i] += velocity;
      }
    });
  });
}
}
