// A kernel ready to run: an array of instructions, each a function and the places of its operands in the warp's frame.
#pragma once
#include "../core.h"
#include "../ptx/syntax.h"
#include <iterator>

namespace vgpu {

struct Warp;
struct Instruction;

constexpr size_t kMostShared = 227 << 10;  // bytes that a block of any card may have

using Handler = void (*)(const Instruction &, Warp &);

// What an instruction counts as; `none` for the helpers that one PTX instruction may be decoded into beside its main part.
enum class Category : uint8_t {
  none,
  fma,
  tensor,
  other_float,
  integer,
  move,
  branch,
  barrier,
  special,
  global_load,
  global_store,
  shared_load,
  shared_store,
  async_copy,
  count
};
constexpr int kCategories = static_cast<int>(Category::count);

enum Flag : uint8_t {
  // of accesses to memory
  kNonCoherent = 1,
  kWideAddress = 2,
  kStore = 4,
  kSkipFirst = 8,
  // of barriers; the upper four bits of wmma are its own (exec/matrix.h)
  kAligned = 16,
  kWholeBlock = 32,
  kReduces = 64
};

struct Instruction {
  Handler run = nullptr;
  Handler guarded = nullptr;  // what `run` does under the guard, if there is one
  // Destinations, then sources: register numbers while decoding, byte offsets in the frame after. Where they are more than fit, they are in
  // the kernel's lists instead.
  uint32_t o[8] = {};
  uint8_t defs = 0, uses = 0;
  uint8_t flags = 0;
  uint8_t bytes = 0;  // of a memory access by one lane
  Category category = Category::none;
  uint8_t mode = 0;           // of a shuffle, a vote, a boolean combination
  Space space = Space::none;  // of a load or store, if it names one
  bool guard_negated = false;
  bool uniform = false;  // integer arithmetic whose operands the lanes have in common: one of them does for all
  uint32_t guard = ~0u;
  uint32_t number = 0;  // its own index
  uint32_t cache = 0;   // index of its access cache
  uint32_t list = 0;    // where its operands begin in the kernel's lists, if o is too short
  uint32_t length = 1;  // instructions that `run` does: this one and those behind it
  // Of a memory instruction whose lanes always lie alike (ptx/shapes.cpp), and of the shared addresses of a cp.async: the number of the
  // arrangement and 1. Of ld.param: 1 if all lanes have one address.
  uint32_t arrangement = 0, arrangement_to = 0;
  int64_t immediate = 0;
  bool listed() const { return defs + uses > static_cast<int>(std::size(o)); }
};

enum class Ending : uint8_t { fall, branch, leave, barrier };

struct Block {
  uint32_t begin = 0, end = 0;  // instructions, without the one that ends the block
  Ending ending = Ending::fall;
  bool guarded = false, guard_negated = false;
  bool main_loop = false;
  uint32_t guard = 0;              // offset of the predicate
  int32_t target = -1, next = -1;  // blocks; the count of blocks is "the end of the kernel"
  int32_t rejoin = -1;             // the immediate post-dominator
  uint32_t instructions = 0;       // PTX instructions
  uint32_t ender = 0;              // number of the instruction that ends it, for messages
  uint32_t counts[kCategories] = {};
};

struct Constant {
  uint32_t offset;
  uint8_t width;
  uint64_t bits;
};
enum class Special : uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  nwarpid,
  smid,
  nsmid,
  gridid,
  lanemask_eq,
  lanemask_lt,
  lanemask_le,
  lanemask_gt,
  lanemask_ge,
  dynamic_smem_size,
  total_smem_size,
  reserved_smem_begin,
  reserved_smem_end,
  reserved_smem_cap,
  reserved_smem_1
};
struct SpecialSlot {
  uint32_t offset;
  Special which;
  uint8_t width;
};
struct Place {
  int line = 0;
  int file = 0, source = 0;
};  // PTX line, and what .loc said

struct Kernel {
  KernelInfo info;
  std::vector<Instruction> code;
  std::vector<Block> blocks;
  std::vector<Place> places;    // of each instruction
  std::vector<uint32_t> lists;  // operands of instructions that have more than eight
  std::vector<Constant> constants;
  std::vector<SpecialSlot> specials;
  std::map<int, std::string> files;
  uint32_t frame_bytes = 0;
  size_t local_bytes = 0;  // of a lane
  size_t dynamic_shared_start = 0;
  uint32_t granule = 4;  // bytes of shared memory that one shadow word stands for
  uint32_t caches = 0;   // memory instructions
  uint32_t arrangements = 0;
  bool shared_atomics = false;
  bool named_barriers = false;   // other barriers than `bar.sync 0` of the whole block
  bool phases = false;           // mbarriers; then also named_barriers
  bool reserved_shared = false;  // uses the shared memory that belongs to the system (cooperative groups)
  bool reads_non_coherent = false;
  bool global_atomics = false;  // its blocks run one after the other, so that results do not depend on the number of threads

  uint32_t *operands(Instruction &i) { return i.listed() ? lists.data() + i.list : i.o; }
  const uint32_t *operands(const Instruction &i) const { return i.listed() ? lists.data() + i.list : i.o; }
};

struct Module::State {
  int device = 0;
  std::vector<std::shared_ptr<const Kernel>> kernels;  // shared with other modules of the same text, if they have no variables
  std::map<std::string, std::pair<uint64_t, size_t>> variables;
  ~State();
};

// ---- the forms that are known ----
// Signature: the widths of the destination and the sources: p predicate, b 8, h 16, w 32, l 64 bits, f 32 and d 64 where a
// number is a float.
struct Form {
  Handler run;
  const char *signature;
  Category category;
};
const Form *find_form(const std::string &name);
// Any number of `fma.rn.f32` without a guard, one after the other: the first one's `length`.
void fma_row(const Instruction &i, Warp &w);

// Decodes one function; what it does not know goes to errors.
std::unique_ptr<Kernel> decode(const Function &function, std::vector<Error> &errors);
struct Draft;
// Blocks, post-dominators, the main loop, and places in the frame for all registers.
void finish(Draft &draft);

}  // namespace vgpu
