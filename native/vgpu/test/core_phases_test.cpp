// mbarrier: results in all orders of warps, what is ordered by phases, copies that arrive, and a bug for each finding.
#include "core_test.h"

using namespace core_test;

namespace {

// %r1 = thread, %r2 = its warp, %r3 = its lane, %r9 = its word of the shared memory `tile`, %rd4 and %rd5 = its words of `in` and `out`,
// %p1 = warp 0. Thread 0 has initialised the mbarriers at b and b+8 with these counts.
std::string kernel(const std::string &body, const std::string &counts) {
  std::string init;
  size_t at = 0;
  for (size_t from = 0; from < counts.size();
       from = counts.find(' ', from) == std::string::npos ? counts.size() : counts.find(' ', from) + 1)
    init += "@%p9 mbarrier.init.shared.b64 [b+" + std::to_string(8 * at++) + "], " + counts.substr(from, counts.find(' ', from) - from) +
            ";\n";
  return module_text(
      ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .pred %p<10>; .reg .b32 %r<30>; .reg .b64 %rd<20>;\n"
      ".shared .align 16 .b8 tile[2048];\n.shared .align 8 .b64 b[4];\n"
      "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\nand.b32 %r3, %r1, 31;\n"
      "mul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd4, %rd1, %rd3;\nadd.s64 %rd5, %rd2, %rd3;\nmov.u32 %r8, tile;\nshl.b32 %r7, %r1, 2;\n"
      "add.s32 %r9, %r8, %r7;\nsetp.eq.s32 %p1, %r2, 0;\nsetp.eq.s32 %p9, %r1, 0;\n" +
      init + "bar.sync 0;\n" + body + "\nret;\n}\n");
}

void run_all(const std::string &title, const std::string &text, uint32_t threads, const std::string &kind, std::vector<std::string> parts,
             uint32_t (*want)(uint32_t)) {
  auto module = load(text);
  if (!module) return;
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse, WarpOrder::one_warp_far, WarpOrder::random}) {
    for (uint64_t seed = 0; seed < (order == WarpOrder::random ? 5 : 1); ++seed) {
      settings().warps = order;
      settings().seed = seed;
      Buffer in(threads * 4), out(threads * 4);
      for (uint32_t t = 0; t < threads; ++t) in.as<uint32_t>()[t] = 1000 + t;
      Outcome o = launch(*module, "t", 3, threads, Arguments().add(in).add(out));
      const std::string now = found(o);
      const size_t either = kind.find(" or ");
      const bool right = now.compare(0, std::min(kind.size(), either), kind, 0, either) == 0 ||
                         (either != std::string::npos && now.compare(0, kind.size() - either - 4, kind, either + 4) == 0);
      expect(right, title + ": " + now + " instead of " + kind);
      for (const std::string &part : parts) expect(contains(now, part), title + ": \"" + part + "\" is not in: " + now);
      if (want && !expect_results(out, threads, want, title)) return;
    }
  }
  settings().warps = WarpOrder::round_robin;
  settings().seed = 0;
}

// With 64 threads, in all orders of warps and with several seeds: this finding ("clean" for none, "one or another" where it depends on the
// order), these parts of its text, these results.
void check(const std::string &title, const std::string &counts, const std::string &body, const std::string &kind,
           std::vector<std::string> parts = {}, uint32_t (*want)(uint32_t) = nullptr) {
  run_all(title, kernel(body, counts), 64, kind, parts, want);
}

// Polls until the phase of this state (or parity) is complete.
std::string wait(const std::string &at = "b", const std::string &state = "%rd10", const std::string &form = "test_wait") {
  static int label = 0;
  const std::string l = "W" + std::to_string(++label);
  return l + ":\nmbarrier." + form + ".shared.b64 %p2, [" + at + "], " + state + ";\n@!%p2 bra " + l + ";\n";
}
std::string wait_parity(const std::string &at, const std::string &parity) { return wait(at, parity, "test_wait.parity"); }

