// A product on tensor cores as nvcc compiles it (test/ptx/gemm.cu): right in every mode and order, counted, and with faults put in.
#include "core_test.h"
#include <bit>
#include <cmath>
#include <random>

using namespace core_test;

namespace {

constexpr uint32_t kRows = 64, kColumns = 96, kDepth = 80;

float widened(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
uint16_t rounded(float x) {
  const uint32_t b = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

struct Gemm {
  Buffer a{kRows * kDepth * 2}, b{kColumns * kDepth * 2}, c{kRows * kColumns * 4}, rectified{kRows * kColumns * 2};
  Gemm() {
    std::mt19937 random(static_cast<uint32_t>(harness::state().seed));
    std::normal_distribution<float> normal;
    for (uint32_t n = 0; n < kRows * kDepth; ++n) a.as<uint16_t>()[n] = rounded(normal(random));
    for (uint32_t n = 0; n < kColumns * kDepth; ++n) b.as<uint16_t>()[n] = rounded(normal(random));
  }
  Outcome run(const Module &module) const {
    Launch l;
    l.kernel = module.kernel("gemm");
    l.grid[0] = kColumns / 32;
    l.grid[1] = kRows / 32;
    l.block[0] = 64;
    l.arguments = Arguments().add(a).add(b).add(c).add(rectified).add(kColumns).add(kDepth).bytes;
    return vgpu::run(l);
  }
  // The largest error over the sum of magnitudes.
  double error() const {
    double most = 0;
    for (uint32_t m = 0; m < kRows; ++m)
      for (uint32_t n = 0; n < kColumns; ++n) {
        double sum = 0, magnitude = 0;
        for (uint32_t k = 0; k < kDepth; ++k) {
          const double term = double(widened(a.as<uint16_t>()[m * kDepth + k])) * widened(b.as<uint16_t>()[n * kDepth + k]);
          sum += term;
          magnitude += std::fabs(term);
        }
        const float is = c.as<float>()[m * kColumns + n];
        most = std::max(most, std::fabs(is - sum) / magnitude);
        expect(rectified.as<uint16_t>()[m * kColumns + n] == rounded(std::max(is, 0.0f)), "relu in bf16");
      }
    return most;
  }
  std::vector<uint32_t> bits() const { return {c.as<uint32_t>(), c.as<uint32_t>() + kRows * kColumns}; }
};

}  // namespace

TEST(gemm_on_tensor_cores) {
  auto module = load(file_text("gemm.ptx"));
  if (!module) return;
  std::vector<std::vector<uint32_t>> sums;
  for (Accumulation mode : {Accumulation::published, Accumulation::exact, Accumulation::adversarial}) {
    std::vector<uint32_t> first;
    for (WarpOrder order : {WarpOrder::round_robin, WarpOrder::reverse}) {
      for (int threads : {1, 4}) {
        settings().accumulation = mode;
        settings().warps = order;
        settings().threads = threads;
        const Gemm gemm;
        const Outcome o = gemm.run(*module);
        expect(!o.found, found(o));
        const double error = gemm.error();
        expect(error < 1e-6, "an error of " + std::to_string(error));
        if (order != WarpOrder::round_robin && mode == Accumulation::adversarial) continue;  // another order draws other numbers
        if (first.empty()) first = gemm.bits();
        expect(gemm.bits() == first, "other sums with another order of warps or number of threads");
      }
    }
    sums.push_back(first);
  }
  expect(sums[0] != sums[1] && sums[1] != sums[2], "two modes have the same sums");
}

TEST(counters_of_tensor_cores) {
  auto module = load(file_text("gemm.ptx"));
  if (!module) return;
  const Counters c = Gemm().run(*module).counters;
  const uint64_t warps = 2 * (kRows / 32) * (kColumns / 32), slices = kDepth / 16;
  expect(c.tensor == warps * slices * 4 && c.shared_loads == warps * slices * 3 && c.fma == 0, "instructions");
  // The loop with mma is the main one: all reads of shared memory are in it.
  expect(c.main_loop_shared_wavefronts == c.shared_wavefronts && c.shared_wavefronts == c.shared_loads * 4, "wavefronts");
}

TEST(a_loop_with_another_in_it_may_be_the_main_one) {
  std::string text = file_text("gemm.ptx");
  const size_t at = text.find("mma.sync");
  if (at == std::string::npos) return fail("no mma.sync");
  text.insert(at,
              "{ .reg .pred %again; .reg .b32 %turn; mov.u32 %turn, 0;\n"
              "turn_again: add.u32 %turn, %turn, 1; setp.lt.u32 %again, %turn, 3; @%again bra turn_again; }\n");
  auto module = load(text);
  if (!module) return;
  const Counters c = Gemm().run(*module).counters;
  expect(c.shared_wavefronts > 0 && c.main_loop_shared_wavefronts == c.shared_wavefronts, "wavefronts");
}

TEST(faults_in_a_gemm) {
  const std::string text = file_text("gemm.ptx");
  auto check = [&](const std::string &title, const std::string &what, const std::string &with, bool last, const std::string &kind) {
    std::string mutant = text;
    const size_t at = last ? mutant.rfind(what) : mutant.find(what);
    if (at == std::string::npos) return fail(title + ": \"" + what + "\" is not in the kernel");
    mutant.replace(at, what.size(), with);
    auto module = load(mutant);
    if (!module) return;
    const Outcome o = Gemm().run(*module);
    expect(contains(found(o), kind), title + ": " + found(o) + " instead of " + kind);
  };
  check("as it is", "bar.sync", "bar.sync", false, "clean");
  check("no wait", "cp.async.wait_group 0;", "", false, "pending-copy");
  check("a wait for all but the last", "cp.async.wait_group 0;", "cp.async.wait_group 1;", false, "pending-copy");
  check("copies in no group", "cp.async.commit_group;", "", true, "pending-copy");
  check("no barrier: the other warp has copied nothing yet", "bar.sync \t0;", "", false, "uninitialized-shared");
  const std::string matrix_a = "{%r69, %r70, %r71, %r72}, [%r73", matrix_b = "{%r79, %r80, %r81, %r82}, [%r83";
  check("rows at half an address", matrix_a, matrix_a + "+8", false, "misaligned");
  check("the other slot", matrix_b, matrix_b + "+1536", false, "uninitialized-shared");
}
