// cp.async. A copy is done at the wait that covers it, the latest moment that PTX allows; until then its words count as
// pending, so that a wait that is missing or too weak shows in the check and in the numbers.
#include "access.h"

namespace vgpu {
namespace {

void finish_copy(Warp &w, AsyncCopy &copy, uint32_t lanes) {
  for (uint32_t m = lanes; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    uint8_t *to = w.worker->shared + copy.to[l];
    if (copy.read[l] == 16) {
      std::memcpy(to, reinterpret_cast<const void *>(copy.from[l]), 16);
    } else {
      if (copy.read[l]) std::memcpy(to, reinterpret_cast<const void *>(copy.from[l]), copy.read[l]);
      std::memset(to + copy.read[l], 0, copy.bytes - copy.read[l]);
    }
    shared_copy_done(w, copy.to[l], copy.bytes);
  }
  copy.mask &= ~lanes;
}

// Operands: shared address, global address, bytes to read (32 bits); immediate is the offset of the global address, and the
// shared one has none left (the decoder adds it).
void copy_async(const Instruction &i, Warp &w) {
  Worker &k = *w.worker;
  const uint32_t *read = w.at<uint32_t>(i.o[2]);
  if (w.spare.empty()) w.spare.push_back(std::make_unique<AsyncCopy>());
  AsyncCopy &copy = *w.spare.back();
  copy.number = i.number;
  copy.low = ~uint64_t(0);
  copy.high = 0;
  copy.oldest = ~0u;
  copy.bytes = i.bytes;
  copy.mask = w.mask;
  // The source: lanes that read less than all (the zero-filled border) are checked for what they read.
  uint32_t whole = 0;
  const bool wide = i.flags & kWideAddress;
  const uint8_t *from_register = w.at<uint8_t>(i.o[1]);
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    if (read[l] > i.bytes && !k.seen(FindingKind::bad_instruction, i))
      k.finding(FindingKind::bad_instruction, i, w, l,
                "reads " + std::to_string(read[l]) + " bytes for a copy of " + std::to_string(i.bytes) + ", which is not defined");
    copy.read[l] = static_cast<uint8_t>(std::min<uint32_t>(read[l], i.bytes));
    copy.from[l] = (wide ? reinterpret_cast<const uint64_t *>(from_register)[l] : reinterpret_cast<const uint32_t *>(from_register)[l]) +
                   static_cast<uint64_t>(i.immediate);
    if (copy.read[l] == i.bytes) whole |= 1u << l;
    if (copy.read[l]) copy.low = std::min(copy.low, copy.from[l]), copy.high = std::max(copy.high, copy.from[l] + copy.read[l]);
  }
  const uint32_t all = w.mask;
  auto check = [&](const Instruction &access) {
    AccessCache &c = k.caches[access.cache];
    if (!resolve_global(access, w, c, from_register, Intent::load))
      one_by_one(w, [&] { resolve_global(access, w, c, from_register, Intent::load); });
  };
  if (whole) w.set_mask(whole), check(i);
  for (uint32_t m = all & ~whole; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    if (!copy.read[l]) continue;
    Instruction part = i;
    part.bytes = 1;
    for (int n = 0; n < copy.read[l]; ++n, ++part.immediate) w.set_mask(m & -m), check(part);
  }
  w.set_mask(all);
  const uint8_t *to_register = w.at<uint8_t>(i.o[0]);
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    uint64_t to = i.mode ? reinterpret_cast<const uint64_t *>(to_register)[l] : reinterpret_cast<const uint32_t *>(to_register)[l];
    if (to >= k.shared_bytes || i.bytes > k.shared_bytes - to)
      k.fault(FindingKind::out_of_bounds, i, w, l,
              "copies " + std::to_string(i.bytes) + " bytes to shared address " + hex(to) + "; the block has " +
                  std::to_string(k.shared_bytes) + " bytes of shared memory");
    if (to & (i.bytes - 1))
      k.fault(FindingKind::misaligned, i, w, l,
              "copies " + std::to_string(i.bytes) + " bytes to shared address " + hex(to) + ", which is no multiple of that");
    copy.to[l] = static_cast<uint32_t>(to);
    copy.group[l] = w.committed[l];
    copy.oldest = std::min(copy.oldest, w.committed[l]);
    shared_copy_issued(i, w, l, copy.to[l], i.bytes);
  }
  w.copies.push_back(std::move(w.spare.back()));
  w.spare.pop_back();
}

// Does the copies of the active lanes whose group is older than the newest `left` committed ones.
void wait(Warp &w, bool everything, uint32_t left) {
  uint32_t newest = 0;
  for (uint32_t m = w.mask; m; m &= m - 1) newest = std::max(newest, w.committed[__builtin_ctz(m)]);
  size_t kept = 0;
  for (size_t n = 0; n < w.copies.size(); ++n) {
    AsyncCopy &copy = *w.copies[n];
    if (everything || copy.oldest + left < newest) {
      uint32_t lanes = 0;
      for (uint32_t m = copy.mask & w.mask; m; m &= m - 1) {
        int l = __builtin_ctz(m);
        if (everything || copy.group[l] + left < w.committed[l]) lanes |= 1u << l;
      }
      finish_copy(w, copy, lanes);
    }
    if (copy.mask) std::swap(w.copies[kept++], w.copies[n]);
    else w.spare.push_back(std::move(w.copies[n]));
  }
  w.copies.resize(kept);
  Worker &k = *w.worker;
  k.any_pending = false;
  for (const Warp &other : k.warps) k.any_pending |= !other.copies.empty();
}

}  // namespace

Handler async_copy_handler() { return copy_async; }

void commit_copies(const Instruction &, Warp &w) {
  for (uint32_t m = w.mask; m; m &= m - 1) ++w.committed[__builtin_ctz(m)];
}
void check_copy_sources(const Instruction &i, Warp &w, const AccessCache &c, uint64_t base) {
  Worker &k = *w.worker;
  if (!k.settings.races) return;
  for (const Warp &reader : k.warps) {
    for (const auto &copy : reader.copies) {
      if (base + c.high <= copy->low || base + c.low >= copy->high) continue;
      for (uint32_t m = copy->mask; m; m &= m - 1) {
        const int l = __builtin_ctz(m);
        const uint64_t from = copy->from[l], to = from + copy->read[l];
        for (uint32_t n = w.mask; n; n &= n - 1) {
          const uint64_t at = base + c.relative[__builtin_ctz(n)];
          if (at >= to || at + i.bytes <= from || k.seen(FindingKind::pending_copy, i)) continue;
          k.finding(FindingKind::pending_copy, i, w, __builtin_ctz(n),
                    "writes " + std::to_string(i.bytes) + " bytes at " + hex(at) + " while the cp.async of PTX line " +
                        std::to_string(k.kernel.places[copy->number].line) + " may still read there: warp " + std::to_string(reader.index) +
                        " has not waited for it, " + describe_address(at, k.launch.launch.device));
        }
      }
    }
  }
}

void wait_for_copies(const Instruction &i, Warp &w) { wait(w, false, static_cast<uint32_t>(i.immediate)); }
void wait_for_all_copies(const Instruction &, Warp &w) { wait(w, true, 0); }

}  // namespace vgpu
