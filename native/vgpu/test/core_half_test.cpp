// Arithmetic, comparisons and conversions of fp16 and bf16 against sums and products in 113 bits, rounded once.
#include "core_test.h"
#include <bit>
#include <cmath>
#include <random>

using namespace core_test;

namespace {

using Quad = __float128;

struct Format {
  const char *name;
  int digits, least, infinity;  // of the fraction with its leading 1; smallest exponent; bits of infinity
};
const Format kHalf{"f16", 11, -14, 0x7c00}, kBfloat{"bf16", 8, -126, 0x7f80};

Quad value(const Format &f, uint32_t bits) {
  const int field = static_cast<int>(bits & 0x7fff) >> (f.digits - 1), rest = static_cast<int>(bits) & ((1 << (f.digits - 1)) - 1);
  const bool infinite = (bits & 0x7fff) >= static_cast<uint32_t>(f.infinity);
  double x = infinite ? (rest ? NAN : INFINITY)
                      : std::ldexp(field ? rest + (1 << (f.digits - 1)) : rest, f.least + std::max(field, 1) - 1 - (f.digits - 1));
  return bits & 0x8000 ? -x : x;
}
bool is_nan(Quad x) { return x != x; }
bool is_infinite(Quad x) { return !is_nan(x) && is_nan(x - x); }
bool negative(Quad x) { return std::signbit(static_cast<double>(x)); }

enum Rounding { kNearest, kDown, kUp, kZero };
// sticky: on which side of x the exact number lies.
uint32_t round_to(const Format &f, Quad x, int sticky = 0, Rounding rounding = kNearest) {
  if (is_nan(x)) return 0x7fff;
  const uint32_t sign = negative(x) ? 0x8000 : 0;
  if (is_infinite(x)) return sign | static_cast<uint32_t>(f.infinity);
  Quad m = sign ? -x : x;
  if (sign) sticky = -sticky;
  int e = f.least;
  for (m *= static_cast<Quad>(std::ldexp(1.0, f.digits - 1 - e)); m >= static_cast<Quad>(1 << f.digits); ++e) m /= 2;
  uint64_t n = static_cast<uint64_t>(m);
  const Quad rest = m - static_cast<Quad>(n);
  const bool inexact = rest > 0 || sticky > 0;
  if (rounding == kNearest) n += rest > Quad(0.5) || (rest == Quad(0.5) && (sticky > 0 || (sticky == 0 && n & 1)));
  else if (rounding == (sign ? kDown : kUp)) n += inexact;
  const uint32_t bits = static_cast<uint32_t>(n + (static_cast<uint64_t>(e - f.least) << (f.digits - 1)));
  if (bits < static_cast<uint32_t>(f.infinity)) return sign | bits;
  const bool stays = rounding == kZero || rounding == (sign ? kUp : kDown);
  return sign | static_cast<uint32_t>(f.infinity - stays);
}

// in holds 4 numbers of 8 bytes for each thread, out one.
std::string kernel_for(const std::string &op, const std::string &types) {
  auto bits = [](char t) { return t == 'h' ? 16 : t == 'l' || t == 'd' ? 64 : 32; };
  auto reg = [&](size_t n) { return (types[n] == 'h' ? "%rs" : bits(types[n]) == 64 ? "%rd" : "%r") + std::to_string(n); };
  std::string text =
      ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .b16 %rs<8>; .reg .b32 %r<12>; .reg .b64 %rd<16>; .reg .pred %p<4>;\n"
      "ld.param.u64 %rd8, [in];\nld.param.u64 %rd9, [out];\nmov.u32 %r9, %tid.x;\nmul.wide.u32 %rd10, %r9, 32;\n"
      "add.s64 %rd8, %rd8, %rd10;\nmul.wide.u32 %rd10, %r9, 8;\nadd.s64 %rd9, %rd9, %rd10;\n";
  for (size_t n = 1; n < types.size(); ++n)
    text += "ld.global.b" + std::to_string(bits(types[n])) + " " + reg(n) + ", [%rd8+" + std::to_string(8 * (n - 1)) + "];\n";
  if (op.find('$') != std::string::npos) {
    text += op.substr(1) + "\n";
  } else {
    text += op + " " + reg(0);
    for (size_t n = 1; n < types.size(); ++n) text += ", " + reg(n);
    text += ";\n";
  }
  return module_text(text + "st.global.b" + std::to_string(bits(types[0])) + " [%rd9], " + reg(0) + ";\nret;\n}\n");
}

using Operands = std::vector<uint64_t>;
// Runs op for 1000 threads with operands from `make` and compares the low `bits` of each result. Returns how many differ, if only by
// `tolerance`.
int compare(const std::string &op, const std::string &types, int bits, const std::function<uint64_t(size_t)> &make,
            const std::function<uint64_t(const Operands &)> &expected, uint64_t tolerance = 0) {
  auto module = load(kernel_for(op, types));
  if (!module) return 0;
  int different = 0;
  const uint32_t threads = 1000;
  Buffer in(threads * 32), out(threads * 8);
  for (uint32_t n = 0; n < threads * 4; ++n) in.as<uint64_t>()[n] = make(n % 4);
  Outcome o = launch(*module, "t", 1, threads, Arguments().add(in).add(out));
  if (o.found) fail(op + ": " + found(o));
  for (uint32_t t = 0; t < threads; ++t) {
    const Operands operands(in.as<uint64_t>() + t * 4, in.as<uint64_t>() + t * 4 + 4);
    const uint64_t mask = bits == 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
    const uint64_t is = out.as<uint64_t>()[t] & mask, should = expected(operands) & mask;
    different += is != should;
    if (is - should + tolerance > 2 * tolerance)
      fail(harness::text("%s of %llx, %llx, %llx: %llx instead of %llx", op.c_str(), (unsigned long long)operands[0],
                         (unsigned long long)operands[1], (unsigned long long)operands[2], (unsigned long long)is,
                         (unsigned long long)should));
  }
  return different;
}

// Bits of a format: any, or near 1 so that sums are not just the larger operand, or ends of the range.
uint32_t random_bits(std::mt19937 &random, const Format &f) {
  const uint32_t r = static_cast<uint32_t>(random()), one = static_cast<uint32_t>(-f.least + 1) << (f.digits - 1);
  switch (r >> 28) {
    case 0: return r % 16 < 8 ? 0x8000 * (r & 1) : static_cast<uint32_t>(f.infinity) | (r & 0x8001);
    case 1: return r & 0x800f;
    case 2: return (static_cast<uint32_t>(f.infinity) - 1 - r % 4) | (r & 0x8000);
    case 3:
    case 4: return r & 0xffff;
    default: return ((one + (r & ((8u << (f.digits - 1)) - 1))) - (4u << (f.digits - 1))) | (r >> 4 & 0x8000);
  }
}
uint32_t random_pair(std::mt19937 &random, const Format &f) {
  const uint32_t low = random_bits(random, f);
  return low | random_bits(random, f) << 16;
}

using Function = std::function<uint32_t(uint32_t, uint32_t, uint32_t)>;
// One value and two in a register.
void compare_both(const std::string &op, const Format &f, int count, const Function &expected) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  const std::string name = op + "." + f.name;
  compare(
      name, std::string(static_cast<size_t>(count) + 1, 'h'), 16, [&](size_t) { return random_bits(random, f); },
      [&](const Operands &o) { return expected(uint32_t(o[0]), uint32_t(o[1]), uint32_t(o[2])); });
  compare(
      name + "x2", std::string(static_cast<size_t>(count) + 1, 'w'), 32, [&](size_t) { return random_pair(random, f); },
      [&](const Operands &o) {
    const uint32_t a = uint32_t(o[0]), b = uint32_t(o[1]), c = uint32_t(o[2]);
    return expected(a & 0xffff, b & 0xffff, c & 0xffff) | expected(a >> 16, b >> 16, c >> 16) << 16;
      });
}

