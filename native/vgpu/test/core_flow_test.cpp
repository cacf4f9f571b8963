// Divergence, loops, early exits, calls, and the orders in which warps take turns.
#include "core_test.h"

using namespace core_test;

namespace {

void check(const std::string &body, uint32_t threads, uint32_t (*want)(uint32_t)) {
  auto module = load(kernel_with_result(body));
  if (!module) return;
  Buffer out(threads * 4);
  Outcome o = launch(*module, "t", 1, threads, Arguments().add(out).add(uint64_t(0)));
  expect(!o.found, found(o));
  expect_results(out, threads, want);
}

}  // namespace

TEST(nested_branches_meet_again) {
  check(R"(
  and.b32 %r2, %r1, 1;
  and.b32 %r3, %r1, 2;
  setp.eq.s32 %p1, %r2, 0;
  setp.eq.s32 %p2, %r3, 0;
  @%p1 bra EVEN;
  @%p2 bra ODD_A;
  add.s32 %r0, %r0, 1;
  bra.uni ODD;
ODD_A:
  add.s32 %r0, %r0, 10;
ODD:
  add.s32 %r0, %r0, 100;
  bra.uni MEET;
EVEN:
  @!%p2 bra MEET;
  add.s32 %r0, %r0, 1000;
MEET:
  add.s32 %r0, %r0, 10000;
  activemask.b32 %r4;
  setp.ne.s32 %p3, %r4, -1;
  @%p3 add.s32 %r0, %r0, 7777777;
)",
        32, [](uint32_t t) { return t & 1 ? (t & 2 ? 10101u : 10110u) : (t & 2 ? 10000u : 11000u); });
}

TEST(loops_of_different_lengths) {
  check(R"(
  mov.u32 %r2, 0;
LOOP:
  add.s32 %r0, %r0, %r2;
  add.s32 %r2, %r2, 1;
  setp.le.u32 %p1, %r2, %r1;
  @%p1 bra LOOP;
  activemask.b32 %r4;
  setp.ne.s32 %p3, %r4, -1;
  @%p3 add.s32 %r0, %r0, 7777777;
)",
        64, [](uint32_t t) { return t * (t + 1) / 2; });
}

TEST(loops_with_breaks_and_continues) {
  // for (i = 0; i < 20; ++i) { if (i == tid) break; if (i & 1) continue; sum += i; if (sum > 30) return after storing; }
  check(R"(
  mov.u32 %r2, 0;
LOOP:
  setp.eq.s32 %p1, %r2, %r1;
  @%p1 bra OUT;
  and.b32 %r3, %r2, 1;
  setp.eq.s32 %p2, %r3, 1;
  @%p2 bra NEXT;
  add.s32 %r0, %r0, %r2;
  setp.gt.s32 %p3, %r0, 30;
  @!%p3 bra NEXT;
  st.global.u32 [%rd1], %r0;
  ret;
NEXT:
  add.s32 %r2, %r2, 1;
  setp.lt.s32 %p4, %r2, 20;
  @%p4 bra LOOP;
OUT:
  add.s32 %r0, %r0, 1000;
)",
        32, [](uint32_t t) {
          uint32_t sum = 0;
          for (uint32_t i = 0; i < 20; ++i) {
            if (i == t) break;
            if (i & 1) continue;
            sum += i;
            if (sum > 30) return sum;
          }
          return sum + 1000;
        });
}

TEST(nested_loops_with_divergent_trips) {
  check(R"(
  and.b32 %r5, %r1, 3;
  mov.u32 %r2, 0;
OUTER:
  mov.u32 %r3, 0;
INNER:
  add.s32 %r0, %r0, 1;
  add.s32 %r3, %r3, 1;
  setp.le.s32 %p1, %r3, %r2;
  @%p1 bra INNER;
  add.s32 %r2, %r2, 1;
  setp.le.s32 %p2, %r2, %r5;
  @%p2 bra OUTER;
)",
        40, [](uint32_t t) {
          uint32_t n = (t & 3) + 1;
          return n * (n + 1) / 2;
        });
}

TEST(guarded_exits_and_scopes) {
  check(R"(
  setp.gt.u32 %p1, %r1, 20;
  @%p1 exit;
  {
    .reg .pred p; .reg .b32 t;
    setp.lt.u32 p, %r1, 5;
    @p bra L;
    mov.u32 t, 3;
    mov.u32 %r0, t;
  L:
  }
  {
    .reg .pred p;
    setp.lt.u32 p, %r1, 10;
    @p bra L;
    add.s32 %r0, %r0, 4;
  L:
  }
)",
        32, [](uint32_t t) { return t > 20 ? 0u : (t < 5 ? 0u : 3u) + (t < 10 ? 0u : 4u); });
}

