/* duet_cpu_test [--seed N] LIBRARY...: every kernel of each library that this processor can run, against naive loops. */
#include "check.h"
#include <chrono>

int main(int argc, char **argv) {
  uint64_t seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; i++) {
    if (std::string(argv[i]) == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      paths.push_back(argv[i]);
    }
  }
  std::printf("seed %llu (--seed repeats it)\n", static_cast<unsigned long long>(seed));
  int failures = 0, tested = 0;
  for (const std::string &path : paths) {
    if (!Library::runs_here(path)) {
      std::printf("skipped %s: this processor lacks its instructions\n", path.c_str());
      continue;
    }
    const Library library(path);
    Teams teams(library);
    Random random{std::mt19937_64(seed)};
    Checker check;
    if (library.abi() != DUET_CPU_ABI) check.failures++;
    test_convolution(library, teams, random, check);
    test_spatial_norm(library, teams, random, check);
    test_others(library, teams, random, check);
    std::printf("%s: %s\n", library.instruction_set(), check.failures ? "FAILED" : "ok");
    failures += check.failures;
    tested++;
  }
  if (!tested) std::printf("FAILED: no library given that this processor can run\n");
  return failures || !tested;
}
