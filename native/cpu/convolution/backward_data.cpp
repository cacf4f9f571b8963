/*
 * Backward data is a convolution of the output gradient with the turned, transposed filter. With a stride s, input pixels
 * of the same (y + padding) mod s and (x + padding) mod s see the same taps: each of these s * s phases is a convolution of stride 1.
 */
#include "convolution/fully_connected.h"
#include "runtime/transpose.h"
#include "winograd/winograd.h"

using namespace duet;

namespace {

/* One dimension of one phase: pixels at y + padding = stride * q + phase see taps phase + stride * j of outputs q - j. */
struct Phase {
  int phase, taps, first, count;

  Phase(int phase, int stride, int padding, int kernel, int size)
      : phase(phase), taps(phase < kernel ? divide_up(kernel - phase, stride) : 0) {
    first = phase >= padding ? 0 : divide_up(padding - phase, stride);
    const int last = size - 1 + padding - phase;
    count = last < 0 ? 0 : std::max(0, last / stride - first + 1);
  }
};

struct BackwardData {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const Blocks blocks{in};
  /* Zeros before the gradient, so that q - j is never negative. */
  const int top = divide_up(c.kernel_height, c.stride) - 1, left = divide_up(c.kernel_width, c.stride) - 1;
  const PaddedImage gradient{c.filters, c.output_height, c.output_width, top, left,
                             top + std::max(c.output_height, (c.height - 1 + c.padding) / c.stride + 1),
                             left + std::max(c.output_width, (c.width - 1 + c.padding) / c.stride + 1)};
  const int images = images_at_once(c.batch, int64_t{c.height} * c.width / (c.stride * c.stride) + 1, gradient.stored());

  struct PhasePlan {
    std::vector<ptrdiff_t> gradient_rows, input_rows;
    /* For each block of input channels. */
    std::vector<Sum> sums;
    /* Floats of the turned filter of a group before this phase. */
    int64_t filter;
    Phase y, x;
  };
  std::vector<PhasePlan> phases;

  explicit BackwardData(const duet_convolution &convolution) : c(convolution) {}

  int64_t group_turned() const { return int64_t{c.kernel_height} * c.kernel_width * out * blocks.padded(); }
  int64_t turned() const { return round_up(c.groups * group_turned(), int64_t{16}); }
  int64_t copies() const { return gradient.is_plain() ? 0 : images * gradient.stored(); }

  void plan() {
    int64_t filter = 0;
    for (int phase = 0; phase < c.stride * c.stride; phase++) {
      PhasePlan plan{{}, {}, {}, filter, Phase(phase / c.stride, c.stride, c.padding, c.kernel_height, c.height),
                     Phase(phase % c.stride, c.stride, c.padding, c.kernel_width, c.width)};
      filter += int64_t{plan.y.taps} * plan.x.taps * out * blocks.padded();
      plan_rows(plan);
      plan_sums(plan);
      phases.push_back(std::move(plan));
    }
  }

  /* Rows are in image order, so that those of fewer images are the first ones. */
  void plan_rows(PhasePlan &plan) const {
    for (int i = 0; i < images; i++) {
      for (int qy = plan.y.first; qy < plan.y.first + plan.y.count; qy++) {
        for (int qx = plan.x.first; qx < plan.x.first + plan.x.count; qx++) {
          const int y = c.stride * qy + plan.y.phase - c.padding, x = c.stride * qx + plan.x.phase - c.padding;
          plan.input_rows.push_back(((ptrdiff_t{i} * c.height + y) * c.width + x) * c.channels);
          plan.gradient_rows.push_back(i * gradient.image() + (qy + top) * gradient.row() + ptrdiff_t{qx + left} * c.filters);
        }
      }
    }
  }

  /* Taps from the last to the first: outputs q - j ascend in memory, and without groups those of a row are one run. */
  void plan_sums(PhasePlan &plan) const {
    const int run = c.groups == 1 ? plan.x.taps * out : out;
    for (int block = 0; block < blocks.count(); block++) {
      const int width = blocks.width(block);
      Sum sum(chunk_terms(ptrdiff_t{plan.y.taps} * plan.x.taps * out, run));
      for (int y = 0; y < plan.y.taps; y++) {
        for (int term = 0; term < plan.x.taps * out; term += run) {
          const ptrdiff_t at = (y - plan.y.taps + 1) * gradient.row() + ptrdiff_t{term / out - plan.x.taps + 1} * c.filters;
          sum.add(at, (ptrdiff_t{y} * plan.x.taps * out + term) * width, run, 1, width);
        }
      }
      plan.sums.push_back(std::move(sum));
    }
  }

  int64_t phase_block(const PhasePlan &plan, int block) const {
    return plan.filter + block_offset(plan.y.taps * plan.x.taps * out, block);
  }