uint32_t flush(const Format &f, uint32_t bits) { return (bits & static_cast<uint32_t>(f.infinity)) ? bits : bits & 0x8000; }
uint32_t saturated(const Format &f, uint32_t bits) {
  const uint32_t one = static_cast<uint32_t>(-f.least + 1) << (f.digits - 1);
  return (bits & 0x8000) || (bits & 0x7fff) > static_cast<uint32_t>(f.infinity) ? 0 : std::min(bits, one);
}
uint32_t rectified(const Format &f, uint32_t bits) {
  return (bits & 0x7fff) > static_cast<uint32_t>(f.infinity) ? 0x7fff : bits & 0x8000 ? 0 : bits;
}
uint32_t sum(const Format &f, Quad p, Quad c) {
  const Quad s = p + c, q = s - p, error = (p - (s - q)) + (c - q);
  return round_to(f, s, error > 0 ? 1 : error < 0 ? -1 : 0);
}

}  // namespace

TEST(half_arithmetic_is_rounded_once) {
  for (const Format *format : {&kHalf, &kBfloat}) {
    const Format &f = *format;
    auto v = [&](uint32_t bits) { return value(f, bits); };
    const Function add = [&](uint32_t a, uint32_t b, uint32_t) { return sum(f, v(a), v(b)); };
    const Function sub = [&](uint32_t a, uint32_t b, uint32_t) { return sum(f, v(a), -v(b)); };
    const Function mul = [&](uint32_t a, uint32_t b, uint32_t) { return round_to(f, v(a) * v(b)); };
    const Function fma = [&](uint32_t a, uint32_t b, uint32_t c) { return sum(f, v(a) * v(b), v(c)); };
    auto relu = [&](const Function &g) -> Function { return [&](auto a, auto b, auto c) { return rectified(f, g(a, b, c)); }; };
    auto sat = [&](const Function &g) -> Function { return [&](auto a, auto b, auto c) { return saturated(f, g(a, b, c)); }; };
    auto ftz = [&](const Function &g) -> Function {
      return [&](auto a, auto b, auto c) { return flush(f, g(flush(f, a), flush(f, b), flush(f, c))); };
    };
    compare_both("add", f, 2, add);
    compare_both("sub.rn", f, 2, sub);
    compare_both("mul", f, 2, mul);
    compare_both("fma.rn", f, 3, fma);
    compare_both("fma.rn.relu", f, 3, relu(fma));
    if (format == &kBfloat) continue;
    compare_both("add.sat", f, 2, sat(add));
    compare_both("mul.ftz", f, 2, ftz(mul));
    compare_both("fma.rn.ftz", f, 3, ftz(fma));
    compare_both("fma.rn.sat", f, 3, sat(fma));
  }
}

