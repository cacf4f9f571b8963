// A small harness and what most tests of the driver need: contexts, buffers, kernels in hand-written PTX.
#pragma once
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "driver/cuda_abi.h"
#include "duet_vgpu.h"

struct Test {
  Test(const char *name, void (*body)());
};
#define TEST(name)                        \
  static void name();                     \
  static Test name##_test(#name, name);   \
  static void name()

extern int failures;
void fail(const char *file, int line, const std::string &text);
std::string error_name(CUresult result);

#define CHECK(condition) \
  do { if (!(condition)) fail(__FILE__, __LINE__, #condition); } while (0)
// The driver call gives this error.
#define GIVES(error, call) \
  do { CUresult got_ = (call); if (got_ != (error)) fail(__FILE__, __LINE__, #call " gave " + error_name(got_) + ", not " #error); } while (0)
#define OK(call) GIVES(CUDA_SUCCESS, call)
#define CONFIGURE(text) \
  do { if (vgpu_configure(text)) fail(__FILE__, __LINE__, std::string("vgpu_configure: ") + vgpu_problem()); } while (0)
#define CLEAN() \
  do { if (vgpu_finding_count()) fail(__FILE__, __LINE__, std::string("findings: ") + vgpu_findings()); } while (0)

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
