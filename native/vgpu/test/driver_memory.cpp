// Memory that runs out: each allocation that the library makes for a small program fails in turn, alone and with all that follow. And the
// memory that kernels allocate.
#include "driver_test.h"
#include "test/faults.h"

namespace {

// Each call as long as none has failed.
struct Calls {
  CUresult result = CUDA_SUCCESS;
  const char *failed = "";
  template <class Call> void operator()(const char *name, Call call) {
    if (result) return;
    result = call();
    if (result) failed = name;
  }
};
#define CALL(expression) calls(#expression, [&] { return expression; })

// Two streams, an event between them, copies, a launch and a graph of the same; ends what it began unless something fails.
unsigned small_program(Calls &calls) {
  CUcontext context = nullptr;
  CUmodule module = nullptr;
  CUfunction step = nullptr;
  CUstream one = nullptr, other = nullptr;
  CUevent event = nullptr;
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  CUdeviceptr a = 0, b = 0;
  void *pinned = nullptr, *pageable = nullptr;
  unsigned count = kCount, result = 0;
  std::vector<unsigned> values(kCount, 5);
  pageable = values.data();
  void *parameters[] = {&a, &count};
  CALL(cuInit(0));
  CALL(cuDevicePrimaryCtxRetain(&context, 0));
  CALL(cuCtxSetCurrent(context));
  CALL(cuModuleLoadData(&module, kKernels));
  CALL(cuModuleGetFunction(&step, module, "step"));
  CALL(cuMemAlloc_v2(&a, 4 * kCount));
  CALL(cuMemAlloc_v2(&b, 4 * kCount));
  CALL(cuMemHostAlloc(&pinned, 4 * kCount, 0));
  CALL(cuStreamCreate(&one, CU_STREAM_NON_BLOCKING));
  CALL(cuStreamCreateWithPriority(&other, CU_STREAM_NON_BLOCKING, 0));
  CALL(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
  for (int captured = 0; captured < 2; captured++) {
    if (captured) CALL(cuStreamBeginCapture_v2(one, CU_STREAM_CAPTURE_MODE_GLOBAL));
    else CALL(cuMemcpyHtoDAsync_v2(a, pageable, 4 * kCount, one));
    CALL(cuLaunchKernel(step, 2, 1, 1, 128, 1, 1, 0, one, parameters, nullptr));
    CALL(cuEventRecord(event, one));
    CALL(cuStreamWaitEvent(other, event, 0));
    CALL(cuMemcpyDtoDAsync_v2(b, a, 4 * kCount, other));
    CALL(cuMemcpyDtoHAsync_v2(pinned, b, 4 * kCount, other));
    CALL(cuEventRecord(event, other));
    CALL(cuStreamWaitEvent(one, event, 0));
  }
  CALL(cuStreamEndCapture(one, &graph));
  CALL(cuGraphInstantiateWithFlags(&exec, graph, 0));
  CALL(cuGraphLaunch(exec, one));
  CALL(cuStreamSynchronize(one));
  CALL(cuMemsetD32_v2(b, 1, kCount));
  CALL(cuCtxSynchronize());
  if (!calls.result) std::memcpy(&result, pinned, 4);
  CALL(cuGraphExecDestroy(exec));
  CALL(cuGraphDestroy(graph));
  CALL(cuEventDestroy_v2(event));
  CALL(cuStreamDestroy_v2(other));
  CALL(cuStreamDestroy_v2(one));
  CALL(cuMemFreeHost(pinned));
  CALL(cuMemFree_v2(b));
  CALL(cuMemFree_v2(a));
  CALL(cuModuleUnload(module));
  CALL(cuDevicePrimaryCtxRelease_v2(0));
  return result;
}

// 3 * 5 + 1, and again.
constexpr unsigned kResult = 49;

// A context that a failed program has left.
void tidy_up() {
  while (!cuDevicePrimaryCtxRelease_v2(0)) {
  }
  cuCtxSetCurrent(nullptr);
  vgpu_reset();
}

}  // namespace

TEST(memory_runs_out) {
  int64_t points = 0;
  for (int64_t later : {int64_t{0}, int64_t{1} << 40}) {
    bool struck = true;
    for (int64_t n = 1; struck; n++) {
      Calls failing;
      duet_faults_arm(DUET_FAULTS_MEMORY, n, n + later, 0);
      const unsigned value = small_program(failing);
      duet_faults_disarm();
      struck = duet_faults_struck() > 0;
      points += struck;
      harness::state().circumstances = harness::text("allocation %lld%s fails (%s) in %s", static_cast<long long>(n),
                                                     later ? " and all after it" : "", duet_faults_last(), failing.failed);
      // A thread that cannot be started is done without.
      if (failing.result) CHECK(failing.result == CUDA_ERROR_OUT_OF_MEMORY && struck);
      else CHECK(value == kResult);
      tidy_up();
      if (n % 16 && struck) continue;
      Calls calls;
      CHECK(small_program(calls) == kResult && !calls.result);
      CLEAN();
      tidy_up();
    }
  }
  std::printf("%lld failed allocations\n", static_cast<long long>(points));
  Device device;
  size_t free = 0, total = 1;
  OK(cuMemGetInfo_v2(&free, &total));
  CHECK(free == total);
}

TEST(memory_runs_out_in_the_control_interface) {
  Device device;
  CHECK(cuMemFree_v2(12345) == CUDA_ERROR_INVALID_VALUE);  // a finding
  for (int64_t later : {int64_t{0}, int64_t{1} << 40}) {
    for (int64_t n = 1; n < 40; n++) {
      harness::state().circumstances = harness::text("allocation %lld", static_cast<long long>(n));
      duet_faults_arm(DUET_FAULTS_MEMORY, n, n + later, 0);
      const bool refused = vgpu_configure("seed=12345678901234567890123, a text that is much longer than a short string");
      CHECK(refused && *vgpu_problem());
      CHECK(vgpu_finding_count() == 1);
      CHECK(*vgpu_findings());
      vgpu_counters();
      vgpu_calls();
      duet_faults_disarm();
    }
  }
  CHECK(found("bad-call"));
  vgpu_reset();
}

TEST(the_heap_of_kernels_lasts_as_long_as_the_context) {
  Device device;
  for (int round = 0; round < 2; round++) {
    CUmodule module;
    CUfunction function;
    OK(cuModuleLoadData(&module, R"(.version 7.0
.target sm_80
.address_size 64
.extern .func (.param .b64 func_retval0) malloc(.param .b64 malloc_param_0);
.visible .entry give(.param .u64 out)
{
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [out];
  {
  .param .b64 param0;
  st.param.b64 [param0+0], 100;
  .param .b64 retval0;
  call.uni (retval0), malloc, (param0);
  ld.param.b64 %rd2, [retval0+0];
  }
  st.global.u64 [%rd1], %rd2;
  ret;
}
)"));
    OK(cuModuleGetFunction(&function, module, "give"));
    CUdeviceptr out = device_memory(8), first = 0, second = 0;
    void *parameters[] = {&out};
    size_t before, after, total;
    OK(cuMemGetInfo_v2(&before, &total));
    for (CUdeviceptr *given : {&first, &second}) {
      OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr));
      OK(cuMemcpyDtoH_v2(given, out, 8));
    }
    CHECK(first && second == first + 256);
    OK(cuMemGetInfo_v2(&after, &total));
    CHECK(before - after == 64 << 20);
    CLEAN();
    GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(first));  // it is no allocation of the host's
    vgpu_reset();
    OK(cuMemFree_v2(out));
    OK(cuModuleUnload(module));
    OK(cuDevicePrimaryCtxReset_v2(0));
    CLEAN();
    device.use_again();
    OK(cuMemGetInfo_v2(&after, &total));
    CHECK(after == total);
  }
}