// A product in the middle between two numbers, and a third operand that is too small for fp64 beside it but says which way to round.
TEST(half_fma_in_the_middle) {
  for (uint64_t sign : {0x0000, 0x8000}) {
    const Operands half{0x3e00, 0x3c01, 1 | sign}, bfloat{0x3fc0, 0x3f81, 0x0d80 | sign};
    compare(
        "fma.rn.f16", "hhhh", 16, [&](size_t n) { return n < 3 ? half[n] : 0; }, [&](const Operands &) { return sign ? 0x3e01 : 0x3e02; });
    compare(
        "fma.rn.bf16", "hhhh", 16, [&](size_t n) { return n < 3 ? bfloat[n] : 0; },
        [&](const Operands &) { return sign ? 0x3fc1 : 0x3fc2; });
  }
}

TEST(half_minimum_and_maximum) {
  for (const Format *format : {&kHalf, &kBfloat}) {
    const Format &f = *format;
    for (bool most : {false, true}) {
      for (bool nan : {false, true}) {
        const Function select = [&](uint32_t a, uint32_t b, uint32_t) -> uint32_t {
          const Quad x = value(f, a), y = value(f, b);
          if (is_nan(x) || is_nan(y)) return nan || (is_nan(x) && is_nan(y)) ? 0x7fff : is_nan(x) ? b : a;
          if (x == y) return ((a & 0x8000) != 0) == most ? b : a;
          return (x < y) == most ? b : a;
        };
        const std::string name = std::string(most ? "max" : "min") + (nan ? ".NaN" : "");
        compare_both(name, f, 2, select);
        compare_both(name + ".xorsign.abs", f, 2, [&](uint32_t a, uint32_t b, uint32_t c) {
          const uint32_t r = select(a & 0x7fff, b & 0x7fff, c);
          return r == 0x7fff ? r : r | ((a ^ b) & 0x8000);
        });
      }
    }
    compare_both("neg", f, 1, [](uint32_t a, uint32_t, uint32_t) { return a ^ 0x8000; });
    compare_both("abs", f, 1, [](uint32_t a, uint32_t, uint32_t) { return a & 0x7fff; });
  }
}

