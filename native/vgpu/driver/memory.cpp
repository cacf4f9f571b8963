// Allocation, and the synchronisation that comes with freeing.
#include <cstring>

#include "state.h"

using namespace vgpu;

namespace {

// What is freed twice or was never allocated is a mistake of the caller even if nobody looks at the result.
CUresult bad_free(const char *function, uint64_t address) {
  Allocation *allocation = Memory::get().find(address);
  std::string what = "an address that no allocation holds";
  if (allocation && allocation->freed) what = allocation->label + ", which was freed before";
  else if (allocation && allocation->base != address) what = "the middle of " + allocation->label;
  else if (allocation) what = allocation->label + ", which is of another kind or another context";
  report({FindingKind::bad_call, std::string(function) + " of " + what, std::string(function) + " was given " + what});
  return CUDA_ERROR_INVALID_VALUE;
}

// Remembers an allocation, or gives it back if there is no memory to do so.
void owned(std::map<uint64_t, size_t> &owner, const Allocation &allocation) {
  try {
    owner[allocation.base] = allocation.bytes;
  } catch (...) {
    Memory::get().release(allocation.base);
    throw;
  }
}

// Freeing waits for the device, so that work already queued still finds its memory.
CUresult release(Context &context, std::map<uint64_t, size_t> &owner, uint64_t address) {
  Driver &driver = Driver::get();
  driver.scheduler.finish(context);
  driver.joined_all(context);
  if (context.sticky) return context.sticky;
  owner.erase(address);
  Memory::get().release(address);
  return CUDA_SUCCESS;
}

// Frees in whichever context owns the address: addresses are unified.
CUresult free_in_any(const char *function, std::map<uint64_t, size_t> Context::*table, uint64_t address) {
  if (CUresult result = unsafe_call()) return result;
  for (auto &[device, primary] : Driver::get().primaries)
    if (primary.context && ((*primary.context).*table).count(address)) {
      if (primary.context->sticky) return primary.context->sticky;
      return release(*primary.context, (*primary.context).*table, address);
    }
  return bad_free(function, address);
}

}  // namespace

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return entry_in_context("cuMemAlloc_v2", [&](Context &context) {
    if (!address || !bytes) return CUDA_ERROR_INVALID_VALUE;
    if (CUresult result = unsafe_call()) return result;
    Allocation *allocation = Memory::get().allocate(context.device, bytes);
    if (!allocation) return CUDA_ERROR_OUT_OF_MEMORY;
    owned(context.memory, *allocation);
    *address = allocation->base;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return entry_in_context("cuMemFree_v2", [&](Context &) {
    if (!address) return CUDA_SUCCESS;
    return free_in_any("cuMemFree_v2", &Context::memory, address);
  });
}

CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned int flags) {
  return entry_in_context("cuMemHostAlloc", [&](Context &context) {
    if (!pointer || !bytes || flags > 7) return CUDA_ERROR_INVALID_VALUE;
    if (CUresult result = unsafe_call()) return result;
    Allocation *allocation = Memory::get().allocate(-1, bytes);
    if (!allocation) return CUDA_ERROR_OUT_OF_MEMORY;
    std::memset(allocation->written.data(), 1, allocation->written.size());  // the host may write it at any time, unseen
    owned(context.pinned, *allocation);
    *pointer = reinterpret_cast<void *>(allocation->base);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemFreeHost(void *pointer) {
  return entry_in_context("cuMemFreeHost",
                          [&](Context &) { return free_in_any("cuMemFreeHost", &Context::pinned, reinterpret_cast<uint64_t>(pointer)); });
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return entry_in_context("cuMemGetInfo_v2", [&](Context &context) {
    if (!free || !total) return CUDA_ERROR_INVALID_VALUE;
    *total = settings().memory_bytes;
    *free = *total - std::min(*total, Memory::get().used(context.device));
    return CUDA_SUCCESS;
  });
}
