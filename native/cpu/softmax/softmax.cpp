#include "elementwise/exponential.h"
#include "runtime/interface.h"
#include "runtime/team.h"

using namespace duet;

namespace {

/* How many classes come before the label: larger, or equal with a lower index, or NaN. */
int rank_of(const float *logits, int classes, int label) {
  const float own = logits[label];
  int rank = 0;
  for (int i = 0; i < classes; i++) {
    const bool before = logits[i] > own || (logits[i] == own && i < label) || logits[i] != logits[i];
    rank += before && i != label;
  }
  return rank;
}

/* exponents[i] = e^(logits[i] - largest); returns their sum. */
double exponents_of(const float *logits, int classes, float largest, float *exponents) {
  for (int i = 0; i < classes; i++) exponents[i] = exponential(logits[i] - largest);
  double sum = 0;
  for (int i = 0; i < classes; i++) sum += exponents[i];
  return sum;
}

}  // namespace

extern "C" int32_t duet_softmax_cross_entropy(duet_team *team, int32_t batch, int32_t classes, const float *logits, const int32_t *labels,
                                              float *losses, int32_t *ranks, float *probabilities, float *input_gradient,
                                              float divisor) noexcept {
  return guarded([&] {
    parallel(team, batch, [&](int64_t image, int) {
      const float *z = logits + image * classes;
      const int label = labels[image];
      std::vector<float> exponents(classes);
      float largest = z[0];
      for (int i = 1; i < classes; i++) largest = z[i] > largest ? z[i] : largest;
      const double sum = exponents_of(z, classes, largest, exponents.data());
      losses[image] = label < 0 ? 0 : static_cast<float>(std::log(sum) - (double{z[label]} - largest));
      ranks[image] = label < 0 ? -1 : rank_of(z, classes, label);
      const float factor = static_cast<float>(1 / sum);
      for (int i = 0; i < classes; i++) exponents[i] *= factor;
      if (probabilities) std::copy(exponents.begin(), exponents.end(), probabilities + image * classes);
      if (!input_gradient) return;
      float *gradient = input_gradient + image * classes;
      for (int i = 0; i < classes; i++) gradient[i] = label < 0 ? 0 : exponents[i] / divisor;
      if (label >= 0) gradient[label] = (exponents[label] - 1) / divisor;
    });
  });
}
