// Each instruction form with edge operands and the bits that must come out.
#include "core_rows.h"

using namespace core_test;

namespace {

const std::vector<Row> &rows() {
  static const std::vector<Row> all = {
      // integers
      {"add.s32", "www", {{{1, 2}, 3}, {{kIntMax, 1}, kIntMin}, {{0xffffffff, 1}, 0}}},
      {"add.s64", "lll", {{{0xffffffffffffffff, 1}, 0}, {{1ull << 62, 1ull << 62}, 1ull << 63}}},
      {"add.u16", "hhh", {{{0xffff, 2}, 1}}},
      {"add.sat.s32", "www", {{{kIntMax, 1}, kIntMax}, {{kIntMin, 0xffffffff}, kIntMin}, {{5, 6}, 11}}},
      {"sub.s32", "www", {{{1, 2}, 0xffffffff}, {{kIntMin, 1}, kIntMax}}},
      {"mul.lo.s32", "www", {{{0x10000, 0x10000}, 0}, {{0xffffffff, 7}, 0xfffffff9}}},
      {"mul.lo.s64", "lll", {{{0x100000001, 0x100000001}, 0x200000001}}},
      {"mul.lo.u16", "hhh", {{{0xffff, 0xffff}, 1}}},
      {"mul.hi.s32", "www", {{{0xffffffff, 2}, 0xffffffff}, {{kIntMin, kIntMin}, 0x40000000}}},
      {"mul.hi.u32", "www", {{{0xffffffff, 2}, 1}, {{0xD2511F53, 0xffffffff}, 0xD2511F52}}},
      {"mul.hi.u64", "lll", {{{~0ull, ~0ull}, ~0ull - 1}}},
      {"mul.hi.s64", "lll", {{{~0ull, 5}, ~0ull}}},
      {"mul.wide.s32", "lww", {{{0xffffffff, 4}, 0xfffffffffffffffc}, {{kIntMin, kIntMin}, 1ull << 62}}},
      {"mul.wide.u32", "lww", {{{0xffffffff, 0xffffffff}, 0xfffffffe00000001}}},
      {"mul.wide.s16", "whh", {{{0xffff, 3}, 0xfffffffd}}},
      {"mul.wide.u16", "whh", {{{0xffff, 3}, 0x2fffd}}},
      {"mad.lo.s32", "wwww", {{{3, 4, 5}, 17}, {{kIntMax, 2, 3}, 1}}},
      {"mad.hi.u32", "wwww", {{{0x80000000, 4, 5}, 7}}},
      {"mad.wide.s32", "lwwl", {{{0xffffffff, 2, 1}, ~0ull}}},
      {"mad.wide.u32", "lwwl", {{{0xffffffff, 2, 1}, 0x1ffffffff}}},
      {"div.s32",
       "www",
       {{{7, 2}, 3},
        {{0xfffffff9, 2}, 0xfffffffd},
        {{kIntMin, 0xffffffff}, kIntMin},
        {{5, 0}, 0xffffffff},
        {{kIntMax, kIntMax}, 1},
        {{kIntMin, 3}, 0xd5555556},
        {{2147483646, 2147483647}, 0}}},
      {"div.u32", "www", {{{0xffffffff, 2}, 0x7fffffff}, {{1, 0}, 0xffffffff}}},
      {"div.s64", "lll", {{{-7ull, 2}, -3ull}, {{1ull << 63, ~0ull}, 1ull << 63}}},
      {"rem.s32", "www", {{{7, 3}, 1}, {{0xfffffff9, 3}, 0xffffffff}, {{kIntMin, 0xffffffff}, 0}}},
      {"rem.u32", "www", {{{0xffffffff, 10}, 5}}},
      {"min.s32", "www", {{{0xffffffff, 1}, 0xffffffff}}},
      {"min.u32", "www", {{{0xffffffff, 1}, 1}}},
      {"max.s64", "lll", {{{~0ull, 1}, 1}}},
      {"max.u64", "lll", {{{~0ull, 1}, ~0ull}}},
      {"abs.s32", "ww", {{{0xffffffff}, 1}, {{kIntMin}, kIntMin}}},
      {"neg.s32", "ww", {{{1}, 0xffffffff}, {{kIntMin}, kIntMin}}},
      {"neg.s64", "ll", {{{1}, ~0ull}}},
      {"sad.u32", "wwww", {{{3, 7, 1}, 5}, {{7, 3, 1}, 5}}},
      // bits
      {"and.b32", "www", {{{0xff00ff00, 0x0ff00ff0}, 0x0f000f00}}},
      {"or.b64", "lll", {{{1ull << 63, 1}, 0x8000000000000001}}},
      {"xor.b32", "www", {{{0xffffffff, 0x0f0f0f0f}, 0xf0f0f0f0}}},
      {"not.b32", "ww", {{{0}, 0xffffffff}}},
      {"not.b16", "hh", {{{1}, 0xfffe}}},
      {"shl.b32", "www", {{{1, 31}, kIntMin}, {{1, 32}, 0}, {{1, 33}, 0}, {{1, 0xffffffff}, 0}, {{3, 0}, 3}}},
      {"shl.b64", "llw", {{{1, 63}, 1ull << 63}, {{1, 64}, 0}}},
      {"shl.b16", "hhw", {{{1, 15}, 0x8000}, {{1, 16}, 0}}},
      {"shr.u32", "www", {{{kIntMin, 31}, 1}, {{kIntMin, 32}, 0}, {{kIntMin, 40}, 0}}},
      {"shr.s32", "www", {{{kIntMin, 31}, 0xffffffff}, {{kIntMin, 32}, 0xffffffff}, {{kIntMax, 99}, 0}}},
      {"shr.s64", "llw", {{{1ull << 63, 64}, ~0ull}}},
      {"shr.u64", "llw", {{{1ull << 63, 63}, 1}, {{1ull << 63, 64}, 0}}},
      {"shr.s16", "hhw", {{{0x8000, 3}, 0xf000}}},
      {"bfe.u32",
       "wwww",
       {{{0x12345678, 8, 8}, 0x56}, {{0xffffffff, 28, 8}, 0xf}, {{0xffffffff, 0, 0}, 0}, {{0xdeadbeef, 0, 32}, 0xdeadbeef}}},
      {"bfe.s32", "wwww", {{{0x0000f000, 12, 4}, 0xffffffff}, {{0x00007000, 12, 4}, 7}, {{0x80000000, 28, 8}, 0xfffffff8}}},
      {"bfi.b32", "wwwww", {{{0xff, 0, 8, 4}, 0xf00}, {{0xff, 0xffffffff, 8, 8}, 0xffffffff}, {{1, 7, 40, 4}, 7}, {{1, 7, 3, 0}, 7}}},
      {"prmt.b32", "wwww", {{{0x33221100, 0x77665544, 0x7531}, 0x77553311}, {{0x00008000, 0, 0x9999}, 0xffffffff}}},
      {"popc.b32", "ww", {{{0xf0f0}, 8}}},
      {"popc.b64", "wl", {{{~0ull}, 64}}},
      {"clz.b32", "ww", {{{1}, 31}, {{0}, 32}}},
      {"clz.b64", "wl", {{{1}, 63}, {{0}, 64}}},
      {"brev.b32", "ww", {{{1}, kIntMin}, {{0x00ff0000}, 0x0000ff00}}},
      {"bfind.u32", "ww", {{{0}, 0xffffffff}, {{0x00010000}, 16}}},
      {"bfind.s32", "ww", {{{0xffffffff}, 0xffffffff}, {{0xfffffffe}, 0}}},
      {"shf.l.wrap.b32", "wwww", {{{0x80000000, 1, 1}, 3}, {{5, 7, 32}, 7}}},
      {"shf.r.clamp.b32", "wwww", {{{5, 7, 32}, 7}, {{5, 7, 40}, 7}}},
      {"selp.b32", "wwwp", {{{1, 2, 1}, 1}, {{1, 2, 0}, 2}}},
      {"selp.f64", "dddp", {{{1, 2, 1}, 1}, {{1, 2, 0}, 2}}},
      {"and.pred", "ppp", {{{1, 1}, 1}, {{1, 0}, 0}}},
      {"xor.pred", "ppp", {{{1, 1}, 0}, {{1, 0}, 1}}},
      {"not.pred", "pp", {{{1}, 0}, {{0}, 1}}},
      // fp32
      {"add.f32",
       "fff",
       {{{kOne, kOne}, 0x40000000},
        {{kInf, kNegInf}, kNaN},
        {{0x7fa5a5a5, kOne}, kNaN},
        {{kOne, 0xffc00000}, kNaN},
        {{kTiny, kTiny}, 2},
        {{kNegZero, kNegZero}, kNegZero},
        {{0x3f800001, 0x33800000}, 0x3f800002},
        {{kMax, kMax}, kInf}}},
      {"add.ftz.f32", "fff", {{{kTiny, kOne}, kOne}, {{kDenormal, 1}, 0}, {{0x80000001, 0x80000001}, kNegZero}}},
      {"add.rz.f32", "fff", {{{kOne, 0x33ffffff}, kOne}, {{kMax, kMax}, kMax}}},
      {"add.rp.f32", "fff", {{{kOne, kTiny}, 0x3f800001}}},
      {"add.rm.f32", "fff", {{{kOne, 0x80000001}, 0x3f7fffff}}},
      {"add.sat.f32", "fff", {{{kOne, kOne}, kOne}, {{kNegOne, 0}, 0}, {{kInf, kNegInf}, 0}, {{0x3f000000, 0}, 0x3f000000}}},
      {"sub.f32", "fff", {{{kOne, kOne}, 0}, {{0, kOne}, kNegOne}}},
      {"mul.f32", "fff", {{{kInf, 0}, kNaN}, {{kTiny, 0x3f000000}, 0}, {{kNegOne, 0}, kNegZero}, {{0x00800000, 0x3f000000}, 0x00400000}}},
      {"mul.ftz.f32", "fff", {{{0x00800000, 0x3f000000}, 0}}},
      {"fma.rn.f32",
       "ffff",
       {{{0x3f800001, 0x3f800001, 0xbf800002}, 0x28800000}, {{kInf, 0, kOne}, kNaN}, {{kMax, kMax, kNegInf}, kNegInf}}},
      {"mad.f32", "ffff", {{{0x3f800001, 0x3f800001, 0xbf800002}, 0x28800000}}},
      {"fma.rm.f32", "ffff", {{{kOne, kOne, 0x80000001}, 0x3f7fffff}}},
      {"fma.rz.f32", "ffff", {{{kOne, kOne, 0x33ffffff}, kOne}}},
      {"div.rn.f32", "fff", {{{kOne, 0x40400000}, 0x3eaaaaab}, {{kOne, 0}, kInf}, {{0, 0}, kNaN}, {{kOne, kNegZero}, kNegInf}}},
      {"div.approx.f32", "fff", {{{kOne, 0x40000000}, 0x3f000000}}},
      {"rcp.rn.f32", "ff", {{{0x40400000}, 0x3eaaaaab}, {{kInf}, 0}}},
      {"rcp.approx.ftz.f32", "ff", {{{0x40000000}, 0x3f000000}, {{kTiny}, kInf}, {{0x7e800001}, 0}}},
      {"sqrt.rn.f32", "ff", {{{0x40000000}, 0x3fb504f3}, {{kNegOne}, kNaN}, {{kNegZero}, kNegZero}}},
      {"rsqrt.approx.f32", "ff", {{{0x40800000}, 0x3f000000}, {{0}, kInf}, {{kNegZero}, kNegInf}, {{kNegOne}, kNaN}}},
      {"ex2.approx.f32", "ff", {{{0}, kOne}, {{0x41200000}, 0x44800000}, {{kNegInf}, 0}, {{0xc3150000}, 1}, {{0x7fc00001}, kNaN}}},
      {"ex2.approx.ftz.f32", "ff", {{{0xc3160000}, 0}}},
      {"lg2.approx.f32", "ff", {{{0x44800000}, 0x41200000}, {{0}, kNegInf}, {{kNegOne}, kNaN}, {{kTiny}, 0xc3150000}}},
      {"sin.approx.f32", "ff", {{{0}, 0}, {{kInf}, kNaN}}},
      {"cos.approx.f32", "ff", {{{0}, kOne}}},
      {"tanh.approx.f32", "ff", {{{kInf}, kOne}, {{kNegInf}, kNegOne}}},
      {"abs.f32", "ff", {{{kNegOne}, kOne}, {{kNegZero}, 0}}},
      {"neg.f32", "ff", {{{0}, kNegZero}}},
      {"min.f32",
       "fff",
       {{{kOne, kNaN}, kOne},
        {{kNaN, kOne}, kOne},
        {{kNaN, 0x7fc00000}, kNaN},
        {{0, kNegZero}, kNegZero},
        {{kNegZero, 0}, kNegZero},
        {{kNegInf, kOne}, kNegInf}}},
      {"max.f32", "fff", {{{kOne, kNaN}, kOne}, {{kNaN, kOne}, kOne}, {{0, kNegZero}, 0}, {{kNegZero, 0}, 0}, {{kNegOne, kOne}, kOne}}},
      {"max.NaN.f32", "fff", {{{kOne, 0x7fc00000}, kNaN}, {{kOne, 0}, kOne}}},
      {"copysign.f32", "fff", {{{kNegOne, 0x40000000}, 0xc0000000}}},
      {"testp.finite.f32", "pf", {{{kOne}, 1}, {{kInf}, 0}, {{kNaN}, 0}}},
      {"testp.subnormal.f32", "pf", {{{kTiny}, 1}, {{kOne}, 0}}},
      // fp64
      {"add.f64", "ddd", {{{kD1, kD1}, 0x4000000000000000}}},
      {"fma.rn.f64", "dddd", {{{kD1, kD1, kD1}, 0x4000000000000000}}},
      {"div.rn.f64", "ddd", {{{kD1, 0x4008000000000000}, 0x3fd5555555555555}}},
      {"sqrt.rn.f64", "dd", {{{0x4000000000000000}, 0x3ff6a09e667f3bcd}}},
      {"max.f64", "ddd", {{{kDNaN, kD1}, kD1}}},
      {"neg.f64", "dd", {{{0}, 1ull << 63}}},
      // comparisons
      {"setp.lt.s32", "pww", {{{0xffffffff, 0}, 1}, {{0, 0}, 0}}},
      {"setp.lt.u32", "pww", {{{0xffffffff, 0}, 0}}},
      {"setp.hs.u32", "pww", {{{0xffffffff, 0}, 1}}},
      {"setp.ge.s64", "pll", {{{~0ull, 0}, 0}, {{5, 5}, 1}}},
      {"setp.ne.b16", "phh", {{{5, 5}, 0}, {{5, 6}, 1}}},
      {"setp.gt.s16", "phh", {{{0xffff, 0}, 0}}},
      {"setp.eq.f32", "pff", {{{0, kNegZero}, 1}, {{kNaN, kNaN}, 0}}},
      {"setp.ne.f32", "pff", {{{kNaN, kOne}, 0}, {{kOne, 0}, 1}}},
      {"setp.neu.f32", "pff", {{{kNaN, kOne}, 1}, {{kOne, kOne}, 0}}},
      {"setp.lt.f32", "pff", {{{kNegOne, kOne}, 1}, {{kNaN, kOne}, 0}}},
      {"setp.ltu.f32", "pff", {{{kNaN, kOne}, 1}, {{kOne, kOne}, 0}}},
      {"setp.leu.f32", "pff", {{{kNaN, kOne}, 1}, {{kOne, kOne}, 1}}},
      {"setp.gtu.f32", "pff", {{{kNaN, kOne}, 1}, {{kOne, kOne}, 0}}},
      {"setp.geu.f32", "pff", {{{kOne, kNaN}, 1}, {{0, kOne}, 0}}},
      {"setp.equ.f32", "pff", {{{kOne, kNaN}, 1}, {{0, kOne}, 0}}},
      {"setp.num.f32", "pff", {{{kOne, kNaN}, 0}, {{0, kOne}, 1}}},
      {"setp.nan.f32", "pff", {{{kOne, kNaN}, 1}, {{0, kOne}, 0}}},
      {"setp.eq.ftz.f32", "pff", {{{kTiny, 0}, 1}}},
      {"setp.lt.f64", "pdd", {{{0, kD1}, 1}, {{kDNaN, kD1}, 0}}},
      {"set.lt.u32.s32", "www", {{{0xffffffff, 0}, 0xffffffff}, {{0, 0}, 0}}},
      {"set.eq.f32.f32", "fff", {{{kOne, kOne}, kOne}, {{kOne, 0}, 0}}},
      // conversions
      {"cvt.rzi.s32.f32",
       "wf",
       {{{0xbfc00000}, 0xffffffff},
        {{kNaN}, 0},
        {{kInf}, kIntMax},
        {{kNegInf}, kIntMin},
        {{0x4f000000}, kIntMax},
        {{0xcf000000}, kIntMin}}},
      {"cvt.rni.s32.f32", "wf", {{{0x3f000000}, 0}, {{0x3fc00000}, 2}, {{0x40200000}, 2}}},
      {"cvt.rmi.s32.f32", "wf", {{{0xbf000000}, 0xffffffff}}},
      {"cvt.rpi.s32.f32", "wf", {{{0x3dcccccd}, 1}}},
      {"cvt.rzi.u32.f32", "wf", {{{kNegOne}, 0}, {{kInf}, 0xffffffff}, {{0x4f7fffff}, 0xffffff00}}},
      {"cvt.rzi.u8.f32", "bf", {{{0x43800000}, 255}, {{kNegOne}, 0}, {{0x42c80000}, 100}}},
      {"cvt.rzi.s64.f32", "lf", {{{kInf}, 0x7fffffffffffffff}, {{kNegOne}, ~0ull}, {{kNaN}, 1ull << 63}}},
      {"cvt.rzi.u64.f64", "ld", {{{0x43f0000000000000}, ~0ull}, {{kD1}, 1}, {{kDNaN}, 1ull << 63}}},
      {"cvt.rn.f32.s32", "fw", {{{0x01000001}, 0x4b800000}, {{0x01000003}, 0x4b800002}, {{kIntMin}, 0xcf000000}}},
      {"cvt.rz.f32.s32", "fw", {{{0x01000003}, 0x4b800001}}},
      {"cvt.rn.f32.u32", "fw", {{{0xffffffff}, 0x4f800000}}},
      {"cvt.rn.f32.u8", "fb", {{{200}, 0x43480000}}},
      {"cvt.rn.f64.s64", "dl", {{{~0ull}, 0xbff0000000000000}}},
      {"cvt.rn.f32.f64", "fd", {{{0x3fd5555555555555}, 0x3eaaaaab}, {{kDInf}, kInf}, {{kDNaN}, kNaN}}},
      {"cvt.f64.f32", "df", {{{kOne}, kD1}}},
      {"cvt.rni.f32.f32", "ff", {{{0x40200000}, 0x40000000}, {{0xbf000000}, kNegZero}}},
      {"cvt.rzi.f32.f32", "ff", {{{0xbfc00000}, kNegOne}}},
      {"cvt.rmi.f32.f32", "ff", {{{0xbfc00000}, 0xc0000000}}},
      {"cvt.sat.f32.f32", "ff", {{{0x40000000}, kOne}, {{kNegOne}, 0}, {{kNaN}, 0}}},
      {"cvt.s64.s32", "lw", {{{0xffffffff}, ~0ull}}},
      {"cvt.u64.u32", "lw", {{{0xffffffff}, 0xffffffff}}},
      {"cvt.u32.u64", "wl", {{{0x1234567890}, 0x34567890}}},
      {"cvt.s32.s8", "wb", {{{0x80}, 0xffffff80}, {{0x1ff}, 0xffffffff}}},
      {"cvt.u32.u8", "wb", {{{0x1ff}, 0xff}}},
      {"cvt.s32.s16", "wh", {{{0x8000}, 0xffff8000}}},
      {"cvt.u16.u32", "hw", {{{0x12345}, 0x2345}}},
      {"cvt.sat.u8.s32", "bw", {{{300}, 255}, {{0xffffffff}, 0}}},
      {"cvt.sat.s32.s64", "wl", {{{1ull << 40}, kIntMax}}},
      {"cvt.rn.f16.f32", "hf", {{{kOne}, 0x3c00}, {{0x477ff000}, 0x7c00}, {{0x33800000}, 1}, {{kNaN}, 0x7fff}}},
      {"cvt.f32.f16", "fh", {{{0x3c00}, kOne}, {{1}, 0x33800000}, {{0xfc00}, kNegInf}}},
      {"cvt.rn.bf16.f32", "hf", {{{0x3f808000}, 0x3f80}, {{0x3f818000}, 0x3f82}, {{kInf}, 0x7f80}}},
      {"cvt.f32.bf16", "fh", {{{0x3f80}, kOne}}},
      {"cvt.rn.bf16x2.f32", "wff", {{{kOne, 0x40000000}, 0x3f804000}}},
      {"cvt.rna.tf32.f32", "wf", {{{0x3f801000}, 0x3f802000}, {{0x3f800fff}, kOne}}},
      // moves
      {"mov.b32", "ww", {{{0x7fa5a5a5}, 0x7fa5a5a5}}},
      {"mov.f32", "ff", {{{0x7fa5a5a5}, 0x7fa5a5a5}}},
      {"mov.u64", "ll", {{{~0ull}, ~0ull}}},
      {"mul24.lo.s32", "www", {{{0x00ffffff, 3}, 0xfffffffd}}},
  };
  return all;
}

}  // namespace

