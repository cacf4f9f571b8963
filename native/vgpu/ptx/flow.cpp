// From a draft to a kernel: basic blocks, where diverged lanes meet again, the main loop, and places in the frame.
#include "liveness.h"
#include "products.h"
#include "../exec/access.h"
#include <algorithm>
#include <bit>

namespace vgpu {
namespace {

// Immediate dominators by the simple iteration of Cooper, Harvey and Kennedy. Nodes that the root does not reach keep -1.
std::vector<int> dominators(int count, int root, const Edges &successors, const Edges &predecessors) {
  std::vector<int> order, number(count, -1), state(count, 0), stack{root};
  while (!stack.empty()) {
    int n = stack.back();
    if (state[n] == 0) {
      state[n] = 1;
      for (int s : successors[n])
        if (state[s] == 0) stack.push_back(s);
    } else {
      stack.pop_back();
      if (state[n] == 1) {
        state[n] = 2;
        number[n] = static_cast<int>(order.size());
        order.push_back(n);
      }
    }
  }
  std::vector<int> dominator(count, -1);
  dominator[root] = root;
  auto meet = [&](int a, int b) {
    while (a != b) {
      while (number[a] < number[b]) a = dominator[a];
      while (number[b] < number[a]) b = dominator[b];
    }
    return a;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = order.size(); k-- > 0;) {
      int n = order[k];
      if (n == root) continue;
      int d = -1;
      for (int p : predecessors[n])
        if (number[p] >= 0 && dominator[p] >= 0) d = d < 0 ? p : meet(d, p);
      if (d >= 0 && d != dominator[n]) dominator[n] = d, changed = true;
    }
  }
  return dominator;
}

// Cuts the steps at branches, barriers and labels. block_of maps a step that begins a block to it.
std::vector<int> cut(Draft &draft) {
  Kernel &k = *draft.kernel;
  const size_t n = draft.steps.size();
  std::vector<char> begins(n + 1, 0);
  begins[0] = 1;
  for (size_t s = 0; s < n; ++s) {
    if (draft.steps[s].ending == Ending::fall) continue;
    begins[s + 1] = 1;
    if (draft.steps[s].target >= 0) begins[draft.start[draft.steps[s].target]] = 1;
  }
  std::vector<int> block_of(n + 1, -1);
  for (size_t s = 0; s < n; ++s) {
    Step &step = draft.steps[s];
    if (begins[s]) {
      block_of[s] = static_cast<int>(k.blocks.size());
      k.blocks.emplace_back();
      k.blocks.back().begin = k.blocks.back().end = static_cast<uint32_t>(s);
    }
    Block &b = k.blocks.back();
    if (step.first) {
      ++b.instructions;
      ++b.counts[static_cast<int>(step.i.category)];
    }
    step.i.number = static_cast<uint32_t>(s);
    k.code.push_back(step.i);
    k.places.push_back(step.place);
    b.ender = static_cast<uint32_t>(s);
    if (step.ending == Ending::fall) {
      b.end = static_cast<uint32_t>(s + 1);
    } else {
      b.ending = step.ending;
      b.guarded = step.i.guard != ~0u;
      b.guard_negated = step.i.guard_negated;
      b.guard = step.i.guard;
      b.target = step.target;  // a statement still
    }
  }
  block_of[n] = static_cast<int>(k.blocks.size());
  return block_of;
}

// Gives registers that are never live together one place.
void place_registers(Draft &draft, const Liveness &live) {
  Kernel &k = *draft.kernel;
  const size_t count = draft.registers.size(), blocks = k.blocks.size();
  const Sets &in = live.in, &out = live.out;
  auto plain = [&](uint32_t r) { return draft.registers[r].kind == RegisterKind::plain; };
  // One interval of steps for each register, over all blocks in their order.
  std::vector<int64_t> from(count, INT64_MAX), to(count, -1);
  auto touch = [&](uint32_t r, int64_t at) {
    from[r] = std::min(from[r], at);
    to[r] = std::max(to[r], at);
  };
  for (size_t b = 0; b < blocks; ++b) {
    const int64_t begin = k.blocks[b].begin, last = end_of(k.blocks[b]);
    for (size_t w = 0; w < in.words; ++w) {
      for (uint64_t x = in.bits[b * in.words + w]; x; x &= x - 1) touch(static_cast<uint32_t>(w * 64 + std::countr_zero(x)), 2 * begin);
      for (uint64_t x = out.bits[b * in.words + w]; x; x &= x - 1) touch(static_cast<uint32_t>(w * 64 + std::countr_zero(x)), 2 * last);
    }
    for (int64_t s = begin; s < last; ++s) {
      Instruction &i = k.code[s];
      const uint32_t *o = k.operands(i);
      if (i.guard != ~0u) touch(i.guard, 2 * s + 1);
      for (int n = i.defs; n < i.defs + i.uses; ++n) touch(o[n], 2 * s);
      for (int n = 0; n < i.defs; ++n) touch(o[n], 2 * s + 1);
    }
  }
  const uint8_t widths[] = {64, 32, 16, 8, 1};
  uint32_t offset = 0;
  for (uint8_t width : widths) {
    const uint32_t bytes = width == 1 ? 4 : width * 4;
    std::vector<uint32_t> order;
    for (uint32_t r = 0; r < count; ++r) {
      Register &reg = draft.registers[r];
      if (reg.width != width) continue;
      if (plain(r)) {
        if (to[r] >= 0) order.push_back(r);
        continue;
      }
      reg.offset = offset;
      offset += bytes;
      if (reg.kind == RegisterKind::constant) k.constants.push_back({reg.offset, reg.width, reg.bits});
      else k.specials.push_back({reg.offset, reg.which, reg.width});
    }
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return from[a] < from[b]; });
    std::vector<std::pair<int64_t, uint32_t>> active;  // end, offset; a heap with the earliest end on top
    for (uint32_t r : order) {
      uint32_t place;
      if (!active.empty() && active.front().first < from[r]) {
        std::pop_heap(active.begin(), active.end(), std::greater<>());
        place = active.back().second;
        active.pop_back();
      } else {
        place = offset;
        offset += bytes;
      }
      draft.registers[r].offset = place;
      active.push_back({to[r], place});
      std::push_heap(active.begin(), active.end(), std::greater<>());
    }
  }
  k.frame_bytes = (offset + 255) / 256 * 256 + 256;  // an odd number of cache sets between warps
  for (Instruction &i : k.code) {
    uint32_t *o = k.operands(i);
    for (int n = 0; n < i.defs + i.uses; ++n) o[n] = draft.registers[o[n]].offset;
    if (i.guard != ~0u) i.guard = draft.registers[i.guard].offset;
  }
  for (Block &b : k.blocks)
    if (b.guarded) b.guard = draft.registers[b.guard].offset;
}

