// Fragments and their products against the tables of the PTX manual, element by element, and sums against models written a second time.
#include "core_test.h"
#include <bit>
#include <cmath>
#include <random>

using namespace core_test;

namespace {

float bfloat(uint32_t bits) { return std::bit_cast<float>(bits << 16); }
float half(uint32_t bits) {
  const int field = bits >> 10 & 31, digits = bits & 1023;
  const float magnitude = field == 31 ? (digits ? NAN : INFINITY)
                                      : std::ldexp(float(field ? digits | 1024 : digits), (field ? field : 1) - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

struct Form {
  const char *type;  // of a and b
  int k;
  bool half_sums;
  int bits() const { return type[0] == 't' ? 32 : 16; }
  int registers() const { return k * bits() / 64; }  // of a
  float value(uint32_t x) const { return type[0] == 'b' ? bfloat(x) : type[0] == 'f' ? half(x) : std::bit_cast<float>(x & ~0x1fffu); }
  int least() const { return type[0] == 'f' ? -14 : -126; }
  int block() const { return type[0] == 't' ? 4 : 8; }  // on compute capability 8
};
const Form kForms[] = {{"bf16", 16, false}, {"bf16", 8, false}, {"f16", 16, false}, {"f16", 8, false},
                       {"f16", 16, true},   {"f16", 8, true},   {"tf32", 8, false}, {"tf32", 4, false}};

std::string registers(const char *prefix, int from, int count) {
  std::string text = "{";
  for (int n = 0; n < count; ++n) text += (n ? ", " : "") + std::string(prefix) + std::to_string(from + n);
  return text + "}";
}

std::string kernel_for(const Form &f) {
  const std::string sums = f.half_sums ? "f16" : "f32";
  const int c = f.half_sums ? 2 : 4, a = f.registers();
  std::string text =
      ".visible .entry t(.param .u64 a, .param .u64 b, .param .u64 c)\n{\n.reg .b32 %r<16>; .reg .b64 %rd<6>;\nld.param.u64 %rd1, [a];\n"
      "ld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 16;\n"
      "add.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\nadd.s64 %rd3, %rd3, %rd4;\n";
  auto load = [&](int from, int count, const char *at) {
    for (int n = 0; n < count; ++n)
      text += "ld.global.b32 %r" + std::to_string(from + n) + ", [" + at + "+" + std::to_string(4 * n) + "];\n";
  };
  load(2, a, "%rd1");
  load(6, a / 2, "%rd2");
  load(8, c, "%rd3");
  text += "mma.sync.aligned.m16n8k" + std::to_string(f.k) + ".row.col." + sums + "." + f.type + "." + f.type + "." + sums + " " +
          registers("%r", 8, c) + ", " + registers("%r", 2, a) + ", " + registers("%r", 6, a / 2) + ", " + registers("%r", 8, c) + ";\n";
  for (int n = 0; n < c; ++n) text += "st.global.b32 [%rd3+" + std::to_string(4 * n) + "], %r" + std::to_string(8 + n) + ";\n";
  return module_text(text + "ret;\n}\n");
}

// Matrices as bits of their types.
struct Matrices {
  uint32_t a[16][16] = {}, b[16][8] = {}, c[16][8] = {};
};

// Calls f(register, element within it, row, column) for all that lane l has, as the manual's figures say.
template <class F> void elements_of_a(const Form &f, int l, F each) {
  for (int r = 0; r < f.registers(); ++r)
    for (int e = 0; e < 32 / f.bits(); ++e) each(r, e, l / 4 + r % 2 * 8, f.bits() == 32 ? l % 4 + r / 2 * 4 : l % 4 * 2 + e + r / 2 * 8);
}
template <class F> void elements_of_b(const Form &f, int l, F each) {
  for (int r = 0; r < f.registers() / 2; ++r)
    for (int e = 0; e < 32 / f.bits(); ++e) each(r, e, f.bits() == 32 ? l % 4 + r * 4 : l % 4 * 2 + e + r * 8, l / 4);
}
template <class F> void elements_of_c(const Form &f, int l, F each) {
  for (int r = 0; r < (f.half_sums ? 2 : 4); ++r)
    for (int e = 0; e < (f.half_sums ? 2 : 1); ++e)
      each(r, e, l / 4 + (f.half_sums ? r : r / 2) * 8, l % 4 * 2 + (f.half_sums ? e : r % 2));
}

void multiply(const Module &module, const Form &f, Matrices &m) {
  Buffer a(512), b(512), c(512);
  for (int l = 0; l < 32; ++l) {
    auto word = [&](const Buffer &to, int r) -> uint32_t & { return to.as<uint32_t>()[l * 4 + r]; };
    elements_of_a(f, l, [&](int r, int e, int row, int k) { word(a, r) |= m.a[row][k] << 16 * e; });
    elements_of_b(f, l, [&](int r, int e, int k, int column) { word(b, r) |= m.b[k][column] << 16 * e; });
    elements_of_c(f, l, [&](int r, int e, int row, int column) { word(c, r) |= m.c[row][column] << 16 * e; });
  }
  Outcome o = launch(module, "t", 1, 32, Arguments().add(a).add(b).add(c));
  if (o.found) fail(found(o));
  expect(o.counters.tensor == 1 && o.counters.fma == 0, "an mma is counted as tensor");
  for (int l = 0; l < 32; ++l)
    elements_of_c(f, l, [&](int r, int e, int row, int column) {
      const uint32_t bits = c.as<uint32_t>()[l * 4 + r];
      m.c[row][column] = f.half_sums ? bits >> 16 * e & 0xffff : bits;
    });
}

// Rounded to nearest even, straight from the exact number.
uint32_t half_bits(double x) {
  if (x != x) return 0x7fff;
  const uint32_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isinf(x)) return sign | 0x7c00;
  const int e = x == 0 ? -14 : std::max(std::ilogb(x), -14);
  const double digits = std::nearbyint(std::fabs(std::ldexp(x, 10 - e)));  // up to 2048, which carries into the exponent
  const uint32_t bits = static_cast<uint32_t>(digits) + static_cast<uint32_t>(e + 14) * 1024;
  return sign | std::min<uint32_t>(bits, 0x7c00);
}

uint32_t float_bits(float x) { return x == x ? std::bit_cast<uint32_t>(x) : 0x7fffffff; }

uint32_t published(const Form &f, const Matrices &m, int row, int column, bool hopper) {
  const int block = std::min(f.k, f.block() * (hopper ? 2 : 1)), below = hopper ? 25 : 24;
  uint32_t sum = m.c[row][column];
  for (int from = 0; from < f.k; from += block) {
    const float c = f.half_sums ? half(sum) : std::bit_cast<float>(sum);
    double terms[17] = {c}, total = c;
    int largest = c == 0 ? -126 : std::max(std::ilogb(c), -126), n = 1;
    for (int k = from; k < from + block; ++k, ++n) {
      const float a = f.value(m.a[row][k]), b = f.value(m.b[k][column]);
      terms[n] = double(a) * b;
      total += terms[n];
      if (a != 0 && b != 0) largest = std::max(largest, std::max(std::ilogb(a), f.least()) + std::max(std::ilogb(b), f.least()));
    }
    if (!std::isfinite(total)) {
      sum = f.half_sums ? half_bits(total) : float_bits(static_cast<float>(total));
      continue;
    }
    __int128 digits = 0;
    for (int t = 0; t < n; ++t) digits += static_cast<__int128>(std::trunc(std::ldexp(terms[t], below - largest)));
    const bool negative = digits < 0;
    uint64_t magnitude = static_cast<uint64_t>(negative ? -digits : digits);
    int scale = largest - below;
    if (f.half_sums) {
      sum = half_bits(std::ldexp(negative ? -double(magnitude) : double(magnitude), scale));
      continue;
    }
    for (; magnitude >= 1u << 24 || (magnitude && scale < -149); ++scale) magnitude >>= 1;
    const double result = std::ldexp(double(magnitude), scale);
    sum = float_bits(static_cast<float>(result)) | (negative && magnitude ? 0x80000000u : 0);
  }
  return sum;
}

uint32_t exact(const Form &f, const Matrices &m, int row, int column) {
  double sum = 0;
  for (int k = 0; k < f.k; ++k) sum += double(f.value(m.a[row][k])) * f.value(m.b[k][column]);
  sum += f.half_sums ? half(m.c[row][column]) : std::bit_cast<float>(m.c[row][column]);
  return f.half_sums ? half_bits(sum) : float_bits(static_cast<float>(sum));
}

enum Kind { kOrdinary, kWide, kAnything, kSparse, kKinds };
uint32_t random_value(std::mt19937 &random, const Form &f, bool sum, Kind kind) {
  const bool small = sum && f.half_sums;
  if (kind == kSparse && random() % 4) return 0;
  uint32_t bits = static_cast<uint32_t>(random());
  if (kind == kOrdinary || kind == kSparse) {
    const float x = std::bit_cast<float>((bits & 0x807fffff) | (122 + bits % 8) << 23);
    bits = std::bit_cast<uint32_t>(x);
    if (small || (!sum && f.type[0] == 'f')) return half_bits(x);
    return !sum && f.type[0] == 'b' ? bits >> 16 : bits;
  }
  if (small || (!sum && f.type[0] == 'f')) {
    bits &= 0xffff;
    return kind == kWide && (bits & 0x7c00) == 0x7c00 ? bits ^ 0x4000 : bits;
  }
  // Exponents of the operands that neither overflow nor vanish, or any bits at all with more infinities than chance would give.
  if (kind == kWide) bits = (bits & 0x807fffff) | (127 - 45 + bits / 8 % 91) << 23;
  else if (random() % 64 == 0) bits |= 0x7f800000;
  else if (random() % 8 == 0) bits &= 0x807fffff;
  return !sum && f.type[0] == 'b' ? bits >> 16 : bits;
}
Matrices random_matrices(std::mt19937 &random, const Form &f, Kind kind) {
  Matrices m;
  for (int r = 0; r < 16; ++r) {
    for (int k = 0; k < f.k; ++k) m.a[r][k] = random_value(random, f, false, kind);
    for (int c = 0; c < 8; ++c) m.b[r][c] = random_value(random, f, false, kind), m.c[r][c] = random_value(random, f, true, kind);
  }
  return m;
}

std::string describe(const Form &f, int kind, int row, int column, uint32_t is, uint32_t should) {
  return harness::text("m16n8k%d %s, kind %d, row %d, column %d: %x instead of %x", f.k, f.type, kind, row, column, is, should);
}

}  // namespace

TEST(products_of_fragments) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  for (const Form &f : kForms) {
    auto module = load(kernel_for(f));
    if (!module) continue;
    for (int turn = 0; turn < 40 * kKinds; ++turn) {
      const Kind kind = static_cast<Kind>(turn % kKinds);
      const bool hopper = turn / kKinds % 2, is_exact = turn / kKinds % 4 >= 2;
      settings().compute_major = hopper ? 9 : 8;
      settings().accumulation = is_exact ? Accumulation::exact : Accumulation::published;
      const Matrices before = random_matrices(random, f, kind);
      Matrices after = before;
      multiply(*module, f, after);
      for (int r = 0; r < 16; ++r)
        for (int c = 0; c < 8; ++c) {
          const uint32_t should = is_exact ? exact(f, before, r, c) : published(f, before, r, c, hopper);
          if (after.c[r][c] != should) fail(describe(f, kind, r, c, after.c[r][c], should));
        }
    }
  }
}

