// Named barriers, parts of a block, lanes that meet one by one: results, races by vector clocks, and a bug for each finding.
#include "core_test.h"

using namespace core_test;

namespace {

// %r1 = thread, %r2 = its warp, %r9 = its word of the shared memory `tile`, %rd4 = its word of `out`.
std::string kernel(const std::string &body) {
  return module_text(
      ".visible .entry t(.param .u64 out)\n{\n.reg .pred %p<10>; .reg .b32 %r<30>; .reg .b64 %rd<10>;\n.shared .align 16 .b8 tile[2048];\n"
      "ld.param.u64 %rd1, [out];\nmov.u32 %r1, %tid.x;\nshr.u32 %r2, %r1, 5;\nmul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd4, %rd1, %rd3;\n"
      "mov.u32 %r8, tile;\nshl.b32 %r7, %r1, 2;\nadd.s32 %r9, %r8, %r7;\n" +
      body + "\nret;\n}\n");
}

// Runs it in all orders of warps and expects this finding ("clean" for none) and these parts of its text.
void check(const std::string &title, const std::string &body, uint32_t threads, const std::string &kind,
           std::vector<std::string> parts = {}, uint32_t (*want)(uint32_t) = nullptr) {
  auto module = load(kernel(body));
  if (!module) return;
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse, WarpOrder::random, WarpOrder::one_warp_far}) {
    settings().warps = order;
    Buffer out(threads * 4);
    Outcome o = launch(*module, "t", 3, threads, Arguments().add(out));
    const std::string text = found(o);
    expect(text.compare(0, kind.size(), kind) == 0, title + ": " + text + " instead of " + kind);
    for (const std::string &part : parts) expect(contains(text, part), title + ": \"" + part + "\" is not in: " + text);
    if (want && !expect_results(out, threads, want, title)) return;
  }
  settings().warps = WarpOrder::round_robin;
}

const std::string kReadOther = "xor.b32 %r3, %r9, 128;\nld.shared.u32 %r4, [%r3];\n";  // of the warp beside
const std::string kWrite = "st.shared.u32 [%r9], %r1;\n", kResult = "st.global.u32 [%rd4], %r4;\n";

// Warp 1 fills `tile` eight times, warp 0 adds it up: barrier 1 says full, barrier 2 empty.
struct HandOver {
  std::string full_arrive = "bar.arrive 1, 64;\n", full_sync = "bar.sync 1, 64;\n";
  std::string empty_arrive = "bar.arrive 2, 64;\n", empty_sync = "bar.sync 2, 64;\n";
  bool write_early = false, read_early = false;
  std::string text() const {
    const std::string write = "mad.lo.s32 %r6, %r10, 100, %r1;\nst.shared.u32 [%r5], %r6;\n";
    const std::string read = "ld.shared.u32 %r6, [%r5];\nadd.s32 %r4, %r4, %r6;\n";
    const std::string count = "add.s32 %r10, %r10, 1;\nsetp.lt.s32 %p2, %r10, 8;\n";
    return "mov.u32 %r10, 0;\nmov.u32 %r4, 0;\nand.b32 %r5, %r1, 31;\nshl.b32 %r5, %r5, 2;\nadd.s32 %r5, %r5, %r8;\n"
           "setp.eq.s32 %p1, %r2, 0;\n@%p1 st.shared.u32 [%r5], %r10;\nbar.sync 0;\n@%p1 bra CONSUME;\nPRODUCE:\n" +
           (write_early ? write + empty_sync : empty_sync + write) + full_arrive + count + "@%p2 bra PRODUCE;\n" + empty_sync +
           "bra.uni END;\nCONSUME:\n" + empty_arrive + "NEXT:\n" + (read_early ? read + full_sync : full_sync + read) + empty_arrive +
           count + "@%p2 bra NEXT;\nEND:\n" + kResult;
  }
};

}  // namespace

TEST(warps_hand_over_at_barriers) {
  auto sum = [](uint32_t t) { return t < 32 ? 8 * (t + 32) + 2800 : 0u; };
  HandOver h;
  check("handing over", h.text(), 64, "clean", {}, sum);
  h.full_arrive = "barrier.cta.arrive 1, 64;\n";
  h.full_sync = "barrier.sync.aligned 1, 64;\n";
  check("with barrier instead of bar", h.text(), 64, "clean", {}, sum);
  h.full_arrive = "bar.arrive %r20, %r21;\n";
  h.full_sync = "bar.sync %r20, %r21;\n";
  check("numbers in registers", "mov.u32 %r20, 1;\nmov.u32 %r21, 64;\n" + h.text(), 64, "clean", {}, sum);
  h = {};
  h.read_early = true;
  check("read before it is full", h.text(), 64, "shared-race", {"with no barrier between"});
  h = {};
  h.write_early = true;
  check("written before it is empty", h.text(), 64, "shared-race", {"with no barrier between"});
  h = {};
  h.full_arrive = "";
  check("nobody says that it is full", h.text(), 64, "hang",
        {"warp 0 at barrier 1 for 64 threads, 32 have arrived (PTX line ", "warp 1 at barrier 2 for 64 threads, 32 have arrived"});
}