TEST(every_form_gives_the_expected_bits) { check_rows(rows()); }

TEST(lop3_follows_its_table) {
  for (uint32_t table : {0x80u, 0xfeu, 0x96u, 0xe8u, 0xcau, 0x1u}) {
    auto module = load(
        module_text(".visible .entry t(.param .u64 out)\n{\n.reg .b32 %r<6>; .reg .b64 %rd<2>;\nld.param.u64 %rd1, [out];\n"
                    "mov.u32 %r1, 0xf0;\nmov.u32 %r2, 0xcc;\nmov.u32 %r3, 0xaa;\nlop3.b32 %r4, %r1, %r2, %r3, " +
                    std::to_string(table) + ";\nst.global.u32 [%rd1], %r4;\nret;\n}\n"));
    if (!module) return;
    Buffer out(4);
    launch(*module, "t", 1, 1, Arguments().add(out));
    expect((out.as<uint32_t>()[0] & 0xff) == table,
           "table " + std::to_string(table) + " gave " + std::to_string(out.as<uint32_t>()[0] & 0xff));
  }
}

TEST(carries_go_up_a_chain) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .b32 %r<9>; .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, -1;
  mov.u32 %r2, 1;
  add.cc.u32 %r3, %r1, %r2;
  addc.cc.u32 %r4, %r1, 0;
  addc.u32 %r5, 5, 0;
  sub.cc.u32 %r6, 0, 1;
  subc.u32 %r7, 5, 0;
  mad.lo.cc.u32 %r8, %r1, %r1, %r1;
  madc.hi.u32 %r8, %r1, %r1, 0;
  st.global.v4.u32 [%rd1], {%r3, %r4, %r5, %r6};
  st.global.v2.u32 [%rd1+16], {%r7, %r8};
  ret;
})"));
  if (!module) return;
  Buffer out(32);
  launch(*module, "t", 1, 32, Arguments().add(out));
  const uint32_t expected[] = {0, 0, 6, 0xffffffff, 4, 0xffffffff};
  for (int n = 0; n < 6; ++n)
    expect(out.as<uint32_t>()[n] == expected[n], "word " + std::to_string(n) + " is " + std::to_string(out.as<uint32_t>()[n]));
}