  /* The turned filter of one phase (packed and to: one group): [block of channels][tap, last first][filter][channel of the block]. */
  void turn(const PhasePlan &plan, int y, const float *packed, float *to) const {
    const Blocks filters{out};
    for (int block = 0; block < blocks.count(); block++) {
      const int width = blocks.width(block), columns = blocks.columns(block);
      for (int x = 0; x < plan.x.taps; x++) {
        const int ky = plan.y.phase + c.stride * (plan.y.taps - 1 - y), kx = plan.x.phase + c.stride * (plan.x.taps - 1 - x);
        const int64_t tap = (int64_t{ky} * c.kernel_width + kx) * in + block * kBlock;
        float *rows = to + phase_block(plan, block) + (int64_t{y} * plan.x.taps + x) * out * width;
        for (int f = 0; f < filters.count(); f++) {
          const int from_width = filters.width(f);
          transpose(packed + block_offset(taps(c), f) + tap * from_width, from_width, columns, filters.columns(f),
                    rows + ptrdiff_t{f} * kBlock * width, width);
        }
        for (int f = 0; f < out; f++) std::fill(rows + ptrdiff_t{f} * width + columns, rows + ptrdiff_t{f + 1} * width, 0.0f);
      }
    }
  }

  void block(const PhasePlan &plan, int group, int block, const float *from, const float *filter, float *to, int images_here) const {
    const Product product = {from + group * out, 1, filter + group * group_turned() + phase_block(plan, block), blocks.width(block),
                             to + group * in + block * kBlock, blocks.columns(block), false, false, nullptr};
    const ptrdiff_t rows = ptrdiff_t(plan.input_rows.size()) / images * images_here;
    multiply(product, plan.sums[block], plan.gradient_rows.data(), plan.input_rows.data(), 0, rows);
  }
};

}  // namespace

extern "C" {

int64_t duet_convolution_backward_data_workspace(const duet_convolution *convolution, int32_t threads) {
  if (is_fully_connected(*convolution)) return fully_connected_backward_data_workspace(*convolution, threads);
  const BackwardData plan(*convolution);
  const int64_t space = is_winograd(*convolution) ? winograd_forward_workspace(swapped(*convolution)) : threads * plan.copies();
  return (plan.turned() + space) * int64_t{sizeof(float)};
}

void duet_convolution_backward_data(duet_team *team, const duet_convolution *convolution, const float *output_gradient,
                                    const float *filter, float *input_gradient, void *workspace) {
  const duet_convolution &c = *convolution;
  float *turned = static_cast<float *>(workspace);
  if (is_fully_connected(c)) return fully_connected_backward_data(team, c, output_gradient, filter, input_gradient, turned);

  BackwardData plan(c);
  plan.plan();
  const int64_t phases = static_cast<int64_t>(plan.phases.size());
  parallel(team, c.groups * phases * c.kernel_height, [&](int64_t task, int) {
    const int group = static_cast<int>(task / c.kernel_height / phases), y = static_cast<int>(task % c.kernel_height);
    const BackwardData::PhasePlan &phase = plan.phases[task / c.kernel_height % phases];
    if (y < phase.y.taps) plan.turn(phase, y, filter + group * group_elements(c), turned + group * plan.group_turned());
  });

  if (is_winograd(c)) {
    return winograd_forward(team, swapped(c), output_gradient, turned, nullptr, false, input_gradient, turned + plan.turned());
  }
  const int64_t gradient_image = int64_t{c.filters} * c.output_height * c.output_width;
  const int64_t input_image = int64_t{c.channels} * c.height * c.width;
  const int all_blocks = c.groups * plan.blocks.count();
  const int64_t image_chunks = divide_up(c.batch, plan.images);
  const int parts = static_cast<int>(std::min<int64_t>(all_blocks, divide_up<int64_t>(4 * team->threads(), image_chunks)));
  parallel(team, image_chunks * parts, [&](int64_t task, int thread) {
    const int64_t first = task / parts * plan.images;
    const int part = static_cast<int>(task % parts);
    const int images = static_cast<int>(std::min<int64_t>(plan.images, c.batch - first));
    const float *from = output_gradient + first * gradient_image;
    if (plan.copies()) {
      float *copies = turned + plan.turned() + thread * plan.copies();
      for (int i = 0; i < images; i++) plan.gradient.copy(from + i * gradient_image, copies + i * plan.gradient.stored());
      from = copies;
    }
    for (int b = part * all_blocks / parts; b < (part + 1) * all_blocks / parts; b++) {
      for (const BackwardData::PhasePlan &phase : plan.phases) {
        plan.block(phase, b / plan.blocks.count(), b % plan.blocks.count(), from, turned, input_gradient + first * input_image, images);
      }
    }
  });
}
}
