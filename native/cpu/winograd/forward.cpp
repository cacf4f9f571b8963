#include "winograd/plan.h"

namespace duet {
namespace {

template <class Word> using Plan = WinogradPlan<Word, Over::kChannels>;

/* One point of one block of filters: the values of all tiles times the filter. */
template <class Word>
void multiply_point(const Plan<Word> &plan, int point, int block, int images, const Word *input, const Word *filter, float *output) {
  const int rows = plan.input.rows(point, images), width = plan.filter.blocks.width(block);
  std::vector<ptrdiff_t> input_rows(rows), output_rows(rows);
  for (int i = 0; i < rows; i++) {
    input_rows[i] = i * plan.input.row();
    output_rows[i] = i * plan.output.row();
  }
  Sum sum(kPointTerms);
  sum.add(0, 0, plan.filter.in, 1, width);
  const Product<Word> product = {input + plan.input.begin(point), 1,
                                 filter + point * plan.filter.point() + block_offset(plan.filter.in, block), width,
                                 output + plan.output.begin(point) + block * kBlock, width, false, false, nullptr};
  multiply(product, sum, input_rows.data(), output_rows.data(), 0, rows);
}

template <class Word> void transform_filter(duet_team *team, const Plan<Word> &plan, int group, const float *filter, Word *points) {
  const float *packed = filter + group * group_elements(plan.c);
  plan.each_filter_part(team, [&](int block, int first, int last) { plan.filter.transform(packed, block, first, last, points); });
}

/* points_of(group) is that group's filter in its points. */
template <class Word, class Points>
void forward(duet_team *team, const Plan<Word> &plan, const float *input, const float *bias, bool relu, float *output, float *workspace,
             Points points_of) {
  const duet_convolution &c = plan.c;
  Word *values = plan.input_values(workspace);
  float *products = plan.template output_values<float>(workspace);
  plan.fill_zeros(workspace);
  for (int group = 0; group < c.groups; group++) {
    const Word *points = points_of(group);
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

}  // namespace

int64_t winograd_forward_workspace(const duet_convolution &c) {
  return with_plan<Over::kChannels>(c, [](const auto &plan) { return plan.workspace(); });
}

void winograd_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias, bool relu,
                      float *output, float *workspace) {
  with_plan<Over::kChannels>(c, [&]<class Word>(const Plan<Word> &plan) {
    forward(team, plan, input, bias, relu, output, workspace, [&](int group) {
      Word *points = plan.template point_filter<Word>(workspace);
      transform_filter(team, plan, group, filter, points);
      return points;
    });
  });
}

int64_t winograd_prepared(const duet_convolution &c) {
  return with_plan<Over::kChannels>(c, [&](const auto &plan) { return c.groups * plan.filter.words(); });
}

void winograd_prepare(duet_team *team, const duet_convolution &c, const float *filter, void *to) {
  with_plan<Over::kChannels>(c, [&]<class Word>(const Plan<Word> &plan) {
    for (int group = 0; group < c.groups; group++) transform_filter(team, plan, group, filter, static_cast<Word *>(to) + group * plan.filter.words());
  });
}

void winograd_forward_prepared(duet_team *team, const duet_convolution &c, const float *input, const void *prepared, const float *bias, bool relu,
                               float *output, float *workspace) {
  with_plan<Over::kChannels>(c, [&]<class Word>(const Plan<Word> &plan) {
    forward(team, plan, input, bias, relu, output, workspace,
            [&](int group) { return static_cast<const Word *>(prepared) + group * plan.filter.words(); });
  });
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
