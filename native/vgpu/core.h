// The instruction core of the virtual GPU: memory, PTX modules, launches. The driver functions (driver/) stand on this.
// Nothing here knows streams; nothing in driver/ knows instructions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vgpu {

enum class WarpOrder { round_robin, reverse, random, one_warp_far };
enum class Accumulation { published, exact, adversarial };           // of tensor cores, see exec/accumulate.cpp
enum class StreamOrder { fifo, latest_first, delay, random, lazy };  // see driver/scheduler.h

// What is checked and how things are ordered. One process-wide value, changed by vgpu_configure (duet_vgpu.h).
struct Settings {
  int devices = 2;
  size_t memory_bytes = size_t(8) << 30;  // of each device
  // Out of bounds, misaligned, freed, another device's, host pointers. Never fully off: what would crash the process stays.
  bool bounds = true;
  bool initialized = true;  // reads of global and shared memory that nothing wrote
  bool races = true;        // shared memory, two warps in one barrier epoch
  bool barriers = true;     // divergent or mismatched barriers, shuffles that name inactive lanes
  bool ordering = true;     // accesses of two streams that no event orders
  bool tf32 = false;        // operands of tf32 products that have not been rounded
  bool leaks = true;        // what is left when a context ends
  bool counters = true;
  bool perturb = false;  // approximate instructions are off by as much as the PTX ISA allows
  bool analysis = true;  // use what is known of addresses before the launch; off: look at all of them, for tests
  bool fail = true;      // a finding makes the launch fail as a fault does; otherwise it is only listed
  uint64_t seed = 0;
  WarpOrder warps = WarpOrder::round_robin;
  StreamOrder streams = StreamOrder::fifo;
  Accumulation accumulation = Accumulation::published;
  int threads = 0;  // that blocks are spread over; 0: one for each core
  int compute_major = 8, compute_minor = 0;
  int driver_version = 13000;
  uint64_t budget = uint64_t(1) << 30;  // warp instructions that one thread block may take before it counts as hanging
};
Settings &settings();

enum class FindingKind {
  out_of_bounds,
  misaligned,
  use_after_free,
  no_peer_access,
  host_pointer,
  uninitialized_global,
  uninitialized_shared,
  shared_race,
  divergent_barrier,
  inactive_lanes,
  read_only_written,
  pending_copy,
  unordered,
  leak,
  hang,
  bad_instruction,
  bad_call,
  printed,  // no fault: what a kernel says with printf
  unrounded_tf32
};
const char *name(FindingKind kind);  // such as "shared-race"

// One for each (kind, kernel, place): the first occurrence in words, the others counted.
struct Finding {
  FindingKind kind;
  std::string place;  // "kernel convolution_forward_128x128, PTX line 214" or "cuMemcpyPeerAsync"
  std::string text;   // a sentence with block, thread, address, allocation
  uint64_t count = 1;
};
void report(Finding finding);  // thread-safe; merges with an equal one

