#pragma once
#include <cstddef>

namespace duet {

/* to[column * to_row + row] = from[row * from_row + column] for all of `rows` x `columns`. */
void transpose(const float *from, ptrdiff_t from_row, ptrdiff_t rows, ptrdiff_t columns, float *to, ptrdiff_t to_row);

}  // namespace duet
