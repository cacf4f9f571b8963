// What is known of addresses before the launch (ptx/shapes.cpp) must not show: random programs with divergent branches and loops,
// guards and registers that are written in several places have the same bits, findings and counters with it and without.
#include "core_test.h"
#include "driver/findings.h"
#include "exec/kernel.h"
#include <random>

using namespace core_test;

namespace {

constexpr uint32_t kValues = 8, kMost = 60, kTile = 1 << 16, kThreads = 96;

// %v0 to %v7 hold small numbers, addresses in the tile among them. Most results get a register of their own, so that much is known of it;
// others change one, for all lanes or for some.
class RandomKernel {
 public:
  explicit RandomKernel(std::mt19937_64 &random) : random_(random) {
    for (uint32_t n = 0; n < kValues; ++n) {
      const char *starts[] = {"shl.b32 %v#, %t, 2;",        "shl.b32 %v#, %l, 4;",         "and.b32 %v#, %t, 7;\nshl.b32 %v#, %v#, 4;",
                              "mov.u32 %v#, 64;",           "ld.param.u32 %v#, [number];", "mov.u32 %v#, %ctaid.x;\nshl.b32 %v#, %v#, 4;",
                              "ld.global.u32 %v#, [%rd1];", "mad.lo.u32 %v#, %t, 4, 128;"};
      line(starts[below(8)], n);
    }
    block(0, 8);
    for (uint32_t n = 0; n < count_; ++n) body_ += "add.s32 %s, %s, %v" + std::to_string(n) + ";\n";
  }
  std::string text() const {
    return module_text(
        ".visible .entry t(.param .u64 to, .param .u32 number)\n{\n.reg .pred %p, %q; .reg .b32 %v<60>; .reg .b32 %t, %l, %a, %s, %x, "
        "%c<4>;\n"
        ".reg .b64 %rd<5>;\n.shared .align 16 .b8 tile[" +
        std::to_string(kTile) +
        "];\nld.param.u64 %rd1, [to];\nmov.u32 %t, %tid.x;\nmov.u32 %l, %laneid;\nmov.u32 %s, 0;\nmov.u32 %x, 3;\n"
        "mul.wide.u32 %rd2, %t, 4;\nmov.u32 %a, %ctaid.x;\nmul.wide.u32 %rd3, %a, 384;\nadd.s64 %rd2, %rd2, %rd3;\n"
        "add.s64 %rd2, %rd1, %rd2;\nsetp.eq.u32 %p, %t, %t;\n" +
        body_ + "st.global.u32 [%rd2], %s;\nret;\n}\n");
  }

 private:
  std::mt19937_64 &random_;
  std::string body_;
  int labels_ = 0;
  uint32_t count_ = kValues, last_ = 0;  // registers with numbers; the one that has changed last

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string value() { return "%v" + std::to_string(below(3) ? below(count_) : last_); }
  uint32_t result() { return count_ < kMost && below(10) < 6 ? count_++ : below(count_); }
  void line(std::string text, uint32_t to) {
    for (size_t at; (at = text.find('#')) != std::string::npos;) text.replace(at, 1, std::to_string(to));
    body_ += text + "\n";
  }
  std::string label() { return "L" + std::to_string(labels_++); }

  void predicate() {
    switch (below(5)) {
      case 0: body_ += "setp.lt.u32 %p, %l, " + std::to_string(below(33)) + ";\n"; break;
      case 1: body_ += "setp.lt.u32 %p, %t, " + std::to_string(32 * below(4)) + ";\n"; break;
      case 2: body_ += "setp.gt.s32 %p, " + value() + ", " + value() + ";\n"; break;
      case 3: body_ += "ld.param.u32 %x, [number];\nsetp.gt.u32 %p, %x, " + std::to_string(below(6)) + ";\n"; break;
      default: body_ += "and.b32 %x, " + value() + ", 32;\nsetp.eq.s32 %p, %x, 0;\n"; break;
    }
  }
  void compute(const std::string &guard) {
    if (below(3) == 0) {
      last_ = below(count_);
      return line(guard + (below(2) ? "add.s32 %v#, %v#, 16;" : "sub.s32 %v#, %v#, 64;"), last_);
    }
    const char *forms[] = {"add.s32 %v#, A, B;",        "add.s32 %v#, A, 16;",      "sub.s32 %v#, A, B;",  "mov.u32 %v#, A;",
                           "selp.b32 %v#, A, B, %p;",   "and.b32 %v#, A, 2044;",    "xor.b32 %v#, A, 64;", "mul.lo.s32 %v#, %l, 12;",
                           "mad.lo.s32 %v#, %t, 4, A;", "min.s32 %v#, A, B;",       "mov.u32 %v#, 32;",    "shl.b32 %v#, %t, 2;",
                           "add.s32 %v#, A, -64;",      "mad.lo.s32 %v#, %l, 8, A;"};
    std::string form = forms[below(14)];
    for (char letter : {'A', 'B'})
      for (size_t at; (at = form.find(std::string(" ") + letter)) != std::string::npos;) form.replace(at + 1, 1, value());
    line(guard + form, result());
  }
  void access(const std::string &guard) {
    // From the middle of the tile on, either way. What goes beyond it must be found alike, too.
    body_ += "mov.u32 %x, tile;\nadd.s32 %a, " + value() + ", %x;\n";
    const std::string at = "[%a+" + std::to_string(kTile / 2 + 16 * below(64)) + "]";
    switch (below(4)) {
      case 0: body_ += guard + "st.shared.u32 " + at + ", " + value() + ";\n"; break;
      case 1: line(guard + "ld.shared.u32 %v#, " + at + ";\nand.b32 %v#, %v#, 1020;", result()); break;
      case 2: body_ += guard + "ld.shared.u32 %x, " + at + ";\nadd.s32 %s, %s, %x;\n"; break;
      default:
        body_ += "and.b32 %a, " + value() + ", 124;\ncvt.u64.u32 %rd3, %a;\nadd.s64 %rd3, %rd1, %rd3;\n" + guard +
                 "ld.global.u32 %x, [%rd3];\nadd.s32 %s, %s, %x;\n";
    }
  }

