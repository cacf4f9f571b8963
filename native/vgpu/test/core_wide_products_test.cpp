// mma of bytes and of fp64, against the tables of the PTX manual and sums written a second time; and how fp64 is rounded in mma and wmma.
#include "core_test.h"
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <random>

using namespace core_test;

namespace {

struct Form {
  int m, k;
  const char *a, *b;
  bool saturate;
  int of_a() const { return m * k / 128; }  // registers
  int of_b() const { return k / 16; }
  int sums() const { return m / 4; }
};

std::string registers(const char *prefix, int from, int count) {
  std::string text = "{";
  for (int n = 0; n < count; ++n) text += (n ? ", " : "") + std::string(prefix) + std::to_string(from + n);
  return text + "}";
}

// Four words of each lane of a, b and c.
std::string kernel_for(const Form &f) {
  return module_text(
      ".visible .entry t(.param .u64 a, .param .u64 b, .param .u64 c)\n{\n.reg .b32 %r<16>; .reg .b64 %rd<6>;\nld.param.u64 %rd1, [a];\n"
      "ld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 16;\nadd.s64 %rd1, %rd1, %rd4;\n"
      "add.s64 %rd2, %rd2, %rd4;\nadd.s64 %rd3, %rd3, %rd4;\nld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%rd1];\n"
      "ld.global.v2.b32 {%r6, %r7}, [%rd2];\nld.global.v4.b32 {%r8, %r9, %r10, %r11}, [%rd3];\nmma.sync.aligned.m" +
      std::to_string(f.m) + "n8k" + std::to_string(f.k) + ".row.col" + (f.saturate ? ".satfinite" : "") + ".s32." + f.a + "." + f.b +
      ".s32 " + registers("%r", 8, f.sums()) + ", " + registers("%r", 2, f.of_a()) + ", " + registers("%r", 6, f.of_b()) + ", " +
      registers("%r", 8, f.sums()) + ";\nst.global.v4.b32 [%rd3], {%r8, %r9, %r10, %r11};\nret;\n}\n");
}

// Doubles of each lane: two of a and b, of which the first counts, and two of c.
std::string kernel_of_doubles(const std::string &rounding) {
  return module_text(
      ".visible .entry t(.param .u64 a, .param .u64 b, .param .u64 c)\n{\n.reg .b32 %r<2>; .reg .f64 %fd<5>; .reg .b64 %rd<6>;\n"
      "ld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 16;\n"
      "add.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\nadd.s64 %rd3, %rd3, %rd4;\nld.global.f64 %fd1, [%rd1];\n"
      "ld.global.f64 %fd2, [%rd2];\nld.global.v2.f64 {%fd3, %fd4}, [%rd3];\nmma.sync.aligned.m8n8k4.row.col" +
      rounding + ".f64.f64.f64.f64 {%fd3, %fd4}, {%fd1}, {%fd2}, {%fd3, %fd4};\nst.global.v2.f64 [%rd3], {%fd3, %fd4};\nret;\n}\n");
}
// The same with matrices row by row, by way of wmma.
std::string wmma_of_doubles(const std::string &rounding) {
  return module_text(
      ".visible .entry t(.param .u64 a, .param .u64 b, .param .u64 c)\n{\n.reg .f64 %fd<5>; .reg .b64 %rd<4>;\nld.param.u64 %rd1, [a];\n"
      "ld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\nwmma.load.a.sync.aligned.row.m8n8k4.global.f64 {%fd1}, [%rd1];\n"
      "wmma.load.b.sync.aligned.row.m8n8k4.global.f64 {%fd2}, [%rd2];\nwmma.load.c.sync.aligned.row.m8n8k4.global.f64 {%fd3, %fd4}, "
      "[%rd3];\n"
      "wmma.mma.sync.aligned.row.row.m8n8k4.f64.f64.f64.f64" +
      rounding +
      " {%fd3, %fd4}, {%fd1}, {%fd2}, {%fd3, %fd4};\nwmma.store.d.sync.aligned.row.m8n8k4.global.f64 [%rd3], {%fd3, %fd4};\n"
      "ret;\n}\n");
}

struct Doubles {
  double a[8][4], b[4][8], c[8][8];
};
Doubles random_doubles(std::mt19937_64 &random) {
  Doubles d;
  auto fill = [&](double *from, int count) {
    for (int n = 0; n < count; ++n)
      from[n] = std::ldexp(static_cast<double>(static_cast<int64_t>(random())), static_cast<int>(random() % 20) - 70);
  };
  fill(d.a[0], 32);
  fill(d.b[0], 32);
  fill(d.c[0], 64);
  return d;
}

// False if the module does not load.
bool multiply(bool is_wmma, const std::string &rounding, Doubles &d) {
  auto module = load(is_wmma ? wmma_of_doubles(rounding) : kernel_of_doubles(rounding));
  if (!module) return false;
  Buffer a(512), b(512), c(512);
  auto place = [&](int r, int x) -> double & { return c.as<double>()[is_wmma ? r * 8 + x : (r * 4 + x / 2) * 2 + x % 2]; };
  for (int r = 0; r < 8; ++r)
    for (int x = 0; x < 8; ++x) {
      place(r, x) = d.c[r][x];
      if (x >= 4) continue;
      a.as<double>()[is_wmma ? r * 4 + x : (r * 4 + x) * 2] = d.a[r][x];
      b.as<double>()[is_wmma ? x * 8 + r : (r * 4 + x) * 2] = d.b[x][r];
    }
  const Outcome o = launch(*module, "t", 1, 32, Arguments().add(a).add(b).add(c));
  expect(!o.found && o.counters.tensor == 1, found(o));
  for (int r = 0; r < 8; ++r)
    for (int x = 0; x < 8; ++x) d.c[r][x] = place(r, x);
  return true;
}

}  // namespace

