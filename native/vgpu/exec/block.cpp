// One thread block: its warps take turns, each running to a barrier, its end, or the end of its turn.
#include "access.h"
#include <algorithm>
#include <bit>

namespace vgpu {

namespace {

uint64_t special_value(Special which, const Worker &k, const Warp &w, uint32_t lane) {
  const Launch &l = k.launch.launch;
  const uint32_t thread = w.index * kLanes + lane, bit = 1u << lane;
  switch (which) {
    case Special::tid_x: return thread % l.block[0];
    case Special::tid_y: return thread / l.block[0] % l.block[1];
    case Special::tid_z: return thread / l.block[0] / l.block[1];
    case Special::ntid_x:
    case Special::ntid_y:
    case Special::ntid_z: return l.block[static_cast<int>(which) - static_cast<int>(Special::ntid_x)];
    case Special::ctaid_x:
    case Special::ctaid_y:
    case Special::ctaid_z: return k.ctaid[static_cast<int>(which) - static_cast<int>(Special::ctaid_x)];
    case Special::nctaid_x:
    case Special::nctaid_y:
    case Special::nctaid_z: return l.grid[static_cast<int>(which) - static_cast<int>(Special::nctaid_x)];
    case Special::laneid: return lane;
    case Special::warpid: return w.index;
    case Special::nwarpid: return k.warps.size();
    case Special::smid: return k.block_number % 2;  // as if there were two multiprocessors
    case Special::nsmid: return 2;
    case Special::gridid: return 0;
    case Special::lanemask_eq: return bit;
    case Special::lanemask_lt: return bit - 1;
    case Special::lanemask_le: return bit | (bit - 1);
    case Special::lanemask_gt: return ~(bit | (bit - 1));
    case Special::lanemask_ge: return ~(bit - 1);
    case Special::dynamic_smem_size: return l.dynamic_shared_bytes;
    case Special::total_smem_size:
    case Special::reserved_smem_begin: return k.reserved_from;
    case Special::reserved_smem_1: return k.reserved_from + kReservedShared / 2;
    case Special::reserved_smem_end: return k.reserved_from + kReservedShared;
    case Special::reserved_smem_cap: return kReservedShared;
  }
  return 0;
}

// The others stay as they are from block to block.
bool changes(Special which) {
  return which == Special::ctaid_x || which == Special::ctaid_y || which == Special::ctaid_z || which == Special::smid;
}

}  // namespace

Worker::Worker(LaunchState &state, uint64_t seed)
    : launch(state), kernel(state.kernel), settings(state.settings), random(seed * 0x9e3779b97f4a7c15u + 1) {
  const Launch &l = launch.launch;
  const uint32_t threads = l.block[0] * l.block[1] * l.block[2], count = (threads + kLanes - 1) / kLanes;
  const size_t frame = kernel.frame_bytes, local = (kernel.local_bytes * kLanes + 63) / 64 * 64;
  memory = LazyBytes(std::max<size_t>((frame + local) * count, 4096));
  warps.resize(count);
  caches.resize(kernel.caches);
  if (settings.analysis && kernel.arrangements) {
    arranged = std::make_unique<const Pattern *[]>(kernel.arrangements * count);
    std::fill_n(arranged.get(), kernel.arrangements * count, &kNoPattern);
  }
  executions.resize(kernel.blocks.size());
  this->threads.resize(kernel.blocks.size());
  shared_bytes = kernel.dynamic_shared_start + l.dynamic_shared_bytes;
  shared_bytes = std::max<uint64_t>(shared_bytes, kernel.info.static_shared_bytes);
  reserved_from = shared_bytes;
  if (kernel.reserved_shared) reserved_from = (shared_bytes + 127) / 128 * 128, shared_bytes = reserved_from + kReservedShared;
  shared_storage.resize(shared_bytes + 128);
  shared = shared_storage.data() + (128 - reinterpret_cast<uintptr_t>(shared_storage.data()) % 128) % 128;
  const size_t words = shared_bytes / kernel.granule + 16;
  granule_bits = static_cast<uint32_t>(std::countr_zero(kernel.granule));
  if (settings.races || settings.initialized) {
    if (!kernel.named_barriers) {
      shadow.resize(words, count, kernel.shared_atomics);
    } else {
      wrote.resize(words);
      pending.resize(words);
      reads = LazyBytes(words * count * sizeof(uint32_t));
      if (kernel.shared_atomics) updates = LazyBytes(words * count * sizeof(uint32_t));
    }
  }
  for (uint32_t n = 0; n < count; ++n) {
    Warp &w = warps[n];
    w.worker = this;
    w.index = n;
    w.whole = settings.analysis ? kAll : 0;
    w.frame = memory.data() + n * frame;
    w.local = memory.data() + count * frame + n * local;
    if (arranged) w.arranged = arranged.get() + n * kernel.arrangements;
    for (const Constant &c : kernel.constants) {
      for (int lane = 0; lane < kLanes; ++lane) {
        if (c.width == 1) w.predicate(c.offset) = c.bits ? kAll : 0;
        else std::memcpy(w.frame + c.offset + lane * (c.width / 8), &c.bits, c.width / 8);
      }
    }
    for (const SpecialSlot &s : kernel.specials) {
      for (uint32_t lane = 0; lane < kLanes; ++lane) {
        const uint64_t v = special_value(s.which, *this, w, lane);
        std::memcpy(w.frame + s.offset + lane * (s.width / 8), &v, s.width / 8);
      }
    }
  }
}

void Worker::start_block(uint64_t number) {
  const Launch &l = launch.launch;
  block_number = number;
  ctaid[0] = static_cast<uint32_t>(number % l.grid[0]);
  ctaid[1] = static_cast<uint32_t>(number / l.grid[0] % l.grid[1]);
  ctaid[2] = static_cast<uint32_t>(number / l.grid[0] / l.grid[1]);
  steps = 0;
  random = (settings.seed + number + 1) * 0x9e3779b97f4a7c15u;  // the same whichever thread runs the block
  if (++epoch > (1u << 26) - (1u << 20)) {                      // the shadow's epochs have 26 bits
    epoch = 1;
    shadow.forget();
    std::fill(wrote.begin(), wrote.end(), 0);
    std::fill(reads.begin(), reads.end(), 0);
    std::fill(updates.begin(), updates.end(), 0);
  }
  first_epoch = epoch;
  if (kernel.named_barriers) reset_barriers();
  if (kernel.phases) reset_phases();
  std::fill(pending.begin(), pending.end(), 0);  // a block may end with copies that nothing waited for
  any_pending = false;
  copies = 0;
  reduce_count[0] = reduce_count[1] = reduce_or[0] = reduce_or[1] = 0;
  reduce_and[0] = reduce_and[1] = kAll;
  // Shared memory starts as signalling NaNs, not as what the block before left.
  std::fill_n(reinterpret_cast<uint32_t *>(shared), shared_bytes / 4, 0x7fa5a5a5u);
  std::memset(shared + reserved_from, 0, shared_bytes - reserved_from);
  const uint32_t threads = l.block[0] * l.block[1] * l.block[2];
  for (Warp &w : warps) {
    const uint32_t lanes = std::min<uint32_t>(kLanes, threads - w.index * kLanes);
    w.live = lanes == kLanes ? kAll : (1u << lanes) - 1;
    w.mask = 0;
    w.carry = 0;
    w.state = WarpState::ready;
    w.blocked = false;
    w.in_vain = false;
    w.tested = nullptr;
    w.copies.clear();
    std::memset(w.committed, 0, sizeof w.committed);
    w.stack.assign(1, {0, w.live, static_cast<int32_t>(kernel.blocks.size())});
    for (const SpecialSlot &s : kernel.specials) {
      if (!changes(s.which)) continue;
      const uint64_t v = special_value(s.which, *this, w, 0);
      for (uint32_t lane = 0; lane < kLanes; ++lane) std::memcpy(w.frame + s.offset + lane * (s.width / 8), &v, s.width / 8);
    }
  }
}

void Worker::leave(Warp &w, uint32_t lanes) {
  w.live &= ~lanes;
  for (StackEntry &e : w.stack) e.mask &= ~lanes;
  std::erase_if(w.stack, [](const StackEntry &e) { return !e.mask; });
  if (kernel.named_barriers) open_after_exit();
}

// True if the warp did something; at most about `slice` instructions.
bool Worker::run_warp(Warp &w, uint64_t slice) {
  const Block *const blocks = kernel.blocks.data();
  const Instruction *const code = kernel.code.data();
  const int32_t end_of_kernel = static_cast<int32_t>(kernel.blocks.size());
  turn_end = steps + slice;  // a test of an mbarrier that fails may end it before
  for (;;) {
    if (w.stack.empty()) {
      w.state = WarpState::done;
      return true;
    }
    StackEntry &top = w.stack.back();
    if (__builtin_expect(top.waiting, 0)) {
      if (take_another(w, false)) continue;
      w.state = WarpState::at_barrier;
      return true;
    }
    if (top.block == end_of_kernel) {
      leave(w, top.mask);
      continue;
    }
    if (top.block == top.rejoin) {
      w.stack.pop_back();
      continue;
    }
    if (__builtin_expect(steps > turn_end, 0)) return true;
    const Block &b = blocks[top.block];
    w.set_mask(top.mask);
    ++executions[top.block];
    threads[top.block] += static_cast<uint64_t>(__builtin_popcount(top.mask));
    steps += b.instructions;
    if (__builtin_expect(steps > settings.budget, 0)) {
      const std::string waiting = kernel.phases ? who_waits() : "";
      fault(FindingKind::hang, code[b.ender], w, __builtin_ctz(w.mask),
            "is still running after " + std::to_string(steps) +
                " warp instructions of its block: an endless loop, or a wait for something that cannot come" +
                (waiting.empty() ? "" : ";" + waiting));
    }
    counting_main_loop = b.main_loop;
    for (const Instruction *i = code + b.begin, *end = code + b.end; i != end; i += i->length) i->run(*i, w);
    const uint32_t taken = b.guarded ? (b.guard_negated ? ~w.predicate(b.guard) : w.predicate(b.guard)) & top.mask : top.mask;
    switch (b.ending) {
      case Ending::fall: top.block = b.next; break;
      case Ending::leave:
        top.block = b.next;
        if (taken) leave(w, taken);
        break;
      case Ending::branch: {
        if (taken == top.mask) {
          top.block = b.target;
        } else if (!taken) {
          top.block = b.next;
        } else {
          const uint32_t rest = top.mask & ~taken;
          const int32_t rejoin = b.rejoin;
          if (rejoin == top.rejoin) w.stack.pop_back();  // who waits there is below already
          else top.block = rejoin;
          if (b.target != rejoin) w.stack.push_back({b.target, taken, rejoin});
          if (b.next != rejoin) w.stack.push_back({b.next, rest, rejoin});
        }
        break;
      }
      case Ending::barrier:
        top.block = b.next;
        if (!taken) break;
        if (kernel.named_barriers) {
          wait_at_barrier(code[b.ender], w, taken);
          if (w.state == WarpState::at_barrier) return true;
          break;
        }
        if (taken != w.live && settings.barriers && !seen(FindingKind::divergent_barrier, code[b.ender]))
          finding(FindingKind::divergent_barrier, code[b.ender], w, __builtin_ctz(taken),
                  "reaches a barrier without lanes " + hex(w.live & ~taken) + " of its warp, which have not exited");
        w.state = WarpState::at_barrier;
        return true;
    }
  }
}

void Worker::release_barrier() {
  for (Warp &w : warps)
    if (w.state == WarpState::at_barrier) w.state = WarpState::ready;
  ++epoch;
  reduce_count[epoch & 1] = reduce_or[epoch & 1] = 0;
  reduce_and[epoch & 1] = kAll;
}

void Worker::run_block() {
  std::vector<uint32_t> order(warps.size());
  for (uint32_t n = 0; n < order.size(); ++n) order[n] = n;
  if (settings.warps == WarpOrder::reverse) std::reverse(order.begin(), order.end());
  if (settings.warps == WarpOrder::one_warp_far) std::swap(order[0], order[settings.seed % order.size()]);
  for (;;) {
    if (settings.warps == WarpOrder::random)
      for (size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[next_random() % n]);
    bool running = false, waiting = false;
    for (uint32_t n : order) {
      Warp &w = warps[n];
      // Turns end, so that a warp that waits for another one's flag does not wait forever.
      if (w.state != WarpState::ready) continue;
      if (w.in_vain) let_other_lanes_run(w, false), w.in_vain = false;
      run_warp(w, settings.warps == WarpOrder::random ? 16 + (next_random() & 1023) : uint64_t(1) << 20);
    }
    for (const Warp &w : warps) {  // a later one may have opened the barrier of an earlier one
      running |= w.state == WarpState::ready;
      waiting |= w.state == WarpState::at_barrier;
    }
    if (running) {
      if (kernel.phases) watch_tests();
      continue;
    }
    if (!waiting) return;
    if (kernel.named_barriers) {
      resolve_standstill();
      continue;
    }
    release_barrier();
  }
}

void Worker::run() {
  for (;;) {
    const uint64_t n = launch.next.fetch_add(1);
    if (n >= launch.blocks || n > launch.stop.load()) return;
    start_block(settings.warps == WarpOrder::reverse ? launch.blocks - 1 - n : n);
    try {
      run_block();
    } catch (Fault &f) {
      std::lock_guard lock(launch.mutex);
      if (n < launch.fault_block) {
        launch.fault_block = n;
        launch.fault = f;
      }
      uint64_t stop = launch.stop.load();
      while (n < stop && !launch.stop.compare_exchange_weak(stop, n)) {
      }
    }
  }
}

void run_guarded(const Instruction &i, Warp &w) {
  const uint32_t all = w.mask, p = w.predicate(i.guard);
  const uint32_t mask = (i.guard_negated ? ~p : p) & all;
  if (!mask) return;
  if (mask == all) return i.guarded(i, w);
  w.set_mask(mask);
  i.guarded(i, w);
  w.set_mask(all);
}

}  // namespace vgpu
