// Functions by their addresses: tables in memory, numbers that the host hands on, calls of what a register holds, and recursion.
#include "core_test.h"

using namespace core_test;

namespace {

// Three functions of a number, one of two numbers, and one that calls what its first argument says.
const std::string kFunctions = R"(
.func (.param .b32 result) twice(.param .b32 x);
.func (.param .b32 result) square(.param .b32 x);
.global .align 8 .u64 table[3] = {twice, 0, square};
.const .align 8 .u64 pick = sum;
.visible .func (.param .b32 result) twice(.param .b32 x)
{
  .reg .b32 %r<3>;
  ld.param.u32 %r1, [x];
  add.s32 %r2, %r1, %r1;
  st.param.b32 [result+0], %r2;
  ret;
}
.func (.param .b32 result) square(.param .b32 x)
{
  .reg .b32 %r<3>; .reg .pred %p<2>;
  ld.param.u32 %r1, [x];
  mul.lo.s32 %r2, %r1, %r1;
  st.param.b32 [result+0], %r2;
  setp.lt.u32 %p1, %r1, 5;
  @%p1 ret;
  add.s32 %r2, %r2, 1000;
  st.param.b32 [result+0], %r2;
  ret;
}
.func (.param .b32 result) minus(.param .b32 x)
{
  .reg .b32 %r<3>;
  ld.param.u32 %r1, [x];
  neg.s32 %r2, %r1;
  st.param.b32 [result+0], %r2;
  ret;
}
.func (.param .b32 result) sum(.param .b32 x, .param .b32 y)
{
  .reg .b32 %r<4>;
  ld.param.u32 %r1, [x];
  ld.param.u32 %r2, [y];
  add.s32 %r3, %r1, %r2;
  st.param.b32 [result+0], %r3;
  ret;
}
.func (.param .b32 result) apply(.param .b64 f, .param .b32 x)
{
  .reg .b32 %r<4>; .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [f];
  ld.param.u32 %r1, [x];
  {
    .param .b32 param0;
    st.param.b32 [param0+0], %r1;
    .param .b32 retval0;
    one : .callprototype (.param .b32 _) _ (.param .b32 _);
    call (retval0), %rd1, (param0), one;
    ld.param.b32 %r2, [retval0+0];
  }
  add.s32 %r2, %r2, 1;
  st.param.b32 [result+0], %r2;
  ret;
}
)";

std::string kernel(const std::string &body, const std::string &functions = kFunctions) { return kernel_with_result(body, functions); }

// %r0 = the function at %rd4 of %r1; `who` says which it may be.
std::string call_of_one(const std::string &who, const std::string &label) {
  return "{\n.param .b32 param0;\nst.param.b32 [param0+0], %r1;\n.param .b32 retval0;\n" + who + "\ncall (retval0), %rd4, (param0), " +
         label + ";\nld.param.b32 %r0, [retval0+0];\n}\n";
}
const std::string kPrototype = "prototype_0 : .callprototype (.param .b32 _) _ (.param .b32 _);";

uint32_t twice(uint32_t x) { return 2 * x; }
uint32_t square(uint32_t x) { return x * x + (x < 5 ? 0 : 1000); }

std::string check(const std::string &text, uint32_t (*want)(uint32_t), uint64_t f = 0) {
  auto module = load(text);
  if (!module) return "refused";
  Buffer out(256);
  const Outcome o = launch(*module, "t", 1, 64, Arguments().add(out).add(f));
  if (!o.found) expect_results(out, 64, want);
  return found(o);
}

std::string refusal(const std::string &text) {
  std::string log;
  return Module::load(text, 0, log) ? "loaded" : log;
}

uint64_t variable(const Module &module, const std::string &name, size_t n = 0) {
  uint64_t address = 0;
  size_t bytes = 0;
  expect(module.global(name, address, bytes) && bytes > 8 * n, "there is no variable " + name);
  return address ? reinterpret_cast<const uint64_t *>(address)[n] : 0;
}

}  // namespace

TEST(calls_of_functions_in_a_table) {
  // Every third lane the square, the others the double.
  const std::string lookup =
      "rem.u32 %r2, %r1, 3;\nsetp.eq.u32 %p1, %r2, 0;\nselp.b32 %r3, 16, 0, %p1;\nmov.u64 %rd4, table;\n"
      "cvt.u64.u32 %rd5, %r3;\nadd.s64 %rd4, %rd4, %rd5;\nld.global.u64 %rd4, [%rd4];\n";
  // They meet again behind the call.
  const std::string together = "activemask.b32 %r4;\nsetp.ne.s32 %p3, %r4, -1;\n@%p3 add.s32 %r0, %r0, 7777777;\n";
  const auto want = [](uint32_t t) { return t % 3 ? twice(t) : square(t); };
  expect(check(kernel(lookup + call_of_one(kPrototype, "prototype_0") + together), want) == "clean", "with a prototype");
  expect(check(kernel(lookup + call_of_one("who : .calltargets twice, square;", "who") + together), want) == "clean", "with a list");
  expect(check(kernel(lookup + call_of_one("", "table") + together), want) == "clean", "with a table");
}

