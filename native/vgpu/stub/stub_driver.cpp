// A CUDA driver that does nothing: every function that Duet calls returns success at once and counts. What a program then costs is its own
// share. Device memory is a range of numbers, handles are numbers; only page-locked memory is real, because the host writes and reads it.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define API extern "C" __attribute__((visibility("default")))

namespace {

struct Counter {
  const char *name;
  std::atomic<int64_t> calls{0};
  Counter *next;
  static Counter *first;
  explicit Counter(const char *name) : name(name), next(first) { first = this; }
};
Counter *Counter::first = nullptr;

uint64_t make_handle() {
  static std::atomic<uint64_t> next{0x1000};
  return next += 16;
}

}  // namespace

// Bodies stand between FUNCTION and END, which the formatter cannot know.
// clang-format off
// In C a function may be called with more arguments than it takes, so most need not name theirs.
#define FUNCTION(name, ...)              \
  static Counter counter_##name(#name);  \
  API int name(__VA_ARGS__) {            \
    ++counter_##name.calls;
#define END \
    return 0; \
  }
#define NOTHING(name) FUNCTION(name) END
#define HANDLE(name) FUNCTION(name, uint64_t *handle) *handle = make_handle(); END
#define NUMBER(name, value) FUNCTION(name, int *number) *number = value; END

API int64_t stub_calls(const char *name) {
  for (const Counter *counter = Counter::first; counter; counter = counter->next)
    if (!std::strcmp(counter->name, name)) return counter->calls;
  return -1;
}

NOTHING(cuInit)
NUMBER(cuDriverGetVersion, 12040)
NUMBER(cuDeviceGetCount, 2)
FUNCTION(cuDeviceGet, int *device, int ordinal) *device = ordinal; END
FUNCTION(cuDeviceGetName, char *name, int length) std::snprintf(name, length, "stub that does nothing"); END
FUNCTION(cuDeviceTotalMem_v2, size_t *bytes) *bytes = size_t(80) << 30; END
// Compute capability 9.0 (attributes 75 and 76); anything else, the number of multiprocessors among it, is a card's 132.
FUNCTION(cuDeviceGetAttribute, int *value, int attribute) *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 132; END
FUNCTION(cuDeviceGetUuid_v2, char *uuid) std::memset(uuid, 0, 16); END
NUMBER(cuDeviceCanAccessPeer, 1)
HANDLE(cuDevicePrimaryCtxRetain)
NOTHING(cuDevicePrimaryCtxRelease_v2)
NOTHING(cuCtxSetCurrent)
HANDLE(cuCtxGetCurrent)
NOTHING(cuCtxSynchronize)
NOTHING(cuCtxEnablePeerAccess)

FUNCTION(cuMemAlloc_v2, uint64_t *address, size_t bytes)
  static std::atomic<uint64_t> next{uint64_t(1) << 40};
  *address = next.fetch_add((bytes + 511) / 512 * 512);
END
NOTHING(cuMemFree_v2)
FUNCTION(cuMemHostAlloc, void **pointer, size_t bytes)
  *pointer = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*pointer) return 2;
  std::memset(*pointer, 0, bytes);
END
FUNCTION(cuMemFreeHost, void *pointer) std::free(pointer); END
FUNCTION(cuMemGetInfo_v2, size_t *free, size_t *total) *free = *total = size_t(80) << 30; END
NOTHING(cuMemcpyHtoDAsync_v2)
NOTHING(cuMemcpyDtoHAsync_v2)
NOTHING(cuMemcpyDtoDAsync_v2)
NOTHING(cuMemcpyPeerAsync)
NOTHING(cuMemsetD8Async)

HANDLE(cuModuleLoadDataEx)
NOTHING(cuModuleUnload)
HANDLE(cuModuleGetFunction)
NUMBER(cuFuncGetAttribute, 0)
NOTHING(cuFuncSetAttribute)
NUMBER(cuOccupancyMaxActiveBlocksPerMultiprocessor, 2)
NOTHING(cuLaunchKernel)

HANDLE(cuStreamCreate)
NOTHING(cuStreamDestroy_v2)
NOTHING(cuStreamSynchronize)
NOTHING(cuStreamQuery)
NOTHING(cuStreamWaitEvent)
NOTHING(cuStreamBeginCapture_v2)
FUNCTION(cuStreamEndCapture, void *, uint64_t *graph) *graph = make_handle(); END
HANDLE(cuEventCreate)
NOTHING(cuEventDestroy_v2)
NOTHING(cuEventRecord)
NOTHING(cuEventSynchronize)
NOTHING(cuEventQuery)
HANDLE(cuGraphInstantiateWithFlags)
NOTHING(cuGraphLaunch)
NOTHING(cuGraphExecDestroy)
NOTHING(cuGraphDestroy)
FUNCTION(cuGraphGetNodes, void *, void *, size_t *count) *count = 0; END

static const char *const kText = "stub";
FUNCTION(cuGetErrorName, int, const char **text) *text = kText; END
FUNCTION(cuGetErrorString, int, const char **text) *text = kText; END
