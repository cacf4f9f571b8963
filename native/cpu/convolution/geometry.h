/* What the three operations ask about a convolution: block widths, offsets in the packed filter, padded images. */
#pragma once
#include "convolution/product.h"
#include "runtime/interface.h"
#include <algorithm>

namespace duet {

/* The outputs of one group, cut into blocks as the packed layout has them. */
struct Blocks {
  int outputs;
  int count() const { return divide_up(outputs, kBlock); }
  int columns(int block) const { return std::min(kBlock, outputs - block * kBlock); }
  int width(int block) const { return round_up(columns(block), kVectorWidth); }
  int padded() const { return round_up(outputs, kVectorWidth); }
};

inline int group_channels(const duet_convolution &c) { return c.channels / c.groups; }
inline int group_filters(const duet_convolution &c) { return c.filters / c.groups; }
inline int taps(const duet_convolution &c) { return c.kernel_height * c.kernel_width * group_channels(c); }
/* Floats of one group's packed filter. */
inline int64_t group_elements(const duet_convolution &c) { return int64_t{taps(c)} * Blocks{group_filters(c)}.padded(); }
/* Where a block begins within its group's packed filter: all blocks before it are full. */
inline int64_t block_offset(int taps, int block) { return int64_t{taps} * block * kBlock; }

/* Whether bf16 is to be taken for arithmetic's sake, where a layer allows it. */
inline bool wants_pairs(const duet_convolution &c) {
  return c.precision == DUET_BF16_EVERYWHERE || (c.precision == DUET_BF16 && kFastPairs);
}

/* Whether the products of an operation are of bf16. */
bool in_pairs(const duet_convolution &c, int operation);

/* Images of a batch for which a fully connected layer is a matter of reading its weights. */
constexpr int kFewImages = 4;

/* A layer whose kernel covers its input: a matrix product. */
inline bool is_fully_connected(const duet_convolution &c) {
  return c.groups == 1 && c.output_height == 1 && c.output_width == 1 && c.padding == 0 && c.padding_top == 0 &&
         c.kernel_height == c.height && c.kernel_width == c.width;
}

/* A dense NHWC image of `height` x `width` placed into a larger one with zeros around (or cut at the right and bottom). */
struct PaddedImage {
  int channels, height, width;
  int top, left, padded_height, padded_width;

  bool is_plain() const { return top == 0 && left == 0 && padded_height <= height && padded_width <= width; }
  int64_t stored() const { return int64_t{padded_height} * padded_width * channels; }
  /* Floats from one row to the next, from one image to the next, where images are used in place or copied. */
  ptrdiff_t row() const { return ptrdiff_t{channels} * (is_plain() ? width : padded_width); }
  ptrdiff_t image() const { return is_plain() ? ptrdiff_t{channels} * height * width : stored(); }
  void copy(const float *from, float *to) const { copy(from, channels, to); }
  /* From an image whose pixels are `from_pixel` floats apart. */
  void copy(const float *from, int from_pixel, float *to) const;
  /* One row of the copy. */
  void copy_row(const float *from, int from_pixel, int y, float *to) const;
};

/* A padded image as an operand: floats, in place or copied, or a copy of pairs, of which each row begins with a new one. */
template <class Word> struct ImageOperand;

template <> struct ImageOperand<float> {
  PaddedImage padded;

  bool in_place() const { return padded.is_plain(); }
  int64_t stored() const { return padded.stored(); }
  ptrdiff_t row() const { return padded.row(); }
  ptrdiff_t image() const { return padded.image(); }
  /* Words of space that making a copy takes. */
  int64_t space() const { return 0; }
  void copy(const float *from, float *to, float *) const { padded.copy(from, to); }
};

template <> struct ImageOperand<Pair> {
  PaddedImage padded;

  bool in_place() const { return false; }
  int64_t stored() const { return row() * padded.padded_height; }
  ptrdiff_t row() const { return words<Pair>(space()); }
  ptrdiff_t image() const { return stored(); }
  int64_t space() const { return int64_t{padded.padded_width} * padded.channels; }
  void copy(const float *from, Pair *to, float *space) const;
};

/* Words of workspace for so many images as operands: their copies, and what making these takes. */
template <class Word> int64_t operand_words(const ImageOperand<Word> &image, int images) {
  return (image.in_place() ? 0 : round_up<int64_t>(images * image.stored(), 16)) + round_up<int64_t>(image.space(), 16);
}

/* Neighbouring images as operands: as they are, or copied to a workspace of operand_words. */
template <class Word> const Word *operands(const ImageOperand<Word> &image, const float *from, int images, Word *workspace) {
  if constexpr (kTermsOf<Word> == 1) {
    if (image.in_place()) return from;
  }
  float *space = reinterpret_cast<float *>(workspace);
  Word *copies = workspace + round_up<int64_t>(image.space(), 16);
  const int64_t floats = int64_t{image.padded.channels} * image.padded.height * image.padded.width;
  for (int i = 0; i < images; i++) image.copy(from + i * floats, copies + i * image.stored(), space);
  return copies;
}

/* The input as the windows see it. */
PaddedImage padded_input(const duet_convolution &c);

/* How many images to work on at once: enough output pixels to fill the tiles, few enough bytes for the L2 cache. */
int images_at_once(int batch, int64_t pixels, int64_t floats);

/*
 * Where all filters stay in the L2 cache, but an image with its output does not (1.8 MB in conv1), all blocks of filters go over so many
 * output pixels before the next ones.
 */
constexpr int kBandPixels = 220;
inline bool in_bands(const duet_convolution &c) {
  const int64_t image = int64_t{c.channels} * c.height * c.width + int64_t{c.filters} * c.output_height * c.output_width;
  return c.groups * group_elements(c) <= 64 << 10 && image > 64 << 10;
}

}  // namespace duet
