// Peer access, sticky errors, leaks, fault injection, and the control interface.
#include "driver_test.h"

#include <thread>

static CUresult launch_one(Kernels &kernels, const char *name, CUdeviceptr address, CUstream stream = nullptr) {
  void *parameters[] = {&address};
  return cuLaunchKernel(kernels.get(name), 1, 1, 1, 1, 1, 1, 0, stream, parameters, nullptr);
}

TEST(peer_copies_need_no_access_and_kernels_do) {
  Device first(0), second(1);
  CUdeviceptr b = device_memory(1024);
  OK(cuMemsetD32_v2(b, 6, 256));
  OK(cuCtxSynchronize());
  first.use();
  {
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream stream = new_stream();
    OK(cuMemcpyPeerAsync(a, first.context, b, second.context, 1024, stream));
    OK(cuStreamSynchronize(stream));
    CHECK(first_word(a) == 6);
    OK(cuMemsetD32_v2(a, 1, 256));
    OK(cuMemcpyPeer(b, second.context, a, first.context, 512));
    second.use();
    CHECK(first_word(b) == 1 && first_word(b + 512) == 6);
    first.use();
    OK(cuMemcpyDtoDAsync_v2(a, b, 4, stream));  // addresses are unified
    OK(cuStreamSynchronize(stream));
    CLEAN();
    GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyPeer(b, first.context, a, first.context, 4));
    CHECK(found("but the context is of device 0"));
    GIVES(CUDA_ERROR_INVALID_CONTEXT, cuMemcpyPeer(b, nullptr, a, first.context, 4));
    vgpu_reset();

    GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxEnablePeerAccess(first.context, 0));
    GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxEnablePeerAccess(nullptr, 0));
    GIVES(CUDA_ERROR_INVALID_VALUE, cuCtxEnablePeerAccess(second.context, 1));
    GIVES(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, cuCtxDisablePeerAccess(second.context));
    OK(cuCtxEnablePeerAccess(second.context, 0));
    GIVES(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, cuCtxEnablePeerAccess(second.context, 0));
    OK(launch_fill(kernels, stream, b, 9));
    OK(cuStreamSynchronize(stream));
    CHECK(first_word(b) == 9);
    CLEAN();
    OK(launch_fill(kernels, stream, b, 10));
    OK(cuCtxDisablePeerAccess(second.context));  // what was launched before still has access
    CLEAN();
    OK(launch_fill(kernels, stream, b, 11));
    GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
    CHECK(found("no-peer-access"));
  }
  second.use();
  CHECK(first_word(b) == 10);  // the other context is not hurt
  OK(cuMemFree_v2(b));
  vgpu_reset();
}

TEST(without_peer_access_it_is_refused) {
  CONFIGURE("peer=off");
  Device first(0), second(1);
  int can = 1;
  OK(cuDeviceCanAccessPeer(&can, 0, 1));
  CHECK(!can);
  GIVES(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cuCtxEnablePeerAccess(first.context, 0));
  CLEAN();
}

