// Streams, events, and the check that a missing event is found whatever order was chosen.
#include "driver_test.h"

TEST(streams_and_events_have_error_codes) {
  Device device;
  CUstream stream = new_stream(), ordinary = new_stream(CU_STREAM_DEFAULT), prior;
  OK(cuStreamCreateWithPriority(&prior, CU_STREAM_NON_BLOCKING, -1));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(&prior, 2));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(nullptr, 0));
  CUevent event = new_event(), bad;
  GIVES(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&bad, 8));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&bad, CU_EVENT_INTERPROCESS));
  OK(cuEventQuery(event));
  OK(cuEventSynchronize(event));
  OK(cuStreamWaitEvent(stream, event, 0));
  OK(cuEventRecord(event, stream));
  OK(cuStreamWaitEvent(ordinary, event, 0));
  OK(cuStreamWaitEvent(nullptr, event, 0));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuStreamWaitEvent(ordinary, event, 1));
  OK(cuEventSynchronize(event));
  OK(cuEventQuery(event));
  float milliseconds = -1;
  GIVES(CUDA_ERROR_NOT_SUPPORTED, cuEventElapsedTime(&milliseconds, event, event));
  GIVES(CUDA_ERROR_NOT_SUPPORTED, cuEventElapsedTime_v2(&milliseconds, event, event));
  CHECK(milliseconds == -1);
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(reinterpret_cast<CUstream>(event)));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(reinterpret_cast<CUevent>(stream), stream));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(nullptr, stream));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy_v2(nullptr));
  {
    Device other(1);
    GIVES(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(event, nullptr));  // of another context
  }
  device.use();
  OK(cuStreamDestroy_v2(stream));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy_v2(stream));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuStreamQuery(stream));
  OK(cuStreamDestroy_v2(ordinary));
  OK(cuStreamDestroy_v2(prior));
  OK(cuEventDestroy_v2(event));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuEventDestroy_v2(event));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuEventSynchronize(event));
  CLEAN();
}

TEST(a_stream_keeps_its_order) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream stream = new_stream();
    OK(launch_fill(kernels, stream, a, 1));
    for (int i = 0; i < 3; ++i) OK(launch_step(kernels, stream, a));
    OK(cuStreamSynchronize(stream));
    CHECK(first_word(a) == 40);
    OK(cuStreamDestroy_v2(stream));
    OK(cuMemFree_v2(a));
    CLEAN();
  });
}

// Two streams, ordered by events both ways, over and over: the right result and no finding under every order.
TEST(events_order_streams) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024);
    CUstream first = new_stream(), second = new_stream();
    CUevent made = new_event(), used = new_event();
    OK(launch_fill(kernels, second, b, 0));
    for (unsigned i = 1; i <= 5; ++i) {
      OK(cuStreamWaitEvent(first, used, 0));  // in the first round nothing was recorded: no wait
      OK(launch_fill(kernels, first, a, i));
      OK(cuEventRecord(made, first));
      OK(cuStreamWaitEvent(second, made, 0));
      OK(launch_add(kernels, second, b, a));
      OK(cuEventRecord(used, second));
    }
    OK(cuStreamSynchronize(second));
    CHECK(first_word(b) == 15);
    OK(cuStreamDestroy_v2(first));
    OK(cuStreamDestroy_v2(second));
    OK(cuEventDestroy_v2(made));
    OK(cuEventDestroy_v2(used));
    OK(cuMemFree_v2(a));
    OK(cuMemFree_v2(b));
    CLEAN();
  });
}

