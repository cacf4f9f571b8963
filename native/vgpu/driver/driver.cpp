#include "state.h"

namespace vgpu::inline driver {

Driver &Driver::get() {
  static Driver *driver = new Driver;  // never destroyed: threads of a JVM may outlive static destructors
  return *driver;
}

Context *Driver::context(uint64_t handle) const {
  for (auto &[device, primary] : primaries)
    if (primary.context && primary.context->handle == handle) return primary.context.get();
  return nullptr;
}

bool Driver::any_context() const {
  for (auto &[device, primary] : primaries)
    if (primary.context) return true;
  return false;
}

void Driver::joined(const std::shared_ptr<Node> &node) {
  if (node) host.join(node->clock);
  raise_floor();
}

void Driver::joined_all(Context &context) {
  for (auto &[chain, node] : chain_ends)
    if (node->context == &context) host.join(node->clock);
  raise_floor();
}

// Once the host knows of everything, one number says so, and the clocks stay short however many streams come and go.
void Driver::raise_floor() {
  for (auto &[chain, node] : chain_ends)
    if (!host.covers(chain, node->sequence)) return;
  chain_ends.clear();
  host.raise(sequence_);
}

bool enter(const char *function, Needs needs, CUresult &result) {
  Driver &driver = Driver::get();
  auto at = driver.calls.find(function);
  if (at == driver.calls.end()) at = driver.calls.emplace(function, 0).first;
  ++at->second;
  for (auto injection = driver.injections.begin(); injection != driver.injections.end(); ++injection) {
    if (injection->function != function || --injection->calls) continue;
    result = injection->error;
    driver.injections.erase(injection);
    return false;
  }
  if (needs == Needs::nothing || driver.initialized) return true;
  result = CUDA_ERROR_NOT_INITIALIZED;
  return false;
}

}  // namespace vgpu::driver