const std::string kArrive = "mbarrier.arrive.shared.b64 %rd10, [b];\n";
const std::string kWrite = "st.shared.u32 [%r9], %r1;\n", kResult = "st.global.u32 [%rd5], %r4;\n";
const std::string kReadOther = "xor.b32 %r5, %r9, 128;\nld.shared.u32 %r4, [%r5];\n";  // of the warp beside
uint32_t other(uint32_t t) { return t ^ 32; }

// Warp 1 fills 32 words eight times, warp 0 adds them up. b: full, b+8: empty.
struct HandOver {
  std::string wait_full = wait_parity("b", "%r11"), wait_empty = wait_parity("b+8", "%r12");
  std::string full = "mbarrier.arrive.shared.b64 %rd10, [b];\n", empty = "mbarrier.arrive.release.cta.shared::cta.b64 %rd10, [b+8];\n";
  std::string write = "mad.lo.s32 %r6, %r10, 100, %r1;\nst.shared.u32 [%r5], %r6;\n";
  std::string text() const {
    const std::string next = "xor.b32 %r11, %r11, 1;\nxor.b32 %r12, %r12, 1;\nadd.s32 %r10, %r10, 1;\nsetp.lt.s32 %p3, %r10, 8;\n";
    return "mov.u32 %r10, 0;\nmov.u32 %r4, 0;\nmov.u32 %r11, 0;\nmov.u32 %r12, 1;\nshl.b32 %r5, %r3, 2;\nadd.s32 %r5, %r5, %r8;\n"
           "@%p1 bra CONSUME;\nPRODUCE:\n" +
           wait_empty + write + full + next + "@%p3 bra PRODUCE;\nbra.uni END;\nCONSUME:\n" + wait_full +
           "ld.shared.u32 %r6, [%r5];\nadd.s32 %r4, %r4, %r6;\n" + empty + next + "@%p3 bra CONSUME;\nEND:\n" + kResult;
  }
};

}  // namespace

TEST(phases_hand_over) {
  auto sum = [](uint32_t t) { return t < 32 ? 8 * (t + 32) + 2800 : 0u; };
  HandOver h;
  check("handing over", "32 32", h.text(), "clean", {}, sum);
  h.wait_full = wait("b", "%r11", "try_wait.parity.acquire.cta");
  check("try_wait", "32 32", h.text(), "clean", {}, sum);
  h = {};
  h.full = "setp.eq.s32 %p4, %r3, 7;\nbar.warp.sync -1;\n@%p4 mbarrier.arrive.shared.b64 %rd10, [b];\n";
  check("one lane arrives for all", "1 32", h.text(), "clean", {}, sum);
  const std::string generic = "cvta.shared.u64 %rd11, %rd12;\n";
  h = {};
  h.full = "mov.u64 %rd12, b;\n" + generic + "mbarrier.arrive.b64 %rd10, [%rd11];\n";
  check("generic addresses", "32 32", h.text(), "clean", {}, sum);
  h = {};
  h.full = "mov.u32 %r13, b;\nmbarrier.arrive.shared.b64 _, [%r13], 1;\n";
  check("32-bit addresses, counts, no state", "32 32", h.text(), "clean", {}, sum);
  h = {};
  h.write = "add.s64 %rd6, %rd4, 0;\ncp.async.ca.shared.global [%r5], [%rd6], 4;\n";
  h.full = "cp.async.mbarrier.arrive.noinc.shared.b64 [b];\n";
  auto copied = [](uint32_t t) { return t < 32 ? 8 * (t + 1032) : 0u; };
  check("copies arrive", "32 32", h.text(), "clean", {}, copied);
  h.full = "cp.async.mbarrier.arrive.shared::cta.b64 [b];\nmbarrier.arrive.shared.b64 %rd10, [b];\n";
  check("copies and threads arrive", "32 32", h.text(), "clean", {}, copied);

  h = {};
  h.wait_empty = h.write + h.wait_empty;
  h.write = "";
  check("written before it is empty", "32 32", h.text(), "shared-race", {"with no barrier between"});
  h = {};
  h.full = "";
  check(
      "nobody says that it is full", "32 32", h.text(), "hang",
      {"waits for what cannot come any more: warp 0 tests the mbarrier at shared address 0x800, in phase 0 with 32 arrivals to come of 32",
       "; warp 1 tests the mbarrier at shared address 0x808, in phase 0 with 32 arrivals to come of 32"});
}

