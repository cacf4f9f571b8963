#include "scheduler.h"

#include <set>

#include "state.h"

namespace vgpu::inline driver {
namespace {

// A driver's queues are finite too: a host that never synchronises would otherwise fill the memory.
constexpr size_t kLongestQueue = 8192;
constexpr size_t kMostStaged = size_t(256) << 20;

size_t staged(const Node &node) {
  auto copy = std::get_if<CopyWork>(&node.work);
  return copy && copy->staged ? copy->staged->size() : 0;
}

// Work that finds no memory has failed like a kernel that faults: what follows it in the queue must not wait for ever.
CUresult execute_guarded(Node &node) {
  try {
    return execute(node);
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (...) {
    return CUDA_ERROR_UNKNOWN;
  }
}

void collect(const std::shared_ptr<Node> &target, std::map<uint64_t, std::shared_ptr<Node>> &all) {
  std::vector<std::shared_ptr<Node>> stack{target};
  while (!stack.empty()) {
    auto node = stack.back();
    stack.pop_back();
    if (node->done || !all.emplace(node->sequence, node).second) continue;
    for (auto &need : node->needs) stack.push_back(need);
  }
}

}  // namespace

void Scheduler::submit(const std::shared_ptr<Node> &node, const std::vector<std::shared_ptr<Node>> &after) {
  Driver &driver = Driver::get();
  node->sequence = driver.next_sequence();
  node->clock.floor = driver.host.floor;
  node->clock.join(driver.host);
  for (auto &earlier : after) {
    if (!earlier) continue;
    node->clock.join(earlier->clock);
    if (!earlier->done) node->needs.push_back(earlier);
  }
  node->clock.add(node->chain, node->sequence);
  queue_.emplace(node->sequence, node);
  try {
    driver.chain_ends[node->chain] = node;
  } catch (...) {
    queue_.erase(node->sequence);
    throw;
  }
  staged_bytes_ += staged(*node);
  if (queue_.size() > kLongestQueue || staged_bytes_ > kMostStaged) {
    size_t half = queue_.size() / 2;
    while (queue_.size() > half) {
      auto next = choose();
      if (!next) return hang();
      run(next);
    }
  }
}

bool Scheduler::ready(const Node &node) {
  for (auto &need : node.needs)
    if (!need->done) return false;
  return true;
}

void Scheduler::run(const std::shared_ptr<Node> &node) {
  queue_.erase(node->sequence);
  staged_bytes_ -= staged(*node);
  CUresult result = node->context->sticky ? CUDA_SUCCESS : execute_guarded(*node);
  node->done = true;
  node->needs.clear();
  node->work = std::monostate();
  if (result && !node->context->sticky) {
    node->context->sticky = result;
    cancel(*node->context);
  }
}

std::shared_ptr<Node> Scheduler::choose() {
  StreamOrder order = settings().streams;
  if (order == StreamOrder::fifo || order == StreamOrder::lazy) {
    for (auto &[sequence, node] : queue_)
      if (ready(*node)) return node;
    return nullptr;
  }
  std::vector<std::shared_ptr<Node>> candidates;  // the first runnable node of each lane
  std::set<uint32_t> seen, lanes;
  for (auto &[sequence, node] : queue_) {
    lanes.insert(node->lane);
    if (!seen.count(node->lane) && ready(*node)) {
      seen.insert(node->lane);
      candidates.push_back(node);
    }
  }
  if (candidates.empty()) return nullptr;
  if (order == StreamOrder::random) return candidates[random_() % candidates.size()];
  if (order == StreamOrder::delay) {
    if (!lanes.count(delayed_)) delayed_ = *std::next(lanes.begin(), long(random_() % lanes.size()));
    for (auto &node : candidates)
      if (node->lane != delayed_) return node;
    return candidates.front();
  }
  auto latest = candidates.front();
  for (auto &node : candidates)
    if (node->lane > latest->lane) latest = node;
  return latest;
}

void Scheduler::finish(const std::vector<std::shared_ptr<Node>> &targets) {
  if (settings().streams == StreamOrder::lazy) {
    std::map<uint64_t, std::shared_ptr<Node>> needed;
    for (auto &target : targets)
      if (target) collect(target, needed);
    for (auto &[sequence, node] : needed) {
      if (node->done) continue;  // cancelled with its context
      if (!ready(*node)) return hang();
      run(node);
    }
  }
  for (auto &target : targets) {
    while (target && !target->done) {
      auto next = choose();
      if (!next) return hang();
      run(next);
    }
  }
}

void Scheduler::finish(Context &context) {
  std::vector<std::shared_ptr<Node>> targets;
  for (auto &[sequence, node] : queue_)
    if (node->context == &context) targets.push_back(node);
  finish(targets);
}

void Scheduler::poll(const std::shared_ptr<Node> &target) {
  if (!target || target->done) return;
  std::shared_ptr<Node> next;
  if (settings().streams == StreamOrder::lazy) {
    std::map<uint64_t, std::shared_ptr<Node>> needed;
    collect(target, needed);
    if (!needed.empty() && ready(*needed.begin()->second)) next = needed.begin()->second;
  } else {
    next = choose();
  }
  if (next) run(next);
  else hang();
}

void Scheduler::cancel(Context &context) {
  for (auto at = queue_.begin(); at != queue_.end();) {
    if (at->second->context == &context) {
      staged_bytes_ -= staged(*at->second);
      at->second->done = true;
      at->second->needs.clear();
      at->second->work = std::monostate();
      at = queue_.erase(at);
    } else {
      ++at;
    }
  }
}

void Scheduler::reseed(uint64_t seed) {
  random_.seed(seed);
  delayed_ = UINT32_MAX;
}

void Scheduler::hang() {
  std::string text = "nothing that is queued can run:";
  std::set<uint32_t> lanes;
  std::set<Context *> contexts;
  for (auto &[sequence, node] : queue_) {
    contexts.insert(node->context);
    if (!lanes.insert(node->lane).second) continue;
    text += " [" + *node->who + " waits for";
    for (auto &need : node->needs)
      if (!need->done) text += " " + *need->who + ";";
    text += "]";
  }
  report({FindingKind::hang, "streams", text});
  for (Context *context : contexts) {
    if (!context->sticky) context->sticky = CUDA_ERROR_LAUNCH_TIMEOUT;
    cancel(*context);
  }
}

}  // namespace vgpu::driver