  void block(int depth, int most) {
    for (uint32_t n = 2 + below(static_cast<uint32_t>(most)); n-- > 0;) {
      const uint32_t kind = below(depth < 3 ? 12 : 9);
      const std::string guard = below(5) ? "" : below(2) ? "@%p " : "@!%p ";
      if (kind < 5) compute(guard);
      else if (kind < 8) access(guard);
      else if (kind == 8) predicate();
      else if (kind == 9 && depth == 0) body_ += "bar.sync 0;\n";
      else if (kind <= 10) choice(depth);
      else loop(depth);
    }
  }
  void choice(int depth) {
    const std::string other = label(), end = label();
    predicate();
    body_ += "@%p bra " + other + ";\n";
    block(depth + 1, 4);
    if (below(2)) {
      body_ += "bra.uni " + end + ";\n" + other + ":\n";
      block(depth + 1, 4);
      body_ += end + ":\n";
    } else {
      body_ += other + ":\n";
    }
  }
  // As many rounds as a number says, or as some of the lane's.
  void loop(int depth) {
    const std::string begin = label(), end = label(), counter = "%c" + std::to_string(depth);
    const char *most[] = {"3", "%x", "%x"};
    body_ += "mov.u32 " + counter + ", 0;\n" + begin + ":\n";
    block(depth + 1, 4);
    body_ += "add.s32 " + counter + ", " + counter + ", 1;\n";
    if (below(2)) line("mad.lo.s32 %v#, " + counter + ", 16, %v#;", last_ = below(count_));
    const uint32_t kind = below(3);
    body_ += kind == 0 ? "" : kind == 1 ? "and.b32 %x, %l, 3;\n" : "and.b32 %x, " + value() + ", 3;\n";
    body_ += "setp.lt.s32 %q, " + counter + ", " + most[kind] + ";\n@%q bra " + begin + ";\n" + end + ":\n";
  }
};

std::string all_findings() {
  std::string text;
  for (const Finding &f : findings()) text += std::string(name(f.kind)) + " " + std::to_string(f.count) + " " + f.text + "\n";
  return text;
}

}  // namespace

TEST(analysis_of_addresses_does_not_show) {
  auto random = harness::generator();
  constexpr uint32_t words = kThreads * 2;
  Buffer one(words * 4);
  int known = 0, clean = 0, faulted = 0, programs = 0;
  for (; programs < 500; ++programs) {
    const RandomKernel program(random);
    auto module = load(program.text());
    if (!module) return fail(program.text());
    known += module->kernel("t")->arrangements > 0;
    settings().warps = static_cast<WarpOrder>(random() % 4);
    settings().seed = random();
    settings().threads = 1;
    settings().budget = 100000;
    std::vector<uint32_t> bits[2];
    std::string texts[2];
    Counters counts[2];
    for (bool on : {false, true}) {
      settings().analysis = on;
      for (uint32_t n = 0; n < words; ++n) one.as<uint32_t>()[n] = 16 * (n % 7);
      forget_findings();
      const Outcome o = launch(*module, "t", 2, kThreads, Arguments().add(one).add(uint32_t(4)));
      bits[on].assign(one.as<uint32_t>(), one.as<uint32_t>() + words);
      texts[on] = all_findings();
      counts[on] = o.counters;
      if (on) clean += !o.found, faulted += o.faulted;
    }
    if (bits[0] != bits[1]) return fail("other numbers with the analysis: " + program.text());
    if (texts[0] != texts[1]) return fail("found " + texts[1] + "instead of " + texts[0] + program.text());
    if (std::memcmp(&counts[0], &counts[1], sizeof(Counters)) != 0) return fail("other counters with the analysis: " + program.text());
  }
  forget_findings();
  expect(known > programs / 2 && faulted < programs * 3 / 4 && clean < programs,
         std::to_string(known) + " programs with known addresses, " + std::to_string(clean) + " clean, " + std::to_string(faulted) +
             " stopped");
}

TEST(a_text_is_decoded_once) {
  const std::string
      entry = ".visible .entry t(.param .u64 to)\n{\n.reg .b64 %rd<2>;\nld.param.u64 %rd1, [to];\nst.global.u32 [%rd1], 7;\nret;\n}\n";
  auto first = load(module_text(entry)), second = load(module_text(entry)), other = load(module_text(entry + "\n"));
  if (!first || !second || !other) return;
  expect(first->kernel("t") == second->kernel("t"), "the same text was decoded again");
  expect(first->kernel("t") != other->kernel("t"), "another text has the same kernel");
  first.reset();
  Buffer to(4);
  launch(*second, "t", 1, 32, Arguments().add(to));
  expect(*to.as<uint32_t>() == 7, "the kernel went with the module that loaded it first");
  // With a variable, which has an address of its own in each module.
  const std::string variable = ".visible .global .u32 counter;\n" + entry;
  first = load(module_text(variable)), second = load(module_text(variable));
  uint64_t a = 0, b = 0;
  size_t bytes = 0;
  expect(first && second && first->global("counter", a, bytes) && second->global("counter", b, bytes) && a != b,
         "two modules have one variable");
}
