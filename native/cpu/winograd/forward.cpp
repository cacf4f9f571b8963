#include "winograd/plan.h"

namespace duet {
namespace {

/* One point of one block of filters: the values of all tiles times the filter. */
void multiply_point(const WinogradPlan &plan, int point, int block, int images, const float *input, const float *filter, float *output) {
  const int rows = plan.input.rows(point, images), width = plan.filter.blocks.width(block);
  std::vector<ptrdiff_t> input_rows(rows), output_rows(rows);
  for (int i = 0; i < rows; i++) {
    input_rows[i] = i * plan.input.row();
    output_rows[i] = i * plan.output.row();
  }
  Sum sum(kPointTerms);
  sum.add(0, 0, plan.in, 1, width);
  const Product product = {input + plan.input.begin(point), 1, filter + point * plan.filter.point() + block_offset(plan.in, block), width,
                           output + plan.output.begin(point) + block * kBlock, width, false, false, nullptr};
  multiply(product, sum, input_rows.data(), output_rows.data(), 0, rows);
}

}  // namespace

int64_t winograd_forward_workspace(const duet_convolution &c) { return WinogradPlan(c).workspace(); }

void winograd_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias, bool relu,
                      float *output, float *workspace) {
  const WinogradPlan plan(c);
  float *points = plan.point_filter(workspace), *values = plan.input_values(workspace), *products = plan.output_values(workspace);
  std::fill(workspace, points, 0.0f);
  for (int group = 0; group < c.groups; group++) {
    const float *packed = filter + group * group_elements(c);
    plan.each_filter_part(team, [&](int block, int first, int last) { plan.filter.transform(packed, block, first, last, points); });
    for (int first = 0; first < c.batch; first += plan.images) {
      const int images = std::min(plan.images, c.batch - first);
      plan.each_tile_row(team, images, [&](int image, int ty) {
        input_values(plan.input, plan.input_map, c.padding, workspace, plan.input_image(input, first + image) + group * plan.in, image, ty,
                     values);
      });
      const int blocks = plan.filter.blocks.count();
      parallel(team, int64_t{plan.tiling.points()} * blocks, [&](int64_t task, int) {
        multiply_point(plan, static_cast<int>(task / blocks), static_cast<int>(task % blocks), images, values, points, products);
      });
      plan.each_tile_row(team, images, [&](int image, int ty) {
        output_pixels(plan.output, plan.output_map, products, image, ty, bias ? bias + group * plan.out : nullptr, relu,
                      output + plan.output_image(first + image) + group * plan.out);
      });
    }
  }
}

duet_convolution swapped(const duet_convolution &c) {
  duet_convolution result = c;
  result.channels = c.filters;
  result.filters = c.channels;
  result.height = c.output_height;
  result.width = c.output_width;
  result.output_height = c.height;
  result.output_width = c.width;
  result.padding = c.kernel_height - 1 - c.padding;
  return result;
}

}  // namespace duet
