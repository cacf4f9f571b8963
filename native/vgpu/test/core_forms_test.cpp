// Forms whose results the PTX ISA fixes where other machines differ.
#include "core_rows.h"
#include <algorithm>
#include <cmath>

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

TEST(approximate_divisions_and_reciprocals) {
  const uint64_t big = 0x7f000000, bigger = 0x7f000001;  // 2^127; one more; 2^126 is 0x7e800000
  check_rows({
      {"div.approx.f32",
       "fff",
       {{{kOne, 0x7e800000}, 0x00800000},
        {{kOne, big}, 0},
        {{kNegOne, big}, kNegZero},
        {{kOne, 0xff000000}, kNegZero},
        {{kInf, big}, kNaN},
        {{kInf, bigger}, kNaN},
        {{kNaN, big}, kNaN},
        {{kOne, kInf}, 0},
        {{kInf, 0x7e800000}, kInf},
        {{kInf, kInf}, kNaN}}},
      {"div.full.f32", "fff", {{{kOne, big}, 0x00400000}, {{kInf, big}, kInf}, {{kMax, kMax}, kOne}}},
      // the low words of the argument and the result do not count; denormals are zeros
      {"rcp.approx.ftz.f64",
       "dd",
       {{{0x4008000000000000}, 0x3fd5555500000000},
        {{0x40080000ffffffff}, 0x3fd5555500000000},
        {{0x000fffffffffffff}, kDInf},
        {{0x8000000000000001}, 0xfff0000000000000},
        {{kDInf}, 0},
        {{0x7fefffff00000000}, 0},
        {{kDNaN}, 0x7fffffff00000000}}},
      {"rsqrt.approx.ftz.f64",
       "dd",
       {{{0x4010000000000000}, 0x3fe0000000000000},
        {{0x40100000ffffffff}, 0x3fe0000000000000},
        {{0xbff0000000000000}, 0x7fffffff00000000},
        {{0x8000000000000001}, 0xfff0000000000000}}},
      {"rsqrt.approx.f64", "dd", {{{0x4010000000000000}, 0x3fe0000000000000}, {{0}, kDInf}}},
  });
}

namespace {

// Every form with perturb, over arguments from `low` to `high` (or their powers of two): the error in units of `bound` must come close to 1
// and never pass it.
void check_errors(const std::string &form, bool exponential, double low, double high, double (*exact)(double),
                  double (*bound)(double x, double exact)) {
  auto module = load(module_text(
      ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .f32 %f<3>; .reg .b32 %r<4>; .reg .b64 %rd<5>;\n"
      "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\nmov.u32 %r2, %ctaid.x;\nmad.lo.u32 %r1, %r2, 128, %r1;\n"
      "mul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\nld.global.f32 %f1, [%rd1];\n" +
      form + ";\nst.global.f32 [%rd2], %f2;\nret;\n}\n"));
  if (!module) return;
  const uint32_t count = 128 * 32;
  Buffer in(count * 4), out(count * 4);
  for (uint32_t n = 0; n < count; ++n) {
    const double x = low + (high - low) * (n + 0.5) / count;
    in.as<float>()[n] = static_cast<float>(exponential ? std::exp2(x) : x);
  }
  settings().perturb = true;
  double worst = 0;
  for (uint64_t seed : {1, 2}) {
    settings().seed = seed;
    Outcome o = launch(*module, "t", count / 128, 128, Arguments().add(in).add(out));
    expect(!o.found, found(o));
    for (uint32_t n = 0; n < count; ++n) {
      const double x = in.as<float>()[n], e = exact(x), error = std::abs(out.as<float>()[n] - e) / bound(x, e);
      worst = std::max(worst, error);
      if (error > 1) return fail(form + " of " + std::to_string(x) + " is off by " + std::to_string(error) + " times the bound");
    }
  }
  expect(worst > 0.7, form + " is off by " + std::to_string(worst) + " times the bound at most");
}

template <int n> double ulps(double, double e) { return n * std::ldexp(1.0, std::ilogb(e) - 23); }
template <int n> double relative(double, double e) { return std::abs(e) * std::exp2(-n / 10.0); }
template <int n> double absolute(double, double) { return std::exp2(-n / 10.0); }

}  // namespace

