// Forms whose results the PTX ISA fixes where other machines differ.
#include "core_rows.h"

using namespace core_test;

TEST(a_number_that_is_none_becomes_an_integer) {
  check_rows({
      {"cvt.rni.u64.f32", "lf", {{{kNaN}, 1ull << 63}, {{0x40200000}, 2}}},
      {"cvt.rzi.s32.f64", "wd", {{{kDNaN}, kIntMin}, {{0xc1e0000000200000}, kIntMin}, {{kDInf}, kIntMax}, {{kD1}, 1}}},
      {"cvt.rzi.u32.f64", "wd", {{{kDNaN}, kIntMin}, {{kDInf}, 0xffffffff}, {{0xbff0000000000000}, 0}}},
      {"cvt.rzi.u16.f64", "hd", {{{kDNaN}, 0x8000}}},
      {"cvt.rzi.s8.f64", "bd", {{{kDNaN}, 0xff80}}},
      {"cvt.rzi.s8.f32", "bf", {{{kNaN}, 0}}},
  });
}

TEST(cache_hints_and_policies_are_read_and_ignored) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 in, .param .u64 out)
{
  .reg .pred %p<3>; .reg .b32 %r<10>; .reg .b64 %rd<10>;
  .shared .align 16 .b8 tile[64];
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  createpolicy.fractional.L2::evict_last.L2::evict_unchanged.b64 %rd3, 1.0;
  createpolicy.range.global.L2::evict_last.L2::evict_unchanged.b64 %rd4, [%rd1], 0x1000, 0x2000;
  createpolicy.cvt.L2.b64 %rd5, 0x14F0000000000000;
  prefetch.global.L2::evict_last [%rd1];
  applypriority.global.L2::evict_normal [%rd1], 128;
  ld.global.L1::evict_last.L2::cache_hint.L2::128B.u32 %r1, [%rd1], %rd3;
  ld.global.nc.L2::256B.u32 %r2, [%rd1+4];
  st.global.L2::cache_hint.v2.u32 [%rd2], {%r1, %r2}, %rd4;
  red.global.add.L2::cache_hint.u32 [%rd2], 5, %rd5;
  atom.global.add.L2::cache_hint.u32 %r3, [%rd2+4], 6, %rd5;
  mov.u32 %r4, tile;
  setp.ne.u32 %p1, %r4, 77;
  cp.async.cg.shared.global.L2::128B [%r4], [%rd1], 16;
  cp.async.cg.shared.global.L2::cache_hint.L2::256B [%r4+16], [%rd1], 16, 8, %rd3;
  cp.async.ca.shared.global.L2::64B [%r4+32], [%rd1], 4, %p1;
  cp.async.ca.shared.global [%r4+36], [%rd1], 4, !%p1;
  cp.async.wait_all;
  ld.shared.u32 %r5, [%r4+12];
  ld.shared.u32 %r6, [%r4+20];
  ld.shared.u32 %r7, [%r4+24];
  ld.shared.v2.u32 {%r8, %r9}, [%r4+32];
  st.global.v2.u32 [%rd2+8], {%r5, %r6};
  st.global.v2.u32 [%rd2+16], {%r7, %r8};
  st.global.u32 [%rd2+24], %r9;
  ret;
})"));
  if (!module) return;
  Buffer in(128), out(28);
  for (uint32_t n = 0; n < 4; ++n) in.as<uint32_t>()[n] = n + 1;
  Outcome o = launch(*module, "t", 1, 1, Arguments().add(in).add(out));
  expect(!o.found, found(o));
  const uint32_t expected[] = {6, 8, 4, 2, 0, 0, 1};
  for (int n = 0; n < 7; ++n)
    expect(out.as<uint32_t>()[n] == expected[n], "word " + std::to_string(n) + " is " + std::to_string(out.as<uint32_t>()[n]));
}
