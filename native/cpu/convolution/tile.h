/*
 * The one inner loop of all three convolution operations: a tile of MR rows and NV vectors of columns is kept in registers
 * while a sum runs over `runs`:
 *
 *   C[row][column] = sum over runs r, i < r.length of A[row][r.a + i * a_step] * B[r.b + i * b_step + column]
 *
 *                     rows           sum over                  columns
 *   forward           output pixels  taps                      filters
 *   backward data     input pixels   taps of the turned filter input channels
 *   backward weights  taps           output pixels             filters
 *
 * A is read one word at a time and broadcast, straight from an image (rows are pointers, so a tile may cross the end of an
 * image row); B in vectors. A word is a float, or a pair of bf16: then i counts pairs of terms, and each product above is the sum of two.
 */
#pragma once
#include "runtime/bfloat16.h"
#include <cstddef>

namespace duet {

struct Run {
  ptrdiff_t a, b;
  ptrdiff_t length;
};

struct TileOutput {
  /* Columns that exist; those of the last vector past them are computed and not stored. */
  int columns;
  /* Add to what is there. */
  bool accumulate;
  bool relu;
  /* Per column, or null. */
  const float *bias;
};

template <class Word>
using Tile = void (*)(const Word *const *a, ptrdiff_t a_step, const Word *b, ptrdiff_t b_step, const Run *runs, ptrdiff_t run_count,
                      float *const *c, const TileOutput &output);

/* Vectors in a full block of columns; with 4 of them 24 sums fill the 32 registers that AVX-512 has, with 2 of them 12 of 16. */
constexpr int kBlockVectors = kVectorRegisters == 32 ? 4 : 2;
constexpr int kBlock = kBlockVectors * kVectorWidth;
constexpr int kMostRows = 12;

/* Most rows of a tile with this many vectors. */
constexpr int tile_rows(int vectors) {
  if (kVectorRegisters == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
  return vectors == 2 ? 6 : 10;
}

template <class Word> Tile<Word> tile(int rows, int vectors);

/* Memory that will be needed next, from far away: it is asked for bit by bit while the tiles are computed. */
struct Next {
  const void *begin;
  ptrdiff_t bytes;
};

/* Asks for one of so many parts of it, and leaves the others. */
inline void ask_for(Next &next, ptrdiff_t parts) {
  constexpr ptrdiff_t kLine = 64;
  if (next.bytes <= 0) return;
  const char *line = static_cast<const char *>(next.begin), *const end = line + divide_up(divide_up(next.bytes, kLine), parts) * kLine;
  next = {end, next.bytes - (end - line)};
  for (; line < end; line += kLine) __builtin_prefetch(line, 0, 2);
}

/*
 * What a tile computes, for any number of rows that are equally far apart, as their terms are, and whole vectors of columns. For short
 * sums, beside which finding each row, and a tile for the rows, takes long.
 */
template <class Word> struct Grid {
  const Word *a;
  ptrdiff_t a_row, a_step;
  const Word *b;
  ptrdiff_t b_step;
  float *c;
  ptrdiff_t c_row;
  ptrdiff_t rows, terms;
  bool accumulate;
};
/* Asks for one of so many parts of `next` as it goes on, and leaves the others. */
template <class Word> using GridTiles = void (*)(const Grid<Word> &grid, Next &next, ptrdiff_t parts);
template <class Word> GridTiles<Word> grid_tiles(int vectors);

}  // namespace duet
