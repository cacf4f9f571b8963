// A kernel between decoding and finish(): operands are register numbers, control flow is by statement.
#pragma once
#include "../exec/kernel.h"

namespace vgpu {

enum class RegisterKind : uint8_t { plain, constant, special };
struct Register {
  uint8_t width;  // 1, 8, 16, 32, 64
  RegisterKind kind = RegisterKind::plain;
  uint64_t bits = 0;
  Special which{};
  uint32_t offset = 0;
};

struct Step {
  Instruction i;
  Ending ending = Ending::fall;  // fall: an ordinary instruction
  int target = -1;               // statement
  bool first = true;             // of its PTX instruction; what follows it are helpers
  Place place;
};

struct Draft {
  Kernel *kernel;
  std::vector<Register> registers;
  std::vector<Step> steps;
  std::vector<int> start;  // step of each statement
};

}  // namespace vgpu
