// Random programs over several streams with random events. Whether two accesses are ordered is worked out here a second time, by
// reachability in the graph of what was called, and must agree with what the virtual GPU finds, under every order of execution. A
// program whose conflicting accesses are all ordered must give what it gives when run one call after the other.
#include "driver_test.h"

#include <bitset>
#include <random>

namespace {

constexpr int kStreams = 4, kBuffers = 6, kAccesses = 30, kMost = 256;  // an event for each stream
constexpr unsigned kWords = 64;

struct Operation {
  enum Kind { fill, copy, add, step, record, wait, host_waits } kind;
  int stream, a, b;  // buffers or event
  unsigned value;
};

using Program = std::vector<Operation>;
using Set = std::bitset<kMost>;

bool reads(const Operation &o, int buffer) {
  return (o.kind == Operation::copy && o.b == buffer) || (o.kind == Operation::add && (o.a == buffer || o.b == buffer)) ||
         (o.kind == Operation::step && o.a == buffer);
}
bool writes(const Operation &o, int buffer) { return o.kind <= Operation::step && o.a == buffer; }
bool conflict(const Operation &o, const Operation &p) {
  for (int buffer = 0; buffer < kBuffers; ++buffer)
    if ((writes(o, buffer) && (writes(p, buffer) || reads(p, buffer))) || (reads(o, buffer) && writes(p, buffer))) return true;
  return false;
}

// Each access is followed by a record of its stream's event, and waits for the events of the streams that it conflicts with, except
// that of a hundred waits `forgotten` are missing. With `host`, the host now and then waits for a stream.
Program random_program(std::mt19937 &random, int forgotten, bool host) {
  Program program;
  auto below = [&](int n) { return int(random() % unsigned(n)); };
  for (int i = 0; i < kAccesses; ++i) {
    Operation o{Operation::Kind(below(4)), below(kStreams), below(kBuffers), below(kBuffers), unsigned(below(100))};
    std::bitset<kStreams> needed;
    for (auto &earlier : program)
      if (earlier.stream != o.stream && conflict(o, earlier)) needed.set(size_t(earlier.stream));
    for (int stream = 0; stream < kStreams; ++stream)
      if (needed[size_t(stream)] && below(100) >= forgotten) program.push_back({Operation::wait, o.stream, stream, 0, 0});
    program.push_back(o);
    program.push_back({Operation::record, o.stream, o.stream, 0, 0});
    if (host && below(10) == 0) program.push_back({Operation::host_waits, below(kStreams), 0, 0, 0});
  }
  return program;
}

// The default stream is stream 0 and stream 1 is a blocking one, unless the program is captured.
bool default_stream(const Operation &o, bool captured) { return !captured && o.stream == 0; }
bool blocking(const Operation &o, bool captured) { return !captured && o.stream == 1; }

struct Judgement {
  bool conflict = false;
  unsigned result[kBuffers] = {};
};

Judgement judge(const Program &program, bool captured) {
  std::vector<Set> before(program.size());  // what happened before each operation
  Set host;
  Set of_stream[kStreams], recorded[kStreams];
  bool exists[kStreams] = {};
  Judgement judgement;
  for (size_t i = 0; i < program.size(); ++i) {
    const Operation &o = program[i];
    Set past = host | of_stream[o.stream];
    if (default_stream(o, captured)) past |= of_stream[1];
    if (o.kind == Operation::host_waits) {
      host |= past;
      continue;
    }
    if (blocking(o, captured)) past |= of_stream[0];
    if (o.kind == Operation::wait) {
      if (!exists[o.a]) continue;
      past |= recorded[o.a];
    }
    before[i] = past;
    past.set(i);
    of_stream[o.stream] = past;
    if (o.kind == Operation::record) recorded[o.a] = past, exists[o.a] = true;
    for (size_t j = 0; j < i; ++j)
      if (!before[i][j] && conflict(o, program[j])) judgement.conflict = true;
    unsigned *value = judgement.result;
    if (o.kind == Operation::fill) value[o.a] = o.value;
    if (o.kind == Operation::copy) value[o.a] = value[o.b];
    if (o.kind == Operation::add) value[o.a] += value[o.b];
    if (o.kind == Operation::step) value[o.a] = 3 * value[o.a] + 1;
  }
  return judgement;
}

struct Machine {
  Device device;
  Kernels kernels;
  CUstream streams[kStreams];
  CUevent events[kStreams], join = new_event();
  CUdeviceptr buffers[kBuffers];