TEST(addresses_of_functions_go_through_the_host) {
  auto module = load(kernel("mov.u64 %rd4, %rd3;\n" + call_of_one(kPrototype, "prototype_0")));
  if (!module) return;
  const uint64_t f = variable(*module, "table", 2), g = variable(*module, "table", 0);
  expect(f && g && f != g && variable(*module, "table", 1) == 0, "two numbers and a zero");
  expect(!Memory::get().find(f), "the address of a function is one of memory");
  const std::string text = kernel("mov.u64 %rd4, %rd3;\n" + call_of_one(kPrototype, "prototype_0"));
  expect(check(text, square, f) == "clean", "the square");
  expect(check(text, twice, g) == "clean", "the double, of the same text loaded again");
}

TEST(addresses_of_functions_compare) {
  expect(check(kernel("mov.u64 %rd4, square;\nld.global.u64 %rd5, [table+16];\nsetp.eq.u64 %p1, %rd4, %rd5;\n@%p1 add.s32 %r0, %r0, 1;\n"
                      "mov.u64 %rd6, minus;\nsetp.ne.u64 %p2, %rd4, %rd6;\n@%p2 add.s32 %r0, %r0, 2;\nsetp.ne.u64 %p3, %rd6, 0;\n"
                      "@%p3 add.s32 %r0, %r0, 4;\n"),
               [](uint32_t) { return 7u; }) == "clean",
         "comparisons");
}

TEST(called_functions_call_others) {
  const std::string call =
      "{\n.param .b64 param0;\nst.param.b64 [param0+0], %rd3;\n.param .b32 param1;\nst.param.b32 [param1+0], %r1;\n"
      ".param .b32 retval0;\ntwo : .callprototype (.param .b32 _) _ (.param .b64 _, .param .b32 _);\nmov.u64 %rd4, apply;\n"
      "call (retval0), %rd4, (param0, param1), two;\nld.param.b32 %r0, [retval0+0];\n}\n";
  auto module = load(kernel(call));
  if (!module) return;
  expect(check(
             kernel(call), [](uint32_t t) { return square(t) + 1; }, variable(*module, "table", 2)) == "clean",
         "apply(square, thread)");
}

TEST(addresses_of_no_function) {
  const std::string call = "mov.u64 %rd4, %rd3;\n" + call_of_one(kPrototype, "prototype_0");
  const std::string wrong = check(kernel(call), twice, 0x1234);
  expect(contains(wrong, "bad-instruction") &&
             contains(wrong, "calls 0x1234, which is the address of none of the functions that may be called here"),
         wrong);
  expect(contains(check(kernel("add.s64 %rd4, %rd3, 0;\nmov.u64 %rd4, sum;\n" + call_of_one(kPrototype, "prototype_0")), twice),
                  "bad-instruction"),
         "a function of two numbers, called with one");
  expect(
      contains(check(kernel("mov.u64 %rd4, minus;\n" + call_of_one("who : .calltargets twice, square;", "who")), twice), "bad-instruction"),
      "a function that is not in the list");
  // Only some lanes are wrong: they are what is reported.
  const std::string some = check(
      kernel("mov.u64 %rd4, twice;\nsetp.eq.u32 %p1, %r1, 9;\n@%p1 mov.u64 %rd4, 77;\n" + call_of_one(kPrototype, "prototype_0")), twice);
  expect(contains(some, "thread (9,0,0)") && contains(some, "calls 0x4d,"), some);
  // Another module's address of the function in the same place.
  auto other = load(kernel("mov.u32 %r0, 1;\n"));
  if (other) expect(contains(check(kernel(call), twice, variable(*other, "table")), "bad-instruction"), "a function of another module");
}

TEST(calls_that_are_refused) {
  expect(contains(refusal(kernel("mov.u64 %rd4, square;\n" + call_of_one("", "nowhere"))), "says of no functions"), "an unknown label");
  expect(
      contains(refusal(kernel("mov.u64 %rd4, square;\n" + call_of_one("p : .callprototype (.param .b32 _) _ ();", "p"))), "other operands"),
      "another prototype");
  expect(contains(refusal(kernel(call_of_one("who : .calltargets twice, sum;", "who"))), "other operands than sum has"),
         "another function");
  expect(contains(refusal(kernel("mov.u64 %rd4, nothing;\n", ".func nothing(.param .b32 x);\n")), "unknown register or name \"nothing\""),
         "a function without a body");
  expect(contains(refusal(kernel("", ".func nothing(.param .b32 x);\n.global .u64 table[1] = {nothing};\n")),
                  "initialiser names unknown variable or function \"nothing\""),
         "the same in a variable");
}

