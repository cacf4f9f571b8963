/* See duet_probe.h. */
#include "duet_probe.h"
#include "../cpu/test/peak.h"
#include <sys/mman.h>
#if defined(__x86_64__)
#include <immintrin.h>
#define DUET_AVX2 __attribute__((target("avx2,fma")))
#else
#define DUET_AVX2
#endif

namespace {

typedef float Vector __attribute__((vector_size(32), aligned(32)));

/* Runs work(t) on each of `threads` threads, several times, and returns the seconds of the fastest time, from first start to last end. */
template <typename Work> double fastest(int threads, int times, const Work &work) {
  double best = 1e30;
  for (int i = 0; i < times; i++) {
    const double begin = seconds_now();
    std::vector<std::jthread> team;
    for (int t = 1; t < threads; t++) team.emplace_back([&work, t] { work(t); });
    work(0);
    team.clear(); /* waits for them */
    best = std::min(best, seconds_now() - begin);
  }
  return best;
}

/* Memory in huge pages, so that it is memory that is measured and not address translation. */
class Pages {
 public:
  explicit Pages(int64_t bytes) : bytes_(bytes) {
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise(memory, bytes, MADV_HUGEPAGE);
    data = static_cast<float *>(memory);
  }
  Pages(const Pages &) = delete;
  ~Pages() {
    if (data) munmap(data, bytes_);
  }
  float *data = nullptr;

 private:
  int64_t bytes_;
};

DUET_AVX2 float read_all(const float *data, int64_t floats) {
  Vector sum[8] = {};
  for (int64_t i = 0; i + 64 <= floats; i += 64) {
    const Vector *line = reinterpret_cast<const Vector *>(data + i);
    _Pragma("GCC unroll 8") for (int k = 0; k < 8; k++) sum[k] += line[k];
  }
  for (int k = 1; k < 8; k++) sum[0] += sum[k];
  return sum[0][0];
}

DUET_AVX2 void update_all(const float *gradient, float *weight, float *momentum, int64_t floats) {
  const Vector decay = Vector{} + 1e-4f, mu = Vector{} + 0.9f, rate = Vector{} + 1e-2f;
  for (int64_t i = 0; i + 8 <= floats; i += 8) {
    const Vector g = *reinterpret_cast<const Vector *>(gradient + i);
    Vector &w = *reinterpret_cast<Vector *>(weight + i), &m = *reinterpret_cast<Vector *>(momentum + i);
    m = m * mu - w * decay - g * rate;
    w += m;
  }
}

constexpr int kTimes = 5;

/* Thread t's share of an array, in whole cache lines and pages. */
int64_t share(int64_t floats, int threads) { return floats / threads / 1024 * 1024; }

#if defined(__x86_64__)
constexpr int kBf16Sums = 24;

__attribute__((target("avx512f,avx512bf16"), noinline)) float bf16_rounds() {
  __m512 sum[kBf16Sums];
  for (int i = 0; i < kBf16Sums; i++) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512i bits = _mm512_set1_epi16(0x2f80); /* 2^-32: sums stay finite */
  __m512bh x;
  __builtin_memcpy(&x, &bits, sizeof x);
  for (int round = 0; round < kPeakRounds; round++) {
    _Pragma("GCC unroll 32") for (int i = 0; i < kBf16Sums; i++) sum[i] = _mm512_dpbf16_ps(sum[i], x, x);
  }
  __m512 all = _mm512_setzero_ps();
  for (int i = 0; i < kBf16Sums; i++) all = _mm512_add_ps(all, sum[i]);
  return _mm512_cvtss_f32(all);
}
#endif

/* An exception must not reach the caller, who is no C++. */
template <class Work> double guarded(const Work &work) noexcept {
  try {
    return work();
  } catch (...) {
    return -1;
  }
}

int widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return 16;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
  return 4;
}

}  // namespace

double duet_probe_multiply_add(int32_t threads) noexcept {
  return guarded([&] { return measured_peak(widest(), threads) * threads; });
}

double duet_probe_bf16(int32_t threads) noexcept {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bf16")) return 0;
  return guarded([&] {
    const double seconds = fastest(threads, 8, [](int) {
      volatile float kept = bf16_rounds();
      (void)kept;
    });
    /* A vector of sums takes 32 products. */
    return 2.0 * 32 * kBf16Sums * kPeakRounds * threads / seconds * 1e-9;
  });
#else
  (void)threads;
  return 0;
#endif
}

double duet_probe_read(int32_t threads, int64_t bytes) noexcept {
  return guarded([&] {
    const int64_t part = share(bytes / 4, threads);
    const Pages pages(bytes);
    if (!pages.data || part == 0) return -1.0;
    std::fill(pages.data, pages.data + bytes / 4, 1.0f);
    const double seconds = fastest(threads, kTimes, [&](int t) {
      volatile float kept = read_all(pages.data + t * part, part);
      (void)kept;
    });
    return 4.0 * part * threads / seconds * 1e-9;
  });
}

double duet_probe_update(int32_t threads, int64_t bytes) noexcept {
  return guarded([&] {
    const int64_t array = bytes / 12 / 1024 * 1024, part = share(array, threads);
    const Pages pages(bytes);
    if (!pages.data || part == 0) return -1.0;
    std::fill(pages.data, pages.data + bytes / 4, 1.0f);
    const double seconds = fastest(threads, kTimes, [&](int t) {
      update_all(pages.data + t * part, pages.data + array + t * part, pages.data + 2 * array + t * part, part);
    });
    return 5 * 4.0 * part * threads / seconds * 1e-9;
  });
}
