// Capture and graphs.
#include "driver_test.h"

#include <new>
#include <thread>

namespace {

// b = 3 (a = value) + 1 done by two streams that fork and join.
struct Captured {
  Kernels kernels;
  CUstream main = new_stream(), side = new_stream();
  CUevent fork = new_event(), join = new_event();
  CUdeviceptr a = device_memory(1024), b = device_memory(1024);

  void begin(CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL) { OK(cuStreamBeginCapture_v2(main, mode)); }

  CUgraph record(bool with_join) {
    begin();
    OK(launch_fill(kernels, main, a, 5));
    OK(cuMemsetD32Async(b, 0, 256, main));
    OK(cuEventRecord(fork, main));
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(launch_add(kernels, side, b, a));
    OK(cuEventRecord(join, side));
    if (with_join) OK(cuStreamWaitEvent(main, join, 0));
    OK(launch_step(kernels, main, b));
    if (!with_join) OK(cuStreamWaitEvent(main, join, 0));  // joined, but too late for the step
    CUgraph graph = nullptr;
    OK(cuStreamEndCapture(main, &graph));
    return graph;
  }

  CUevent start = new_event();

  ~Captured() {
    for (CUevent event : {fork, join, start}) OK(cuEventDestroy_v2(event));
    OK(cuStreamDestroy_v2(main));
    OK(cuStreamDestroy_v2(side));
    OK(cuMemFree_v2(a));
    OK(cuMemFree_v2(b));
  }
};

CUgraphExec instantiate(CUgraph graph) {
  CUgraphExec exec = nullptr;
  OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
  OK(cuGraphDestroy(graph));
  return exec;
}

}  // namespace

TEST(a_graph_forks_joins_and_runs_again) {
  under_every_order([](const std::string &) {
    Device device;
    Captured c;
    CUgraph graph = c.record(true);
    CUgraphNode nodes[8];
    size_t count = 0;
    OK(cuGraphGetNodes(graph, nullptr, &count));
    CHECK(count == 4);
    count = 8;
    OK(cuGraphGetNodes(graph, nodes, &count));
    CHECK(count == 4 && nodes[3] && !nodes[4]);
    CUgraphExec exec = instantiate(graph);
    OK(cuGraphUpload(exec, c.main));
    for (int i = 0; i < 3; ++i) OK(cuGraphLaunch(exec, c.main));
    OK(cuGraphLaunch(exec, c.side));  // waits for the earlier launches; but the later use of b in `main` must wait too
    OK(launch_step(c.kernels, c.side, c.b));
    OK(cuStreamSynchronize(c.side));
    CHECK(first_word(c.b) == 49);
    OK(cuGraphExecDestroy(exec));
    GIVES(CUDA_ERROR_INVALID_HANDLE, cuGraphLaunch(exec, c.main));
    GIVES(CUDA_ERROR_INVALID_HANDLE, cuGraphDestroy(graph));
    CLEAN();
  });
}

TEST(a_graph_copies_its_arguments) {
  Device device;
  Captured c;
  CUgraphExec exec = instantiate(c.record(true));
  OK(cuMemsetD32_v2(c.a, 1000, 256));
  OK(cuCtxSynchronize());
  OK(cuGraphLaunch(exec, c.main));
  OK(cuStreamSynchronize(c.main));
  CHECK(first_word(c.b) == 16);
  OK(cuGraphExecDestroy(exec));
  CLEAN();
}

TEST(a_missing_edge_of_a_graph_is_found_under_every_order) {
  under_every_order([](const std::string &) {
    CONFIGURE("fail=off");
    Device device;
    Captured c;
    CUgraphExec exec = instantiate(c.record(false));  // the step does not wait for the add
    OK(cuGraphLaunch(exec, c.main));
    OK(cuStreamSynchronize(c.main));
    CHECK(found("unordered") && found("kernel step in graph") && found("kernel add in graph"));
    OK(cuGraphExecDestroy(exec));
  });
}

TEST(work_beside_a_graph_must_be_ordered) {
  under_every_order([](const std::string &) {
    CONFIGURE("fail=off");
    Device device;
    Captured c;
    CUgraphExec exec = instantiate(c.record(true));
    OK(launch_fill(c.kernels, c.main, c.b, 1));
    OK(cuGraphLaunch(exec, c.main));
    OK(launch_step(c.kernels, c.main, c.b));
    OK(cuStreamSynchronize(c.main));
    CLEAN();
    OK(cuGraphLaunch(exec, c.main));
    OK(launch_fill(c.kernels, c.side, c.a, 1));  // the graph uses a
    OK(cuCtxSynchronize());
    CHECK(found("unordered") && found("kernel fill in stream"));
    OK(cuGraphExecDestroy(exec));
  });
}