// Any order, rounded either way: near the exact sum, seldom equal to it, and the same for the same seed.
TEST(adversarial_sums_stay_within_bounds) {
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  settings().accumulation = Accumulation::adversarial;
  for (const Form &f : kForms) {
    auto module = load(kernel_for(f));
    if (!module) continue;
    int different = 0, moved = 0;
    for (int turn = 0; turn < 10; ++turn) {
      const Matrices before = random_matrices(random, f, kOrdinary);
      Matrices after = before, again = before, other = before;
      settings().seed = 5;
      multiply(*module, f, after);
      multiply(*module, f, again);
      settings().seed = 6;
      multiply(*module, f, other);
      for (int r = 0; r < 16; ++r)
        for (int c = 0; c < 8; ++c) {
          auto value = [&](uint32_t bits) { return double(f.half_sums ? half(bits) : std::bit_cast<float>(bits)); };
          double sum = value(before.c[r][c]), magnitude = std::fabs(sum);
          for (int k = 0; k < f.k; ++k) {
            const double term = double(f.value(before.a[r][k])) * f.value(before.b[k][c]);
            sum += term;
            magnitude += std::fabs(term);
          }
          const double error = std::fabs(value(after.c[r][c]) - sum);
          expect(error <= magnitude * f.k * 0x1p-23 + (f.half_sums ? std::fabs(sum) * 0x1p-11 : 0), "the error is too large");
          expect(after.c[r][c] == again.c[r][c], "the same seed gives another sum");
          different += after.c[r][c] != exact(f, before, r, c);
          moved += after.c[r][c] != other.c[r][c];
        }
    }
    if (!f.half_sums) expect(different > 128 && moved > 128, std::string("hardly anything differs, ") + f.type);
  }
}

