// The list behind report() of core.h.
#pragma once
#include "../core.h"

namespace vgpu {

std::vector<Finding> findings();
uint64_t finding_count();  // how often all of them were seen
void forget_findings();

}  // namespace vgpu
