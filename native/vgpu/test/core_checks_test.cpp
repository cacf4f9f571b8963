// Bugs put in on purpose: each check finds its own, says where, and stays silent on the right kernel beside it.
#include "core_test.h"

using namespace core_test;

namespace {

// %rd1, %rd2 = parameters a and b; %r1 = thread, %rd3 = 4 * thread; 1 KB of shared memory `tile`, %r9 = its place of this thread.
std::string kernel(const std::string &body) {
  return module_text(
      ".file 1 \"/somewhere/kernel.cu\"\n.visible .entry t(.param .u64 a, .param .u64 b)\n{\n"
      ".reg .pred %p<10>; .reg .b16 %rs<4>; .reg .b32 %r<20>; .reg .f32 %f<10>; .reg .b64 %rd<10>;\n"
      ".shared .align 16 .b8 tile[1024];\n"
      "ld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 4;\n"
      "mov.u32 %r8, tile;\nshl.b32 %r7, %r1, 2;\nadd.s32 %r9, %r8, %r7;\n.loc 1 42 3\n" +
      body + "\nret;\n}\n");
}

// Runs the body with 64 threads and expects this kind ("clean" for none) and these parts in the text.
void check(const std::string &title, const std::string &body, const std::string &kind, std::vector<std::string> parts = {},
           bool faulted = false, uint32_t threads = 64, uint32_t shared = 0) {
  auto module = load(kernel(body));
  if (!module) return;
  Buffer a(threads * 4), b(threads * 4);
  Outcome o = launch(*module, "t", 1, threads, Arguments().add(a).add(b), shared);
  const std::string text = found(o);
  expect(text.compare(0, kind.size(), kind) == 0, title + ": " + text + " instead of " + kind);
  for (const std::string &part : parts) expect(contains(text, part), title + ": \"" + part + "\" is not in: " + text);
  expect(o.faulted == faulted, title + (faulted ? ": the launch went on" : ": the launch was stopped"));
}

}  // namespace

TEST(out_of_bounds) {
  check("read past the end", "add.s64 %rd4, %rd1, %rd3;\nld.global.f32 %f1, [%rd4+128];", "out-of-bounds",
        {"kernel.cu:42", "block (0,0,0), thread (32,0,0)", "reads 4 bytes", "0 bytes after the end of allocation", "(256 bytes)",
         "kernel t, PTX line"},
        true);
  check("write before the start", "add.s64 %rd4, %rd1, %rd3;\nst.global.f32 [%rd4+-4], 0f00000000;", "out-of-bounds",
        {"4 bytes before the start of allocation", "thread (0,0,0)", "writes"}, true);
  check("vector over the end", "mul.wide.u32 %rd5, %r1, 16;\nadd.s64 %rd4, %rd1, %rd5;\nld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd4];",
        "out-of-bounds", {"thread (16,0,0)"}, true);
  check("null", "mov.u64 %rd4, 0;\nld.global.f32 %f1, [%rd4];", "out-of-bounds", {"near no allocation"}, true);
  check("shared", "ld.shared.f32 %f1, [%r9+1024];", "out-of-bounds", {"shared address 0x400", "1024 bytes of shared memory"}, true);
  check("shared, negative", "st.shared.f32 [%r9+-4], 0f00000000;", "out-of-bounds", {"thread (0,0,0)"}, true);
  check("an atomic", "add.s64 %rd4, %rd1, %rd3;\natom.global.add.u32 %r2, [%rd4+128], 1;", "out-of-bounds", {"updates"}, true);
  check("a copy", "add.s64 %rd4, %rd1, %rd3;\ncp.async.ca.shared.global [%r9], [%rd4+128], 4;\ncp.async.wait_all;", "out-of-bounds", {},
        true);
  check("within", "add.s64 %rd4, %rd1, %rd3;\nld.global.f32 %f1, [%rd4];\nst.global.f32 [%rd4], %f1;", "clean");
}