// ---- memory/ ----------------------------------------------------------------------------------------------------------------
#if defined(__SANITIZE_THREAD__)
constexpr int kDeviceBits = 33;  // of the addresses of one device
#else
constexpr int kDeviceBits = 40;
#endif
// Device memory lies at addresses of its own for each device (the device number in the five bits above these), mapped there, so that a
// device address is also a host pointer inside the simulator. Red zones of at least 4 KB; freed ranges are quarantined.
// Zeroed bytes. Pages of many exist only once they are touched: the shadow of a gigabyte costs nothing until it is used.
class LazyBytes {
 public:
  LazyBytes() = default;
  explicit LazyBytes(size_t size);
  LazyBytes(LazyBytes &&other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  LazyBytes &operator=(LazyBytes &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~LazyBytes();
  uint8_t *data() const { return data_; }
  size_t size() const { return size_; }
  uint8_t *begin() const { return data_; }
  uint8_t *end() const { return data_ + size_; }
  uint8_t &operator[](size_t index) const { return data_[index]; }
 private:
  bool mapped() const;
  uint8_t *data_ = nullptr;
  size_t size_ = 0;
};

struct Allocation {
  uint64_t base = 0;
  size_t bytes = 0;  // exact
  int device = 0;    // -1: pinned host memory
  bool freed = false;
  std::string label;               // "allocation 7 of device 0"
  LazyBytes written;               // one byte for each 4-byte word: 1 once something has written it
  std::shared_ptr<void> ordering;  // belongs to driver/: who accessed each block of kBlock bytes
};
constexpr size_t kBlock = 256;  // granularity of the ordering check

class Memory {
 public:
  static Memory &get();
  Allocation *allocate(int device, size_t bytes);  // 256-byte aligned, filled with signalling NaNs; nullptr when the device is full
  bool release(uint64_t base);                     // false: not the start of a live allocation
  // What kernels allocate with malloc: from one allocation of the device, made with the first. 256-byte aligned; 0 when the heap is full.
  uint64_t allocate_on_heap(int device, size_t bytes);
  bool free_on_heap(int device, uint64_t address);  // false: not the start of what malloc has given and free not taken back
  void release_heap(int device);
  Allocation *find(uint64_t address);     // also freed ones; nullptr for none
  Allocation *nearest(uint64_t address);  // the closest one of the same device, for messages
  size_t used(int device) const;
  std::vector<Allocation *> live(int device);
  void allow_peer(int from, int to, bool allowed);  // device `from` may access memory of device `to`
  bool peer_allowed(int from, int to) const;
 private:
  Memory();
  struct State;
  std::unique_ptr<State> state_;
};

// ---- ptx/, exec/ ------------------------------------------------------------------------------------------------------------
struct Kernel;  // decoded; owned by its module

struct KernelInfo {
  std::string name;
  size_t parameter_bytes = 0;
  std::vector<std::pair<size_t, size_t>> parameters;  // offset, size
  size_t static_shared_bytes = 0;
  size_t max_threads = 1024;  // .maxntid if it says so
  size_t instructions = 0;
};

class Module {
 public:
  // Null if the text is refused: log then holds a sentence for each error with the opcode, PTX line and text of the line.
  static std::unique_ptr<Module> load(const std::string &ptx, int device, std::string &log);
  ~Module();
  const Kernel *kernel(const std::string &name) const;
  std::vector<std::string> names() const;
  // address and size of a module variable; false for none
  bool global(const std::string &name, uint64_t &address, size_t &bytes) const;
  struct State;
  std::unique_ptr<State> state_;
};
const KernelInfo &info(const Kernel *kernel);

struct Counters {  // sums over a kernel's launches
  uint64_t launches = 0, blocks = 0;
  uint64_t warp_instructions = 0, thread_instructions = 0;  // SIMT efficiency = thread / (32 * warp)
  uint64_t fma = 0, tensor = 0, other_float = 0, integer = 0, moves = 0, branches = 0, barriers = 0, special = 0;  // warp instructions
  uint64_t global_loads = 0, global_stores = 0, shared_loads = 0, shared_stores = 0, async_copies = 0;             // warp instructions
  uint64_t global_load_bytes = 0, global_store_bytes = 0;                                                          // that threads asked for
  uint64_t global_sectors = 0, global_sectors_ideal = 0;  // 32 bytes; ideal = distinct bytes asked for, over 32, rounded up for a warp
  uint64_t shared_wavefronts = 0, shared_wavefronts_ideal = 0;                      // 32 banks of 4 bytes
  uint64_t main_loop_shared_wavefronts = 0, main_loop_shared_wavefronts_ideal = 0;  // in the loop that has the most fma of its own
  void add(const Counters &other);
};

struct Bits {  // one bit for each kBlock of an allocation
  std::vector<uint64_t> words;
};
struct Access {
  Bits reads, writes;
};

struct Launch {
  const Kernel *kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamic_shared_bytes = 0;
  std::vector<uint8_t> arguments;  // the packed parameter buffer
  int device = 0;
  std::string label;  // for findings
};
struct Outcome {
  bool faulted = false;  // stopped by an access that a card would fault on (out of bounds, freed, misaligned, hang, ...)
  bool found = false;    // any finding, faults among them
  FindingKind kind{};    // of the first one
  std::string text;      // of the first one
  Counters counters;
  std::map<Allocation *, Access> accesses;  // filled if settings().ordering
};
Outcome run(const Launch &launch);

// The counters of all launches since the last reset, by kernel name.
std::map<std::string, Counters> &counters();

}  // namespace vgpu
