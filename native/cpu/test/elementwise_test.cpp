/* Elementwise operations, the SGD update and dropout: each against the formula of its comment in duet_cpu.h, in double. */
#include "subject.h"
#include <algorithm>

namespace {

void elementwise(Subject &t, int64_t count) {
  const Library &l = t.library;
  Guarded<float> a(count), b(count), out(count);
  t.random.fill(a);
  t.random.fill(b);
  if (count > 3) a[0] = -0.0f, a[1] = NAN, a[2] = INFINITY, a[3] = -INFINITY;
  const auto compare = [&](const char *name, const std::function<double(double, double)> &formula, double tolerance) {
    t.describe("%s of %lld", name, static_cast<long long>(count));
    for (int64_t i = 0; i < count; i++) {
      const double want = formula(a[i], b[i]);
      if (std::isfinite(want)) {
        t.check.near(out[i], {want, std::fabs(want)}, i, tolerance);
      } else {
        t.check.equal(out[i], want, i);
      }
    }
  };
  run(t, out, [&](duet_team *team, float *to) { l.relu_forward(team, count, a.get(), to); });
  compare(
      "relu_forward", [](double x, double) { return x < 0 ? 0 : x; }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.relu_backward(team, count, a.get(), b.get(), to); });
  compare(
      "relu_backward", [](double y, double gradient) { return y > 0 ? gradient : 0; }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.scale(team, count, a.get(), 0.3f, to); });
  compare(
      "scale", [](double x, double) { return x * 0.3f; }, 1e-7);
  run(t, out, [&](duet_team *team, float *to) { l.add(team, count, a.get(), b.get(), to); });
  compare(
      "add", [](double x, double y) { return static_cast<float>(x + y); }, 0);
  run(t, out, [&](duet_team *team, float *to) {
    std::copy(a.get(), a.get() + count, to);
    l.add(team, count, to, b.get(), to);
  });
  compare(
      "add in place", [](double x, double y) { return static_cast<float>(x + y); }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.tanh_backward(team, count, a.get(), b.get(), to); });
  compare(
      "tanh_backward", [](double y, double gradient) { return gradient * (1 - y * y); }, 2e-6 * 100);
  /* Sizes from far below one rounding step to far beyond saturation. */
  for (int64_t i = 4; i < count; i++) a[i] *= std::exp2(static_cast<float>(i % 24 - 16));
  run(t, out, [&](duet_team *team, float *to) { l.tanh_forward(team, count, a.get(), to); });
  compare(
      "tanh_forward", [](double x, double) { return std::tanh(x); }, 4e-7);
}

/* Of the images one is stronger on the left, one on the right, one equal, one so small and one so large that a square is no float, and two
   are NaN on one side or the other. */
void stronger(Subject &t, int64_t count) {
  constexpr int kImages = 8;
  const float factors[kImages][2] = {{2, 1}, {1, 2}, {1, -1}, {1e-30f, 2e-30f}, {2e-30f, 1e-30f}, {1e30f, 2e30f}, {NAN, 1}, {1, NAN}};
  const bool right[kImages] = {false, true, false, true, false, true, false, true};
  Guarded<float> values(count), a(kImages * count), b(kImages * count), out(kImages * count);
  t.random.fill(values);
  for (int64_t i = 0; i < kImages * count; i++) {
    a[i] = values[i % count] * factors[i / count][0];
    b[i] = values[count - 1 - i % count] * factors[i / count][1];
  }
  const auto compare = [&](const char *name) {
    t.describe("%s of %lld", name, static_cast<long long>(count));
    for (int64_t i = 0; i < kImages * count; i++) {
      const float want = right[i / count] ? b[i] : a[i];
      if (std::isnan(want)) {
        t.check.equal(std::isnan(out[i]), true, i);
      } else {
        t.check.equal(out[i], want, i);
      }
    }
  };
  for (int64_t i = 0; i < count; i++) b[2 * count + i] = -a[2 * count + i]; /* added up in the same order: equal to the last bit */
  run(t, out, [&](duet_team *team, float *to) { t.library.stronger(team, kImages, count, a.get(), b.get(), to); });
  compare("stronger");
  run(t, out, [&](duet_team *team, float *to) {
    std::copy(a.get(), a.get() + a.size(), to);
    t.library.stronger(team, kImages, count, to, b.get(), to);
  });
  compare("stronger in place of the left");
  run(t, out, [&](duet_team *team, float *to) {
    std::copy(b.get(), b.get() + b.size(), to);
    t.library.stronger(team, kImages, count, a.get(), to, to);
  });
  compare("stronger in place of the right");
}

