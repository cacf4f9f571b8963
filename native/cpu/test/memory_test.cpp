/*
 * Memory that runs out: each allocation of each kernel fails in turn, once alone and once with all that follow. The kernel says so, and the
 * team and the kernel are as good as before: the next call gives the same bits as ever.
 */
#include "subject.h"
#include "test/faults.h"

namespace {

/* What fails: one allocation, or it and all later ones. An exception needs memory, too, and then gets it from a reserve. */
#if defined(DUET_EMULATED)
constexpr int64_t kLater[] = {0};
constexpr int kFewestThreads = 3;
#else
constexpr int64_t kLater[] = {0, int64_t{1} << 40};
constexpr int kFewestThreads = 1;
#endif

struct Points {
  int64_t kernels = 0, allocations = 0;
};
Points points;

/* A kernel with its arguments; `output` is what it writes. */
struct Kernel {
  std::string name;
  Guarded<float> &output;
  std::function<int32_t(duet_team *, int threads)> call;
};

void each_allocation_fails(const Subject &t, const Kernel &kernel) {
  const int64_t bytes = kernel.output.size() * static_cast<int64_t>(sizeof(float));
  points.kernels++;
  for (int i = kFewestThreads - 1; i < 3; i++) {
    const auto call = [&] { return kernel.call(t.teams.teams[i], i + 1); };
    t.describe("%s with %d threads, memory enough", kernel.name.c_str(), i + 1);
    t.check.equal(call(), DUET_DONE, 0);
    const std::vector<float> want(kernel.output.get(), kernel.output.get() + kernel.output.size());
    for (int64_t later : kLater) {
      bool failed = true;
      for (int64_t n = 1; failed; n++) {
        duet_faults_arm(DUET_FAULTS_MEMORY, n, n + later, 0);
        const int32_t status = call();
        duet_faults_disarm();
        failed = duet_faults_struck() > 0;
        points.allocations += failed;
        t.describe("%s with %d threads, allocation %lld%s fails", kernel.name.c_str(), i + 1, static_cast<long long>(n),
                   later ? " and all after it" : "");
        t.check.equal(status, failed ? DUET_NO_MEMORY : DUET_DONE, n);
        if (failed) t.check.equal(call(), DUET_DONE, n);
        t.check.same_bits(want.data(), kernel.output.get(), bytes, i + 1);
      }
    }
  }
}

void convolution(Subject &t, const char *name, const duet_convolution &c) {
  const Library &l = t.library;
  const int64_t pixels = int64_t{c.batch} * c.output_height * c.output_width;
  Guarded<float> input(int64_t{c.batch} * c.height * c.width * c.channels), output(pixels * c.filters), gradient(output.size());
  Guarded<float> canonical(int64_t{c.filters} * (c.channels / c.groups) * c.kernel_height * c.kernel_width), filter(l.filter_elements(&c));
  Guarded<float> bias(c.filters), bias_gradient(c.filters), input_gradient(input.size()), filter_gradient(filter.size());
  Guarded<float> prepared(l.convolution_prepared_bytes(&c) / 4);
  int64_t most = 0;
  for (int threads : {1, 2, 3}) {
    most = std::max({most, l.convolution_forward_workspace(&c, threads), l.convolution_backward_data_workspace(&c, threads),
                     l.convolution_backward_weights_workspace(&c, threads)});
  }
  Guarded<float> workspace(most / 4);
  for (Guarded<float> *values : {&input, &gradient, &canonical, &bias}) t.random.fill(*values);
  const auto test = [&](const char *operation, Guarded<float> &to, const std::function<int32_t(duet_team *, int)> &call) {
    each_allocation_fails(t, {std::string(operation) + " of " + name, to, call});
  };
  test("filter_pack", filter, [&](duet_team *team, int) { return l.filter_pack(team, &c, canonical.get(), filter.get()); });
  test("filter_unpack", canonical, [&](duet_team *team, int) { return l.filter_unpack(team, &c, filter.get(), canonical.get()); });
  test("forward", output, [&](duet_team *team, int) {
    return l.convolution_forward(team, &c, input.get(), filter.get(), bias.get(), 1, output.get(), workspace.get());
  });
  if (prepared.size() > 0) {
    test("prepare", prepared, [&](duet_team *team, int) { return l.convolution_prepare(team, &c, filter.get(), prepared.get()); });
    test("forward_prepared", output, [&](duet_team *team, int) {
      return l.convolution_forward_prepared(team, &c, input.get(), prepared.get(), bias.get(), 1, output.get(), workspace.get());
    });
  }
  test("backward_data", input_gradient, [&](duet_team *team, int) {
    return l.convolution_backward_data(team, &c, gradient.get(), filter.get(), input_gradient.get(), workspace.get());
  });
  test("backward_weights", filter_gradient, [&](duet_team *team, int) {
    return l.convolution_backward_weights(team, &c, input.get(), gradient.get(), filter_gradient.get(), bias_gradient.get(),
                                          workspace.get());
  });
}

/* batch, channels, height, width, filters, kernel, stride, padding, groups, output; algorithm, precision. */
duet_convolution shape(int batch, int channels, int size, int filters, int kernel, int stride, int padding, int groups, int algorithm,
                       int precision) {
  const int output = (size + 2 * padding - kernel) / stride + 1;
  return {batch, channels, size, size, filters, kernel, kernel, stride, padding, padding, groups, output, output, algorithm, precision};
}

}  // namespace

