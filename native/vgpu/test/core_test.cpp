// Tests of the instruction core: duet_vgpu_core_test [--seed N] [--list] [parts of names].
#include "core_test.h"
#include <fstream>
#include <sstream>

namespace core_test {
bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

Buffer::Buffer(size_t bytes, int device, bool written) : allocation_(Memory::get().allocate(device, bytes)) {
  if (!written) return;
  std::memset(as<char>(), 0, bytes);
  std::memset(allocation_->written.data(), 1, allocation_->written.size());
}
Buffer::~Buffer() { free(); }
void Buffer::free() {
  if (allocation_ && !allocation_->freed) Memory::get().release(allocation_->base);
}

std::string module_text(const std::string &entries) { return ".version 9.0\n.target sm_80\n.address_size 64\n" + entries; }

std::string kernel_with_result(const std::string &body, const std::string &functions) {
  return module_text(functions + R"(.visible .entry t(.param .u64 out, .param .u64 f)
{
  .reg .pred %p<10>; .reg .b32 %r<20>; .reg .b64 %rd<10>;
  ld.param.u64 %rd1, [out];
  ld.param.u64 %rd3, [f];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd1, %rd1, %rd2;
  mov.u32 %r0, 0;
)" + body + R"(
  st.global.u32 [%rd1], %r0;
  ret;
}
)");
}

std::string file_text(const std::string &name) {
  std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind('/')) + "/ptx/" + name);
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().empty()) fail("no file test/ptx/" + name);
  return text.str();
}

std::unique_ptr<Module> load(const std::string &ptx) {
  std::string log;
  auto module = Module::load(ptx, 0, log);
  if (!module) fail("the module was refused:\n" + log);
  return module;
}

Outcome launch(const Module &module, const std::string &kernel, uint32_t grid, uint32_t block, const Arguments &arguments, uint32_t shared,
               int device) {
  Launch l;
  l.kernel = module.kernel(kernel);
  if (!l.kernel) {
    fail("no kernel " + kernel);
    return {};
  }
  l.grid[0] = grid;
  l.block[0] = block;
  l.dynamic_shared_bytes = shared;
  l.arguments = arguments.bytes;
  l.device = device;
  return vgpu::run(l);
}

bool expect_results(const Buffer &out, uint32_t threads, uint32_t (*want)(uint32_t), const std::string &title) {
  for (uint32_t t = 0; t < threads; ++t) {
    if (out.as<uint32_t>()[t] == want(t)) continue;
    fail((title.empty() ? "" : title + ": ") + "thread " + std::to_string(t) + " has " + std::to_string(out.as<uint32_t>()[t]) +
         " instead of " + std::to_string(want(t)));
    return false;
  }
  return true;
}

std::string found(const Outcome &outcome) { return outcome.found ? std::string(vgpu::name(outcome.kind)) + ": " + outcome.text : "clean"; }

}  // namespace core_test

int main(int count, char **arguments) {
  return harness::main(count, arguments, [] { vgpu::settings() = {}; });
}
