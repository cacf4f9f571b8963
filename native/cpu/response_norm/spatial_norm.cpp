/*
 * Response normalisation within each map (cuda-convnet's rnorm): b_i = a_i * t_i^-beta, t_i = k + alpha * sum of a_j^2 over the square
 * window around i, cut to the image. Since j lies in the window of i exactly where i lies in that of j,
 * da_i = db_i * t_i^-beta - 2 alpha beta a_i * sum over the window of db_j a_j t_j^(-beta - 1).
 *
 * A task makes a row of an image. A window's sum is a sum over rows, which are contiguous, then over pixels: 2 * size additions a value
 * in place of size^2. Both loops run over channels.
 */
#include "response_norm/power.h"
#include "runtime/interface.h"
#include "runtime/team.h"
#include <vector>

using namespace duet;

namespace {

/* Scratch of a task: rows of width * channels floats. */
struct Rows {
  std::vector<float> columns, sums, powers, ratios;
  explicit Rows(int64_t floats) : columns(floats), sums(floats), powers(floats), ratios(floats) {}
};

struct Map {
  int height, width, channels, half;
  explicit Map(const duet_spatial_norm &n) : height(n.height), width(n.width), channels(n.channels), half(n.size / 2) {}
  int64_t row() const { return int64_t{width} * channels; }

  /* rows.sums[x][c] = sum of value(image element) over the window of (y, x). */
  template <class Value> void window_sums(const float *image, int y, Rows &rows, Value value) const {
    float *columns = rows.columns.data(), *sums = rows.sums.data();
    const int64_t floats = row();
    std::fill(columns, columns + floats, 0.0f);
    for (int r = std::max(0, y - half); r <= std::min(height - 1, y + half); r++) {
      const float *from = image + r * floats;
      for (int64_t i = 0; i < floats; i++) columns[i] += value(from[i]);
    }
    for (int x = 0; x < width; x++) {
      float *to = sums + int64_t{x} * channels;
      std::fill(to, to + channels, 0.0f);
      for (int column = std::max(0, x - half); column <= std::min(width - 1, x + half); column++) {
        const float *from = columns + int64_t{column} * channels;
        for (int c = 0; c < channels; c++) to[c] += from[c];
      }
    }
  }

  /* rows.powers = t^-beta of row y; with ratios t^(-beta - 1) too. */
  void normalisers(const duet_spatial_norm &n, const float *image, int y, Rows &rows, bool with_ratios) const {
    window_sums(image, y, rows, [](float a) { return a * a; });
    float *sums = rows.sums.data();
    const int64_t floats = row();
    for (int64_t i = 0; i < floats; i++) sums[i] = n.k + n.alpha * sums[i];
    powers(sums, n.beta, static_cast<int>(floats), rows.powers.data(), with_ratios ? rows.ratios.data() : nullptr);
  }
};

/* body(image's offset, row y, row's offset, scratch) for every row of every image. */
template <class Body> void each_row(duet_team *team, const duet_spatial_norm &n, Body body) {
  const Map map(n);
  parallel(team, int64_t{n.batch} * n.height, [&](int64_t task, int) {
    Rows rows(map.row());
    const int64_t image = task / n.height * n.height * map.row();
    body(map, image, static_cast<int>(task % n.height), task * map.row(), rows);
  });
}

}  // namespace

extern "C" {

int32_t duet_spatial_norm_forward(duet_team *team, const duet_spatial_norm *norm, const float *input, float *output) noexcept {
  return guarded([&] {
    each_row(team, *norm, [=](const Map &map, int64_t image, int y, int64_t at, Rows &rows) {
      map.normalisers(*norm, input + image, y, rows, false);
      const float *powers = rows.powers.data();
      for (int64_t i = 0; i < map.row(); i++) output[at + i] = input[at + i] * powers[i];
    });
  });
}

int32_t duet_spatial_norm_backward(duet_team *team, const duet_spatial_norm *norm, const float *input, const float *output_gradient,
                                   float *input_gradient, float *workspace) noexcept {
  return guarded([&] {
    each_row(team, *norm, [=](const Map &map, int64_t image, int y, int64_t at, Rows &rows) {
      map.normalisers(*norm, input + image, y, rows, true);
      const float *powers = rows.powers.data(), *ratios = rows.ratios.data();
      for (int64_t i = 0; i < map.row(); i++) {
        const float gradient = output_gradient[at + i];
        workspace[at + i] = gradient * input[at + i] * ratios[i];
        input_gradient[at + i] = gradient * powers[i];
      }
    });
    const float factor = 2 * norm->alpha * norm->beta;
    each_row(team, *norm, [=](const Map &map, int64_t image, int y, int64_t at, Rows &rows) {
      map.window_sums(workspace + image, y, rows, [](float term) { return term; });
      const float *sums = rows.sums.data();
      for (int64_t i = 0; i < map.row(); i++) input_gradient[at + i] -= factor * input[at + i] * sums[i];
    });
  });
}
}
