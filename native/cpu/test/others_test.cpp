/* All but the convolutions: each against the formula of its comment in duet_cpu.h, in double. */
#include "check.h"
#include <algorithm>

namespace {

/* What a test of one operation needs. */
struct Context {
  const Library &library;
  Teams &teams;
  Random &random;
  Checker &check;

  template <class... Arguments> void describe(const char *format, Arguments... arguments) const {
    char text[256];
    std::snprintf(text, sizeof text, format, arguments...);
    check.describe("%s %s", library.instruction_set(), text);
  }
};

using Kernel = std::function<void(duet_team *, float *)>;

void run(const Context &t, Guarded<float> &output, const Kernel &kernel) {
  with_each_team<float>(t.check, t.teams, output, [&](duet_team *team, int, float *to) { kernel(team, to); });
}

void elementwise(const Context &t, int64_t count) {
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
  compare("relu_forward", [](double x, double) { return x < 0 ? 0 : x; }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.relu_backward(team, count, a.get(), b.get(), to); });
  compare("relu_backward", [](double y, double gradient) { return y > 0 ? gradient : 0; }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.scale(team, count, a.get(), 0.3f, to); });
  compare("scale", [](double x, double) { return x * 0.3f; }, 1e-7);
  run(t, out, [&](duet_team *team, float *to) { l.add(team, count, a.get(), b.get(), to); });
  compare("add", [](double x, double y) { return static_cast<float>(x + y); }, 0);
  run(t, out, [&](duet_team *team, float *to) {
    std::copy(a.get(), a.get() + count, to);
    l.add(team, count, to, b.get(), to);
  });
  compare("add in place", [](double x, double y) { return static_cast<float>(x + y); }, 0);
  run(t, out, [&](duet_team *team, float *to) { l.tanh_backward(team, count, a.get(), b.get(), to); });
  compare("tanh_backward", [](double y, double gradient) { return gradient * (1 - y * y); }, 2e-6 * 100);
  /* Sizes from far below one rounding step to far beyond saturation. */
  for (int64_t i = 4; i < count; i++) a[i] *= std::exp2(static_cast<float>(i % 24 - 16));
  run(t, out, [&](duet_team *team, float *to) { l.tanh_forward(team, count, a.get(), to); });
  compare("tanh_forward", [](double x, double) { return std::tanh(x); }, 4e-7);
}