KERNEL_TEST(memory_runs_out_in_convolutions, 1) {
  points = {};
  convolution(t, "a direct convolution", shape(3, 8, 9, 24, 3, 2, 1, 2, DUET_DIRECT, DUET_FP32));
  convolution(t, "a direct convolution in bf16", shape(3, 8, 9, 24, 3, 1, 1, 2, DUET_DIRECT, DUET_BF16_EVERYWHERE));
  convolution(t, "Winograd's form of 3x3", shape(3, 16, 9, 32, 3, 1, 1, 1, DUET_WINOGRAD, DUET_FP32));
  convolution(t, "Winograd's form of 3x3 in bf16", shape(3, 16, 9, 32, 3, 1, 1, 1, DUET_WINOGRAD, DUET_BF16_EVERYWHERE));
  convolution(t, "Winograd's form of 5x5", shape(3, 32, 9, 32, 5, 1, 2, 2, DUET_WINOGRAD, DUET_FP32));
  convolution(t, "Winograd's form with a stride", shape(3, 4, 21, 16, 6, 2, 1, 1, DUET_WINOGRAD, DUET_FP32));
  convolution(t, "a fully connected layer", shape(9, 5, 3, 40, 3, 1, 0, 1, DUET_DIRECT, DUET_FP32));
  convolution(t, "a fully connected layer in bf16", shape(9, 6, 3, 40, 3, 1, 0, 1, DUET_DIRECT, DUET_BF16_EVERYWHERE));
  t.describe("%s", "failed allocations");
  t.check.equal(points.allocations > 0, true, 0);
  std::printf("%s, convolutions: %lld kernels, %lld failed allocations\n", t.library.instruction_set(),
              static_cast<long long>(points.kernels), static_cast<long long>(points.allocations));
}

