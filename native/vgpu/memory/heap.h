// The heap of a device: what kernels allocate with malloc.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>

namespace vgpu {

// Which of `kRange` bytes are taken. A block starts at a multiple of kBlock, so that streams are told apart by block; what is counted
// against the 8 MiB of a card's heap is its size in units of 16 bytes.
class Heap {
 public:
  static constexpr uint64_t kRange = uint64_t(64) << 20, kMost = uint64_t(8) << 20;
  static constexpr uint64_t kNone = ~uint64_t(0);

  uint64_t take(uint64_t bytes);        // the offset; kNone: there is no room
  uint64_t give_back(uint64_t offset);  // its bytes; 0: no block starts there

 private:
  std::map<uint64_t, uint64_t> blocks_;  // offset, bytes
  uint64_t counted_ = 0, next_ = 0;      // blocks that are given back come again when all of the range has been given out
};

}  // namespace vgpu
