// wmma, whose fragments have no layout that a program may know; stmatrix and movmatrix; tf32 operands that were not rounded.
#include "core_test.h"
#include <algorithm>
#include <bit>
#include <limits>
#include <random>
#include <tuple>

using namespace core_test;

namespace {

std::string list(const char *prefix, int count) {
  std::string text = "{";
  for (int n = 0; n < count; ++n) text += (n ? ", " : "") + std::string(prefix) + std::to_string(n);
  return text + "}";
}

size_t bytes_of(const std::string &type) { return type == "f64" ? 8 : type[1] == '8' ? 1 : contains(type, "32") ? 4 : 2; }

struct Shape {
  const char *name;
  int m, n, k;
};
struct Kind {
  Shape shape;
  std::string type, sums;  // of a and b; of c and d
  bool a_column, b_column, c_column;
  bool saturate = false;
  int gap = 16;  // elements between the lines of a
  int bytes() const { return static_cast<int>(bytes_of(type)); }
  int c_registers() const { return sums == "f64" ? 2 : sums == "f16" ? 4 : 8; }
  int a_registers() const { return type == "f16" ? 8 : type == "f64" ? 1 : shape.m * shape.k * bytes() / 128; }
  int b_registers() const { return type == "f16" ? 8 : type == "f64" ? 1 : shape.n * shape.k * bytes() / 128; }
};

const char *order(bool by_column) { return by_column ? ".col." : ".row."; }

std::string kernel_for(const Kind &f, const char *space, bool mistaken = false) {
  const std::string sync = ".sync.aligned", shape = f.shape.name;
  const int c = f.c_registers();
  const std::string width = f.type == "f64" ? "64" : "32",
                    types = (f.type == "f16" ? f.sums + "." + f.sums : f.sums + "." + f.type + "." + f.type + "." + f.sums) +
                            (f.saturate ? ".satfinite" : "");
  return module_text(
      ".visible .entry t(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 sa, .param .u32 sb, .param .u32 sc, .param .u64 raw)\n{\n"
      ".reg .b" +
      width +
      " %a<8>, %b<8>, %c<8>; .reg .b32 %r<5>; .reg .b64 %rd<6>;\nld.param.u64 %rd1, [a];\n"
      "ld.param.u64 %rd2, [b];\nld.param.u64 %rd3, [c];\nld.param.u32 %r1, [sa];\nld.param.u32 %r2, [sb];\nld.param.u32 %r3, [sc];\n"
      "wmma.load.a" +
      sync + order(f.a_column) + shape + space + "." + f.type + " " + list("%a", f.a_registers()) + ", [%rd1], %r1;\nwmma.load.b" + sync +
      order(f.b_column) + shape + space + "." + f.type + " " + list("%b", f.b_registers()) + ", [%rd2], %r2;\nwmma.load.c" + sync +
      order(f.c_column) + shape + space + "." + f.sums + " " + list("%c", c) + ", [%rd3], %r3;\nwmma.mma" + sync +
      (f.a_column != mistaken ? ".col" : ".row") + order(f.b_column) + shape + "." + types + " " + list("%c", c) + ", " +
      list("%a", f.a_registers()) + ", " + list("%b", f.b_registers()) + ", " + list("%c", c) + ";\nwmma.store.d" + sync +
      order(f.c_column) + shape + space + "." + f.sums + " [%rd3], " + list("%c", c) +
      ", %r3;\nld.param.u64 %rd4, [raw];\nmov.u32 %r4, %tid.x;\nmul.wide.u32 %rd5, %r4, 4;\nadd.s64 %rd4, %rd4, %rd5;\n"
      "cvt.u32.u" +
      width + " %r4, %a0;\nst.global.u32 [%rd4], %r4;\nret;\n}\n");
}

// Whole numbers are exact in all formats.
uint64_t bits_of(const std::string &type, int x) {
  if (type == "f64") return std::bit_cast<uint64_t>(static_cast<double>(x));
  if (type[0] == 's' || type[0] == 'u') return static_cast<uint32_t>(x);
  if (type == "f32" || type == "tf32") return std::bit_cast<uint32_t>(static_cast<float>(x));
  if (type == "bf16") return std::bit_cast<uint32_t>(static_cast<float>(x)) >> 16;
  const uint32_t f = std::bit_cast<uint32_t>(static_cast<float>(x));
  return x ? (f >> 16 & 0x8000) | ((f >> 23 & 255) - 112) << 10 | (f >> 13 & 1023) : 0;
}

// A matrix in memory, with a gap between its lines.
class Matrix {
 public:
  Matrix(const std::string &type, int rows, int columns, bool by_column, int gap = 16)
      : type_(type), rows_(rows), columns_(columns), by_column_(by_column), bytes_(bytes_of(type)),
        stride_((by_column ? rows : columns) + gap), buffer_(static_cast<size_t>((by_column ? columns : rows) * stride_ - gap) * bytes_) {}
  void fill(std::mt19937 &random) {
    for (int r = 0; r < rows_; ++r)
      for (int c = 0; c < columns_; ++c) {
        const uint64_t bits = bits_of(type_, values[r][c] = any(random));
        std::memcpy(at(r, c), &bits, bytes_);
      }
  }
  bool holds(int r, int c, int x) const {
    uint64_t bits = 0;
    std::memcpy(&bits, at(r, c), bytes_);
    return bits == bits_of(type_, x);
  }
  const Buffer &buffer() const { return buffer_; }
  uint32_t stride() const { return static_cast<uint32_t>(stride_); }
  int values[32][32] = {};

