// Small whole kernels (test/ptx/kernels.ptx) against plain C++, and memory by itself.
#include "../driver/findings.h"
#include "core_test.h"

using namespace core_test;

TEST(asynchronous_copies_with_zero_fill) {
  auto module = load(file_text("kernels.ptx"));
  if (!module) return;
  const uint32_t threads = 96, filled = 70;
  Buffer x(filled * 16), y(threads * 16);
  for (uint32_t n = 0; n < filled * 4; ++n) x.as<float>()[n] = static_cast<float>(n + 1);
  Outcome o = launch(*module, "reverse_async", 1, threads, Arguments().add(x).add(y).add(filled), threads * 16);
  expect(!o.found, found(o));
  for (uint32_t n = 0; n < threads * 4; ++n) {
    const uint32_t from = threads * 4 - 1 - n;
    expect(y.as<float>()[n] == (from < filled * 4 ? static_cast<float>(from + 1) : 0.0f), "element " + std::to_string(n));
  }
  o = launch(*module, "reverse_async", 1, threads, Arguments().add(x).add(y).add(filled), threads * 16 - 4);
  expect(o.faulted && contains(found(o), "out-of-bounds"), "4 bytes of shared memory too few: " + found(o));
}

TEST(lanes_exchange_values) {
  auto module = load(file_text("kernels.ptx"));
  if (!module) return;
  Buffer out(32 * 20);
  Outcome o = launch(*module, "meetings", 1, 32, Arguments().add(out));
  expect(!o.found, found(o));
  for (uint32_t l = 0; l < 32; ++l) {
    const uint32_t *r = out.as<uint32_t>() + l * 5;
    expect(r[0] == 496 && r[1] == 496, "sums");
    expect(r[2] == 31, "ballot");
    expect(r[3] == (l == 0 ? 99 : l - 1), "the lane below, lane " + std::to_string(l));
    expect(r[4] == (l & 24) + 3, "broadcast in eights, lane " + std::to_string(l));
  }
}

TEST(tiles_of_half_a_warp_meet_by_themselves) {
  auto module = load(file_text("tiles.ptx"));
  if (!module) return;
  Buffer out(96 * 4);
  Outcome o = launch(*module, "tiles_of_16", 1, 32, Arguments().add(out));
  expect(!o.found, found(o));
  for (uint32_t t = 0; t < 32; ++t) {
    const uint32_t *r = out.as<uint32_t>() + t;
    expect(r[0] == 0xaaaa, "ballot, thread " + std::to_string(t) + ": " + std::to_string(r[0]));
    expect(r[32] == (t & 16) + 3, "shuffle, thread " + std::to_string(t));
    expect(r[64] == t / 16, "any, thread " + std::to_string(t));
  }
}

TEST(tiles_of_two_warps_meet_in_reserved_memory) {
  auto module = load(file_text("tiles.ptx"));
  if (!module) return;
  Buffer out(128 * 4);
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::random}) {
    settings().warps = order;
    Outcome o = launch(*module, "tiles_of_64", 1, 128, Arguments().add(out));
    expect(!o.found, found(o));
    for (uint32_t t = 0; t < 128; ++t) expect(out.as<uint32_t>()[t] == t / 64, "thread " + std::to_string(t));
  }
  Outcome o = launch(*module, "is_grid_valid", 1, 1, Arguments().add(out));
  expect(!o.found && out.as<uint32_t>()[0] == 0, "a grid that cannot meet says so: " + found(o));
}

TEST(what_a_kernel_prints_is_listed) {
  auto module = load(file_text("tiles.ptx"));
  if (!module) return;
  forget_findings();
  for (int threads : {1, 2}) {
    settings().threads = threads;
    Outcome o = launch(*module, "print", 2, 5, Arguments().add(7));
    expect(!o.found && !o.faulted, "printing is no fault: " + found(o));
  }
  std::vector<Finding> list = findings();
  expect(list.size() == 6, std::to_string(list.size()) + " lines");
  const char *parts[] = {"block (0,0,0), thread (0,0,0): \"thread 0 of 7:  0.00, text, x, 1099511627776, 0x10,    7\\n\"",
                         "block (0,0,0), thread (3,0,0): \"thread 3 of 7:  1.50, text, x, 1099511627776, 0x10,    7\\n\"",
                         "block (0,0,0), thread (3,0,0): \"9 arguments, 100%\\n\"", "block (1,0,0), thread (0,0,0): \"thread 0 of 7:"};
  for (size_t n = 0; n < list.size() && n < 4; ++n)
    expect(list[n].kind == FindingKind::printed && list[n].count == 2 && contains(list[n].text, parts[n]), list[n].text);
  forget_findings();
}

