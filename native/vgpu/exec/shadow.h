// The shadow of shared memory in kernels with one barrier: what has been written, what a cp.async will write, and which warp has read and
// written what since the barrier. Bits of 32 granules side by side are a word, so that an access looks at a few words and not at each
// granule. Where warps meet at several barriers there are clocks instead (clocks.h).
#pragma once
#include <cstdint>
#include <vector>

namespace vgpu {

enum class Intent : uint8_t { load, store, atomic };

struct SharedProblems {
  uint32_t missing = 0, race = 0, pending = 0;  // granules that nothing has written, another warp has touched, a copy will write
  int other = -1;                               // the warp that it races with first; -1: several
  bool other_read = false;                      // and whether that one only read
};

// 32 granules. What warps did is of one epoch, and forgotten in the next.
struct ShadowLine {
  uint32_t epoch;
  uint32_t written;  // in this block
  uint32_t pending;
  uint32_t quiet;    // written, but not since the barrier, and not pending: loads need look no further
  uint32_t touched;  // read, written or updated since the barrier: if not, and not pending, stores need not
  uint32_t warps[];  // what each has read, then what each has written, then what each has updated with atomics
};

class Shadow {
 public:
  void resize(uint64_t granules, uint32_t warps, bool atomics);
  void forget();  // epochs begin anew

  // Of this epoch; a line of before `first_epoch` is of another block.
  ShadowLine &line(uint32_t number, uint32_t epoch, uint32_t first_epoch) {
    auto &l = *reinterpret_cast<ShadowLine *>(lines_ + static_cast<size_t>(number) * stride_);
    if (__builtin_expect(l.epoch != epoch, 0)) renew(l, epoch, first_epoch);
    return l;
  }
  // What an access to these granules of a line would have to report.
  SharedProblems problems(const ShadowLine &l, uint32_t granules, uint32_t warp, Intent intent) const;
  void note(ShadowLine &l, uint32_t granules, uint32_t warp, Intent intent) const {
    l.touched |= granules;
    l.warps[static_cast<uint32_t>(intent) * warps_ + warp] |= granules;
    if (intent == Intent::load) return;
    l.written |= granules;
    l.quiet &= ~granules;
  }
  static void issue(ShadowLine &l, uint32_t granules) {  // a copy that will write them
    l.pending |= granules;
    l.quiet &= ~granules;
  }

 private:
  static constexpr uint32_t kAlign = 64 / sizeof(uint32_t);
  std::vector<uint32_t> storage_;
  uint32_t *lines_ = nullptr;
  uint32_t warps_ = 0, stride_ = 0;
  bool atomics_ = false;

  void renew(ShadowLine &l, uint32_t epoch, uint32_t first_epoch) const;
  uint32_t of_others(const ShadowLine &l, Intent what, uint32_t warp) const;
};

// f(line, granules of it) for granules `from` to `to` - 1.
template <class F> [[gnu::always_inline]] inline void split_by_lines(uint32_t from, uint32_t to, F f) {
  const uint32_t last = (to - 1) >> 5;
  for (uint32_t n = from >> 5; n <= last; ++n) {
    uint32_t granules = ~0u;
    if (n == from >> 5) granules &= ~0u << (from & 31);
    if (n == last) granules &= ~0u >> (31 - ((to - 1) & 31));
    f(n, granules);
  }
}

}  // namespace vgpu
