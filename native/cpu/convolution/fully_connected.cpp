#include "convolution/fully_connected.h"
#include "runtime/transpose.h"

namespace duet {
namespace {

/* 128 terms of 64 columns are 32 KiB. */
constexpr ptrdiff_t kTerms = 128;
/* Most taps of a task: they share one reading of the small operand. */
constexpr int kTaps = 192;
constexpr int kFewestTaps = 24;

/* Taps of a task, so that each thread gets a few tasks. */
int taps_of_task(const duet_convolution &c, int threads) {
  return std::clamp(round_up(divide_up(taps(c), 4 * threads), kFewestTaps), kFewestTaps, kTaps);
}

/* Rows of C, or of a packed block, of so many floats. */
struct Rows {
  ptrdiff_t at[kTaps];
  explicit Rows(int width) {
    for (int r = 0; r < kTaps; r++) at[r] = ptrdiff_t{r} * width;
  }
};

/* `length` terms at the begin of A and B. */
Sum plain_sum(ptrdiff_t length, ptrdiff_t a_step, ptrdiff_t b_step) {
  Sum sum(length);
  sum.add(0, 0, length, a_step, b_step);
  return sum;
}

/*
 * Output [image][filter] = sum over taps of input [image][tap] * filter [tap][filter]. Each block of filters is read from memory
 * once; a few blocks go together through a chunk of taps, so that the inputs, whose rows are far apart, are fetched fewer times.
 */
struct Forward {
  const duet_convolution &c;
  const Blocks filters{c.filters};
  static constexpr int kMostBlocks = 4;
  std::vector<ptrdiff_t> input_rows, output_rows;

  int blocks_of_task(int threads) const { return std::clamp(filters.count() / (4 * threads), 1, kMostBlocks); }

  void plan() {
    for (int n = 0; n < c.batch; n++) {
      input_rows.push_back(ptrdiff_t{n} * taps(c));
      output_rows.push_back(ptrdiff_t{n} * c.filters);
    }
  }

  void blocks(int first, int end, const float *input, const float *filter, const float *bias, bool relu, float *output) const {
    for (int tap = 0; tap < taps(c); tap += kTerms) {
      const int terms = std::min<int>(kTerms, taps(c) - tap);
      for (int block = first; block < end; block++) {
        const int width = filters.width(block), column = block * kBlock;
        const float *b = filter + block_offset(taps(c), block) + ptrdiff_t{tap} * width;
        const Product product = {input + tap, 1, b, width, output + column, filters.columns(block), tap > 0, relu && tap + terms == taps(c),
                                 bias && tap == 0 ? bias + column : nullptr};
        const ptrdiff_t floats = ptrdiff_t{terms} * width;
        multiply(product, plain_sum(terms, 1, width), input_rows.data(), output_rows.data(), 0, c.batch, {b + floats, floats});
      }
    }
  }
};

/*
 * The same for a few images, where reading the filter is all that takes time: its blocks are streams of memory, each read from end to end.
 * Several taps go into sums of their own, so that a multiply-add need not wait for the one before.
 */
struct FewImages {
  static constexpr int kMostImages = 4;
  const duet_convolution &c;
  const Blocks filters{c.filters};

  template <int Images, int NV> void block(int block, const float *input, const float *filter, const float *bias, bool relu, float *output) const {
    constexpr int kTogether = kMostImages / Images;
    constexpr ptrdiff_t kAhead = 2048 / sizeof(float);
    constexpr int kWidth = NV * kVectorWidth;
    const int taps = duet::taps(c);
    Vector sums[kTogether][Images][NV] = {};
    const auto add = [&](int tap, Vector (&sum)[Images][NV]) {
      const float *row = filter + ptrdiff_t{tap} * kWidth;
      for (int line = 0; line < kWidth; line += 16) __builtin_prefetch(row + kAhead + line);
      DUET_UNROLL
      for (int v = 0; v < NV; v++) {
        const Vector weight = load(row + v * kVectorWidth);
        DUET_UNROLL
        for (int n = 0; n < Images; n++) sum[n][v] += input[ptrdiff_t{n} * taps + tap] * weight;
      }
    };
    int tap = 0;
    for (; tap + kTogether <= taps; tap += kTogether) {
      DUET_UNROLL
      for (int i = 0; i < kTogether; i++) add(tap + i, sums[i]);
    }
    for (; tap < taps; tap++) add(tap, sums[0]);
    const int columns = filters.columns(block);
    for (int n = 0; n < Images; n++) {
      for (int v = 0; v * kVectorWidth < columns; v++) {
        const int column = block * kBlock + v * kVectorWidth, count = std::min(kVectorWidth, columns - v * kVectorWidth);
        Vector value = sums[0][n][v];
        for (int i = 1; i < kTogether; i++) value += sums[i][n][v];
        if (bias) value += load_first(bias + column, count);
        if (relu) value = value < 0 ? Vector{} : value;
        store_first(output + ptrdiff_t{n} * c.filters + column, value, count);
      }
    }
  }