TEST(matrices_from_shared_memory) {
  for (int count : {1, 2, 4}) {
    for (bool transposed : {false, true}) {
      auto module = load(module_text(
          ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %r<9>; .reg .b64 %rd<6>;\n.shared .align 16 .b8 tile[512];\n"
          "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 16;\n"
          "add.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\nld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%rd1];\nshl.b32 %r6, %r1, 4;\n"
          "mov.u32 %r7, tile;\nadd.s32 %r6, %r6, %r7;\nst.shared.v4.b32 [%r6], {%r2, %r3, %r4, %r5};\nbar.sync 0;\nxor.b32 %r6, %r6, 16;\n"
          "ldmatrix.sync.aligned.m8n8.x" +
          std::to_string(count) + (transposed ? ".trans" : "") + ".shared.b16 " + registers("%r", 2, count) +
          ", [%r6];\nst.global.v4.b32 [%rd2], {%r2, %r3, %r4, %r5};\nret;\n}\n"));
      if (!module) continue;
      Buffer in(512), out(512);
      for (uint32_t n = 0; n < 256; ++n) in.as<uint16_t>()[n] = static_cast<uint16_t>(1000 + n);
      Outcome o = launch(*module, "t", 1, 32, Arguments().add(in).add(out));
      expect(!o.found, found(o));
      expect(o.counters.shared_loads == 1 && o.counters.shared_wavefronts == uint64_t(count) + 4, "wavefronts");
      for (int l = 0; l < 32; ++l)
        for (int n = 0; n < count; ++n)
          for (int e = 0; e < 2; ++e) {
            // Row r of matrix n has the address of lane 8n + r, which gives the row beside its own.
            int row = l / 4, column = l % 4 * 2 + e;
            if (transposed) std::swap(row, column);
            const int should = 1000 + ((8 * n + row) ^ 1) * 8 + column, is = out.as<uint16_t>()[l * 8 + n * 2 + e];
            if (is != should) fail(harness::text("x%d, lane %d, matrix %d: %d instead of %d", count, l, n, is, should));
          }
    }
  }
}

