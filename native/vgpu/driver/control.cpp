// The control interface of duet_vgpu.h: settings, findings, counters, call counts.
#include "../duet_vgpu.h"

#include <charconv>
#include <cstring>

#include "findings.h"
#include "state.h"

using namespace vgpu;

#define VGPU_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

thread_local std::string problem;

struct Configuration {
  Settings settings;
  bool peer = true;
  std::vector<Injection> injections;
};

struct Refused {
  std::string why;
};

uint64_t number(std::string_view key, std::string_view value, uint64_t least, uint64_t most) {
  uint64_t result = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size() || result < least || result > most)
    throw Refused{std::string(key) + "=" + std::string(value) + ": not a number from " + std::to_string(least) + " to " +
                  std::to_string(most)};
  return result;
}

bool on_or_off(std::string_view key, std::string_view value) {
  if (value == "on" || value == "off") return value == "on";
  throw Refused{std::string(key) + "=" + std::string(value) + ": neither on nor off"};
}

template <class Value>
Value one_of(std::string_view key, std::string_view value, std::initializer_list<std::pair<const char *, Value>> choices) {
  std::string all;
  for (auto &[name, result] : choices) {
    if (value == name) return result;
    all += std::string(all.empty() ? "" : ", ") + name;
  }
  throw Refused{std::string(key) + "=" + std::string(value) + ": not one of " + all};
}

CUresult error_number(std::string_view text) {
#define ERROR(name, number, words) \
  if (text == #name || text == #number) return name;
#include "errors.inc"
#undef ERROR
  throw Refused{"fail-call: " + std::string(text) + " is no CUresult"};
}

bool exported(std::string_view function) {
#define CU(name, parameters) \
  if (function == #name) return true;
#include "functions.inc"
#undef CU
  return false;
}

Injection injection(std::string_view value) {
  size_t first = value.find(':'), second = value.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos)
    throw Refused{"fail-call=" + std::string(value) + ": not NAME:N:ERROR"};
  Injection result{std::string(value.substr(0, first)), number("fail-call", value.substr(first + 1, second - first - 1), 1, UINT64_MAX),
                   error_number(value.substr(second + 1))};
  if (!exported(result.function)) throw Refused{"fail-call: there is no function " + result.function};
  return result;
}

bool *switch_of(Settings &settings, std::string_view key) {
  if (key == "bounds") return &settings.bounds;
  if (key == "initialized") return &settings.initialized;
  if (key == "races") return &settings.races;
  if (key == "barriers") return &settings.barriers;
  if (key == "ordering") return &settings.ordering;
  if (key == "tf32") return &settings.tf32;
  if (key == "leaks") return &settings.leaks;
  if (key == "counters") return &settings.counters;
  if (key == "perturb") return &settings.perturb;
  if (key == "analysis") return &settings.analysis;
  if (key == "fail") return &settings.fail;
  return nullptr;
}

void apply(Configuration &to, std::string_view key, std::string_view value) {
  Settings &s = to.settings;
  if (bool *checked = switch_of(s, key)) *checked = on_or_off(key, value);
  else if (key == "checks") {
    bool all = one_of<bool>(key, value, {{"all", true}, {"none", false}});
    for (auto name : {"bounds", "initialized", "races", "barriers", "ordering", "leaks"}) *switch_of(s, name) = all;
  } else if (key == "devices") s.devices = int(number(key, value, 0, 16));
  else if (key == "memory") s.memory_bytes = number(key, value, 1, uint64_t(1) << 39);
  else if (key == "seed") s.seed = number(key, value, 0, UINT64_MAX);
  else if (key == "threads") s.threads = int(number(key, value, 0, 1024));
  else if (key == "budget") s.budget = number(key, value, 1, UINT64_MAX);
  else if (key == "driver") s.driver_version = int(number(key, value, 10000, 99999));
  else if (key == "compute") {
    int compute = int(number(key, value, 50, 150));
    s.compute_major = compute / 10;
    s.compute_minor = compute % 10;
  } else if (key == "peer") to.peer = on_or_off(key, value);
  else if (key == "warps")
    s.warps = one_of<WarpOrder>(key, value,
                                {{"round-robin", WarpOrder::round_robin},
                                 {"reverse", WarpOrder::reverse},
                                 {"random", WarpOrder::random},
                                 {"one-warp-far", WarpOrder::one_warp_far}});
  else if (key == "streams")
    s.streams = one_of<StreamOrder>(key, value,
                                    {{"fifo", StreamOrder::fifo},
                                     {"latest-first", StreamOrder::latest_first},
                                     {"delay", StreamOrder::delay},
                                     {"random", StreamOrder::random},
                                     {"lazy", StreamOrder::lazy}});
  else if (key == "accumulation")
    s.accumulation = one_of<Accumulation>(
        key, value, {{"published", Accumulation::published}, {"exact", Accumulation::exact}, {"adversarial", Accumulation::adversarial}});
  else if (key == "fail-call") to.injections.push_back(injection(value));
  else throw Refused{"unknown setting " + std::string(key)};
}

void configure(std::string_view text) {
  Driver &driver = Driver::get();
  Configuration next;
  if (!text.empty()) next = {settings(), driver.peer, driver.injections};
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    size_t equals = item.find('=');
    if (equals == std::string_view::npos) throw Refused{std::string(item) + ": not key=value"};
    apply(next, item.substr(0, equals), item.substr(equals + 1));
  }
  const Settings &from = settings(), &to = next.settings;
  bool fixed = from.devices != to.devices || from.memory_bytes != to.memory_bytes || from.driver_version != to.driver_version ||
               from.compute_major != to.compute_major || from.compute_minor != to.compute_minor;
  if (fixed && driver.any_context()) throw Refused{"devices, memory, driver and compute can change only while no context exists"};
  settings() = next.settings;
  driver.peer = next.peer;
  driver.injections = std::move(next.injections);
  driver.scheduler.reseed(settings().seed);
}

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string object(const std::vector<std::pair<std::string, std::string>> &members) {
  std::string result = "{";
  for (auto &[key, value] : members) result += (result.size() > 1 ? "," : "") + quoted(key) + ":" + value;
  return result + "}";
}

