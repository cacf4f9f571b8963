/* What a test of a kernel library needs: random numbers, comparisons with a naive sum in double, and the loop over numbers of threads. */
#pragma once
#include "library.h"
#include "test/harness.h"
#include <cmath>
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

/* Comparisons, counted and reported by the harness. */
struct Comparisons {
  void near(float got, const Exact &want, int64_t index, double tolerance = 2e-6) const {
    that(std::fabs(got - want.value) <= tolerance * want.size + 1e-30, "element %lld is %.9g, not %.9g", index, got, want.value);
  }
  void equal(double got, double want, int64_t index) const {
    that(got == want || (got != got && want != want), "element %lld is %.9g, not %.9g", index, got, want);
  }
  void at_most(double got, double limit) const { that(got <= limit, "number %lld is %.9g, more than %.9g", 0, got, limit); }
  void same_bits(const void *one, const void *other, int64_t bytes, int threads) const {
    that(std::memcmp(one, other, bytes) == 0, "other bits with %lld threads", threads, 0, 0);
  }

 private:
  static void that(bool holds, const char *format, int64_t index, double got, double want) {
    harness::that(holds, [&] { return harness::text(format, static_cast<long long>(index), got, want); });
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

/* The library under test, and what a test draws its shapes and values from. */
struct Subject {
  const Library &library;
  Teams teams;
  Random random;
  Comparisons check;

  explicit Subject(const Library &l) : library(l), teams(l), random(), check() {}

  /* Says with every failure what is being tested. */
  template <class... Arguments> void describe(const char *format, Arguments... arguments) const {
    harness::state().circumstances = std::string(library.instruction_set()) + ", " + harness::text(format, arguments...);
  }
};
inline Subject *subject = nullptr;

/* KERNEL_TEST(name, times) { ... t.library ... } runs so many times, for each library. */
#define KERNEL_TEST(name, times)                                                                 \
  static void name(Subject &t);                                                                  \
  static harness::Registration name##_registration(#name, [] {                                     \
    for (int repetition = 0; repetition < (times); repetition++) name(*subject);                 \
  });                                                                                            \
  static void name(Subject &t)

/* Runs `kernel(team, threads, output)` with each team; the outputs must be the same bits. `output` keeps the last one. */
template <class T> void with_each_team(const Subject &t, Guarded<T> &output, const std::function<void(duet_team *, int, T *)> &kernel) {
  Guarded<T> first(output.size());
  for (int i = 0; i < 3; i++) {
    T *to = i == 0 ? first.get() : output.get();
    kernel(t.teams.teams[i], i + 1, to);
    if (i > 0) t.check.same_bits(first.get(), to, output.size() * static_cast<int64_t>(sizeof(T)), i + 1);
  }
}

/* The same, where the number of threads does not matter. */
inline void run(const Subject &t, Guarded<float> &output, const std::function<void(duet_team *, float *)> &kernel) {
  with_each_team<float>(t, output, [&](duet_team *team, int, float *to) { kernel(team, to); });
}