TEST(misaligned) {
  check("global", "add.s64 %rd4, %rd1, %rd3;\nld.global.f32 %f1, [%rd4+2];", "misaligned", {"thread (0,0,0)"}, true, 32);
  check("vector", "add.s64 %rd4, %rd1, %rd3;\nld.global.v2.f32 {%f1, %f2}, [%rd4];", "misaligned", {"thread (1,0,0)", "8 bytes"}, true);
  check("shared", "st.shared.v4.f32 [%r9], {%f1, %f1, %f1, %f1};", "misaligned", {"thread (1,0,0)"}, true);
}

TEST(freed_foreign_and_host_memory) {
  auto module = load(kernel("add.s64 %rd4, %rd1, %rd3;\nld.global.f32 %f1, [%rd4];"));
  if (!module) return;
  Buffer mine(256), freed(256), other(256, 1);
  const uint64_t address = freed.address();
  freed.free();
  Outcome o = launch(*module, "t", 1, 64, Arguments().add(address).add(mine));
  expect(contains(found(o), "use-after-free") && contains(found(o), "freed allocation") && o.faulted, found(o));
  o = launch(*module, "t", 1, 64, Arguments().add(other).add(mine));
  expect(contains(found(o), "no-peer-access") && contains(found(o), "of device 1"), found(o));
  Memory::get().allow_peer(0, 1, true);
  o = launch(*module, "t", 1, 64, Arguments().add(other).add(mine));
  expect(!o.found, found(o));
  Memory::get().allow_peer(0, 1, false);
  std::vector<float> host(64);
  o = launch(*module, "t", 1, 64, Arguments().add(reinterpret_cast<uint64_t>(host.data())).add(mine));
  expect(contains(found(o), "host-pointer"), found(o));
  Buffer pinned(256, -1);
  o = launch(*module, "t", 1, 64, Arguments().add(pinned).add(mine));
  expect(!o.found, found(o));
}

TEST(uninitialized_reads) {
  auto module = load(
      kernel("add.s64 %rd4, %rd1, %rd3;\nadd.s64 %rd5, %rd2, %rd3;\nst.global.f32 [%rd4], 0f00000000;\n"
             "ld.global.f32 %f1, [%rd4];\nld.global.f32 %f2, [%rd5];"));
  if (!module) return;
  Buffer a(256, 0, false), b(256, 0, false);
  std::memset(b.allocation()->written.data(), 1, 40);
  Outcome o = launch(*module, "t", 1, 64, Arguments().add(a).add(b));
  expect(contains(found(o), "uninitialized-global") && contains(found(o), "thread (40,0,0)") && !o.faulted, found(o));
  expect(a.as<uint32_t>()[0] == 0 && b.as<uint32_t>()[63] == 0x7fa5a5a5, "new memory is not filled with signalling NaNs");
  check("shared", "ld.shared.f32 %f1, [%r9];", "uninitialized-shared", {"thread (0,0,0)"});
  check("shared, half of it", "setp.lt.u32 %p1, %r1, 32;\n@%p1 st.shared.f32 [%r9], 0f00000000;\nbar.sync 0;\nld.shared.f32 %f1, [%r9];",
        "uninitialized-shared", {"thread (32,0,0)"});
}