namespace {

// Two warps fill a tile of 32 rows of 32 bytes, each half of it, and multiply the half of the other one. Pieces can be replaced.
struct Pieces {
  std::string source = "mov.u32 %r2, %r1;", copies = "setp.lt.u32 %p1, %r1, 64;", wait = "cp.async.wait_group 0;", barrier = "bar.sync 0;",
              address = "add.s32 %r6, %r6, 0;", pitch = "32", guard = "";
};
Outcome run_tile(const Pieces &p) {
  auto module = load(module_text(
      ".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .pred %p<3>; .reg .b32 %r<16>; .reg .f32 %f<5>; .reg .b64 %rd<6>;\n"
      ".shared .align 16 .b8 tile[1536];\nld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\n"
      "mul.wide.u32 %rd4, %r1, 16;\nadd.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\nmov.u32 %r3, tile;\n" +
      p.source + "\nshr.u32 %r4, %r2, 1;\nmul.lo.s32 %r4, %r4, " + p.pitch +
      ";\nand.b32 %r5, %r2, 1;\nshl.b32 %r5, %r5, 4;\nadd.s32 %r4, %r4, %r5;\nadd.s32 %r4, %r4, %r3;\n" + p.copies +
      "\n@%p1 cp.async.cg.shared.global [%r4], [%rd1], 16;\ncp.async.commit_group;\n" + p.wait + "\n" + p.barrier +
      "\nxor.b32 %r6, %r1, 32;\nand.b32 %r7, %r6, 15;\nshr.u32 %r8, %r6, 5;\nshl.b32 %r8, %r8, 4;\nadd.s32 %r7, %r7, %r8;\n"
      "mul.lo.s32 %r7, %r7, " +
      p.pitch + ";\nand.b32 %r6, %r6, 16;\nadd.s32 %r6, %r6, %r7;\nadd.s32 %r6, %r6, %r3;\n" + p.address +
      "\nldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r8, %r9, %r10, %r11}, [%r6];\nand.b32 %r12, %r1, 16;\nsetp.eq.s32 %p2, %r12, 0;\n" +
      p.guard +
      " mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f2, %f3, %f4}, {%r8, %r9, %r10, %r11}, {%r8, %r10},\n"
      "  {0f00000000, 0f00000000, 0f00000000, 0f00000000};\nst.global.v4.f32 [%rd2], {%f1, %f2, %f3, %f4};\nret;\n}\n"));
  if (!module) return {};
  Buffer in(1024), out(1024);
  for (int n = 0; n < 512; ++n) in.as<uint16_t>()[n] = 0x3f80;  // 1
  Outcome o = launch(*module, "t", 1, 64, Arguments().add(in).add(out));
  if (!o.found)
    for (int n = 0; n < 256; ++n) expect(out.as<float>()[n] == 16, "a sum of 16 ones is " + std::to_string(out.as<float>()[n]));
  return o;
}
void check(const std::string &title, const Pieces &p, const std::string &kind, const std::string &part = "") {
  const Outcome o = run_tile(p);
  expect(contains(found(o), kind) && contains(found(o), part), title + ": " + found(o) + " instead of " + kind + " " + part);
}

}  // namespace

