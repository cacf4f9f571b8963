// What tensor cores do: matrices between shared memory and fragments, and products of fragments.
#pragma once
#include "warp.h"

namespace vgpu {

enum class MatrixType : uint8_t { bf16, f16, tf32, f32 };

// ldmatrix d..., address and stmatrix address, sources...: `count` matrices of 8 rows of 16 bytes.
Handler load_matrix_handler(int count, bool transposed);
Handler store_matrix_handler(int count, bool transposed);
void transpose_matrix(const Instruction &i, Warp &w);  // movmatrix d, a
// mma d..., a..., b..., c...: 16 x k by k x 8; half: the sums are fp16. Null for a shape that does not exist.
Handler product_handler(MatrixType type, int k, bool half);
void need_all_lanes(const Instruction &i, Warp &w);

// ---- wmma: fragments whose layout nobody may know ----------------------------------------------------------------------------
enum class WmmaShape : uint8_t { m16n16k16, m32n8k16, m8n32k16, m16n16k8 };
struct Wmma {  // packed into an instruction's mode
  enum Matrix : uint8_t { a, b, c };
  WmmaShape shape;
  MatrixType type;   // of a and b; of the matrix that is loaded or stored
  uint8_t bits = 0;  // load and store: the matrix, and 4 for columns; product: 1 for columns of a, 2 of b, 4 for fp16 in c, 8 in d
  uint8_t mode() const { return static_cast<uint8_t>(static_cast<int>(shape) | static_cast<int>(type) << 2 | bits << 4); }
  static Wmma of(uint8_t mode) {
    return {static_cast<WmmaShape>(mode & 3), static_cast<MatrixType>(mode >> 2 & 3), static_cast<uint8_t>(mode >> 4)};
  }
  int rows(Matrix m) const;
  int columns(Matrix m) const;
  int registers(Matrix m) const;  // of a lane
};
void wmma_load(const Instruction &i, Warp &w);     // d..., address, elements between rows
void wmma_store(const Instruction &i, Warp &w);    // address, sources..., elements between rows
void wmma_product(const Instruction &i, Warp &w);  // d..., a..., b..., c...

}  // namespace vgpu
