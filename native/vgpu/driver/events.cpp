// Events: marks in streams. A wait takes the record that was issued last when the wait is issued, whatever is recorded later.
#include "state.h"

using namespace vgpu;

namespace {

CUresult find_event(CUevent handle, std::shared_ptr<Event> &event) {
  event = Driver::get().events.find(handle);
  if (!event) return CUDA_ERROR_INVALID_HANDLE;
  return event->context->sticky;
}

// The host can't wait for an event in a capture: it will happen in launches of the graph, not now.
CUresult host_use(Event &event) {
  if (!event.capture) return unsafe_call();
  if (!event.capture->ended) invalidate(*event.capture);
  return CUDA_ERROR_CAPTURED_EVENT;
}

}  // namespace

CUresult cuEventCreate(CUevent *handle, unsigned int flags) {
  return entry_in_context("cuEventCreate", [&](Context &context) {
    if (!handle || flags > 7 || ((flags & CU_EVENT_INTERPROCESS) && !(flags & CU_EVENT_DISABLE_TIMING))) return CUDA_ERROR_INVALID_VALUE;
    auto event = Driver::get().events.add(std::make_shared<Event>());
    event->context = &context;
    event->flags = flags;
    *handle = reinterpret_cast<CUevent>(event->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventDestroy_v2(CUevent handle) {
  return entry_in_context("cuEventDestroy_v2", [&](Context &) {
    std::shared_ptr<Event> event;
    if (CUresult result = find_event(handle, event)) return result;
    Driver::get().events.remove(event->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecord(CUevent event_handle, CUstream stream_handle) {
  return entry_in_context("cuEventRecord", [&](Context &context) {
    std::shared_ptr<Event> event;
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_event(event_handle, event)) return result;
    if (CUresult result = find_stream(context, stream_handle, stream)) return result;
    if (event->context != stream->context) return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture) {
      if (stream->capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
      event->capture = stream->capture;
      event->capture_ends = stream->capture_ends;
      event->record = nullptr;
      return CUDA_SUCCESS;
    }
    if (stream == stream->context->null_stream)
      if (CUresult result = implicit_use(*stream->context)) return result;
    event->capture = nullptr;
    event->record = submit(*stream, std::monostate(), before(*stream), "event record");
    return CUDA_SUCCESS;
  });
}

CUresult cuEventQuery(CUevent handle) {
  return entry_in_context("cuEventQuery", [&](Context &) {
    std::shared_ptr<Event> event;
    if (CUresult result = find_event(handle, event)) return result;
    if (CUresult result = host_use(*event)) return result;
    if (!event->record) return CUDA_SUCCESS;
    Driver::get().scheduler.poll(event->record);
    if (event->context->sticky) return event->context->sticky;
    if (!event->record->done) return CUDA_ERROR_NOT_READY;
    Driver::get().joined(event->record);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventSynchronize(CUevent handle) {
  return entry_in_context("cuEventSynchronize", [&](Context &) {
    std::shared_ptr<Event> event;
    if (CUresult result = find_event(handle, event)) return result;
    if (CUresult result = host_use(*event)) return result;
    Driver::get().scheduler.finish({event->record});
    Driver::get().joined(event->record);
    return event->context->sticky;
  });
}

// The virtual GPU never says how long anything took: its times say nothing about a card.
CUresult cuEventElapsedTime(float *, CUevent, CUevent) {
  return entry_in_context("cuEventElapsedTime", [](Context &) { return CUDA_ERROR_NOT_SUPPORTED; });
}

CUresult cuEventElapsedTime_v2(float *, CUevent, CUevent) {
  return entry_in_context("cuEventElapsedTime_v2", [](Context &) { return CUDA_ERROR_NOT_SUPPORTED; });
}
