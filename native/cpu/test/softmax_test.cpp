/* Softmax, cross-entropy, ranks and gradient against exponentials in double. */
#include "subject.h"
#include <algorithm>

KERNEL_TEST(softmax, 25) {
  const int batch = t.random.between(1, 9), classes = t.random.chance(0.5) ? t.random.between(1, 12) : t.random.between(1, 1100);
  Guarded<float> logits(int64_t{batch} * classes), probabilities(logits.size()), gradient(logits.size()), losses(batch);
  t.random.fill(logits);
  for (int64_t i = 0; i < logits.size(); i++) logits[i] = t.random.chance(0.2) ? 1.0f : logits[i] * 10 + 50;
  Guarded<int32_t> labels(batch), ranks(batch);
  for (int i = 0; i < batch; i++) labels[i] = t.random.chance(0.2) ? -1 : t.random.between(0, classes - 1);
  const float divisor = t.random.chance(0.5) ? static_cast<float>(batch) : 0.5f + t.random.between(0, 99);
  t.describe("softmax_cross_entropy batch %d classes %d divisor %g", batch, classes, static_cast<double>(divisor));
  run(t, gradient, [&](duet_team *team, float *to) {
    t.library.softmax_cross_entropy(team, batch, classes, logits.get(), labels.get(), losses.get(), ranks.get(), probabilities.get(), to,
                                    divisor);
  });
  for (int n = 0; n < batch; n++) {
    const float *z = logits.get() + int64_t{n} * classes;
    const double largest = *std::max_element(z, z + classes);
    double sum = 0;
    for (int i = 0; i < classes; i++) sum += std::exp(z[i] - largest);
    const int label = labels[n];
    int rank = 0;
    for (int i = 0; i < classes; i++) {
      const double p = std::exp(z[i] - largest) / sum;
      const double g = label < 0 ? 0 : (p - (i == label)) / divisor;
      /* The difference of two logits is rounded before it becomes an exponent. */
      const double tolerance = 1e-6 + 6e-8 * (largest - z[i]);
      t.check.near(probabilities[int64_t{n} * classes + i], {p, p}, i, tolerance);
      t.check.near(gradient[int64_t{n} * classes + i], {g, (p + (i == label)) / divisor}, i, tolerance);
      rank += label >= 0 && (z[i] > z[label] || (z[i] == z[label] && i < label));
    }
    const double loss = label < 0 ? 0 : std::log(sum) - (z[label] - largest);
    t.check.near(losses[n], {loss, loss + 1}, n, 1e-6);
    t.check.equal(ranks[n], label < 0 ? -1 : rank, n);
  }
  logits[0] = NAN;
  labels[0] = classes - 1;
  t.library.softmax_cross_entropy(t.teams.teams[1], batch, classes, logits.get(), labels.get(), losses.get(), ranks.get(), nullptr, nullptr,
                                  divisor);
  t.describe("softmax_cross_entropy of NaN, classes %d", classes);
  t.check.equal(std::isnan(losses[0]), true, 0);
  if (classes > 1) t.check.equal(ranks[0] >= 1, true, 0);
}