 private:
  // Bytes take all values, and sums of them lie near the ends of the range, where some of them leave it.
  int any(std::mt19937 &random) const {
    const int x = static_cast<int>(random());
    if (type_ == "s32")
      return x % 3 ? (x < 0 ? std::numeric_limits<int>::min() : std::numeric_limits<int>::max() - 0x3fff) + (x & 0x3fff) : x;
    return type_ == "u8" ? x & 255 : type_ == "s8" ? static_cast<int8_t>(x) : static_cast<int>(static_cast<uint32_t>(x) % 9) - 4;
  }
  char *at(int r, int c) const { return buffer_.as<char>() + (by_column_ ? c * stride_ + r : r * stride_ + c) * static_cast<int>(bytes_); }
  std::string type_;
  int rows_, columns_;
  bool by_column_;
  size_t bytes_;
  int stride_;
  Buffer buffer_;
};

struct Ran {
  bool right = true;
  std::string found;
  std::vector<uint32_t> raw;
  bool outside = false;  // a sum of integers leaves the range
};
Ran run_wmma(const Kind &f, const char *space, bool mistaken = false, uint32_t threads = 32) {
  auto module = load(kernel_for(f, space, mistaken));
  if (!module) return {};
  std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
  Matrix a(f.type, f.shape.m, f.shape.k, f.a_column, f.gap), b(f.type, f.shape.k, f.shape.n, f.b_column),
      c(f.sums, f.shape.m, f.shape.n, f.c_column);
  a.fill(random);
  b.fill(random);
  c.fill(random);
  Buffer raw(128);
  Arguments arguments;
  arguments.add(a.buffer()).add(b.buffer()).add(c.buffer()).add(a.stride()).add(b.stride()).add(c.stride()).add(raw);
  const Outcome o = launch(*module, "t", 1, threads, arguments);
  Ran ran{true, found(o), {raw.as<uint32_t>(), raw.as<uint32_t>() + 32}, false};
  for (int r = 0; r < f.shape.m; ++r)
    for (int x = 0; x < f.shape.n; ++x) {
      int64_t sum = c.values[r][x];
      for (int k = 0; k < f.shape.k; ++k) sum += a.values[r][k] * b.values[k][x];
      const int64_t least = std::numeric_limits<int32_t>::min(), most = std::numeric_limits<int32_t>::max();
      ran.outside |= sum < least || sum > most;
      ran.right &= c.holds(r, x, static_cast<int>(f.saturate ? std::clamp(sum, least, most) : sum));
    }
  return ran;
}

const Shape kShapes[] = {
    {"m16n16k16", 16, 16, 16}, {"m32n8k16", 32, 8, 16}, {"m8n32k16", 8, 32, 16}, {"m16n16k8", 16, 16, 8}, {"m8n8k4", 8, 8, 4}};

}  // namespace

