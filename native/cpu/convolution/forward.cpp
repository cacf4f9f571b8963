#include "convolution/fully_connected.h"
#include "winograd/winograd.h"

using namespace duet;

namespace {

struct Forward {
  const duet_convolution &c;
  const PaddedImage image = padded_input(c);
  const int pixels = c.output_height * c.output_width;
  const int images = images_at_once(c.batch, pixels, image.stored());
  const Blocks blocks{group_filters(c)};
  /* Each block has sums of its own, because blocks differ in width. */
  std::vector<Sum> sums;
  std::vector<ptrdiff_t> input_rows, output_rows;

  explicit Forward(const duet_convolution &convolution) : c(convolution) {}

  int64_t workspace() const { return image.is_plain() ? 0 : images * image.stored(); }
  int bands(int rows) const { return in_bands(c) ? divide_up(rows, kBandPixels) : 1; }

  void plan() {
    const int in = group_channels(c);
    for (int block = 0; block < blocks.count(); block++) {
      const int width = blocks.width(block);
      /* Without groups the taps of a kernel row lie side by side in the image. */
      const int run = c.groups == 1 ? c.kernel_width * in : in;
      Sum sum(chunk_terms(taps(c), run));
      for (int y = 0; y < c.kernel_height; y++) {
        for (int tap = 0; tap < c.kernel_width * in; tap += run) {
          const ptrdiff_t at = y * image.row() + ptrdiff_t{tap / in} * c.channels;
          sum.add(at, (ptrdiff_t{y} * c.kernel_width * in + tap) * width, run, 1, width);
        }
      }
      sums.push_back(std::move(sum));
    }
    for (int i = 0; i < images; i++) {
      for (int y = 0; y < c.output_height; y++) {
        for (int x = 0; x < c.output_width; x++) {
          input_rows.push_back(i * image.image() + y * c.stride * image.row() + ptrdiff_t{x} * c.stride * c.channels);
          output_rows.push_back(ptrdiff_t(output_rows.size()) * c.filters);
        }
      }
    }
  }

  void block(int group, int block, const float *input, const float *filter, const float *bias, bool relu, float *output, int first_row,
             int last_row) const {
    const int first = group * group_filters(c) + block * kBlock;
    const int width = blocks.width(block);
    const Product product = {input + group * group_channels(c), 1, filter + group * group_elements(c) + block_offset(taps(c), block),
                             width, output + first, blocks.columns(block), false, relu, bias ? bias + first : nullptr};
    multiply(product, sums[block], input_rows.data(), output_rows.data(), first_row, last_row);
  }
};

}  // namespace

extern "C" {

int64_t duet_convolution_forward_workspace(const duet_convolution *convolution, int32_t threads) {
  if (is_fully_connected(*convolution)) return 0;
  if (is_winograd(*convolution)) return winograd_forward_workspace(*convolution) * int64_t{sizeof(float)};
  return threads * Forward(*convolution).workspace() * int64_t{sizeof(float)};
}

void duet_convolution_forward(duet_team *team, const duet_convolution *convolution, const float *input, const float *filter,
                              const float *bias, int32_t relu, float *output, void *workspace) {
  const duet_convolution &c = *convolution;
  if (is_fully_connected(c)) return fully_connected_forward(team, c, input, filter, bias, relu != 0, output);
  if (is_winograd(c)) return winograd_forward(team, c, input, filter, bias, relu != 0, output, static_cast<float *>(workspace));

  Forward forward(c);
  forward.plan();
  const int64_t input_image = int64_t{c.channels} * c.height * c.width;
  const int64_t output_image = int64_t{c.filters} * forward.pixels;
  const int all_blocks = c.groups * forward.blocks.count();
  const int64_t image_chunks = divide_up(c.batch, forward.images);
  /* Few images: share out their blocks of filters too, at the price of copying an image more than once. */
  const int parts = static_cast<int>(std::min<int64_t>(all_blocks, divide_up<int64_t>(4 * team->threads(), image_chunks)));
  parallel(team, image_chunks * parts, [&](int64_t task, int thread) {
    const int64_t first = task / parts * forward.images;
    const int part = static_cast<int>(task % parts);
    const int images = static_cast<int>(std::min<int64_t>(forward.images, c.batch - first));
    const float *from = input + first * input_image;
    if (forward.workspace()) {
      float *copies = static_cast<float *>(workspace) + thread * forward.workspace();
      for (int i = 0; i < images; i++) forward.image.copy(from + i * input_image, copies + i * forward.image.stored());
      from = copies;
    }
    const int rows = images * forward.pixels, bands = forward.bands(rows);
    for (int band = 0; band < bands; band++) {
      const int first_row = band * rows / bands, last_row = (band + 1) * rows / bands;
      for (int b = part * all_blocks / parts; b < (part + 1) * all_blocks / parts; b++) {
        forward.block(b / forward.blocks.count(), b % forward.blocks.count(), from, filter, bias, relu != 0, output + first * output_image,
                      first_row, last_row);
      }
    }
  });
}
}