TEST(a_missing_event_is_found_under_every_order) {
  under_every_order([](const std::string &) {
    CONFIGURE("fail=off");
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024);
    CUstream first = new_stream(), second = new_stream();
    OK(cuMemsetD8Async(b, 0, 1024, second));
    OK(cuMemsetD8Async(a, 0, 1024, second));
    OK(cuStreamSynchronize(second));
    CLEAN();
    OK(launch_fill(kernels, first, a, 5));
    OK(launch_add(kernels, second, b, a));  // must wait for the fill, and does not
    OK(cuCtxSynchronize());
    CHECK(found("unordered") && found("kernel add in stream") && found("kernel fill in stream"));
    CHECK(vgpu_finding_count() == 1);
    CHECK(found("(4 blocks of 256 bytes)"));
    OK(cuStreamDestroy_v2(first));
    OK(cuStreamDestroy_v2(second));
    OK(cuMemFree_v2(a));
    OK(cuMemFree_v2(b));
  });
}

// The reader comes first, the writer must wait for it: the other direction, found even though the first in, first out order is right.
TEST(a_missing_wait_for_a_reader_is_found) {
  under_every_order([](const std::string &) {
    CONFIGURE("fail=off");
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024);
    CUstream first = new_stream(), second = new_stream();
    OK(cuMemsetD8Async(b, 0, 1024, first));
    OK(cuMemsetD8Async(a, 1, 1024, first));
    OK(cuStreamSynchronize(first));
    OK(launch_add(kernels, first, b, a));
    OK(cuMemsetD32Async(a + 512, 2, 1, second));
    OK(cuCtxSynchronize());
    CHECK(vgpu_finding_count() == 1 && found("cuMemsetD32Async of 4 bytes") && found("byte 512") && found("(1 block of 256 bytes)"));
    OK(cuStreamDestroy_v2(first));
    OK(cuStreamDestroy_v2(second));
    OK(cuMemFree_v2(a));
    OK(cuMemFree_v2(b));
  });
}

TEST(two_readers_need_no_order) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024), c = device_memory(1024);
    CUstream streams[] = {new_stream(), new_stream()};
    OK(cuMemsetD8_v2(a, 1, 1024));
    OK(cuMemsetD8_v2(b, 0, 1024));
    OK(cuMemsetD8_v2(c, 0, 1024));
    OK(cuCtxSynchronize());  // fills return before they are done
    OK(launch_add(kernels, streams[0], b, a));
    OK(launch_add(kernels, streams[1], c, a));
    OK(cuCtxSynchronize());
    CHECK(first_word(b) == 0x01010101 && first_word(c) == 0x01010101);
    CLEAN();
    for (CUstream stream : streams) OK(cuStreamDestroy_v2(stream));
    for (CUdeviceptr address : {a, b, c}) OK(cuMemFree_v2(address));
  });
}

TEST(a_fill_in_the_default_stream_does_not_order_a_non_blocking_one) {
  CONFIGURE("fail=off");
  Device device;
  Kernels kernels;
  CUdeviceptr a = device_memory(1024);
  CUstream free_stream = new_stream(), ordinary = new_stream(CU_STREAM_DEFAULT);
  OK(cuMemsetD8_v2(a, 0, 1024));
  OK(launch_step(kernels, ordinary, a));  // a blocking stream waits
  OK(cuCtxSynchronize());
  CLEAN();
  OK(cuMemsetD8_v2(a, 0, 1024));
  OK(launch_step(kernels, free_stream, a));
  OK(cuCtxSynchronize());
  CHECK(found("unordered") && found("default stream of device 0"));
  OK(cuStreamDestroy_v2(free_stream));
  OK(cuStreamDestroy_v2(ordinary));
  OK(cuMemFree_v2(a));
}

TEST(the_default_stream_orders_blocking_streams) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream first = new_stream(CU_STREAM_DEFAULT), second = new_stream(CU_STREAM_DEFAULT);
    OK(launch_fill(kernels, first, a, 1));
    OK(launch_step(kernels, nullptr, a));
    OK(launch_step(kernels, second, a));
    OK(cuStreamDestroy_v2(second));  // its work goes on, and the default stream still waits for it
    OK(launch_step(kernels, nullptr, a));
    OK(cuStreamSynchronize(nullptr));
    CHECK(first_word(a) == 40);
    OK(cuStreamDestroy_v2(first));
    OK(cuMemFree_v2(a));
    CLEAN();
  });
}