TEST(products_of_bytes) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  int outside = 0, products = 0;
  for (const auto &[m, k] : {std::pair{8, 16}, {16, 16}, {16, 32}})
    for (int types = 0; types < 8; ++types) {
      const Form f{m, k, types & 1 ? "s8" : "u8", types & 2 ? "s8" : "u8", (types & 4) != 0};
      auto module = load(kernel_for(f));
      if (!module) continue;
      for (int turn = 0; turn < 10; ++turn, ++products) {
        Buffer a(512), b(512), c(512);
        for (int n = 0; n < 128; ++n) {
          a.as<uint32_t>()[n] = static_cast<uint32_t>(random());
          b.as<uint32_t>()[n] = static_cast<uint32_t>(random());
          c.as<uint32_t>()[n] = static_cast<uint32_t>(random()) | (turn % 2 ? 0x7ff00000 : 0);
        }
        auto number = [](const char *type, const Buffer &from, int lane, int i) -> int {
          const uint8_t bits = from.as<uint8_t>()[lane * 16 + i];
          return type[0] == 's' ? static_cast<int8_t>(bits) : bits;
        };
        // As the tables say: row, column and the i-th element of a lane.
        int left[16][32], right[32][8];
        int64_t should[16][8];
        for (int l = 0; l < 32; ++l) {
          const int group = l >> 2, member = l & 3;
          for (int i = 0; i < 4 * f.of_a(); ++i) {
            const bool below = f.m == 16 && (f.k == 16 ? i >= 4 : !(i < 4 || (i >= 8 && i < 12)));
            left[group + 8 * below][member * 4 + (i & 3) + (i >= 8 ? 16 : 0)] = number(f.a, a, l, i);
          }
          for (int i = 0; i < 4 * f.of_b(); ++i) right[member * 4 + (i & 3) + (i >= 4 ? 16 : 0)][group] = number(f.b, b, l, i);
          for (int i = 0; i < f.sums(); ++i) should[group + (i >= 2 ? 8 : 0)][member * 2 + (i & 1)] = c.as<int32_t>()[l * 4 + i];
        }
        const int64_t least = std::numeric_limits<int32_t>::min(), most = std::numeric_limits<int32_t>::max();
        bool leaves = false;
        for (int r = 0; r < f.m; ++r)
          for (int x = 0; x < 8; ++x) {
            for (int n = 0; n < f.k; ++n) should[r][x] += left[r][n] * right[n][x];
            leaves |= should[r][x] < least || should[r][x] > most;
            should[r][x] = f.saturate ? std::clamp(should[r][x], least, most) : static_cast<int32_t>(should[r][x]);
          }
        outside += leaves;
        const Outcome o = launch(*module, "t", 1, 32, Arguments().add(a).add(b).add(c));
        expect(!o.found && o.counters.tensor == 1, found(o));
        for (int l = 0; l < 32; ++l)
          for (int i = 0; i < f.sums(); ++i) {
            const int64_t is = c.as<int32_t>()[l * 4 + i], want = should[(l >> 2) + (i >= 2 ? 8 : 0)][(l & 3) * 2 + (i & 1)];
            if (is != want)
              fail(harness::text("m%dn8k%d %s %s, lane %d, sum %d: %lld instead of %lld", f.m, f.k, f.a, f.b, l, i,
                                 static_cast<long long>(is), static_cast<long long>(want)));
          }
      }
    }
  expect(outside > products / 4, "too few sums leave the range");
}

