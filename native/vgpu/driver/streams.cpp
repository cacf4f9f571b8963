// Streams and the way of work into them.
#include "state.h"

namespace vgpu::inline driver {
namespace {

// What the host waits for when it waits for a stream. The legacy default stream stands for all blocking streams of its context.
std::vector<std::shared_ptr<Node>> ends(Stream &stream) {
  std::vector<std::shared_ptr<Node>> result{stream.last};
  Context &context = *stream.context;
  if (&stream != context.null_stream.get()) return result;
  for (auto &other : Driver::get().streams.of(context))
    if (other->blocking) result.push_back(other->last);
  result.insert(result.end(), context.orphans.begin(), context.orphans.end());
  return result;
}

CUresult create(Context &context, CUstream *handle, unsigned flags, int priority) {
  if (!handle || flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
  Driver &driver = Driver::get();
  auto stream = std::make_shared<Stream>();
  stream->context = &context;
  stream->number = driver.next_number();
  stream->blocking = flags == CU_STREAM_DEFAULT;
  stream->priority = priority;
  stream->name = "stream " + std::to_string(stream->number) + " of device " + std::to_string(context.device);
  *handle = handle_of(*driver.streams.add(stream));
  return CUDA_SUCCESS;
}

}  // namespace

CUresult find_stream(Context &current, CUstream handle, std::shared_ptr<Stream> &stream) {
  auto number = reinterpret_cast<uint64_t>(handle);
  if (number == 2) return CUDA_ERROR_NOT_SUPPORTED;  // CU_STREAM_PER_THREAD
  stream = number <= 1 ? current.null_stream : Driver::get().streams.find(number);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  return stream->context->sticky;
}

std::vector<std::shared_ptr<Node>> before(Stream &stream) {
  Context &context = *stream.context;
  if (&stream == context.null_stream.get()) {
    auto result = ends(stream);
    context.orphans.clear();  // whatever comes later follows them through this node
    return result;
  }
  if (stream.blocking) return {stream.last, context.null_stream->last};
  return {stream.last};
}

std::shared_ptr<Node> submit(Stream &stream, Work work, std::vector<std::shared_ptr<Node>> after, const char *what) {
  auto node = std::make_shared<Node>();
  node->chain = node->lane = stream.number;
  node->context = stream.context;
  node->who = std::make_shared<const std::string>((what ? what : describe(work)) + " in " + stream.name);
  spoil_destination(work);
  node->work = std::move(work);
  Driver::get().scheduler.submit(node, after);
  stream.last = node;
  return node;
}

CUresult enqueue(Stream &stream, Work work, std::shared_ptr<Node> *node) {
  Context &context = *stream.context;
  if (context.sticky) return context.sticky;
  if (stream.capture) return capture_work(stream, std::move(work));
  if (&stream == context.null_stream.get())
    if (CUresult result = implicit_use(context)) return result;
  auto submitted = submit(stream, std::move(work), before(stream));
  if (node) *node = submitted;
  return CUDA_SUCCESS;
}

CUresult synchronize(Stream &stream) {
  Driver &driver = Driver::get();
  auto targets = ends(stream);
  driver.scheduler.finish(targets);
  for (auto &node : targets) driver.joined(node);
  return stream.context->sticky;
}

}  // namespace vgpu::driver

using namespace vgpu;

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
  return entry_in_context("cuStreamCreate", [&](Context &context) { return create(context, stream, flags, 0); });
}

CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned int flags, int priority) {
  return entry_in_context("cuStreamCreateWithPriority", [&](Context &context) { return create(context, stream, flags, priority); });
}

CUresult cuStreamDestroy_v2(CUstream handle) {
  return entry_in_context("cuStreamDestroy_v2", [&](Context &) {
    auto stream = Driver::get().streams.find(handle);  // the default stream can't be destroyed
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture) leave_capture(*stream);
    if (stream->blocking && stream->last) {
      auto &orphans = stream->context->orphans;
      orphans.push_back(stream->last);
    }
    Driver::get().streams.remove(stream->handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return entry_in_context("cuStreamSynchronize", [&](Context &context) {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    if (CUresult result = not_captured(*stream)) return result;
    if (stream == stream->context->null_stream)
      if (CUresult result = implicit_use(*stream->context)) return result;
    if (CUresult result = unsafe_call()) return result;
    return synchronize(*stream);
  });
}

CUresult cuStreamQuery(CUstream handle) {
  return entry_in_context("cuStreamQuery", [&](Context &context) {
    Driver &driver = Driver::get();
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    if (CUresult result = not_captured(*stream)) return result;
    if (stream == stream->context->null_stream)
      if (CUresult result = implicit_use(*stream->context)) return result;
    if (CUresult result = unsafe_call()) return result;
    auto targets = ends(*stream);
    for (auto &node : targets) {
      if (!node || node->done) continue;
      driver.scheduler.poll(node);
      break;
    }
    if (stream->context->sticky) return stream->context->sticky;
    for (auto &node : targets)
      if (node && !node->done) return CUDA_ERROR_NOT_READY;
    for (auto &node : targets) driver.joined(node);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamWaitEvent(CUstream stream_handle, CUevent event_handle, unsigned int flags) {
  return entry_in_context("cuStreamWaitEvent", [&](Context &context) {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, stream_handle, stream)) return result;
    auto event = Driver::get().events.find(event_handle);
    if (!event) return CUDA_ERROR_INVALID_HANDLE;
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture || event->capture) return capture_wait(*stream, *event);
    if (!event->record) return CUDA_SUCCESS;
    if (stream == stream->context->null_stream)
      if (CUresult result = implicit_use(*stream->context)) return result;
    auto after = before(*stream);
    after.push_back(event->record);
    submit(*stream, std::monostate(), std::move(after), "event wait");
    return CUDA_SUCCESS;
  });
}