TEST(shared_races) {
  const std::string write = "st.shared.f32 [%r9], 0f00000000;\n", swap = "xor.b32 %r2, %r9, 128;\n", read = "ld.shared.f32 %f1, [%r2];\n";
  check("barrier left out", swap + write + "bar.sync 0;\n" + write + read, "shared-race", {"no barrier between"});
  check("one writes, one reads",
        "setp.ge.u32 %p1, %r1, 32;\n@%p1 bra READ;\n" + write + "bra.uni END;\nREAD:\nld.shared.f32 %f1, [%r9+-128];\nEND:", "shared-race",
        {"reads shared address 0x0 that warp 0 wrote with no barrier between", "thread (32,0,0)"});
  check("barrier there", swap + write + "bar.sync 0;\n" + read, "clean");
  check("second barrier left out", swap + write + "bar.sync 0;\n" + read + write, "shared-race", {"with no barrier between"});
  check("second barrier there", swap + write + "bar.sync 0;\n" + read + "bar.sync 0;\n" + write, "clean");
  check("two warps write one word", "st.shared.f32 [tile], 0f00000000;", "shared-race");
  check("lanes write different values", "st.shared.u32 [tile], %r1;", "shared-race", {"another value"}, false, 32);
  check("lanes write the same value", "st.shared.u32 [tile], 7;", "clean", {}, false, 32);
  check("bytes of one word by two warps",
        "add.s32 %r2, %r8, %r1;\ncvt.u16.u32 %rs1, %r1;\nst.shared.u8 [%r2], %rs1;\nbar.sync 0;\nld.shared.u8 %rs2, [%r2];", "clean");
  check("atomics", "st.shared.u32 [%r9], 0;\nbar.sync 0;\natom.shared.add.u32 %r2, [tile], 1;", "clean");
  check("atomics after a plain store of one warp",
        "setp.lt.u32 %p1, %r1, 32;\n@%p1 st.shared.u32 [tile], 0;\n@!%p1 bra L;\natom.shared.add.u32 %r2, [tile], 1;\nL:\n"
        "atom.shared.add.u32 %r2, [tile], 1;",
        "shared-race");
  check("an atomic and a plain read",
        "st.shared.u32 [%r9], 0;\nbar.sync 0;\natom.shared.add.u32 %r2, [tile], 1;\nld.shared.u32 %r3, [tile];", "shared-race");
}

TEST(copies_in_flight) {
  const std::string copy = "add.s64 %rd4, %rd1, %rd3;\ncp.async.ca.shared.global [%r9], [%rd4], 4;\ncp.async.commit_group;\n";
  const std::string swap = "xor.b32 %r2, %r9, 128;\n", read = "ld.shared.f32 %f1, [%r2];\n";
  check("waited and met", swap + copy + "cp.async.wait_group 0;\nbar.sync 0;\n" + read, "clean");
  check("not waited", swap + copy + "bar.sync 0;\n" + read, "pending-copy",
        {"neither a cp.async.wait_group nor a test of an mbarrier has waited"});
  check("waited too little", swap + copy + "cp.async.wait_group 1;\nbar.sync 0;\n" + read, "pending-copy");
  check("waited, not met", swap + copy + "cp.async.wait_group 0;\n" + read, "uninitialized-shared");  // warp 0 comes first
  check("own data without a barrier", copy + "cp.async.wait_all;\nld.shared.f32 %f1, [%r9];", "clean");
}

TEST(sources_of_copies_in_flight) {
  const std::string copy = "add.s64 %rd4, %rd1, %rd3;\ncp.async.ca.shared.global [%r9], [%rd4], 4;\ncp.async.commit_group;\n";
  const std::string other = "xor.b32 %r2, %r1, 32;\nmul.wide.u32 %rd6, %r2, 4;\nadd.s64 %rd5, %rd1, %rd6;\n";  // of the other warp
  const std::string wait = "cp.async.wait_group 0;\n", write = "st.global.u32 [%rd5], 0;\n";
  check("written by another warp", other + copy + "bar.sync 0;\n" + write + wait, "pending-copy",
        {"writes 4 bytes", "while the cp.async of PTX line 21 may still read there: warp 1 has not waited", "thread (0,0,0)"});
  check("written by the warp itself", other + copy + "st.global.u32 [%rd4], 0;\n" + wait, "pending-copy", {"warp 0 has not waited"});
  check("an atomic", other + copy + "bar.sync 0;\nred.global.add.u32 [%rd5], 1;\n" + wait, "pending-copy");
  check("through a generic address", other + copy + "bar.sync 0;\nst.u32 [%rd5], 1;\n" + wait, "pending-copy");
  check("written after the wait", other + copy + wait + "bar.sync 0;\n" + write, "clean");
  check("written elsewhere", other + copy + "add.s64 %rd5, %rd2, %rd3;\n" + write + wait, "clean");
  check("zeros are read from nowhere", other + "add.s64 %rd4, %rd1, %rd3;\ncp.async.ca.shared.global [%r9], [%rd4], 4, 0;\n" + write + wait,
        "clean");
  const std::string part = "add.s64 %rd4, %rd1, %rd3;\nmov.u32 %r3, ";
  check("more bytes than the copy has", part + "5;\ncp.async.ca.shared.global [%r9], [%rd4], 4, %r3;\ncp.async.wait_all;",
        "bad-instruction", {"reads 5 bytes for a copy of 4"});
  check("all of its bytes", part + "4;\ncp.async.ca.shared.global [%r9], [%rd4], 4, %r3;\ncp.async.wait_all;", "clean");
}