  template <int Images> void block_of(int index, const float *input, const float *filter, const float *bias, bool relu, float *output) const {
    filter += block_offset(taps(c), index);
    switch (filters.width(index) / kVectorWidth) {
      case 1: return block<Images, 1>(index, input, filter, bias, relu, output);
      case 2: return block<Images, 2>(index, input, filter, bias, relu, output);
#if defined(__AVX512F__) || defined(__aarch64__)
      case 3: return block<Images, 3>(index, input, filter, bias, relu, output);
      default: return block<Images, 4>(index, input, filter, bias, relu, output);
#else
      default: return;
#endif
    }
  }

  void run(duet_team *team, const float *input, const float *filter, const float *bias, bool relu, float *output) const {
    parallel(team, filters.count(), [&](int64_t task, int) {
      const int index = static_cast<int>(task);
      switch (c.batch) {
        case 1: return block_of<1>(index, input, filter, bias, relu, output);
        case 2: return block_of<2>(index, input, filter, bias, relu, output);
        case 3: return block_of<3>(index, input, filter, bias, relu, output);
        default: return block_of<4>(index, input, filter, bias, relu, output);
      }
    });
  }
};

/*
 * Input gradient [image][tap] = sum over filters of output gradient [image][filter] * filter [tap][filter].
 * The filter is far larger than the rest, so it is not transposed but read once as it is: taps are the rows, broadcast from
 * the packed filter, images the columns, and the small output gradient and result are transposed instead.
 */
struct BackwardData {
  const duet_convolution &c;
  /* So many blocks make a sum that is long against loading and storing the result. */
  static constexpr int kBlocksTogether = 64 / kBlock < 1 ? 1 : 64 / kBlock;
  const Blocks filters{c.filters}, images{c.batch};

  int64_t turned() const { return round_up(int64_t{c.filters} * images.padded(), int64_t{16}); }
  /* [block of images][tap of the task][image of the block] */
  int64_t result() const { return int64_t{images.padded()} * kTaps; }

  /* Filters first .. last - 1 of [block of images][filter][image of the block]. */
  void turn(const float *gradient, float *to, int block, int64_t first, int64_t last) const {
    const int width = images.width(block), columns = images.columns(block);
    gradient += int64_t{block} * kBlock * c.filters;
    to += block_offset(c.filters, block);
    for (int64_t f = first; f < last; f++) std::fill(to + f * width + columns, to + (f + 1) * width, 0.0f);
    transpose(gradient + first, c.filters, columns, last - first, to + first * width, width);
  }

  /* Blocks of filters first .. end - 1, of one width. */
  void add_blocks(int f, int end, int64_t first, int count, const float *turned_gradient, const float *filter, float *result) const {
    const int filter_width = filters.width(f);
    const Rows filter_rows(filter_width);
    const float *a = filter + block_offset(taps(c), f) + first * filter_width;
    /* The same taps of the next block; each block of images asks for its share. */
    const ptrdiff_t share = ptrdiff_t{count} * filter_width / images.count();
    for (int b = 0; b < images.count(); b++) {
      const int width = images.width(b);
      const Rows result_rows(width);
      Sum sum(kTerms);
      for (int i = f; i < end; i++) sum.add(block_offset(taps(c), i - f), ptrdiff_t{i - f} * kBlock * width, filters.columns(i), 1, width);
      const Product product = {a, 1, turned_gradient + block_offset(c.filters, b) + ptrdiff_t{f} * kBlock * width, width,
                               result + block_offset(kTaps, b), width, f > 0, false, nullptr};
      multiply(product, sum, filter_rows.at, result_rows.at, 0, count, {a + block_offset(taps(c), end - f) + b * share, share});
    }
  }