TEST(wmma_of_all_shapes_and_orders) {
  const std::pair<const char *, const char *> types[] = {{"f16", "f32"}, {"f16", "f16"}, {"bf16", "f32"}, {"tf32", "f32"},
                                                         {"s8", "s32"},  {"u8", "s32"},  {"f64", "f64"}};
  int outside = 0;
  for (const Shape &shape : kShapes)
    for (const auto &[type, sums] : types) {
      if (shape.k != (std::string(type) == "tf32" ? 8 : std::string(type) == "f64" ? 4 : 16)) continue;
      for (int orders = 0; orders < 8; ++orders) {
        for (const char *space : {".global", ""}) {
          Kind f{shape, type, sums, (orders & 1) != 0, (orders & 2) != 0, (orders & 4) != 0};
          f.saturate = f.sums == "s32" && *space;
          const Ran ran = run_wmma(f, space);
          outside += ran.outside;
          expect(ran.right && ran.found == "clean",
                 std::string(shape.name) + " " + type + " " + sums + ", orders " + std::to_string(orders) + ": " + ran.found);
        }
      }
    }
  expect(outside > 80, "sums leave the range in only " + std::to_string(outside) + " of 96 products of integers");
}

// Rows begin at multiples of what a lane has of the matrix.
TEST(wmma_wants_aligned_rows) {
  for (const auto &[type, sums, shape, gap] :
       {std::tuple{"u8", "s32", 0, 8}, {"u8", "s32", 1, 16}, {"u8", "s32", 2, 4}, {"f64", "f64", 4, 1}, {"f16", "f32", 0, 8}}) {
    Kind f{kShapes[shape], type, sums, false, true, false};
    f.gap = gap;
    expect(run_wmma(f, ".global").found == "clean", std::string(type) + ", rows apart by " + std::to_string(gap));
    f.gap = gap / 2;
    if (f.gap) expect(contains(run_wmma(f, ".global").found, "misaligned"), std::string(type) + ", rows apart by half of that");
  }
}

TEST(wmma_refuses_what_does_not_exist) {
  auto refused = [](const std::string &form, const std::string &operands) {
    std::string log;
    const bool loaded = Module::load(module_text(".visible .entry t()\n{\n.reg .b32 %r<9>; .reg .b64 %d<9>;\n" + form + " " + operands +
                                                 ";\nret;\n}\n"),
                                     0, log) != nullptr;
    expect(!loaded && contains(log, "unknown"), form + " is loaded, or refused with " + log);
  };
  const std::string mma = "wmma.mma.sync.aligned.row.col.", eight = list("%r", 8), four = list("%r", 4), two = list("%r", 2);
  refused(mma + "m16n16k16.s32.s8.u8.s32", eight + ", " + two + ", " + two + ", " + eight);
  refused(mma + "m16n16k16.s32.u4.u4.s32", eight + ", " + two + ", " + two + ", " + eight);
  refused(mma + "m16n16k8.s32.u8.u8.s32", eight + ", " + two + ", " + two + ", " + eight);
  refused(mma + "m16n16k16.f32.u8.u8.f32", eight + ", " + two + ", " + two + ", " + eight);
  refused(mma + "m16n16k16.f32.bf16.bf16.f32.satfinite", eight + ", " + four + ", " + four + ", " + eight);
  refused(mma + "m16n16k16.s32.u8.u8.s32.rn", eight + ", " + two + ", " + two + ", " + eight);
  refused(mma + "m16n16k16.f32.f16.f32", eight + ", " + eight + ", " + eight + ", " + eight);
  const std::string plain = "mma.sync.aligned.";
  for (const std::string order : {"col.row", "row.row", "col.col"}) {
    refused(plain + "m16n8k16." + order + ".f32.f16.f16.f32", four + ", " + four + ", " + two + ", " + four);
    refused(plain + "m16n8k32." + order + ".s32.s8.s8.s32", four + ", " + four + ", " + two + ", " + four);
  }
  refused(mma + "m8n8k4.f64.f64.f64.f64.satfinite", "{%d0, %d1}, {%d2}, {%d3}, {%d4, %d5}");
  refused("wmma.load.a.sync.aligned.row.m8n8k4.s8", "{%r1}, [%d1]");
}

