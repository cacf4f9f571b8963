// Capture of streams into a graph: what a capturing stream would do becomes nodes of the graph, its events become edges.
#include "state.h"

namespace vgpu::inline driver {

uint64_t this_thread() {
  static std::atomic<uint64_t> next{1};
  static thread_local uint64_t number = next++;
  return number;
}

void invalidate(Capture &capture) { capture.invalidated = true; }

// A capture in global mode forbids calls that may synchronise to all threads, one in thread-local mode to its own thread.
CUresult unsafe_call() {
  CUresult result = CUDA_SUCCESS;
  for (auto &capture : Driver::get().captures) {
    bool own = capture->thread == this_thread() && capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
    if (!own && capture->mode != CU_STREAM_CAPTURE_MODE_GLOBAL) continue;
    invalidate(*capture);
    result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return result;
}

CUresult not_captured(Stream &stream) {
  if (!stream.capture) return CUDA_SUCCESS;
  invalidate(*stream.capture);
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult implicit_use(Context &context) {
  CUresult result = CUDA_SUCCESS;
  for (auto &capture : Driver::get().captures)
    for (Stream *stream : capture->streams)
      if (stream->context == &context && stream->blocking) {
        invalidate(*capture);
        result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      }
  return result;
}

CUresult capture_context(Context &context) {
  CUresult result = CUDA_SUCCESS;
  for (auto &capture : Driver::get().captures)
    for (Stream *stream : capture->streams)
      if (stream->context == &context) {
        invalidate(*capture);
        result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
      }
  return result ? result : unsafe_call();
}

CUresult capture_work(Stream &stream, Work work) {
  Capture &capture = *stream.capture;
  if (capture.invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  GraphNode node;
  node.handle = Driver::get().next_handle(0x9d);
  node.context = stream.context->handle;
  node.lane = stream.number;
  node.lane_name = stream.name;
  node.work = std::move(work);
  node.after = stream.capture_ends;
  std::vector<size_t> ends{capture.graph->nodes.size()};
  capture.graph->nodes.push_back(std::move(node));
  stream.capture_ends = std::move(ends);
  return CUDA_SUCCESS;
}

CUresult capture_wait(Stream &stream, Event &event) {
  if (stream.capture && stream.capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (!event.capture) {  // the graph would depend on something that is not in it
    invalidate(*stream.capture);
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
  }
  Capture &capture = *event.capture;
  if (capture.ended) {
    if (stream.capture) invalidate(*stream.capture);
    return CUDA_ERROR_CAPTURED_EVENT;
  }
  if (capture.invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream.capture && stream.capture != event.capture) {
    invalidate(*stream.capture);
    invalidate(capture);
    return CUDA_ERROR_STREAM_CAPTURE_MERGE;
  }
  if (&stream == stream.context->null_stream.get()) {
    invalidate(capture);
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  if (!stream.capture) {  // the fork: the stream becomes part of the capture
    capture.streams.push_back(&stream);
    stream.capture = event.capture;
    stream.capture_ends.clear();
  }
  for (size_t end : event.capture_ends)
    if (std::find(stream.capture_ends.begin(), stream.capture_ends.end(), end) == stream.capture_ends.end())
      stream.capture_ends.push_back(end);
  return CUDA_SUCCESS;
}

void end_capture(Capture &capture) {
  capture.ended = true;
  std::vector<Stream *> streams = std::move(capture.streams);
  std::shared_ptr<Capture> keep;
  for (Stream *stream : streams) {
    keep = stream->capture;
    stream->capture.reset();
    stream->capture_ends.clear();
  }
  std::erase_if(Driver::get().captures, [&](auto &active) { return active.get() == &capture; });
}

void leave_capture(Stream &stream) {
  auto capture = stream.capture;
  invalidate(*capture);
  std::erase(capture->streams, &stream);
  stream.capture.reset();
  if (capture->origin == &stream) end_capture(*capture);
}

namespace {

// Every node must lead to the place where the capture ends.
bool joined(const Graph &graph, const std::vector<size_t> &ends) {
  std::vector<bool> reached(graph.nodes.size());
  std::vector<size_t> stack = ends;
  size_t count = 0;
  while (!stack.empty()) {
    size_t node = stack.back();
    stack.pop_back();
    if (reached[node]) continue;
    reached[node] = true;
    ++count;
    for (size_t earlier : graph.nodes[node].after) stack.push_back(earlier);
  }
  return count == graph.nodes.size();
}

}  // namespace
}  // namespace vgpu::driver

using namespace vgpu;

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return entry_in_context("cuStreamBeginCapture_v2", [&](Context &context) {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    if (mode < CU_STREAM_CAPTURE_MODE_GLOBAL || mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
    if (stream == stream->context->null_stream) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
    auto capture = std::make_shared<Capture>();
    capture->origin = stream.get();
    capture->mode = mode;
    capture->thread = this_thread();
    capture->graph = std::make_shared<Graph>();
    capture->graph->context = stream->context;
    capture->streams.push_back(stream.get());
    Driver::get().captures.push_back(capture);
    stream->capture = capture;
    stream->capture_ends.clear();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  return entry_in_context("cuStreamEndCapture", [&](Context &context) {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    if (!graph) return CUDA_ERROR_INVALID_VALUE;
    *graph = nullptr;
    auto capture = stream->capture;
    if (!capture) return CUDA_ERROR_ILLEGAL_STATE;
    if (capture->origin != stream.get()) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != this_thread()) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    bool complete = joined(*capture->graph, stream->capture_ends);
    end_capture(*capture);
    if (capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (!complete) return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    Driver::get().graphs.add(capture->graph);
    *graph = reinterpret_cast<CUgraph>(capture->graph->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status) {
  return entry_in_context("cuStreamIsCapturing", [&](Context &context) {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    if (!status) return CUDA_ERROR_INVALID_VALUE;
    *status = CU_STREAM_CAPTURE_STATUS_NONE;
    if (stream == stream->context->null_stream) {
      for (auto &capture : Driver::get().captures)  // asking does not end the capture
        for (Stream *other : capture->streams)
          if (other->context == stream->context && other->blocking) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    }
    if (stream->capture) *status = stream->capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
  });
}