TEST(phases_of_all_threads) {
  check("arrive and wait", "64", kWrite + kArrive + wait() + kReadOther + kResult, "clean", {}, other);
  check("with work between", "64", kWrite + kArrive + "mov.u32 %r4, %clock;\n" + wait() + kReadOther + kResult, "clean", {}, other);
  check("no wait", "64", "st.shared.u32 [%r9], 0;\nbar.sync 0;\n" + kWrite + kArrive + kReadOther, "shared-race",
        {"with no barrier between"});
  check("written after the arrival", "64", kWrite + kArrive + kWrite + wait() + kReadOther, "shared-race", {"with no barrier between"});
  check("one phase, then the other words", "64", kWrite + kArrive + wait() + kReadOther + kWrite, "shared-race");
  check("two phases", "64", kWrite + kArrive + wait() + kReadOther + kArrive + wait() + kWrite + kResult, "clean", {}, other);
  check("a phase and bar.sync", "64", kWrite + kArrive + wait() + kReadOther + "bar.sync 0;\n" + kWrite + "bar.sync 1, 64;\n" + kReadOther,
        "clean");
  // A warp that only tests.
  const std::string parted = "@%p1 bra A;\n" + kWrite + kArrive + "bra.uni B;\nA:\n" + wait_parity("b", "0") + kReadOther + "B:\n" +
                             kResult;
  check("who does not arrive may test", "32", parted, "clean", {}, [](uint32_t t) { return t < 32 ? t + 32 : 0u; });
  const std::string zeros = "st.shared.u32 [%r9], 0;\nbar.sync 0;\n";
  check("who does not test", "32", zeros + "@%p1 bra A;\n" + kWrite + kArrive + "bra.uni B;\nA:\n" + kReadOther + "B:\n", "shared-race",
        {"with no barrier between"});
  check("more arrive than are expected", "16", parted, "hang", {"in phase 2 with 16 arrivals to come of 16"});
  check("the other parity is of the phase before", "64",
        "mbarrier.test_wait.parity.shared.b64 %p3, [b], 1;\nselp.u32 %r4, 1, 0, %p3;\n" + kResult, "clean", {},
        [](uint32_t) { return 1u; });
  check("which says nothing of this one", "64",
        zeros + kWrite + kArrive + "mbarrier.test_wait.parity.shared.b64 %p2, [b], 1;\n" + kReadOther, "shared-race");
  // The halves of a warp, apart.
  const std::string halves = "setp.lt.u32 %p4, %r3, 16;\n" + kWrite;
  const std::string swapped = "xor.b32 %r5, %r9, 64;\nld.shared.u32 %r4, [%r5];\n" + kResult;
  check("one half of a warp waits for the other", "32",
        halves + "@%p4 bra A;\n" + wait_parity("b", "0") + "bra.uni B;\nA:\n" + kArrive + "B:\n" + swapped, "clean", {},
        [](uint32_t t) { return t ^ 16; });
  check("the other way round", "32", halves + "@%p4 bra A;\n" + kArrive + "bra.uni B;\nA:\n" + wait_parity("b", "0") + "B:\n" + swapped,
        "clean", {}, [](uint32_t t) { return t ^ 16; });
  check("for lanes behind the place where they meet", "32",
        halves + "@%p4 bra A;\n" + wait_parity("b", "0") + "A:\n@%p4 mbarrier.arrive.shared.b64 %rd10, [b];\n" + swapped, "clean", {},
        [](uint32_t t) { return t ^ 16; });
}

TEST(turns_end_with_a_test_in_vain) {
  const std::string halves = "setp.lt.u32 %p4, %r3, 16;\n@%p4 bra A;\n" + wait_parity("b", "0") + "bra.uni B;\nA:\n" + kArrive + "B:\n";
  for (const std::string &text : {kernel(halves, "32"), kernel(kArrive + wait(), "64"), kernel(HandOver().text(), "32 32")}) {
    auto module = load(text);
    if (!module) return;
    for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse}) {
      settings().warps = order;
      Buffer in(256), out(256);
      Outcome o = launch(*module, "t", 1, 64, Arguments().add(in).add(out));
      expect(!o.found && o.counters.warp_instructions < 600, std::to_string(o.counters.warp_instructions) + " instructions, " + found(o));
    }
  }
  settings() = {};
}