TEST(half_comparisons) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  for (const Format *format : {&kHalf, &kBfloat}) {
    const Format &f = *format;
    const std::string t = f.name;
    auto less = [&](uint64_t a, uint64_t b) { return value(f, a & 0xffff) < value(f, b & 0xffff); };
    auto bits = [&](size_t) { return random_bits(random, f); };
    auto pair = [&](size_t) { return random_pair(random, f); };
    const uint64_t one = f.least == -14 ? 0x3c00 : 0x3f80;
    compare("set.lt." + t + "." + t, "hhh", 16, bits, [&](const Operands &o) { return less(o[0], o[1]) ? one : 0; });
    compare("set.lt.u32." + t, "whh", 32, bits, [&](const Operands &o) { return less(o[0], o[1]) ? ~uint64_t(0) : 0; });
    compare("set.geu." + t + "x2." + t + "x2", "www", 32, pair,
            [&](const Operands &o) { return (less(o[0], o[1]) ? 0 : one) | (less(o[0] >> 16, o[1] >> 16) ? 0 : one << 16); });
    compare("set.lt.u32." + t + "x2", "www", 32, pair,
            [&](const Operands &o) { return uint64_t(less(o[0], o[1]) ? 0xffff : 0) | (less(o[0] >> 16, o[1] >> 16) ? 0xffff0000 : 0); });
    // Both predicates; the third operand is the one that the first replaces.
    compare(
        "$setp.ne.s32 %p1, %r3, 0; setp.lt.or." + t +
            "x2 %p1|%p2, %r1, %r2, %p1; selp.u32 %r4, 1, 0, %p1; selp.u32 %r5, 2, 0, %p2;"
            " add.u32 %r0, %r4, %r5;",
        "wwww", 32, [&](size_t n) { return n == 2 ? random() & 1 : random_pair(random, f); },
        [&](const Operands &o) { return o[2] ? 3 : uint64_t(less(o[0], o[1])) | uint64_t(less(o[0] >> 16, o[1] >> 16)) << 1; });
    compare("$setp.lt." + t + " %p1|%p2, %rs1, %rs2; selp.u32 %r4, 1, 0, %p1; selp.u32 %r5, 2, 0, %p2; add.u32 %r0, %r4, %r5;", "whh", 32,
            bits, [&](const Operands &o) { return less(o[0], o[1]) ? 1 : 2; });
  }
  compare(
      "set.eq.ftz.f16.f16", "hhh", 16, [&](size_t) { return random() & 0x83ff; }, [](const Operands &) { return 0x3c00; });
}

TEST(half_conversions) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  const std::pair<const char *, Rounding> roundings[] = {{"rn", kNearest}, {"rm", kDown}, {"rp", kUp}, {"rz", kZero}};
  for (const Format *format : {&kHalf, &kBfloat}) {
    const Format &f = *format;
    const std::string t = f.name;
    // Floats that lie at, beside and between the format's numbers.
    auto single = [&](size_t) -> uint64_t {
      const float x = static_cast<float>(value(f, random_bits(random, f)));
      const uint32_t half_unit = 1u << (23 - f.digits);
      return std::bit_cast<uint32_t>(x) + half_unit * (random() % 3) + static_cast<uint32_t>(random() % 3) - 1;
    };
    auto twice = [&](size_t) -> uint64_t {
      const double x = static_cast<double>(value(f, random_bits(random, f)));
      return std::bit_cast<uint64_t>(x) + (uint64_t(1) << (52 - f.digits)) * (random() % 3) + random() % 3 - 1;
    };
    auto whole = [&](size_t) -> uint64_t { return (uint64_t(random()) << 32 | random()) >> (random() % 64); };
    auto bits = [&](size_t) { return random_bits(random, f); };
    for (auto [name, rounding] : roundings) {
      const std::string r = std::string("cvt.") + name + ".";
      const Rounding direction = rounding;
      compare(r + t + ".f32", "hf", 16, single,
              [&](const Operands &o) { return round_to(f, std::bit_cast<float>(uint32_t(o[0])), 0, direction); });
      compare(r + t + ".f64", "hd", 16, twice, [&](const Operands &o) { return round_to(f, std::bit_cast<double>(o[0]), 0, direction); });
      compare(r + t + ".s32", "hw", 16, whole, [&](const Operands &o) { return round_to(f, int32_t(o[0]), 0, direction); });
      compare(r + t + ".u32", "hw", 16, whole, [&](const Operands &o) { return round_to(f, uint32_t(o[0]), 0, direction); });
      compare(r + t + ".s64", "hl", 16, whole, [&](const Operands &o) { return round_to(f, int64_t(o[0]), 0, direction); });
      compare(r + t + ".u64", "hl", 16, whole, [&](const Operands &o) { return round_to(f, o[0], 0, direction); });
      compare(r + t + ".u16", "hh", 16, whole, [&](const Operands &o) { return round_to(f, uint16_t(o[0]), 0, direction); });
    }
    compare("cvt.rn.relu." + t + ".f32", "hf", 16, single,
            [&](const Operands &o) { return rectified(f, round_to(f, std::bit_cast<float>(uint32_t(o[0])))); });
    compare("cvt.rn." + t + "x2.f32", "wff", 32, single, [&](const Operands &o) {
      return round_to(f, std::bit_cast<float>(uint32_t(o[0]))) << 16 | round_to(f, std::bit_cast<float>(uint32_t(o[1])));
    });
    compare(
        "cvt.f64." + t, "dh", 64, [&](size_t) { return random_bits(random, f) & 0xbbff; },
        [&](const Operands &o) { return std::bit_cast<uint64_t>(static_cast<double>(value(f, uint32_t(o[0]) & 0xffff))); });
    compare("cvt.rzi.s32." + t, "wh", 32, bits, [&](const Operands &o) -> uint64_t {
      const double x = static_cast<double>(value(f, uint32_t(o[0])));
      return x != x ? 0 : static_cast<uint32_t>(static_cast<int64_t>(std::clamp(x, -2147483648.0, 2147483647.0)));
    });
    compare("cvt.rmi." + t + "." + t, "hh", 16, bits, [&](const Operands &o) {
      const double x = static_cast<double>(value(f, uint32_t(o[0])));
      return round_to(f, std::floor(x));
    });
  }
}

