#include "heap.h"
#include "../core.h"

namespace vgpu {
namespace {

uint64_t counted(uint64_t bytes) { return (bytes + 15) / 16 * 16; }
uint64_t room(uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

}  // namespace

uint64_t Heap::take(uint64_t bytes) {
  if (!bytes || bytes > kMost || counted_ + counted(bytes) > kMost) return kNone;
  for (uint64_t at : {next_, uint64_t(0)}) {
    // `at` is never inside a block: it is the end of one, or the start of the range.
    for (auto it = blocks_.lower_bound(at); it != blocks_.end() && it->first < at + room(bytes); ++it) at = it->first + room(it->second);
    if (at + room(bytes) > kRange) continue;
    blocks_[at] = bytes;
    counted_ += counted(bytes);
    next_ = at + room(bytes);
    return at;
  }
  return kNone;
}

uint64_t Heap::give_back(uint64_t offset) {
  const auto it = blocks_.find(offset);
  if (it == blocks_.end()) return 0;
  const uint64_t bytes = it->second;
  blocks_.erase(it);
  counted_ -= counted(bytes);
  return bytes;
}

}  // namespace vgpu