TEST(counts_of_phases) {
  const std::string read = "selp.u32 %r4, 1, 0, %p2;\n";
  // Warp 1 leaves after the first phase.
  const std::string drops = "@%p1 bra A;\nmbarrier.arrive_drop.shared.b64 %rd10, [b];\nbra.uni B;\nA:\n" + kArrive + wait() + kArrive +
                            wait() + kArrive + wait() + "mov.u32 %r4, 5;\nB:\n" + kResult;
  check("arrive_drop", "64", drops, "clean", {}, [](uint32_t t) { return t < 32 ? 5u : 0u; });
  check("without it", "64", "@%p1 bra A;\n" + kArrive + "bra.uni B;\nA:\n" + kArrive + wait() + kArrive + wait() + "B:\n", "hang",
        {"warp 0 tests the mbarrier at shared address 0x800, in phase 1 with 32 arrivals to come of 64 (PTX line "});
  check("drops of several", "66",
        "@%p9 mbarrier.arrive_drop.shared.b64 %rd11, [b], 2;\n" + kWrite + kArrive + wait() + kArrive + wait() + kReadOther + kResult,
        "clean", {}, other);
  const std::string open = "mbarrier.arrive.noComplete.shared.b64 %rd10, [b], 2;\n";
  check("noComplete", "192", kWrite + open + "mbarrier.arrive.shared.b64 %rd11, [b];\n" + wait("b", "%rd10") + kReadOther + kResult,
        "clean", {}, other);
  // The lanes come one after the other.
  const std::string counted = "mbarrier.pending_count.b64 %r4, %rd10;\nst.shared.u32 [%r9], %r4;\n";
  auto module = load(kernel("@!%p1 bra E;\n" + open + counted + kResult + "E:\n", "65"));
  if (!module) return;
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::random}) {
    settings().warps = order;
    for (settings().seed = 0; settings().seed < 4; ++settings().seed) {
      Buffer in(256), out(256);
      Outcome o = launch(*module, "t", 1, 64, Arguments().add(in).add(out));
      expect(!o.found, found(o));
      std::vector<uint32_t> counts(out.as<uint32_t>(), out.as<uint32_t>() + 32);
      std::sort(counts.begin(), counts.end());
      for (uint32_t n = 0; n < 32; ++n) expect(counts[n] == 3 + 2 * n, "pending_count gives " + std::to_string(counts[n]));
    }
  }
  settings() = {};
  check("dropped without completing", "67",
        "@%p9 mbarrier.arrive_drop.noComplete.shared.b64 %rd11, [b], 3;\n" + kWrite + kArrive + wait() + kArrive + wait() + kReadOther +
            kResult,
        "clean", {}, other);
  check("noComplete completes", "2", "@%p9 " + open, "bad-instruction", {"completes the phase of", "although it says .noComplete"});
  check("a count of another state", "64", kArrive + "mbarrier.pending_count.b64 %r4, %rd10;\n", "bad-instruction",
        {"of a state that no arrival with .noComplete gave"});
  check("more than are to come", "64", kArrive + "bar.sync 0;\n@%p9 mbarrier.arrive.shared.b64 %rd10, [b], 65;\n", "bad-instruction",
        {"gives 65 arrivals to the mbarrier at shared address 0x800, in phase 1 with 64 arrivals to come of 64: more than"});
  check("all dropped, and one more", "64", "mbarrier.arrive_drop.shared.b64 %rd10, [b];\n" + wait() + kArrive, "bad-instruction",
        {"more than are to come"});
  check("no arrival", "64", "mbarrier.arrive.shared.b64 %rd10, [b], 0;\n", "bad-instruction", {"gives an mbarrier 0 arrivals"});
  check("none expected", "64", "@%p9 mbarrier.init.shared.b64 [b+16], 0;\n", "bad-instruction", {"there must be 1 to 1048575"});
  check("too many expected", "64", "@%p9 mbarrier.init.shared.b64 [b+16], 1048576;\n", "bad-instruction", {"1048576 arrivals"});
  check("the most expected", "64", "@%p9 mbarrier.init.shared.b64 [b+16], 1048575;\n", "clean");
  check("one more for a copy", "1048575", "@%p9 cp.async.mbarrier.arrive.shared.b64 [b];\n", "bad-instruction", {"at most 1048575"});
}

