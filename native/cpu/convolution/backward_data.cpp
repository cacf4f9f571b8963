/*
 * Backward data is a convolution of the output gradient with the turned, transposed filter. With a stride s, input pixels
 * of the same (y + padding_top) mod s and (x + padding) mod s see the same taps: each of these s * s phases is a convolution of stride 1.
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

template <class Word> struct BackwardData {
  const duet_convolution &c;
  const int in = group_channels(c), out = group_filters(c);
  const Blocks blocks{in};
  /* Zeros before the gradient, so that q - j is never negative. */
  const int top = divide_up(c.kernel_height, c.stride) - 1, left = divide_up(c.kernel_width, c.stride) - 1;
  const ImageOperand<Word> gradient{{c.filters, c.output_height, c.output_width, top, left,
                                     top + std::max(c.output_height, (c.height - 1 + c.padding_top) / c.stride + 1),
                                     left + std::max(c.output_width, (c.width - 1 + c.padding) / c.stride + 1)}};
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

  /* In floats and in words; a group's filters are whole words. */
  int64_t group_turned() const { return int64_t{c.kernel_height} * c.kernel_width * out * blocks.padded(); }
  int64_t turned() const { return round_up<int64_t>(c.groups * group_turned(), 16); }
  int64_t rounded() const { return kTermsOf<Word> == 1 ? 0 : round_up<int64_t>(turned() / kTermsOf<Word>, 16); }
  int64_t workspace() const { return operand_words(gradient, images); }

  void plan() {
    int64_t filter = 0;
    for (int phase = 0; phase < c.stride * c.stride; phase++) {
      PhasePlan plan{{},
                     {},
                     {},
                     filter,
                     Phase(phase / c.stride, c.stride, c.padding_top, c.kernel_height, c.height),
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
          const int y = c.stride * qy + plan.y.phase - c.padding_top, x = c.stride * qx + plan.x.phase - c.padding;
          plan.input_rows.push_back(((ptrdiff_t{i} * c.height + y) * c.width + x) * c.channels);
          plan.gradient_rows.push_back(i * gradient.image() + (qy + top) * gradient.row() + words<Word>(ptrdiff_t{qx + left} * c.filters));
        }
      }
    }
  }

  /* Taps from the last to the first: outputs q - j ascend in memory, and without groups those of a row are one run. */
  void plan_sums(PhasePlan &plan) const {
    const int pixels = c.groups == 1 ? plan.x.taps : 1;
    const ptrdiff_t run = pixels * words<Word>(out), row = plan.x.taps * words<Word>(out);
    for (int block = 0; block < blocks.count(); block++) {
      const int width = blocks.width(block);
      Sum sum(chunk_terms(plan.y.taps * row, run));
      for (int y = 0; y < plan.y.taps; y++) {
        for (int x = 0; x < plan.x.taps; x += pixels) {
          const ptrdiff_t at = (y - plan.y.taps + 1) * gradient.row() + (x - plan.x.taps + 1) * words<Word>(c.filters);
          sum.add(at, (y * row + x * words<Word>(out)) * width, run, 1, width);
        }
      }
      plan.sums.push_back(std::move(sum));
    }
  }

  int64_t phase_block(const PhasePlan &plan, int block) const { return plan.filter + block_offset(plan.y.taps * plan.x.taps * out, block); }

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

  /* A block of the turned filter in pairs. */
  void round(const PhasePlan &plan, int group, int block, const float *turned, Word *to) const {
    const int64_t at = group * group_turned() + phase_block(plan, block);
    const int width = blocks.width(block);
    round_rows(turned + at, ptrdiff_t{plan.y.taps} * plan.x.taps * out, width, width, to + at / kTermsOf<Word>, width);
  }

  void block(const PhasePlan &plan, int group, int block, const Word *from, const Word *filter, float *to, int images_here) const {
    const Product<Word> product = {from + group * words<Word>(out),
                                   1,
                                   filter + (group * group_turned() + phase_block(plan, block)) / kTermsOf<Word>,
                                   blocks.width(block),
                                   to + group * in + block * kBlock,
                                   blocks.columns(block),
                                   false,
                                   false,
                                   nullptr};
    const ptrdiff_t rows = ptrdiff_t(plan.input_rows.size()) / images * images_here;
    multiply(product, plan.sums[block], plan.gradient_rows.data(), plan.input_rows.data(), 0, rows);
  }

  void turn_all(duet_team *team, const float *filter, float *turned) const {
    const int64_t count = static_cast<int64_t>(phases.size());
    parallel(team, c.groups * count * c.kernel_height, [&](int64_t task, int) {
      const int group = static_cast<int>(task / c.kernel_height / count), y = static_cast<int>(task % c.kernel_height);
      const PhasePlan &phase = phases[task / c.kernel_height % count];
      if (y < phase.y.taps) turn(phase, y, filter + group * group_elements(c), turned + group * group_turned());
    });
  }

  /* The turned filter in words. */
  const Word *turned_words(duet_team *team, const float *turned, Word *space) const {
    if constexpr (kTermsOf<Word> == 1) {
      return turned;
    } else {
      const int64_t count = static_cast<int64_t>(phases.size());
      parallel(team, c.groups * count * blocks.count(), [&](int64_t task, int) {
        const int group = static_cast<int>(task / count / blocks.count()), block = static_cast<int>(task % blocks.count());
        round(phases[task / blocks.count() % count], group, block, turned, space);
      });
      return space;
    }
  }

  void run_all(duet_team *team, const float *output_gradient, const float *filter, float *input_gradient, float *workspace) {
    plan();
    turn_all(team, filter, workspace);
    Word *space = reinterpret_cast<Word *>(workspace + turned());
    const Word *turned_filter = turned_words(team, workspace, space);
    space += rounded();
    const int64_t gradient_image = int64_t{c.filters} * c.output_height * c.output_width;
    const int64_t input_image = int64_t{c.channels} * c.height * c.width;
    const int all_blocks = c.groups * blocks.count();
    const int64_t image_chunks = divide_up(c.batch, images);
    const int parts = static_cast<int>(std::min<int64_t>(all_blocks, divide_up<int64_t>(4 * team->threads(), image_chunks)));
    parallel(team, image_chunks * parts, [&](int64_t task, int thread) {
      const int64_t first = task / parts * images;
      const int part = static_cast<int>(task % parts);
      const int images_here = static_cast<int>(std::min<int64_t>(images, c.batch - first));
      const Word *from = operands(gradient, output_gradient + first * gradient_image, images_here, space + thread * this->workspace());
      for (int b = part * all_blocks / parts; b < (part + 1) * all_blocks / parts; b++) {
        for (const PhasePlan &phase : phases) {
          block(phase, b / blocks.count(), b % blocks.count(), from, turned_filter, input_gradient + first * input_image, images_here);
        }
      }
    });
  }
};

