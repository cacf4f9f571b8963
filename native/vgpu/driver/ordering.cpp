#include "ordering.h"

#include <unordered_map>

namespace vgpu::inline driver {
namespace {

// What the ordering check must remember of a block: its last writer (several where copies have written parts of it) and everyone who
// has read it since. Thousands of neighbouring blocks share one such state, so that a block costs four bytes (the number of its state)
// and a launch that touches a million blocks works out only a handful of transitions.
struct BlockState {
  std::vector<Accessor> writers, readers;
};

bool overlap(const Accessor &a, const Accessor &b) { return a.from < b.to && b.from < a.to; }
bool within(const Accessor &a, const Accessor &b) { return a.from >= b.from && a.to <= b.to; }

struct History {
  std::vector<uint32_t> block;  // number of its state; 0: nobody yet
  std::vector<BlockState> states{1};
  size_t sweep_at = 1024;

  explicit History(size_t bytes) : block((bytes + kBlock - 1) / kBlock) {}

  // Drops the states that no block is in any more.
  void sweep(uint64_t floor) {
    std::vector<uint32_t> renumbered(states.size(), UINT32_MAX);
    std::vector<BlockState> kept(1);
    renumbered[0] = 0;
    for (uint32_t &number : block) {
      uint32_t &to = renumbered[number];
      if (to == UINT32_MAX) {
        BlockState &state = states[number];
        std::erase_if(state.readers, [floor](auto &reader) { return reader.sequence <= floor; });
        std::erase_if(state.writers, [floor](auto &writer) { return writer.sequence <= floor; });
        if (state.readers.empty() && state.writers.empty()) {
          to = 0;
        } else {
          to = uint32_t(kept.size());
          kept.push_back(std::move(state));
        }
      }
      number = to;
    }
    states = std::move(kept);
    sweep_at = std::max<size_t>(1024, 2 * states.size());
  }
};

History &history(Allocation &allocation) {
  if (!allocation.ordering) allocation.ordering = std::make_shared<History>(allocation.bytes);
  return *std::static_pointer_cast<History>(allocation.ordering);
}

// One node's pass over one allocation.
class Pass {
 public:
  Pass(Allocation &allocation, const Accessor &me, const Clock &clock, std::vector<Conflict> &conflicts)
      : allocation_(allocation), history_(history(allocation)), me_(me), clock_(clock), conflicts_(conflicts), first_(conflicts.size()) {
    if (history_.states.size() > history_.sweep_at) history_.sweep(clock.floor);
  }

  void note(size_t index, bool writes) {
    uint32_t number = history_.block[index];
    uint64_t key = uint64_t(number) << 1 | uint64_t(writes);
    if (key != last_key_) {
      auto [at, fresh] = steps_.try_emplace(key);
      if (fresh) at->second = step(number, writes, me_);
      last_key_ = key;
      last_ = &at->second;
    }
    take(index, *last_);
  }

  void note_part(size_t index, bool writes, size_t from, size_t to) {
    if (from == 0 && to == kBlock) return note(index, writes);
    Accessor part = me_;
    part.from = uint16_t(from);
    part.to = uint16_t(to);
    take(index, step(history_.block[index], writes, part));
  }

  size_t blocks() const { return history_.block.size(); }

 private:
  struct Step {
    uint32_t next = 0;
    std::vector<size_t> conflicts;  // indices in conflicts_
  };

  void take(size_t index, const Step &step) {
    history_.block[index] = step.next;
    for (size_t conflict : step.conflicts)
      if (conflicts_[conflict].blocks++ == 0) conflicts_[conflict].offset = index * kBlock;
  }

  Step step(uint32_t number, bool writes, const Accessor &me) {
    Step result;
    BlockState next = history_.states[number];
    for (auto &writer : next.writers)
      if (overlap(writer, me) && !ordered(writer)) result.conflicts.push_back(conflict(writer, true, writes));
    if (writes) {
      for (auto &reader : next.readers)
        if (overlap(reader, me) && !ordered(reader)) result.conflicts.push_back(conflict(reader, false, true));
      bool whole = within(Accessor(), me);
      if (whole && written_) {
        result.next = written_;
        return result;
      }
      std::erase_if(next.readers, [&](auto &reader) { return within(reader, me); });
      std::erase_if(next.writers, [&](auto &writer) { return within(writer, me); });
      next.writers.push_back(me);
      if (whole) written_ = uint32_t(history_.states.size());
    } else {
      for (auto &writer : next.writers)
        if (writer.sequence == me.sequence && within(me, writer)) {  // this node wrote the bytes already
          result.next = number;
          return result;
        }
      // Whoever comes after this reader comes after the readers that it comes after.
      std::erase_if(next.readers, [&](auto &reader) { return within(reader, me) && ordered(reader); });
      next.readers.push_back(me);
    }
    result.next = uint32_t(history_.states.size());
    history_.states.push_back(std::move(next));
    return result;
  }

  bool ordered(const Accessor &earlier) const { return earlier.sequence == me_.sequence || clock_.covers(earlier.chain, earlier.sequence); }

  size_t conflict(const Accessor &earlier, bool earlier_wrote, bool later_writes) {
    for (size_t i = first_; i < conflicts_.size(); ++i)
      if (conflicts_[i].earlier == earlier.who && conflicts_[i].earlier_wrote == earlier_wrote &&
          conflicts_[i].later_writes == later_writes)
        return i;
    conflicts_.push_back({&allocation_, 0, 0, earlier_wrote, later_writes, earlier.who});
    return conflicts_.size() - 1;
  }

  Allocation &allocation_;
  History &history_;
  const Accessor &me_;
  const Clock &clock_;
  std::vector<Conflict> &conflicts_;
  size_t first_;
  uint32_t written_ = 0;  // the state "written by me, read by nobody", once it exists
  std::unordered_map<uint64_t, Step> steps_;
  uint64_t last_key_ = UINT64_MAX;
  const Step *last_ = nullptr;
};

}  // namespace

void note_range(Allocation &allocation, size_t offset, size_t bytes, bool writes, const Accessor &me, const Clock &clock,
                std::vector<Conflict> &conflicts) {
  if (!bytes) return;
  Pass pass(allocation, me, clock, conflicts);
  for (size_t at = offset, end = offset + bytes; at < end;) {
    size_t block = at / kBlock, to = std::min(end, (block + 1) * kBlock);
    pass.note_part(block, writes, at - block * kBlock, to - block * kBlock);
    at = to;
  }
}

void note_blocks(Allocation &allocation, const Access &access, const Accessor &me, const Clock &clock, std::vector<Conflict> &conflicts) {
  Pass pass(allocation, me, clock, conflicts);
  auto each = [&pass](const Bits &bits, bool writes) {
    for (size_t word = 0; word < bits.words.size(); ++word)
      for (uint64_t left = bits.words[word]; left; left &= left - 1) {
        size_t block = word * 64 + size_t(__builtin_ctzll(left));
        if (block < pass.blocks()) pass.note(block, writes);
      }
  };
  each(access.reads, false);
  each(access.writes, true);
}

std::string describe(const Conflict &conflict, const Accessor &me) {
  return *me.who + (conflict.later_writes ? " writes " : " reads ") + conflict.allocation->label + " at byte " +
         std::to_string(conflict.offset) + " (" + std::to_string(conflict.blocks) + (conflict.blocks == 1 ? " block" : " blocks") + " of " +
         std::to_string(kBlock) + " bytes), which " + *conflict.earlier + (conflict.earlier_wrote ? " has written" : " has read") +
         ": nothing orders the two";
}

}  // namespace vgpu::driver
