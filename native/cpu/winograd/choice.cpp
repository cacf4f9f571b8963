/* Which convolutions Winograd's form can do, and for which it pays. */
#include "winograd/tiling.h"
#include "winograd/unstrided.h"
#include "winograd/winograd.h"

namespace duet {
namespace {

bool applies(const duet_convolution &c) {
  const duet_convolution unstrided = without_stride(c);
  const int kernel = unstrided.kernel_height;
  return (kernel == 3 || kernel == 5) && c.kernel_width == c.kernel_height && (c.stride == 1 || c.groups == 1) &&
         group_channels(unstrided) % kVectorWidth == 0 && group_filters(c) % kVectorWidth == 0 &&
         std::min({c.height, c.width, c.output_height, c.output_width}) >= kLeastOutputs;
}

/*
 * Both ways in multiply-adds. Getting a value to its point and back costs as much as this many for each point of a tile along an axis:
 * fitted to measurements of alexnet's and alexnet-small's layers with AVX2, and no more exact than telling twice as fast from half as fast.
 */
constexpr double kTransform = 5;

/* What a multiply-add of bf16 costs beside one of floats; without the instruction it takes two, and getting at the halves. */
constexpr double kPairCost = kFastPairs ? 0.5 : 2;

/* Rounded in its points, a layer has four times the errors of rounded operands: for that, a quarter has to be saved. */
constexpr double kMostInPairs = 0.75;

bool pays(const duet_convolution &c) {
  const duet_convolution unstrided = without_stride(c);
  const Tiling tiling(unstrided);
  const double in = group_channels(unstrided), out = group_filters(c);
  const double direct = double(c.batch) * c.output_height * c.output_width * taps(c) * out;
  const double values = double(c.batch) * static_cast<double>(tiling.values());
  const double filter = c.algorithm == DUET_FASTEST_PREPARED ? 0 : tiling.points() * in * out;
  const double transformed = values * (in + out) + filter;
  const double direct_cost = wants_pairs(c) ? kPairCost : 1, point_cost = winograd_in_pairs(c) ? kPairCost : 1;
  const double cost = point_cost * values * in * out + kTransform * std::max(tiling.y.points, tiling.x.points) * transformed;
  return cost < (winograd_in_pairs(c) ? kMostInPairs : 1) * direct_cost * direct;
}

}  // namespace

bool is_winograd(const duet_convolution &c, int operation) {
  if (c.stride > 1 && operation == DUET_BACKWARD_DATA) return false;
  return c.algorithm != DUET_DIRECT && applies(c) && (c.algorithm == DUET_WINOGRAD || pays(c));
}

}  // namespace duet

extern "C" int32_t duet_convolution_algorithm(const duet_convolution *convolution, int32_t operation) noexcept {
  return duet::is_winograd(*convolution, operation) ? DUET_WINOGRAD : DUET_DIRECT;
}

extern "C" int64_t duet_convolution_multiply_adds(const duet_convolution *convolution, int32_t operation) noexcept {
  const duet_convolution &c = *convolution;
  if (!duet::is_winograd(c, operation)) return int64_t{c.batch} * c.output_height * c.output_width * duet::taps(c) * c.filters;
  const duet_convolution done = operation == DUET_BACKWARD_DATA ? duet::swapped(c) : duet::without_stride(c);
  return done.batch * duet::Tiling(done).values() * duet::group_channels(done) * done.filters;
}
