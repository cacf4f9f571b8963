/*
 * duet_cpu_test [--seed N] [--list] [PART OF A NAME]... LIBRARY...: every kernel of each library that this processor can run, against naive
 * loops.
 */
#include "subject.h"

int main(int argc, char **argv) {
  const auto is_library = [](const std::string &argument) { return argument.find('/') != std::string::npos; };
  const std::vector<std::string> paths = harness::read_options(argc, argv, is_library);
  if (harness::state().list) harness::run([] {});
  for (const std::string &path : paths) {
    if (!Library::runs_here(path)) {
      std::printf("skipped %s: this processor lacks its instructions\n", path.c_str());
      continue;
    }
    const Library library(path);
    Subject here(library);
    subject = &here;
    const int64_t failures = harness::state().failures;
    harness::that(library.abi() == DUET_CPU_ABI, "another version of the interface: " + path);
    harness::run([&] { here.random.engine = harness::generator(); });
    std::printf("%s: %s\n", library.instruction_set(), harness::state().failures > failures ? "FAILED" : "ok");
  }
  return harness::finish();
}
