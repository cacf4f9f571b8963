/* duet_cpu.h for those who implement it: what it declares is visible in the library, everything else is hidden. */
#pragma once
#pragma GCC visibility push(default)
#include "duet_cpu.h"
#pragma GCC visibility pop
