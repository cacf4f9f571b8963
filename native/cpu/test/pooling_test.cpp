/* Max- and average-pooling against a walk over every window. */
#include "subject.h"
#include <algorithm>

namespace {

struct PoolingCase {
  Subject &t;
  duet_pooling p;

  explicit PoolingCase(Subject &context) : t(context), p{} {
    Random &random = t.random;
    p.window = random.between(1, 4);
    p.stride = random.between(1, 4);
    p.padding = random.chance(0.4) ? random.between(0, p.window - 1) : 0;
    p.batch = random.between(1, 4);
    p.channels = random.chance(0.5) ? 16 * random.between(1, 5) : random.between(1, 70);
    p.height = p.window + random.between(0, 9);
    p.width = p.window + random.between(0, 9);
    p.output_height = outputs(p.height);
    p.output_width = outputs(p.width);
    p.padding_top = p.padding;
    /* As a part of a map has them: other rows above it, few rows, and a last window that ends where it likes. */
    if (random.chance(0.5)) {
      p.padding_top = random.between(0, p.window - 1);
      if (random.chance(0.5)) p.height = random.between(1, 4);
      p.output_height = random.between(1, (p.height - 1 + p.padding_top) / p.stride + 1);
    }
  }
  /* Floor or ceil; a window must begin inside the image or its padding before it. */
  int outputs(int size) const {
    const int more = t.random.chance(0.5) ? p.stride - 1 : 0;
    int count = (size + 2 * p.padding - p.window + more) / p.stride + 1;
    while (count > 1 && (count - 1) * p.stride - p.padding >= size) count--;
    return count;
  }
  int64_t inputs() const { return int64_t{p.batch} * p.height * p.width * p.channels; }
  int64_t outputs() const { return int64_t{p.batch} * p.output_height * p.output_width * p.channels; }

  /* visit(output index, input index, position in the window), windows and positions in order. */
  template <class Visit> void each(Visit visit) const {
    for (int64_t o = 0; o < outputs(); o++) {
      const int64_t pixel = o / p.channels, c = o % p.channels, n = pixel / p.output_width / p.output_height;
      const int64_t oy = pixel / p.output_width % p.output_height, ox = pixel % p.output_width;
      for (int position = 0; position < p.window * p.window; position++) {
        const int64_t y = oy * p.stride - p.padding_top + position / p.window, x = ox * p.stride - p.padding + position % p.window;
        if (y >= 0 && y < p.height && x >= 0 && x < p.width) visit(o, ((n * p.height + y) * p.width + x) * p.channels + c, position);
      }
    }
  }
  void describe(const char *name) const {
    t.describe(
        "%s %dx%dx%dx%d window %d stride %d padding %d, %d above, "
        "output %dx%d",
        name, p.batch, p.height, p.width, p.channels, p.window, p.stride, p.padding, p.padding_top, p.output_height, p.output_width);
  }
};

}  // namespace

KERNEL_TEST(max_pool, 25) {
  const PoolingCase pool(t);
  Guarded<float> input(pool.inputs()), gradient(pool.outputs()), output(pool.outputs()), result(pool.inputs());
  t.random.fill(gradient);
  /* Few values, so that there are ties, and sometimes NaN and -infinity. */
  const int most = t.random.chance(0.5) ? 58 : 60;
  for (int64_t i = 0; i < input.size(); i++) {
    const int value = t.random.between(-3, most);
    input[i] = value == 60 ? NAN : value == 59 ? -INFINITY : static_cast<float>(value % 4);
  }
  Guarded<uint8_t> winners(pool.outputs());
  pool.describe("max_pool");
  run(t, output, [&](duet_team *team, float *to) { t.library.max_pool_forward(team, &pool.p, input.get(), to, nullptr); });
  with_each_team<uint8_t>(t, winners, [&](duet_team *team, int, uint8_t *to) {
    Guarded<float> again(output.size());
    t.library.max_pool_forward(team, &pool.p, input.get(), again.get(), to);
    for (int64_t i = 0; i < output.size(); i++) t.check.equal(again[i], output[i], i);
  });
  std::vector<float> best(pool.outputs());
  std::vector<int> winner(pool.outputs(), -1);
  std::vector<int64_t> place(pool.outputs());
  pool.each([&](int64_t o, int64_t i, int position) {
    if (winner[o] >= 0 && !(input[i] > best[o]) && !(std::isnan(input[i]) && !std::isnan(best[o]))) return;
    best[o] = input[i];
    winner[o] = position;
    place[o] = i;
  });
  std::vector<Exact> want(pool.inputs());
  for (int64_t o = 0; o < output.size(); o++) {
    t.check.equal(output[o], best[o], o);
    t.check.equal(winners[o], winner[o], o);
    want[place[o]].add(gradient[o]);
  }
  run(t, result, [&](duet_team *team, float *to) { t.library.max_pool_backward(team, &pool.p, winners.get(), gradient.get(), to); });
  for (int64_t i = 0; i < result.size(); i++) t.check.near(result[i], want[i], i);
}

KERNEL_TEST(average_pool, 25) {
  const PoolingCase pool(t);
  Guarded<float> input(pool.inputs()), gradient(pool.outputs()), output(pool.outputs()), result(pool.inputs());
  t.random.fill(input);
  t.random.fill(gradient);
  pool.describe("average_pool");
  run(t, output, [&](duet_team *team, float *to) { t.library.average_pool_forward(team, &pool.p, input.get(), to); });
  run(t, result, [&](duet_team *team, float *to) { t.library.average_pool_backward(team, &pool.p, gradient.get(), to); });
  std::vector<int> inside(pool.outputs());
  pool.each([&](int64_t o, int64_t, int) { inside[o]++; });
  std::vector<Exact> want(pool.outputs()), want_gradient(pool.inputs());
  pool.each([&](int64_t o, int64_t i, int) {
    want[o].add(double{input[i]} / inside[o]);
    want_gradient[i].add(double{gradient[o]} / inside[o]);
  });
  for (int64_t i = 0; i < output.size(); i++) t.check.near(output[i], want[i], i);
  for (int64_t i = 0; i < result.size(); i++) t.check.near(result[i], want_gradient[i], i);
}