TEST(calls_that_are_too_many) {
  auto chain = [](int functions, int calls) {
    std::string text;
    for (int n = functions; n-- > 0;) {
      text += ".func f" + std::to_string(n) + "()\n{\n";
      for (int call = 0; call < calls && n + 1 < functions; ++call) text += "call.uni f" + std::to_string(n + 1) + ";\n";
      text += "}\n";
    }
    return text;
  };
  expect(refusal(kernel("call.uni f0;\n", chain(20, 1))) == "loaded", "twenty calls, each in another");
  const std::string deep = refusal(kernel("call.uni f0;\n", chain(21, 1)));
  expect(contains(deep, "calls nested too deeply"), deep);
  const std::string many = refusal(kernel("call.uni f0;\n", chain(20, 10)));
  expect(contains(many, "inlined, they are more than 50,000"), many);
}

TEST(texts_that_stop) {
  const std::string text = kernel("mov.u64 %rd4, square;\n.pragma \"nounroll\";\n" + call_of_one(kPrototype, "prototype_0") +
                                  call_of_one("who : .calltargets twice, square;", "who"));
  // Behind each symbol in turn; what is left is a module only where an item has just ended.
  int refused = 0;
  for (size_t at = 0; at < text.size(); ++at)
    if (std::isspace(static_cast<unsigned char>(text[at])) || std::strchr("(),;:{}[]", text[at])) {
      const std::string log = refusal(text.substr(0, at)), behind = refusal(text.substr(0, at + 1));
      refused += (log != "loaded") + (behind != "loaded");
    }
  expect(refused > 100, std::to_string(refused) + " were refused");
  for (const char *end : {".pragma \"a\"", ".section .debug", ".entry t() .pragma", ".entry t() { .pragma", ".entry t() { call",
                          ".entry t() { call (", ".func", ".func (", ".func f() { } .entry t() { call (a), f, (b), c",
                          ".global .attribute(", ".entry t() { p : .callprototype () _ ()", ".entry t() { p : .callprototype"})
    expect(contains(refusal(module_text(end)), "PTX line"), std::string("loaded: ") + end);
}

TEST(refused_calls_leave_no_half_of_a_kernel) {
  // The body of the second function is refused in the middle of the comparisons.
  const std::string bad = ".func (.param .b32 result) bad(.param .b32 x)\n{\ncall.uni nowhere;\nret;\n}\n.global .u64 of_bad = bad;\n";
  const std::string log = refusal(
      kernel("mov.u64 %rd4, square;\nadd.what %r1;\n" + call_of_one("who : .calltargets square, bad, gone;", "who"), kFunctions + bad));
  expect(contains(log, "call of gone, which has no body here") && contains(log, "\"add.what\": unknown form"), log);
  const std::string within = refusal(
      kernel("mov.u64 %rd4, square;\n" + call_of_one("who : .calltargets square, bad;", "who"), kFunctions + bad));
  expect(contains(within, "call of nowhere, which has no body here"), within);
  expect(contains(refusal(kernel(call_of_one("", "empty"), kFunctions + ".global .u64 empty[2] = {0, 0};\n")),
                  "which holds the address of no function"),
         "a table of nothing");
}

TEST(recursion_is_refused_by_name) {
  auto function = [](const std::string &name, const std::string &body) {
    return ".func " + name + "(.param .b32 x)\n{\n.reg .b64 %rd<2>;\n" + body + "\nret;\n}\n";
  };
  const std::string call_f = "{\n.param .b32 param0;\nst.param.b32 [param0+0], 1;\ncall.uni f, (param0);\n}\n";
  expect(contains(refusal(kernel(call_f, function("f", call_f))), "recursion is not known: f calls itself"), "f");
  const std::string call_g = "{\n.param .b32 param0;\nst.param.b32 [param0+0], 1;\ncall.uni g, (param0);\n}\n";
  expect(contains(refusal(kernel(call_f, function("f", call_g) + function("g", call_f))), "recursion is not known: f calls itself"),
         "f and g");
  // Through an address: each of twenty functions may call all of them.
  const std::string call_any =
      "{\n.param .b32 param0;\nst.param.b32 [param0+0], 1;\np : .callprototype () _ (.param .b32 _);\nmov.u64 %rd1, f0;\n"
      "call %rd1, (param0), p;\n}\n";
  std::string functions, names;
  for (int n = 0; n < 20; ++n) {
    functions += function("f" + std::to_string(n), call_any);
    names += (n ? ", f" : "f") + std::to_string(n);
  }
  const std::string log = refusal(kernel(call_any, functions + ".global .u64 all[20] = {" + names + "};\n"));
  expect(contains(log, "recursion is not known: f7 may call itself here, by its address"), log);
}

TEST(shared_memory_has_a_limit) {
  auto text = [](size_t bytes) { return module_text(".visible .entry t()\n{\n.shared .b8 s[" + std::to_string(bytes) + "];\nret;\n}\n"); };
  expect(contains(refusal(text(227 * 1024 + 1)), "kernel t has 232449 bytes of shared memory; a block has at most 232448"), "too much");
  expect(refusal(text(227 * 1024)) == "loaded", "all of it");
}
