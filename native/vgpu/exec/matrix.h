// What tensor cores do: matrices between shared memory and fragments, and products of fragments.
#pragma once
#include "warp.h"

namespace vgpu {

enum class MatrixType : uint8_t { bf16, f16, tf32, f32, s8, u8, s32, f64 };
constexpr int bytes_of(MatrixType t) {
  switch (t) {
    case MatrixType::s8:
    case MatrixType::u8: return 1;
    case MatrixType::bf16:
    case MatrixType::f16: return 2;
    case MatrixType::f64: return 8;
    default: return 4;
  }
}

// ldmatrix d..., address and stmatrix address, sources...: `count` matrices of 8 rows of 16 bytes.
Handler load_matrix_handler(int count, bool transposed);
Handler store_matrix_handler(int count, bool transposed);
void transpose_matrix(const Instruction &i, Warp &w);  // movmatrix d, a
// mma d..., a..., b..., c...: 16 x k by k x 8; half: the sums are fp16. Null for a shape that does not exist.
Handler product_handler(MatrixType type, int k, bool half);
// mma of bytes with sums of 32 bits, rows x k by k x 8. Mode: 1 for signed numbers in a, 2 in b, 4 for sums that saturate.
Handler integer_product_handler(int rows, int k);
void double_product(const Instruction &i, Warp &w);  // m8n8k4 of fp64; mode: how it is rounded, as in Rounding
void need_all_lanes(const Instruction &i, Warp &w);

// ---- wmma: fragments whose layout nobody may know ----------------------------------------------------------------------------
enum class WmmaShape : uint8_t { m16n16k16, m32n8k16, m8n32k16, m16n16k8, m8n8k4 };
struct Wmma {  // shape and type are an instruction's mode, the bits the upper four of its flags
  enum Matrix : uint8_t { a, b, c };
  WmmaShape shape;
  MatrixType type;  // of a and b; of the matrix that is loaded or stored
  // Load and store: the matrix, and 4 for columns. Product: 1 for columns of a, 2 of b; then 4 for fp16 in c and 8 in d, or 4 for sums of
  // integers that saturate, or four times the direction in which fp64 is rounded.
  uint8_t bits = 0;
  void put(Instruction &i) const {
    i.mode = static_cast<uint8_t>(static_cast<int>(shape) | static_cast<int>(type) << 3);
    i.flags = static_cast<uint8_t>(i.flags | bits << 4);
  }
  static Wmma of(const Instruction &i) {
    return {static_cast<WmmaShape>(i.mode & 7), static_cast<MatrixType>(i.mode >> 3), static_cast<uint8_t>(i.flags >> 4)};
  }
  int rows(Matrix m) const;
  int columns(Matrix m) const;
  int registers(Matrix m) const;  // of a lane
};
// By the type of the matrix, or of a and b.
Handler wmma_load_handler(MatrixType type);     // d..., address, elements between rows
Handler wmma_store_handler(MatrixType type);    // address, sources..., elements between rows
Handler wmma_product_handler(MatrixType type);  // d..., a..., b..., c...

}  // namespace vgpu
