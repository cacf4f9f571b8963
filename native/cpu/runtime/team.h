/*
 * A team of threads that share the tasks of one job at a time. Which thread runs a task is left to chance; so a task's result
 * must depend on its index alone, and the same bits come out for any number of threads.
 */
#pragma once
#include "runtime/interface.h"
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

struct duet_team {
  /* Runs one task on the thread with this number (0 is the caller); the number picks the thread's workspace. */
  using Task = void (*)(void *context, int64_t task, int thread);

  explicit duet_team(int threads);
  ~duet_team();
  duet_team(const duet_team &) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  /* Throws what a task threw, of several one, after all threads have left the job. */
  void run(int64_t tasks, Task task, void *context);

 private:
  void work(int thread);
  void take_tasks(int thread) noexcept;
  void stop();

  std::vector<std::thread> workers_;
  /* High 32 bits: number of the job, odd while workers may join it. Low 32 bits: workers inside it. */
  alignas(64) std::atomic<uint64_t> state_{0};
  /* Changes with each job; what sleeping workers wait for. */
  alignas(64) std::atomic<int32_t> bell_{0};
  alignas(64) std::atomic<int32_t> left_{0};
  std::atomic<bool> ended_{false};
  alignas(64) std::atomic<int64_t> next_{0};
  int64_t tasks_ = 0;
  Task task_ = nullptr;
  void *context_ = nullptr;
  /* Of the job: whether a task threw, and what the first of them did. */
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

namespace duet {

inline int threads_of(const duet_team *team) { return team ? team->threads() : 1; }

/*
 * body(task, thread) for each task in 0 .. tasks - 1, on any thread of the team; without a team all on this thread, which may be one of a
 * team.
 */
template <class Body> void parallel(duet_team *team, int64_t tasks, Body &&body) {
  if (!team) {
    for (int64_t task = 0; task < tasks; task++) body(task, 0);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  team->run(
      tasks, [](void *context, int64_t task, int thread) { (*static_cast<Plain *>(context))(task, thread); }, &body);
}

/* body(first, last) for slices of [0, count), each of `grain` elements but the last one. */
template <class Body> void parallel_slices(duet_team *team, int64_t count, int64_t grain, Body &&body) {
  int64_t slices = (count + grain - 1) / grain;
  parallel(team, slices, [&](int64_t slice, int) { body(slice * grain, std::min(count, (slice + 1) * grain)); });
}

}  // namespace duet
