// Which registers hold a value that is still wanted, at the begin and the end of each basic block.
#pragma once
#include "draft.h"

namespace vgpu {

using Edges = std::vector<std::vector<int>>;  // of each block; the last one is the end of the kernel

// A set of registers for each block.
struct Sets {
  size_t words;
  std::vector<uint64_t> bits;
  Sets(size_t blocks, size_t registers) : words((registers + 63) / 64), bits(blocks * words) {}
  bool has(size_t block, uint32_t r) const { return bits[block * words + r / 64] >> (r % 64) & 1; }
  void add(size_t block, uint32_t r) { bits[block * words + r / 64] |= uint64_t(1) << (r % 64); }
};

// Lanes that diverge run one side after the other, but each writes only its own lanes, so liveness along the control flow is enough.
struct Liveness {
  Sets in, out;
};
Liveness find_live(const Draft &draft, const Edges &successors);

// Behind the last instruction of a block, with the one that ends it.
inline uint32_t end_of(const Block &b) { return std::max(b.end, b.ender + 1); }

// Where all lanes of an access always lie alike: Instruction::arrangement (shapes.cpp).
void find_shapes(const Draft &draft, const Edges &successors, const Liveness &live);

}  // namespace vgpu
