// Primary contexts (the only ones here), the thread's stack of current ones, peer access, and what is left over at the end.
#include "devices.h"
#include "state.h"

namespace vgpu::inline driver {

std::vector<uint64_t> &context_stack() {
  static thread_local std::vector<uint64_t> stack;
  return stack;
}

CUresult current(Context *&context) {
  auto &stack = context_stack();
  if (stack.empty() || !stack.back()) return CUDA_ERROR_INVALID_CONTEXT;
  context = Driver::get().context(stack.back());
  if (!context) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return context->sticky;
}

namespace {

CUcontext handle_of(const Context &context) { return reinterpret_cast<CUcontext>(context.handle); }

// The current context whatever its state: moving between contexts works after a fault.
Context *any_state(CUcontext handle) { return Driver::get().context(reinterpret_cast<uint64_t>(handle)); }

std::unique_ptr<Context> begin_context(int device) {
  Driver &driver = Driver::get();
  auto context = std::make_unique<Context>();
  context->handle = driver.next_handle(0xc7);
  context->device = device;
  auto stream = std::make_shared<Stream>();
  stream->context = context.get();
  stream->number = driver.next_number();
  stream->name = "the default stream of device " + std::to_string(device);
  context->null_stream = stream;
  return context;
}

void leak(const Context &context, size_t count, const char *what, const std::string &which) {
  if (!count || !settings().leaks || context.sticky) return;  // after a fault nothing can be given back
  std::string device = "device " + std::to_string(context.device);
  report({FindingKind::leak, std::string(what) + " of " + device,
          std::to_string(count) + " " + what + (count == 1 ? " was" : " were") + " still there when the context of " + device +
              " ended: " + which});
}

void report_memory(const Context &context, const std::map<uint64_t, size_t> &left, const char *what) {
  size_t bytes = 0, named = 0;
  std::string which;
  for (auto &[base, size] : left) {
    bytes += size;
    Allocation *allocation = Memory::get().find(base);
    if (allocation && named++ < 8) which += "; " + allocation->label + ", " + std::to_string(size) + " bytes";
  }
  leak(context, left.size(), what, std::to_string(bytes) + " bytes in all" + which);
}

}  // namespace

void end_context(Primary &primary) {
  Driver &driver = Driver::get();
  Context &context = *primary.context;
  while (true) {  // captures that involve it
    auto at = std::find_if(driver.captures.begin(), driver.captures.end(), [&](auto &capture) {
      return std::any_of(capture->streams.begin(), capture->streams.end(), [&](Stream *stream) { return stream->context == &context; });
    });
    if (at == driver.captures.end()) break;
    auto capture = *at;
    end_capture(*capture);
  }
  driver.scheduler.finish(context);
  driver.joined_all(context);

  report_memory(context, context.memory, "allocations");
  report_memory(context, context.pinned, "pinned host allocations");
  auto streams = driver.streams.of(context);
  std::string names;
  for (auto &stream : streams) names += (names.empty() ? "" : ", ") + stream->name;
  leak(context, streams.size(), "streams", names);
  auto events = driver.events.of(context);
  leak(context, events.size(), "events", "created by cuEventCreate, not destroyed");
  auto modules = driver.modules.of(context);
  names.clear();
  for (auto &module : modules)
    for (auto &name : module->module->names()) names += (names.empty() ? "with kernel " : ", ") + name;
  leak(context, modules.size(), "modules", names);
  auto graphs = driver.graphs.of(context);
  leak(context, graphs.size(), "graphs", "made by cuStreamEndCapture, not destroyed");
  auto execs = driver.execs.of(context);
  leak(context, execs.size(), "executable graphs", "made by cuGraphInstantiateWithFlags, not destroyed");

  for (auto &exec : execs) driver.execs.remove(exec->handle);
  for (auto &graph : graphs) driver.graphs.remove(graph->handle);
  for (auto &event : events) driver.events.remove(event->handle);
  for (auto &stream : streams) driver.streams.remove(stream->handle);
  for (auto &module : modules) {
    forget_module(*module);
    driver.modules.remove(module->handle);
  }
  for (auto &[base, bytes] : context.memory) Memory::get().release(base);
  Memory::get().release_heap(context.device);
  for (auto &[base, bytes] : context.pinned) Memory::get().release(base);
  for (auto at = driver.peers.begin(); at != driver.peers.end();) {
    if (at->first == context.device || at->second == context.device) {
      Memory::get().allow_peer(at->first, at->second, false);
      at = driver.peers.erase(at);
    } else {
      ++at;
    }
  }
  std::erase_if(driver.chain_ends, [&](auto &end) { return end.second->context == &context; });
  primary.context.reset();
}

}  // namespace vgpu::driver

