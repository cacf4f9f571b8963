#include "runtime/interface.h"
#include "runtime/vector.h"
#include <atomic>
#include <limits>
#include <sys/mman.h>

namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t kHugePage = int64_t{2} << 20;
/* What rounding up and a huge page more cannot overflow. */
constexpr int64_t kMostBytes = std::numeric_limits<int64_t>::max() - 4 * kHugePage;
std::atomic<int64_t> allocated{0};

int64_t mapped_bytes(int64_t bytes) { return duet::round_up(bytes < 1 ? int64_t{1} : bytes, bytes >= kHugePage ? kHugePage : kPage); }

void *map(int64_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

/* Huge pages need an address that is a multiple of their size: map more, give the ends back. */
void *map_huge(int64_t bytes) {
  char *memory = static_cast<char *>(map(bytes + kHugePage));
  if (!memory) return nullptr;
  int64_t before = -reinterpret_cast<intptr_t>(memory) & (kHugePage - 1);
  if (before) munmap(memory, before);
  if (kHugePage - before) munmap(memory + before + bytes, kHugePage - before);
  madvise(memory + before, bytes, MADV_HUGEPAGE);
  return memory + before;
}

}  // namespace

extern "C" {

int32_t duet_abi(void) noexcept { return DUET_CPU_ABI; }
const char *duet_instruction_set(void) noexcept { return DUET_INSTRUCTION_SET; }
int32_t duet_vector_width(void) noexcept { return duet::kVectorWidth; }

void *duet_allocate(int64_t bytes) noexcept {
  if (bytes > kMostBytes) return nullptr;
  int64_t size = mapped_bytes(bytes);
  void *memory = size >= kHugePage ? map_huge(size) : map(size);
  if (memory) allocated.fetch_add(bytes);
  return memory;
}

void duet_free(void *memory, int64_t bytes) noexcept {
  if (!memory) return;
  munmap(memory, mapped_bytes(bytes));
  allocated.fetch_sub(bytes);
}

int64_t duet_allocated(void) noexcept { return allocated.load(); }
}
