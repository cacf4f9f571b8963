// Initialisation, versions, error names, the address of each function, and the profiler's switches.
#include <cstring>

#include "state.h"

using namespace vgpu;

namespace {

struct Error {
  CUresult number;
  const char *name, *words;
};
constexpr Error kErrors[] = {
#define ERROR(name, number, words) {name, #name, words},
#include "errors.inc"
#undef ERROR
};

const Error *find_error(CUresult number) {
  for (const Error &error : kErrors)
    if (error.number == number) return &error;
  return nullptr;
}

struct Symbol {
  const char *name;
  void *address;
};

void *find_symbol(const char *name) {
  static const Symbol symbols[] = {
#define CU(name, parameters) {#name, reinterpret_cast<void *>(&name)},
#include "functions.inc"
#undef CU
  };
  for (const Symbol &symbol : symbols)
    if (!std::strcmp(symbol.name, name)) return symbol.address;
  return nullptr;
}

}  // namespace

CUresult cuInit(unsigned int flags) {
  return entry("cuInit", Needs::nothing, [&] {
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    if (settings().devices < 1) return CUDA_ERROR_NO_DEVICE;
    Driver::get().initialized = true;
    return CUDA_SUCCESS;
  });
}

CUresult cuDriverGetVersion(int *version) {
  return entry("cuDriverGetVersion", Needs::nothing, [&] {
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    *version = settings().driver_version;
    return CUDA_SUCCESS;
  });
}

CUresult cuGetErrorName(CUresult error, const char **text) {
  return entry("cuGetErrorName", Needs::nothing, [&] {
    if (!text) return CUDA_ERROR_INVALID_VALUE;
    const Error *found = find_error(error);
    *text = found ? found->name : nullptr;
    return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  return entry("cuGetErrorString", Needs::nothing, [&] {
    if (!text) return CUDA_ERROR_INVALID_VALUE;
    const Error *found = find_error(error);
    *text = found ? found->words : nullptr;
    return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t, CUdriverProcAddressQueryResult *status) {
  return entry("cuGetProcAddress_v2", Needs::nothing, [&] {
    if (!symbol || !function) return CUDA_ERROR_INVALID_VALUE;
    *function = nullptr;
    std::string name = symbol;
    // The newest form that the caller's version knows: only the elapsed time has two here.
    bool newer = name == "cuEventElapsedTime" && version < 12080;
    if (!newer) *function = find_symbol((name + "_v2").c_str());
    if (!*function) *function = find_symbol(symbol);
    auto result = *function ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    if (*function && version > settings().driver_version) {
      *function = nullptr;
      result = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
    }
    if (status) *status = result;
    return *function || status ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
  });
}

CUresult cuProfilerStart(void) {
  return entry_in_context("cuProfilerStart", [](Context &) { return CUDA_SUCCESS; });
}

CUresult cuProfilerStop(void) {
  return entry_in_context("cuProfilerStop", [](Context &) { return CUDA_SUCCESS; });
}