TEST(a_graph_spans_devices) {
  under_every_order([](const std::string &) {
    Device first(0), second(1);
    Kernels *kernels[2];
    first.use();
    kernels[0] = new Kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream main = new_stream();
    CUevent fork = new_event();
    second.use();
    kernels[1] = new Kernels;
    CUdeviceptr b = device_memory(1024);
    CUstream side = new_stream();
    CUevent join = new_event();
    first.use();
    OK(cuStreamBeginCapture_v2(main, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    OK(launch_fill(*kernels[0], main, a, 2));
    OK(cuEventRecord(fork, main));
    second.use();
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(cuMemcpyPeerAsync(b, second.context, a, first.context, 1024, side));
    OK(launch_step(*kernels[1], side, b));
    OK(cuEventRecord(join, side));
    first.use();
    OK(cuStreamWaitEvent(main, join, 0));
    OK(cuMemcpyPeerAsync(a, first.context, b, second.context, 1024, main));
    CUgraph graph;
    OK(cuStreamEndCapture(main, &graph));
    CUgraphExec exec = instantiate(graph);
    OK(cuGraphLaunch(exec, main));
    OK(cuGraphLaunch(exec, main));
    OK(cuStreamSynchronize(main));
    CHECK(first_word(a) == 7);
    OK(cuGraphExecDestroy(exec));
    OK(cuMemFree_v2(a));
    OK(cuStreamDestroy_v2(main));
    OK(cuEventDestroy_v2(fork));
    delete kernels[0];
    second.use();
    OK(cuMemFree_v2(b));
    OK(cuStreamDestroy_v2(side));
    OK(cuEventDestroy_v2(join));
    delete kernels[1];
    CLEAN();
  });
}

TEST(a_captured_copy_reads_pinned_memory_at_each_launch) {
  Device device;
  Captured c;
  unsigned *in = pinned<unsigned>(1), *out = pinned<unsigned>(1);
  c.begin();
  OK(cuMemcpyHtoDAsync_v2(c.a, in, 4, c.main));
  OK(cuMemcpyDtoHAsync_v2(out, c.a, 4, c.main));
  CUgraph graph;
  OK(cuStreamEndCapture(c.main, &graph));
  CUgraphExec exec = instantiate(graph);
  for (unsigned i = 1; i < 4; ++i) {
    *in = i;
    OK(cuGraphLaunch(exec, c.main));
    CHECK(*out == 0xcbcbcbcb);
    OK(cuStreamSynchronize(c.main));
    CHECK(*out == i);
  }
  OK(cuGraphExecDestroy(exec));
  OK(cuMemFreeHost(in));
  OK(cuMemFreeHost(out));
  CLEAN();
}

TEST(capture_has_its_errors) {
  Device device;
  Captured c;
  CUgraph graph = nullptr;
  CUstreamCaptureStatus status;
  auto end = [&] { return cuStreamEndCapture(c.main, &graph); };
  auto capturing = [&](CUstream stream) {
    OK(cuStreamIsCapturing(stream, &status));
    return status;
  };

  GIVES(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuStreamBeginCapture_v2(nullptr, CU_STREAM_CAPTURE_MODE_GLOBAL));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuStreamBeginCapture_v2(c.main, CUstreamCaptureMode(3)));
  GIVES(CUDA_ERROR_ILLEGAL_STATE, end());
  c.begin();
  CHECK(capturing(c.main) == CU_STREAM_CAPTURE_STATUS_ACTIVE && capturing(c.side) == CU_STREAM_CAPTURE_STATUS_NONE);
  GIVES(CUDA_ERROR_ILLEGAL_STATE, cuStreamBeginCapture_v2(c.main, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuEventRecord(c.fork, c.main));
  OK(cuStreamWaitEvent(c.side, c.fork, 0));
  CHECK(capturing(c.side) == CU_STREAM_CAPTURE_STATUS_ACTIVE);
  GIVES(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cuStreamEndCapture(c.side, &graph));
  OK(launch_fill(c.kernels, c.side, c.a, 1));
  GIVES(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, end());
  CHECK(!graph && capturing(c.main) == CU_STREAM_CAPTURE_STATUS_NONE && capturing(c.side) == CU_STREAM_CAPTURE_STATUS_NONE);
  GIVES(CUDA_ERROR_CAPTURED_EVENT, cuEventSynchronize(c.fork));
  GIVES(CUDA_ERROR_CAPTURED_EVENT, cuStreamWaitEvent(c.main, c.fork, 0));

  // What ends a capture.
  auto breaks = [&](CUresult error, const std::function<CUresult()> &call) {
    c.begin();
    OK(launch_fill(c.kernels, c.main, c.a, 1));
    GIVES(error, call());
    CHECK(capturing(c.main) == CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, launch_fill(c.kernels, c.main, c.a, 1));
    GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, end());
  };
  CUdeviceptr address;
  CUmodule module;
  unsigned word;
  void *host;
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuStreamSynchronize(c.main); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuStreamSynchronize(c.side); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuStreamQuery(c.main); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuCtxSynchronize(); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemAlloc_v2(&address, 4); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemFree_v2(c.a); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemHostAlloc(&host, 4, 0); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemcpyDtoH_v2(&word, c.a, 4); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuModuleLoadData(&module, kKernels); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuEventQuery(c.start); });
  breaks(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, [&] { return cuStreamWaitEvent(c.main, c.start, 0); });
  breaks(CUDA_ERROR_CAPTURED_EVENT, [&] {
    OK(cuEventRecord(c.fork, c.main));
    return cuEventSynchronize(c.fork);
  });
  breaks(CUDA_ERROR_STREAM_CAPTURE_MERGE, [&] {
    OK(cuEventRecord(c.fork, c.main));
    CUstream other = new_stream();
    OK(cuStreamBeginCapture_v2(other, CU_STREAM_CAPTURE_MODE_GLOBAL));
    CUresult result = cuStreamWaitEvent(other, c.fork, 0);
    OK(cuStreamDestroy_v2(other));
    return result;
  });
  breaks(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, [&] {
    OK(cuEventRecord(c.fork, c.main));
    return cuStreamWaitEvent(nullptr, c.fork, 0);
  });

  // The default stream may not be used beside a capturing blocking stream, whatever the mode.
  CUstream ordinary = new_stream(CU_STREAM_DEFAULT);
  OK(cuStreamBeginCapture_v2(ordinary, CU_STREAM_CAPTURE_MODE_RELAXED));
  GIVES(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cuStreamIsCapturing(nullptr, &status));
  CHECK(capturing(ordinary) == CU_STREAM_CAPTURE_STATUS_ACTIVE);
  GIVES(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, launch_fill(c.kernels, nullptr, c.a, 1));
  GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(ordinary, &graph));
  OK(cuStreamDestroy_v2(ordinary));

  // The modes.
  c.begin(CU_STREAM_CAPTURE_MODE_RELAXED);
  OK(cuMemAlloc_v2(&address, 4));
  OK(cuMemFree_v2(address));
  OK(end());
  OK(cuGraphDestroy(graph));
  auto elsewhere = [&](const std::function<void()> &body) {
    std::thread([&] {
      device.use();
      body();
    }).join();
  };
  c.begin(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  elsewhere([&] {
    OK(cuMemAlloc_v2(&address, 4));
    OK(cuMemFree_v2(address));
    GIVES(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, end());
  });
  OK(end());
  OK(cuGraphDestroy(graph));
  c.begin();
  elsewhere([&] { GIVES(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cuMemAlloc_v2(&address, 4)); });
  GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, end());

  // A stream of the capture is destroyed.
  CUstream gone = new_stream();
  c.begin();
  OK(cuEventRecord(c.fork, c.main));
  OK(cuStreamWaitEvent(gone, c.fork, 0));
  OK(cuStreamDestroy_v2(gone));
  GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, end());
  GIVES(CUDA_ERROR_INVALID_VALUE, cuGraphGetNodes(nullptr, nullptr, nullptr));
  CUgraphExec exec;
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuGraphInstantiateWithFlags(&exec, reinterpret_cast<CUgraph>(99), 0));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuGraphExecDestroy(nullptr));
  CLEAN();
}