std::string json(const Counters &c) {
  std::vector<std::pair<std::string, std::string>> members;
#define MEMBER(name) members.emplace_back(#name, std::to_string(c.name))
  MEMBER(launches);
  MEMBER(blocks);
  MEMBER(warp_instructions);
  MEMBER(thread_instructions);
  MEMBER(fma);
  MEMBER(tensor);
  MEMBER(other_float);
  MEMBER(integer);
  MEMBER(moves);
  MEMBER(branches);
  MEMBER(barriers);
  MEMBER(special);
  MEMBER(global_loads);
  MEMBER(global_stores);
  MEMBER(shared_loads);
  MEMBER(shared_stores);
  MEMBER(async_copies);
  MEMBER(global_load_bytes);
  MEMBER(global_store_bytes);
  MEMBER(global_sectors);
  MEMBER(global_sectors_ideal);
  MEMBER(shared_wavefronts);
  MEMBER(shared_wavefronts_ideal);
  MEMBER(main_loop_shared_wavefronts);
  MEMBER(main_loop_shared_wavefronts_ideal);
#undef MEMBER
  return object(members);
}

// Runs what returns text under the driver's mutex and keeps the text for the calling thread; `otherwise` if there is no memory for it.
template <class Body> const char *text(std::string &kept, const char *otherwise, Body body) noexcept {
  try {
    std::lock_guard lock(Driver::get().mutex);
    kept = body();
    return kept.c_str();
  } catch (...) {
    return otherwise;
  }
}

}  // namespace

VGPU_EXPORT int vgpu_abi(void) noexcept { return VGPU_ABI; }

VGPU_EXPORT int vgpu_configure(const char *text) noexcept {
  try {
    std::lock_guard lock(Driver::get().mutex);
    problem.clear();
    configure(text ? text : "");
    return 0;
  } catch (Refused &refused) {
    problem.swap(refused.why);
  } catch (...) {
    problem = "out of memory";  // short enough to need none
  }
  return -1;
}

VGPU_EXPORT const char *vgpu_problem(void) noexcept { return problem.c_str(); }

VGPU_EXPORT const char *vgpu_findings(void) noexcept {
  static thread_local std::string kept;
  return text(kept, "out of memory: what was found cannot be told\n", [] {
    std::string result;
    for (auto &finding : findings())
      result += std::string(name(finding.kind)) + " (" + std::to_string(finding.count) + (finding.count == 1 ? " time): " : " times): ") +
                finding.text + "\n";
    return result;
  });
}

VGPU_EXPORT int64_t vgpu_finding_count(void) noexcept { return int64_t(finding_count()); }

VGPU_EXPORT const char *vgpu_counters(void) noexcept {
  static thread_local std::string kept;
  return text(kept, "", [] {
    std::vector<std::pair<std::string, std::string>> members;
    for (auto &[kernel, sums] : counters()) members.emplace_back(kernel, json(sums));
    return object(members);
  });
}

VGPU_EXPORT const char *vgpu_calls(void) noexcept {
  static thread_local std::string kept;
  return text(kept, "", [] {
    std::vector<std::pair<std::string, std::string>> members;
    for (auto &[function, count] : Driver::get().calls) members.emplace_back(function, std::to_string(count));
    return object(members);
  });
}

VGPU_EXPORT void vgpu_reset(void) noexcept {
  std::lock_guard lock(Driver::get().mutex);
  forget_findings();
  counters().clear();
  Driver::get().calls.clear();
}