TEST(divergent_barriers) {
  check("half a warp", "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nbar.sync 0;\nL:", "divergent-barrier", {"0xffff0000"});
  check("exited lanes", "setp.lt.u32 %p1, %r1, 16;\n@!%p1 exit;\nbar.sync 0;", "clean");
  check("a barrier is known by its number, not its place",
        "setp.lt.u32 %p1, %r1, 32;\n@!%p1 bra L;\nbar.sync 0;\nbra.uni M;\nL:\nbar.sync 0;\nM:", "clean");
  check("inactive lanes in a shuffle",
        "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nshfl.sync.down.b32 %r2, %r1, 1, 31, -1;\nL:", "inactive-lanes", {"0xffff0000"});
  check("a mask that fits", "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nshfl.sync.bfly.b32 %r2, %r1, 1, 31, 0xffff;\nL:", "clean", {}, false,
        32);
  check("a value of an inactive lane",
        "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nshfl.sync.idx.b32 %r2, %r1, 20, 31, 0xffff;\nL:", "inactive-lanes", {}, false, 32);
  check("a whole mask after lanes exited", "setp.lt.u32 %p1, %r1, 48;\n@!%p1 exit;\nvote.sync.any.pred %p2, %p1, -1;", "clean");
  check("a whole mask where lanes do not exist", "setp.lt.u32 %p1, %r1, 48;\nvote.sync.any.pred %p2, %p1, -1;", "clean", {}, false, 40);
  check("a vote", "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nvote.sync.any.pred %p2, %p1, -1;\nL:", "inactive-lanes");
}

TEST(lanes_with_masks_of_their_own) {
  const std::string halves = "setp.lt.u32 %p1, %r1, 16;\nselp.b32 %r2, 0xffff, 0xffff0000, %p1;\n";
  check("two halves", halves + "vote.sync.ballot.b32 %r3, %p1, %r2;\nbar.warp.sync %r2;\nshfl.sync.down.b32 %r4, %r1, 1, 0x100f, %r2;",
        "clean", {}, false, 32);
  check("a value of the other half", halves + "shfl.sync.bfly.b32 %r4, %r1, 16, 31, %r2;", "inactive-lanes",
        {"takes a value from lanes 0x", "not active with the same mask"}, false, 32);
  check("a lane outside its mask", halves + "setp.eq.u32 %p2, %r1, 16;\nselp.b32 %r2, 0xffff, %r2, %p2;\nredux.sync.add.s32 %r3, %r1, %r2;",
        "inactive-lanes", {"is run by lanes 0x10000, which their own mask 0xffff does not name"}, false, 32);
  check("a mask that another lane does not share",
        "setp.lt.u32 %p1, %r1, 16;\nselp.b32 %r2, 0xffff, -1, %p1;\nvote.sync.any.pred %p2, %p1, %r2;", "inactive-lanes",
        {"has the mask 0xffffffff, but lanes 0xffff of it gave another one", "thread (16,0,0)"}, false, 32);
  check("matches", halves + "match.any.sync.b32 %r3, %r1, 0xffff;", "inactive-lanes", {"0xffff0000"}, false, 32);
}

