// The queue of everything that was issued and has not run. All of it runs on the thread of a caller, when something synchronises (or
// the queue is long), in an order that Settings::streams and the seed choose among the nodes whose needs are done:
//   fifo          as issued
//   latest_first  always the runnable node of the stream that was created last
//   delay         one stream, chosen by the seed, is held back until nothing else can run
//   random        any, by the seed
//   lazy          as issued, and only what the synchronisation needs
#pragma once
#include <map>
#include <random>

#include "work.h"

namespace vgpu::inline driver {

class Scheduler {
 public:
  // `after`: the nodes that it must follow; done ones only pass on their clocks. Null entries are skipped.
  void submit(const std::shared_ptr<Node> &node, const std::vector<std::shared_ptr<Node>> &after);

  // Runs until all these are done. Something that can never run ends the contexts of all that is queued with LAUNCH_TIMEOUT and a
  // finding that shows the heads of all queues.
  void finish(const std::vector<std::shared_ptr<Node>> &targets);
  void finish(Context &context);  // all nodes of a context

  // The progress that a card makes on its own while a host polls: at most one node. In lazy order one that the target needs.
  void poll(const std::shared_ptr<Node> &target);

  void cancel(Context &context);  // nothing that is queued in it will run
  void reseed(uint64_t seed);
  size_t size() const { return queue_.size(); }
  const std::map<uint64_t, std::shared_ptr<Node>> &queue() const { return queue_; }

 private:
  std::shared_ptr<Node> choose();
  void run(const std::shared_ptr<Node> &node);
  void hang();
  static bool ready(const Node &node);

  std::map<uint64_t, std::shared_ptr<Node>> queue_;  // by sequence; a node's needs always have smaller ones
  std::mt19937_64 random_{0};
  uint32_t delayed_ = UINT32_MAX;  // the lane that is held back
  size_t staged_bytes_ = 0;
};

}  // namespace vgpu::driver
