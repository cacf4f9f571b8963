// What random programs of several warps that use a few words of shared memory have in common: which accesses are ordered is worked out by
// reachability, and must agree with what the virtual GPU finds, in every order of warps.
#pragma once
#include "core_test.h"
#include <bitset>

namespace core_test {

class RandomProgram {
 public:
  virtual ~RandomProgram() = default;
  bool races() const { return races_; }
  virtual std::string text() const = 0;  // a kernel t with a pointer to four bytes
  uint32_t warps() const { return static_cast<uint32_t>(last_.size()); }

 protected:
  static constexpr uint32_t kWords = 4, kMostNodes = 400;
  enum Kind : uint32_t { kRead, kWrite, kAtomic };

  // atomics: whether accesses may be such.
  RandomProgram(std::mt19937_64 &random, uint32_t warps, bool atomics) : random_(random), text_(warps), last_(warps), atomics_(atomics) {
    for (size_t &n : last_) n = node({});
  }
  // So many accesses, or meetings of warps instead.
  void write(int steps) {
    for (int n = 0; n < steps; ++n) {
      if (below(3) == 0) meet();
      else access();
    }
  }
  virtual void meet() = 0;

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool room(size_t nodes) const { return before_.size() + nodes < kMostNodes; }
  size_t node(const std::vector<size_t> &predecessors) {
    Set set;
    for (size_t p : predecessors) set |= before_[p], set.set(p);
    before_.push_back(set);
    return before_.size() - 1;
  }
  // With %r2 = the warp: each does its own.
  std::string body() const {
    std::string all;
    for (uint32_t w = 0; w < warps(); ++w)
      all += "setp.eq.s32 %p1, %r2, " + std::to_string(w) + ";\n@%p1 bra W" + std::to_string(w) + ";\n";
    for (uint32_t w = 0; w < warps(); ++w) all += "W" + std::to_string(w) + ":\n" + text_[w] + "ret;\n";
    return all;
  }
  // With %r3 = 0, and %p1 true for whoever writes the words first.
  static std::string first_writes() {
    std::string all;
    for (uint32_t w = 0; w < kWords; ++w) all += "@%p1 st.shared.u32 [tile+" + std::to_string(4 * w) + "], %r3;\n";
    return all;
  }

  std::mt19937_64 &random_;
  std::vector<std::string> text_;  // of each warp
  std::vector<size_t> last_;       // its last node

 private:
  using Set = std::bitset<kMostNodes>;
  struct Access {
    uint32_t warp, word, kind;
    size_t node;
  };
  std::vector<Set> before_;  // of each node, those that it comes after
  std::vector<Access> accesses_;
  bool atomics_, races_ = false;

  void access() {
    if (!room(1)) return;
    const Access a{below(warps()), below(kWords), below(atomics_ ? 3 : 2), before_.size()};
    const Set &past = before_[last_[a.warp]];
    bool unordered = false;
    for (const Access &b : accesses_)
      unordered |= b.warp != a.warp && b.word == a.word && (a.kind || b.kind) && !(a.kind == kAtomic && b.kind == kAtomic) &&
                   !past[b.node] && b.node != last_[a.warp];
    if (unordered && below(20)) return;  // few races, so that many programs have none
    races_ |= unordered;
    last_[a.warp] = node({last_[a.warp]});
    accesses_.push_back(a);
    const std::string at = "[tile+" + std::to_string(4 * a.word) + "]";
    text_[a.warp] += a.kind == kRead    ? "ld.shared.u32 %r4, " + at + ";\n"
                     : a.kind == kWrite ? "st.shared.u32 " + at + ", %r3;\n"
                                        : "red.shared.add.u32 " + at + ", 0;\n";
  }
};

// 400 programs in all orders of warps; make(steps) makes one.
template <class Make> void expect_reachability(std::mt19937_64 &random, Make make) {
  int racing = 0, programs = 0;
  for (; programs < 400; ++programs) {
    const auto program = make(10 + static_cast<int>(random() % 60));
    racing += program.races();
    auto module = load(program.text());
    if (!module) return;
    for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse, WarpOrder::random, WarpOrder::one_warp_far}) {
      settings().warps = order;
      settings().seed = random();
      Buffer in(4);
      Outcome o = launch(*module, "t", 1, 32 * program.warps(), Arguments().add(in));
      const bool found_race = o.found && o.kind == FindingKind::shared_race;
      if (o.found != program.races() || found_race != program.races())
        return fail("program " + std::to_string(programs) + (program.races() ? " races" : " does not race") + ": " + found(o) + "\n" +
                    program.text());
    }
  }
  expect(racing > programs / 10 && racing < programs * 9 / 10,
         std::to_string(racing) + " of " + std::to_string(programs) + " programs race");
}

}  // namespace core_test
