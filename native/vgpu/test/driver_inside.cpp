// The scheduler and the ordering check from inside: what no sequence of driver calls can make happen, and their cost.
#include <chrono>
#include <cstdio>
#include <cstring>

#include "driver/findings.h"
#include "driver/ordering.h"
#include "driver/state.h"
#include "test/harness.h"

using namespace vgpu;

static Accessor accessor(uint32_t chain, uint64_t sequence) {
  return {chain, sequence, std::make_shared<const std::string>("node " + std::to_string(sequence))};
}

TEST(clocks) {
  Clock a, b;
  a.add(1, 5);
  b.add(1, 3);
  b.add(7, 4);
  a.join(b);
  CHECK(a.covers(1, 5) && !a.covers(1, 6) && a.covers(7, 4) && !a.covers(7, 5) && !a.covers(2, 1));
  a.raise(4);
  CHECK(a.covers(2, 4) && !a.covers(2, 5) && a.seen.size() == 1);
}

// Circular waits can't be made through the driver functions, as a wait takes a record that was issued before it.
TEST(a_circle_ends_with_a_hang) {
  Context context;
  for (StreamOrder order : {StreamOrder::fifo, StreamOrder::lazy, StreamOrder::random, StreamOrder::delay, StreamOrder::latest_first}) {
    settings().streams = order;
    forget_findings();
    context.sticky = CUDA_SUCCESS;
    std::shared_ptr<Node> nodes[2];
    for (uint32_t i = 0; i < 2; ++i) {
      nodes[i] = std::make_shared<Node>();
      nodes[i]->context = &context;
      nodes[i]->chain = nodes[i]->lane = i;
      nodes[i]->who = std::make_shared<const std::string>("event wait in stream " + std::to_string(i));
      Driver::get().scheduler.submit(nodes[i], {});
    }
    nodes[0]->needs.push_back(nodes[1]);
    nodes[1]->needs.push_back(nodes[0]);
    Driver::get().scheduler.finish({nodes[1]});
    CHECK(context.sticky == CUDA_ERROR_LAUNCH_TIMEOUT);
    CHECK(Driver::get().scheduler.size() == 0);
    auto all = findings();
    CHECK(all.size() == 1 && all[0].kind == FindingKind::hang);
    CHECK(all[0].text.find("event wait in stream 0 waits for event wait in stream 1") != std::string::npos);
  }
  settings().streams = StreamOrder::fifo;
  Driver::get().chain_ends.clear();
  forget_findings();
}

TEST(conflicts_are_exact) {
  Allocation allocation;
  allocation.bytes = 1000;
  allocation.label = "allocation 0";
  std::vector<Conflict> found;
  Clock nothing, after_first;
  after_first.add(1, 1);
  note_range(allocation, 0, 256, true, accessor(1, 1), nothing, found);
  note_range(allocation, 256, 744, true, accessor(2, 2), nothing, found);
  CHECK(found.empty());  // other blocks
  note_range(allocation, 0, 256, false, accessor(3, 3), after_first, found);
  CHECK(found.empty());  // ordered
  note_range(allocation, 0, 300, false, accessor(4, 4), after_first, found);
  CHECK(found.size() == 1 && found[0].offset == 256 && found[0].blocks == 1 && found[0].earlier_wrote && !found[0].later_writes);
  found.clear();
  note_range(
      allocation, 600, 4, true, accessor(5, 5),
      [] {
    Clock c;
    c.raise(4);
    return c;
      }(),
      found);
  note_range(
      allocation, 604, 4, true, accessor(6, 6),
      [] {
    Clock c;
    c.raise(4);
    return c;
      }(),
      found);
  CHECK(found.empty());  // neighbours within a block
  note_range(
      allocation, 607, 4, false, accessor(7, 7),
      [] {
    Clock c;
    c.raise(5);
    return c;
      }(),
      found);
  CHECK(found.size() == 1 && *found[0].earlier == "node 6");
  found.clear();
  note_range(allocation, 100, 1, true, accessor(1, 8), after_first, found);
  CHECK(found.size() == 2 && !found[0].earlier_wrote && !found[1].earlier_wrote);  // both readers
  found.clear();
  Access both{{{3}}, {{3}}};  // one node reads and writes the same blocks
  Clock all;
  all.raise(8);
  note_blocks(allocation, both, accessor(9, 9), all, found);
  note_blocks(allocation, both, accessor(9, 9), all, found);
  CHECK(found.empty());
}

// A launch over a quarter of a gigabyte, every other block, many times over: seconds would make the tests useless.
TEST(a_large_launch_is_cheap) {
  Allocation allocation;
  allocation.bytes = size_t(250) << 20;
  std::vector<Conflict> found;
  Access access;
  size_t words = allocation.bytes / kBlock / 64;
  access.reads.words.assign(words, 0x5555555555555555u);
  access.writes.words.assign(words, 0xaaaaaaaaaaaaaaaau);
  auto begin = std::chrono::steady_clock::now();
  Clock clock;
  for (uint64_t i = 1; i <= 20; ++i) {
    clock.add(uint32_t(i % 3), i);
    note_blocks(allocation, access, accessor(uint32_t(i % 3), i), clock, found);
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(found.empty());
#if defined(DUET_SANITIZER)
  const double most = 60;
#else
  const double most = 2;
#endif
  CHECK(seconds < most);  // 20 launches; about 0.15 in truth
  if (seconds >= most) printf("20 launches took %.2f s\n", seconds);
}

// Thousands of small accesses at different places: the states of the blocks are swept.
TEST(states_do_not_pile_up) {
  Allocation allocation;
  allocation.bytes = 1 << 20;
  std::vector<Conflict> found;
  Clock clock;
  for (uint64_t i = 1; i <= 200000; ++i) {
    clock.add(1, i);
    note_range(allocation, (i * 7919 % 4096) * kBlock, kBlock, i % 2, accessor(1, i), clock, found);
  }
  CHECK(found.empty());
}

int main(int count, char **arguments) {
  return harness::main(count, arguments, [] {});
}
