/* duet_cpu.h for those who implement it: what it declares is visible in the library, everything else is hidden. */
#pragma once
#pragma GCC visibility push(default)
#include "duet_cpu.h"
#pragma GCC visibility pop
#include <new>

namespace duet {

/* Runs the work of an exported function: an exception must not reach the caller, who may be no C++. */
template <class Work> int32_t guarded(const Work &work) noexcept {
  try {
    work();
    return DUET_DONE;
  } catch (const std::bad_alloc &) {
    return DUET_NO_MEMORY;
  } catch (...) {
    return DUET_FAILED;
  }
}

}  // namespace duet
