// Random programs of several warps that meet at phases of mbarriers.
#include "core_random.h"

using namespace core_test;

namespace {

constexpr uint32_t kWarps = 4, kMeetings = 40;

struct Barrier {  // an mbarrier after its last phase so far
  uint32_t phases, arriving, waiting;
};

class Program final : public RandomProgram {
 public:
  Program(std::mt19937_64 &random, int steps) : RandomProgram(random, kWarps, false) { write(steps); }

  std::string text() const override {
    std::string all =
        ".visible .entry t(.param .u64 in)\n{\n.reg .pred %p<9>; .reg .b32 %r<9>; .reg .b64 %rd<9>;\n.shared .align 16 .b8 tile[64];\n"
        ".shared .align 8 .b64 b[" +
        std::to_string(kMeetings) +
        "];\nld.param.u64 %rd1, [in];\nmov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\n"
        "and.b32 %r5, %r1, 31;\nsetp.eq.s32 %p3, %r5, 0;\nmov.u32 %r3, 0;\nsetp.eq.s32 %p1, %r1, 0;\n" +
        first_writes();
    for (size_t n = 0; n < barriers_.size(); ++n)
      all += "@%p1 mbarrier.init.shared.b64 " + place(n) + ", " + std::to_string(32 * __builtin_popcount(barriers_[n].arriving)) + ";\n";
    return module_text(all + "bar.sync 0;\n" + body() + "}\n");
  }

 private:
  std::vector<Barrier> barriers_;
  int labels_ = 0;

  static std::string place(size_t barrier) { return "[b+" + std::to_string(8 * barrier) + "]"; }

  // A phase: a new mbarrier's first, or the next of one whose last phase all that arrive now have waited for.
  void meet() override {
    if (!room(3 * kWarps)) return;
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
  expect_reachability(random, [&](int steps) { return Program(random, steps); });
}
