// Random programs of several warps that meet at barriers and use a few words of shared memory. Whether two accesses are ordered is worked
// out a second time, by reachability, and must agree with what the virtual GPU finds, in every order of warps.
#include "core_test.h"
#include <bitset>

using namespace core_test;

namespace {

constexpr uint32_t kWarps = 5, kWords = 4, kMost = 400;
using Set = std::bitset<kMost>;

struct Access {
  uint32_t warp, word, kind;  // 0 read, 1 write, 2 atomic
  size_t node;
};

class Program {
 public:
  Program(std::mt19937_64 &random, int steps) : random_(random) {
    for (uint32_t w = 0; w < kWarps; ++w) last_[w] = node({});
    for (int n = 0; n < steps; ++n) {
      if (below(3) == 0) meet();
      else access();
    }
  }
  bool races() const { return races_; }

  std::string text() const {
    std::string all =
        ".visible .entry t(.param .u64 unused)\n{\n.reg .pred %p<9>; .reg .b32 %r<9>;\n.shared .align 16 .b8 tile[64];\n"
        "mov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\nmov.u32 %r3, 0;\nsetp.eq.s32 %p1, %r2, 0;\n";
    for (uint32_t w = 0; w < kWords; ++w) all += "@%p1 st.shared.u32 [tile+" + std::to_string(4 * w) + "], %r3;\n";
    all += "bar.sync 0;\n";
    for (uint32_t w = 0; w < kWarps; ++w) all += "setp.eq.s32 %p1, %r2, " + std::to_string(w) + ";\n@%p1 bra W" + std::to_string(w) + ";\n";
    for (uint32_t w = 0; w < kWarps; ++w) all += "W" + std::to_string(w) + ":\n" + text_[w] + "ret;\n";
    return module_text(all + "}\n");
  }

 private:
  std::mt19937_64 &random_;
  std::vector<Set> before_;  // of each node, those that it comes after
  size_t last_[kWarps];
  std::string text_[kWarps];
  std::vector<Access> accesses_;
  uint32_t next_barrier_ = 1;  // each is used once, so that no order of warps mixes two meetings up
  bool races_ = false;

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  size_t node(const std::vector<size_t> &predecessors) {
    Set set;
    for (size_t p : predecessors) set |= before_[p], set.set(p);
    before_.push_back(set);
    return before_.size() - 1;
  }

  void access() {
    if (before_.size() + 1 >= kMost) return;
    const Access a{below(kWarps), below(kWords), below(3), before_.size()};
    const Set &past = before_[last_[a.warp]];
    bool unordered = false;
    for (const Access &b : accesses_)
      unordered |= b.warp != a.warp && b.word == a.word && (a.kind || b.kind) && !(a.kind == 2 && b.kind == 2) && !past[b.node] &&
                   b.node != last_[a.warp];
    if (unordered && below(20)) return;  // few races, so that many programs have none
    races_ |= unordered;
    last_[a.warp] = node({last_[a.warp]});
    accesses_.push_back(a);
    const std::string at = "[tile+" + std::to_string(4 * a.word) + "]";
    text_[a.warp] += a.kind == 0   ? "ld.shared.u32 %r4, " + at + ";\n"
                     : a.kind == 1 ? "st.shared.u32 " + at + ", %r3;\n"
                                   : "red.shared.add.u32 " + at + ", 0;\n";
  }

  void meet() {
    if (before_.size() + 2 * kWarps >= kMost) return;
    const bool whole = next_barrier_ > 15 || below(5) == 0;
    uint32_t members = 0;
    while (!members) members = whole ? (1 << kWarps) - 1 : below(1 << kWarps);
    const std::string count = std::to_string(32 * __builtin_popcount(members)), id = std::to_string(next_barrier_);
    std::vector<size_t> arrivals;
    uint32_t waiting = 0;
    for (uint32_t w = 0; w < kWarps; ++w) {
      if (!(members >> w & 1)) continue;
      arrivals.push_back(last_[w] = node({last_[w]}));
      const bool waits = whole || below(2);
      waiting |= static_cast<uint32_t>(waits) << w;
      text_[w] += whole ? "bar.sync 0;\n"
                        : (below(2) ? "bar" : "barrier") + std::string(waits ? ".sync " : ".arrive ") + id + ", " + count + ";\n";
    }
    for (uint32_t w = 0; w < kWarps; ++w)
      if (waiting >> w & 1) last_[w] = node(arrivals);
    if (!whole) ++next_barrier_;
  }
};

}  // namespace

TEST(races_at_random_barriers_are_those_of_reachability) {
  auto random = harness::generator();
  int racing = 0, programs = 0;
  for (; programs < 400; ++programs) {
    const Program program(random, 10 + static_cast<int>(random() % 60));
    racing += program.races();
    auto module = load(program.text());
    if (!module) return;
    for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse, WarpOrder::random, WarpOrder::one_warp_far}) {
      settings().warps = order;
      settings().seed = random();
      Outcome o = launch(*module, "t", 1, 32 * kWarps, Arguments().add(uint64_t(0)));
      const bool found_race = o.found && o.kind == FindingKind::shared_race;
      if (o.found != program.races() || found_race != program.races())
        return fail("program " + std::to_string(programs) + (program.races() ? " races" : " does not race") + ": " + found(o) + "\n" +
                    program.text());
    }
  }
  expect(racing > programs / 10 && racing < programs * 9 / 10,
         std::to_string(racing) + " of " + std::to_string(programs) + " programs race");
}
