/* Which convolutions Winograd's form can do, and for which it pays. */
#include "winograd/tiling.h"
#include "winograd/winograd.h"

namespace duet {
namespace {

bool applies(const duet_convolution &c) {
  const int kernel = c.kernel_height;
  return (kernel == 3 || kernel == 5) && c.kernel_width == kernel && c.stride == 1 && group_channels(c) % kVectorWidth == 0 &&
         group_filters(c) % kVectorWidth == 0 && std::min({c.height, c.width, c.output_height, c.output_width}) >= kLeastOutputs;
}

/*
 * Both ways in multiply-adds. Getting a value to its point and back costs as much as this many for each point of a tile along an axis:
 * fitted to measurements of alexnet's and alexnet-small's layers with AVX2, and no more exact than telling twice as fast from half as fast.
 */
constexpr double kTransform = 12;

/* What a multiply-add of bf16 costs beside one of floats; without the instruction it takes two, and getting at the halves. */
constexpr double kPairCost = kFastPairs ? 0.5 : 2;

bool pays(const duet_convolution &c) {
  const Tiling tiling(c);
  const double in = group_channels(c), out = group_filters(c);
  const double direct = double(c.batch) * c.output_height * c.output_width * in * out * c.kernel_height * c.kernel_width;
  const double values = double(c.batch) * static_cast<double>(tiling.values());
  const double filter = c.algorithm == DUET_FASTEST_PREPARED ? 0 : tiling.points() * in * out;
  const double transformed = values * (in + out) + filter;
  const double direct_cost = wants_pairs(c) ? kPairCost : 1, point_cost = winograd_in_pairs(c) ? kPairCost : 1;
  return point_cost * values * in * out + kTransform * std::max(tiling.y.points, tiling.x.points) * transformed < direct_cost * direct;
}

}  // namespace

bool is_winograd(const duet_convolution &c) {
  return c.algorithm != DUET_DIRECT && applies(c) && (c.algorithm == DUET_WINOGRAD || pays(c));
}

}  // namespace duet

extern "C" int32_t duet_convolution_algorithm(const duet_convolution *convolution) {
  return duet::is_winograd(*convolution) ? DUET_WINOGRAD : DUET_DIRECT;
}
