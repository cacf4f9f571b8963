// Instructions in which the lanes of a warp meet, and odds and ends that are not a function of one lane.
#pragma once
#include "warp.h"

namespace vgpu {

enum ShuffleMode : uint8_t { kShuffleIndex, kShuffleUp, kShuffleDown, kShuffleButterfly };
enum VoteMode : uint8_t { kVoteAny, kVoteAll, kVoteUniform, kVoteBallot };
enum MatchMode : uint8_t { kMatchAny, kMatchAll };

void shuffle(const Instruction &i, Warp &w);         // d, p, a, b, c, members
void vote_predicate(const Instruction &i, Warp &w);  // p, q, members
void vote_ballot(const Instruction &i, Warp &w);     // d, q, members
void active_mask(const Instruction &i, Warp &w);
void match(const Instruction &i, Warp &w);                                 // d, p, a, members
Handler reduction(const std::string &operation, const std::string &type);  // redux.sync d, a, members
void warp_barrier(const Instruction &i, Warp &w);                          // members
void barrier_contribution(const Instruction &i, Warp &w);                  // predicate of bar.red, before the barrier
void barrier_count(const Instruction &i, Warp &w);                         // bar.red.popc: d, after it
void barrier_predicate(const Instruction &i, Warp &w);                     // bar.red.and and .or; mode 1: or
void barrier_arrive(const Instruction &i, Warp &w);                        // barrier, threads
void nothing(const Instruction &i, Warp &w);
void trap(const Instruction &i, Warp &w);
void call_of_nothing(const Instruction &i, Warp &w);  // of an address that is none of the functions that it may be
void read_clock(const Instruction &i, Warp &w);       // immediate: bytes of the destination
void pack(const Instruction &i, Warp &w);             // d, parts; mode: parts, bytes: of one
void pack32(const Instruction &i, Warp &w);           // two 16-bit parts
void unpack(const Instruction &i, Warp &w);           // parts, a
void address_window(const Instruction &i, Warp &w);   // cvta: adds the immediate
void select_result(const Instruction &i, Warp &w);    // set: d, p; immediate: the bits for true; bytes: of d

// Calls of what the system provides: places of arguments and result in local memory.
void print_text(const Instruction &i, Warp &w);        // vprintf; no result: ~0
void allocate_on_heap(const Instruction &i, Warp &w);  // malloc
void free_on_heap(const Instruction &i, Warp &w);

void is_in_space(const Instruction &i, Warp &w);  // isspacep: p, a; mode: window

// f(lane, its local memory) for the lanes that call, in their order.
template <class F> void for_each_caller(Warp &w, F f) {
  for (uint32_t m = w.mask; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    f(l, w.local + l * w.worker->kernel.local_bytes);
  }
}
// The argument or result of 64 bits at the place that operand n gives.
inline uint64_t argument(const Instruction &i, const Warp &w, int n, const uint8_t *local) {
  uint64_t value;
  std::memcpy(&value, local + *w.at<uint64_t>(i.o[n]), sizeof value);
  return value;
}
template <class T> void set_result(const Instruction &i, const Warp &w, int n, uint8_t *local, T value) {
  std::memcpy(local + *w.at<uint64_t>(i.o[n]), &value, sizeof value);
}

}  // namespace vgpu
