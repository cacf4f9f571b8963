// Everything that the driver functions know: contexts, streams, events, modules, graphs, each found by a handle that is a number and
// never an address, never used twice. So a handle that was destroyed, belongs to something else or is garbage is recognised.
// All of driver/ is in an inline namespace of its own, as the core has its own Function, Module and so on.
#pragma once
#include <atomic>
#include <mutex>
#include <set>
#include <string_view>

#include "scheduler.h"

namespace vgpu::inline driver {

struct Stream;
struct Capture;

struct Context {
  uint64_t handle = 0;
  int device = 0;
  CUresult sticky = CUDA_SUCCESS;  // what every later call answers once a kernel has faulted
  std::shared_ptr<Stream> null_stream;
  std::vector<std::shared_ptr<Node>> orphans;  // last nodes of destroyed streams that the default stream must still wait for
  std::map<uint64_t, size_t> memory, pinned;   // base -> bytes
};

struct Stream {
  uint64_t handle = 0;
  Context *context = nullptr;
  uint32_t number = 0;   // its chain, its lane, and its name in findings
  bool blocking = true;  // waits for the default stream, and that for it
  int priority = 0;
  std::string name;
  std::shared_ptr<Node> last;
  std::shared_ptr<Capture> capture;
  std::vector<size_t> capture_ends;  // nodes of the captured graph that the next one follows
};

struct Event {
  uint64_t handle = 0;
  Context *context = nullptr;
  unsigned flags = 0;
  std::shared_ptr<Node> record;      // the last one that was issued
  std::shared_ptr<Capture> capture;  // set if it was last recorded in a capturing stream
  std::vector<size_t> capture_ends;
};

struct ModuleObject {
  uint64_t handle = 0;
  Context *context = nullptr;
  bool unloaded = false;            // graphs may still hold it
  int ptx_version = 0, target = 0;  // 78, 80
  std::unique_ptr<Module> module;
  std::map<std::string, uint64_t> functions;
};

struct Function {
  uint64_t handle = 0;
  std::shared_ptr<ModuleObject> module;
  const Kernel *kernel = nullptr;
  size_t dynamic_limit = 0;
};

struct GraphNode {
  uint64_t handle = 0;
  uint64_t context = 0;  // by handle: it may be gone when the graph is launched
  uint32_t lane = 0;
  std::string lane_name;
  Work work;
  std::vector<size_t> after;  // earlier nodes of the graph
};

struct Graph {
  uint64_t handle = 0;
  Context *context = nullptr;
  std::vector<GraphNode> nodes;
};

struct GraphExec {
  uint64_t handle = 0;
  Context *context = nullptr;
  uint32_t number = 0;
  std::vector<GraphNode> nodes;
  std::map<uint32_t, uint32_t> chains;  // lane -> chain
  std::shared_ptr<Node> last;           // the end of its last launch: two launches never overlap
};

struct Capture {
  Stream *origin = nullptr;
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  uint64_t thread = 0;
  bool invalidated = false, ended = false;
  std::shared_ptr<Graph> graph;
  std::vector<Stream *> streams;
};

template <class T> class Table {
 public:
  explicit Table(uint64_t kind) : kind_(kind) {}
  std::shared_ptr<T> add(std::shared_ptr<T> object) {
    static std::atomic<uint64_t> next{1};
    object->handle = kind_ << 40 | next++ << 4;
    objects_.emplace(object->handle, object);
    return object;
  }
  std::shared_ptr<T> find(uint64_t handle) const {
    auto at = objects_.find(handle);
    return at == objects_.end() ? nullptr : at->second;
  }
  std::shared_ptr<T> find(const void *handle) const { return find(reinterpret_cast<uint64_t>(handle)); }
  void remove(uint64_t handle) { objects_.erase(handle); }
  std::vector<std::shared_ptr<T>> of(const Context &context) const {
    std::vector<std::shared_ptr<T>> result;
    for (auto &[handle, object] : objects_)
      if (object->context == &context) result.push_back(object);
    return result;
  }

 private:
  uint64_t kind_;
  std::map<uint64_t, std::shared_ptr<T>> objects_;
};

struct FunctionTable {  // functions belong to modules, not to contexts
  std::map<uint64_t, std::shared_ptr<Function>> objects;
  std::shared_ptr<Function> find(const void *handle) const {
    auto at = objects.find(reinterpret_cast<uint64_t>(handle));
    return at == objects.end() ? nullptr : at->second;
  }
};

struct Primary {
  unsigned references = 0;
  std::unique_ptr<Context> context;  // null while inactive
};

struct Injection {
  std::string function;
  uint64_t calls;  // until it strikes
  CUresult error;
};

class Driver {
 public:
  static Driver &get();