TEST(half_functions) {
  for (const Format *format : {&kHalf, &kBfloat}) {
    const Format &f = *format;
    for (bool power : {true, false}) {
      const bool ftz = power && format == &kBfloat;
      const Function function = [&](uint32_t a, uint32_t, uint32_t) {
        const double x = static_cast<double>(value(f, ftz ? flush(f, a) : a));
        const uint32_t r = round_to(f, power ? std::exp2(x) : std::tanh(x));
        return ftz ? flush(f, r) : r;
      };
      const std::string name = power ? ftz ? "ex2.approx.ftz" : "ex2.approx" : "tanh.approx";
      settings().perturb = false;
      compare_both(name, f, 1, function);
      settings().perturb = true;
      std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
      const int moved = compare(
          name + "." + f.name, "hh", 16, [&](size_t) { return random_bits(random, f) & 0xbfff; },
          [&](const Operands &o) { return function(uint32_t(o[0]), 0, 0); }, 1);
      expect(moved > 100, name + ": perturb moves " + std::to_string(moved));
    }
  }
}

TEST(half_atomics) {
  for (const Format *format : {&kHalf, &kBfloat}) {
    const std::string t = format->name;
    auto module = load(module_text(
        ".visible .entry t(.param .u64 out)\n{\n.reg .b16 %rs<5>; .reg .b32 %r<5>; .reg .b64 %rd<3>;\n.shared .align 4 .b8 sum[4];\n"
        "ld.param.u64 %rd1, [out];\nmov.u32 %r2, 0;\nst.shared.u32 [sum], %r2;\nbar.sync 0;\nmov.u32 %r1, 1;\ncvt.rn." +
        t + ".u32 %rs1, %r1;\nmov.b32 %r2, {%rs1, %rs1};\natom.global.add.noftz." + t + " %rs2, [%rd1], %rs1;\nred.global.add.noftz." + t +
        "x2 [%rd1+4], %r2;\natom.shared.add.noftz." + t +
        " %rs3, [sum+2], %rs1;\nbar.sync 0;\nld.shared.u32 %r3, [sum];\n"
        "st.global.u32 [%rd1+8], %r3;\nret;\n}\n"));
    if (!module) continue;
    Buffer out(12);
    Outcome o = launch(*module, "t", 1, 32, Arguments().add(out));
    expect(!o.found, found(o));
    const uint32_t all = round_to(*format, 32), *is = out.as<uint32_t>();
    expect(is[0] == all && is[1] == (all | all << 16) && is[2] == all << 16,
           harness::text("%s: %x %x %x", format->name, is[0], is[1], is[2]));
  }
  auto module = load(module_text(
      ".visible .entry t(.param .u64 out)\n{\n.reg .b16 %rs<5>; .reg .b64 %rd<3>;\nld.param.u64 %rd1, [out];\nmov.b16 %rs1, 0;\n"
      "mov.b16 %rs2, 7;\natom.global.cas.b16 %rs3, [%rd1+2], %rs1, %rs2;\natom.global.cas.b16 %rs4, [%rd1+2], %rs1, %rs1;\n"
      "st.global.b16 [%rd1], %rs4;\nret;\n}\n"));
  if (!module) return;
  Buffer out(4);
  launch(*module, "t", 1, 1, Arguments().add(out));
  expect(out.as<uint32_t>()[0] == 0x00070007, "compare and swap of 16 bits");
}