TEST(lanes_of_one_instruction_with_different_masks) {
  // Lanes 0 to 7, 8 to 15 and 16 to 31; lane 20 has exited and may be named.
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .pred %p<8>; .reg .b32 %r<24>; .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  setp.eq.s32 %p1, %r1, 20;
  @%p1 exit;
  mad.wide.u32 %rd2, %r1, 32, %rd1;
  setp.lt.u32 %p2, %r1, 8;
  setp.lt.u32 %p3, %r1, 16;
  selp.b32 %r2, 0xff00, 0xffff0000, %p3;
  selp.b32 %r2, 0xff, %r2, %p2;
  redux.sync.add.s32 %r3, %r1, %r2;
  and.b32 %r4, %r1, 3;
  match.any.sync.b32 %r5, %r4, %r2;
  shr.u32 %r6, %r1, 3;
  match.all.sync.b32 %r7|%p4, %r6, %r2;
  selp.b32 %r8, 1, 0, %p4;
  setp.ge.u32 %p5, %r1, 4;
  vote.sync.all.pred %p6, %p5, %r2;
  selp.b32 %r9, 1, 0, %p6;
  vote.sync.uni.pred %p6, %p5, %r2;
  selp.b32 %r10, 1, 0, %p6;
  shfl.sync.bfly.b32 %r11, %r1, 1, 31, %r2;
  bar.warp.sync %r2;
  st.global.v4.u32 [%rd2], {%r3, %r5, %r7, %r8};
  st.global.v2.u32 [%rd2+16], {%r9, %r10};
  setp.eq.s32 %p7, %r1, 21;
  @!%p7 st.global.u32 [%rd2+24], %r11;
  ret;
})"));
  if (!module) return;
  settings().barriers = false;  // lane 21 takes the value of lane 20, which has exited
  Buffer out(32 * 32);
  launch(*module, "t", 1, 32, Arguments().add(out));
  for (uint32_t t = 0; t < 32; ++t) {
    if (t == 20) continue;
    const uint32_t *r = out.as<uint32_t>() + 8 * t, group = t < 8 ? 0xff : t < 16 ? 0xff00 : 0xffef0000;
    const uint32_t want[] = {
        t < 8 ? 28u : t < 16 ? 92u : 376u - 20, 0x11111111u << (t & 3) & group, t < 16 ? group : 0, t < 16, t >= 8, t >= 8, t ^ 1};
    for (int n = 0; n < 7; ++n)
      expect(r[n] == want[n] || (n == 6 && t == 21), "thread " + std::to_string(t) + ", word " + std::to_string(n) + ": " +
                                                         std::to_string(r[n]) + " instead of " + std::to_string(want[n]));
  }
}

TEST(atomics_in_all_orders) {
  auto module = load(file_text("kernels.ptx"));
  if (!module) return;
  for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse, WarpOrder::random}) {
    settings().warps = order;
    const uint32_t threads = 200;
    Buffer value(threads * 4), count(64), sum(4);
    uint32_t expected[16] = {};
    for (uint32_t n = 0; n < threads; ++n) ++expected[value.as<uint32_t>()[n] = n * n % 16];
    Outcome o = launch(*module, "histogram", 3, threads, Arguments().add(value).add(count).add(sum));
    expect(!o.found, found(o));
    for (int b = 0; b < 16; ++b) expect(count.as<uint32_t>()[b] == 3 * expected[b], "bin " + std::to_string(b));
    expect(sum.as<float>()[0] == 600.0f, "sum");
  }
}

