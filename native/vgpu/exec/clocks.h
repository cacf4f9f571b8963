// Races in shared memory where warps meet at several barriers: each warp has a vector clock, which joins those of the others at a barrier.
// Kernels with one barrier have one epoch instead (shared_access.cpp).
#pragma once
#include "access.h"

namespace vgpu {

struct SharedProblems {
  uint32_t missing = 0, race = 0, pending = 0;
  int other = -1;           // the warp that it races with, where clocks say so
  bool other_read = false;  // and whether that one only read
};

// One run of shadow words, checked and brought up to date.
SharedProblems clocked_access(Worker &k, uint32_t from, uint32_t n, uint32_t warp, Intent intent);
// What a warp writes now, as the shadow has it.
uint32_t clocked_tag(const Worker &k, uint32_t warp);

}  // namespace vgpu