TEST(polling_makes_progress) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024);
    CUstream stream = new_stream();
    CUevent event = new_event();
    OK(launch_fill(kernels, stream, a, 1));
    OK(launch_step(kernels, stream, a));
    OK(cuEventRecord(event, stream));
    OK(launch_step(kernels, stream, a));
    GIVES(CUDA_ERROR_NOT_READY, cuStreamQuery(stream));
    int polls = 0;
    while (cuEventQuery(event) == CUDA_ERROR_NOT_READY && ++polls < 100) {
    }
    CHECK(polls > 0 && polls < 100);
    while (cuStreamQuery(stream) == CUDA_ERROR_NOT_READY && ++polls < 100) {
    }
    CHECK(first_word(a) == 13);
    OK(cuStreamQuery(nullptr));
    OK(cuStreamDestroy_v2(stream));
    OK(cuEventDestroy_v2(event));
    OK(cuMemFree_v2(a));
    CLEAN();
  });
}

TEST(an_event_wait_takes_the_last_record_that_was_issued) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024);
    CUstream first = new_stream(), second = new_stream();
    CUevent event = new_event();
    OK(launch_fill(kernels, first, a, 1));
    OK(cuEventRecord(event, first));
    OK(cuStreamWaitEvent(second, event, 0));
    OK(cuMemcpyDtoDAsync_v2(b, a, 1024, second));
    OK(cuEventRecord(event, second));  // the event is recorded anew; the wait above is not changed by that
    OK(cuStreamWaitEvent(first, event, 0));
    OK(launch_step(kernels, first, a));
    OK(cuStreamSynchronize(first));
    CHECK(first_word(a) == 4 && first_word(b) == 1);
    OK(cuStreamDestroy_v2(first));
    OK(cuStreamDestroy_v2(second));
    OK(cuEventDestroy_v2(event));
    OK(cuMemFree_v2(a));
    OK(cuMemFree_v2(b));
    CLEAN();
  });
}

TEST(a_pinned_source_is_read_late_and_a_pageable_one_at_once) {
  Device device;
  CUdeviceptr a = device_memory(4), b = device_memory(4);
  CUstream stream = new_stream();
  int *late = pinned<int>(1), early = 1;
  *late = 1;
  OK(cuMemcpyHtoDAsync_v2(a, late, 4, stream));
  OK(cuMemcpyHtoDAsync_v2(b, &early, 4, stream));
  *late = early = 2;  // the first is too early: the copy has not been waited for
  OK(cuStreamSynchronize(stream));
  CHECK(first_word(a) == 2 && first_word(b) == 1);
  OK(cuStreamDestroy_v2(stream));
  OK(cuMemFreeHost(late));
  OK(cuMemFree_v2(a));
  OK(cuMemFree_v2(b));
  CLEAN();
}

TEST(a_pinned_destination_is_a_pattern_until_the_copy_has_run) {
  Device device;
  CUdeviceptr a = device_memory(4);
  CUstream stream = new_stream();
  unsigned *host = pinned<unsigned>(1), pageable = 0;
  *host = 3;
  OK(cuMemsetD32Async(a, 7, 1, stream));
  OK(cuMemcpyDtoHAsync_v2(host, a, 4, stream));
  CHECK(*host == 0xcbcbcbcb);
  OK(cuStreamSynchronize(stream));
  CHECK(*host == 7);
  OK(cuMemcpyDtoHAsync_v2(&pageable, a, 4, stream));  // returns only when done
  CHECK(pageable == 7);
  // Queued work still needs what is in the buffer: no pattern then.
  *host = 5;
  OK(cuMemcpyHtoDAsync_v2(a, host, 4, stream));
  OK(cuMemcpyDtoHAsync_v2(host, a, 4, stream));
  OK(cuStreamSynchronize(stream));
  CHECK(*host == 5);
  OK(cuStreamDestroy_v2(stream));
  OK(cuMemFreeHost(host));
  OK(cuMemFree_v2(a));
  CLEAN();
}

