// Findings in words.
#include "warp.h"

namespace vgpu {

std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string describe_address(uint64_t address, int) {
  const Allocation *a = Memory::get().nearest(address);
  if (!a) return "which is near no allocation";
  const std::string what = (a->freed ? "freed " : "") + a->label + " (" + std::to_string(a->bytes) + " bytes)";
  auto bytes = [](uint64_t n) { return std::to_string(n) + (n == 1 ? " byte " : " bytes "); };
  if (address < a->base) return bytes(a->base - address) + "before the start of " + what;
  if (address >= a->base + a->bytes) return bytes(address - a->base - a->bytes) + "after the end of " + what;
  return bytes(address - a->base) + "into " + what;
}

std::string Worker::where(const Instruction &i, const Warp &w, int lane) const {
  const Place &p = kernel.places[i.number];
  std::string text = "kernel " + kernel.info.name + ", PTX line " + std::to_string(p.line);
  if (auto file = kernel.files.find(p.file); p.source && file != kernel.files.end())
    text += " (" + file->second.substr(file->second.rfind('/') + 1) + ":" + std::to_string(p.source) + ")";
  const Launch &l = launch.launch;
  const uint32_t thread = w.index * kLanes + static_cast<uint32_t>(lane);
  auto triple = [](uint32_t x, uint32_t y, uint32_t z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
  };
  text += ", block " + triple(ctaid[0], ctaid[1], ctaid[2]) + ", thread " +
          triple(thread % l.block[0], thread / l.block[0] % l.block[1], thread / l.block[0] / l.block[1]);
  return l.label.empty() ? text : text + ", launch " + l.label;
}

bool Worker::seen(FindingKind kind, const Instruction &i) {
  auto it = findings.find({kind, i.number});
  if (it == findings.end()) return false;
  ++it->second.count;
  return true;
}

void Worker::finding(FindingKind kind, const Instruction &i, const Warp &w, int lane, const std::string &what) {
  findings[{kind, i.number}] = {where(i, w, lane) + ": " + what, 1, block_number, found++};
}

void Worker::fault(FindingKind kind, const Instruction &i, const Warp &w, int lane, const std::string &what) {
  throw Fault{kind, where(i, w, lane) + ": " + what, i.number};
}

}  // namespace vgpu