TEST(an_empty_graph_runs) {
  Device device;
  Captured c;
  c.begin();
  CUgraph graph;
  OK(cuStreamEndCapture(c.main, &graph));
  CUgraphExec exec = instantiate(graph);
  OK(cuGraphLaunch(exec, c.main));
  OK(cuStreamSynchronize(c.main));
  OK(cuGraphExecDestroy(exec));
  CLEAN();
}

TEST(a_graph_outlives_neither_its_module_nor_its_memory) {
  Device device;
  CUdeviceptr a = device_memory(1024);
  CUstream stream = new_stream();
  CUgraph graph;
  CUgraphExec exec;
  {
    Kernels kernels;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(launch_fill(kernels, stream, a, 1));
    OK(cuStreamEndCapture(stream, &graph));
    exec = instantiate(graph);
  }
  OK(cuGraphLaunch(exec, stream));
  GIVES(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(stream));
  CHECK(found("use-after-free") && found("module was unloaded"));
  OK(cuDevicePrimaryCtxReset_v2(0));
  device.~Device();
  new (&device) Device;
  vgpu_reset();
  a = device_memory(1024);
  stream = new_stream();
  OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuMemsetD8Async(a, 0, 1024, stream));
  OK(cuStreamEndCapture(stream, &graph));
  exec = instantiate(graph);
  OK(cuMemFree_v2(a));
  OK(cuGraphLaunch(exec, stream));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
  CHECK(found("use-after-free"));
  OK(cuDevicePrimaryCtxReset_v2(0));
}
