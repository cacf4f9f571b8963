#include "convolution/fully_connected.h"
#include "winograd/winograd.h"

using namespace duet;

namespace {

template <class Word> struct Forward {
  const duet_convolution &c;
  const int in = group_channels(c);
  const ImageOperand<Word> image{padded_input(c)};
  const int pixels = c.output_height * c.output_width;
  const int images = images_at_once(c.batch, pixels, image.stored());
  const Blocks blocks{group_filters(c)};
  /*
   * Taps that lie side by side in the image: without groups those of a kernel row, else those of a pixel. The filter has whole words of
   * them.
   */
  const int run = c.groups == 1 ? c.kernel_width * in : in;
  const int runs = taps(c) / run;
  const ptrdiff_t run_words = words<Word>(run);
  /* Each block has sums of its own, because blocks differ in width. */
  std::vector<Sum> sums;
  std::vector<ptrdiff_t> input_rows, output_rows;

  explicit Forward(const duet_convolution &convolution) : c(convolution) {}

  /* In words: of a group's filter, before one of its blocks, of all filters, and of what a thread needs. */
  int64_t group_filter() const { return runs * run_words * blocks.padded(); }
  int64_t block_filter(int block) const { return runs * run_words * block * kBlock; }
  int64_t filter() const { return round_up<int64_t>(c.groups * group_filter(), 16); }
  int64_t workspace() const { return operand_words(image, images); }
  int bands(int rows) const { return in_bands(c) ? divide_up(rows, kBandPixels) : 1; }

  void plan() {
    const int runs_of_row = runs / c.kernel_height;
    for (int block = 0; block < blocks.count(); block++) {
      const int width = blocks.width(block);
      Sum sum(chunk_terms(runs * run_words, run_words));
      for (int r = 0; r < runs; r++) {
        const ptrdiff_t at = r / runs_of_row * image.row() + r % runs_of_row * words<Word>(c.channels);
        sum.add(at, r * run_words * width, run_words, 1, width);
      }
      sums.push_back(std::move(sum));
    }
    for (int i = 0; i < images; i++) {
      for (int y = 0; y < c.output_height; y++) {
        for (int x = 0; x < c.output_width; x++) {
          input_rows.push_back(i * image.image() + y * c.stride * image.row() + words<Word>(int64_t{x} * c.stride * c.channels));
          output_rows.push_back(ptrdiff_t(output_rows.size()) * c.filters);
        }
      }
    }
  }

  void block(int group, int block, const Word *input, const Word *filter, const float *bias, bool relu, float *output, int first_row,
             int last_row) const {
    const int first = group * group_filters(c) + block * kBlock;
    const int width = blocks.width(block);
    const Product<Word> product = {input + group * words<Word>(in),
                                   1,
                                   filter + group * group_filter() + block_filter(block),
                                   width,
                                   output + first,
                                   blocks.columns(block),
                                   false,
                                   relu,
                                   bias ? bias + first : nullptr};
    multiply(product, sums[block], input_rows.data(), output_rows.data(), first_row, last_row);
  }

  void run_all(duet_team *team, const float *input, const Word *filter, const float *bias, bool relu, float *output,
               Word *workspace) const {
    const int64_t input_image = int64_t{c.channels} * c.height * c.width;
    const int64_t output_image = int64_t{c.filters} * pixels;
    const int all_blocks = c.groups * blocks.count();
    const int64_t image_chunks = divide_up(c.batch, images);
    /*
     * Few images: share out their blocks of filters too, at the price of copying an image more than once; and their rows where they are not
     * copied, or the six blocks that conv1 has with AVX2 would be work for six threads.
     */
    const int64_t wanted = 4 * team->threads();
    const int parts = static_cast<int>(std::min<int64_t>(all_blocks, divide_up<int64_t>(wanted, image_chunks)));
    const int shares = image.in_place() ? static_cast<int>(divide_up<int64_t>(wanted, image_chunks * parts)) : 1;
    parallel(team, image_chunks * shares * parts, [&](int64_t task, int thread) {
      const int part = static_cast<int>(task % parts), share = static_cast<int>(task / parts % shares);
      const int64_t first = task / parts / shares * images;
      const int images_here = static_cast<int>(std::min<int64_t>(images, c.batch - first));
      const Word *from = operands(image, input + first * input_image, images_here, workspace + thread * this->workspace());
      const int begin = share_begin(images_here * pixels, share, shares), end = share_begin(images_here * pixels, share + 1, shares);
      const int bands = this->bands(end - begin);
      for (int band = 0; band < bands; band++) {
        const int first_row = begin + band * (end - begin) / bands, last_row = begin + (band + 1) * (end - begin) / bands;
        for (int b = part * all_blocks / parts; b < (part + 1) * all_blocks / parts; b++) {
          block(b / blocks.count(), b % blocks.count(), from, filter, bias, relu, output + first * output_image, first_row, last_row);
        }
      }
    });
  }

  /* The first row of a share of so many, in whole tiles. */
  static int share_begin(int rows, int share, int shares) {
    constexpr int kTileRows = tile_rows(kBlockVectors);
    return std::min(rows, divide_up(rows, kTileRows) * share / shares * kTileRows);
  }
};

/* The packed filter in pairs: [group][block][run][pair of taps][filter of the block]. */
void round_filter(duet_team *team, const Forward<Pair> &plan, const float *packed, Pair *to) {
  const int64_t all_taps = taps(plan.c);
  parallel(team, int64_t{plan.c.groups} * plan.blocks.count() * plan.runs, [&](int64_t task, int) {
    const int r = static_cast<int>(task % plan.runs), block = static_cast<int>(task / plan.runs % plan.blocks.count());
    const int64_t group = task / plan.runs / plan.blocks.count();
    const int width = plan.blocks.width(block);
    round_rows(packed + group * group_elements(plan.c) + block_offset(all_taps, block) + int64_t{r} * plan.run * width, plan.run, width,
               width, to + group * plan.group_filter() + plan.block_filter(block) + r * plan.run_words * width, width);
  });
}

}  // namespace