TEST(perturbed_results_stay_within_the_bounds_and_reach_them) {
  check_errors(
      "rcp.approx.f32 %f2, %f1", true, -100, 100, [](double x) { return 1 / x; }, ulps<1>);
  check_errors(
      "rcp.approx.ftz.f32 %f2, %f1", false, 1, 2, [](double x) { return 1 / x; }, ulps<1>);
  check_errors(
      "div.approx.f32 %f2, 0f40400000, %f1", true, -100, 100, [](double x) { return 3 / x; }, ulps<2>);
  check_errors(
      "div.full.f32 %f2, 0f40400000, %f1", true, -120, 127.9, [](double x) { return 3 / x; }, ulps<2>);
  check_errors(
      "sqrt.approx.f32 %f2, %f1", true, -120, 120, [](double x) { return std::sqrt(x); }, relative<230>);
  check_errors(
      "rsqrt.approx.f32 %f2, %f1", true, -120, 120, [](double x) { return 1 / std::sqrt(x); }, relative<229>);
  check_errors(
      "sin.approx.f32 %f2, %f1", false, -6.28, 6.28, [](double x) { return std::sin(x); }, absolute<205>);
  check_errors(
      "cos.approx.f32 %f2, %f1", false, -6.28, 6.28, [](double x) { return std::cos(x); }, absolute<205>);
  check_errors(
      "sin.approx.f32 %f2, %f1", false, 6.3, 314, [](double x) { return std::sin(x); }, absolute<147>);
  check_errors(
      "lg2.approx.f32 %f2, %f1", false, 0.5, 1.99, [](double x) { return std::log2(x); }, absolute<220>);
  check_errors(
      "lg2.approx.f32 %f2, %f1", true, 1.01, 120, [](double x) { return std::log2(x); }, relative<220>);
  // of the rounded result, which may be half a unit off itself
  check_errors(
      "ex2.approx.f32 %f2, %f1", false, -120, 120, [](double x) { return std::exp2(x); },
      [](double x, double e) { return ulps<2>(x, e) + std::abs(static_cast<float>(e) - e); });
  check_errors(
      "tanh.approx.f32 %f2, %f1", false, -9, 9, [](double x) { return std::tanh(x); }, relative<110>);
}

TEST(exact_values_are_not_perturbed) {
  settings().perturb = true;
  check_rows({
      {"sin.approx.f32", "ff", {{{0}, 0}, {{kNegZero}, kNegZero}, {{kInf}, kNaN}}},
      {"cos.approx.f32", "ff", {{{0}, kOne}, {{kNegZero}, kOne}}},
      {"tanh.approx.f32", "ff", {{{0}, 0}, {{kTiny}, kTiny}}},
      {"lg2.approx.f32", "ff", {{{0}, kNegInf}, {{kInf}, kInf}, {{kNegOne}, kNaN}}},
      {"rcp.approx.f32", "ff", {{{0}, kInf}, {{kNegInf}, kNegZero}}},
      {"ex2.approx.f32", "ff", {{{kInf}, kInf}, {{kNegInf}, 0}}},
  });
}

TEST(bit_masks_extensions_and_dot_products) {
  check_rows({
      {"bmsk.clamp.b32",
       "www",
       {{{1, 2}, 6}, {{0, 32}, 0xffffffff}, {{4, 40}, 0xfffffff0}, {{32, 1}, 0}, {{28, 8}, 0xf0000000}, {{3, 0}, 0}, {{0, 31}, kIntMax}}},
      {"bmsk.wrap.b32", "www", {{{1, 2}, 6}, {{33, 2}, 6}, {{0, 32}, 0}, {{31, 1}, kIntMin}, {{30, 33}, 0x40000000}}},
      {"szext.clamp.s32", "www", {{{0xf8, 4}, 0xfffffff8}, {{0x78, 8}, 0x78}, {{5, 0}, 0}, {{0x12345678, 32}, 0x12345678}, {{1, 1}, ~0u}}},
      {"szext.wrap.s32", "www", {{{0xf8, 36}, 0xfffffff8}, {{5, 32}, 0}}},
      {"szext.clamp.u32", "www", {{{0xf8, 4}, 8}, {{0xffffffff, 31}, kIntMax}, {{0x80000000, 40}, 0x80000000}}},
      {"szext.wrap.u32", "www", {{{0xffffffff, 0}, 0}, {{0xffffffff, 33}, 1}}},
      {"dp4a.u32.u32", "wwww", {{{0x01020304, 0x0a0b0c0d, 5}, 10 + 22 + 36 + 52 + 5}, {{0xffffffff, 0xffffffff, 0}, 4 * 255 * 255}}},
      {"dp4a.s32.s32", "wwww", {{{0xffffffff, 0x01020304, 0}, 0xfffffff6}, {{0x80808080, 0x80808080, 1}, 4 * 128 * 128 + 1}}},
      {"dp4a.s32.u32", "wwww", {{{0xff000000, 0xff000000, 0}, 0xffffff01}}},
      {"dp4a.u32.s32", "wwww", {{{0xff000000, 0xff000000, 0}, 0xffffff01}}},
      {"dp2a.lo.u32.u32", "wwww", {{{0x00020003, 0xffff0507, 1}, 2 * 5 + 3 * 7 + 1}, {{0xffffffff, 0xffff, 0}, 2u * 65535 * 255}}},
      {"dp2a.hi.s32.s32", "wwww", {{{0xffff0001, 0x02030000, 0}, 1}}},
      {"dp2a.lo.s32.u32", "wwww", {{{0x8000ffff, 0xff01, 0}, 0u - 32768 * 255 - 1}}},
  });
}

