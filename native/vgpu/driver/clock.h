// Vector clocks. Every node (a kernel, a copy, an event record) has a sequence number that rises in the order of the calls. A chain
// is a series of nodes that are always ordered among themselves: a stream, or one captured stream within one executable graph. So
// "all of chain c up to node s happened before" is one number for each chain.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace vgpu::inline driver {

struct Clock {
  uint64_t floor = 0;                               // everything up to here happened before, whatever its chain
  std::vector<std::pair<uint32_t, uint64_t>> seen;  // chain, last node of it that happened before; sorted by chain

  bool covers(uint32_t chain, uint64_t sequence) const {
    if (sequence <= floor) return true;
    auto at = std::lower_bound(seen.begin(), seen.end(), std::make_pair(chain, uint64_t(0)));
    return at != seen.end() && at->first == chain && sequence <= at->second;
  }

  void add(uint32_t chain, uint64_t sequence) {
    if (sequence <= floor) return;
    auto at = std::lower_bound(seen.begin(), seen.end(), std::make_pair(chain, uint64_t(0)));
    if (at != seen.end() && at->first == chain) at->second = std::max(at->second, sequence);
    else seen.insert(at, {chain, sequence});
  }

  void join(const Clock &other) {
    if (other.floor > floor) raise(other.floor);
    for (auto &[chain, sequence] : other.seen) add(chain, sequence);
  }

  // Keeps clocks short: chains that ended long ago are below the floor.
  void raise(uint64_t to) {
    floor = std::max(floor, to);
    std::erase_if(seen, [this](auto &entry) { return entry.second <= floor; });
  }
};

}  // namespace vgpu::driver
