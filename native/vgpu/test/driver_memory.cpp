// Memory that runs out: each allocation that the library makes for a small program fails in turn, alone and with all that follow.
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
