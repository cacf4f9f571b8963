// Where the lanes of one memory instruction point: resolved once for the warp, checked, counted.
#pragma once
#include "warp.h"

namespace vgpu {

// Handlers by space, element, register width, and number of elements (1, 2, 4); null for what does not exist.
Handler load_handler(Space space, int bytes, bool is_signed, int register_bytes, int count);
// For loads of this kind from shared memory side by side, with one address register and without a guard: what does all of them, by the
// first one's `length`. Null if there is none.
Handler load_row_handler(Handler one);
Handler store_handler(Space space, int bytes, int register_bytes, int count);
Handler atomic_handler(Space space, const std::string &operation, const std::string &type);
Handler async_copy_handler();
void commit_copies(const Instruction &i, Warp &w);
void wait_for_copies(const Instruction &i, Warp &w);  // immediate: groups that may stay on their way
void wait_for_all_copies(const Instruction &i, Warp &w);
void finish_copies(Warp &w, uint32_t lanes, uint32_t last);  // those of these lanes up to the one with this serial number

// Host address of the first active lane's data, every access checked and counted; null if the lanes have to be taken one by one
// (which then either works or faults).
uint8_t *resolve_global(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent);
uint8_t *resolve_shared(const Instruction &i, Warp &w, AccessCache &c, const void *address_register, Intent intent);
// The same of a load at `base` whose lanes lie as this pattern says.
uint8_t *resolve_shared_load(const Instruction &i, Warp &w, const Pattern &p, uint64_t base);

// Shared words that a copy in flight will write (issued), of all lanes (`to` is where; false: there is something to report, so lane by
// lane) or of one, and those that it has written (done); `when`: the time that this counts as, 0 for now.
bool shared_copies_issued(Warp &w, const Pattern &p, uint64_t base, ShadowPieces &to);
void shared_copy_issued(const Instruction &i, Warp &w, int lane, uint32_t at, uint32_t bytes);
void shared_copies_done(Warp &w, const ShadowPieces &to);
void shared_copy_done(Warp &w, uint32_t at, uint32_t bytes, uint32_t when);
// A global store while copies are on their way: none of the block's may be reading there.
void check_copy_sources(const Instruction &i, Warp &w, const AccessCache &c, uint64_t base);

// The handler again, for each lane alone.
template <class F> void one_by_one(Warp &w, F f) {
  const uint32_t all = w.mask;
  for (uint32_t m = all; m; m &= m - 1) {
    w.set_mask(m & -m);
    f();
  }
  w.set_mask(all);
}

inline int first_lane(const Warp &w) { return __builtin_ctz(w.mask); }

}  // namespace vgpu
