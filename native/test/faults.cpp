#include "faults_strike.h"
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <new>
#include <pthread.h>
#include <sys/mman.h>

extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
}

namespace {

struct Range {
  uintptr_t begin, end;
};

constexpr int kMostRanges = 64;
Range ranges[kMostRanges];
int range_count = 0;

std::atomic<int32_t> armed{0};
std::atomic<int64_t> count{0}, struck{0};
std::atomic<int64_t> first_failing{0}, last_failing{0};
std::atomic<int32_t> error_of_files{ENOSPC};
std::atomic<const char *> last_name{""};

}  // namespace

namespace duet_faults {

bool strikes(int32_t kind, const char *name) {
  if (!(armed.load(std::memory_order_acquire) & kind)) return false;
  const int64_t call = count.fetch_add(1) + 1;
  if (call < first_failing.load() || call > last_failing.load()) return false;
  struck.fetch_add(1);
  last_name.store(name);
  return true;
}

bool strikes_on() { return count.load() < last_failing.load(); }
int file_error() { return error_of_files.load(); }

}  // namespace duet_faults

namespace {

/* Whether a call from this address counts and is to fail. */
bool memory_fails(const char *name, const void *caller) {
  if (!(armed.load(std::memory_order_acquire) & DUET_FAULTS_MEMORY)) return false;
  const uintptr_t at = reinterpret_cast<uintptr_t>(caller);
  for (int i = 0; i < range_count; i++) {
    if (at >= ranges[i].begin && at < ranges[i].end) return duet_faults::strikes(DUET_FAULTS_MEMORY, name);
  }
  return false;
}

int find_ranges(dl_phdr_info *info, size_t, void *) {
  const char *slash = std::strrchr(info->dlpi_name, '/');
  if (std::strncmp(slash ? slash + 1 : info->dlpi_name, "libduet_", 8) != 0 || std::strstr(info->dlpi_name, "libduet_faults")) return 0;
  for (int i = 0; i < info->dlpi_phnum && range_count < kMostRanges; i++) {
    const auto &header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || !(header.p_flags & PF_X)) continue;
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    ranges[range_count++] = {begin, begin + header.p_memsz};
  }
  return 0;
}

template <class Function> Function next(const char *name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }

}  // namespace

extern "C" {

void duet_faults_arm(int32_t kinds, int64_t first, int64_t last, int32_t file_error) {
  armed.store(0);
  range_count = 0;
  dl_iterate_phdr(find_ranges, nullptr);
  count.store(0);
  struck.store(0);
  last_name.store("");
  first_failing.store(first);
  last_failing.store(last);
  error_of_files.store(file_error);
  armed.store(kinds, std::memory_order_release);
}

int64_t duet_faults_disarm(void) {
  armed.store(0);
  return count.load();
}

int64_t duet_faults_struck(void) { return struck.load(); }
const char *duet_faults_last(void) { return last_name.load(); }

#if !defined(DUET_SANITIZER)

void *malloc(size_t bytes) {
  if (memory_fails("malloc", __builtin_return_address(0))) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_malloc(bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  if (memory_fails("aligned_alloc", __builtin_return_address(0))) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_memalign(alignment, bytes);
}

#endif

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  static const auto real = next<decltype(&mmap)>("mmap");
  if (memory_fails("mmap", __builtin_return_address(0))) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return real(address, bytes, protection, flags, file, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  static const auto real = next<decltype(&pthread_create)>("pthread_create");
  return memory_fails("pthread_create", __builtin_return_address(0)) ? EAGAIN : real(thread, attributes, body, argument);
}
}

#if defined(DUET_SANITIZER)

/* With a sanitizer the libraries do not have an operator new of their own, which would call malloc; and malloc is the sanitizer's. */
void *operator new(size_t bytes) {
  if (memory_fails("new", __builtin_return_address(0))) throw std::bad_alloc();
  if (void *memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void *operator new(size_t bytes, std::align_val_t alignment) {
  const size_t unit = static_cast<size_t>(alignment);
  if (memory_fails("new", __builtin_return_address(0))) throw std::bad_alloc();
  if (void *memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
void *operator new(size_t bytes, const std::nothrow_t &) noexcept {
  return memory_fails("new", __builtin_return_address(0)) ? nullptr : std::malloc(bytes);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, const std::nothrow_t &) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept { std::free(memory); }

#endif
