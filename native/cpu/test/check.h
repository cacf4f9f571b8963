/* Random numbers, comparisons with a naive sum in double, and the loop over numbers of threads. */
#pragma once
#include "library.h"
#include <cmath>
#include <cstdarg>
#include <functional>
#include <random>
#include <vector>

struct Random {
  std::mt19937_64 engine;
  int between(int low, int high) { return low + static_cast<int>(engine() % static_cast<uint64_t>(high - low + 1)); }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(engine) < p; }
  void fill(Guarded<float> &values) {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < values.size(); i++) values[i] = normal(engine);
  }
};

/* A naive sum and the sum of its terms' sizes, which says how much rounding to allow. */
struct Exact {
  double value = 0, size = 0;
  void add(double term) {
    value += term;
    size += std::fabs(term);
  }
};

class Checker {
 public:
  int failures = 0;
  std::string what;

  void describe(const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    what = text;
  }
  void near(float got, const Exact &want, int64_t index, double tolerance = 2e-6) {
    if (!(std::fabs(got - want.value) <= tolerance * want.size + 1e-30)) fail("element %lld is %.9g, not %.9g", index, got, want.value);
  }
  void equal(double got, double want, int64_t index) {
    if (!(got == want || (got != got && want != want))) fail("element %lld is %.9g, not %.9g", index, got, want);
  }
  void at_most(double got, double limit) {
    if (!(got <= limit)) fail("number %lld is %.9g, more than %.9g", 0, got, limit);
  }
  void same_bits(const void *one, const void *other, int64_t bytes, int threads) {
    if (std::memcmp(one, other, bytes)) fail("other bits with %lld threads", threads, 0, 0);
  }

 private:
  void fail(const char *format, int64_t index, double got, double want) {
    if (++failures > 20) return;
    std::printf("FAILED %s: ", what.c_str());
    std::printf(format, static_cast<long long>(index), got, want);
    std::printf("\n");
  }
};

/* Teams of 1, 2 and 3 threads of one library. */
struct Teams {
  const Library &library;
  duet_team *teams[3];
  explicit Teams(const Library &l) : library(l) {
    for (int i = 0; i < 3; i++) {
      teams[i] = l.team_create(i + 1);
      if (!teams[i]) throw std::runtime_error("no threads");
    }
  }
  ~Teams() {
    for (duet_team *team : teams) library.team_destroy(team);
  }
};

/* Runs `kernel(team, threads, output)` with each team; the outputs must be the same bits. `output` keeps the last one. */
template <class T>
void with_each_team(Checker &check, Teams &teams, Guarded<T> &output, const std::function<void(duet_team *, int, T *)> &kernel) {
  Guarded<T> first(output.size());
  for (int i = 0; i < 3; i++) {
    T *to = i == 0 ? first.get() : output.get();
    kernel(teams.teams[i], i + 1, to);
    if (i > 0) check.same_bits(first.get(), to, output.size() * static_cast<int64_t>(sizeof(T)), i + 1);
  }
}

void test_convolution(const Library &library, Teams &teams, Random &random, Checker &check);
void test_spatial_norm(const Library &library, Teams &teams, Random &random, Checker &check);
void test_others(const Library &library, Teams &teams, Random &random, Checker &check);
