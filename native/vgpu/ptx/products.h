// Products of matrices in fp32: multiply-adds are put together, and where they are an outer product over a few steps, into tiles whose
// sums stay in registers of the processor from the first step to the last (exec/product_tiles.cpp).
#pragma once
#include "draft.h"

namespace vgpu {

// Multiply-adds of one sum, one after the other: factors, what is added to, and the sum, by register.
struct Chain {
  std::vector<uint32_t> left, right;
  uint32_t head, last;
  bool placed = false;
};
struct ProductTiles {
  uint32_t begin, end;  // instructions
  std::vector<Chain> chains;
};

// First: in each block multiply-adds go down to the next instruction that they matter to.
void delay_multiply_adds(Draft &draft);
// Then, while operands are registers, what could be tiles; and once they have places, what can be.
std::vector<ProductTiles> find_products(const Draft &draft);
void join_products(Draft &draft, std::vector<ProductTiles> &products);

}  // namespace vgpu
