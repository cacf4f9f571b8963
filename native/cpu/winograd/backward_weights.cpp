/* Backward weights: in each point the product of the input's values and the gradient's, summed over all tiles; then G transposed. */
#include "winograd/plan.h"

namespace duet {
namespace {

/* Shorter sums than would fit the L1 cache: they are the long ones, over all tiles, and their rounding errors come out multiplied. */
constexpr ptrdiff_t kTerms = 64;

template <class Word> using Plan = WinogradPlan<Word, Over::kTiles>;

template <class Word>
void multiply_point(const Plan<Word> &plan, int point, int block, int images, const Word *input, const Word *gradient, bool accumulate,
                    float *filter) {
  const int width = plan.filter.blocks.width(block);
  const Grid<Word> grid = {input + plan.input.begin(point),
                           1,
                           plan.input.row(),
                           gradient + plan.output.begin(point) + block * kBlock,
                           plan.output.row(),
                           filter + point * plan.filter.point() + block_offset(plan.in, block),
                           width,
                           plan.in,
                           plan.input.rows(point, plan.value_images(images)),
                           accumulate};
  multiply(grid, width / kVectorWidth, kTerms);
}

/* Values of an image, or of a pair of images, of a chunk whose pixels and gradients these are. */
void all_values(const Plan<float> &plan, int image, int ty, int, const float *pixels, const float *gradient, Zeros zeros, float *inputs,
                float *gradients) {
  input_values(plan.input, plan.input_map, zeros, plan.input_image(pixels, image), image, ty, inputs);
  gradient_values(plan.output, plan.output_map, gradient + plan.output_image(image), image, ty, gradients);
}

void all_values(const Plan<Pair> &plan, int pair, int ty, int images, const float *pixels, const float *gradient, Zeros zeros, Pair *inputs,
                Pair *gradients) {
  const int image = 2 * pair;
  const bool two = image + 1 < images;
  input_values(plan.input, plan.input_map, zeros, plan.input_image(pixels, image), two ? plan.input_image(pixels, image + 1) : nullptr,
               pair, ty, inputs);
  gradient_values(plan.output, plan.output_map, gradient + plan.output_image(image),
                  two ? gradient + plan.output_image(image + 1) : nullptr, pair, ty, gradients);
}

/* Adds up a part of the batch for one group. */
template <class Word>
void add_part(duet_team *workers, const Plan<Word> &plan, int group, int part, const ChunkInput &input, const float *output_gradient,
              float *workspace, int place, float *points) {
  Word *inputs = plan.input_values(workspace, place), *gradients = plan.template output_values<Word>(workspace, place);
  const int begin = plan.part_begin(part), end = plan.part_begin(part + 1), blocks = plan.filter.blocks.count();
  for (int first = begin; first < end; first += plan.images) {
    const int images = std::min(plan.images, end - first);
    const float *pixels = input.of(workers, first, images, place) + group * plan.in;
    const float *gradient = output_gradient + plan.output_image(first) + group * plan.out;
    plan.each_tile_row(workers, images,
                       [&](int image, int ty) { all_values(plan, image, ty, images, pixels, gradient, workspace, inputs, gradients); });
    parallel(workers, int64_t{plan.tiling.points()} * blocks, [&](int64_t task, int) {
      multiply_point(plan, static_cast<int>(task / blocks), static_cast<int>(task % blocks), images, inputs, gradients, first > begin,
                     points);
    });
  }
}

/* Adds the gradients of all parts to the first one's. */
template <class Word> void add_parts(duet_team *team, const Plan<Word> &plan, float *points) {
  constexpr int64_t kSlice = 4096;
  parallel_slices(team, plan.filter.words(), kSlice, [&](int64_t first, int64_t last) {
    for (int part = 1; part < plan.parts; part++) {
      const float *others = points + part * plan.filter.words();
      for (int64_t i = first; i < last; i++) points[i] += others[i];
    }
  });
}

template <class Word>
void backward_weights(duet_team *team, const Plan<Word> &plan, const ChunkInput &input, const float *output_gradient,
                      float *filter_gradient, float *workspace) {
  const duet_convolution &c = plan.c;
  plan.fill_zeros(workspace);
  const int parts = plan.parts, units = c.groups * parts;
  const auto points_of = [&](int unit) { return plan.template point_filter<float>(workspace, unit % plan.filters); };
  const auto add = [&](duet_team *workers, int unit, int place) {
    add_part(workers, plan, unit / parts, unit % parts, input, output_gradient, workspace, place, points_of(unit));
  };
  const auto collect = [&](int group) {
    float *points = points_of(group * parts), *packed = filter_gradient + group * group_elements(c);
    if (parts > 1) add_parts(team, plan, points);
    plan.each_filter_part(team, [&](int block, int first, int last) { plan.filter.collect(points, block, first, last, packed); });
  };
  const bool all_kept = plan.filters == units;
  if (all_kept) plan.each(team, units, add);
  for (int group = 0; group < c.groups; group++) {
    if (!all_kept) add(team, group, 0);
    collect(group);
  }
}

}  // namespace

int64_t winograd_backward_weights_workspace(const duet_convolution &c, int threads) {
  return with_plan<Over::kTiles>(c, threads, [](const auto &plan) { return plan.workspace(); });
}

void winograd_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                               float *filter_gradient, float *workspace) {
  with_plan<Over::kTiles>(c, team->threads(), [&](const auto &plan) {
    float *gradient = plan.unstrided.is_copy() ? plan.filter_copy(workspace) : filter_gradient;
    backward_weights(team, plan, plan.chunk_input(input, workspace), output_gradient, gradient, workspace);
    plan.unstrided.gradient_of(gradient, filter_gradient);
  });
}

}  // namespace duet