TEST(products_of_doubles_are_rounded_as_they_say) {
  std::mt19937_64 random(harness::state().seed);
  const std::pair<const char *, int> roundings[] = {
      {"", FE_TONEAREST}, {".rn", FE_TONEAREST}, {".rz", FE_TOWARDZERO}, {".rm", FE_DOWNWARD}, {".rp", FE_UPWARD}};
  for (const auto &[name, mode] : roundings)
    for (const bool is_wmma : {false, true}) {
      const Doubles before = random_doubles(random);
      Doubles after = before;
      if (!multiply(is_wmma, name, after)) continue;
      for (int r = 0; r < 8; ++r)
        for (int x = 0; x < 8; ++x) {
          volatile double sum = before.c[r][x];
          std::fesetround(mode);
          for (int k = 0; k < 4; ++k) sum = std::fma(before.a[r][k], before.b[k][x], sum);
          std::fesetround(FE_TONEAREST);
          if (after.c[r][x] != sum)
            fail(harness::text("%s%s, row %d, column %d: %a instead of %a", is_wmma ? "wmma" : "mma", name, r, x, after.c[r][x], sum));
        }
    }
}

TEST(adversarial_sums_of_doubles_take_any_order) {
  std::mt19937_64 random(harness::state().seed);
  for (const bool is_wmma : {false, true}) {
    int different = 0;
    for (int turn = 0; turn < 5; ++turn) {
      const Doubles before = random_doubles(random);
      Doubles in_order = before, after = before, again = before;
      settings().seed = static_cast<uint64_t>(turn);
      settings().accumulation = Accumulation::exact;
      multiply(is_wmma, "", in_order);
      settings().accumulation = Accumulation::adversarial;
      multiply(is_wmma, "", after);
      multiply(is_wmma, "", again);
      for (int r = 0; r < 8; ++r)
        for (int x = 0; x < 8; ++x) {
          double magnitude = std::fabs(before.c[r][x]);
          for (int k = 0; k < 4; ++k) magnitude += std::fabs(before.a[r][k] * before.b[k][x]);
          expect(std::fabs(after.c[r][x] - in_order.c[r][x]) <= magnitude * 8 * 0x1p-53, "the error is too large");
          expect(after.c[r][x] == again.c[r][x], "the same seed gives another sum");
          different += after.c[r][x] != in_order.c[r][x];
        }
    }
    expect(different > 32, "hardly anything differs: " + std::to_string(different) + " of 320");
  }
}