TEST(wmma_fragments_have_no_known_layout) {
  for (const std::string type : {"f16", "bf16", "s8"}) {
    const Kind f{kShapes[0], type, type == "s8" ? "s32" : "f32", false, true, false};
    settings().seed = 1;
    const Ran one = run_wmma(f, ".global");
    settings().seed = 2;
    const Ran two = run_wmma(f, ".global");
    expect(one.right && two.right && one.raw != two.raw, type + ": the same layout for two seeds");
    expect(!run_wmma(f, ".global", true).right, type + ": rows loaded, columns multiplied, and the result is right");
  }
  expect(contains(run_wmma({kShapes[0], "f16", "f32", false, true, false}, ".global", false, 16).found, "inactive-lanes"), "half a warp");
}

TEST(wmma_in_shared_memory) {
  auto text = [](const std::string &rows, const std::string &stride) {
    return module_text(
        ".visible .entry t(.param .u64 out)\n{\n.reg .b32 %a<8>; .reg .b32 %r<9>; .reg .b64 %rd<3>; .reg .pred %p<2>;\n"
        ".shared .align 32 .b8 tile[512];\nld.param.u64 %rd1, [out];\nmov.u32 %r1, %tid.x;\nshl.b32 %r2, %r1, 4;\nmov.u32 %r3, tile;\n"
        "add.s32 %r2, %r2, %r3;\nmov.u32 %r4, 0x3c003c00;\nsetp.lt.u32 %p1, %r1, " +
        rows + ";\n@%p1 st.shared.v4.u32 [%r2], {%r4, %r4, %r4, %r4};\nbar.sync 0;\n" + stride +
        "\nwmma.load.a.sync.aligned.row.m16n16k16.shared.f16 " + list("%a", 8) + ", [%r3], %r5;\nst.global.u32 [%rd1], %a7;\nret;\n}\n");
  };
  auto outcome = [&](const std::string &rows, const std::string &stride, Counters *counters = nullptr) {
    auto module = load(text(rows, stride));
    if (!module) return std::string();
    Buffer out(4);
    const Outcome o = launch(*module, "t", 1, 32, Arguments().add(out));
    if (counters) *counters = o.counters;
    return found(o);
  };
  Counters counters;
  expect(outcome("32", "mov.u32 %r5, 16;", &counters) == "clean", "as it should be");
  expect(counters.shared_loads == 1 && counters.shared_wavefronts == 8, std::to_string(counters.shared_wavefronts) + " wavefronts");
  expect(contains(outcome("31", "mov.u32 %r5, 16;"), "uninitialized-shared"), "half a row is missing");
  expect(contains(outcome("32", "mov.u32 %r5, 24;"), "out-of-bounds"), "another stride");
  expect(contains(outcome("32", "mov.u32 %r5, 12;"), "misaligned"), "a stride that is no multiple of 16 bytes");
  expect(contains(outcome("32", "add.s32 %r5, %r1, 16;"), "bad-instruction"), "a stride of each lane's own");
}

