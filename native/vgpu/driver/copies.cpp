// Copies and fills. What synchronises with the host is as the CUDA documentation says ("API synchronization behavior"):
//   host to device from pageable memory   the source is read at once; the host does not wait for the rest, in either form
//   host to device from pinned memory     the synchronous form waits; the asynchronous one reads the source when it runs
//   device to host                        the synchronous form waits, and so does the asynchronous one to pageable memory
//   device to device, fills               the host never waits
#include <functional>

#include "state.h"

using namespace vgpu;

namespace {

struct Range {
  const char *function;
  const char *end;  // "destination" or "source"
  uint64_t address;
  size_t bytes;
};

std::string hexadecimal(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

CUresult bad_range(FindingKind kind, const Range &range, const std::string &why) {
  report({kind, std::string(range.function) + ", " + range.end,
          std::string(range.function) + " of " + std::to_string(range.bytes) + " bytes: the " + range.end + " " +
              hexadecimal(range.address) + " " + why});
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult check_allocation(const Range &range, Allocation &allocation) {
  if (allocation.freed) return bad_range(FindingKind::use_after_free, range, "lies in " + allocation.label + ", which was freed");
  size_t offset = range.address - allocation.base;
  if (range.bytes <= allocation.bytes - offset) return CUDA_SUCCESS;
  return bad_range(
      FindingKind::out_of_bounds, range,
      "begins at byte " + std::to_string(offset) + " of " + allocation.label + ", which has " + std::to_string(allocation.bytes));
}

CUresult outside(const Range &range) {
  Allocation *near = Memory::get().nearest(range.address);
  if (!near) return bad_range(FindingKind::host_pointer, range, "is no device address");
  return bad_range(FindingKind::out_of_bounds, range,
                   "lies in no allocation; the nearest, " + near->label + ", has " + std::to_string(near->bytes) + " bytes at " +
                       hexadecimal(near->base));
}

CUresult check_device(const Range &range, int device = -1) {
  Allocation *allocation = Memory::get().find(range.address);
  if (!allocation) return outside(range);
  if (CUresult result = check_allocation(range, *allocation)) return result;
  if (device < 0 || allocation->device < 0 || allocation->device == device) return CUDA_SUCCESS;
  return bad_range(FindingKind::bad_call, range,
                   "lies in " + allocation->label + ", but the context is of device " + std::to_string(device));
}

CUresult check_host(const Range &range, bool &pinned) {
  pinned = false;
  if (!range.address) return CUDA_ERROR_INVALID_VALUE;
  Allocation *allocation = Memory::get().find(range.address);
  if (!allocation) return Memory::get().nearest(range.address) ? outside(range) : CUDA_SUCCESS;
  if (allocation->device >= 0) return bad_range(FindingKind::bad_call, range, "should be of the host, but lies in " + allocation->label);
  pinned = true;
  return check_allocation(range, *allocation);
}

// The synchronous forms work in the default stream; a capture forbids them as it forbids any use of that stream.
CUresult default_stream(Context &context, std::shared_ptr<Stream> &stream) {
  stream = context.null_stream;
  if (CUresult result = implicit_use(context)) return result;
  return unsafe_call();
}

CUresult to_device(const char *function, Stream &stream, uint64_t destination, const void *source, size_t bytes, bool wait) {
  CopyWork work{function, destination, reinterpret_cast<uint64_t>(source), bytes, true, false, nullptr};
  bool pinned;
  if (CUresult result = check_host({function, "source", work.source, bytes}, pinned)) return result;
  if (CUresult result = check_device({function, "destination", destination, bytes})) return result;
  if (!bytes) return CUDA_SUCCESS;
  if (!pinned && !stream.capture) {
    auto *data = static_cast<const uint8_t *>(source);
    work.staged = std::make_shared<std::vector<uint8_t>>(data, data + bytes);
  }
  if (CUresult result = enqueue(stream, work)) return result;
  return wait && pinned ? synchronize(stream) : CUDA_SUCCESS;
}

CUresult to_host(const char *function, Stream &stream, void *destination, uint64_t source, size_t bytes, bool wait) {
  CopyWork work{function, reinterpret_cast<uint64_t>(destination), source, bytes, false, true, nullptr};
  bool pinned;
  if (CUresult result = check_host({function, "destination", work.destination, bytes}, pinned)) return result;
  if (CUresult result = check_device({function, "source", source, bytes})) return result;
  if (!bytes) return CUDA_SUCCESS;
  if (CUresult result = enqueue(stream, work)) return result;
  return (wait || !pinned) && !stream.capture ? synchronize(stream) : CUDA_SUCCESS;
}

CUresult between(const char *function, Stream &stream, uint64_t destination, int to, uint64_t source, int from, size_t bytes) {
  if (CUresult result = check_device({function, "destination", destination, bytes}, to)) return result;
  if (CUresult result = check_device({function, "source", source, bytes}, from)) return result;
  if (!bytes) return CUDA_SUCCESS;
  return enqueue(stream, CopyWork{function, destination, source, bytes, false, false, nullptr});
}

CUresult fill(const char *function, Stream &stream, uint64_t destination, uint32_t value, unsigned width, size_t count) {
  if (destination % width || count > SIZE_MAX / width) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = check_device({function, "destination", destination, count * width})) return result;
  if (!count) return CUDA_SUCCESS;
  return enqueue(stream, FillWork{function, destination, value, width, count});
}

CUresult peer_devices(CUcontext to, CUcontext from, Context *&to_context, Context *&from_context) {
  to_context = Driver::get().context(reinterpret_cast<uint64_t>(to));
  from_context = Driver::get().context(reinterpret_cast<uint64_t>(from));
  if (!to_context || !from_context) return CUDA_ERROR_INVALID_CONTEXT;
  return to_context->sticky ? to_context->sticky : from_context->sticky;
}

// The default streams of both contexts and of the current one wait for what came before, and what comes after waits for the copy.
CUresult peer_copy_in_default_stream(Context &context, Context &to, Context &from, const std::function<CUresult(Stream &)> &copy) {
  std::vector<std::shared_ptr<Node>> after;
  std::set<Context *> others{&to, &from};
  others.erase(&context);
  for (Context *other : others) {
    if (CUresult result = implicit_use(*other)) return result;
    auto tail = submit(*other->null_stream, std::monostate(), before(*other->null_stream), "begin of cuMemcpyPeer");
    after.push_back(tail);
  }
  auto joint = before(*context.null_stream);
  joint.insert(joint.end(), after.begin(), after.end());
  submit(*context.null_stream, std::monostate(), joint, "begin of cuMemcpyPeer");
  CUresult result = copy(*context.null_stream);
  for (Context *other : others) {
    auto tail = before(*other->null_stream);
    tail.push_back(context.null_stream->last);
    submit(*other->null_stream, std::monostate(), tail, "end of cuMemcpyPeer");
  }
  return result;
}

// Runs the body with the stream of an asynchronous form, or with the default stream.
template <class Body> CUresult in_stream(const char *function, CUstream handle, Body body) {
  return entry_in_context(function, [&](Context &context) -> CUresult {
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, handle, stream)) return result;
    return body(*stream);
  });
}

