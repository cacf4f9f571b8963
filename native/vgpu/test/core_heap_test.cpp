// malloc and free in kernels.
#include "core_test.h"
#include <set>

using namespace core_test;

namespace {

const std::string kDeclarations = R"(
.extern .func (.param .b64 func_retval0) malloc(.param .b64 malloc_param_0);
.extern .func free(.param .b64 free_param_0);
)";
std::string malloc_of(const std::string &bytes, const std::string &result) {
  return "{\n.param .b64 param0;\nst.param.b64 [param0+0], " + bytes +
         ";\n.param .b64 retval0;\ncall.uni (retval0), malloc, (param0);\nld.param.b64 " + result + ", [retval0+0];\n}\n";
}
std::string free_of(const std::string &address) {
  return "{\n.param .b64 param0;\nst.param.b64 [param0+0], " + address + ";\ncall.uni free, (param0);\n}\n";
}
std::string kernel(const std::string &name, const std::string &body) {
  return ".visible .entry " + name + R"((.param .u64 out, .param .u64 bytes)
{
  .reg .pred %p<4>; .reg .b32 %r<8>; .reg .b64 %rd<12>;
  ld.param.u64 %rd1, [out];
  ld.param.u64 %rd2, [bytes];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mad.lo.s32 %r1, %r2, %r3, %r1;
  mad.wide.u32 %rd1, %r1, 8, %rd1;
)" + body +
         "  ret;\n}\n";
}
// give: out[t] = malloc(bytes), where t is written; take: free(out[t]), if what it holds is still t.
std::unique_ptr<Module> kernels() {
  return load(module_text(
      kDeclarations +
      kernel("give", malloc_of("%rd2", "%rd3") + "st.global.u64 [%rd1], %rd3;\nsetp.eq.u64 %p1, %rd3, 0;\n@!%p1 st.u32 [%rd3], %r1;\n") +
      kernel("take", "ld.global.u64 %rd3, [%rd1];\nld.u32 %r4, [%rd3];\nsetp.ne.s32 %p1, %r4, %r1;\n@%p1 trap;\n" + free_of("%rd3")) +
      kernel("look", "ld.global.u64 %rd3, [%rd1];\nld.u32 %r4, [%rd3];\nst.u32 [%rd1], %r4;\n") + kernel("free_other", free_of("%rd2")) +
      kernel("grow", malloc_of("%rd2", "%rd3") + "ld.u8 %r4, [%rd3];\nst.global.u32 [%rd1], %r4;\n")));
}

}  // namespace

TEST(threads_have_memory_of_their_own_until_it_is_freed) {
  auto module = kernels();
  if (!module) return;
  const uint32_t threads = 3 * 70;
  Buffer out(threads * 8), again(threads * 8);
  for (int hosts : {1, 2}) {
    settings().threads = hosts;
    const Buffer &to = hosts == 1 ? out : again;
    Outcome o = launch(*module, "give", 3, 70, Arguments().add(to).add<uint64_t>(40));
    expect(!o.found, found(o));
    std::set<uint64_t> addresses(to.as<uint64_t>(), to.as<uint64_t>() + threads);
    expect(addresses.size() == threads && !addresses.count(0) && *addresses.begin() % 256 == 0, "addresses of their own");
    o = launch(*module, "take", 3, 70, Arguments().add(to).add<uint64_t>(0));
    expect(!o.found, "what one kernel has allocated another may use and free: " + found(o));
    Memory::get().release_heap(0);
  }
  // The heap of a device that has begun anew lies elsewhere.
  for (uint32_t t = 0; t < threads; ++t)
    expect(out.as<uint64_t>()[t] - out.as<uint64_t>()[0] == again.as<uint64_t>()[t] - again.as<uint64_t>()[0],
           "the same places with two threads of the host");
}

TEST(a_full_heap_gives_null_and_room_comes_back) {
  auto module = kernels();
  if (!module) return;
  const uint32_t threads = 64;
  Buffer out(threads * 8);
  uint32_t given = 0;
  // 1 MiB each: eight of them have room. Twelve rounds go through the whole range of addresses once and a half.
  for (int round = 0; round < 12; ++round) {
    Outcome o = launch(*module, "give", 1, threads, Arguments().add(out).add<uint64_t>(1 << 20));
    expect(!o.found, found(o));
    given = 0;
    for (uint32_t t = 0; t < threads; ++t) given += out.as<uint64_t>()[t] != 0;
    expect(given == 8 && out.as<uint64_t>()[7] && !out.as<uint64_t>()[8], std::to_string(given) + " of 8 were given");
    o = launch(*module, "take", 1, given, Arguments().add(out).add<uint64_t>(0));
    expect(!o.found, found(o));
  }
  for (uint64_t bytes : {uint64_t(0), uint64_t(9) << 20, ~uint64_t(0)}) {
    launch(*module, "give", 1, 1, Arguments().add(out).add(bytes));
    expect(out.as<uint64_t>()[0] == 0, "malloc(" + std::to_string(bytes) + ") is null");
  }
  Outcome o = launch(*module, "free_other", 1, 1, Arguments().add(out).add<uint64_t>(0));
  expect(!o.found, "null may be freed: " + found(o));
  Memory::get().release_heap(0);
}

TEST(wrong_uses_of_the_heap_are_found) {
  auto module = kernels();
  if (!module) return;
  Buffer out(8 * 32);
  auto text = [&](const char *kernel, FindingKind kind, const std::string &part, uint64_t argument) {
    Outcome o = launch(*module, kernel, 1, 1, Arguments().add(out).add(argument));
    expect(o.found && o.kind == kind && contains(o.text, part), std::string(kernel) + ": " + found(o));
  };
  const std::string sentence = "where nothing starts that malloc has given and free has not taken back: ";
  text("grow", FindingKind::uninitialized_global, "the heap of device 0", 4);
  launch(*module, "give", 1, 2, Arguments().add(out).add<uint64_t>(16));
  const uint64_t address = out.as<uint64_t>()[0];
  text("free_other", FindingKind::bad_instruction, sentence + "260 bytes into the heap of device 0", address + 4);
  text("free_other", FindingKind::bad_instruction, sentence + "0 bytes into allocation", out.address());
  text("free_other", FindingKind::bad_instruction, sentence + "which is near no allocation", 12);
  Outcome o = launch(*module, "take", 1, 1, Arguments().add(out).add<uint64_t>(0));
  expect(!o.found, found(o));
  text("free_other", FindingKind::bad_instruction, sentence, address);
  text("look", FindingKind::uninitialized_global, "the heap of device 0", 0);
  out.as<uint64_t>()[0] = address;
  Memory::get().release_heap(0);
  text("take", FindingKind::use_after_free, "freed the heap of device 0", 0);
}

TEST(a_function_of_the_program_may_be_called_free) {
  auto module = load(module_text(R"(
.func (.param .b64 result) malloc(.param .b64 x)
{
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [x];
  add.s64 %rd2, %rd1, 1;
  st.param.b64 [result+0], %rd2;
  ret;
}
)" + kernel("t", malloc_of("%rd2", "%rd3") + "st.global.u64 [%rd1], %rd3;\n")));
  if (!module) return;
  Buffer out(8);
  Outcome o = launch(*module, "t", 1, 1, Arguments().add(out).add<uint64_t>(41));
  expect(!o.found && out.as<uint64_t>()[0] == 42, found(o));
}
