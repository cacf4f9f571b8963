/* Backward weights: in each point the product of the input's values and the gradient's, summed over all tiles; then G transposed. */
#include "winograd/plan.h"

namespace duet {
namespace {

/* Shorter sums than would fit the L1 cache: they are the long ones, over all tiles, and their rounding errors come out multiplied. */
constexpr ptrdiff_t kTerms = 64;

void multiply_point(const WinogradPlan &plan, int point, int block, int images, const float *input, const float *gradient, bool accumulate,
                    float *filter) {
  const int width = plan.filter.blocks.width(block);
  std::vector<ptrdiff_t> channels(plan.in), rows(plan.in);
  for (int i = 0; i < plan.in; i++) {
    channels[i] = i;
    rows[i] = ptrdiff_t{i} * width;
  }
  Sum sum(kTerms);
  sum.add(0, 0, plan.input.rows(point, images), plan.input.row(), plan.output.row());
  const Product product = {input + plan.input.begin(point), plan.input.row(), gradient + plan.output.begin(point) + block * kBlock,
                           plan.output.row(), filter + point * plan.filter.point() + block_offset(plan.in, block), width, accumulate, false,
                           nullptr};
  multiply(product, sum, channels.data(), rows.data(), 0, plan.in);
}

}  // namespace

int64_t winograd_backward_weights_workspace(const duet_convolution &c) { return WinogradPlan(c).workspace(); }

void winograd_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                               float *filter_gradient, float *workspace) {
  const WinogradPlan plan(c);
  float *points = plan.point_filter(workspace), *inputs = plan.input_values(workspace), *gradients = plan.output_values(workspace);
  std::fill(workspace, points, 0.0f);
  for (int group = 0; group < c.groups; group++) {
    for (int first = 0; first < c.batch; first += plan.images) {
      const int images = std::min(plan.images, c.batch - first);
      plan.each_tile_row(team, images, [&](int image, int ty) {
        input_values(plan.input, plan.input_map, c.padding, workspace, plan.input_image(input, first + image) + group * plan.in, image, ty,
                     inputs);
        gradient_values(plan.output, plan.output_map, output_gradient + plan.output_image(first + image) + group * plan.out, image, ty,
                        gradients);
      });
      const int blocks = plan.filter.blocks.count();
      parallel(team, int64_t{plan.tiling.points()} * blocks, [&](int64_t task, int) {
        multiply_point(plan, static_cast<int>(task / blocks), static_cast<int>(task % blocks), images, inputs, gradients, first > 0, points);
      });
    }
    float *packed = filter_gradient + group * group_elements(c);
    plan.each_filter_part(team, [&](int block, int first, int last) { plan.filter.collect(points, block, first, last, packed); });
  }
}

}  // namespace duet
