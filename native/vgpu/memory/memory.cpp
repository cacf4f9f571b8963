// Device memory: addresses of its own for each device, mapped there. See ../README.md for what the layout catches.
#include "heap.h"
#include "../core.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <sys/mman.h>

namespace vgpu {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kBase = uint64_t(1) << 36;  // the only large range that ThreadSanitizer lets a program have
#else
constexpr uint64_t kBase = uint64_t(1) << 45;  // far from where Linux maps programs, libraries and the Java heap
#endif
constexpr uint64_t kDeviceRange = uint64_t(1) << kDeviceBits;
constexpr int kPinnedSlot = 31;  // pinned host memory is a range like that of a device
constexpr uint64_t kPage = 4096;
constexpr uint64_t kHugePage = uint64_t(2) << 20;
constexpr size_t kLine = 64;
constexpr size_t kMappedBytes = 256 << 10;      // to map fewer costs more than to clear them
constexpr uint64_t kRedZone = 64 << 10;         // more than the 4 KB asked for: a row of an image past the end still lands in it
constexpr size_t kFillLimit = size_t(4) << 20;  // of each allocation, filled with signalling NaNs

uint64_t round_up(uint64_t bytes, uint64_t step) { return (bytes + step - 1) & ~(step - 1); }
uint64_t page_up(uint64_t bytes) { return round_up(bytes, kPage); }

// Each first touch of a page goes through the kernel, and most device memory lives for a few launches only.
void in_huge_pages(void *memory, uint64_t bytes) {
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
}

int slot(int device) { return device < 0 ? kPinnedSlot : device; }

// A signalling NaN as fp32, and a huge odd number as an integer, so that what the shadow misses still shows in the results.
void fill_with_signalling_nans(uint64_t base, size_t bytes) {
  constexpr uint64_t pattern = 0x7fa5a5a57fa5a5a5u;
  auto *to = reinterpret_cast<uint8_t *>(base);
  size_t count = std::min(bytes, kFillLimit);
  for (size_t i = 0; i + 8 <= count; i += 8) std::memcpy(to + i, &pattern, 8);
  std::memcpy(to + (count & ~size_t(7)), &pattern, count & 7);
}

}  // namespace