TEST(combined_comparisons_and_guards) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .pred %p<5>; .reg .b32 %r<5>; .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd1, %rd1, %rd2;
  setp.ge.s32 %p1, %r1, 8;
  setp.lt.and.s32 %p2|%p3, %r1, 16, %p1;
  setp.eq.or.s32 %p4, %r1, 31, !%p1;
  mov.u32 %r2, 0;
  @%p2 add.s32 %r2, %r2, 1;
  @%p3 add.s32 %r2, %r2, 2;
  @%p4 add.s32 %r2, %r2, 4;
  @!%p4 add.s32 %r2, %r2, 8;
  st.global.u32 [%rd1], %r2;
  ret;
})"));
  if (!module) return;
  Buffer out(128);
  launch(*module, "t", 1, 32, Arguments().add(out));
  for (uint32_t t = 0; t < 32; ++t) {
    const bool p1 = t >= 8, p4 = t == 31 || !p1;
    const uint32_t want = (t < 16 && p1 ? 1 : 0) + (t >= 16 && p1 ? 2 : 0) + (p4 ? 4 : 8);
    expect(out.as<uint32_t>()[t] == want, "thread " + std::to_string(t));
  }
}

TEST(vectors_pack_and_unpack) {
  auto module = load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .b16 %rs<5>; .reg .b32 %r<7>; .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, 0x11112222;
  mov.u32 %r2, 0x33334444;
  mov.b64 %rd2, {%r1, %r2};
  mov.b64 {%r3, %r4}, %rd2;
  mov.b32 {%rs1, %rs2}, %r3;
  mov.b32 %r5, {%rs2, %rs1};
  mov.b64 {%r6, _}, %rd2;
  st.global.u64 [%rd1], %rd2;
  st.global.v2.u32 [%rd1+8], {%r4, %r5};
  st.global.u32 [%rd1+16], %r6;
  ret;
})"));
  if (!module) return;
  Buffer out(32);
  launch(*module, "t", 1, 32, Arguments().add(out));
  const uint32_t expected[] = {0x11112222, 0x33334444, 0x33334444, 0x22221111, 0x11112222};
  for (int n = 0; n < 5; ++n) expect(out.as<uint32_t>()[n] == expected[n], "word " + std::to_string(n));
}

TEST(unknown_forms_are_listed_with_their_lines) {
  std::string log;
  auto module = Module::load(module_text(R"(.visible .entry t(.param .u64 out)
{
  .reg .b32 %r<5>;
  wgmma.fence.sync.aligned;
  add.s32 %r1, %r2, %r3;
  mma.sync.aligned.m16n8k8.row.row.f32.tf32.tf32.f32 %r1, %r2;
  frobnicate.u32 %r1, %r2;
  add.s32 %r1, %r2, %nothing;
  ret;
})"),
                             0, log);
  expect(!module, "the module was loaded");
  expect(contains(log, "line 7") && contains(log, "line 9") && contains(log, "line 10") && contains(log, "line 11"), "log:\n" + log);
  expect(contains(log, "frobnicate.u32 %r1, %r2;"), "the text of the line is missing:\n" + log);
  expect(!contains(log, "line 8"), "a good line is in the log:\n" + log);
}