TEST(parts_of_a_block_meet) {
  // Warps 0 and 1, 2 and 3: each pair has a barrier of its own.
  const std::string mine = "shr.u32 %r10, %r2, 1;\nadd.s32 %r10, %r10, 3;\n";
  check("pairs", mine + kWrite + "bar.sync %r10, 64;\n" + kReadOther + kResult, 128, "clean", {}, [](uint32_t t) { return t ^ 32; });
  check("pairs, a value of another",
        mine + kWrite + "bar.sync 0;\n" + kWrite + "bar.sync %r10, 64;\nxor.b32 %r3, %r9, 256;\nld.shared.u32 %r4, [%r3];\n", 128,
        "shared-race", {"with no barrier between"});
  check("pairs, then all", mine + kWrite + "bar.sync %r10, 64;\nbar.sync 0;\nxor.b32 %r3, %r9, 256;\nld.shared.u32 %r4, [%r3];\n" + kResult,
        128, "clean", {}, [](uint32_t t) { return t ^ 64; });
  // What warp 0 wrote comes to warp 2 by way of warp 1, or does not.
  const std::string first =
      "setp.eq.s32 %p1, %r2, 0;\nsetp.eq.s32 %p2, %r2, 1;\nsetp.eq.s32 %p3, %r2, 2;\n@%p1 st.shared.u32 [%r9], %r1;\n"
      "@%p1 bar.sync 1, 64;\n";
  const std::string last = "@%p3 bar.sync 2, 64;\n@%p3 ld.shared.u32 %r4, [%r9+-256];\n";
  check("by way of another", first + "@%p2 bar.sync 1, 64;\n@%p2 bar.sync 2, 64;\n" + last, 96, "clean");
  check("the other way round", first + "@%p2 bar.arrive 2, 64;\n@%p2 bar.sync 1, 64;\n" + last, 96, "shared-race");
  check("a whole block by its count", kWrite + "bar.sync 4, 128;\n" + kReadOther + "bar.sync 4;\n" + kWrite, 128, "clean");
  check("one barrier left out", kWrite + "bar.sync 4, 128;\n" + kReadOther + kWrite, 128, "shared-race", {"with no barrier between"});
  check("atomics",
        "st.shared.u32 [%r9], 0;\nbar.sync 5;\natom.shared.add.u32 %r3, [tile], 1;\nbar.sync 5;\nld.shared.u32 %r4, [tile];\n" + kResult,
        64, "clean", {}, [](uint32_t) { return 64u; });
  check("an atomic and a plain read",
        "st.shared.u32 [%r9], 0;\nbar.sync 5;\natom.shared.add.u32 %r3, [tile], 1;\nld.shared.u32 %r4, [tile];\n", 64, "shared-race");
  check("nothing written", "bar.sync 1;\nld.shared.u32 %r4, [%r9];", 64, "uninitialized-shared");
  check("an atomic on nothing", "bar.sync 1;\natom.shared.add.u32 %r4, [%r9], 1;", 64, "uninitialized-shared");
  const std::string copy = "cp.async.ca.shared.global [%r9], [%rd4], 4;\n";
  check("copies", copy + "cp.async.wait_all;\nbar.sync 1, 64;\n" + kReadOther, 64, "clean");
  check("copies that nothing waits for", copy + "bar.sync 1, 64;\n" + kReadOther, 64, "pending-copy");
}

TEST(reductions_at_named_barriers) {
  const std::string
      half = "shr.u32 %r10, %r2, 1;\nmov.u32 %r11, 64;\nand.b32 %r3, %r1, 3;\nsetp.eq.u32 %p1, %r3, 0;\nsetp.ge.u32 %p2, %r1, 64;\n";
  check("counts", half + "bar.red.popc.u32 %r4, %r10, %r11, %p1;\n" + kResult, 128, "clean", {}, [](uint32_t) { return 16u; });
  check("counts of the others", half + "bar.red.popc.u32 %r4, 7, !%p1;\n" + kResult, 128, "clean", {}, [](uint32_t) { return 96u; });
  check("and, or",
        half +
            "bar.red.and.pred %p3, %r10, 64, %p2;\nbarrier.red.or.pred %p4, %r10, 64, %p2;\nbar.red.and.pred %p5, 9, %p1;\n"
            "selp.u32 %r4, 1, 0, %p3;\n@%p4 add.u32 %r4, %r4, 2;\n@%p5 add.u32 %r4, %r4, 4;\n" +
            kResult,
        128, "clean", {}, [](uint32_t t) { return t < 64 ? 0u : 3u; });
}

