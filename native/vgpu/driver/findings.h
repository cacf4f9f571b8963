// The list behind report() of core.h.
#pragma once
#include "../core.h"

namespace vgpu {

std::vector<Finding> findings();
void forget_findings();

}  // namespace vgpu
