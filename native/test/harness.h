// The harness of all native tests. TEST(name) { CHECK(...); } registers a test; main calls harness::main. Programs take
//   [--seed N] [--list] [PART OF A NAME]...
// and run the tests whose names have one of the parts in them, or all.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace harness {

struct Test {
  const char *name;
  void (*body)();
};

struct State {
  std::vector<Test> tests;
  // Options.
  std::vector<std::string> parts;
  uint64_t seed = 1;
  bool list = false;
  // What has happened.
  const char *running = "";
  std::string circumstances;  // printed with a failure: a shape, a configuration
  std::atomic<int64_t> checks = 0, failures = 0;  // tests may have threads of their own
  int ran = 0, failures_here = 0;
};
inline State &state() {
  static State all;
  return all;
}

struct Registration {
  Registration(const char *name, void (*body)()) { state().tests.push_back({name, body}); }
};

// Prints the failure; the test goes on. Of one test the first 20 are printed.
inline void fail(const std::string &text, const char *file = nullptr, int line = 0) {
  State &s = state();
  s.failures++;
  if (++s.failures_here > 20) return;
  std::string place;
  if (file) {
    const char *slash = std::strrchr(file, '/');
    place = std::string(slash ? slash + 1 : file) + ":" + std::to_string(line);
  }
  if (!s.circumstances.empty()) place += (place.empty() ? "" : ", ") + s.circumstances;
  std::printf("FAILED %s%s: %s\n", s.running, place.empty() ? "" : (" (" + place + ")").c_str(), text.c_str());
}

// printf into a string.
[[gnu::format(printf, 1, 2)]] inline std::string text(const char *format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

// `text` is made only for a failure: a string, or a function that makes it.
template <class Text> bool that(bool holds, const Text &text, const char *file = nullptr, int line = 0) {
  state().checks++;
  if (holds) return true;
  if constexpr (requires { text(); }) {
    fail(text(), file, line);
  } else {
    fail(text, file, line);
  }
  return false;
}

// A generator for a test that draws: the same numbers again with the same seed, whatever other tests run.
inline std::mt19937_64 generator() { return std::mt19937_64(state().seed); }

// Reads the options; what `is_other` takes is put aside and returned.
template <class IsOther> std::vector<std::string> read_options(int count, char **arguments, IsOther is_other) {
  std::vector<std::string> others;
  for (int i = 1; i < count; i++) {
    const std::string argument = arguments[i];
    if (argument == "--seed" && i + 1 < count) {
      state().seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (argument == "--list") {
      state().list = true;
    } else if (is_other(argument)) {
      others.push_back(argument);
    } else {
      state().parts.push_back(argument);
    }
  }
  return others;
}

// Runs what the options ask for, with `before` before each test.
template <class Before> void run(Before before) {
  State &s = state();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a crash must not swallow what came before it
  for (const Test &test : s.tests) {
    const std::string name = test.name;
    const auto is_in_name = [&](const std::string &part) { return name.find(part) != std::string::npos; };
    if (!s.parts.empty() && std::none_of(s.parts.begin(), s.parts.end(), is_in_name)) continue;
    if (s.list) {
      std::printf("%s\n", test.name);
      continue;
    }
    s.running = test.name;
    s.circumstances.clear();
    s.failures_here = 0;
    before();
    test.body();
    if (s.failures_here > 20) std::printf("%s: %d failures in all\n", test.name, s.failures_here);
    s.ran++;
  }
}

// The last line, and the program's exit code: a run without a test is a failure.
inline int finish() {
  const State &s = state();
  if (s.list) return 0;
  std::printf("%d tests, %lld checks, %lld failures; seed %llu (--seed N sets it)\n", s.ran, static_cast<long long>(s.checks.load()),
              static_cast<long long>(s.failures.load()), static_cast<unsigned long long>(s.seed));
  return s.failures != 0 || s.ran == 0;
}

template <class Before> int main(int count, char **arguments, Before before) {
  read_options(count, arguments, [](const std::string &) { return false; });
  run(before);
  return finish();
}

}  // namespace harness

#define TEST(name)                                                  \
  static void name();                                               \
  static harness::Registration name##_registration(#name, name);      \
  static void name()
#define CHECK(condition) harness::that((condition), #condition, __FILE__, __LINE__)
