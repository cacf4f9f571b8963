/*
 * A convolution with a stride as one without: the input, in its padding, is cut into squares of stride x stride pixels, and each square
 * becomes one pixel with the channels of all. Taps a stride apart are neighbours then. AlexNet's first layer, 11x11 taps of 3 channels at
 * every fourth pixel, is 3x3 taps of 48 channels, of which the twelfth row and column of the 12x12 taps they were are zeros.
 */
#pragma once
#include "convolution/geometry.h"
#include "runtime/team.h"

namespace duet {

/* The shape of the one without; of one with stride 1 its own. */
duet_convolution without_stride(const duet_convolution &c);

/* Both, and what goes from one to the other. */
struct Unstrided {
  const duet_convolution &strided;
  const duet_convolution c = without_stride(strided);

  /* Otherwise it is the same convolution, and its operands stay where they are. */
  bool is_copy() const { return strided.stride > 1; }
  /* Floats of a copied image, and of a copied filter. */
  int64_t image() const { return is_copy() ? int64_t{c.height} * c.width * c.channels : 0; }
  int64_t filter() const { return is_copy() ? group_elements(c) : 0; }

  /* Row y of an image's copy. */
  void copy_row(const float *image, int y, float *to) const;
  /* The packed filter, copied to `space` if need be; and the gradient of the one from that of the other. */
  const float *filter_of(const float *packed, float *space) const;
  void gradient_of(const float *copy, float *packed) const;

 private:
  /* body(offset in the strided filter, or -1 for a tap of zeros; offset in the copy; floats) for each row of each tap. */
  template <class Body> void each_tap(Body body) const;
};

/* The images of a chunk as its tiles see them: in place, or copied to where there is room for `images` at each place. */
struct ChunkInput {
  const Unstrided &unstrided;
  const float *input;
  int images;
  float *copies;

  const float *of(duet_team *workers, int first, int count, int place) const {
    const duet_convolution &from = unstrided.strided, &c = unstrided.c;
    const float *image = input + int64_t{first} * from.height * from.width * from.channels;
    if (!unstrided.is_copy()) return image;
    float *to = copies + place * images * unstrided.image();
    parallel(workers, int64_t{count} * c.height, [&](int64_t row, int) {
      const int64_t i = row / c.height, y = row % c.height;
      unstrided.copy_row(image + i * from.height * from.width * from.channels, static_cast<int>(y),
                         to + i * unstrided.image() + y * c.width * c.channels);
    });
    return to;
  }
};

}  // namespace duet
