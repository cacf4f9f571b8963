// Products as tiles: random outer products over a few steps, whole or with something in the way, must have the bits that their
// multiply-adds have one by one.
#include "core_test.h"
#include "exec/kernel.h"
#include "exec/product_tiles.h"
#include <random>

using namespace core_test;

namespace {

struct Product {
  uint32_t rows, columns, steps;
  std::string body;  // @ stands for a guard that is always true, or for nothing
  uint32_t registers = 0;

  // f0 to f(rows * columns - 1) are the sums, as in a loop; factors are read from the input before each step.
  explicit Product(std::mt19937_64 &random) {
    auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    rows = 1 + below(6), columns = 1 + below(7), steps = 1 + below(9);
    const uint32_t sums = rows * columns, distortion = below(3) == 0 ? 99 : below(9);
    registers = sums;
    auto f = [](uint32_t n) { return "%f" + std::to_string(n); };
    std::vector<uint32_t> now(sums);
    for (uint32_t n = 0; n < sums; ++n) now[n] = n;
    std::string later;
    const bool in_place = below(3) == 0, swapped = below(4) == 0;
    for (uint32_t s = 0; s < steps; ++s) {
      const uint32_t factors = registers;
      registers += rows + columns;
      for (uint32_t n = factors; n < registers; ++n)
        body += "ld.global.f32 " + f(n) + ", [%rd1+" + std::to_string(128 * (s * 16 + n - factors)) + "];\n";
      std::vector<uint32_t> order(sums);
      for (uint32_t n = 0; n < sums; ++n) order[n] = n;
      if (below(4) == 0) std::shuffle(order.begin(), order.end(), random);
      for (uint32_t n : order) {
        std::string left = f(factors + n / columns), right = f(factors + rows + n % columns);
        if (swapped && n % 3 == 0) std::swap(left, right);
        const uint32_t to = s + 1 == steps || in_place ? n : registers++;
        body += "@fma.rn.f32 " + f(to) + ", " + left + ", " + right + ", " + f(now[n]) + ";\n";
        now[n] = to;
        if (n != sums / 2 || s != steps / 2) continue;
        // What must keep multiply-adds apart, or does not matter.
        if (distortion == 0) body += "add.f32 %g, %g, " + f(to) + ";\n";      // a sum in between is wanted elsewhere
        if (distortion == 1) body += "mov.f32 " + left + ", 0f3f800000;\n";   // a factor changes
        if (distortion == 2) body += "mov.f32 " + f(to) + ", 0f3f000000;\n";  // a sum changes
        if (distortion == 3) body += "@fma.rn.f32 " + left + ", " + left + ", " + f(to) + ", " + right + ";\n";  // a sum is a factor
        if (distortion == 4) body += "@fma.rn.f32 %g, " + left + ", " + right + ", " + f(to) + ";\n";            // a fork
        if (distortion == 5) body += "st.global.f32 [%rd2+" + std::to_string(128 * 63) + "], " + f(to) + ";\n";
        if (distortion == 6) body += "setp.gt.f32 %p1, " + f(to) + ", 0f00000000;\n@%p1 mov.f32 %g, 0f40000000;\n";
        if (distortion == 7) later = "add.f32 %g, %g, " + f(to) + ";\n";  // wanted elsewhere, but not yet
        if (distortion == 8) body += "mov.u32 %r2, %r1;\n";
      }
    }
    body += later;
    for (uint32_t n = 0; n < sums; ++n) body += "st.global.f32 [%rd2+" + std::to_string(128 * n) + "], " + f(n) + ";\n";
  }

  std::string text(const std::string &guard) const {
    std::string whole = ".visible .entry t(.param .u64 from, .param .u64 to)\n{\n.reg .pred %p<4>; .reg .f32 %f<" +
                        std::to_string(registers) + ">; .reg .f32 %g; .reg .b32 %r<4>; .reg .b64 %rd<4>;\n" +
                        "ld.param.u64 %rd1, [from];\nld.param.u64 %rd2, [to];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 4;\n" +
                        "add.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\nmov.f32 %g, 0f3f800000;\nsetp.lt.u32 %p0, %r1, 99;\n";
    for (uint32_t n = 0; n < rows * columns; ++n)
      whole += "ld.global.f32 %f" + std::to_string(n) + ", [%rd1+" + std::to_string(128 * n) + "];\n";
    for (char c : body) whole += c == '@' ? guard : std::string(1, c);
    return module_text(whole + "st.global.f32 [%rd2+" + std::to_string(128 * 62) + "], %g;\nret;\n}\n");
  }
};

}  // namespace

TEST(products_as_tiles_have_the_same_bits) {
  auto random = harness::generator();
  constexpr uint32_t words = 32 * 160;
  constexpr int kRounds = 600;
  Buffer from(words * 4), one(64 * 128), other(64 * 128);
  int tiled = 0, whole = 0;
  for (int round = 0; round < kRounds; ++round) {
    Product product(random);
    // The guard of setp's own mov is no multiply-add's.
    size_t at = 0;
    while ((at = product.body.find("@%p1 mov", at)) != std::string::npos) product.body.replace(at, 4, "#");
    std::string text = product.text(""), apart = product.text("@%p0 ");
    for (std::string *t : {&text, &apart})
      for (size_t p; (p = t->find('#')) != std::string::npos;) t->replace(p, 1, "@%p1");
    auto joined = load(text), single = load(apart);
    if (!joined || !single) return fail(text);
    bool has = false;
    for (const Instruction &i : joined->kernel("t")->code) has |= i.run == product_tiles;
    for (const Instruction &i : single->kernel("t")->code)
      if (i.run == product_tiles) return fail("multiply-adds under a guard were joined");
    tiled += has;
    for (uint32_t n = 0; n < words; ++n) {
      const uint32_t special[] = {0x7fc12345u, 0xffa00001u, 0x7f800000u, 0xff800000u, 0x00000001u, 0x80000000u, 0x7f7fffffu, 0u};
      const auto bits = static_cast<uint32_t>(random());
      from.as<uint32_t>()[n] = round % 3 == 0 && bits % 64 == 0 ? special[bits >> 8 & 7] : 0x3f000000u | (bits & 0x80ffffffu);
    }
    const uint32_t lanes = round % 5 ? 32 : 1 + static_cast<uint32_t>(random() % 32);
    std::memset(one.as<uint8_t>(), 0, 64 * 128);
    std::memset(other.as<uint8_t>(), 0, 64 * 128);
    const Outcome a = launch(*joined, "t", 1, lanes, Arguments().add(from).add(one));
    const Outcome b = launch(*single, "t", 1, lanes, Arguments().add(from).add(other));
    expect(!a.found && !b.found, found(a) + found(b));
    if (std::memcmp(one.as<uint8_t>(), other.as<uint8_t>(), 64 * 128) != 0) return fail("other bits with " + text);
    whole += lanes == 32 && has;
  }
  expect(tiled > 100 && whole > 60,
         std::to_string(tiled) + " of " + std::to_string(kRounds) + " programs have tiles, " + std::to_string(whole) + " with all lanes");
}