TEST(copies_arrive) {
  const std::string copy = "cp.async.ca.shared.global [%r9], [%rd4], 4;\n", arrives = "cp.async.mbarrier.arrive.shared.b64 [b];\n";
  const std::string only = "cp.async.mbarrier.arrive.noinc.shared.b64 [b];\n";
  auto copied = [](uint32_t t) { return 1000 + (t ^ 32); };
  check("with the thread's arrival", "64", copy + arrives + kArrive + wait() + kReadOther + kResult, "clean", {}, copied);
  check("instead of it", "64", copy + only + wait_parity("b", "0") + kReadOther + kResult, "clean", {}, copied);
  check("twice", "128", copy + only + kArrive + wait() + kReadOther + kResult, "clean", {}, copied);
  check("without copies", "64", only + wait_parity("b", "0") + "mov.u32 %r4, 3;\n" + kResult, "clean", {}, [](uint32_t) { return 3u; });
  check("waited for by a group, too", "64", copy + arrives + "cp.async.wait_all;\n" + kArrive + wait() + kReadOther + kResult, "clean", {},
        copied);
  check("a group, and only then", "64", copy + only + "cp.async.wait_all;\n" + wait_parity("b", "0") + kReadOther + kResult, "clean", {},
        copied);
  check("two barriers", "64 64",
        copy + arrives + "cp.async.mbarrier.arrive.shared.b64 [b+8];\n" + kArrive + "mbarrier.arrive.shared.b64 %rd11, [b+8];\n" +
            wait("b+8", "%rd11") + kReadOther + kResult,
        "clean", {}, copied);
  check("only half of the lanes copy", "64",
        kWrite + "setp.lt.u32 %p4, %r3, 16;\n@%p4 " + copy + "@%p4 " + arrives + kArrive + wait() + kReadOther + kResult, "clean", {},
        [](uint32_t t) { return t & 16 ? t ^ 32 : 1000 + (t ^ 32); });
  check("two phases on their way", "32",
        "@!%p1 bra A;\n" + copy + only + "cp.async.ca.shared.global [%r9+512], [%rd4], 4;\n" + only + "bra.uni E;\nA:\n" +
            wait_parity("b", "0") + "ld.shared.u32 %r4, [%r9+-128];\n" + wait_parity("b", "1") +
            "ld.shared.u32 %r6, [%r9+384];\nadd.s32 %r4, %r4, %r6;\nE:\n" + kResult,
        "clean", {}, [](uint32_t t) { return t < 32 ? 0 : 2 * (1000 + t - 32); });
  check("the second read after the first", "32",
        "@!%p1 bra A;\n" + copy + only + "cp.async.ca.shared.global [%r9+512], [%rd4], 4;\n" + only + "bra.uni E;\nA:\n" +
            wait_parity("b", "0") + "bar.warp.sync -1;\nld.shared.u32 %r4, [%r9+384];\nE:\n",
        "pending-copy", {"neither a cp.async.wait_group nor a test of an mbarrier has waited for it"});
  check("no wait", "64", copy + arrives + kArrive + "bar.sync 0;\n" + kReadOther, "pending-copy", {"reads shared address"});
  check("the copies do not arrive", "64", copy + kArrive + wait() + kReadOther, "pending-copy");
  check("they arrive before they are there", "64", arrives + copy + kArrive + wait() + kReadOther, "pending-copy");
  check("the source is written", "64", copy + arrives + "bar.sync 0;\n" + "st.global.u32 [%rd4], 0;\n" + kArrive + wait(), "pending-copy",
        {"writes 4 bytes"});
  check("threads do not arrive", "64", copy + arrives + wait_parity("b", "0"), "hang",
        {"in phase 0 with 128 arrivals to come of 64; 64 of copies are on their way"});
  check("invalidated before they come", "64", copy + only + "bar.sync 0;\n@%p9 mbarrier.inval.shared.b64 [b];\n", "bad-instruction",
        {"invalidates the mbarrier at shared address 0x800, in phase 0 with 64 arrivals to come of 64; 64 of copies are on their way"});
}