  std::mutex mutex;  // held by every exported function
  bool initialized = false;
  bool peer = true;  // whether devices can access each other
  std::map<int, Primary> primaries;
  Table<Stream> streams{0x51};
  Table<Event> events{0xe7};
  Table<ModuleObject> modules{0x3d};
  FunctionTable functions;
  Table<Graph> graphs{0x67};
  Table<GraphExec> execs{0x6e};
  std::vector<std::shared_ptr<Capture>> captures;  // active ones
  Scheduler scheduler;
  std::set<std::pair<int, int>> peers;  // enabled, from -> to

  Clock host;                                            // what the host has synchronised with
  std::map<uint32_t, std::shared_ptr<Node>> chain_ends;  // last node of each chain that the host may not have synchronised with
  uint64_t next_sequence() { return ++sequence_; }
  uint32_t next_number() { return number_++; }
  uint64_t next_handle(uint64_t kind) { return kind << 40 | ++sequence_handles_ << 4; }

  std::map<std::string, uint64_t, std::less<>> calls;
  std::vector<Injection> injections;

  Context *context(uint64_t handle) const;  // null if it is not alive
  bool any_context() const;
  void joined(const std::shared_ptr<Node> &node);  // the host has synchronised with it
  void joined_all(Context &context);

 private:
  void raise_floor();
  uint64_t sequence_ = 0, sequence_handles_ = 0;
  uint32_t number_ = 0;
};

// ---- contexts.cpp
std::vector<uint64_t> &context_stack();  // of the calling thread
CUresult current(Context *&context);     // 201, 709 or the sticky error if there is none to use
void end_context(Primary &primary);      // reports leaks, frees everything

// ---- streams.cpp
CUresult find_stream(Context &current, CUstream handle, std::shared_ptr<Stream> &stream);
// Puts work into a stream, or into the graph if the stream is capturing.
CUresult enqueue(Stream &stream, Work work, std::shared_ptr<Node> *node = nullptr);
std::shared_ptr<Node> submit(Stream &stream, Work work, std::vector<std::shared_ptr<Node>> after, const char *what = nullptr);
CUresult synchronize(Stream &stream);                       // the host waits
std::vector<std::shared_ptr<Node>> before(Stream &stream);  // what the next node of the stream must follow
inline CUstream handle_of(const Stream &stream) { return reinterpret_cast<CUstream>(stream.handle); }

// ---- capture.cpp
uint64_t this_thread();
CUresult unsafe_call();                      // 900, and the captures that forbid it end, unless no capture forbids it
CUresult not_captured(Stream &stream);       // 900 for a call that a capturing stream does not take
CUresult implicit_use(Context &context);     // 906 if the default stream would wait for a capturing stream
CUresult capture_context(Context &context);  // 900 if anything of the context is being captured
void invalidate(Capture &capture);
CUresult capture_work(Stream &stream, Work work);
CUresult capture_wait(Stream &stream, Event &event);
void leave_capture(Stream &stream);  // it is destroyed
void end_capture(Capture &capture);

// ---- modules.cpp
void forget_module(ModuleObject &module);

// ---- entry of every exported function
enum class Needs { nothing, driver, context };

bool enter(const char *function, Needs needs, CUresult &result);  // counts, injects; false: return result

template <class Body> CUresult entry(const char *function, Needs needs, Body body) noexcept {
  try {
    std::lock_guard lock(Driver::get().mutex);
    CUresult result = CUDA_SUCCESS;
    if (!enter(function, needs, result)) return result;
    return body();
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (...) {
    return CUDA_ERROR_UNKNOWN;
  }
}

template <class Body> CUresult entry_in_context(const char *function, Body body) noexcept {
  return entry(function, Needs::context, [&]() -> CUresult {
    Context *context = nullptr;
    if (CUresult result = current(context)) return result;
    return body(*context);
  });
}

}  // namespace vgpu::driver