TEST(faults_around_matrices) {
  check("as it should be", {}, "clean");
  Pieces p;
  p.wait = "";
  check("no wait", p, "pending-copy", "reads shared address");
  p = {};
  p.barrier = "";
  check("no barrier, nothing there yet", p, "uninitialized-shared");
  p.copies = "setp.lt.u32 %p1, %r1, 64;\nmov.u32 %r12, 0;\nst.shared.v4.b32 [%r4], {%r12, %r12, %r12, %r12};\nbar.sync 0;";
  check("no barrier", p, "shared-race");
  p.barrier = "bar.sync 0;";
  check("the barrier is there", p, "clean");
  p = {};
  p.address = "add.s32 %r6, %r6, 8;";
  check("a row at half an address", p, "misaligned", "16 bytes at shared address");
  p = {};
  p.pitch = "40";
  check("a row pitch that is no multiple of 16", p, "misaligned");
  p = {};
  p.copies = "setp.lt.u32 %p1, %r1, 42;";
  check("rows that are not there", p, "uninitialized-shared", "thread (5,0,0)");  // lane 5 of warp 0 gives row 21, copied by thread 42
  p = {};
  p.address = "add.s32 %r6, %r6, 1024;";
  check("past the end", p, "out-of-bounds", "thread (0,0,0)");
  p = {};
  p.guard = "@%p2";
  check("half a warp", p, "inactive-lanes", "0xffff0000");
}

TEST(bank_conflicts_of_matrices) {
  for (const auto &[pitch, factor] : {std::pair<const char *, uint64_t>{"32", 2}, {"48", 1}}) {
    Pieces p;
    p.pitch = pitch;
    const Counters c = run_tile(p).counters;
    expect(c.shared_wavefronts == factor * c.shared_wavefronts_ideal && c.shared_wavefronts_ideal == 8,
           std::string("row pitch ") + pitch + ": " + std::to_string(c.shared_wavefronts) + " wavefronts");
  }
}