TEST(read_only_memory_that_is_written) {
  check("the same word", "add.s64 %rd4, %rd1, %rd3;\nst.global.f32 [%rd4], 0f00000000;\nld.global.nc.f32 %f1, [%rd4];",
        "read-only-written");
  const std::string
      other = "add.s64 %rd4, %rd1, %rd3;\nadd.s64 %rd5, %rd2, %rd3;\nld.global.nc.f32 %f1, [%rd5];\nst.global.f32 [%rd4], %f1;";
  check("another array", other, "clean");
  // What an earlier launch wrote is fair to read.
  auto module = load(kernel(other));
  if (!module) return;
  Buffer a(256), b(256);
  launch(*module, "t", 1, 64, Arguments().add(a).add(b));
  Outcome o = launch(*module, "t", 1, 64, Arguments().add(b).add(a));
  expect(!o.found, found(o));
}

TEST(endless_loops_and_traps) {
  settings().budget = 100000;
  check("endless", "L:\nbra.uni L;", "hang", {"endless loop"}, true);
  check("waits for a flag of nobody", "L:\nld.volatile.global.u32 %r2, [%rd1];\nsetp.eq.s32 %p1, %r2, 0;\n@%p1 bra L;", "hang", {}, true);
  check("trap", "setp.eq.s32 %p1, %r1, 5;\n@%p1 trap;", "bad-instruction", {"thread (5,0,0)"}, true);
}

TEST(warps_that_wait_for_flags_of_others) {
  // Warp 0 waits until warp 1 has set a flag in shared memory: turns must end.
  settings().races = false;
  check("flag",
        "st.shared.u32 [tile], 0;\nbar.sync 0;\nsetp.ge.u32 %p1, %r1, 32;\n@%p1 bra SET;\nL:\nld.volatile.shared.u32 %r2, [tile];\n"
        "setp.eq.s32 %p2, %r2, 0;\n@%p2 bra L;\nbra.uni END;\nSET:\nst.volatile.shared.u32 [tile], 1;\nEND:",
        "clean");
}

TEST(checks_can_be_switched_off) {
  settings().initialized = settings().races = settings().barriers = false;
  check("race", "xor.b32 %r2, %r9, 128;\nst.shared.f32 [%r9], 0f00000000;\nld.shared.f32 %f1, [%r2];", "clean");
  check("barrier", "setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra L;\nbar.sync 0;\nL:", "clean");
  settings().bounds = false;
  check("bounds stay", "mov.u64 %rd4, 64;\nld.global.f32 %f1, [%rd4];", "out-of-bounds", {}, true);
}

TEST(the_first_fault_does_not_depend_on_threads) {
  auto module = load(kernel(
      "mov.u32 %r2, %ctaid.x;\nsetp.lt.u32 %p1, %r2, 5;\n@%p1 bra L;\nadd.s64 %rd4, %rd1, %rd3;\nld.global.f32 %f1, [%rd4+1024];\nL:"));
  if (!module) return;
  for (int threads : {1, 4}) {
    settings().threads = threads;
    Buffer a(256), b(256);
    Outcome o = launch(*module, "t", 40, 64, Arguments().add(a).add(b));
    expect(contains(found(o), "block (5,0,0), thread (0,0,0)"), found(o));
  }
}

TEST(access_bitmaps) {
  auto module = load(kernel(
      "mul.wide.u32 %rd5, %r1, 256;\nadd.s64 %rd4, %rd1, %rd5;\nst.global.f32 [%rd4+512], 0f00000000;\nld.global.f32 %f1, [%rd2+260];"));
  if (!module) return;
  Buffer a(256 * 100), b(1024);
  Outcome o = launch(*module, "t", 1, 64, Arguments().add(a).add(b));
  expect(!o.found, found(o));
  const auto &written = o.accesses[a.allocation()].writes.words, &read = o.accesses[b.allocation()].reads.words;
  expect(written.size() == 2 && written[0] == ~uint64_t(3) && written[1] == 3, "bits of what is written");
  expect(read.size() == 1 && read[0] == 2, "bits of what is read");
  expect(o.accesses[b.allocation()].writes.words[0] == 0, "bits of what is not written");
}