template <class Body> CUresult in_default_stream(const char *function, Body body) {
  return entry_in_context(function, [&](Context &context) -> CUresult {
    std::shared_ptr<Stream> stream;
    if (CUresult result = default_stream(context, stream)) return result;
    return body(*stream);
  });
}

}  // namespace

CUresult cuMemcpyHtoD_v2(CUdeviceptr destination, const void *source, size_t bytes) {
  return in_default_stream(__func__,
                           [&](Stream &stream) { return to_device("cuMemcpyHtoD_v2", stream, destination, source, bytes, true); });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr destination, const void *source, size_t bytes, CUstream handle) {
  return in_stream(__func__, handle,
                   [&](Stream &stream) { return to_device("cuMemcpyHtoDAsync_v2", stream, destination, source, bytes, false); });
}

CUresult cuMemcpyDtoH_v2(void *destination, CUdeviceptr source, size_t bytes) {
  return in_default_stream(__func__, [&](Stream &stream) { return to_host("cuMemcpyDtoH_v2", stream, destination, source, bytes, true); });
}

CUresult cuMemcpyDtoHAsync_v2(void *destination, CUdeviceptr source, size_t bytes, CUstream handle) {
  return in_stream(__func__, handle,
                   [&](Stream &stream) { return to_host("cuMemcpyDtoHAsync_v2", stream, destination, source, bytes, false); });
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr destination, CUdeviceptr source, size_t bytes) {
  return in_default_stream(__func__,
                           [&](Stream &stream) { return between("cuMemcpyDtoD_v2", stream, destination, -1, source, -1, bytes); });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream handle) {
  return in_stream(__func__, handle,
                   [&](Stream &stream) { return between("cuMemcpyDtoDAsync_v2", stream, destination, -1, source, -1, bytes); });
}

CUresult cuMemcpyPeer(CUdeviceptr destination, CUcontext to, CUdeviceptr source, CUcontext from, size_t bytes) {
  return in_default_stream(__func__, [&](Stream &stream) -> CUresult {
    Context *to_context, *from_context;
    if (CUresult result = peer_devices(to, from, to_context, from_context)) return result;
    return peer_copy_in_default_stream(*stream.context, *to_context, *from_context, [&](Stream &joint) {
      return between("cuMemcpyPeer", joint, destination, to_context->device, source, from_context->device, bytes);
    });
  });
}

CUresult cuMemcpyPeerAsync(CUdeviceptr destination, CUcontext to, CUdeviceptr source, CUcontext from, size_t bytes, CUstream handle) {
  return in_stream(__func__, handle, [&](Stream &stream) -> CUresult {
    Context *to_context, *from_context;
    if (CUresult result = peer_devices(to, from, to_context, from_context)) return result;
    return between("cuMemcpyPeerAsync", stream, destination, to_context->device, source, from_context->device, bytes);
  });
}

CUresult cuMemsetD8_v2(CUdeviceptr destination, unsigned char value, size_t count) {
  return in_default_stream(__func__, [&](Stream &stream) { return fill("cuMemsetD8_v2", stream, destination, value, 1, count); });
}

CUresult cuMemsetD32_v2(CUdeviceptr destination, unsigned int value, size_t count) {
  return in_default_stream(__func__, [&](Stream &stream) { return fill("cuMemsetD32_v2", stream, destination, value, 4, count); });
}

CUresult cuMemsetD8Async(CUdeviceptr destination, unsigned char value, size_t count, CUstream handle) {
  return in_stream(__func__, handle, [&](Stream &stream) { return fill("cuMemsetD8Async", stream, destination, value, 1, count); });
}

CUresult cuMemsetD32Async(CUdeviceptr destination, unsigned int value, size_t count, CUstream handle) {
  return in_stream(__func__, handle, [&](Stream &stream) { return fill("cuMemsetD32Async", stream, destination, value, 4, count); });
}