void finite_check(Subject &t, int64_t count) {
  Guarded<float> values(count);
  t.random.fill(values);
  values[0] = std::numeric_limits<float>::max();
  const int64_t place = t.random.between(0, static_cast<int>(count) - 1);
  const float bad[] = {0.0f, -std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 6; i++) {
    t.describe("finite_check of %lld, %g at %lld", static_cast<long long>(count), bad[i], static_cast<long long>(place));
    values[place] = bad[i];
    for (duet_team *team : t.teams.teams) {
      int32_t status = 7;
      t.library.finite_check(team, count, values.get(), &status);
      t.check.equal(status, i >= 3, 0);
    }
  }
}

void sgd_update(Subject &t, int64_t count) {
  Guarded<float> gradient(count), weight(count), momentum(count), both(2 * count);
  t.random.fill(gradient);
  t.random.fill(weight);
  t.random.fill(momentum);
  const float rate = 0.01f, decay = 0.0005f, mu = 0.9f;
  run(t, both, [&](duet_team *team, float *to) {
    std::copy(weight.get(), weight.get() + count, to);
    std::copy(momentum.get(), momentum.get() + count, to + count);
    t.library.sgd_update(team, count, gradient.get(), to, to + count, rate, decay, mu);
  });
  t.describe("sgd_update of %lld", static_cast<long long>(count));
  for (int64_t i = 0; i < count; i++) {
    Exact velocity, moved;
    velocity.add(double{mu} * momentum[i]);
    velocity.add(-double{decay} * rate * weight[i]);
    velocity.add(-double{rate} * gradient[i]);
    moved = velocity;
    moved.add(weight[i]);
    t.check.near(both[count + i], velocity, i, 4e-7);
    t.check.near(both[i], moved, i, 4e-7);
  }
}

constexpr int64_t kCounts[] = {1, 5, 16, 31, 1000, 70001};

/* Philox.java's bits, word by word. */
uint32_t philox(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t element) {
  const uint64_t block = element >> 2;
  uint32_t c[4] = {static_cast<uint32_t>(block), purpose ^ (static_cast<uint32_t>(block >> 32) << 16), static_cast<uint32_t>(step),
                   static_cast<uint32_t>(step >> 32)};
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0], p1 = uint64_t{0xCD9E8D57u} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
                              static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    std::copy(next, next + 4, c);
  }
  return c[element & 3];
}

}  // namespace

KERNEL_TEST(elementwise, 1) {
  for (int64_t count : kCounts) elementwise(t, count);
}
KERNEL_TEST(finite_check, 1) {
  for (int64_t count : kCounts) finite_check(t, count);
}
KERNEL_TEST(stronger, 1) {
  for (int64_t count : kCounts) stronger(t, count);
}
KERNEL_TEST(sgd_update, 1) {
  for (int64_t count : kCounts) sgd_update(t, count);
}

/* The published test vectors of Philox 4x32-10, so that the two copies of it are not wrong together. */
KERNEL_TEST(philox_vectors, 1) {
  t.describe("%s", "philox test vectors");
  const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; i++) t.check.equal(philox(0, 0, 0, i), zeros[i], i);
}

KERNEL_TEST(dropout, 25) {
  const bool plain = t.random.chance(0.5);
  const int batch = t.random.between(1, 5), channels = t.random.between(1, plain ? 3000 : 40);
  const int height = plain ? 1 : t.random.between(1, 40), width = plain ? 1 : t.random.between(1, 40);
  const int first = t.random.between(0, 9), total = first + channels + t.random.between(0, 9);
  const int image = t.random.chance(0.5) ? t.random.between(0, 2000000000) : 0,
            row = plain && t.random.chance(0.8) ? 0 : t.random.between(0, 9);
  const int rows = row + height + (row > 0 ? t.random.between(0, 9) : 0);
  const uint64_t seed = t.random.engine(), step = t.random.engine();
  const uint32_t purpose = static_cast<uint32_t>(t.random.between(0, 0xFFFF)), threshold = static_cast<uint32_t>(t.random.engine());
  Guarded<float> input(int64_t{batch} * channels * height * width), output(input.size());
  t.random.fill(input);
  t.describe("dropout %d x %d x %d x %d, images from %d, channels from %d of %d, rows from %d of %d", batch, channels, height, width, image,
             first, total, row, rows);
  run(t, output, [&](duet_team *team, float *to) {
    std::copy(input.get(), input.get() + input.size(), to);
    t.library.dropout(team, batch, channels, height, width, image, total, first, rows, row, seed, purpose, step, threshold, 2.0f, to, to);
  });
  for (int64_t i = 0; i < input.size(); i++) {
    const int64_t c = i % channels, pixel = i / channels, area = int64_t{height} * width;
    const uint64_t map = (static_cast<uint64_t>(image) + pixel / area) * total + first + c;
    const uint64_t element = (map * rows + row) * width + pixel % area;
    t.check.equal(output[i], philox(seed, purpose, step, element) >= threshold ? input[i] * 2.0f : 0, i);
  }
}
