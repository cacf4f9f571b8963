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
std::string file_text(const std::string &name);  // of test/ptx
std::unique_ptr<Module> load(const std::string &ptx);  // a failure is reported with the log
Outcome launch(const Module &module, const std::string &kernel, uint32_t grid, uint32_t block, const Arguments &arguments,
               uint32_t shared = 0, int device = 0);
// Text of the outcome if something was found, "clean" if not.
std::string found(const Outcome &outcome);

}  // namespace core_test