  void task(int64_t first, int count, const float *turned_gradient, const float *filter, float *input_gradient, float *result) const {
    /* The last block of filters may be narrower, with its rows closer together. */
    const int full = c.filters / kBlock;
    for (int f = 0; f < full; f += kBlocksTogether) {
      add_blocks(f, std::min(full, f + kBlocksTogether), first, count, turned_gradient, filter, result);
    }
    if (full < filters.count()) add_blocks(full, full + 1, first, count, turned_gradient, filter, result);
    for (int b = 0; b < images.count(); b++) {
      transpose(result + block_offset(kTaps, b), images.width(b), count, images.columns(b),
                input_gradient + int64_t{b} * kBlock * taps(c) + first, taps(c));
    }
  }
};

/*
 * Filter gradient [tap][filter] = sum over images of input [image][tap] * output gradient [image][filter]. Rows of both are
 * thousands of floats apart, often a power of two, and would fall on the same few cache lines: parts are copied together.
 */
struct BackwardWeights {
  const duet_convolution &c;
  const Blocks filters{c.filters};

  int64_t gathered() const { return round_up(int64_t{c.batch} * filters.padded(), int64_t{16}); }
  int64_t part() const { return int64_t{c.batch} * kTaps; }

  /* [block of filters][image][filter of the block] */
  void gather(const float *gradient, int block, float *to) const {
    const int width = filters.width(block), columns = filters.columns(block);
    gradient += int64_t{block} * kBlock;
    to += block_offset(c.batch, block);
    for (int n = 0; n < c.batch; n++, gradient += c.filters, to += width) {
      std::copy(gradient, gradient + columns, to);
      std::fill(to + columns, to + width, 0.0f);
    }
  }

  void task(int64_t first, int count, const float *input, const float *gathered_gradient, float *filter_gradient, float *part) const {
    ptrdiff_t part_rows[kTaps];
    for (int r = 0; r < count; r++) part_rows[r] = r;
    for (int n = 0; n < c.batch; n++) {
      const float *from = input + int64_t{n} * taps(c) + first;
      std::copy(from, from + count, part + int64_t{n} * kTaps);
    }
    for (int block = 0; block < filters.count(); block++) {
      const int width = filters.width(block);
      const Rows rows(width);
      Sum sum(kTerms);
      sum.add(0, 0, c.batch, kTaps, width);
      const Product product = {part, kTaps, gathered_gradient + block_offset(c.batch, block), width,
                               filter_gradient + block_offset(taps(c), block) + first * width, width, false, false, nullptr};
      multiply(product, sum, part_rows, rows.at, 0, count);
    }
  }
};

}  // namespace

void fully_connected_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias,
                             bool relu, float *output) {
  if (c.batch <= FewImages::kMostImages) return FewImages{c}.run(team, input, filter, bias, relu, output);
  Forward forward{c, {c.filters}, {}, {}};
  forward.plan();
  parallel_slices(team, forward.filters.count(), forward.blocks_of_task(team->threads()), [&](int64_t first, int64_t last) {
    forward.blocks(static_cast<int>(first), static_cast<int>(last), input, filter, bias, relu, output);
  });
}

int64_t fully_connected_backward_data_workspace(const duet_convolution &c, int threads) {
  const BackwardData plan{c};
  return (plan.turned() + threads * plan.result()) * int64_t{sizeof(float)};
}

void fully_connected_backward_data(duet_team *team, const duet_convolution &c, const float *output_gradient, const float *filter,
                                   float *input_gradient, float *workspace) {
  const BackwardData plan{c};
  for (int block = 0; block < plan.images.count(); block++) {
    parallel_slices(team, c.filters, kBlock, [&](int64_t first, int64_t last) { plan.turn(output_gradient, workspace, block, first, last); });
  }
  const int64_t count = taps_of_task(c, team->threads());
  parallel(team, divide_up<int64_t>(taps(c), count), [&](int64_t task, int thread) {
    const int64_t first = task * count;
    plan.task(first, static_cast<int>(std::min(count, taps(c) - first)), workspace, filter, input_gradient,
              workspace + plan.turned() + thread * plan.result());
  });
}

int64_t fully_connected_backward_weights_workspace(const duet_convolution &c, int threads) {
  const BackwardWeights plan{c};
  return (plan.gathered() + threads * plan.part()) * int64_t{sizeof(float)};
}

void fully_connected_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                                      float *filter_gradient, float *workspace) {
  const BackwardWeights plan{c};
  parallel(team, plan.filters.count(), [&](int64_t block, int) { plan.gather(output_gradient, static_cast<int>(block), workspace); });
  const int64_t count = taps_of_task(c, team->threads());
  parallel(team, divide_up<int64_t>(taps(c), count), [&](int64_t task, int thread) {
    const int64_t first = task * count;
    plan.task(first, static_cast<int>(std::min(count, taps(c) - first)), input, workspace, filter_gradient,
              workspace + plan.gathered() + thread * plan.part());
  });
}

}  // namespace duet
