#include "convolution/fully_connected.h"

namespace duet {
namespace {

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
template <class Word> struct Forward {
  const duet_convolution &c;
  const Blocks filters{c.filters};
  static constexpr int kMostBlocks = 4;
  const ptrdiff_t row = words<Word>(taps(c));
  std::vector<ptrdiff_t> input_rows, output_rows;

  explicit Forward(const duet_convolution &convolution) : c(convolution) {}

  int blocks_of_task(int threads) const { return std::clamp(filters.count() / (4 * threads), 1, kMostBlocks); }
  int64_t block_filter(int block) const { return row * block * kBlock; }

  void plan() {
    for (int n = 0; n < c.batch; n++) {
      input_rows.push_back(n * row);
      output_rows.push_back(ptrdiff_t{n} * c.filters);
    }
  }

  /* b: words first .. first + count - 1 of all taps of a block. */
  void chunk(int block, ptrdiff_t first, ptrdiff_t count, const Word *input, const Word *b, const float *bias, bool relu, float *output,
             Next next) const {
    const int width = filters.width(block), column = block * kBlock;
    const Product<Word> product = {input + first, 1, b, width, output + column, filters.columns(block), first > 0, relu && first + count == row,
                                   bias && first == 0 ? bias + column : nullptr};
    multiply(product, plain_sum(count, 1, width), input_rows.data(), output_rows.data(), 0, c.batch, next);
  }

  /* operand(block, first word, count, next, space) is the filter's chunk; the memory that comes after it in the block is asked for. */
  template <class Operand>
  void run(duet_team *team, const Word *input, const float *bias, bool relu, float *output, Operand operand) const {
    parallel_slices(team, filters.count(), blocks_of_task(team->threads()), [&](int64_t first_block, int64_t last_block) {
      alignas(64) Word space[kChunkWords * kBlock];
      for (ptrdiff_t first = 0; first < row; first += kChunkWords) {
        const ptrdiff_t count = std::min(kChunkWords, row - first);
        for (int block = static_cast<int>(first_block); block < last_block; block++) {
          Next next;
          const Word *b = operand(block, first, count, &next, space);
          chunk(block, first, count, input, b, bias, relu, output, next);
        }
      }
    });
  }

  /* With the filter in words. */
  void run(duet_team *team, const Word *input, const Word *filter, const float *bias, bool relu, float *output) const {
    run(team, input, bias, relu, output, [&](int block, ptrdiff_t first, ptrdiff_t count, Next *next, Word *) {
      const ptrdiff_t chunk = count * filters.width(block);
      const Word *b = filter + block_filter(block) + first * filters.width(block);
      *next = {b + chunk, chunk * ptrdiff_t{sizeof(Word)}};
      return b;
    });
  }
};

/* Each chunk of the filter is rounded on its way to the products: many images share it. */
void forward_rounding(duet_team *team, const Forward<Pair> &plan, const Pair *input, const float *filter, const float *bias, bool relu,
                      float *output) {
  const int all_taps = taps(plan.c);
  plan.run(team, input, bias, relu, output, [&](int block, ptrdiff_t first, ptrdiff_t count, Next *next, Pair *chunk) {
    const int width = plan.filters.width(block);
    const ptrdiff_t terms = std::min<ptrdiff_t>(2 * count, all_taps - 2 * first);
    const float *from = filter + block_offset(all_taps, block) + 2 * first * width;
    round_rows(from, terms, width, width, chunk, width);
    *next = {from + terms * width, terms * width * ptrdiff_t{sizeof(float)}};
    return static_cast<const Pair *>(chunk);
  });
}

/*
 * The same for a few images, where reading the filter is all that takes time: as many parts of a block as the registers have sums for are
 * read side by side. A core gets more from memory along several streams than along one: with one image fc6 took 25 % less time along four
 * than along one in float, 12 % less in bf16 (Zen 3; three are as good, two, six and eight less so).
 */
struct FewImages {
  const duet_convolution &c;
  const Blocks filters{c.filters};

