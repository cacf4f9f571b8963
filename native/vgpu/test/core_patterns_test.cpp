// What the interpreter does in one go must be what it does one by one: multiply-adds side by side, and patterns of lanes seen before.
#include "core_test.h"
#include <bit>
#include <random>

using namespace core_test;

namespace {

// Sums, factors that are overwritten, a common factor on either side, a result that is its own factor. With a guard, which is true, each
// is by itself.
std::string multiply_adds(const std::string &guard) {
  std::string text = R"(.visible .entry t(.param .u64 from, .param .u64 to)
{
  .reg .pred %p<3>; .reg .f32 %f<8>; .reg .b32 %r<4>; .reg .b64 %rd<6>;
  ld.param.u64 %rd1, [from];
  ld.param.u64 %rd2, [to];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd3, %r1, 32;
  add.s64 %rd4, %rd1, %rd3;
  add.s64 %rd5, %rd2, %rd3;
  ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd4];
  ld.global.v4.f32 {%f4, %f5, %f6, %f7}, [%rd4+16];
  setp.gt.u32 %p1, %r1, 37;
  setp.lt.u32 %p2, %r1, 999;
  @%p1 bra SOME;
)";
  const char *lines[] = {"%f0, %f1, %f2, %f0", "%f3, %f1, %f4, %f3", "%f5, %f4, %f1, %f5", "%f1, %f1, %f2, %f6",
                         "%f7, %f1, %f2, %f7", "%f6, %f2, %f1, %f0", "%f2, %f2, %f2, %f2", "%f4, %f2, %f6, %f5"};
  for (const char *label : {"", "SOME:\n"}) {
    text += label;
    for (const char *line : lines) text += "  " + guard + "fma.rn.f32 " + line + ";\n";
    if (!*label) text += "  bra END;\n";
  }
  return module_text(text + R"(END:
  st.global.v4.f32 [%rd5], {%f0, %f1, %f2, %f3};
  st.global.v4.f32 [%rd5+16], {%f4, %f5, %f6, %f7};
  ret;
})");
}

}  // namespace

TEST(multiply_adds_side_by_side) {
  auto joined = load(multiply_adds("")), apart = load(multiply_adds("@%p2 "));
  if (!joined || !apart) return;
  constexpr uint32_t threads = 64, count = threads * 8;
  Buffer from(count * 4), one(count * 4), other(count * 4);
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  for (int round = 0; round < 20; ++round) {
    // Some rounds have no NaN, infinity or overflow at all.
    const uint32_t special[] = {0x7fc12345u, 0xffa00001u, 0x7f800000u, 0xff800000u, 0x00000001u, 0x80000000u, 0x7f7fffffu, 0u};
    for (uint32_t n = 0; n < count; ++n) {
      const uint32_t plain = 0x3f000000u | (random() & 0x80ffffffu);
      from.as<uint32_t>()[n] = round % 2 && random() % 16 == 0 ? special[random() % 8] : plain;
    }
    launch(*joined, "t", 1, threads, Arguments().add(from).add(one));
    launch(*apart, "t", 1, threads, Arguments().add(from).add(other));
    for (uint32_t n = 0; n < count; ++n) {
      const uint32_t is = one.as<uint32_t>()[n], want = other.as<uint32_t>()[n];
      expect(is == want, "thread " + std::to_string(n / 8) + ", register " + std::to_string(n % 8) + ": " + std::to_string(is) +
                             " instead of " + std::to_string(want));
    }
  }
}

TEST(patterns_that_come_again) {
  // Rows of 4 words a lane, swizzled in 7 ways by turns: more than an instruction remembers. Lanes from %n on have left.
  auto module = load(module_text(R"(.visible .entry t(.param .u64 to, .param .u32 lanes)
{
  .shared .align 16 .b8 tile[1024];
  .reg .pred %p<3>; .reg .b32 %r<14>; .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [to];
  ld.param.u32 %r9, [lanes];
  mov.u32 %r1, %tid.x;
  setp.ge.u32 %p1, %r1, %r9;
  @%p1 exit;
  mov.u32 %r2, 0;
  mov.u32 %r8, 0;
LOOP:
  rem.u32 %r3, %r2, 7;
  xor.b32 %r4, %r1, %r3;
  shl.b32 %r5, %r4, 4;
  mov.u32 %r10, tile;
  add.s32 %r6, %r10, %r5;
  mad.lo.u32 %r10, %r1, 16, %r10;
  mad.lo.u32 %r7, %r1, 1000, %r2;
  st.shared.v4.u32 [%r6], {%r7, %r7, %r7, %r2};
  ld.shared.v4.u32 {%r11, %r12, %r10, %r13}, [%r10];
  mad.lo.u32 %r7, %r4, 1000, %r2;  // of the lane that wrote there
  sub.s32 %r10, %r10, %r7;
  or.b32 %r8, %r8, %r10;
  add.s32 %r2, %r2, 1;
  setp.lt.u32 %p2, %r2, 70;
  @%p2 bra LOOP;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd3, %rd1, %rd2;
  st.global.u32 [%rd3], %r8;
  ret;
})"));
  if (!module) return;
  Buffer out(128);
  for (uint32_t lanes : {32u, 16u, 24u}) {
    std::fill(out.as<uint32_t>(), out.as<uint32_t>() + 32, 1u);
    Outcome o = launch(*module, "t", 1, 32, Arguments().add(out).add(lanes));
    expect(!o.found, found(o));
    for (uint32_t t = 0; t < 32; ++t) expect(out.as<uint32_t>()[t] == (t < lanes ? 0 : 1), "thread " + std::to_string(t));
    // 16 bytes go by quarters of a warp, here without conflicts.
    const uint64_t quarters = lanes / 8;
    expect(o.counters.shared_wavefronts == 70 * (quarters + quarters), std::to_string(o.counters.shared_wavefronts) + " wavefronts");
    expect(o.counters.shared_wavefronts_ideal == o.counters.shared_wavefronts, "conflicts");
  }
}
