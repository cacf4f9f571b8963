/* A kernel library opened at run time, its functions by name, and memory that notices when somebody leaves it. */
#pragma once
#include "duet_cpu.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <limits>
#include <stdexcept>
#include <string>
#include <sys/mman.h>

// clang-format off
#define DUET_FUNCTIONS(F) \
  F(abi) F(instruction_set) F(vector_width) F(allocate) F(free) F(allocated) F(team_create) F(team_destroy) \
  F(convolution_algorithm) F(filter_block) F(filter_elements) F(filter_pack) F(filter_unpack) \
  F(convolution_forward_workspace) F(convolution_forward) F(convolution_precision) F(convolution_prepared_bytes) \
  F(convolution_prepare) F(convolution_forward_prepared) F(convolution_backward_data_workspace) \
  F(convolution_backward_data) F(convolution_backward_weights_workspace) F(convolution_backward_weights) \
  F(relu_forward) F(relu_backward) F(tanh_forward) F(tanh_backward) F(scale) F(add) F(stronger) F(finite_check) \
  F(response_norm_forward) F(response_norm_backward) F(spatial_norm_forward) F(spatial_norm_backward) \
  F(max_pool_forward) F(max_pool_backward) F(average_pool_forward) F(average_pool_backward) F(dropout) \
  F(softmax_cross_entropy) F(copy_block) F(add_block) F(prepare_input) F(sgd_update) F(filter_renormalise) F(to_nhwc) \
  F(from_nhwc)
// clang-format on

struct Library {
  void *handle;
#define DUET_FIELD(name) decltype(&duet_##name) name;
  DUET_FUNCTIONS(DUET_FIELD)
#undef DUET_FIELD

  explicit Library(const std::string &path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!handle) throw std::runtime_error(dlerror());
#define DUET_LOAD(name) name = reinterpret_cast<decltype(&duet_##name)>(symbol("duet_" #name));
    DUET_FUNCTIONS(DUET_LOAD)
#undef DUET_LOAD
  }
  Library(const Library &) = delete;

  /* From its file name, whether this processor can run it. */
  static bool runs_here(const std::string &path) {
    (void)path;
#if defined(__x86_64__)
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
    if (path.find("-avx512bf16.") != std::string::npos) return avx512 && __builtin_cpu_supports("avx512bf16");
    if (path.find("-avx512.") != std::string::npos) return avx512;
    if (path.find("-avx2.") != std::string::npos) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return true;
  }

 private:
  void *symbol(const char *name) {
    void *found = dlsym(handle, name);
    if (!found) throw std::runtime_error(dlerror());
    return found;
  }
};

/*
 * `count` elements that end where a page begins that nobody may touch: one step too far is a fault. Before them lies a pattern
 * that is looked at in the end. Floats start as NaN, so that what is read before it is written shows.
 */
template <class T> class Guarded {
 public:
  explicit Guarded(int64_t count) : count_(count) {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
    mapped_ = (bytes + kSlack + kPage - 1) / kPage * kPage;
    base_ = static_cast<char *>(mmap(nullptr, mapped_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(base_ + mapped_, kPage, PROT_NONE);
    std::memset(base_, kPattern, mapped_);
    data_ = reinterpret_cast<T *>(base_ + mapped_ - bytes);
    if (std::is_same_v<T, float>) {
      for (int64_t i = 0; i < count; i++) data_[i] = std::numeric_limits<T>::quiet_NaN();
    }
  }
  Guarded(const Guarded &) = delete;
  ~Guarded() noexcept(false) {
    bool whole = true;
    for (char *p = base_; p < reinterpret_cast<char *>(data_); p++) whole = whole && *p == kPattern;
    munmap(base_, mapped_ + kPage);
    if (!whole) {
      std::fprintf(stderr, "a kernel wrote before the begin of a buffer of %lld elements\n", static_cast<long long>(count_));
      std::abort();
    }
  }
  T *get() { return data_; }
  const T *get() const { return data_; }
  int64_t size() const { return count_; }
  T &operator[](int64_t i) { return data_[i]; }
  const T &operator[](int64_t i) const { return data_[i]; }

 private:
  static constexpr int64_t kPage = 4096;
  static constexpr int64_t kSlack = 256;
  static constexpr char kPattern = 0x5A;
  int64_t count_, mapped_;
  char *base_;
  T *data_;
};