TEST(freeing_waits_for_queued_work) {
  under_every_order([](const std::string &) {
    Device device;
    Kernels kernels;
    CUdeviceptr a = device_memory(1024), b = device_memory(1024);
    CUstream stream = new_stream();
    OK(launch_fill(kernels, stream, a, 3));
    OK(cuMemcpyDtoDAsync_v2(b, a, 1024, stream));
    OK(cuMemFree_v2(a));
    CHECK(first_word(b) == 3);
    OK(cuStreamDestroy_v2(stream));
    OK(cuMemFree_v2(b));
    CLEAN();
  });
}

TEST(many_streams_and_long_queues_stay_cheap) {
  Device device;
  CUdeviceptr a = device_memory(4096);
  for (int i = 0; i < 2000; ++i) {
    CUstream stream = new_stream();
    OK(cuMemsetD32Async(a, unsigned(i), 1024, stream));
    OK(cuStreamSynchronize(stream));
    OK(cuStreamDestroy_v2(stream));
  }
  CUstream stream = new_stream();
  for (int i = 0; i < 20000; ++i) OK(cuMemsetD32Async(a, unsigned(i), 1024, stream));
  OK(cuStreamSynchronize(stream));
  CHECK(first_word(a) == 19999);
  OK(cuStreamDestroy_v2(stream));
  OK(cuMemFree_v2(a));
  CLEAN();
}

// Four streams write one word, the last to run wins: shows the order that was chosen.
static int last_of_four(const std::string &configuration) {
  CONFIGURE("ordering=off");
  CONFIGURE(configuration.c_str());
  Device device;
  CUdeviceptr a = device_memory(4);
  CUstream streams[4];
  for (CUstream &stream : streams) stream = new_stream();
  for (int i : {2, 0, 3, 1}) OK(cuMemsetD32Async(a, unsigned(i), 1, streams[i]));
  OK(cuCtxSynchronize());
  int result = int(first_word(a));
  for (CUstream stream : streams) OK(cuStreamDestroy_v2(stream));
  OK(cuMemFree_v2(a));
  return result;
}

TEST(orders_differ) {
  CHECK(last_of_four("streams=fifo") == 1);
  CHECK(last_of_four("streams=lazy") == 1);
  CHECK(last_of_four("streams=latest-first") == 0);
  for (std::string order : {"streams=random,seed=", "streams=delay,seed="}) {
    int seen = 0;
    for (int seed = 0; seed < 40; ++seed) {
      int last = last_of_four(order + std::to_string(seed));
      CHECK(last == last_of_four(order + std::to_string(seed)));  // the seed decides
      seen |= 1 << last;
    }
    CHECK(seen == 15);
  }
}

TEST(lazy_runs_only_what_is_needed) {
  CONFIGURE("streams=lazy");
  Device device;
  CUdeviceptr a = device_memory(8);
  CUstream streams[] = {new_stream(), new_stream()};
  unsigned *host = pinned<unsigned>(2);
  OK(cuMemsetD32_v2(a, 1, 2));
  OK(cuCtxSynchronize());
  for (int i : {0, 1}) OK(cuMemcpyDtoHAsync_v2(host + i, a + 4 * i, 4, streams[i]));
  OK(cuStreamSynchronize(streams[1]));
  CHECK(host[0] == 0xcbcbcbcb && host[1] == 1);
  OK(cuStreamSynchronize(streams[0]));
  CHECK(host[0] == 1);
  for (CUstream stream : streams) OK(cuStreamDestroy_v2(stream));
  OK(cuMemFreeHost(host));
  OK(cuMemFree_v2(a));
  CLEAN();
}
