#include "convolution/fully_connected.h"
#include "runtime/transpose.h"

namespace duet {
namespace {

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
  explicit Rows(ptrdiff_t width) {
    for (int r = 0; r < kTaps; r++) at[r] = r * width;
  }
};

/*
 * Input gradient [image][tap] = sum over filters of output gradient [image][filter] * filter [tap][filter].
 * The filter is far larger than the rest, so it is not transposed but read once as it is: taps are the rows, broadcast from
 * the packed filter, images the columns, and the small output gradient and result are transposed instead.
 */
template <class Word> struct BackwardData {
  const duet_convolution &c;
  /* So many blocks make a sum that is long against loading and storing the result. */
  static constexpr int kBlocksTogether = 64 / kBlock < 1 ? 1 : 64 / kBlock;
  static constexpr bool kPairs = kTermsOf<Word> == 2;
  static constexpr ptrdiff_t kBlockWords = kBlock / kTermsOf<Word>;
  const Blocks filters{c.filters}, images{c.batch};

  explicit BackwardData(const duet_convolution &convolution) : c(convolution) {}

  int64_t turned() const { return round_up(int64_t{c.filters} * images.padded(), int64_t{16}); }
  /* Words of the turned gradient, where these are not the floats themselves. */
  int64_t rounded() const { return kPairs ? round_up(words<Word>(c.filters) * images.padded(), int64_t{16}) : 0; }
  /* [block of images][tap of the task][image of the block] */
  int64_t result() const { return int64_t{images.padded()} * kTaps; }
  /* [tap of the task][pair of the filters of some blocks] */
  int64_t filter_space() const { return kPairs ? kTaps * kBlocksTogether * kBlockWords : 0; }
  int64_t workspace() const { return result() + filter_space(); }

  /* Filters first .. last - 1 of [block of images][filter][image of the block]. */
  void turn(const float *gradient, float *to, int block, int64_t first, int64_t last) const {
    const int width = images.width(block), columns = images.columns(block);
    gradient += int64_t{block} * kBlock * c.filters;
    to += block_offset(c.filters, block);
    for (int64_t f = first; f < last; f++) std::fill(to + f * width + columns, to + (f + 1) * width, 0.0f);
    transpose(gradient + first, c.filters, columns, last - first, to + first * width, width);
  }

  /* The gradient, turned, in words; `space` follows it. */
  const Word *operand(duet_team *team, const float *output_gradient, float *turned, Word *space) const {
    for (int block = 0; block < images.count(); block++) {
      parallel_slices(team, c.filters, kBlock, [&](int64_t first, int64_t last) { turn(output_gradient, turned, block, first, last); });
    }
    if constexpr (kPairs) {
      parallel(team, images.count(), [&](int64_t block, int) {
        const int width = images.width(static_cast<int>(block));
        round_rows(turned + block_offset(c.filters, static_cast<int>(block)), c.filters, width, width,
                   space + words<Word>(c.filters) * block * kBlock, width);
      });
      return space;
    } else {
      return turned;
    }
  }

  /* Blocks of filters first .. end - 1, of one width. */
  void add_blocks(int f, int end, int64_t first, int count, const Word *turned_gradient, const float *filter, float *result,
                  Word *filter_space) const {
    const int filter_width = filters.width(f);
    const float *from = filter + block_offset(taps(c), f) + first * filter_width;
    /* The same taps of the next block; each block of images asks for its share. */
    const ptrdiff_t share = ptrdiff_t{count} * filter_width * ptrdiff_t{sizeof(float)} / images.count();
    const char *next = reinterpret_cast<const char *>(from + block_offset(taps(c), end - f));
    const Word *a;
    ptrdiff_t row, block;
    if constexpr (kPairs) {
      a = filter_space;
      row = (end - f) * kBlockWords;
      block = kBlockWords;
      for (int i = f; i < end; i++) {
        for (int r = 0; r < count; r++) {
          round_along(from + block_offset(taps(c), i - f) + ptrdiff_t{r} * filter_width, filters.columns(i), filter_space + r * row + (i - f) * block);
        }
      }
    } else {
      a = from;
      row = filter_width;
      block = block_offset(taps(c), 1);
    }
    const Rows filter_rows(row);
    for (int b = 0; b < images.count(); b++) {
      const int width = images.width(b);
      const Rows result_rows(width);
      Sum sum(kChunkWords);
      for (int i = f; i < end; i++) sum.add((i - f) * block, (i - f) * kBlockWords * width, words<Word>(filters.columns(i)), 1, width);
      const Product<Word> product = {a, 1, turned_gradient + (words<Word>(c.filters) * b * kBlock + f * kBlockWords * width), width,
                                     result + block_offset(kTaps, b), width, f > 0, false, nullptr};
      multiply(product, sum, filter_rows.at, result_rows.at, 0, count, {next + b * share, share});
    }
  }

  void task(int64_t first, int count, const Word *turned_gradient, const float *filter, float *input_gradient, float *workspace) const {
    Word *space = reinterpret_cast<Word *>(workspace + result());
    /* The last block of filters may be narrower, with its rows closer together. */
    const int full = c.filters / kBlock;
    for (int f = 0; f < full; f += kBlocksTogether) {
      add_blocks(f, std::min(full, f + kBlocksTogether), first, count, turned_gradient, filter, workspace, space);
    }
    if (full < filters.count()) add_blocks(full, full + 1, first, count, turned_gradient, filter, workspace, space);
    for (int b = 0; b < images.count(); b++) {
      transpose(workspace + block_offset(kTaps, b), images.width(b), count, images.columns(b),
                input_gradient + int64_t{b} * kBlock * taps(c) + first, taps(c));
    }
  }

  void run(duet_team *team, const float *output_gradient, const float *filter, float *input_gradient, float *workspace) const {
    float *space = workspace + turned() + rounded();
    const Word *gradient = operand(team, output_gradient, workspace, reinterpret_cast<Word *>(workspace + turned()));
    const int64_t count = taps_of_task(c, team->threads());
    parallel(team, divide_up<int64_t>(taps(c), count), [&](int64_t task, int thread) {
      const int64_t first = task * count;
      this->task(first, static_cast<int>(std::min(count, taps(c) - first)), gradient, filter, input_gradient, space + thread * this->workspace());
    });
  }
};

/*
 * Filter gradient [tap][filter] = sum over images of input [image][tap] * output gradient [image][filter]. Rows of both are
 * thousands of floats apart, often a power of two, and would fall on the same few cache lines: parts are copied together.
 */
template <class Word> struct BackwardWeights {
  const duet_convolution &c;
  const Blocks filters{c.filters};
  /* Words of a sum: pairs are of two images. */
  const ptrdiff_t terms = words<Word>(c.batch);

  explicit BackwardWeights(const duet_convolution &convolution) : c(convolution) {}

  int64_t gathered() const { return round_up(terms * filters.padded(), int64_t{16}); }
  int64_t part() const { return terms * kTaps; }

  /* `count` neighbours of each image, images `distance` floats apart, as rows of words. */
  void copy(const float *from, ptrdiff_t distance, int count, Word *to, ptrdiff_t to_step) const {
    for (int n = 0; n < c.batch; n += kTermsOf<Word>, from += kTermsOf<Word> * distance, to += to_step) {
      if constexpr (kTermsOf<Word> == 1) {
        std::copy(from, from + count, to);
      } else if (n + 1 < c.batch) {
        round_apart(from, distance, count, to);
      } else {
        for (int i = 0; i < count; i++) to[i] = pair_of(from[i], 0);
      }
    }
  }

  /* [block of filters][word of images][filter of the block] */
  void gather(const float *gradient, int block, Word *to) const {
    const int width = filters.width(block), columns = filters.columns(block);
    to += terms * block * kBlock;
    copy(gradient + int64_t{block} * kBlock, c.filters, columns, to, width);
    for (ptrdiff_t n = 0; n < terms; n++, to += width) std::fill(to + columns, to + width, Word{});
  }

  void task(int64_t first, int count, const float *input, const Word *gathered_gradient, float *filter_gradient, Word *part) const {
    ptrdiff_t part_rows[kTaps];
    for (int r = 0; r < count; r++) part_rows[r] = r;
    copy(input + first, taps(c), count, part, kTaps);
    for (int block = 0; block < filters.count(); block++) {
      const int width = filters.width(block);
      const Rows rows(width);
      Sum sum(kChunkWords);
      sum.add(0, 0, terms, kTaps, width);
      const Product<Word> product = {part, kTaps, gathered_gradient + terms * block * kBlock, width,
                                     filter_gradient + block_offset(taps(c), block) + first * width, width, false, false, nullptr};
      multiply(product, sum, part_rows, rows.at, 0, count);
    }
  }

  void run(duet_team *team, const float *input, const float *output_gradient, float *filter_gradient, Word *workspace) const {
    parallel(team, filters.count(), [&](int64_t block, int) { gather(output_gradient, static_cast<int>(block), workspace); });
    const int64_t count = taps_of_task(c, team->threads());
    parallel(team, divide_up<int64_t>(taps(c), count), [&](int64_t task, int thread) {
      const int64_t first = task * count;
      this->task(first, static_cast<int>(std::min(count, taps(c) - first)), input, workspace, filter_gradient,
                 workspace + gathered() + thread * part());
    });
  }
};

}  // namespace