extern "C" {

int64_t duet_convolution_forward_workspace(const duet_convolution *convolution, int32_t threads) noexcept {
  const duet_convolution &c = *convolution;
  if (is_fully_connected(c)) return fully_connected_forward_workspace(c) * int64_t{sizeof(float)};
  if (is_winograd(c, DUET_FORWARD)) return winograd_forward_workspace(c, threads) * int64_t{sizeof(float)};
  if (in_pairs(c, DUET_FORWARD)) {
    const Forward<Pair> plan(c);
    return (plan.filter() + threads * plan.workspace()) * int64_t{sizeof(Pair)};
  }
  return threads * Forward<float>(c).workspace() * int64_t{sizeof(float)};
}

int32_t duet_convolution_forward(duet_team *team, const duet_convolution *convolution, const float *input, const float *filter,
                                 const float *bias, int32_t relu, float *output, void *workspace) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    if (is_fully_connected(c))
      return fully_connected_forward(team, c, input, filter, bias, relu != 0, output, static_cast<Pair *>(workspace));
    if (is_winograd(c, DUET_FORWARD))
      return winograd_forward(team, c, input, filter, bias, relu != 0, output, static_cast<float *>(workspace));
    if (in_pairs(c, DUET_FORWARD)) {
      Forward<Pair> plan(c);
      Pair *pairs = static_cast<Pair *>(workspace);
      plan.plan();
      round_filter(team, plan, filter, pairs);
      plan.run_all(team, input, pairs, bias, relu != 0, output, pairs + plan.filter());
    } else {
      Forward<float> plan(c);
      plan.plan();
      plan.run_all(team, input, filter, bias, relu != 0, output, static_cast<float *>(workspace));
    }
  });
}

int64_t duet_convolution_prepared_bytes(const duet_convolution *convolution) noexcept {
  const duet_convolution &c = *convolution;
  if (is_fully_connected(c)) return fully_connected_prepared(c) * int64_t{sizeof(Pair)};
  if (is_winograd(c, DUET_FORWARD)) return winograd_prepared(c) * int64_t{sizeof(float)};
  return in_pairs(c, DUET_FORWARD) ? Forward<Pair>(c).filter() * int64_t{sizeof(Pair)} : 0;
}

int32_t duet_convolution_prepare(duet_team *team, const duet_convolution *convolution, const float *filter, void *prepared) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    if (is_fully_connected(c)) return fully_connected_prepare(team, c, filter, static_cast<Pair *>(prepared));
    if (is_winograd(c, DUET_FORWARD)) return winograd_prepare(team, c, filter, prepared);
    round_filter(team, Forward<Pair>(c), filter, static_cast<Pair *>(prepared));
  });
}

int32_t duet_convolution_forward_prepared(duet_team *team, const duet_convolution *convolution, const float *input, const void *prepared,
                                          const float *bias, int32_t relu, float *output, void *workspace) noexcept {
  return guarded([&] {
    const duet_convolution &c = *convolution;
    const Pair *pairs = static_cast<const Pair *>(prepared);
    if (is_fully_connected(c))
      return fully_connected_forward(team, c, input, pairs, bias, relu != 0, output, static_cast<Pair *>(workspace));
    if (is_winograd(c, DUET_FORWARD)) {
      return winograd_forward_prepared(team, c, input, prepared, bias, relu != 0, output, static_cast<float *>(workspace));
    }
    Forward<Pair> plan(c);
    plan.plan();
    plan.run_all(team, input, pairs, bias, relu != 0, output, static_cast<Pair *>(workspace) + plan.filter());
  });
}
}
