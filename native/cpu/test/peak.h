/* What the multiply-add units of this processor can do, measured: 24 independent sums in registers, nothing from memory. */
#pragma once
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

inline double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr int kPeakRounds = 200000;

#define DUET_PEAK(name, width, sums, ...) \
  __VA_ARGS__ inline float name() { \
    typedef float V __attribute__((vector_size(width * 4))); \
    V sum[sums], x = V{} + 1e-9f, y = V{} + 0.999f; \
    for (int i = 0; i < sums; i++) sum[i] = V{} + static_cast<float>(i); \
    for (int round = 0; round < kPeakRounds; round++) { \
      _Pragma("GCC unroll 32") for (int i = 0; i < sums; i++) sum[i] = sum[i] * y + x; \
    } \
    V all = {}; \
    for (int i = 0; i < sums; i++) all += sum[i]; \
    return all[0]; \
  }

#if defined(__x86_64__)
DUET_PEAK(peak_16, 16, 24, __attribute__((target("avx512f"), noinline)))
DUET_PEAK(peak_8, 8, 12, __attribute__((target("avx2,fma"), noinline)))
DUET_PEAK(peak_4, 4, 12, __attribute__((noinline)))
#else
DUET_PEAK(peak_4, 4, 24, __attribute__((noinline)))
#endif

/* GFLOP/s of one thread while `threads` run, the best of a few tries; `width` is the library's. */
inline double measured_peak(int width, int threads) {
  double best = 0;
  for (int attempt = 0; attempt < 8; attempt++) {
    std::vector<double> speeds(threads);
    std::vector<std::jthread> team;
    for (int t = 0; t < threads; t++) {
      team.emplace_back([&, t] {
        const double begin = seconds_now();
        volatile float kept;
        int sums = 12;
#if defined(__x86_64__)
        if (width == 16) {
          kept = peak_16();
          sums = 24;
        } else if (width == 8) {
          kept = peak_8();
        } else {
          kept = peak_4();
        }
#else
        kept = peak_4();
        sums = 24;
#endif
        (void)kept;
        speeds[t] = 2.0 * kPeakRounds * sums * width / (seconds_now() - begin) * 1e-9;
      });
    }
    team.clear(); /* waits for them */
    best = std::max(best, *std::min_element(speeds.begin(), speeds.end()));
  }
  return best;
}
