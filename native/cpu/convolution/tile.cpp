#include "convolution/tile.h"
#include <array>
#include <utility>

namespace duet {
namespace {

template <int NV> inline void load_all(const auto *from, auto(&to)[NV]) {
  DUET_UNROLL
  for (int v = 0; v < NV; v++) to[v] = load(from + v * kVectorWidth);
}

/* One term of all sums. */
template <int MR, int NV> inline void add_term(const float *const (&row)[MR], ptrdiff_t at, const float *column, Vector (&sum)[MR][NV]) {
  Vector right[NV];
  load_all(column, right);
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    const Vector left = broadcast(row[m][at]);
    DUET_UNROLL
    for (int v = 0; v < NV; v++) sum[m][v] += left * right[v];
  }
}

/* One pair of terms of all sums. */
template <int MR, int NV> inline void add_term(const Pair *const (&row)[MR], ptrdiff_t at, const Pair *column, Vector (&sum)[MR][NV]) {
#if defined(__AVX512BF16__)
  PairVector right[NV];
  load_all(column, right);
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    const PairVector left = broadcast(row[m][at]);
    DUET_UNROLL
    for (int v = 0; v < NV; v++) multiply_add(sum[m][v], left, right[v]);
  }
#else
  /* Like multiply_add, but all second halves before all first ones: the halves of both operands would not fit into the registers. */
  const auto half = [&](auto half_of) {
    Vector right[NV];
    DUET_UNROLL
    for (int v = 0; v < NV; v++) right[v] = half_of(load(column + v * kVectorWidth));
    DUET_UNROLL
    for (int m = 0; m < MR; m++) {
      const Vector left = half_of(broadcast(row[m][at]));
      DUET_UNROLL
      for (int v = 0; v < NV; v++) sum[m][v] += left * right[v];
    }
  };
  half(second_of);
  half(first_of);
#endif
}

template <class Word, int MR, int NV>
void tile_kernel(const Word *const *a, ptrdiff_t a_step, const Word *b, ptrdiff_t b_step, const Run *runs, ptrdiff_t run_count,
                 float *const *c, const TileOutput &output) {
  const Word *row[MR];
  Vector sum[MR][NV];
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    row[m] = a[m];
    DUET_UNROLL
    for (int v = 0; v < NV; v++) sum[m][v] = Vector{};
  }
  for (ptrdiff_t r = 0; r < run_count; r++) {
    const Word *column = b + runs[r].b;
    ptrdiff_t at = runs[r].a;
    for (ptrdiff_t i = runs[r].length; i > 0; i--) {
      add_term(row, at, column, sum);
      at += a_step;
      column += b_step;
    }
  }
  const int last = output.columns - (NV - 1) * kVectorWidth;
  DUET_UNROLL
  for (int v = 0; v < NV; v++) {
    const bool whole = v < NV - 1 || last == kVectorWidth;
    const int first = v * kVectorWidth;
    Vector bias = {};
    if (output.bias) bias = whole ? load(output.bias + first) : load_first(output.bias + first, last);
    DUET_UNROLL
    for (int m = 0; m < MR; m++) {
      Vector value = sum[m][v] + bias;
      float *to = c[m] + first;
      if (output.accumulate) value += whole ? load(to) : load_first(to, last);
      if (output.relu) value = value < 0 ? Vector{} : value;
      if (whole) {
        store(to, value);
      } else {
        store_first(to, value, last);
      }
    }
  }
}

/* Rows of a grid, from those that begin at a and c. */
template <class Word, int MR, int NV> inline void grid_tile(const Grid<Word> &grid, const Word *a, float *c) {
  const Word *row[MR];
  Vector sum[MR][NV];
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    row[m] = a + m * grid.a_row;
    DUET_UNROLL
    for (int v = 0; v < NV; v++) sum[m][v] = Vector{};
  }
  const ptrdiff_t a_step = grid.a_step, b_step = grid.b_step;
  const Word *column = grid.b;
  for (ptrdiff_t at = 0, end = grid.terms * a_step; at != end; at += a_step, column += b_step) add_term(row, at, column, sum);
  if (grid.accumulate) {
    DUET_UNROLL
    for (int m = 0; m < MR; m++) {
      DUET_UNROLL
      for (int v = 0; v < NV; v++) sum[m][v] += load(c + m * grid.c_row + v * kVectorWidth);
    }
  }
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    DUET_UNROLL
    for (int v = 0; v < NV; v++) store(c + m * grid.c_row + v * kVectorWidth, sum[m][v]);
  }
}

/* grid_tile<rows>, where rows <= MR. */
template <class Word, int MR, int NV> inline void grid_tile_of(ptrdiff_t rows, const Grid<Word> &grid, const Word *a, float *c) {
  if (rows == MR) return grid_tile<Word, MR, NV>(grid, a, c);
  if constexpr (MR > 1) grid_tile_of<Word, MR - 1, NV>(rows, grid, a, c);
}

template <class Word, int NV> void grid_kernel(const Grid<Word> &grid, Next &next, ptrdiff_t parts) {
  constexpr ptrdiff_t kRows = tile_rows(NV);
  /* Tiles of nearly the same size: a last tile of one row would leave the multiply-add units waiting. */
  const ptrdiff_t tiles = divide_up(grid.rows, kRows), least = grid.rows / tiles, larger = grid.rows % tiles;
  const Word *a = grid.a;
  float *c = grid.c;
  for (ptrdiff_t t = 0; t < tiles; t++) {
    ask_for(next, parts * tiles - t);
    const ptrdiff_t count = least + (t < larger);
    grid_tile_of<Word, kRows, NV>(count, grid, a, c);
    a += count * grid.a_row;
    c += count * grid.c_row;
  }
}

template <class Word, int NV, int... MR> constexpr std::array<Tile<Word>, kMostRows> tiles(std::integer_sequence<int, MR...>) {
  return {tile_kernel<Word, MR + 1, NV>...};
}
template <class Word, int NV>
constexpr std::array<Tile<Word>, kMostRows> kTiles = tiles<Word, NV>(std::make_integer_sequence<int, tile_rows(NV)>());

}  // namespace

template <class Word> Tile<Word> tile(int rows, int vectors) {
  switch (vectors) {
    case 1: return kTiles<Word, 1>[rows - 1];
    case 2: return kTiles<Word, 2>[rows - 1];
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return kTiles<Word, 3>[rows - 1];
    default: return kTiles<Word, 4>[rows - 1];
#else
    default: return nullptr;
#endif
  }
}

template <class Word> GridTiles<Word> grid_tiles(int vectors) {
  switch (vectors) {
    case 1: return grid_kernel<Word, 1>;
    case 2: return grid_kernel<Word, 2>;
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return grid_kernel<Word, 3>;
    default: return grid_kernel<Word, 4>;
#else
    default: return nullptr;
#endif
  }
}

template GridTiles<float> grid_tiles<float>(int vectors);
template GridTiles<Pair> grid_tiles<Pair>(int vectors);
template Tile<float> tile<float>(int rows, int vectors);
template Tile<Pair> tile<Pair>(int rows, int vectors);

}  // namespace duet
