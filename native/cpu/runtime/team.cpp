#include "runtime/team.h"
#include <utility>

namespace {

constexpr uint64_t kJob = uint64_t{1} << 32;
/* About 20 to 50 microseconds: longer than the gap between two kernels of a step, shorter than anybody would notice. */
constexpr int kSpins = 2000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

bool is_open(uint64_t state) { return (state >> 32) & 1; }
uint32_t workers_inside(uint64_t state) { return static_cast<uint32_t>(state); }

}  // namespace

duet_team::duet_team(int threads) {
  workers_.reserve(threads - 1);
  try {
    for (int i = 1; i < threads; i++) workers_.emplace_back([this, i] { work(i); });
  } catch (...) {
    stop();
    throw;
  }
}

duet_team::~duet_team() { stop(); }

void duet_team::stop() {
  ended_.store(true);
  bell_.fetch_add(1);
  bell_.notify_all();
  for (std::thread &worker : workers_) worker.join();
}

void duet_team::take_tasks(int thread) noexcept {
  try {
    for (;;) {
      int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      task_(context_, task, thread);
    }
  } catch (...) {
    next_.store(tasks_, std::memory_order_relaxed); /* the others need not begin */
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

void duet_team::run(int64_t tasks, Task task, void *context) {
  if (workers_.empty() || tasks <= 1) {
    for (int64_t i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  tasks_ = tasks;
  task_ = task;
  context_ = context;
  next_.store(0, std::memory_order_relaxed);
  state_.fetch_add(kJob);
  bell_.fetch_add(1);
  bell_.notify_all();
  take_tasks(0);
  /* From here on no worker may join: one that slept through the job need not be waited for. */
  uint64_t state = state_.fetch_add(kJob) + kJob;
  for (int spin = 0; workers_inside(state) != 0; spin++) {
    if (spin < kSpins) {
      relax();
    } else {
      int32_t left = left_.load();
      if (workers_inside(state_.load()) == 0) break;
      left_.wait(left);
    }
    state = state_.load();
  }
  if (failed_.load(std::memory_order_relaxed)) {
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void duet_team::work(int thread) {
  uint32_t last = 0;
  while (!ended_.load()) {
    int32_t bell = bell_.load();
    uint64_t state = state_.load();
    int spin = 0;
    while (!(is_open(state) && static_cast<uint32_t>(state >> 32) != last) && !ended_.load()) {
      if (++spin >= kSpins) {
        bell_.wait(bell);
        spin = 0;
      }
      relax();
      bell = bell_.load();
      state = state_.load();
    }
    if (ended_.load()) return;
    if (!state_.compare_exchange_strong(state, state + 1)) continue;
    last = static_cast<uint32_t>(state >> 32);
    take_tasks(thread);
    state_.fetch_sub(1);
    left_.fetch_add(1);
    left_.notify_all();
  }
}

extern "C" {

duet_team *duet_team_create(int32_t threads) noexcept {
  try {
    return new duet_team(threads < 1 ? 1 : threads);
  } catch (...) {
    return nullptr;
  }
}

void duet_team_destroy(duet_team *team) noexcept { delete team; }
}
