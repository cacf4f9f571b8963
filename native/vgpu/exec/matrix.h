// What tensor cores do: matrices from shared memory into fragments, and products of fragments.
#pragma once
#include "warp.h"

namespace vgpu {

enum class MatrixType : uint8_t { bf16, f16, tf32 };

// ldmatrix d..., address: `count` matrices of 8 rows of 16 bytes.
Handler load_matrix_handler(int count, bool transposed);
// mma d..., a..., b..., c...: 16 x k by k x 8; half: the sums are fp16. Null for a shape that does not exist.
Handler product_handler(MatrixType type, int k, bool half);

// ---- sums (accumulate.cpp) --------------------------------------------------------------------------------------------------
// The operands of a product as floats. The exponents beside them are those of the formats, where numbers below the least exponent keep it;
// zeros have one far below all others, infinities and what is no number one far above.
constexpr int kZeroExponent = -(1 << 20), kInfiniteExponent = 1 << 22;
struct Product {
  alignas(32) float a[16][16], b[16][8], c[16][8];  // row, k; k, column; row, column
  alignas(32) int32_t a_exponent[16][16], b_exponent[16][8];
  int k;
  bool half;  // sums are rounded to fp16
};
// c = a * b + c, as the setting `accumulation` wants it. block: terms that the card adds at once.
void accumulate(Product &p, Worker &worker, int block);

}  // namespace vgpu
