/* What faults.h says of files: the functions of libc that the JDK's file channels, folders and streams end in. */
#include "faults_strike.h"
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

/* Descriptors of what lies below the folder. */
constexpr int kMostFiles = 1 << 16;
std::atomic<bool> followed[kMostFiles];

const std::string &folder() {
  static const std::string *const text = [] {
    const char *name = std::getenv("DUET_FAULTS");
    return new std::string(name ? name : "");
  }();
  return *text;
}

bool below(const char *path) {
  const std::string &root = folder();
  return path && !root.empty() && !std::strncmp(path, root.c_str(), root.size()) && (path[root.size()] == '/' || !path[root.size()]);
}
bool below(int file) { return file >= 0 && file < kMostFiles && followed[file].load(std::memory_order_relaxed); }
bool below(int place, const char *path) { return path && path[0] == '/' ? below(path) : below(place); }

int follow(int file, bool is_below) {
  if (file >= 0 && file < kMostFiles) followed[file].store(is_below, std::memory_order_relaxed);
  return file;
}

/* Whether an operation of the folder fails; errno is then set. */
bool fails(bool is_below, const char *name, int error) {
  if (!is_below || !duet_faults::strikes(DUET_FAULTS_FILES, name)) return false;
  errno = error;
  return true;
}
int full() { return duet_faults::file_error(); }

/* As the disk fills up: the first write that is refused takes a half, if more are to be refused. */
size_t part(bool is_below, const char *name, size_t bytes, bool &refused) {
  refused = fails(is_below, name, full());
  return refused && bytes > 1 && duet_faults::strikes_on() ? bytes / 2 : 0;
}

template <class Function> Function real(const char *name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }
#define REAL(name) static const auto original = real<decltype(&name)>(#name)

bool creates(int flags) { return (flags & O_CREAT) != 0; }

}  // namespace

#define MODE \
  va_list arguments; \
  va_start(arguments, flags); \
  const mode_t mode = creates(flags) ? va_arg(arguments, mode_t) : 0; \
  va_end(arguments)

extern "C" {

int open(const char *path, int flags, ...) {
  MODE;
  const bool is_below = below(path);
  if (fails(is_below, "open", creates(flags) ? full() : EIO)) return -1;
  REAL(open);
  return follow(original(path, flags, mode), is_below);
}

int open64(const char *path, int flags, ...) {
  MODE;
  const bool is_below = below(path);
  if (fails(is_below, "open", creates(flags) ? full() : EIO)) return -1;
  REAL(open64);
  return follow(original(path, flags, mode), is_below);
}

int openat(int place, const char *path, int flags, ...) {
  MODE;
  const bool is_below = below(place, path);
  if (fails(is_below, "openat", creates(flags) ? full() : EIO)) return -1;
  REAL(openat);
  return follow(original(place, path, flags, mode), is_below);
}

int openat64(int place, const char *path, int flags, ...) {
  MODE;
  const bool is_below = below(place, path);
  if (fails(is_below, "openat", creates(flags) ? full() : EIO)) return -1;
  REAL(openat64);
  return follow(original(place, path, flags, mode), is_below);
}

int close(int file) {
  REAL(close);
  const bool is_below = below(file);
  follow(file, false);
  const int result = original(file);
  return fails(is_below, "close", EIO) ? -1 : result;
}

DIR *opendir(const char *path) {
  if (fails(below(path), "opendir", EIO)) return nullptr;
  REAL(opendir);
  return original(path);
}

ssize_t read(int file, void *to, size_t bytes) {
  if (fails(below(file), "read", EIO)) return -1;
  REAL(read);
  return original(file, to, bytes);
}

ssize_t pread(int file, void *to, size_t bytes, off_t at) {
  if (fails(below(file), "pread", EIO)) return -1;
  REAL(pread);
  return original(file, to, bytes, at);
}

ssize_t pread64(int file, void *to, size_t bytes, off64_t at) {
  if (fails(below(file), "pread", EIO)) return -1;
  REAL(pread64);
  return original(file, to, bytes, at);
}

ssize_t readv(int file, const iovec *to, int count) {
  if (fails(below(file), "readv", EIO)) return -1;
  REAL(readv);
  return original(file, to, count);
}

ssize_t write(int file, const void *from, size_t bytes) {
  REAL(write);
  bool refused;
  const size_t half = part(below(file), "write", bytes, refused);
  if (!refused) return original(file, from, bytes);
  return half ? original(file, from, half) : -1;
}

ssize_t pwrite(int file, const void *from, size_t bytes, off_t at) {
  REAL(pwrite);
  bool refused;
  const size_t half = part(below(file), "pwrite", bytes, refused);
  if (!refused) return original(file, from, bytes, at);
  return half ? original(file, from, half, at) : -1;
}

ssize_t pwrite64(int file, const void *from, size_t bytes, off64_t at) {
  REAL(pwrite64);
  bool refused;
  const size_t half = part(below(file), "pwrite", bytes, refused);
  if (!refused) return original(file, from, bytes, at);
  return half ? original(file, from, half, at) : -1;
}

ssize_t writev(int file, const iovec *from, int count) {
  if (fails(below(file), "writev", full())) return -1;
  REAL(writev);
  return original(file, from, count);
}

off64_t lseek64(int file, off64_t offset, int from) noexcept {
  if (fails(below(file), "lseek", EIO)) return -1;
  REAL(lseek64);
  return original(file, offset, from);
}

int ftruncate64(int file, off64_t bytes) noexcept {
  if (fails(below(file), "ftruncate", EIO)) return -1;
  REAL(ftruncate64);
  return original(file, bytes);
}

int fsync(int file) {
  if (fails(below(file), "fsync", EIO)) return -1;
  REAL(fsync);
  return original(file);
}

int fdatasync(int file) {
  if (fails(below(file), "fdatasync", EIO)) return -1;
  REAL(fdatasync);
  return original(file);
}

int rename(const char *from, const char *to) noexcept {
  if (fails(below(from) || below(to), "rename", full())) return -1;
  REAL(rename);
  return original(from, to);
}

int mkdir(const char *path, mode_t mode) noexcept {
  if (fails(below(path), "mkdir", full())) return -1;
  REAL(mkdir);
  return original(path, mode);
}

int unlink(const char *path) noexcept {
  if (fails(below(path), "unlink", EIO)) return -1;
  REAL(unlink);
  return original(path);
}

int unlinkat(int place, const char *path, int flags) noexcept {
  if (fails(below(place, path), "unlinkat", EIO)) return -1;
  REAL(unlinkat);
  return original(place, path, flags);
}

int rmdir(const char *path) noexcept {
  if (fails(below(path), "rmdir", EIO)) return -1;
  REAL(rmdir);
  return original(path);
}
}
