// The tests of the driver functions: duet_vgpu_driver_test [--seed N] [--list] [parts of names].
#include "driver_test.h"

void gives(CUresult error, CUresult got, const char *error_text, const char *call, const char *file, int line) {
  harness::that(got == error, [&] { return std::string(call) + " gave " + error_name(got) + ", not " + error_text; }, file, line);
}

std::string error_name(CUresult result) {
  const char *name = nullptr;
  cuGetErrorName(result, &name);
  return name ? name : std::to_string(result);
}

bool found(const char *text) { return strstr(vgpu_findings(), text) != nullptr; }

int64_t calls(const char *function) {
  std::string key = "\"" + std::string(function) + "\":";
  const char *at = strstr(vgpu_calls(), key.c_str());
  return at ? atoll(at + key.size()) : 0;
}

Device::Device(int number) : number(number) {
  OK(cuInit(0));
  OK(cuDevicePrimaryCtxRetain(&context, number));
  OK(cuCtxSetCurrent(context));
}

void Device::use_again() {
  OK(cuDevicePrimaryCtxRetain(&context, number));
  OK(cuDevicePrimaryCtxRelease_v2(number));
  OK(cuCtxSetCurrent(context));
}

Device::~Device() { OK(cuDevicePrimaryCtxRelease_v2(number)); }

const char *const kKernels = R"(//
.version 7.0
.target sm_80
.address_size 64

.global .align 4 .b8 table[64];
.extern .shared .align 16 .b8 dynamic[];

.visible .entry fill(.param .u64 fill_param_0, .param .u32 fill_param_1, .param .u32 fill_param_2)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [fill_param_0];
  ld.param.u32 %r1, [fill_param_1];
  ld.param.u32 %r2, [fill_param_2];
  mov.u32 %r3, %ctaid.x;
  mov.u32 %r4, %ntid.x;
  mov.u32 %r5, %tid.x;
  mad.lo.s32 %r6, %r3, %r4, %r5;
  setp.ge.s32 %p1, %r6, %r2;
  @%p1 bra DONE;
  cvta.to.global.u64 %rd2, %rd1;
  mul.wide.s32 %rd3, %r6, 4;
  add.s64 %rd4, %rd2, %rd3;
  st.global.u32 [%rd4], %r1;
DONE:
  ret;
}

.visible .entry add(.param .u64 add_param_0, .param .u64 add_param_1, .param .u32 add_param_2)
{
  .reg .pred %p<2>;
  .reg .b32 %r<10>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [add_param_0];
  ld.param.u64 %rd2, [add_param_1];
  ld.param.u32 %r1, [add_param_2];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.s32 %p1, %r5, %r1;
  @%p1 bra DONE;
  cvta.to.global.u64 %rd3, %rd1;
  cvta.to.global.u64 %rd4, %rd2;
  mul.wide.s32 %rd5, %r5, 4;
  add.s64 %rd6, %rd3, %rd5;
  add.s64 %rd7, %rd4, %rd5;
  ld.global.u32 %r6, [%rd6];
  ld.global.u32 %r7, [%rd7];
  add.s32 %r8, %r6, %r7;
  st.global.u32 [%rd6], %r8;
DONE:
  ret;
}

.visible .entry step(.param .u64 step_param_0, .param .u32 step_param_1)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  .reg .b64 %rd<5>;
  ld.param.u64 %rd1, [step_param_0];
  ld.param.u32 %r1, [step_param_1];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.s32 %p1, %r5, %r1;
  @%p1 bra DONE;
  cvta.to.global.u64 %rd2, %rd1;
  mul.wide.s32 %rd3, %r5, 4;
  add.s64 %rd4, %rd2, %rd3;
  ld.global.u32 %r6, [%rd4];
  mad.lo.s32 %r7, %r6, 3, 1;
  st.global.u32 [%rd4], %r7;
DONE:
  ret;
}

.visible .entry store(.param .u64 store_param_0)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [store_param_0];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, 7;
  st.global.u32 [%rd2], %r1;
  ret;
}

.visible .entry endless(.param .u64 endless_param_0)
{
  .reg .b32 %r<3>;
  .reg .b64 %rd<3>;
  .reg .pred %p<2>;
  ld.param.u64 %rd1, [endless_param_0];
  cvta.to.global.u64 %rd2, %rd1;
  mov.u32 %r1, 0;
AGAIN:
  add.s32 %r1, %r1, 2;
  setp.ne.s32 %p1, %r1, 1;
  @%p1 bra AGAIN;
  st.global.u32 [%rd2], %r1;
  ret;
}

.visible .entry limited()
.maxntid 64, 1, 1
{
  .shared .align 4 .b8 limited_tile[1024];
  ret;
}

.visible .entry structure(.param .u32 structure_param_0, .param .align 8 .b8 structure_param_1[24], .param .u64 structure_param_2)
{
  ret;
}
)";

Kernels::Kernels() { OK(cuModuleLoadData(&module, kKernels)); }

CUfunction Kernels::get(const char *name) {
  CUfunction function = nullptr;
  OK(cuModuleGetFunction(&function, module, name));
  return function;
}

CUdeviceptr device_memory(size_t bytes) {
  CUdeviceptr address = 0;
  OK(cuMemAlloc_v2(&address, bytes));
  return address;
}

CUstream new_stream(unsigned flags) {
  CUstream stream = nullptr;
  OK(cuStreamCreate(&stream, flags));
  return stream;
}

CUevent new_event() {
  CUevent event = nullptr;
  OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
  return event;
}

static CUresult launch(CUfunction function, CUstream stream, unsigned count, void **parameters) {
  return cuLaunchKernel(function, (count + 127) / 128, 1, 1, 128, 1, 1, 0, stream, parameters, nullptr);
}

CUresult launch_fill(Kernels &kernels, CUstream stream, CUdeviceptr out, unsigned value, unsigned count) {
  void *parameters[] = {&out, &value, &count};
  return launch(kernels.get("fill"), stream, count, parameters);
}

CUresult launch_add(Kernels &kernels, CUstream stream, CUdeviceptr to, CUdeviceptr from, unsigned count) {
  void *parameters[] = {&to, &from, &count};
  return launch(kernels.get("add"), stream, count, parameters);
}

CUresult launch_step(Kernels &kernels, CUstream stream, CUdeviceptr to, unsigned count) {
  void *parameters[] = {&to, &count};
  return launch(kernels.get("step"), stream, count, parameters);
}

unsigned first_word(CUdeviceptr address) {
  unsigned value = 0;
  OK(cuMemcpyDtoH_v2(&value, address, 4));
  return value;
}

void under_every_order(const std::function<void(const std::string &)> &body) {
  for (const char *order : {"fifo", "latest-first", "delay", "random", "lazy"}) {
    bool seeded = !strcmp(order, "delay") || !strcmp(order, "random");
    for (int seed = 0; seed < (seeded ? 20 : 1); ++seed) {
      const std::string setting = "streams=" + std::string(order) + ",seed=" + std::to_string(seed);
      harness::state().circumstances = setting;
      CONFIGURE("");
      CONFIGURE(setting.c_str());
      vgpu_reset();
      body(setting);
      harness::state().circumstances.clear();
    }
  }
}

int main(int count, char **arguments) {
  return harness::main(count, arguments, [] {
    CONFIGURE("");
    vgpu_reset();
  });
}