// The loop with the most multiply-adds of its own, in no loop within it: a tensor instruction counts as the fma of a warp that it stands
// for, about.
void find_main_loop(Kernel &k, const Edges &successors, const Edges &predecessors, const std::vector<int> &dominator) {
  const int count = static_cast<int>(k.blocks.size());
  auto dominates = [&](int a, int b) {
    for (;; b = dominator[b]) {
      if (b == a) return true;
      if (b < 0 || dominator[b] < 0 || dominator[b] == b) return false;
    }
  };
  std::map<int, std::vector<char>> loops;  // by header
  for (int b = 0; b < count; ++b) {
    for (int h : successors[b]) {
      if (h >= count || dominator[b] < 0 || !dominates(h, b)) continue;
      auto &body = loops.try_emplace(h, std::vector<char>(count, 0)).first->second;
      body[h] = 1;
      std::vector<int> todo{b};
      while (!todo.empty()) {
        int n = todo.back();
        todo.pop_back();
        if (body[n]) continue;
        body[n] = 1;
        for (int p : predecessors[n]) todo.push_back(p);
      }
    }
  }
  auto size = [](const std::vector<char> &body) { return std::count(body.begin(), body.end(), 1); };
  std::map<const std::vector<char> *, uint64_t> fma;  // of the blocks that are in no smaller loop
  for (int b = 0; b < count; ++b) {
    const std::vector<char> *smallest = nullptr;
    for (auto &[header, body] : loops)
      if (body[b] && (!smallest || size(body) < size(*smallest))) smallest = &body;
    const auto *counts = k.blocks[b].counts;
    if (smallest) fma[smallest] += counts[static_cast<int>(Category::fma)] + 64 * counts[static_cast<int>(Category::tensor)];
  }
  uint64_t most = 0;
  const std::vector<char> *best = nullptr;
  for (auto &[header, body] : loops)
    if (fma[&body] > most) most = fma[&body], best = &body;
  if (best)
    for (int b = 0; b < count; ++b) k.blocks[b].main_loop = (*best)[b];
}

