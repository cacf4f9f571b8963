#include "winograd/plan.h"
#include <vector>

namespace duet {
namespace {

template <class Word> using Plan = WinogradPlan<Word, Over::kChannels>;

/* The products of all points: in each, the values of all tiles times the filter, by blocks of filters. */
template <class Word> struct Products {
  const Plan<Word> &plan;
  const int blocks = plan.filter.blocks.count();
  /* A block of one point at a time, the points in order: so the filter's blocks are read as they lie in memory. */
  const int64_t count = int64_t{plan.tiling.points()} * blocks;

  explicit Products(const Plan<Word> &of) : plan(of) {}

  /* Of the point that has most. */
  int rows(int images) const {
    int most = 0;
    for (int point = 0; point < plan.tiling.points(); point++) most = std::max(most, plan.input.rows(point, images));
    return most;
  }

  /* Terms of a sum that is in registers at a time. Few rows are read again for each block: they should stay in L1 beside it. */
  ptrdiff_t most_terms() const {
    constexpr ptrdiff_t kWords = (24 << 10) / sizeof(Word);
    const int rows = this->rows(plan.shared);
    return rows > 2 * kMostRows ? kPointTerms : std::min(kPointTerms, kWords / (rows + kBlock));
  }

  /* Products of a task: of a few images one alone is over before the next can be asked for. */
  int64_t of_task(int images, int threads) const {
    constexpr int64_t kMultiplyAdds = 1 << 20;
    const int64_t one = int64_t{rows(images)} * plan.filter.in * kBlock * kTermsOf<Word>;
    return std::clamp<int64_t>(count / (8 * threads), 1, divide_up(kMultiplyAdds, one));
  }

  const Word *filter(const Word *points, int64_t product) const {
    return points + product / blocks * plan.filter.point() + block_offset(plan.filter.in, static_cast<int>(product % blocks));
  }

  void one(int64_t product, int images, const Word *input, const Word *points, float *output, ptrdiff_t terms, Next next) const {
    const int point = static_cast<int>(product / blocks), block = static_cast<int>(product % blocks);
    const int width = plan.filter.blocks.width(block);
    const Grid<Word> grid = {input + plan.input.begin(point),
                             plan.input.row(),
                             1,
                             filter(points, product),
                             width,
                             output + plan.output.begin(point) + block * kBlock,
                             plan.output.row(),
                             plan.input.rows(point, images),
                             plan.filter.in,
                             false};
    multiply(grid, width / kVectorWidth, terms, next);
  }

  void run(duet_team *team, int images, const Word *input, const Word *points, float *output) const {
    const ptrdiff_t terms = most_terms();
    parallel_slices(team, count, of_task(images, threads_of(team)), [&](int64_t first, int64_t last) {
      for (int64_t product = first; product < last; product++) {
        Next next = {nullptr, 0};
        if (product + 1 < last) {
          const ptrdiff_t words = ptrdiff_t{plan.filter.in} * plan.filter.blocks.width(static_cast<int>((product + 1) % blocks));
          next = {filter(points, product + 1), words * ptrdiff_t{sizeof(Word)}};
        }
        one(product, images, input, points, output, terms, next);
      }
    });
  }
};

template <class Word> void transform_filter(duet_team *team, const Plan<Word> &plan, int group, const float *filter, Word *points) {
  const float *packed = filter + group * group_elements(plan.c);
  plan.each_filter_part(team, [&](int block, int first, int last) { plan.filter.transform(packed, block, first, last, points); });
}

/* points_of(group) is that group's filter in its points. */
template <class Word, class Points>
void forward(duet_team *team, const Plan<Word> &plan, const ChunkInput &input, const float *bias, bool relu, float *output,
             float *workspace, Points points_of) {
  const duet_convolution &c = plan.c;
  const Products<Word> products(plan);
  plan.fill_zeros(workspace);
  const auto chunk_of = [&](duet_team *workers, int group, int chunk, const Word *points, int place) {
    const int first = plan.begin(chunk), images = plan.begin(chunk + 1) - first;
    const float *pixels = input.of(workers, first, images, place) + group * plan.in;
    Word *values = plan.input_values(workspace, place);
    float *results = plan.template output_values<float>(workspace, place);
    plan.each_tile_row(workers, images, [&](int image, int ty) {
      input_values(plan.input, plan.input_map, workspace, plan.input_image(pixels, image), image, ty, values);
    });
    products.run(workers, images, values, points, results);
    plan.each_tile_row(workers, images, [&](int image, int ty) {
      output_pixels(plan.output, plan.output_map, results, image, ty, bias ? bias + group * plan.out : nullptr, relu,
                    output + plan.output_image(first + image) + group * plan.out);
    });
  };
  for (int group = 0; group < c.groups; group++) {
    const Word *points = points_of(group);
    plan.each(team, plan.chunks, [&](duet_team *workers, int chunk, int place) { chunk_of(workers, group, chunk, points, place); });
  }
}

}  // namespace

int64_t winograd_forward_workspace(const duet_convolution &c, int threads) {
  return with_plan<Over::kChannels>(c, threads, [](const auto &plan) { return plan.workspace(); });
}

void winograd_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias, bool relu,
                      float *output, float *workspace) {
  with_plan<Over::kChannels>(c, team->threads(), [&]<class Word>(const Plan<Word> &plan) {
    const float *packed = plan.unstrided.filter_of(filter, plan.filter_copy(workspace));
    forward(team, plan, plan.chunk_input(input, workspace), bias, relu, output, workspace, [&](int group) {
      Word *points = plan.template point_filter<Word>(workspace);
      transform_filter(team, plan, group, packed, points);
      return points;
    });
  });
}

int64_t winograd_prepared(const duet_convolution &c) {
  return with_plan<Over::kChannels>(c, 1, [&](const auto &plan) { return c.groups * plan.filter.words(); });
}

void winograd_prepare(duet_team *team, const duet_convolution &c, const float *filter, void *to) {
  with_plan<Over::kChannels>(c, 1, [&]<class Word>(const Plan<Word> &plan) {
    std::vector<float> copy(plan.unstrided.filter());
    const float *packed = plan.unstrided.filter_of(filter, copy.data());
    for (int group = 0; group < c.groups; group++)
      transform_filter(team, plan, group, packed, static_cast<Word *>(to) + group * plan.filter.words());
  });
}

void winograd_forward_prepared(duet_team *team, const duet_convolution &c, const float *input, const void *prepared, const float *bias,
                               bool relu, float *output, float *workspace) {
  with_plan<Over::kChannels>(c, team->threads(), [&]<class Word>(const Plan<Word> &plan) {
    forward(team, plan, plan.chunk_input(input, workspace), bias, relu, output, workspace,
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
  result.padding = c.kernel_width - 1 - c.padding;
  result.padding_top = c.kernel_height - 1 - c.padding_top;
  return result;
}

}  // namespace duet