TEST(local_constant_and_generic_memory) {
  auto module = load(module_text(R"(
.const .align 4 .b8 table[16] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0};
.global .align 4 .u32 counter = 5;
.global .align 8 .f32 floats[4] = {0f3F800000, 0f40000000};
.visible .entry t(.param .u64 out, .param .align 4 .b8 pair[8])
{
  .local .align 16 .b8 depot[64];
  .shared .align 4 .b8 tile[128];
  .reg .pred %p<3>; .reg .b32 %r<20>; .reg .b64 %rd<20>;
  ld.param.u64 %rd1, [out];
  ld.param.u32 %r10, [pair+4];
  mov.u32 %r1, %tid.x;
  and.b32 %r2, %r1, 3;
  mul.wide.u32 %rd2, %r2, 4;
  mov.u64 %rd3, table;
  add.s64 %rd4, %rd3, %rd2;
  ld.const.u32 %r3, [%rd4];
  mov.u64 %rd5, depot;
  cvta.local.u64 %rd6, %rd5;
  add.s64 %rd7, %rd6, %rd2;
  st.u32 [%rd7], %r1;
  add.s64 %rd8, %rd5, %rd2;
  ld.local.u32 %r4, [%rd8];
  mov.u64 %rd9, tile;
  cvta.shared.u64 %rd10, %rd9;
  mul.wide.u32 %rd11, %r1, 4;
  add.s64 %rd12, %rd10, %rd11;
  st.u32 [%rd12], %r3;
  cvta.to.shared.u64 %rd13, %rd12;
  cvt.u32.u64 %r5, %rd13;
  ld.shared.u32 %r6, [%r5];
  setp.lt.u32 %p1, %r1, 16;
  selp.b64 %rd14, %rd7, %rd12, %p1;
  ld.u32 %r7, [%rd14];
  ld.global.u32 %r8, [counter];
  ld.global.f32 %r9, [floats+4];
  add.s32 %r11, %r3, %r4;
  add.s32 %r11, %r11, %r6;
  add.s32 %r11, %r11, %r7;
  add.s32 %r11, %r11, %r8;
  add.s32 %r11, %r11, %r9;
  add.s32 %r11, %r11, %r10;
  add.s64 %rd15, %rd1, %rd11;
  st.global.u32 [%rd15], %r11;
  ret;
})"));
  if (!module) return;
  Buffer out(128);
  Outcome o = launch(*module, "t", 1, 32, Arguments().add(out).add(uint32_t(1)).add(uint32_t(70)));
  expect(!o.found, found(o));
  for (uint32_t t = 0; t < 32; ++t) {
    const uint32_t c = (t & 3) + 1;
    expect(out.as<uint32_t>()[t] == c + t + c + (t < 16 ? t : c) + 5 + 0x40000000 + 70, "thread " + std::to_string(t));
  }
  uint64_t address;
  size_t bytes;
  expect(module->global("counter", address, bytes) && bytes == 4 && *reinterpret_cast<uint32_t *>(address) == 5, "the module variable");
  expect(!module->global("nothing", address, bytes), "a variable that is not there");
}

TEST(parameters_have_offsets_and_sizes) {
  auto module = load(module_text(
      ".visible .entry t(.param .u32 a, .param .u64 .ptr .global .align 1 b, .param .align 8 .b8 c[20], .param .u8 d, .param .f32 e)\n"
      ".maxntid 128, 2, 1\n.minnctapersm 2\n{\nret;\n}\n"));
  if (!module) return;
  const KernelInfo &i = info(module->kernel("t"));
  const std::vector<std::pair<size_t, size_t>> expected = {{0, 4}, {8, 8}, {16, 20}, {36, 1}, {40, 4}};
  expect(i.parameters == expected && i.parameter_bytes == 44 && i.max_threads == 256, "parameters");
}

TEST(memory_of_devices) {
  Memory &memory = Memory::get();
  const size_t before = memory.used(0);
  Allocation *a = memory.allocate(0, 1000), *b = memory.allocate(1, 5), *c = memory.allocate(-1, 64);
  expect(a && b && c && a->base % 256 == 0, "allocation");
  expect((b->base ^ a->base) >> kDeviceBits & 31, "devices have ranges of their own");
  expect(memory.find(a->base + 999) == a && !memory.find(a->base + 1000) && memory.nearest(a->base + 1000) == a, "exact ends");
  expect(memory.used(0) == before + 1000, "used");
  expect(memory.release(a->base) && !memory.release(a->base) && memory.find(a->base) == a && a->freed, "release");
  memory.release(b->base);
  memory.release(c->base);
  settings().memory_bytes = 4096;
  expect(!memory.allocate(1, 5000), "a full device");
  settings() = {};
  Allocation *huge = memory.allocate(0, size_t(6) << 30);
  expect(huge, "six gigabytes");
  if (huge) {
    reinterpret_cast<char *>(huge->base)[huge->bytes - 1] = 1;
    memory.release(huge->base);
  }
}
