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
