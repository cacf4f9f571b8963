#include "findings.h"

#include <mutex>
#include <tuple>

namespace vgpu {
namespace {

struct Findings {
  std::mutex mutex;  // its own: the threads of a kernel report while the driver's mutex is held
  std::vector<Finding> list;
  std::map<std::pair<FindingKind, std::string>, size_t> index;
};

Findings &all() {
  static Findings *findings = new Findings;
  return *findings;
}

}  // namespace

const char *name(FindingKind kind) {
  switch (kind) {
    case FindingKind::out_of_bounds: return "out-of-bounds";
    case FindingKind::misaligned: return "misaligned";
    case FindingKind::use_after_free: return "use-after-free";
    case FindingKind::no_peer_access: return "no-peer-access";
    case FindingKind::host_pointer: return "host-pointer";
    case FindingKind::uninitialized_global: return "uninitialized-global";
    case FindingKind::uninitialized_shared: return "uninitialized-shared";
    case FindingKind::shared_race: return "shared-race";
    case FindingKind::divergent_barrier: return "divergent-barrier";
    case FindingKind::inactive_lanes: return "inactive-lanes";
    case FindingKind::read_only_written: return "read-only-written";
    case FindingKind::pending_copy: return "pending-copy";
    case FindingKind::unrounded_tf32: return "unrounded-tf32";
    case FindingKind::unordered: return "unordered";
    case FindingKind::leak: return "leak";
    case FindingKind::hang: return "hang";
    case FindingKind::bad_instruction: return "bad-instruction";
    case FindingKind::bad_call: return "bad-call";
    case FindingKind::printed: return "printed";
  }
  return "?";
}

void report(Finding finding) {
  std::lock_guard lock(all().mutex);
  auto [at, fresh] = all().index.try_emplace({finding.kind, finding.place}, all().list.size());
  if (!fresh) {
    all().list[at->second].count += finding.count;
    return;
  }
  try {
    all().list.push_back(std::move(finding));
  } catch (...) {
    all().index.erase(at);
    throw;
  }
}

std::vector<Finding> findings() {
  std::lock_guard lock(all().mutex);
  return all().list;
}

uint64_t finding_count() {
  std::lock_guard lock(all().mutex);
  uint64_t count = 0;
  for (auto &finding : all().list) count += finding.count;
  return count;
}

void forget_findings() {
  std::lock_guard lock(all().mutex);
  all().list.clear();
  all().index.clear();
}

}  // namespace vgpu
