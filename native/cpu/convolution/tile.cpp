#include "convolution/tile.h"
#include <array>
#include <utility>

namespace duet {
namespace {

template <int MR, int NV>
void tile_kernel(const float *const *a, ptrdiff_t a_step, const float *b, ptrdiff_t b_step, const Run *runs, ptrdiff_t run_count,
                 float *const *c, const TileOutput &output) {
  const float *row[MR];
  Vector sum[MR][NV];
  DUET_UNROLL
  for (int m = 0; m < MR; m++) {
    row[m] = a[m];
    DUET_UNROLL
    for (int v = 0; v < NV; v++) sum[m][v] = Vector{};
  }
  for (ptrdiff_t r = 0; r < run_count; r++) {
    const float *column = b + runs[r].b;
    ptrdiff_t at = runs[r].a;
    for (ptrdiff_t i = runs[r].length; i > 0; i--) {
      Vector right[NV];
      DUET_UNROLL
      for (int v = 0; v < NV; v++) right[v] = load(column + v * kVectorWidth);
      DUET_UNROLL
      for (int m = 0; m < MR; m++) {
        Vector left = broadcast(row[m][at]);
        DUET_UNROLL
        for (int v = 0; v < NV; v++) sum[m][v] += left * right[v];
      }
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

template <int NV, int... MR> constexpr std::array<Tile, kMostRows> tiles(std::integer_sequence<int, MR...>) {
  return {tile_kernel<MR + 1, NV>...};
}
template <int NV> constexpr std::array<Tile, kMostRows> kTiles = tiles<NV>(std::make_integer_sequence<int, tile_rows(NV)>());

}  // namespace

Tile tile(int rows, int vectors) {
  switch (vectors) {
    case 1: return kTiles<1>[rows - 1];
    case 2: return kTiles<2>[rows - 1];
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return kTiles<3>[rows - 1];
    default: return kTiles<4>[rows - 1];
#else
    default: return nullptr;
#endif
  }
}

}  // namespace duet
