#include "convolution/product.h"

namespace duet {

ptrdiff_t chunk_terms(ptrdiff_t terms, ptrdiff_t run) {
  const ptrdiff_t even = divide_up(terms, std::max<ptrdiff_t>(1, divide_up(terms, kChunkTerms)));
  if (run >= even) return even;
  const ptrdiff_t rounded = round_up(even, run);
  return rounded <= kChunkTerms + kChunkTerms / 6 ? rounded : even / run * run;
}

void Sum::add(ptrdiff_t a, ptrdiff_t b, ptrdiff_t length, ptrdiff_t a_step, ptrdiff_t b_step) {
  while (length > 0) {
    if (ends_.empty() || in_last_ == limit_) {
      ends_.push_back(static_cast<ptrdiff_t>(runs_.size()));
      in_last_ = 0;
    }
    ptrdiff_t part = std::min(length, limit_ - in_last_);
    runs_.push_back({a, b, part});
    ends_.back() = static_cast<ptrdiff_t>(runs_.size());
    in_last_ += part;
    length -= part;
    a += part * a_step;
    b += part * b_step;
  }
}

void Sum::clear() {
  runs_.clear();
  ends_.clear();
  in_last_ = 0;
}

Sum::Chunk Sum::chunk(int index) const {
  ptrdiff_t first = index == 0 ? 0 : ends_[index - 1];
  return {runs_.data() + first, ends_[index] - first};
}

namespace {

template <class Word>
void multiply_chunk(const Product<Word> &product, Sum::Chunk chunk, const TileOutput &output, const ptrdiff_t *a_rows,
                    const ptrdiff_t *c_rows, ptrdiff_t rows, Next &next, ptrdiff_t parts) {
  const int vectors = divide_up(product.columns, kVectorWidth);
  /* Tiles of nearly the same size: a last tile of one row would leave the multiply-add units waiting. */
  const ptrdiff_t tiles = divide_up(rows, static_cast<ptrdiff_t>(tile_rows(vectors)));
  const Word *a[kMostRows];
  float *c[kMostRows];
  for (ptrdiff_t t = 0; t < tiles; t++) {
    const ptrdiff_t first = t * rows / tiles;
    const int count = static_cast<int>((t + 1) * rows / tiles - first);
    for (int m = 0; m < count; m++) {
      a[m] = product.a + a_rows[first + m];
      c[m] = product.c + c_rows[first + m];
    }
    ask_for(next, parts * tiles - t);
    tile<Word>(count, vectors)(a, product.a_step, product.b, product.b_step, chunk.runs, chunk.count, c, output);
  }
}

}  // namespace

template <class Word>
void multiply(const Product<Word> &product, const Sum &sum, const ptrdiff_t *a_rows, const ptrdiff_t *c_rows, ptrdiff_t first,
              ptrdiff_t last, Next next) {
  const int chunks = std::max(1, sum.chunks());
  for (int i = 0; i < chunks; i++) {
    const Sum::Chunk chunk = sum.chunks() ? sum.chunk(i) : Sum::Chunk{nullptr, 0};
    const TileOutput output = {product.columns, product.accumulate || i > 0, product.relu && i == chunks - 1,
                               i == 0 ? product.bias : nullptr};
    multiply_chunk(product, chunk, output, a_rows + first, c_rows + first, last - first, next, chunks - i);
  }
}

template <class Word> void multiply(const Grid<Word> &grid, int vectors, ptrdiff_t most_terms, Next next) {
  const GridTiles<Word> tiles = grid_tiles<Word>(vectors);
  const ptrdiff_t chunks = std::max<ptrdiff_t>(1, divide_up(grid.terms, most_terms));
  Grid<Word> part = grid;
  for (ptrdiff_t i = 0; i < chunks; i++) {
    const ptrdiff_t first = i * grid.terms / chunks, last = (i + 1) * grid.terms / chunks;
    part.a = grid.a + first * grid.a_step;
    part.b = grid.b + first * grid.b_step;
    part.terms = last - first;
    part.accumulate = grid.accumulate || i > 0;
    tiles(part, next, chunks - i);
  }
}

template void multiply<float>(const Grid<float> &, int, ptrdiff_t, Next);
template void multiply<Pair>(const Grid<Pair> &, int, ptrdiff_t, Next);
template void multiply<float>(const Product<float> &, const Sum &, const ptrdiff_t *, const ptrdiff_t *, ptrdiff_t, ptrdiff_t, Next);
template void multiply<Pair>(const Product<Pair> &, const Sum &, const ptrdiff_t *, const ptrdiff_t *, ptrdiff_t, ptrdiff_t, Next);

}  // namespace duet