TEST(lanes_meet_one_by_one) {
  const std::string halves = "and.b32 %r3, %r1, 31;\nsetp.lt.u32 %p1, %r3, 16;\n" + kWrite;
  const std::string two = "@%p1 bra A;\nbarrier.sync 0;\nbra.uni B;\nA:\nbarrier.sync 0;\nB:\n";
  auto other = [](uint32_t t) { return t ^ 32; };
  check("two halves of a warp at two places", halves + two + kReadOther + kResult, 64, "clean", {}, other);
  check("the same with aligned barriers", halves + "@%p1 bra A;\nbar.sync 0;\nbra.uni B;\nA:\nbar.sync 0;\nB:\n", 64, "divergent-barrier");
  check("under two guards", halves + "@%p1 barrier.sync 0;\n@!%p1 barrier.sync 0;\n" + kReadOther + kResult, 64, "clean", {}, other);
  check("one half before, one behind their meeting",
        halves + "@!%p1 bra A;\nbarrier.sync 0;\nA:\n@!%p1 barrier.sync 0;\n" + kReadOther + kResult, 64, "clean", {}, other);
  check("lanes with numbers of their own", halves + "selp.u32 %r10, 1, 2, %p1;\nbarrier.sync %r10, 32;\n" + kResult, 64, "clean");
  check("one half exits", halves + "@!%p1 exit;\nbarrier.sync 0;\n" + kReadOther + kResult, 64, "clean", {},
        [](uint32_t t) { return t & 16 ? 0 : t ^ 32; });
  check("one half exits behind it", halves + "@!%p1 bra A;\nbarrier.sync 0;\n" + kReadOther + kResult + "A:\n", 64, "clean", {},
        [](uint32_t t) { return t & 16 ? 0 : t ^ 32; });
  check("a block that is no multiple of a warp", kWrite + "barrier.sync 0;\nmov.u32 %r4, 1;\n" + kResult, 40, "clean", {},
        [](uint32_t) { return 1u; });
  check("its count is", kWrite + "barrier.sync 3, 64;\nmov.u32 %r4, 1;\n" + kResult, 40, "clean", {}, [](uint32_t) { return 1u; });
  check("one half never comes", halves + "@!%p1 bra A;\nbarrier.sync 1, 64;\nA:\n", 64, "hang",
        {"warp 0 at barrier 1 for 64 threads, 32 have arrived"});
}

TEST(barriers_that_do_not_fit) {
  check("two counts", "setp.eq.s32 %p1, %r2, 0;\n@%p1 bar.sync 1, 64;\n@!%p1 bar.sync 1, 128;\n", 128, "divergent-barrier",
        {"comes to barrier 1 for ", "threads, others came for "});
  check("a count and the whole block", "setp.eq.s32 %p1, %r2, 0;\n@%p1 bar.sync 1;\n@!%p1 bar.sync 1, 64;\n", 128, "divergent-barrier",
        {"comes to barrier 1 for ", "128", "64"});
  check("barrier 16", "mov.u32 %r10, 16;\nbar.sync %r10;\n", 64, "bad-instruction", {"names barrier 16; there are 16"});
  check("half a warp", "mov.u32 %r10, 48;\nbar.sync 1, %r10;\n", 64, "bad-instruction", {"wants 48 threads", "no multiple of a warp"});
  check("no threads", "mov.u32 %r10, 0;\nbar.arrive 1, %r10;\n", 64, "bad-instruction", {"wants 0 threads"});
  check("too many threads", "bar.sync 1, 96;\n", 64, "hang",
        {"waits for what cannot come any more", "warp 0 at barrier 1 for 96 threads, 64 have arrived (PTX line 16)",
         "; warp 1 at barrier 1"});
  check("each waits for the other", "setp.eq.s32 %p1, %r2, 0;\n@%p1 bar.sync 1, 64;\nbar.sync 2, 64;\n@!%p1 bar.sync 1, 64;\n", 64, "hang",
        {"warp 0 at barrier 1", "warp 1 at barrier 2"});
  std::string log;
  expect(!Module::load(kernel("bar.sync 16;\n"), 0, log) && contains(log, "barrier 16: there are 16"), "barrier 16 was loaded: " + log);
  expect(!Module::load(kernel("bar.arrive 1;\n"), 0, log), "an arrival without a count was loaded");
}
