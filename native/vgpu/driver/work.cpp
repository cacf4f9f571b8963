#include "work.h"

#include <cstring>

#include "ordering.h"
#include "state.h"

namespace vgpu::inline driver {
namespace {

bool overlap(uint64_t a, size_t a_bytes, uint64_t b, size_t b_bytes) { return a < b + b_bytes && b < a + a_bytes; }

// Whether a range of device or pinned memory is still there when the work runs. Anything else is the host's own memory.
bool alive(const Node &node, uint64_t address, const char *end) {
  Allocation *allocation = Memory::get().find(address);
  if (!allocation || !allocation->freed) return true;
  report({FindingKind::use_after_free, *node.who,
          *node.who + ": " + allocation->label + ", the " + end + ", was freed before the " + std::string(end) + " was used"});
  return false;
}

Allocation *live(uint64_t address) {
  Allocation *allocation = Memory::get().find(address);
  return allocation && !allocation->freed ? allocation : nullptr;
}

void mark_written(Allocation &allocation, size_t offset, size_t bytes) {
  if (bytes) std::memset(allocation.written.data() + offset / 4, 1, (offset + bytes - 1) / 4 - offset / 4 + 1);
}

// What was never written stays so where it is copied to.
void copy_written(Allocation &to, size_t to_offset, Allocation &from, size_t from_offset, size_t bytes) {
  if (from.device < 0 || to_offset % 4 || from_offset % 4) mark_written(to, to_offset, bytes);
  else std::memmove(to.written.data() + to_offset / 4, from.written.data() + from_offset / 4, (bytes + 3) / 4);
}

void check_initialized(const Node &node, const Allocation &from, size_t offset, size_t bytes) {
  const uint8_t *first = from.written.data() + offset / 4, *end = from.written.data() + (offset + bytes - 1) / 4 + 1;
  auto hole = static_cast<const uint8_t *>(std::memchr(first, 0, size_t(end - first)));
  if (!hole) return;
  report({FindingKind::uninitialized_global, *node.who,
          *node.who + " gives the host " + std::to_string(std::count(hole, end, 0)) + " words of " + from.label +
              " that nothing has written, the first at byte " + std::to_string(4 * (hole - from.written.data()))});
}

struct Touched {
  Allocation *allocation;
  size_t offset, bytes;
  bool writes;
};

CUresult copy(Node &node, CopyWork &work, std::vector<Touched> &touched) {
  if (!alive(node, work.destination, "destination") || (!work.staged && !alive(node, work.source, "source")))
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  Allocation *to = live(work.destination), *from = work.staged ? nullptr : live(work.source);
  if (from) touched.push_back({from, size_t(work.source - from->base), work.bytes, false});
  if (to) touched.push_back({to, size_t(work.destination - to->base), work.bytes, true});
  if (work.to_host && from && from->device >= 0 && settings().initialized)
    check_initialized(node, *from, work.source - from->base, work.bytes);
  auto *source = work.staged ? work.staged->data() : reinterpret_cast<const uint8_t *>(work.source);
  std::memmove(reinterpret_cast<void *>(work.destination), source, work.bytes);
  if (to && from) copy_written(*to, work.destination - to->base, *from, work.source - from->base, work.bytes);
  else if (to) mark_written(*to, work.destination - to->base, work.bytes);
  return CUDA_SUCCESS;
}

CUresult fill(Node &node, FillWork &work, std::vector<Touched> &touched) {
  if (!alive(node, work.destination, "destination")) return CUDA_ERROR_ILLEGAL_ADDRESS;
  size_t bytes = work.count * work.width;
  auto *destination = reinterpret_cast<uint8_t *>(work.destination);
  if (work.width == 1) std::memset(destination, int(work.value), bytes);
  else std::fill_n(reinterpret_cast<uint32_t *>(destination), work.count, work.value);
  if (Allocation *to = live(work.destination)) {
    mark_written(*to, work.destination - to->base, bytes);
    touched.push_back({to, size_t(work.destination - to->base), bytes, true});
  }
  return CUDA_SUCCESS;
}

CUresult fault_code(FindingKind kind) {
  switch (kind) {
    case FindingKind::out_of_bounds:
    case FindingKind::use_after_free:
    case FindingKind::no_peer_access:
    case FindingKind::host_pointer: return CUDA_ERROR_ILLEGAL_ADDRESS;
    case FindingKind::misaligned: return CUDA_ERROR_MISALIGNED_ADDRESS;
    case FindingKind::bad_instruction: return CUDA_ERROR_ILLEGAL_INSTRUCTION;
    case FindingKind::hang: return CUDA_ERROR_LAUNCH_TIMEOUT;
    default: return CUDA_ERROR_LAUNCH_FAILED;
  }
}

CUresult launch(Node &node, KernelWork &work, Outcome &outcome) {
  if (work.module->unloaded) {
    report({FindingKind::use_after_free, *node.who, *node.who + ": its module was unloaded before the graph was launched"});
    return CUDA_ERROR_LAUNCH_FAILED;
  }
  work.launch.label = *node.who;
  outcome = run(work.launch);
  if (outcome.faulted) return fault_code(outcome.kind);
  return outcome.found && settings().fail ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

}  // namespace

CUresult execute(Node &node) {
  std::vector<Touched> touched;
  Outcome outcome;
  CUresult result = CUDA_SUCCESS;
  if (auto *kernel = std::get_if<KernelWork>(&node.work)) result = launch(node, *kernel, outcome);
  else if (auto *transfer = std::get_if<CopyWork>(&node.work)) result = copy(node, *transfer, touched);
  else if (auto *constant = std::get_if<FillWork>(&node.work)) result = fill(node, *constant, touched);
  else return CUDA_SUCCESS;
  if (!settings().ordering) return result;

  Accessor me{node.chain, node.sequence, node.who};
  std::vector<Conflict> conflicts;
  for (auto &range : touched) note_range(*range.allocation, range.offset, range.bytes, range.writes, me, node.clock, conflicts);
  for (auto &[allocation, access] : outcome.accesses)
    if (!allocation->freed) note_blocks(*allocation, access, me, node.clock, conflicts);
  for (auto &conflict : conflicts)
    report({FindingKind::unordered, *conflict.earlier + " and " + *node.who + " on " + conflict.allocation->label, describe(conflict, me)});
  if (!result && !conflicts.empty() && settings().fail) result = CUDA_ERROR_LAUNCH_FAILED;
  return result;
}

std::string describe(const Work &work) {
  if (auto *kernel = std::get_if<KernelWork>(&work)) return "kernel " + info(kernel->launch.kernel).name;
  if (auto *copy = std::get_if<CopyWork>(&work)) return std::string(copy->function) + " of " + std::to_string(copy->bytes) + " bytes";
  if (auto *fill = std::get_if<FillWork>(&work))
    return std::string(fill->function) + " of " + std::to_string(fill->count * fill->width) + " bytes";
  return "nothing";
}

bool mentions(const Work &work, uint64_t address, size_t bytes) {
  if (auto *copy = std::get_if<CopyWork>(&work))
    return overlap(copy->destination, copy->bytes, address, bytes) || (!copy->staged && overlap(copy->source, copy->bytes, address, bytes));
  if (auto *fill = std::get_if<FillWork>(&work)) return overlap(fill->destination, fill->count * fill->width, address, bytes);
  if (auto *kernel = std::get_if<KernelWork>(&work)) {
    // A kernel may reach all of an allocation from any pointer into it.
    Allocation *allocation = Memory::get().find(address);
    if (!allocation) return false;
    auto &arguments = kernel->launch.arguments;
    for (size_t at = 0; at + 8 <= arguments.size(); at += 4) {
      uint64_t value;
      std::memcpy(&value, &arguments[at], 8);
      if (overlap(value, 1, allocation->base, allocation->bytes)) return true;
    }
  }
  return false;
}

void spoil_destination(const Work &work) {
  auto *copy = std::get_if<CopyWork>(&work);
  if (!copy || !copy->to_host || !live(copy->destination)) return;
  for (auto &[sequence, node] : Driver::get().scheduler.queue())
    if (mentions(node->work, copy->destination, copy->bytes)) return;
  std::memset(reinterpret_cast<void *>(copy->destination), kPending, copy->bytes);
}

}  // namespace vgpu::driver