TEST(calls_are_inlined) {
  auto module = load(module_text(R"(
.func (.param .b32 result) triple(.param .b32 a);
.visible .entry t(.param .u64 out)
{
  .reg .b32 %r<5>; .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd1, %rd1, %rd2;
  {
    .param .b32 param0;
    st.param.b32 [param0+0], %r1;
    .param .b32 retval0;
    call.uni (retval0), triple, (param0);
    ld.param.b32 %r2, [retval0+0];
  }
  {
    .param .b32 param0;
    st.param.b32 [param0+0], %r2;
    .param .b32 retval0;
    call.uni (retval0), triple, (param0);
    ld.param.b32 %r3, [retval0+0];
  }
  st.global.u32 [%rd1], %r3;
  ret;
}
.func (.param .b32 result) triple(.param .b32 a)
{
  .reg .b32 %r<5>; .reg .pred %p<2>;
  ld.param.u32 %r1, [a];
  setp.gt.u32 %p1, %r1, 3;
  @%p1 bra BIG;
  mul.lo.s32 %r2, %r1, 3;
  st.param.b32 [result+0], %r2;
  ret;
BIG:
  st.param.b32 [result+0], %r1;
  ret;
})"));
  if (!module) return;
  Buffer out(128);
  Outcome o = launch(*module, "t", 1, 32, Arguments().add(out));
  expect(!o.found, found(o));
  for (uint32_t t = 0; t < 32; ++t) {
    auto f = [](uint32_t a) { return a > 3 ? a : 3 * a; };
    expect(out.as<uint32_t>()[t] == f(f(t)), "thread " + std::to_string(t));
  }
}

TEST(special_registers_and_dimensions) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .b32 %r<20>; .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %tid.y;
  mov.u32 %r3, %tid.z;
  mov.u32 %r4, %ntid.x;
  mov.u32 %r5, %ntid.y;
  mad.lo.s32 %r6, %r3, %r5, %r2;
  mad.lo.s32 %r6, %r6, %r4, %r1;
  mov.u32 %r7, %ntid.z;
  mul.lo.s32 %r8, %r4, %r5;
  mul.lo.s32 %r8, %r8, %r7;
  mov.u32 %r9, %ctaid.x;
  mov.u32 %r10, %ctaid.y;
  mov.u32 %r11, %nctaid.x;
  mad.lo.s32 %r12, %r10, %r11, %r9;
  mad.lo.s32 %r13, %r12, %r8, %r6;
  mul.wide.u32 %rd2, %r13, 4;
  add.s64 %rd1, %rd1, %rd2;
  mov.u32 %r14, %laneid;
  mov.u32 %r15, %warpid;
  mad.lo.s32 %r16, %r15, 32, %r14;
  mov.u32 %r17, %lanemask_lt;
  popc.b32 %r18, %r17;
  mad.lo.s32 %r16, %r18, 1000, %r16;
  st.global.u32 [%rd1], %r16;
  ret;
})"));
  if (!module) return;
  const uint32_t threads = 5 * 3 * 4, blocks = 6;
  Buffer out(threads * blocks * 4);
  Launch l;
  l.kernel = module->kernel("t");
  l.grid[0] = 3, l.grid[1] = 2;
  l.block[0] = 5, l.block[1] = 3, l.block[2] = 4;
  l.arguments = Arguments().add(out).bytes;
  Outcome o = vgpu::run(l);
  expect(!o.found, found(o));
  for (uint32_t n = 0; n < threads * blocks; ++n) {
    const uint32_t t = n % threads;
    expect(out.as<uint32_t>()[n] == t + t % 32 * 1000, "thread " + std::to_string(n));
  }
}

TEST(blocks_give_the_same_over_threads_and_orders) {
  auto module = load(file_text("kernels.ptx"));
  if (!module) return;
  std::vector<float> first;
  for (int run = 0; run < 6; ++run) {
    settings().threads = run == 1 ? 4 : 1;
    settings().warps = run == 2   ? WarpOrder::reverse
                       : run == 3 ? WarpOrder::random
                       : run == 4 ? WarpOrder::one_warp_far
                                  : WarpOrder::round_robin;
    settings().seed = run;
    Buffer in(256 * 4 * 8), out(8 * 4);
    for (int n = 0; n < 256 * 8; ++n) in.as<float>()[n] = static_cast<float>((n * 7919) % 1000) / 999.0f;
    Outcome o = launch(*module, "block_sum", 8, 256, Arguments().add(in).add(out));
    expect(!o.found, found(o));
    std::vector<float> result(out.as<float>(), out.as<float>() + 8);
    if (first.empty()) first = result;
    expect(result == first, "run " + std::to_string(run) + " gave other sums");
  }
}

TEST(counters_count) {
  auto module = load(file_text("kernels.ptx"));
  if (!module) return;
  Buffer in(256 * 4 * 8), out(8 * 4);
  Outcome o = launch(*module, "block_sum", 8, 256, Arguments().add(in).add(out));
  const Counters &c = o.counters;
  expect(c.blocks == 8 && c.launches == 1, "blocks");
  expect(c.global_loads == 64 && c.global_load_bytes == 256 * 8 * 4, "global loads " + std::to_string(c.global_loads));
  expect(c.global_sectors_ideal == 64 * 4 + 8 && c.global_sectors == 64 * 4 + 8, "sectors " + std::to_string(c.global_sectors));
  expect(c.barriers == 8 * 8 * 9, "barriers " + std::to_string(c.barriers));
  expect(c.shared_wavefronts == c.shared_wavefronts_ideal, "bank conflicts where there are none");
}