template <class Word> int64_t workspace_of(const duet_convolution &c, int threads) {
  const BackwardData<Word> plan(c);
  return plan.turned() + plan.rounded() + threads * plan.workspace();
}

}  // namespace

extern "C" {

int64_t duet_convolution_backward_data_workspace(const duet_convolution *convolution, int32_t threads) noexcept {
  const duet_convolution &c = *convolution;
  if (is_fully_connected(c)) return fully_connected_backward_data_workspace(c, threads) * int64_t{sizeof(float)};
  if (is_winograd(c, DUET_BACKWARD_DATA))
    return (BackwardData<float>(c).turned() + winograd_forward_workspace(swapped(c), threads)) * int64_t{sizeof(float)};
  const int64_t words = in_pairs(c, DUET_BACKWARD_DATA) ? workspace_of<Pair>(c, threads) : workspace_of<float>(c, threads);
  return words * int64_t{sizeof(float)};
}

int32_t duet_convolution_backward_data(duet_team *team, const duet_convolution *convolution, const float *output_gradient,
                                       const float *filter, float *input_gradient, void *workspace) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    float *space = static_cast<float *>(workspace);
    if (is_fully_connected(c)) {
      fully_connected_backward_data(team, c, output_gradient, filter, input_gradient, space);
    } else if (is_winograd(c, DUET_BACKWARD_DATA)) {
      BackwardData<float> plan(c);
      plan.plan();
      plan.turn_all(team, filter, space);
      winograd_forward(team, swapped(c), output_gradient, space, nullptr, false, input_gradient, space + plan.turned());
    } else if (in_pairs(c, DUET_BACKWARD_DATA)) {
      BackwardData<Pair>(c).run_all(team, output_gradient, filter, input_gradient, space);
    } else {
      BackwardData<float>(c).run_all(team, output_gradient, filter, input_gradient, space);
    }
  });
}
}