int64_t fully_connected_backward_data_workspace(const duet_convolution &c, int threads) {
  const auto words = [&](auto plan) { return plan.turned() + plan.rounded() + threads * plan.workspace(); };
  return in_pairs(c, DUET_BACKWARD_DATA) ? words(BackwardData<Pair>(c)) : words(BackwardData<float>(c));
}

void fully_connected_backward_data(duet_team *team, const duet_convolution &c, const float *output_gradient, const float *filter,
                                   float *input_gradient, float *workspace) {
  if (in_pairs(c, DUET_BACKWARD_DATA)) return BackwardData<Pair>(c).run(team, output_gradient, filter, input_gradient, workspace);
  BackwardData<float>(c).run(team, output_gradient, filter, input_gradient, workspace);
}

int64_t fully_connected_backward_weights_workspace(const duet_convolution &c, int threads) {
  const auto words = [&](auto plan) { return plan.gathered() + threads * plan.part(); };
  return in_pairs(c, DUET_BACKWARD_WEIGHTS) ? words(BackwardWeights<Pair>(c)) : words(BackwardWeights<float>(c));
}

void fully_connected_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                                      float *filter_gradient, float *workspace) {
  if (in_pairs(c, DUET_BACKWARD_WEIGHTS)) {
    BackwardWeights<Pair>(c).run(team, input, output_gradient, filter_gradient, reinterpret_cast<Pair *>(workspace));
  } else {
    BackwardWeights<float>(c).run(team, input, output_gradient, filter_gradient, workspace);
  }
}

}  // namespace duet