  explicit Machine(bool captured) {
    for (int i = 0; i < kStreams; ++i) streams[i] = i == 0 && !captured ? nullptr : new_stream(i == 1 && !captured ? CU_STREAM_DEFAULT : CU_STREAM_NON_BLOCKING);
    for (CUevent &event : events) event = new_event();
    for (CUdeviceptr &buffer : buffers) {
      buffer = device_memory(kWords * 4);
      OK(cuMemsetD8_v2(buffer, 0, kWords * 4));
    }
    OK(cuCtxSynchronize());
  }
  ~Machine() {
    for (CUstream stream : streams)
      if (stream) OK(cuStreamDestroy_v2(stream));
    for (CUevent event : events) OK(cuEventDestroy_v2(event));
    OK(cuEventDestroy_v2(join));
    for (CUdeviceptr buffer : buffers) OK(cuMemFree_v2(buffer));
  }

  void issue(const Program &program) {
    bool exists[kStreams] = {};
    for (const Operation &o : program) {
      CUstream stream = streams[o.stream];
      switch (o.kind) {
        case Operation::fill: OK(launch_fill(kernels, stream, buffers[o.a], o.value, kWords)); break;
        case Operation::copy: OK(cuMemcpyDtoDAsync_v2(buffers[o.a], buffers[o.b], kWords * 4, stream)); break;
        case Operation::add: OK(launch_add(kernels, stream, buffers[o.a], buffers[o.b], kWords)); break;
        case Operation::step: OK(launch_step(kernels, stream, buffers[o.a], kWords)); break;
        case Operation::record: OK(cuEventRecord(events[o.a], stream)); exists[o.a] = true; break;
        case Operation::wait: if (exists[o.a]) OK(cuStreamWaitEvent(stream, events[o.a], 0)); break;
        case Operation::host_waits: OK(cuStreamSynchronize(stream)); break;
      }
    }
  }

  void issue_as_graph(const Program &program) {
    OK(cuStreamBeginCapture_v2(streams[0], CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuEventRecord(join, streams[0]));
    for (int i = 1; i < kStreams; ++i) OK(cuStreamWaitEvent(streams[i], join, 0));
    issue(program);
    for (int i = 1; i < kStreams; ++i) {
      OK(cuEventRecord(join, streams[i]));
      OK(cuStreamWaitEvent(streams[0], join, 0));
    }
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    OK(cuStreamEndCapture(streams[0], &graph));
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    OK(cuGraphLaunch(exec, streams[1]));
    OK(cuGraphExecDestroy(exec));
  }
};

void try_programs(bool captured) {
  int ordered = 0, conflicting = 0;
  const unsigned first = 60 * unsigned(harness::state().seed - 1);
  for (unsigned seed = first; seed < first + 60; ++seed) {
    std::mt19937 random(seed * 2 + captured);
    Program program = random_program(random, int(seed % 4) * 5, !captured);
    Judgement expected = judge(program, captured);
    ++(expected.conflict ? conflicting : ordered);
    for (const char *order : {"fifo", "latest-first", "delay", "random", "lazy"}) {
      CONFIGURE("");
      CONFIGURE(("fail=off,streams=" + std::string(order) + ",seed=" + std::to_string(seed)).c_str());
      vgpu_reset();
      Machine machine(captured);
      if (captured) machine.issue_as_graph(program);
      else machine.issue(program);
      OK(cuCtxSynchronize());
      std::string where = std::string(captured ? "captured program " : "program ") + std::to_string(seed) + ", " + order + ": ";
      harness::that(found("unordered") == expected.conflict, [&] { return where + (expected.conflict ? "a conflict was missed" : vgpu_findings()); });
      if (expected.conflict) continue;
      for (int i = 0; i < kBuffers; ++i) {
        const unsigned value = first_word(machine.buffers[i]), want = expected.result[i];
        harness::that(value == want, [&] { return where + harness::text("buffer %d is %u, not %u", i, value, want); });
      }
    }
  }
  vgpu_reset();
  CHECK(ordered > 5 && conflicting > 5);  // else the programs show nothing
}

}  // namespace

TEST(random_programs_agree_with_reachability) { try_programs(false); }
TEST(random_captured_programs_agree_with_reachability) { try_programs(true); }