TEST(mbarriers_that_are_none) {
  const std::string inval = "bar.sync 0;\n@%p9 mbarrier.inval.shared.b64 [b];\nbar.sync 0;\n", init = "mbarrier.init.shared.b64 [b], 64;\n";
  check("never initialised", "64", "mbarrier.arrive.shared.b64 %rd10, [b+8];\n", "bad-instruction",
        {"uses shared address 0x808 as an mbarrier, which nothing in this block has initialised"});
  check("only tested", "64", "mbarrier.test_wait.parity.shared.b64 %p2, [b+8], 0;\n", "bad-instruction", {"nothing in this block"});
  check("for copies", "64", "cp.async.mbarrier.arrive.shared.b64 [b+8];\n", "bad-instruction", {"nothing in this block"});
  check("invalidated", "64", kArrive + wait() + inval + kArrive, "bad-instruction", {"which has been invalidated"});
  check("invalidated twice", "64", inval + inval, "bad-instruction", {"which has been invalidated"});
  check("initialised again", "64",
        kArrive + wait() + inval + "@%p9 " + init + "bar.sync 0;\n" + kWrite + kArrive + wait() + kReadOther + kResult, "clean", {}, other);
  check("without inval", "64", kArrive + wait() + "bar.sync 0;\n@%p9 " + init, "bad-instruction",
        {"initialises the mbarrier at shared address 0x800, in phase 1 with 64 arrivals to come of 64, which nothing has invalidated"});
  check("by two lanes", "64", inval + "setp.lt.u32 %p4, %r1, 2;\n@%p4 " + init, "bad-instruction", {"which nothing has invalidated"});
  check("initialised with no barrier behind", "64", inval + "@%p9 " + init + "@%p1 " + kArrive, "clean");
  // Whether warp 1 comes too early, or only might, depends on the order.
  auto module = load(kernel(inval + "@%p9 " + init + kArrive, "64"));
  if (!module) return;
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse}) {
    settings().warps = order;
    Buffer in(256), out(256);
    const std::string text = found(launch(*module, "t", 1, 64, Arguments().add(in).add(out)));
    expect(contains(text, order == WarpOrder::round_robin ? "as an mbarrier, which has been invalidated"
                                                          : "that warp 0 initialised with no barrier between"),
           text);
  }
  settings() = {};
  check("a word that others still read", "64",
        kWrite + "bar.sync 0;\nld.shared.u32 %r4, [tile];\n@%p9 mbarrier.init.shared.b64 [tile], 1;\n", "shared-race or bad-instruction",
        {"shared address 0x0"});
  check("plain loads", "64", "ld.shared.u32 %r4, [b+4];\n", "bad-instruction",
        {"reads shared address 0x804, which belongs to the mbarrier at"});
  check("plain stores", "64", "@%p9 st.shared.u64 [b], %rd1;\n", "bad-instruction", {"writes shared address 0x800"});
  check("atomics", "64", "atom.shared.add.u32 %r4, [b], 1;\n", "bad-instruction", {"writes shared address 0x800"});
  check("copies over it", "64", "@%p9 cp.async.ca.shared.global [b], [%rd4], 8;\n", "bad-instruction", {"writes shared address 0x800"});
  check("beside it", "64", "st.shared.u32 [b+8], 1;\nst.shared.u32 [tile+2044], 1;\n", "shared-race");
  check("what was one is memory again", "64", inval + "@%p9 st.shared.u32 [b], 3;\nbar.sync 0;\nld.shared.u32 %r4, [b];\n" + kResult,
        "clean", {}, [](uint32_t) { return 3u; });
  check("misaligned", "64", "mbarrier.arrive.shared.b64 %rd10, [b+4];\n", "misaligned", {"an mbarrier at shared address 0x804"});
  check("out of bounds", "64", "mbarrier.arrive.shared.b64 %rd10, [b+4096];\n", "out-of-bounds", {"an mbarrier at shared address 0x1800"});
  check("a global address", "64", "mbarrier.arrive.b64 %rd10, [%rd1];\n", "out-of-bounds");
}

