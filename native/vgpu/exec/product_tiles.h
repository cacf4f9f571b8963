#pragma once
#include "warp.h"

namespace vgpu {

// The multiply-adds of a row whose first one is this, as tiles; where lanes are missing, one by one.
void product_tiles(const Instruction &first, Warp &w);
// Gives results of the row that are no numbers their one pattern.
void make_canonical(const Instruction &first, Warp &w);

}  // namespace vgpu
