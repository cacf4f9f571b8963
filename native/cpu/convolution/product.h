/* Matrix products that the tiles make up: rows by pointers, the sum cut into chunks whose share of B stays in the L1 cache. */
#pragma once
#include "convolution/tile.h"
#include <algorithm>
#include <vector>

namespace duet {

/*
 * Most terms of a chunk: 24 KiB of B, and no more than 256, since six rows of A need 6 KiB beside them. Longer chunks load and store
 * C fewer times.
 */
constexpr ptrdiff_t kChunkTerms = std::min<ptrdiff_t>(256, 6144 / kBlock);

/*
 * The limit that cuts `terms` into chunks of about the same size. Where it can, it cuts between runs of `run` terms: a run of three
 * terms costs about as much as one of thirty.
 */
ptrdiff_t chunk_terms(ptrdiff_t terms, ptrdiff_t run);

/* The terms of a sum in order, cut into chunks of at most `limit` terms. */
class Sum {
 public:
  explicit Sum(ptrdiff_t limit) : limit_(limit) {}
  /* Appends `length` terms; a_step and b_step are those of the product. */
  void add(ptrdiff_t a, ptrdiff_t b, ptrdiff_t length, ptrdiff_t a_step, ptrdiff_t b_step);
  void clear();

  struct Chunk {
    const Run *runs;
    ptrdiff_t count;
  };
  int chunks() const { return static_cast<int>(ends_.size()); }
  Chunk chunk(int index) const;

 private:
  ptrdiff_t limit_;
  ptrdiff_t in_last_ = 0;
  std::vector<Run> runs_;
  std::vector<ptrdiff_t> ends_;
};

/* Of words of float or of pairs of bf16; all lengths and steps of A and B are in words. */
template <class Word> struct Product {
  const Word *a;
  ptrdiff_t a_step;
  const Word *b;
  ptrdiff_t b_step;
  float *c;
  /* Columns, at most kBlock; B holds whole vectors of them. */
  int columns;
  bool accumulate;
  bool relu;
  const float *bias;
};

/* For rows first .. last - 1: row i of A begins at a + a_rows[i], of C at c + c_rows[i]. An empty sum gives 0 (or the bias). */
template <class Word>
void multiply(const Product<Word> &product, const Sum &sum, const ptrdiff_t *a_rows, const ptrdiff_t *c_rows, ptrdiff_t first,
              ptrdiff_t last, Next next = {nullptr, 0});

/* The product of a grid with so many vectors of columns, its sums in chunks of nearly the same length and at most `most_terms`. */
template <class Word> void multiply(const Grid<Word> &grid, int vectors, ptrdiff_t most_terms, Next next = {nullptr, 0});

}  // namespace duet