TEST(least_and_largest_of_absolute_values_and_of_three) {
  const uint64_t two = 0x40000000, three = 0x40400000, minus_two = 0xc0000000;
  check_rows({
      {"min.xorsign.abs.f32",
       "fff",
       {{{minus_two, three}, minus_two},
        {{minus_two, 0xc0400000}, two},
        {{kNaN, minus_two}, minus_two},
        {{kNaN, kNaN}, kNaN},
        {{0, kNegOne}, kNegZero}}},
      {"max.NaN.xorsign.abs.f32", "fff", {{{minus_two, three}, 0xc0400000}, {{kNaN, two}, kNaN}}},
      {"max.ftz.xorsign.abs.f32", "fff", {{{0x80000001, kTiny}, kNegZero}}},
      {"min.f32", "ffff", {{{three, two, kNegOne}, kNegOne}, {{kNaN, two, three}, two}, {{kNaN, kNaN, kNaN}, kNaN}}},
      {"max.NaN.f32", "ffff", {{{three, two, kNegOne}, three}, {{kNaN, two, three}, kNaN}, {{two, three, kNaN}, kNaN}}},
      {"max.abs.f32", "ffff", {{{kNegOne, minus_two, kOne}, two}}},
      {"min.ftz.NaN.abs.f32", "ffff", {{{kNegOne, 0x80000001, kOne}, 0}}},
  });
}

TEST(logic_with_a_predicate) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .pred %p<6>; .reg .b32 %r<8>; .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  mad.wide.u32 %rd2, %r1, 8, %rd1;
  setp.gt.u32 %p1, %r1, 1;
  and.b32 %r2, %r1, 1;
  mov.u32 %r6, 0;
  lop3.and.b32 %r3|%p2, %r2, %r2, %r2, 0x80, %p1;
  lop3.or.b32 _|%p3, %r2, %r2, %r2, 0x80, %p1;
  lop3.or.b32 _|%p4, %r2, %r2, %r2, 0x80, !%p1;
  @%p2 add.s32 %r6, %r6, 1;
  @%p3 add.s32 %r6, %r6, 2;
  @%p4 add.s32 %r6, %r6, 4;
  st.global.v2.u32 [%rd2], {%r3, %r6};
  ret;
})"));
  if (!module) return;
  Buffer out(32);
  Outcome o = launch(*module, "t", 1, 4, Arguments().add(out));
  expect(!o.found, found(o));
  const uint32_t expected[] = {0, 4, 1, 2 + 4, 0, 2, 1, 1 + 2 + 4};
  for (int n = 0; n < 8; ++n)
    expect(out.as<uint32_t>()[n] == expected[n], "word " + std::to_string(n) + " is " + std::to_string(out.as<uint32_t>()[n]));
}

TEST(one_unknown_statement_is_one_line_of_the_log) {
  std::string log;
  auto module = Module::load(module_text(R"(.func (.param .b32 r) strange(.param .b32 a)
{
  .reg .b32 %r<5>;
  frobnicate.b32 %r1, {%r2, %r3};
  ret;
}
.visible .entry t(.param .u64 out)
.explicitcluster
{
  .reg .b32 %r<5>;
  bra.uni NOWHERE;
}
.visible .entry u(.param .u64 out)
{
  .reg .b32 %r<9>; .reg .f32 %f<5>; .reg .b64 %rd<3>; .reg .b32 %odd<2>;
  tex.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%rd1, {%f1, %f2}];
  add.s32 %r1, %r2, %r3;
  {
    .param .b32 p; .param .b32 q;
    call.uni (q), strange, (p);
    call.uni (q), strange, (p);
    tex.1d.v4.f32.s32 {%f1, %f2, %f3, %f4}, [%rd1, {%r1}];
    .unknown_directive %r1;
    sub.s32 %r4, %r1, %r2;
  }
  add.s32 %r1, %r4, %r3;
  ret;
}
)"),
                             0, log);
  expect(!module, "the module was loaded");
  const char *lines[] = {"PTX line 7: ", "PTX line 11: ", "PTX line 19: ", "PTX line 25: ", "PTX line 26: "};
  for (const char *line : lines) expect(contains(log, line), std::string(line) + "is missing in:\n" + log);
  expect(std::count(log.begin(), log.end(), '\n') == 5, "more than five lines:\n" + log);
}
