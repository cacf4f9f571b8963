// Who accessed each block of an allocation last, and whether a new access is ordered after that. Found by vector clocks, so a
// missing event is reported even when the chosen order of execution happened to be right.
#pragma once
#include "../core.h"
#include "clock.h"

namespace vgpu::inline driver {

struct Accessor {
  uint32_t chain = 0;
  uint64_t sequence = 0;
  std::shared_ptr<const std::string> who;  // "kernel scale in stream 3 of device 0"
  uint16_t from = 0, to = kBlock;          // the bytes of the block: exact for copies and fills, all of it for kernels
};

struct Conflict {
  Allocation *allocation = nullptr;
  size_t offset = 0, blocks = 0;  // the first block, and how many in all
  bool earlier_wrote = false, later_writes = false;
  std::shared_ptr<const std::string> earlier;
};

// Notes the access of a range or of the marked blocks and adds to `conflicts` at most one entry for each earlier accessor.
void note_range(Allocation &allocation, size_t offset, size_t bytes, bool writes, const Accessor &me, const Clock &clock,
                std::vector<Conflict> &conflicts);
void note_blocks(Allocation &allocation, const Access &access, const Accessor &me, const Clock &clock, std::vector<Conflict> &conflicts);

// "kernel b in stream 4 writes allocation 2 of device 0 at byte 512 (3 blocks of 256 bytes), which kernel a in stream 3 has written:
// no event orders them"
std::string describe(const Conflict &conflict, const Accessor &me);

}  // namespace vgpu::driver
