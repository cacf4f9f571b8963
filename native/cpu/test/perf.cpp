/*
 * duet_cpu_perf LIBRARY [threads] [alexnet|small] [batch] [direct|winograd|fastest] [fp32|bf16|everywhere] [layer]: GFLOP/s of
 * every convolution operation of a network, and its share of the multiply-add peak that is measured in the same run; GB/s of the
 * operations that memory limits. Best of several runs.
 */
#include "library.h"
#include "peak.h"
#include <ctime>
#include <functional>

namespace {

struct Layer {
  const char *name;
  duet_convolution c;
  bool first;
};

Layer convolution(const char *name, int batch, int channels, int size, int filters, int kernel, int stride, int padding, int groups) {
  const int output = (size + 2 * padding - kernel) / stride + 1;
  return {name,
          {batch, channels, size, size, filters, kernel, kernel, stride, padding, padding, groups, output, output, DUET_DIRECT, DUET_FP32},
          std::string(name) == "conv1"};
}

std::vector<Layer> alexnet(int batch) {
  return {convolution("conv1", batch, 3, 227, 96, 11, 4, 0, 1),  convolution("conv2", batch, 96, 27, 256, 5, 1, 2, 2),
          convolution("conv3", batch, 256, 13, 384, 3, 1, 1, 1), convolution("conv4", batch, 384, 13, 384, 3, 1, 1, 2),
          convolution("conv5", batch, 384, 13, 256, 3, 1, 1, 2), convolution("fc6", batch, 256, 6, 4096, 6, 1, 0, 1),
          convolution("fc7", batch, 4096, 1, 4096, 1, 1, 0, 1),  convolution("fc8", batch, 4096, 1, 1000, 1, 1, 0, 1)};
}

/* One tower of a network for 28x28 images, and its ungrouped layer. */
std::vector<Layer> small(int batch) {
  return {convolution("conv1", batch, 1, 28, 32, 5, 1, 2, 1),  convolution("conv2", batch, 16, 13, 32, 5, 1, 2, 1),
          convolution("conv3", batch, 64, 6, 128, 3, 1, 1, 1), convolution("conv3 tower", batch, 64, 6, 64, 3, 1, 1, 1),
          convolution("conv4", batch, 64, 6, 64, 3, 1, 1, 1),  convolution("conv5", batch, 64, 6, 64, 3, 1, 1, 1),
          convolution("fc6", batch, 128, 3, 256, 3, 1, 0, 1),  convolution("fc7", batch, 512, 1, 256, 1, 1, 0, 1),
          convolution("fc8", batch, 256, 1, 10, 1, 1, 0, 1)};
}

/* Memory of the library: huge pages, as in real use. Small values, so that nothing overflows or becomes denormal. */
class Buffer {
 public:
  Buffer(const Library &library, int64_t floats) : library_(library), bytes_(floats * 4 + 64) {
    data = static_cast<float *>(library.allocate(bytes_));
    if (!data) throw std::bad_alloc();
    for (int64_t i = 0; i < floats; i++) data[i] = static_cast<float>((i * 7919) % 1009) * 1e-3f - 0.5f;
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { library_.free(data, bytes_); }
  float *data;

 private:
  const Library &library_;
  int64_t bytes_;
};

bool one_thread = true;

/* One thread: what the processor spent on it, so that other programs do not count. Several: the clock on the wall. */
double clock_now() {
  timespec time;
  clock_gettime(one_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/* Seconds of the fastest run; goes on for about half a second. */
double best_time(const std::function<void()> &run) {
  double best = 1e9, begin = seconds_now();
  for (int i = 0; i < 3 || (seconds_now() - begin < 0.5 && i < 200); i++) {
    const double start = clock_now();
    run();
    best = std::min(best, clock_now() - start);
  }
  return best;
}

struct Total {
  double seconds = 0, flop = 0;
};

void report(const char *layer, const char *operation, double seconds, double flop, double peak, Total &total) {
  std::printf("%-12s %-16s %9.3f ms %8.1f GFLOP/s %5.1f %% of peak\n", layer, operation, seconds * 1e3, flop / seconds * 1e-9,
              flop / seconds * 1e-7 / peak);
  total.seconds += seconds;
  total.flop += flop;
}

void measure(const Library &l, duet_team *team, int threads, const Layer &layer, double peak, Total &total) {
  const duet_convolution &c = layer.c;
  const double flop = 2.0 * c.batch * c.output_height * c.output_width * c.filters * (c.channels / c.groups) * c.kernel_height *
                      c.kernel_width;
  const int64_t filter_floats = l.filter_elements(&c);
  const int64_t space = std::max({l.convolution_forward_workspace(&c, threads), l.convolution_backward_data_workspace(&c, threads),
                                  l.convolution_backward_weights_workspace(&c, threads)});
  Buffer input(l, int64_t{c.batch} * c.channels * c.height * c.width),
      output(l, int64_t{c.batch} * c.filters * c.output_height * c.output_width);
  Buffer input_gradient(l, int64_t{c.batch} * c.channels * c.height * c.width);
  Buffer filter(l, filter_floats), filter_gradient(l, filter_floats), bias(l, c.filters), workspace(l, space / 4);
  report(layer.name, "forward",
         best_time([&] { l.convolution_forward(team, &c, input.data, filter.data, bias.data, 1, output.data, workspace.data); }), flop,
         peak, total);
  duet_convolution often = c;
  if (c.algorithm == DUET_FASTEST) often.algorithm = DUET_FASTEST_PREPARED;
  if (const int64_t bytes = l.convolution_prepared_bytes(&often)) {
    Buffer prepared(l, bytes / 4), its_workspace(l, l.convolution_forward_workspace(&often, threads) / 4);
    l.convolution_prepare(team, &often, filter.data, prepared.data);
    Total beside;
    report(layer.name, "  prepared", best_time([&] {
             l.convolution_forward_prepared(team, &often, input.data, prepared.data, bias.data, 1, output.data, its_workspace.data);
           }),
           flop, peak, beside);
  }
  if (!layer.first) {
    report(layer.name, "backward data",
           best_time([&] { l.convolution_backward_data(team, &c, output.data, filter.data, input_gradient.data, workspace.data); }), flop,
           peak, total);
  }
  report(layer.name, "backward weights", best_time([&] {
           l.convolution_backward_weights(team, &c, input.data, output.data, filter_gradient.data, bias.data, workspace.data);
         }),
         flop, peak, total);
}

void report_bytes(const char *name, const std::string &shape, double seconds, double bytes, Total &total) {
  std::printf("%-28s %-22s %9.3f ms %8.1f GB/s\n", name, shape.c_str(), seconds * 1e3, bytes / seconds * 1e-9);
  total.seconds += seconds;
}

/* LRN and pooling after a layer of `channels` x size x size. */
void measure_maps(const Library &l, duet_team *team, int batch, int channels, int groups, int size, Total &total) {
  const int64_t pixels = int64_t{batch} * size * size, elements = pixels * channels;
  const int output_size = (size - 3) / 2 + 1;
  const duet_pooling p = {batch, channels, size, size, 3, 2, 0, 0, output_size, output_size};
  const int64_t pooled = int64_t{batch} * channels * output_size * output_size;
  Buffer a(l, elements), b(l, elements), d(l, elements), small_map(l, pooled), winners(l, pooled / 4 + 1);
  uint8_t *winner = reinterpret_cast<uint8_t *>(winners.data);
  const std::string shape = std::to_string(batch) + "x" + std::to_string(channels) + "x" + std::to_string(size) + "x" +
                            std::to_string(size);
  report_bytes("response norm forward", shape,
               best_time([&] { l.response_norm_forward(team, pixels, channels, groups, 5, 1e-4f, 0.75f, 2, a.data, b.data); }),
               8.0 * elements, total);
  report_bytes("response norm backward", shape,
               best_time([&] { l.response_norm_backward(team, pixels, channels, groups, 5, 1e-4f, 0.75f, 2, a.data, b.data, d.data); }),
               12.0 * elements, total);
  report_bytes("max pool forward", shape, best_time([&] { l.max_pool_forward(team, &p, a.data, small_map.data, winner); }),
               4.0 * elements + 5.0 * pooled, total);
  report_bytes("max pool backward", shape, best_time([&] { l.max_pool_backward(team, &p, winner, small_map.data, d.data); }),
               4.0 * elements + 5.0 * pooled, total);
  report_bytes("relu backward", shape, best_time([&] { l.relu_backward(team, elements, a.data, b.data, b.data); }), 12.0 * elements, total);
}

void measure_vectors(const Library &l, duet_team *team, int64_t parameters, int batch, int classes, Total &total) {
  Buffer weight(l, parameters), gradient(l, parameters), momentum(l, parameters), logits(l, int64_t{batch} * classes),
      more(l, 4096 * batch);
  std::vector<int32_t> labels(batch, 1), ranks(batch);
  std::vector<float> losses(batch);
  report_bytes("sgd update", std::to_string(parameters),
               best_time([&] { l.sgd_update(team, parameters, gradient.data, weight.data, momentum.data, 1e-6f, 5e-4f, 0.9f); }),
               20.0 * parameters, total);
  int32_t status;
  report_bytes("finite check", std::to_string(parameters), best_time([&] { l.finite_check(team, parameters, gradient.data, &status); }),
               4.0 * parameters, total);
  report_bytes("dropout", std::to_string(batch) + "x4096",
               best_time([&] { l.dropout(team, batch, 4096, 1, 1, 0, 4096, 0, 1, 0, 1, 2, 3, 1u << 31, 1, more.data, more.data); }),
               8.0 * 4096 * batch, total);
  report_bytes("tanh forward", std::to_string(batch) + "x4096",
               best_time([&] { l.tanh_forward(team, 4096 * batch, more.data, more.data); }), 8.0 * 4096 * batch, total);
  report_bytes("softmax cross-entropy", std::to_string(batch) + "x" + std::to_string(classes), best_time([&] {
                 l.softmax_cross_entropy(team, batch, classes, logits.data, labels.data(), losses.data(), ranks.data(), nullptr,
                                         logits.data, static_cast<float>(batch));
               }),
               8.0 * classes * batch, total);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(
        stderr,
        "usage: duet_cpu_perf LIBRARY [threads] [alexnet|small] [batch] [direct|winograd|fastest] [fp32|bf16|everywhere] [layer]\n");
    return 2;
  }
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  const bool full = argc <= 3 || std::string(argv[3]) == "alexnet";
  const int batch = argc > 4 ? std::atoi(argv[4]) : 128;
  const std::string algorithm = argc > 5 ? argv[5] : "fastest";
  const std::string asked = argc > 6 ? argv[6] : "fp32";
  const int precision = asked == "bf16" ? DUET_BF16 : asked == "everywhere" ? DUET_BF16_EVERYWHERE : DUET_FP32;
  const std::string only = argc > 7 ? argv[7] : "";
  const Library library(argv[1]);
  duet_team *team = library.team_create(threads);
  one_thread = threads == 1;
  const double peak = measured_peak(library.vector_width(), threads) * threads;
  std::printf("%s, %d threads, batch %d, multiply-add peak %.1f GFLOP/s\n", library.instruction_set(), threads, batch, peak);
  std::vector<Layer> layers = full ? alexnet(batch) : small(batch);
  Total convolutions, others;
  for (Layer &layer : layers) {
    layer.c.algorithm = algorithm == "direct" ? DUET_DIRECT : algorithm == "winograd" ? DUET_WINOGRAD : DUET_FASTEST;
    layer.c.precision = precision;
    if (only.empty() || only == layer.name) measure(library, team, threads, layer, peak, convolutions);
  }
  if (!only.empty()) return 0;
  if (full) {
    measure_maps(library, team, batch, 96, 2, 55, others);
    measure_maps(library, team, batch, 256, 2, 27, others);
  } else {
    measure_maps(library, team, batch, 32, 1, 28, others);
    measure_maps(library, team, batch, 32, 1, 13, others);
  }
  measure_vectors(library, team, full ? 60965224 : 400000, batch, full ? 1000 : 10, others);
  std::printf("all convolutions %.1f ms, %.1f GFLOP/s, %.1f %% of peak; the others %.1f ms; %.1f images/s\n", convolutions.seconds * 1e3,
              convolutions.flop / convolutions.seconds * 1e-9, convolutions.flop / convolutions.seconds * 1e-7 / peak, others.seconds * 1e3,
              batch / (convolutions.seconds + others.seconds));
  library.team_destroy(team);
  return 0;
}