TEST(matrices_into_shared_memory) {
  for (int count : {1, 2, 4}) {
    for (bool transposed : {false, true}) {
      auto module = load(
          module_text(".visible .entry t(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %a<4>; .reg .b32 %r<9>; .reg .b64 %rd<6>;\n"
                      ".shared .align 16 .b8 tile[512];\nld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\n"
                      "mul.wide.u32 %rd4, %r1, 16;\nadd.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\nld.global.v4.b32 {%a0, %a1, %a2, "
                      "%a3}, [%rd1];\n"
                      "shl.b32 %r6, %r1, 4;\nmov.u32 %r7, tile;\nadd.s32 %r6, %r6, %r7;\nst.shared.v4.b32 [%r6], {%r1, %r1, %r1, %r1};\n"
                      "stmatrix.sync.aligned.m8n8.x" +
                      std::to_string(count) + (transposed ? ".trans" : "") + ".shared.b16 [%r6], " + list("%a", count) +
                      ";\nld.shared.v4.b32 {%r2, %r3, %r4, %r5}, [%r6];\nst.global.v4.b32 [%rd2], {%r2, %r3, %r4, %r5};\n"
                      "movmatrix.sync.aligned.m8n8.trans.b16 %r8, %a0;\nst.global.b32 [%rd1], %r8;\nret;\n}\n"));
      if (!module) continue;
      Buffer in(512), out(512);
      for (uint32_t n = 0; n < 256; ++n) in.as<uint16_t>()[n] = static_cast<uint16_t>(1000 + n);
      const Outcome o = launch(*module, "t", 1, 32, Arguments().add(in).add(out));
      expect(!o.found, found(o));
      for (int n = 0; n < count; ++n)
        for (int row = 0; row < 8; ++row)
          for (int column = 0; column < 8; ++column) {
            const int r = transposed ? column : row, c = transposed ? row : column, lane = 4 * r + c / 2;
            const int should = 1000 + lane * 8 + n * 2 + c % 2, is = out.as<uint16_t>()[(8 * n + row) * 8 + column];
            if (is != should) fail(harness::text("x%d, matrix %d, row %d, column %d: %d instead of %d", count, n, row, column, is, should));
          }
      for (int lane = 0; lane < 32; ++lane)
        for (int e = 0; e < 2; ++e) {
          const int row = lane % 4 * 2 + e, column = lane / 4;  // of what the lane had before
          const int should = 1000 + (4 * row + column / 2) * 8 + column % 2, is = in.as<uint16_t>()[lane * 8 + e];
          if (is != should) fail(harness::text("movmatrix, lane %d: %d instead of %d", lane, is, should));
        }
    }
  }
}

TEST(tf32_operands_that_were_not_rounded) {
  auto run = [](const std::string &b) {
    auto module = load(module_text(
        ".visible .entry t(.param .u64 out)\n{\n.reg .b32 %r<4>; .reg .f32 %f<5>; .reg .b64 %rd<2>;\nld.param.u64 %rd1, [out];\n"
        "mov.b32 %r1, 0x3f800000;\nmov.b32 %r2, 0x3f801001;\n" +
        b +
        "\nmma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r1, %r1, %r1}, {%r1, %r2},\n"
        "  {0f00000000, 0f00000000, 0f00000000, 0f00000000};\nst.global.f32 [%rd1], %f1;\nret;\n}\n"));
    if (!module) return std::string();
    Buffer out(4);
    return found(launch(*module, "t", 1, 32, Arguments().add(out)));
  };
  expect(run("") == "clean", "the check is off at first");
  settings().tf32 = true;
  expect(contains(run(""), "unrounded-tf32") && contains(run(""), "0x3f801001"), run(""));
  expect(run("mov.b32 %f1, %r2;\ncvt.rna.tf32.f32 %r2, %f1;") == "clean", "rounded");
}
