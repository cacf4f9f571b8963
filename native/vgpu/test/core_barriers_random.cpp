// Random programs of several warps that meet at barriers.
#include "core_random.h"

using namespace core_test;

namespace {

constexpr uint32_t kWarps = 5;

class Program final : public RandomProgram {
 public:
  Program(std::mt19937_64 &random, int steps) : RandomProgram(random, kWarps, true) { write(steps); }

  std::string text() const override {
    return module_text(
        ".visible .entry t(.param .u64 unused)\n{\n.reg .pred %p<9>; .reg .b32 %r<9>;\n.shared .align 16 .b8 tile[64];\n"
        "mov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\nmov.u32 %r3, 0;\nsetp.eq.s32 %p1, %r2, 0;\n" +
        first_writes() + "bar.sync 0;\n" + body() + "}\n");
  }

 private:
  uint32_t next_barrier_ = 1;  // each is used once, so that no order of warps mixes two meetings up

  void meet() override {
    if (!room(2 * kWarps)) return;
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
  expect_reachability(random, [&](int steps) { return Program(random, steps); });
}