KERNEL_TEST(memory_runs_out_in_the_others, 1) {
  points = {};
  const Library &l = t.library;
  const int batch = 4, channels = 24, size = 9, classes = 30;
  const int64_t pixels = int64_t{batch} * size * size, count = pixels * channels;
  Guarded<float> a(count), b(count), c(count), scratch(count), out(count);
  for (Guarded<float> *values : {&a, &b, &c}) t.random.fill(*values);
  const auto test = [&](const char *name, const std::function<int32_t(duet_team *)> &call) {
    each_allocation_fails(t, {name, out, [&](duet_team *team, int) { return call(team); }});
  };
  test("relu_forward", [&](duet_team *team) { return l.relu_forward(team, count, a.get(), out.get()); });
  test("relu_backward", [&](duet_team *team) { return l.relu_backward(team, count, a.get(), b.get(), out.get()); });
  test("tanh_forward", [&](duet_team *team) { return l.tanh_forward(team, count, a.get(), out.get()); });
  test("tanh_backward", [&](duet_team *team) { return l.tanh_backward(team, count, a.get(), b.get(), out.get()); });
  test("scale", [&](duet_team *team) { return l.scale(team, count, a.get(), 0.5f, out.get()); });
  test("add", [&](duet_team *team) { return l.add(team, count, a.get(), b.get(), out.get()); });
  test("stronger", [&](duet_team *team) { return l.stronger(team, batch, count / batch, a.get(), b.get(), out.get()); });
  test("finite_check", [&](duet_team *team) { return l.finite_check(team, count, a.get(), reinterpret_cast<int32_t *>(out.get())); });
  test("sgd_update", [&](duet_team *team) {
    std::copy(b.get(), b.get() + count, scratch.get());
    std::copy(c.get(), c.get() + count, out.get());
    return l.sgd_update(team, count, a.get(), scratch.get(), out.get(), 0.1f, 0.01f, 0.9f);
  });
  for (float beta : {0.75f, 0.6f}) {
    test("response_norm_forward",
         [&](duet_team *team) { return l.response_norm_forward(team, pixels, channels, 2, 5, 1e-4f, beta, 2, a.get(), out.get()); });
    test("response_norm_backward", [&](duet_team *team) {
      return l.response_norm_backward(team, pixels, channels, 2, 5, 1e-4f, beta, 2, a.get(), b.get(), out.get());
    });
  }
  const duet_spatial_norm norm = {batch, channels, size, size, 3, 1e-4f, 0.75f, 1};
  test("spatial_norm_forward", [&](duet_team *team) { return l.spatial_norm_forward(team, &norm, a.get(), out.get()); });
  test("spatial_norm_backward",
       [&](duet_team *team) { return l.spatial_norm_backward(team, &norm, a.get(), b.get(), out.get(), scratch.get()); });
  const duet_pooling pooling = {batch, channels, size, size, 3, 2, 0, 0, 4, 4};
  Guarded<uint8_t> winners(int64_t{batch} * 4 * 4 * channels);
  test("max_pool_forward", [&](duet_team *team) { return l.max_pool_forward(team, &pooling, a.get(), out.get(), winners.get()); });
  test("max_pool_backward", [&](duet_team *team) { return l.max_pool_backward(team, &pooling, winners.get(), b.get(), out.get()); });
  test("average_pool_forward", [&](duet_team *team) { return l.average_pool_forward(team, &pooling, a.get(), out.get()); });
  test("average_pool_backward", [&](duet_team *team) { return l.average_pool_backward(team, &pooling, b.get(), out.get()); });
  test("dropout", [&](duet_team *team) {
    return l.dropout(team, batch, channels, size, size, 5, 30, 3, size, 0, 7, 1, 2, 1u << 31, 2, a.get(), out.get());
  });
  Guarded<int32_t> labels(batch), ranks(batch);
  Guarded<float> losses(batch);
  for (int i = 0; i < batch; i++) labels[i] = 7 * i;
  test("softmax_cross_entropy", [&](duet_team *team) {
    return l.softmax_cross_entropy(team, batch, classes, a.get(), labels.get(), losses.get(), ranks.get(), scratch.get(), out.get(), batch);
  });
  t.random.fill(out);
  test("copy_block", [&](duet_team *team) { return l.copy_block(team, pixels, 5, a.get(), channels, 1, out.get(), channels, 2); });
  test("add_block", [&](duet_team *team) {
    std::copy(b.get(), b.get() + count, out.get());
    return l.add_block(team, pixels, 5, a.get(), channels, 1, out.get(), channels, 2);
  });
  Guarded<uint8_t> images(int64_t{batch} * size * size * 3);
  std::fill(images.get(), images.get() + images.size(), uint8_t{9});
  Guarded<int32_t> crops(3 * batch);
  for (int i = 0; i < 3 * batch; i++) crops[i] = i % 2;
  test("prepare_input", [&](duet_team *team) {
    return l.prepare_input(team, batch, 3, size, size, size, size, images.get(), crops.get(), a.get(), nullptr, 1, out.get());
  });
  const duet_convolution filter = shape(1, channels, 3, 8, 3, 1, 0, 1, DUET_DIRECT, DUET_FP32);
  test("filter_renormalise", [&](duet_team *team) {
    std::copy(a.get(), a.get() + count, out.get());
    return l.filter_renormalise(team, &filter, 0.1f, out.get());
  });
  test("to_nhwc", [&](duet_team *team) { return l.to_nhwc(team, batch, channels, size, size, a.get(), out.get()); });
  test("from_nhwc", [&](duet_team *team) { return l.from_nhwc(team, batch, channels, size, size, a.get(), out.get()); });
  t.describe("%s", "failed allocations");
  t.check.equal(points.allocations > 0, true, 0);
  std::printf("%s, the others: %lld kernels, %lld failed allocations\n", t.library.instruction_set(),
              static_cast<long long>(points.kernels), static_cast<long long>(points.allocations));
}

KERNEL_TEST(memory_runs_out_for_teams_and_blocks, 1) {
  const Library &l = t.library;
  for (int64_t later : kLater) {
    bool failed = true;
    for (int64_t n = 1; failed; n++) {
      duet_faults_arm(DUET_FAULTS_MEMORY, n, n + later, 0);
      duet_team *team = l.team_create(4);
      duet_faults_disarm();
      failed = duet_faults_struck() > 0;
      t.describe("team of 4, call %lld fails (%s)", static_cast<long long>(n), duet_faults_last());
      t.check.equal(team == nullptr, failed, n);
      if (team) l.team_destroy(team);
    }
  }
  for (int64_t bytes : {int64_t{1}, int64_t{3} << 20}) {
    const int64_t before = l.allocated();
    duet_faults_arm(DUET_FAULTS_MEMORY, 1, 1, 0);
    void *memory = l.allocate(bytes);
    duet_faults_disarm();
    t.describe("block of %lld bytes", static_cast<long long>(bytes));
    t.check.equal(memory == nullptr, true, bytes);
    t.check.equal(static_cast<double>(l.allocated()), static_cast<double>(before), bytes);
  }
  t.describe("%s", "a block beyond all reason");
  t.check.equal(l.allocate(std::numeric_limits<int64_t>::max()) == nullptr, true, 0);
}
