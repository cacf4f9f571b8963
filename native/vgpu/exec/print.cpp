// printf: the format and the arguments as nvcc lays them out for vprintf (each aligned to its own size, floats as doubles). What a thread
// prints is listed with the findings and fails nothing.
#include "sync.h"
#include <algorithm>

namespace vgpu {
namespace {

class Print {
 public:
  Print(const Instruction &i, Warp &w, int lane) : i_(i), w_(w), lane_(lane) {}

  // The text; arguments_used counts.
  std::string text(uint64_t format, uint64_t arguments) {
    arguments_ = arguments;
    const std::string f = string(format);
    std::string result;
    for (size_t at = 0; at < f.size();) {
      if (f[at] != '%') {
        result += f[at++];
        continue;
      }
      size_t end = f.find_first_not_of("-+ #0123456789.*hlLzjt", at + 1);
      if (end == std::string::npos) end = f.size() - 1;
      result += converted(f.substr(at, end + 1 - at));
      at = end + 1;
    }
    return result;
  }
  int used() const { return used_; }

 private:
  const Instruction &i_;
  Warp &w_;
  int lane_;
  uint64_t arguments_ = 0, offset_ = 0;
  int used_ = 0;

  // What a generic address of this thread points to.
  const uint8_t *read(uint64_t address, uint64_t bytes) {
    Worker &k = *w_.worker;
    const uint64_t window = address >> 56, offset = address & (kSharedWindow - 1);
    if (window == kLocalWindow >> 56 && offset + bytes <= k.kernel.local_bytes) return w_.local + lane_ * k.kernel.local_bytes + offset;
    if (window == kSharedWindow >> 56 && offset + bytes <= k.shared_bytes) return k.shared + offset;
    const Allocation *a = window ? nullptr : Memory::get().find(address);
    if (a && !a->freed && address + bytes <= a->base + a->bytes) return reinterpret_cast<const uint8_t *>(address);
    k.fault(FindingKind::out_of_bounds, i_, w_, lane_, "prints what lies at " + hex(address) + ", " + describe_address(address, 0));
  }
  template <class T> T next() {
    offset_ = (offset_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    T value;
    std::memcpy(&value, read(arguments_ + offset_, sizeof(T)), sizeof(T));
    offset_ += sizeof(T);
    ++used_;
    return value;
  }
  std::string string(uint64_t address) {
    std::string result;
    for (char c; (c = static_cast<char>(*read(address, 1))) != 0; ++address) result += c;
    return result;
  }

  // One conversion, such as "%-5.2f".
  std::string converted(std::string spec) {
    const char kind = spec.back();
    if (kind == '%') return "%";
    for (size_t star; (star = spec.find('*')) != std::string::npos;) spec.replace(star, 1, std::to_string(next<int32_t>()));
    const bool wide = spec.find_first_of("lzjt") != std::string::npos;
    spec.erase(std::remove_if(spec.begin(), spec.end(), [](char c) { return std::strchr("hlLzjt", c) != nullptr; }), spec.end());
    char buffer[512] = {};
    auto print = [&](const std::string &with, auto value) { std::snprintf(buffer, sizeof buffer, with.c_str(), value); };
    const std::string start = spec.substr(0, spec.size() - 1);
    if (std::strchr("di", kind)) {
      const long long value = wide ? next<int64_t>() : next<int32_t>();
      print(start + "ll" + kind, value);
    } else if (std::strchr("uoxX", kind)) {
      const unsigned long long value = wide ? next<uint64_t>() : next<uint32_t>();
      print(start + "ll" + kind, value);
    } else if (std::strchr("fFeEgGaA", kind)) {
      print(spec, next<double>());
    } else if (kind == 'c') {
      print(spec, next<int32_t>());
    } else if (kind == 'p') {
      print(start + "p", reinterpret_cast<const void *>(next<uint64_t>()));
    } else if (kind == 's') {
      const uint64_t address = next<uint64_t>();
      const std::string s = address ? string(address) : "(null)";
      print(spec, s.c_str());
    } else {
      return spec;
    }
    return buffer;
  }
};

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '\n') result += "\\n";
    else if (c == '"') result += "\\\"";
    else result += c;
  }
  return result + "\"";
}

}  // namespace

void print_text(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  for_each_caller(w, [&](int l, uint8_t *local) {
    Print print(i, w, l);
    const std::string text = print.text(argument(i, w, 0, local), argument(i, w, 1, local));
    if (k.printed.size() < kMostPrinted)
      k.printed.push_back({k.block_number, k.printed.size(), i.number, k.where(i, w, l) + ": " + quoted(text)});
    if (*w.at<uint64_t>(i.o[2]) != ~uint64_t(0)) set_result<int32_t>(i, w, 2, local, print.used());
  });
}

}  // namespace vgpu
