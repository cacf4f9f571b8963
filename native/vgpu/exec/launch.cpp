// A launch: its blocks over the host's threads, and what they found put together so that the number of threads does not show.
#include "warp.h"
#include <algorithm>
#include <iterator>
#include <thread>
#include <tuple>

namespace vgpu {
namespace {

struct Registry {
  std::mutex mutex;
  Settings settings;
  std::map<std::string, Counters> counters;
};
Registry &registry() {
  static Registry *r = new Registry;
  return *r;
}
std::mutex &launch_mutex() {
  static std::mutex *m = new std::mutex;
  return *m;
}

void merge(LaunchState &state, Worker &w) {
  std::lock_guard lock(state.mutex);
  for (auto &[key, seen] : w.findings) {
    auto [it, fresh] = state.findings.try_emplace(key, seen);
    if (fresh) continue;
    it->second.count += seen.count;
    if (seen.block < it->second.block) {
      it->second.block = seen.block;
      it->second.text = seen.text;
      it->second.order = seen.order;
    }
  }
  std::move(w.printed.begin(), w.printed.end(), std::back_inserter(state.printed));
  for (size_t b = 0; b < w.executions.size(); ++b) {
    state.executions[b] += w.executions[b];
    state.threads[b] += w.threads[b];
  }
  state.counters.add(w.counters);
}

void count_instructions(const LaunchState &state, Counters &c) {
  const Kernel &kernel = state.kernel;
  for (size_t b = 0; b < kernel.blocks.size(); ++b) {
    const Block &block = kernel.blocks[b];
    const uint64_t n = state.executions[b];
    auto of = [&](Category k) { return n * block.counts[static_cast<int>(k)]; };
    c.warp_instructions += n * block.instructions;
    c.thread_instructions += state.threads[b] * block.instructions;
    c.fma += of(Category::fma);
    c.tensor += of(Category::tensor);
    c.other_float += of(Category::other_float);
    c.integer += of(Category::integer);
    c.moves += of(Category::move);
    c.branches += of(Category::branch);
    c.barriers += of(Category::barrier);
    c.special += of(Category::special);
    c.global_loads += of(Category::global_load);
    c.global_stores += of(Category::global_store);
    c.shared_loads += of(Category::shared_load);
    c.shared_stores += of(Category::shared_store);
    c.async_copies += of(Category::async_copy);
  }
}

// What a kernel with ld.global.nc has written carries the tag 2 in the shadow; afterwards it is plainly written.
void untag(std::map<Allocation *, Access> &accesses) {
  for (auto &[allocation, access] : accesses) {
    uint8_t *written = allocation->written.data();
    const size_t words = allocation->written.size(), per_block = kBlock / 4;
    for (size_t n = 0; n < access.writes.words.size(); ++n)
      for (uint64_t bits = access.writes.words[n]; bits; bits &= bits - 1) {
        const size_t from = (n * 64 + __builtin_ctzll(bits)) * per_block;
        for (size_t i = from; i < std::min(from + per_block, words); ++i) written[i] = written[i] ? 1 : 0;
      }
  }
}

void report_printed(LaunchState &state) {
  std::sort(state.printed.begin(), state.printed.end(),
            [](const Printed &a, const Printed &b) { return std::tie(a.block, a.order) < std::tie(b.block, b.order); });
  if (state.printed.size() > kMostPrinted) state.printed.resize(kMostPrinted);
  for (const Printed &p : state.printed) report({FindingKind::printed, p.text, p.text, 1});
}

}  // namespace

Settings &settings() { return registry().settings; }
std::map<std::string, Counters> &counters() { return registry().counters; }

void Counters::add(const Counters &o) {
  auto *to = reinterpret_cast<uint64_t *>(this);
  auto *from = reinterpret_cast<const uint64_t *>(&o);
  static_assert(sizeof(Counters) % sizeof(uint64_t) == 0);
  for (size_t i = 0; i < sizeof(Counters) / sizeof(uint64_t); ++i) to[i] += from[i];
}

Outcome run(const Launch &launch) {
  // One at a time: which stream goes first is decided above, and shadows stay simple.
  std::lock_guard only(launch_mutex());
  if (!launch.kernel) return {};
  const Kernel &kernel = *launch.kernel;
  const uint64_t threads_of_block = uint64_t(launch.block[0]) * launch.block[1] * launch.block[2];
  if (!threads_of_block || threads_of_block > 1024) return {};  // the driver has refused it; warps are numbered in 6 bits
  LaunchState state{launch, kernel, settings(), uint64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2]};
  state.written_tag = kernel.reads_non_coherent ? 2 : 1;
  state.track = state.settings.ordering || kernel.reads_non_coherent;
  state.executions.resize(kernel.blocks.size());
  state.threads.resize(kernel.blocks.size());

  uint64_t count = state.settings.threads > 0 ? state.settings.threads : std::max(1u, std::thread::hardware_concurrency());
  count = kernel.global_atomics ? 1 : std::min(count, state.blocks);
  if (state.blocks) {
    std::exception_ptr failure;  // no memory: a thread may not end by it
    auto work = [&state, &failure] {
      try {
        Worker worker(state, state.settings.seed);
        worker.run();
        merge(state, worker);
      } catch (...) {
        std::lock_guard lock(state.mutex);
        failure = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> threads;
      try {
        for (uint64_t n = 1; n < count; ++n) threads.emplace_back(work);
      } catch (...) {
        // Fewer threads do as well.
      }
      work();
    }
    if (failure) std::rethrow_exception(failure);
  }

  Outcome outcome;
  if (state.written_tag == 2) untag(state.accesses);
  auto place = [&](uint32_t number) { return "kernel " + kernel.info.name + ", PTX line " + std::to_string(kernel.places[number].line); };
  uint64_t earliest = ~uint64_t(0), order = 0;
  for (auto &[key, seen] : state.findings) {
    if (!outcome.found || seen.block < earliest || (seen.block == earliest && seen.order < order)) {
      outcome.found = true;
      outcome.kind = key.first;
      outcome.text = seen.text;
      earliest = seen.block;
      order = seen.order;
    }
    report({key.first, place(key.second), seen.text, seen.count});
  }
  if (state.fault_block != ~uint64_t(0)) {
    outcome.faulted = true;
    if (!outcome.found || state.fault_block < earliest) {
      outcome.kind = state.fault.kind;
      outcome.text = state.fault.text;
    }
    outcome.found = true;
    report({state.fault.kind, place(state.fault.number), state.fault.text, 1});
  }
  report_printed(state);
  outcome.counters = state.counters;
  outcome.counters.launches = 1;
  outcome.counters.blocks = state.blocks;
  count_instructions(state, outcome.counters);
  if (state.settings.counters) {
    std::lock_guard lock(registry().mutex);
    registry().counters[kernel.info.name].add(outcome.counters);
  }
  if (state.settings.ordering) outcome.accesses = std::move(state.accesses);
  return outcome;
}

}  // namespace vgpu
