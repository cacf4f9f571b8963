// What most tests of the driver need: contexts, buffers, kernels in hand-written PTX.
#pragma once
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "driver/cuda_abi.h"
#include "duet_vgpu.h"
#include "test/harness.h"

std::string error_name(CUresult result);

// The driver call gives this error.
#define GIVES(error, call) gives((error), (call), #error, #call, __FILE__, __LINE__)
#define OK(call) GIVES(CUDA_SUCCESS, call)
#define CONFIGURE(text) \
  harness::that(vgpu_configure(text) == 0, [] { return std::string("vgpu_configure: ") + vgpu_problem(); }, __FILE__, __LINE__)
#define CLEAN() harness::that(vgpu_finding_count() == 0, [] { return std::string("findings: ") + vgpu_findings(); }, __FILE__, __LINE__)

void gives(CUresult error, CUresult got, const char *error_text, const char *call, const char *file, int line);
bool found(const char *text);  // among the findings
int64_t calls(const char *function);

// Retains the primary context of a device and makes it current; releases it at the end.
struct Device {
  explicit Device(int number = 0);
  ~Device();
  void use() { cuCtxSetCurrent(context); }
  void use_again();  // after a reset: a fresh context under the reference that is still held
  int number;
  CUcontext context = nullptr;
};

extern const char *const kKernels;  // the module that most tests load

struct Kernels {
  Kernels();
  ~Kernels() { cuModuleUnload(module); }
  CUfunction get(const char *name);
  CUmodule module = nullptr;
};

CUdeviceptr device_memory(size_t bytes);
template <class T>
T *pinned(size_t count) {
  void *pointer = nullptr;
  OK(cuMemHostAlloc(&pointer, count * sizeof(T), 0));
  return static_cast<T *>(pointer);
}
CUstream new_stream(unsigned flags = CU_STREAM_NON_BLOCKING);
CUevent new_event();

// out[i] = value; to[i] += from[i]; to[i] = 3 to[i] + 1; all u32
constexpr unsigned kCount = 256;
CUresult launch_fill(Kernels &kernels, CUstream stream, CUdeviceptr out, unsigned value, unsigned count = kCount);
CUresult launch_add(Kernels &kernels, CUstream stream, CUdeviceptr to, CUdeviceptr from, unsigned count = kCount);
CUresult launch_step(Kernels &kernels, CUstream stream, CUdeviceptr to, unsigned count = kCount);
unsigned first_word(CUdeviceptr address);  // read synchronously

// Runs the body under every order of streams and several seeds, each time from a clean state. The text is the configuration.
void under_every_order(const std::function<void(const std::string &)> &body);