void finite_check(const Context &t, int64_t count) {
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

void sgd_update(const Context &t, int64_t count) {
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

void response_norm(const Context &t) {
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

struct PoolingCase {
  const Context &t;
  duet_pooling p;

  explicit PoolingCase(const Context &context) : t(context), p{} {
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
        const int64_t y = oy * p.stride - p.padding + position / p.window, x = ox * p.stride - p.padding + position % p.window;
        if (y >= 0 && y < p.height && x >= 0 && x < p.width) visit(o, ((n * p.height + y) * p.width + x) * p.channels + c, position);
      }
    }
  }
  void describe(const char *name) const {
    t.describe("%s %dx%dx%dx%d window %d stride %d padding %d output %dx%d", name, p.batch, p.height, p.width, p.channels, p.window, p.stride,
               p.padding, p.output_height, p.output_width);
  }
};

void max_pool(const Context &t) {
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
  with_each_team<uint8_t>(t.check, t.teams, winners, [&](duet_team *team, int, uint8_t *to) {
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

void average_pool(const Context &t) {
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

/* The published test vectors of Philox 4x32-10, so that the two copies of it are not wrong together. */
void philox_vectors(const Context &t) {
  t.describe("%s", "philox test vectors");
  const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; i++) t.check.equal(philox(0, 0, 0, i), zeros[i], i);
}

void dropout(const Context &t) {
  const bool plain = t.random.chance(0.5);
  const int batch = t.random.between(1, 5), channels = t.random.between(1, plain ? 3000 : 40);
  const int height = plain ? 1 : t.random.between(1, 40), width = plain ? 1 : t.random.between(1, 40);
  const int first = t.random.between(0, 9), total = first + channels + t.random.between(0, 9);
  const uint64_t seed = t.random.engine(), step = t.random.engine();
  const uint32_t purpose = static_cast<uint32_t>(t.random.between(0, 0xFFFF)), threshold = static_cast<uint32_t>(t.random.engine());
  Guarded<float> input(int64_t{batch} * channels * height * width), output(input.size());
  t.random.fill(input);
  t.describe("dropout %d x %d x %d x %d, channels from %d of %d", batch, channels, height, width, first, total);
  run(t, output, [&](duet_team *team, float *to) {
    std::copy(input.get(), input.get() + input.size(), to);
    t.library.dropout(team, batch, channels, height, width, total, first, seed, purpose, step, threshold, 2.0f, to, to);
  });
  for (int64_t i = 0; i < input.size(); i++) {
    const int64_t c = i % channels, pixel = i / channels, area = int64_t{height} * width;
    const uint64_t element = ((pixel / area) * total + first + c) * area + pixel % area;
    t.check.equal(output[i], philox(seed, purpose, step, element) >= threshold ? input[i] * 2.0f : 0, i);
  }
}

void softmax(const Context &t) {
  const int batch = t.random.between(1, 9), classes = t.random.chance(0.5) ? t.random.between(1, 12) : t.random.between(1, 1100);
  Guarded<float> logits(int64_t{batch} * classes), probabilities(logits.size()), gradient(logits.size()), losses(batch);
  t.random.fill(logits);
  for (int64_t i = 0; i < logits.size(); i++) logits[i] = t.random.chance(0.2) ? 1.0f : logits[i] * 10 + 50;
  Guarded<int32_t> labels(batch), ranks(batch);
  for (int i = 0; i < batch; i++) labels[i] = t.random.chance(0.2) ? -1 : t.random.between(0, classes - 1);
  t.describe("softmax_cross_entropy batch %d classes %d", batch, classes);
  run(t, gradient, [&](duet_team *team, float *to) {
    t.library.softmax_cross_entropy(team, batch, classes, logits.get(), labels.get(), losses.get(), ranks.get(), probabilities.get(), to);
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
      const double g = label < 0 ? 0 : (p - (i == label)) / batch;
      /* The difference of two logits is rounded before it becomes an exponent. */
      const double tolerance = 1e-6 + 6e-8 * (largest - z[i]);
      t.check.near(probabilities[int64_t{n} * classes + i], {p, p}, i, tolerance);
      t.check.near(gradient[int64_t{n} * classes + i], {g, (p + (i == label)) / batch}, i, tolerance);
      rank += label >= 0 && (z[i] > z[label] || (z[i] == z[label] && i < label));
    }
    const double loss = label < 0 ? 0 : std::log(sum) - (z[label] - largest);
    t.check.near(losses[n], {loss, loss + 1}, n, 1e-6);
    t.check.equal(ranks[n], label < 0 ? -1 : rank, n);
  }
  logits[0] = NAN;
  labels[0] = classes - 1;
  t.library.softmax_cross_entropy(t.teams.teams[1], batch, classes, logits.get(), labels.get(), losses.get(), ranks.get(), nullptr, nullptr);
  t.describe("softmax_cross_entropy of NaN, classes %d", classes);
  t.check.equal(std::isnan(losses[0]), true, 0);
  if (classes > 1) t.check.equal(ranks[0] >= 1, true, 0);
}

void copy_channels(const Context &t) {
  const int64_t pixels = t.random.between(1, 1500);
  const int count = t.random.between(1, 40), from_first = t.random.between(0, 5), to_first = t.random.between(0, 5);
  const int from_channels = from_first + count + t.random.between(0, 5), to_channels = to_first + count + t.random.between(0, 5);
  Guarded<float> from(pixels * from_channels), to(pixels * to_channels);
  t.random.fill(from);
  t.describe("copy_channels %lld x %d", static_cast<long long>(pixels), count);
  run(t, to, [&](duet_team *team, float *out) {
    std::fill(out, out + to.size(), -1.0f);
    t.library.copy_channels(team, pixels, count, from.get(), from_channels, from_first, out, to_channels, to_first);
  });
  for (int64_t i = 0; i < to.size(); i++) {
    const int64_t c = i % to_channels - to_first;
    t.check.equal(to[i], c >= 0 && c < count ? from[i / to_channels * from_channels + from_first + c] : -1, i);
  }
}

void prepare_input(const Context &t) {
  const int batch = t.random.between(1, 4), channels = t.random.between(1, 4), stored_height = t.random.between(1, 30);
  const int stored_width = t.random.between(1, 30), height = t.random.between(1, 34), width = t.random.between(1, 34);
  const bool shifted = t.random.chance(0.5);
  Guarded<uint8_t> images(int64_t{batch} * stored_height * stored_width * channels);
  Guarded<float> mean(int64_t{stored_height} * stored_width * channels), shift(batch * channels);
  Guarded<float> output(int64_t{batch} * height * width * channels);
  Guarded<int32_t> crops(3 * batch);
  for (int64_t i = 0; i < images.size(); i++) images[i] = static_cast<uint8_t>(t.random.between(0, 255));
  t.random.fill(mean);
  t.random.fill(shift);
  for (int i = 0; i < batch; i++) {
    crops[3 * i] = t.random.between(-5, 8);
    crops[3 * i + 1] = t.random.between(-5, 8);
    crops[3 * i + 2] = t.random.between(0, 1);
  }
  t.describe("prepare_input %d x %dx%dx%d to %dx%d", batch, stored_height, stored_width, channels, height, width);
  run(t, output, [&](duet_team *team, float *to) {
    t.library.prepare_input(team, batch, channels, stored_height, stored_width, height, width, images.get(), crops.get(), mean.get(),
                            shifted ? shift.get() : nullptr, 0.5f, to);
  });
  for (int64_t i = 0; i < output.size(); i++) {
    const int64_t c = i % channels, x = i / channels % width, y = i / channels / width % height, n = i / channels / width / height;
    const int64_t from_y = y + crops[3 * n], from_x = (crops[3 * n + 2] ? width - 1 - x : x) + crops[3 * n + 1];
    Exact want;
    if (from_y >= 0 && from_y < stored_height && from_x >= 0 && from_x < stored_width) {
      const int64_t at = (from_y * stored_width + from_x) * channels + c;
      want.add(images[n * stored_height * stored_width * channels + at] * 0.5);
      want.add(-mean[at] * 0.5);
      if (shifted) want.add(shift[n * channels + c] * 0.5);
    }
    t.check.near(output[i], want, i, 4e-7);
  }
}

void layouts(const Context &t) {
  const int batch = t.random.between(1, 4), channels = t.random.between(1, 40);
  const int height = t.random.between(1, 20), width = t.random.between(1, 20);
  Guarded<float> canonical(int64_t{batch} * channels * height * width), nhwc(canonical.size()), back(canonical.size());
  t.random.fill(canonical);
  t.describe("to_nhwc %d x %d x %d x %d", batch, channels, height, width);
  run(t, nhwc, [&](duet_team *team, float *to) { t.library.to_nhwc(team, batch, channels, height, width, canonical.get(), to); });
  run(t, back, [&](duet_team *team, float *to) { t.library.from_nhwc(team, batch, channels, height, width, nhwc.get(), to); });
  const int64_t area = int64_t{height} * width;
  for (int64_t i = 0; i < nhwc.size(); i++) {
    const int64_t c = i % channels, pixel = i / channels;
    t.check.equal(nhwc[i], canonical[(pixel / area * channels + c) * area + pixel % area], i);
    t.check.equal(back[i], canonical[i], i);
  }
}

void memory(const Context &t) {
  t.describe("%s", "allocate");
  const int64_t before = t.library.allocated();
  for (int64_t bytes : {int64_t{1}, int64_t{4096}, int64_t{100000}, int64_t{5} << 20}) {
    char *memory = static_cast<char *>(t.library.allocate(bytes));
    t.check.equal(memory != nullptr, true, bytes);
    t.check.equal(static_cast<double>(reinterpret_cast<uintptr_t>(memory) % 4096), 0, bytes);
    t.check.equal(static_cast<double>(t.library.allocated() - before), static_cast<double>(bytes), bytes);
    t.check.equal(std::all_of(memory, memory + bytes, [](char c) { return c == 0; }), true, bytes);
    std::memset(memory, 1, bytes);
    t.library.free(memory, bytes);
  }
  t.check.equal(t.library.allocate(int64_t{1} << 60) == nullptr, true, 0);
  t.check.equal(static_cast<double>(t.library.allocated()), static_cast<double>(before), 0);
}

}  // namespace

void test_others(const Library &library, Teams &teams, Random &random, Checker &check) {
  const Context t{library, teams, random, check};
  memory(t);
  philox_vectors(t);
  for (int64_t count : {1, 5, 16, 31, 1000, 70001}) {
    elementwise(t, count);
    finite_check(t, count);
    sgd_update(t, count);
  }
  for (int i = 0; i < 25; i++) {
    response_norm(t);
    max_pool(t);
    average_pool(t);
    dropout(t);
    softmax(t);
    copy_channels(t);
    prepare_input(t);
    layouts(t);
  }
}