LazyBytes::LazyBytes(size_t size) : size_(size) {
  if (!size) return;
  if (!mapped()) {
    data_ = static_cast<uint8_t *>(std::aligned_alloc(kLine, round_up(size, kLine)));
    if (!data_) throw std::bad_alloc();
    std::memset(data_, 0, size);
    return;
  }
  void *p = mmap(nullptr, page_up(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  in_huge_pages(p, page_up(size));
  data_ = static_cast<uint8_t *>(p);
}

LazyBytes::~LazyBytes() {
  if (!data_) return;
  if (mapped()) {
    munmap(data_, page_up(size_));
  } else {
    std::free(data_);
  }
}

bool LazyBytes::mapped() const { return size_ >= kMappedBytes; }

struct Memory::State {
  mutable std::shared_mutex mutex;
  std::mutex heap_mutex;                                        // taken before the other
  std::map<uint64_t, std::unique_ptr<Allocation>> allocations;  // by base, freed ones too until their addresses are needed again
  uint64_t cursor[32];
  size_t used[32] = {};
  int next_number[32] = {};
  bool peer[32][32] = {};
  struct {
    Allocation *range = nullptr;  // null until a kernel allocates
    Heap blocks;
  } heaps[32];

  // The next free range after the cursor, where huge pages can begin if it is for some; addresses come round again only after a terabyte,
  // which is the quarantine.
  uint64_t place(int s, uint64_t span) {
    uint64_t low = kBase + s * kDeviceRange, high = low + kDeviceRange, step = span >= kHugePage ? kHugePage : kPage;
    for (int pass = 0; pass < 2; ++pass, cursor[s] = low + kRedZone) {
      uint64_t at = round_up(cursor[s], step);
      while (at + span + kRedZone <= high) {
        uint64_t from = at - kRedZone, to = at + span + kRedZone;
        auto it = allocations.upper_bound(from);
        if (it != allocations.begin() && std::prev(it)->second->base + page_up(std::prev(it)->second->bytes) > from) --it;
        uint64_t blocked = 0;
        while (it != allocations.end() && it->first < to) {
          if (!it->second->freed) blocked = it->first + page_up(it->second->bytes);
          it = it->second->freed ? allocations.erase(it) : std::next(it);
        }
        if (!blocked) return at;
        at = round_up(blocked + kRedZone, step);
      }
    }
    return 0;
  }
};

Memory::Memory() : state_(new State) {
  for (int s = 0; s < 32; ++s) state_->cursor[s] = kBase + s * kDeviceRange + kRedZone;
}

Memory &Memory::get() {
  static Memory *memory = new Memory;  // never destroyed: threads of a JVM may outlive static destructors
  return *memory;
}

Allocation *Memory::allocate(int device, size_t bytes) {
  std::unique_lock lock(state_->mutex);
  int s = slot(device);
  if (!bytes || s < 0 || s > kPinnedSlot || bytes > kDeviceRange / 8 * 7) return nullptr;
  if (device >= 0 && state_->used[s] + bytes > settings().memory_bytes) return nullptr;
  uint64_t span = page_up(bytes);
  uint64_t base = state_->place(s, span);
  if (!base) return nullptr;
  auto allocation = std::make_unique<Allocation>();
  allocation->base = base;
  allocation->bytes = bytes;
  allocation->device = device;
  allocation->written = LazyBytes((bytes + 3) / 4);
  allocation->label = "allocation " + std::to_string(state_->next_number[s]++) +
                      (device < 0 ? " of pinned host memory" : " of device " + std::to_string(device));
  auto at = state_->allocations.emplace(base, std::move(allocation)).first;
  void *p = mmap(reinterpret_cast<void *>(base), span, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (p == MAP_FAILED) {
    state_->allocations.erase(at);
    return nullptr;
  }
  in_huge_pages(p, span);
  state_->cursor[s] = base + span + kRedZone;
  fill_with_signalling_nans(base, bytes);
  state_->used[s] += bytes;
  return at->second.get();
}

bool Memory::release(uint64_t base) {
  std::unique_lock lock(state_->mutex);
  auto it = state_->allocations.find(base);
  if (it == state_->allocations.end() || it->second->freed) return false;
  Allocation &allocation = *it->second;
  allocation.freed = true;
  allocation.written = {};
  allocation.ordering.reset();
  state_->used[slot(allocation.device)] -= allocation.bytes;
  munmap(reinterpret_cast<void *>(base), page_up(allocation.bytes));
  return true;
}

uint64_t Memory::allocate_on_heap(int device, size_t bytes) {
  auto &heap = state_->heaps[slot(device)];
  std::lock_guard heap_lock(state_->heap_mutex);
  if (!heap.range) {
    heap.range = allocate(device, Heap::kRange);
    if (!heap.range) return 0;
    heap.range->label = "the heap of device " + std::to_string(device);
  }
  const uint64_t offset = heap.blocks.take(bytes);
  if (offset == Heap::kNone) return 0;
  fill_with_signalling_nans(heap.range->base + offset, bytes);
  std::memset(heap.range->written.data() + offset / 4, 0, (bytes + 3) / 4);
  return heap.range->base + offset;
}

bool Memory::free_on_heap(int device, uint64_t address) {
  auto &heap = state_->heaps[slot(device)];
  std::lock_guard heap_lock(state_->heap_mutex);
  if (!heap.range || address < heap.range->base) return false;
  const uint64_t offset = address - heap.range->base, bytes = heap.blocks.give_back(offset);
  if (!bytes) return false;
  // Nobody should read it any more; if somebody does, it is what nothing has written.
  std::memset(heap.range->written.data() + offset / 4, 0, (bytes + 3) / 4);
  return true;
}

void Memory::release_heap(int device) {
  auto &heap = state_->heaps[slot(device)];
  std::lock_guard heap_lock(state_->heap_mutex);
  if (heap.range) release(heap.range->base);
  heap = {};
}

Allocation *Memory::find(uint64_t address) {
  std::shared_lock lock(state_->mutex);
  auto it = state_->allocations.upper_bound(address);
  if (it == state_->allocations.begin()) return nullptr;
  Allocation *allocation = std::prev(it)->second.get();
  return address < allocation->base + allocation->bytes ? allocation : nullptr;
}

Allocation *Memory::nearest(uint64_t address) {
  std::shared_lock lock(state_->mutex);
  Allocation *best = nullptr;
  uint64_t distance = kDeviceRange;
  auto it = state_->allocations.upper_bound(address);
  if (it != state_->allocations.end()) best = it->second.get(), distance = it->first - address;
  if (it != state_->allocations.begin()) {
    Allocation *below = std::prev(it)->second.get();
    uint64_t end = below->base + below->bytes;
    if (address < end || address - end < distance) best = below;
  }
  if (best && (best->base / kDeviceRange) != address / kDeviceRange) return nullptr;
  return best;
}

size_t Memory::used(int device) const {
  std::shared_lock lock(state_->mutex);
  return state_->used[slot(device)];
}

std::vector<Allocation *> Memory::live(int device) {
  std::shared_lock lock(state_->mutex);
  std::vector<Allocation *> result;
  for (auto &[base, allocation] : state_->allocations)
    if (!allocation->freed && allocation->device == device) result.push_back(allocation.get());
  return result;
}

void Memory::allow_peer(int from, int to, bool allowed) {
  std::unique_lock lock(state_->mutex);
  state_->peer[slot(from)][slot(to)] = allowed;
}

bool Memory::peer_allowed(int from, int to) const {
  std::shared_lock lock(state_->mutex);
  return from == to || to < 0 || state_->peer[slot(from)][slot(to)];
}

}  // namespace vgpu
