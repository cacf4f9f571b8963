// Loading: variables get memory, kernels are decoded, and whatever is not understood is listed with its line.
#include "../exec/kernel.h"
#include <algorithm>
#include <list>
#include <mutex>
#include <sstream>
#include <tuple>

namespace vgpu {
namespace {

struct Placement {
  int device;
  Module::State *state;
};

void place_variable(Variable &v, void *context) {
  auto *p = static_cast<Placement *>(context);
  if (!v.bytes) return;
  auto &place = p->state->variables[v.name];
  Allocation *a = Memory::get().allocate(p->device, v.bytes);
  if (!a) throw std::bad_alloc();
  place = {a->base, v.bytes};
  a->label = "variable " + v.name + " of device " + std::to_string(p->device);
  std::memset(reinterpret_cast<void *>(a->base), 0, v.bytes);
  std::copy_n(v.initial.data(), std::min(v.initial.size(), v.bytes), reinterpret_cast<uint8_t *>(a->base));
  std::memset(a->written.data(), 1, a->written.size());
  v.address = a->base;
}

std::string line_of(const std::string &ptx, int line) {
  size_t at = 0;
  for (int n = 1; n < line && at != std::string::npos; ++n) {
    at = ptx.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  if (at == std::string::npos) return {};
  std::string text = ptx.substr(at, ptx.find('\n', at) - at);
  size_t from = text.find_first_not_of(" \t\r"), to = text.find_last_not_of(" \t\r");
  return from == std::string::npos ? std::string() : text.substr(from, to - from + 1);
}

// Programs load the same text again and again: for each device, for each test. What was decoded lasts, up to a limit, least recently used
// text first out. Texts with variables are decoded each time, because the code has their addresses.
class Decoded {
 public:
  using Kernels = std::vector<std::shared_ptr<const Kernel>>;
  Kernels find(const std::string &ptx) {
    std::lock_guard lock(mutex_);
    const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry &e) { return e.ptx == ptx; });
    if (it == entries_.end()) return {};
    entries_.splice(entries_.begin(), entries_, it);
    return it->kernels;
  }
  void keep(const std::string &ptx, const Kernels &kernels) {
    std::lock_guard lock(mutex_);
    if (ptx.size() > kLimit) return;
    entries_.push_front({ptx, kernels});
    bytes_ += ptx.size();
    for (; bytes_ > kLimit; entries_.pop_back()) bytes_ -= entries_.back().ptx.size();
  }

 private:
  static constexpr size_t kLimit = size_t(32) << 20;  // of text; twice what Duet's kernels have
  struct Entry {
    std::string ptx;
    Kernels kernels;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;
  size_t bytes_ = 0;
};
Decoded &decoded() {
  static Decoded *d = new Decoded;  // never destroyed, as the memory
  return *d;
}

}  // namespace

Module::State::~State() {
  for (auto &[name, variable] : variables) Memory::get().release(variable.first);
}

std::unique_ptr<Module> Module::load(const std::string &ptx, int device, std::string &log) {
  auto module = std::make_unique<Module>();
  module->state_ = std::make_unique<State>();
  module->state_->device = device;
  module->state_->kernels = decoded().find(ptx);
  if (!module->state_->kernels.empty()) return module;
  Placement placement{device, module->state_.get()};
  Program program = parse(ptx, place_variable, &placement);
  for (const Function &function : program.kernels) {
    auto kernel = decode(function, program.errors);
    if (!kernel) continue;
    kernel->files = program.files;
    module->state_->kernels.push_back(std::move(kernel));
  }
  if (program.errors.empty() && module->state_->kernels.empty() && module->state_->variables.empty())
    program.errors.assign(1, {1, "this is no PTX text with kernels"});
  if (program.errors.empty()) {
    if (module->state_->variables.empty()) decoded().keep(ptx, module->state_->kernels);
    return module;
  }
  std::sort(program.errors.begin(), program.errors.end(),
            [](const Error &a, const Error &b) { return std::tie(a.line, a.text) < std::tie(b.line, b.text); });
  // A function is parsed at each of its calls.
  program.errors.erase(std::unique(program.errors.begin(), program.errors.end(),
                                   [](const Error &a, const Error &b) { return a.line == b.line && a.text == b.text; }),
                       program.errors.end());
  std::ostringstream out;
  for (const Error &e : program.errors) out << "PTX line " << e.line << ": " << e.text << ", in: " << line_of(ptx, e.line) << "\n";
  log = out.str();
  return nullptr;
}

Module::~Module() = default;

const Kernel *Module::kernel(const std::string &name) const {
  for (const auto &k : state_->kernels)
    if (k->info.name == name) return k.get();
  return nullptr;
}

std::vector<std::string> Module::names() const {
  std::vector<std::string> result;
  for (const auto &k : state_->kernels) result.push_back(k->info.name);
  return result;
}

bool Module::global(const std::string &name, uint64_t &address, size_t &bytes) const {
  auto it = state_->variables.find(name);
  if (it == state_->variables.end()) return false;
  address = it->second.first;
  bytes = it->second.second;
  return true;
}

const KernelInfo &info(const Kernel *kernel) { return kernel->info; }

}  // namespace vgpu
