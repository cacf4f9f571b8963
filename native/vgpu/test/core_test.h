// A handful of functions for tests of the instruction core: PTX in, numbers out.
#pragma once
#include "../core.h"
#include "test/harness.h"
#include <cstring>
#include <functional>

namespace core_test {

using namespace vgpu;

inline void fail(const std::string &text) { harness::that(false, text); }
inline void expect(bool condition, const std::string &text) { harness::that(condition, text); }
bool contains(const std::string &text, const std::string &part);

// Device memory that looks written, freed at the end.
class Buffer {
 public:
  explicit Buffer(size_t bytes, int device = 0, bool written = true);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  uint64_t address() const { return allocation_->base; }
  template <class T> T *as() const { return reinterpret_cast<T *>(allocation_->base); }
  Allocation *allocation() const { return allocation_; }
  void free();
 private:
  Allocation *allocation_;
};

struct Arguments {
  std::vector<uint8_t> bytes;
  template <class T> Arguments &add(T value) {
    size_t at = (bytes.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    bytes.resize(at + sizeof(T));
    std::memcpy(bytes.data() + at, &value, sizeof(T));
    return *this;
  }
  Arguments &add(const Buffer &buffer) { return add(buffer.address()); }
};

// The text of a module around a kernel's body: .version and so on.
std::string module_text(const std::string &entries);
// A kernel t(out, f) with %r1 = thread, %r0 = its result, 0 at first, and %rd3 = f.
std::string kernel_with_result(const std::string &body, const std::string &functions = "");
std::string file_text(const std::string &name);        // of test/ptx
std::unique_ptr<Module> load(const std::string &ptx);  // a failure is reported with the log
Outcome launch(const Module &module, const std::string &kernel, uint32_t grid, uint32_t block, const Arguments &arguments,
               uint32_t shared = 0, int device = 0);
// That each thread has written what is wanted of it; false and said if not.
bool expect_results(const Buffer &out, uint32_t threads, uint32_t (*want)(uint32_t), const std::string &title = "");
// Text of the outcome if something was found, "clean" if not.
std::string found(const Outcome &outcome);

}  // namespace core_test