// Multiply-adds side by side become one instruction to dispatch. A factor that neighbours have in common comes first.
void join_multiply_adds(Kernel &k) {
  const Handler one = find_form("fma.rn.f32")->run;
  for (const Block &b : k.blocks) {
    for (uint32_t s = b.begin, e; s < b.end; s = std::max(e, s + k.code[s].length)) {
      for (e = s; e < b.end && k.code[e].run == one; ++e) {
        uint32_t *o = k.code[e].o;
        const uint32_t *before = e > s ? k.code[e - 1].o : nullptr,
                       *after = e + 1 < b.end && k.code[e + 1].run == one ? k.code[e + 1].o : nullptr;
        const bool first_held = before && before[1] == o[1], second_held = before && before[1] == o[2];
        const bool second_next = after && (after[1] == o[2] || after[2] == o[2]);
        if (second_held || (!first_held && second_next)) std::swap(o[1], o[2]);
      }
      if (e - s < 2) continue;
      k.code[s].run = fma_row;
      k.code[s].length = e - s;
    }
  }
}

// Loads from shared memory side by side, from one address register that they leave alone.
void join_loads(Kernel &k) {
  for (const Block &b : k.blocks) {
    for (uint32_t s = b.begin, e; s < b.end; s = std::max(e, s + k.code[s].length)) {
      e = s;
      Instruction &first = k.code[s];
      const Handler row = first.space == Space::shared && first.defs ? load_row_handler(first.run) : nullptr;
      if (!row) continue;
      const uint32_t address = first.o[first.defs];
      auto joins = [&](const Instruction &i) {
        return i.run == first.run && i.o[i.defs] == address && ((i.flags ^ first.flags) & kWideAddress) == 0 &&
               std::find(i.o, i.o + i.defs, address) == i.o + i.defs;
      };
      while (e < b.end && joins(k.code[e])) ++e;
      if (e - s < 2) continue;
      first.length = e - s;
      first.run = row;
    }
  }
}

}  // namespace

void finish(Draft &draft) {
  Kernel &k = *draft.kernel;
  const std::vector<int> block_of = cut(draft);
  const int count = static_cast<int>(k.blocks.size());
  Edges successors(count + 1), predecessors(count + 1);
  for (int b = 0; b < count; ++b) {
    Block &block = k.blocks[b];
    block.next = b + 1;
    if (block.ending == Ending::branch) block.target = block_of[draft.start[block.target]];
    auto edge = [&](int to) {
      successors[b].push_back(to);
      predecessors[to].push_back(b);
    };
    if (block.ending == Ending::branch) edge(block.target);
    if (block.ending == Ending::leave) edge(count);
    if (block.guarded || block.ending == Ending::fall || block.ending == Ending::barrier) edge(block.next);
  }
  std::vector<int> rejoin = dominators(count + 1, count, predecessors, successors);
  for (int b = 0; b < count; ++b) k.blocks[b].rejoin = rejoin[b] < 0 ? count : rejoin[b];  // an endless loop reaches no end
  find_main_loop(k, successors, predecessors, dominators(count + 1, 0, successors, predecessors));
  delay_multiply_adds(draft);
  const Liveness live = find_live(draft, successors);
  find_shapes(draft, successors, live);
  std::vector<ProductTiles> products = find_products(draft);
  place_registers(draft, live);
  join_products(draft, products);
  join_multiply_adds(k);
  join_loads(k);
}

}  // namespace vgpu
