// Waits at mbarriers that end late, in other ways than one may think, or never.
#include "core_test.h"
#include <algorithm>

using namespace core_test;

namespace {

// %r1 = thread, %r2 = its warp, %r3 = its lane, %p1 = warp 0, %p4 = the lower half of a warp; %r4 is stored. An mbarrier at b.
std::string kernel(const std::string &body, int arrivals) {
  return module_text(
      ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .pred %p<10>; .reg .b32 %r<20>; .reg .f32 %f<4>; .reg .b64 %rd<20>;\n"
      ".shared .align 8 .b64 b[4];\n.shared .b32 word[64];\n"
      "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\nand.b32 %r3, %r1, 31;\n"
      "mul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd2, %rd2, %rd3;\nmov.u32 %r4, 0;\nmov.u32 %r5, 0;\nsetp.eq.s32 %p1, %r2, 0;\n"
      "setp.lt.u32 %p4, %r3, 16;\nsetp.eq.s32 %p9, %r1, 0;\n@%p9 mbarrier.init.shared.b64 [b], " +
      std::to_string(arrivals) + ";\nbar.sync 0;\n" + body + "\nst.global.u32 [%rd2], %r4;\nret;\n}\n");
}

std::string run(const std::string &text, uint32_t want = 0) {
  auto module = load(text);
  if (!module) return "refused";
  Buffer in(256), out(256);
  const Outcome o = launch(*module, "t", 1, 64, Arguments().add(in).add(out));
  for (uint32_t t = 0; !o.found && t < 64; ++t)
    if (out.as<uint32_t>()[t] != want) return "thread " + std::to_string(t) + " has " + std::to_string(out.as<uint32_t>()[t]);
  return found(o);
}

const std::string kWait = "W:\nmbarrier.test_wait.parity.shared.b64 %p2, [b], 0;\n@!%p2 bra W;\n";
const std::string kArrive = "mbarrier.arrive.shared.b64 %rd10, [b];\n";

// Warp 0 tries 40,000 times, with `more` each time, before it arrives; warp 1 only waits.
std::string tries(const std::string &more, const std::string &other) {
  return kernel("@!%p1 bra OTHER;\nTRY:\nmbarrier.test_wait.parity.shared.b64 %p2, [b], 0;\n@%p2 bra JOIN;\n" + more +
                    "@%p3 bra TRY;\nbra.uni JOIN;\nOTHER:\n" + other + "JOIN:\n" + kArrive + kWait + "mov.u32 %r4, 5;\n",
                64);
}

}  // namespace

TEST(many_tries_are_no_hang) {
  const std::string counted = "add.s32 %r5, %r5, 1;\nsetp.lt.u32 %p3, %r5, 40000;\n";
  expect(run(tries(counted, ""), 5) == "clean", "a register counts");
  // The counter is in memory, and its register is used for something else at once.
  const std::string memory =
      "ld.shared.u32 %r6, [word];\nadd.s32 %r6, %r6, 1;\nst.shared.u32 [word], %r6;\nsetp.lt.u32 %p3, %r6, 40000;\nmov.u32 %r6, 0;\n";
  settings().initialized = false;
  const std::string text = tries(memory, "");
  const size_t at = text.find("bar.sync 0;\n");
  expect(run(std::string(text).insert(at, "@%p9 st.shared.u32 [word], 0;\n"), 5) == "clean", "a word of shared memory counts");
  settings() = {};
  // Both pass an ordinary barrier after each try.
  const std::string both = "bar.sync 1, 64;\n" + counted;
  expect(run(tries(both, "O:\n" + both + "@%p3 bra O;\n"), 5) == "clean", "a barrier after each try");
}

TEST(lanes_behind_a_barrier_of_their_warp) {
  // The lower half of warp 1 waits for all, the upper half is still to arrive for warp 0.
  const std::string text = kernel(
      "@%p1 bra ZERO;\n@!%p4 bra UPPER;\nbarrier.sync 1, 64;\nUPPER:\n@!%p4 mbarrier.arrive.shared.b64 %rd10, [b];\n"
      "@!%p4 barrier.sync 1, 64;\nbra.uni END;\nZERO:\n" +
          kWait + "barrier.sync 1, 64;\nEND:\nmov.u32 %r4, 7;\n",
      16);
  expect(run(text, 7) == "clean", run(text, 7));
}

TEST(a_hang_is_where_the_test_is) {
  // The multiply-add goes down behind the test.
  const std::string text = kernel(
      "mov.f32 %f1, 0f3F800000;\nW:\nfma.rn.f32 %f2, %f1, %f1, %f1;\nmbarrier.test_wait.parity.shared.b64 %p2, [b], 0;\n"
      "add.s32 %r5, %r5, 0;\nfma.rn.f32 %f1, %f2, 0f00000000, %f1;\n@!%p2 bra W;\n",
      64);
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(text.find("mbarrier.test_wait")), '\n');
  const std::string now = run(text);
  const std::string place = "PTX line " + std::to_string(line);
  expect(contains(now, "hang") && now.find(place) < now.find("waits for what cannot come"), place + " is not in: " + now);
}

TEST(arrivals_that_are_wrong) {
  const std::string many = run(
      kernel("@!%p1 bra END;\nL:\ncp.async.mbarrier.arrive.noinc.shared.b64 [b];\nadd.s32 %r5, %r5, 1;\nsetp.lt.u32 %p3, %r5, 33000;\n@%p3 "
             "bra L;\nEND:\n",
             64));
  expect(contains(many, "bad-instruction") && contains(many, "has a copy arrive at the mbarrier") && contains(many, "at most 1048575"),
         many);
  const std::string parity = run(kernel("mbarrier.test_wait.parity.shared.b64 %p2, [b], 2;\n", 64));
  expect(contains(parity, "bad-instruction") && contains(parity, "for parity 2; there are 0 and 1"), parity);
  settings().budget = 1000;
  const std::string budget = run(kernel("L:\nbra L;\n" + kWait, 64));
  expect(!contains(budget, ";") && contains(budget, "a wait for something that cannot come"), budget);
}
