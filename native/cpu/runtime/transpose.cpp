#include "runtime/transpose.h"
#include "runtime/vector.h"
#include <utility>

namespace duet {
namespace {

/* Lanes of two rows, `kStep` apart, that change places: lanes with the bit kStep of the upper row against those without of the lower. */
template <int kStep, int... Lane> inline void exchange(Vector &upper, Vector &lower, std::integer_sequence<int, Lane...>) {
  const Vector a = upper, b = lower;
  upper = __builtin_shufflevector(a, b, (Lane & kStep ? kVectorWidth + Lane - kStep : Lane)...);
  lower = __builtin_shufflevector(a, b, (Lane & kStep ? kVectorWidth + Lane : Lane + kStep)...);
}

/* Transposing halves of halves: after the steps 1, 2, 4 .. the whole square is transposed. */
template <int kStep> inline void exchange_all(Vector (&rows)[kVectorWidth]) {
  if constexpr (kStep < kVectorWidth) {
    DUET_UNROLL
    for (int i = 0; i < kVectorWidth; i++) {
      if (!(i & kStep)) exchange<kStep>(rows[i], rows[i + kStep], std::make_integer_sequence<int, kVectorWidth>());
    }
    exchange_all<2 * kStep>(rows);
  }
}

void square(const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
  Vector rows[kVectorWidth];
  DUET_UNROLL
  for (int i = 0; i < kVectorWidth; i++) rows[i] = load(from + i * from_row);
  exchange_all<1>(rows);
  DUET_UNROLL
  for (int i = 0; i < kVectorWidth; i++) store(to + i * to_row, rows[i]);
}

}  // namespace

void transpose(const float *from, ptrdiff_t from_row, ptrdiff_t rows, ptrdiff_t columns, float *to, ptrdiff_t to_row) {
  const ptrdiff_t whole_rows = rows / kVectorWidth * kVectorWidth, whole_columns = columns / kVectorWidth * kVectorWidth;
  for (ptrdiff_t column = 0; column < whole_columns; column += kVectorWidth) {
    for (ptrdiff_t row = 0; row < whole_rows; row += kVectorWidth) {
      square(from + row * from_row + column, from_row, to + column * to_row + row, to_row);
    }
  }
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t column = row < whole_rows ? whole_columns : 0; column < columns; column++) {
      to[column * to_row + row] = from[row * from_row + column];
    }
  }
}

}  // namespace duet
