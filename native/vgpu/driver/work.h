// What a node does: a kernel launch, a copy, a fill, or nothing but order (event records, waits, the ends of a graph).
#pragma once
#include <variant>

#include "../core.h"
#include "clock.h"
#include "cuda_abi.h"

namespace vgpu::inline driver {

struct Context;
struct ModuleObject;

struct KernelWork {
  std::shared_ptr<ModuleObject> module;
  Launch launch;
};

struct CopyWork {
  const char *function = "";  // the driver function that asked for it
  uint64_t destination = 0, source = 0;
  size_t bytes = 0;
  bool from_host = false, to_host = false;       // then source or destination is a host address
  std::shared_ptr<std::vector<uint8_t>> staged;  // the bytes of a pageable source, read when the copy was issued
};

struct FillWork {
  const char *function = "";
  uint64_t destination = 0;
  uint32_t value = 0;
  unsigned width = 1;  // bytes of a value
  size_t count = 0;
};

using Work = std::variant<std::monostate, KernelWork, CopyWork, FillWork>;

struct Node {
  uint64_t sequence = 0;
  uint32_t chain = 0;
  uint32_t lane = 0;  // the stream whose turn it is: of a graph's node the stream that it was captured in
  Context *context = nullptr;
  std::shared_ptr<const std::string> who;  // "kernel scale in stream 3 of device 0"
  Work work;
  Clock clock;  // what happened before it, itself included
  bool done = false;
  std::vector<std::shared_ptr<Node>> needs;  // that were not done when it was submitted; emptied once it is done
};

// Does the work, checks the order of its accesses and reports what it finds. The error that the node's context gets, or success.
CUresult execute(Node &node);

// "kernel scale", "cuMemcpyPeerAsync of 4096 bytes"
std::string describe(const Work &work);

// Whether the work may read or write some of this host memory.
bool mentions(const Work &work, uint64_t address, size_t bytes);

// A host that reads the destination of a copy before it has synchronised shall see that: fills it with kPending, unless queued work
// still needs what is there.
constexpr uint8_t kPending = 0xCB;
void spoil_destination(const Work &work);

}  // namespace vgpu::driver
