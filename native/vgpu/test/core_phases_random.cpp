// Random programs of several warps that meet at phases of mbarriers and use a few words of shared memory, as core_barriers_random.cpp has
// them at barriers: whether two accesses are ordered must be what reachability says, in every order of warps.
#include "core_test.h"
#include <bitset>

using namespace core_test;

namespace {

constexpr uint32_t kWarps = 4, kWords = 4, kMost = 400, kMeetings = 40;
using Set = std::bitset<kMost>;

struct Access {
  uint32_t warp, word;
  bool write;
  size_t node;
};
struct Barrier {  // an mbarrier after its last phase so far
  uint32_t phases, arriving, waiting;
};

class Program {
 public:
  Program(std::mt19937_64 &random, int steps) : random_(random) {
    for (size_t &n : last_) n = node({});
    for (int n = 0; n < steps; ++n) {
      if (below(3) == 0) meet();
      else access();
    }
  }
  bool races() const { return races_; }
  std::string text() const {
    std::string all =
        ".visible .entry t(.param .u64 in)\n{\n.reg .pred %p<9>; .reg .b32 %r<9>; .reg .b64 %rd<9>;\n.shared .align 16 .b8 tile[64];\n"
        ".shared .align 8 .b64 b[" +
        std::to_string(kMeetings) +
        "];\nld.param.u64 %rd1, [in];\nmov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\n"
        "and.b32 %r5, %r1, 31;\nsetp.eq.s32 %p3, %r5, 0;\nmov.u32 %r3, 0;\nsetp.eq.s32 %p1, %r1, 0;\n";
    for (uint32_t w = 0; w < kWords; ++w) all += "@%p1 st.shared.u32 [tile+" + std::to_string(4 * w) + "], %r3;\n";
    for (size_t n = 0; n < barriers_.size(); ++n)
      all += "@%p1 mbarrier.init.shared.b64 " + place(n) + ", " + std::to_string(32 * __builtin_popcount(barriers_[n].arriving)) + ";\n";
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
  std::vector<Barrier> barriers_;
  int labels_ = 0;
  bool races_ = false;

  static std::string place(size_t barrier) { return "[b+" + std::to_string(8 * barrier) + "]"; }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  size_t node(const std::vector<size_t> &predecessors) {
    Set set;
    for (size_t p : predecessors) set |= before_[p], set.set(p);
    before_.push_back(set);
    return before_.size() - 1;
  }

  void access() {
    if (before_.size() + 1 >= kMost) return;
    const Access a{below(kWarps), below(kWords), below(2) == 0, before_.size()};
    const Set &past = before_[last_[a.warp]];
    bool unordered = false;
    for (const Access &b : accesses_)
      unordered |= b.warp != a.warp && b.word == a.word && (a.write || b.write) && !past[b.node] && b.node != last_[a.warp];
    if (unordered && below(20)) return;  // few races, so that many programs have none
    races_ |= unordered;
    last_[a.warp] = node({last_[a.warp]});
    accesses_.push_back(a);
    const std::string at = "[tile+" + std::to_string(4 * a.word) + "]";
    text_[a.warp] += a.write ? "st.shared.u32 " + at + ", %r3;\n" : "ld.shared.u32 %r4, " + at + ";\n";
  }

  // A phase: a new mbarrier's first, or the next of one whose last phase all that arrive now have waited for.
  void meet() {
    if (before_.size() + 3 * kWarps >= kMost) return;
    size_t chosen = barriers_.size();
    for (size_t n = 0; n < barriers_.size(); ++n)
      if ((barriers_[n].arriving & ~barriers_[n].waiting) == 0 && below(2)) chosen = n;
    if (chosen == barriers_.size()) {
      if (chosen == kMeetings) return;
      barriers_.push_back({0, 1 + below((1 << kWarps) - 1), 0});
    }
    Barrier &b = barriers_[chosen];
    const std::string at = place(chosen);
    std::vector<size_t> arrivals;
    for (uint32_t w = 0; w < kWarps; ++w) {
      if (!(b.arriving >> w & 1)) continue;
      arrivals.push_back(last_[w] = node({last_[w]}));
      switch (below(4)) {
        case 0: text_[w] += "@%p3 mbarrier.arrive.shared.b64 _, " + at + ", 32;\n"; break;
        case 1: text_[w] += "cp.async.mbarrier.arrive.noinc.shared.b64 " + at + ";\n"; break;
        case 2: text_[w] += "cp.async.mbarrier.arrive.shared.b64 " + at + ";\n"; [[fallthrough]];
        default: text_[w] += "mbarrier.arrive.shared.b64 %rd2, " + at + ";\n";
      }
    }
    // By parity only those that have seen the phase before, or the first. Whoever arrives in none may come late, when the parity is that of
    // the next but one, so where such a warp has waited there is no further phase.
    b.waiting = 0;
    for (uint32_t w = 0; w < kWarps; ++w) {
      const bool arrives = b.arriving >> w & 1;
      if ((!arrives && b.phases) || !below(arrives ? 3 : 2)) continue;
      b.waiting |= 1u << w;
      std::vector<size_t> after = arrivals;
      after.push_back(last_[w]);
      last_[w] = node(after);
      const std::string label = "L" + std::to_string(++labels_);
      text_[w] += label + ":\nmbarrier.test_wait.parity.shared.b64 %p2, " + at + ", " + std::to_string(b.phases & 1) + ";\n@!%p2 bra " +
                  label + ";\n";
    }
    ++b.phases;
    if (b.waiting & ~b.arriving) b.waiting = 0;
  }
};

}  // namespace

TEST(races_at_random_phases_are_those_of_reachability) {
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
      Buffer in(4);
      Outcome o = launch(*module, "t", 1, 32 * kWarps, Arguments().add(in));
      const bool found_race = o.found && o.kind == FindingKind::shared_race;
      if (o.found != program.races() || found_race != program.races())
        return fail("program " + std::to_string(programs) + (program.races() ? " races" : " does not race") + ": " + found(o) + "\n" +
                    program.text());
    }
  }
  expect(racing > programs / 10 && racing < programs * 9 / 10,
         std::to_string(racing) + " of " + std::to_string(programs) + " programs race");
}