using namespace vgpu;

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return entry("cuDevicePrimaryCtxRetain", Needs::driver, [&] {
    if (!context) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    Primary &primary = Driver::get().primaries[device];
    if (!primary.context) primary.context = begin_context(device);
    ++primary.references;
    *context = handle_of(*primary.context);
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return entry("cuDevicePrimaryCtxRelease_v2", Needs::driver, [&] {
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    Primary &primary = Driver::get().primaries[device];
    if (!primary.references) return CUDA_ERROR_INVALID_CONTEXT;
    if (primary.references == 1 && primary.context) end_context(primary);
    --primary.references;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) {
  return entry("cuDevicePrimaryCtxReset_v2", Needs::driver, [&] {
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    Primary &primary = Driver::get().primaries[device];
    if (primary.context) end_context(primary);
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags, int *active) {
  return entry("cuDevicePrimaryCtxGetState", Needs::driver, [&] {
    if (!flags || !active) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *flags = 0;
    *active = Driver::get().primaries[device].context != nullptr;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return entry("cuCtxSetCurrent", Needs::driver, [&] {
    auto &stack = context_stack();
    if (context && !any_state(context)) return CUDA_ERROR_INVALID_CONTEXT;
    if (!stack.empty()) stack.pop_back();
    if (context) stack.push_back(reinterpret_cast<uint64_t>(context));
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  return entry("cuCtxGetCurrent", Needs::driver, [&] {
    if (!context) return CUDA_ERROR_INVALID_VALUE;
    auto &stack = context_stack();
    *context = stack.empty() ? nullptr : reinterpret_cast<CUcontext>(stack.back());
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice *device) {
  return entry_in_context("cuCtxGetDevice", [&](Context &context) {
    if (!device) return CUDA_ERROR_INVALID_VALUE;
    *device = context.device;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return entry("cuCtxPushCurrent_v2", Needs::driver, [&] {
    if (!any_state(context)) return CUDA_ERROR_INVALID_CONTEXT;
    context_stack().push_back(reinterpret_cast<uint64_t>(context));
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  return entry("cuCtxPopCurrent_v2", Needs::driver, [&] {
    auto &stack = context_stack();
    if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (context) *context = reinterpret_cast<CUcontext>(stack.back());
    stack.pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSynchronize(void) {
  return entry_in_context("cuCtxSynchronize", [](Context &context) {
    if (CUresult result = capture_context(context)) return result;
    Driver::get().scheduler.finish(context);
    Driver::get().joined_all(context);
    return context.sticky;
  });
}

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags) {
  return entry_in_context("cuCtxEnablePeerAccess", [&](Context &context) {
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    Context *other = any_state(peer);
    if (!other || other == &context) return CUDA_ERROR_INVALID_CONTEXT;
    Driver &driver = Driver::get();
    if (!driver.peer) return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
    if (CUresult result = unsafe_call()) return result;
    if (!driver.peers.insert({context.device, other->device}).second) return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
    Memory::get().allow_peer(context.device, other->device, true);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxDisablePeerAccess(CUcontext peer) {
  return entry_in_context("cuCtxDisablePeerAccess", [&](Context &context) {
    Context *other = any_state(peer);
    if (!other || other == &context) return CUDA_ERROR_INVALID_CONTEXT;
    Driver &driver = Driver::get();
    if (CUresult result = unsafe_call()) return result;
    if (!driver.peers.erase({context.device, other->device})) return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
    driver.scheduler.finish(context);  // what was launched with access still runs with it
    Memory::get().allow_peer(context.device, other->device, false);
    return context.sticky;
  });
}