  template <int Images, int NV, class Word>
  void block(int block, const Word *input, const Word *filter, const float *bias, bool relu, float *output) const {
    constexpr int kStreams = kFewImages / Images;
    /* A single stream is asked for ahead; several came later with it. */
    constexpr ptrdiff_t kAhead = kStreams == 1 ? 1024 / sizeof(Word) : 0;
    constexpr int kWidth = NV * kVectorWidth;
    const ptrdiff_t taps = words<Word>(duet::taps(c));
    Vector sums[kStreams][Images][NV] = {};
    const auto add = [&](ptrdiff_t tap, Vector (&sum)[Images][NV]) {
      const Word *row = filter + tap * kWidth;
      if constexpr (kAhead != 0) {
        for (int line = 0; line < kWidth; line += 16) __builtin_prefetch(row + kAhead + line);
      }
      DUET_UNROLL
      for (int v = 0; v < NV; v++) {
        const auto weight = load(row + v * kVectorWidth);
        DUET_UNROLL
        for (int n = 0; n < Images; n++) multiply_add(sum[n][v], broadcast(input[n * taps + tap]), weight);
      }
    };
    const ptrdiff_t part = taps / kStreams;
    for (ptrdiff_t tap = 0; tap < part; tap++) {
      DUET_UNROLL
      for (int s = 0; s < kStreams; s++) add(s * part + tap, sums[s]);
    }
    for (ptrdiff_t tap = kStreams * part; tap < taps; tap++) add(tap, sums[0]);
    const int columns = filters.columns(block);
    for (int n = 0; n < Images; n++) {
      for (int v = 0; v * kVectorWidth < columns; v++) {
        const int column = block * kBlock + v * kVectorWidth, count = std::min(kVectorWidth, columns - v * kVectorWidth);
        Vector value = sums[0][n][v];
        for (int i = 1; i < kStreams; i++) value += sums[i][n][v];
        if (bias) value += load_first(bias + column, count);
        if (relu) value = value < 0 ? Vector{} : value;
        store_first(output + ptrdiff_t{n} * c.filters + column, value, count);
      }
    }
  }

  template <int Images, class Word>
  void block_of(int index, const Word *input, const Word *filter, const float *bias, bool relu, float *output) const {
    filter += words<Word>(taps(c)) * index * kBlock;
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

  template <class Word>
  void run(duet_team *team, const Word *input, const Word *filter, const float *bias, bool relu, float *output) const {
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

/* The input in pairs, each image beginning with a new one. */
int64_t rounded_input(const duet_convolution &c) { return round_up(c.batch * words<Pair>(taps(c)), int64_t{16}); }
void round_input(duet_team *team, const duet_convolution &c, const float *input, Pair *to) {
  constexpr int kPart = 2048;
  const int parts = divide_up(taps(c), kPart);
  parallel(team, int64_t{c.batch} * parts, [&](int64_t task, int) {
    const int64_t image = task / parts, first = task % parts * kPart;
    round_along(input + image * taps(c) + first, std::min<ptrdiff_t>(kPart, taps(c) - first), to + image * words<Pair>(taps(c)) + first / 2);
  });
}

}  // namespace

int64_t fully_connected_forward_workspace(const duet_convolution &c) { return in_pairs(c, DUET_FORWARD) ? rounded_input(c) : 0; }

void fully_connected_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias,
                             bool relu, float *output, Pair *workspace) {
  if (in_pairs(c, DUET_FORWARD)) {
    Forward<Pair> plan(c);
    plan.plan();
    round_input(team, c, input, workspace);
    return forward_rounding(team, plan, workspace, filter, bias, relu, output);
  }
  if (c.batch <= kFewImages) return FewImages{c}.run(team, input, filter, bias, relu, output);
  Forward<float> plan(c);
  plan.plan();
  plan.run(team, input, filter, bias, relu, output);
}

int64_t fully_connected_prepared(const duet_convolution &c) {
  return in_pairs(c, DUET_FORWARD) ? words<Pair>(taps(c)) * Blocks{c.filters}.padded() : 0;
}

void fully_connected_prepare(duet_team *team, const duet_convolution &c, const float *filter, Pair *to) {
  const Forward<Pair> plan(c);
  const int parts = static_cast<int>(divide_up<ptrdiff_t>(plan.row, kChunkWords));
  parallel(team, int64_t{plan.filters.count()} * parts, [&](int64_t task, int) {
    const int block = static_cast<int>(task / parts), width = plan.filters.width(block);
    const ptrdiff_t first = task % parts * kChunkWords;
    round_rows(filter + block_offset(taps(c), block) + 2 * first * width, std::min<ptrdiff_t>(2 * kChunkWords, taps(c) - 2 * first), width, width,
               to + plan.block_filter(block) + first * width, width);
  });
}

void fully_connected_forward(duet_team *team, const duet_convolution &c, const float *input, const Pair *prepared, const float *bias,
                             bool relu, float *output, Pair *workspace) {
  round_input(team, c, input, workspace);
  if (c.batch <= kFewImages) return FewImages{c}.run(team, workspace, prepared, bias, relu, output);
  Forward<Pair> plan(c);
  plan.plan();
  plan.run(team, workspace, prepared, bias, relu, output);
}

}  // namespace duet