TEST(a_fault_sticks_until_the_context_ends) {
  struct {
    const char *kernel;
    CUdeviceptr offset;
    CUresult error;
    const char *finding;
  } cases[] = {
      {"store", 4096, CUDA_ERROR_ILLEGAL_ADDRESS, "out-of-bounds"},
      {"store", 2, CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned"},
      {"endless", 0, CUDA_ERROR_LAUNCH_TIMEOUT, "hang"},
  };
  for (auto &[kernel, offset, error, finding] : cases) {
    CONFIGURE("budget=20000");
    Device device, other(1);
    device.use();
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream stream = new_stream();
    CUevent event = new_event();
    CUfunction fill = kernels.get("fill");
    OK(launch_one(kernels, kernel, a + offset, stream));
    OK(launch_fill(kernels, stream, a, 1));
    OK(cuEventRecord(event, stream));
    GIVES(error, cuStreamSynchronize(stream));
    CHECK(found(finding) && vgpu_finding_count() == 1);
    GIVES(error, cuStreamSynchronize(nullptr));
    GIVES(error, cuEventQuery(event));
    GIVES(error, cuMemFree_v2(a));
    CUdeviceptr more;
    GIVES(error, cuMemAlloc_v2(&more, 4));
    GIVES(error, cuLaunchKernel(fill, 1, 1, 1, 1, 1, 1, 0, stream, nullptr, nullptr));
    GIVES(error, cuStreamDestroy_v2(stream));
    GIVES(error, cuCtxSynchronize());
    other.use();
    OK(cuCtxSynchronize());
    GIVES(error, cuStreamWaitEvent(stream, event, 0));
    // Reset: the same reference goes on with a fresh context.
    OK(cuDevicePrimaryCtxReset_v2(0));
    device.use_again();
    a = device_memory(4);
    OK(cuMemsetD32_v2(a, 3, 1));
    CHECK(first_word(a) == 3);
    OK(cuMemFree_v2(a));
    CHECK(vgpu_finding_count() == 1);
    vgpu_reset();
  }
}

TEST(other_findings_fail_a_launch_only_if_they_shall) {
  for (bool fails : {true, false}) {
    CONFIGURE(fails ? "fail=on" : "fail=off");
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    OK(launch_step(kernels, nullptr, a));  // reads what nothing wrote
    GIVES(fails ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS, cuCtxSynchronize());
    CHECK(found("uninitialized-global"));
    GIVES(fails ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS, cuMemFree_v2(a));
    vgpu_reset();
  }
}

TEST(what_is_left_is_reported) {
  {
    Device device;
    CUmodule module;
    OK(cuModuleLoadData(&module, kKernels));
    device_memory(1000);
    device_memory(24);
    pinned<int>(5);
    CUstream stream = new_stream();
    CUevent event = new_event();
    OK(cuEventRecord(event, stream));
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    CUgraph graph;
    OK(cuStreamEndCapture(stream, &graph));
    CUgraphExec exec;
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CLEAN();
  }
  CHECK(vgpu_finding_count() == 7);
  CHECK(found("2 allocations were still there") && found("1024 bytes in all"));
  CHECK(found("1 pinned host allocations") && found("20 bytes in all"));
  CHECK(found("1 streams") && found("1 events") && found("1 modules") && found("fill"));
  CHECK(found("1 graphs") && found("1 executable graphs"));
  vgpu_reset();
  CONFIGURE("leaks=off");
  {
    Device device;
    device_memory(1000);
  }
  CLEAN();
  Device device;  // and it is really gone
  size_t free, total;
  OK(cuMemGetInfo_v2(&free, &total));
  CHECK(free == total);
}

TEST(calls_fail_when_told_to) {
  Device device;
  CONFIGURE("fail-call=cuMemAlloc_v2:2:CUDA_ERROR_OUT_OF_MEMORY,fail-call=cuCtxSynchronize:1:700");
  CUdeviceptr a, b;
  OK(cuMemAlloc_v2(&a, 4));
  GIVES(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&b, 4));
  OK(cuMemAlloc_v2(&b, 4));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
  OK(cuCtxSynchronize());
  CHECK(calls("cuMemAlloc_v2") == 3 && calls("cuCtxSynchronize") == 2);
  CONFIGURE("fail-call=cuMemFree_v2:1:1");
  CONFIGURE("");
  OK(cuMemFree_v2(a));
  OK(cuMemFree_v2(b));
  // Every function takes part.
#define CU(name, parameters) CHECK(vgpu_configure("fail-call=" #name ":1:999") == 0);
#include "driver/functions.inc"
#undef CU
  GIVES(CUDA_ERROR_UNKNOWN, cuInit(0));
  GIVES(CUDA_ERROR_UNKNOWN, cuProfilerStart());
  GIVES(CUDA_ERROR_UNKNOWN, cuGraphDestroy(nullptr));
  GIVES(CUDA_ERROR_UNKNOWN, cuStreamIsCapturing(nullptr, nullptr));
  CONFIGURE("");
  OK(cuProfilerStart());
  OK(cuProfilerStop());
  CLEAN();
}

TEST(settings_are_checked) {
  CHECK(vgpu_abi() == VGPU_ABI);
  for (const char *bad :
       {"streams", "streams=backwards", "devices=many", "devices=17", "colour=red", "races=yes", "accumulation=fast", "fail-call=cuInit",
        "fail-call=cuNone:1:1", "fail-call=cuInit:1:CUDA_ERROR_BLUE", "compute=8000", "checks=some"}) {
    CHECK(vgpu_configure(bad) == -1);
    CHECK(*vgpu_problem());
  }
  CONFIGURE(
      "checks=none,checks=all,warps=reverse,streams=delay,seed=18446744073709551615,threads=2,counters=off,perturb=on,memory=1000000000,"
      "accumulation=exact,tf32=on,analysis=off");
  CHECK(!*vgpu_problem());
  CHECK(vgpu_configure("devices=1,streams=backwards") == -1);  // all or nothing
  int count;
  OK(cuDeviceGetCount(&count));
  CHECK(count == 2);
  Device device;
  CHECK(vgpu_configure("devices=1") == -1);
  CHECK(vgpu_configure("") == -1);  // memory would change
  CONFIGURE("races=off");
}

TEST(counters_are_kept_by_kernel) {
  Device device;
  Kernels kernels;
  CUdeviceptr a = device_memory(1024);
  OK(launch_fill(kernels, nullptr, a, 1));
  OK(launch_fill(kernels, nullptr, a, 2));
  OK(cuCtxSynchronize());
  CHECK(strstr(vgpu_counters(), "\"fill\":{\"launches\":2,\"blocks\":4,"));
  OK(cuMemFree_v2(a));
  vgpu_reset();
  CHECK(!strcmp(vgpu_counters(), "{}") && !strcmp(vgpu_calls(), "{}"));
}

TEST(several_threads_use_the_driver) {
  Device device;
  Kernels kernels;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      device.use();
      CUdeviceptr a = device_memory(1024);
      CUstream stream = new_stream();
      for (int i = 0; i < 20; ++i) {
        OK(launch_fill(kernels, stream, a, unsigned(i)));
        OK(launch_step(kernels, stream, a));
        OK(cuStreamSynchronize(stream));
        CHECK(first_word(a) == unsigned(3 * i + 1));
      }
      OK(cuStreamDestroy_v2(stream));
      OK(cuMemFree_v2(a));
    });
  for (auto &thread : threads) thread.join();
  CLEAN();
}