TEST(states_of_phases) {
  check("of two phases before", "64",
        kArrive + wait() + "mov.b64 %rd11, %rd10;\n" + kArrive + wait() + "bar.sync 0;\n" + wait("b", "%rd11"), "bad-instruction",
        {"tests the mbarrier at shared address 0x800, in phase 2 with 64 arrivals to come of 64, for phase 0, which is neither"});
  check("of the phase before", "64", kArrive + wait() + "bar.sync 0;\nmbarrier.arrive.noComplete.shared.b64 %rd11, [b], 1;\n",
        "bad-instruction", {"although it says .noComplete"});
  check("of the phase before, tested again", "64", kWrite + kArrive + wait() + wait("b", "%rd10") + kReadOther + kResult, "clean", {},
        other);
  check("of another barrier", "64 64", kArrive + "mbarrier.arrive.shared.b64 %rd11, [b+8];\n" + wait("b+8", "%rd10"), "bad-instruction",
        {"tests the mbarrier at shared address 0x808", "with a state that no arrival there gave"});
  check("of the one that was there before", "64",
        kArrive + wait() + "bar.sync 0;\n@%p9 mbarrier.inval.shared.b64 [b];\n@%p9 mbarrier.init.shared.b64 [b], 64;\nbar.sync 0;\n" +
            wait("b", "%rd10"),
        "bad-instruction", {"with a state that no arrival there gave"});
  check("made up", "64", "mov.u64 %rd10, 5;\n" + wait(), "bad-instruction", {"with a state that no arrival there gave"});
}

TEST(phases_that_never_end) {
  check("one arrival is missing", "65", kArrive + wait(), "hang",
        {"waits for what cannot come any more: warp 0 tests the mbarrier at shared address 0x800, in phase 0 with 1 arrival to come of 65",
         "; warp 1 tests"});
  check("one warp at a barrier, one at a phase", "64", "@%p1 bra A;\nbar.sync 1, 64;\nA:\n" + kArrive + wait(), "hang",
        {"warp 0 tests the mbarrier at shared address 0x800, in phase 0 with 32 arrivals to come of 64",
         "; warp 1 at barrier 1 for 64 threads, 32 have arrived"});
  check("exited threads do not count", "64", "@!%p1 exit;\n" + kArrive + wait(), "hang", {"with 32 arrivals to come of 64"});
  settings().budget = 20000;
  check("a wait that does more than test", "65",
        kArrive + "L:\nmbarrier.test_wait.shared.b64 %p2, [b], %rd10;\nbar.sync 1;\n@!%p2 bra L;\n", "hang", {"is still running after"});
  settings() = {};
  std::string log;
  for (const char *form :
       {"mbarrier.arrive.expect_tx.shared.b64 %rd10, [b], 4;", "mbarrier.arrive.noComplete.shared.b64 %rd10, [b];",
        "mbarrier.test_wait.parity.shared.b64 %p2, [b], %rd10;", "mbarrier.init.global.b64 [%rd1], 4;",
        "mbarrier.arrive.relaxed.cta.shared.b64 %rd10, [b];", "mbarrier.arrive.b64 %rd10, [%r9];", "cp.async.mbarrier.shared.b64 [b];",
        "mbarrier.arrive.release.shared.b64 %rd10, [b];", "mbarrier.test_wait.acquire.shared.b64 %p2, [b], %rd10;",
        "mbarrier.init.shared.b32 [b], 1;", "mbarrier.complete_tx.shared.b64 [b], 1;"})
    expect(!Module::load(kernel(form, "64"), 0, log) && contains(log, "\"" + std::string(form).substr(0, std::strcspn(form, " ")) + "\": "),
           std::string(form) + " was loaded, or refused with " + log);
}
