// Tables of instruction forms: operands and the bits that must come out.
#pragma once
#include "core_test.h"

namespace core_test {

struct Case {
  std::vector<uint64_t> in;
  uint64_t out;
};
struct Row {
  const char *op;
  const char *types;  // of destination and sources: p b(8, in a 16-bit register) h w l, f d for floats
  std::vector<Case> cases;
};

inline constexpr uint64_t kNaN = 0x7fffffff, kInf = 0x7f800000, kNegInf = 0xff800000, kOne = 0x3f800000, kNegOne = 0xbf800000,
                          kNegZero = 0x80000000, kTiny = 0x00000001, kDenormal = 0x007fffff, kMax = 0x7f7fffff, kIntMin = 0x80000000,
                          kIntMax = 0x7fffffff;
inline constexpr uint64_t kD1 = 0x3ff0000000000000, kDInf = 0x7ff0000000000000, kDNaN = 0x7ff8000000000000;

// Every row runs twice: with all 32 lanes active, and with only as many as it has cases, which takes other code.
void check_rows(const std::vector<Row> &rows);

}  // namespace core_test
