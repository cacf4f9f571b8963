#include "products.h"
#include "../exec/product_tiles.h"
#include <algorithm>

namespace vgpu {
namespace {

// Steps of a sum that are put together. Further ones would keep too many factors alive: 4 steps of 8 by 8 are 16 KB of a warp's frame.
constexpr uint32_t kSteps = 4;

bool is_multiply_add(const Instruction &i) {
  static const Handler one = find_form("fma.rn.f32")->run;
  return i.run == one;
}

// Moves multiply-adds of a block down until something needs what they give or changes what they take. They touch no memory and cannot
// fail, so nothing else notices.
class Delay {
 public:
  explicit Delay(Draft &draft)
      : kernel_(*draft.kernel), source_(draft.registers.size()), result_(draft.registers.size()), depth_(draft.registers.size()) {}

  void block(const Block &b) {
    order_.clear();
    waiting_.clear();
    ++time_;
    for (uint32_t s = b.begin; s < b.end; ++s) {
      const Instruction &i = kernel_.code[s];
      if (is_multiply_add(i)) wait(i);
      else {
        if (!independent(i)) release();
        order_.push_back(i);
      }
    }
    release();
    std::copy(order_.begin(), order_.end(), kernel_.code.begin() + b.begin);
  }

 private:
  Kernel &kernel_;
  std::vector<Instruction> order_, waiting_;
  std::vector<uint32_t> source_, result_;  // of a register: the time if a waiting one takes or gives it
  std::vector<uint32_t> depth_;            // steps of the sum that a waiting one gives
  uint32_t time_ = 0;

  void wait(const Instruction &i) {
    uint32_t depth = result_[i.o[3]] == time_ ? depth_[i.o[3]] + 1 : 1;
    if (depth > kSteps) release(), depth = 1;
    waiting_.push_back(i);
    for (int n = 1; n < 4; ++n) source_[i.o[n]] = time_;
    result_[i.o[0]] = time_;
    depth_[i.o[0]] = depth;
  }
  bool independent(const Instruction &i) const {
    const uint32_t *o = kernel_.operands(i);
    if (i.guard != ~0u && result_[i.guard] == time_) return false;
    for (int n = 0; n < i.defs; ++n)
      if (source_[o[n]] == time_ || result_[o[n]] == time_) return false;
    for (int n = i.defs; n < i.defs + i.uses; ++n)
      if (result_[o[n]] == time_) return false;
    return true;
  }
  void release() {
    order_.insert(order_.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    ++time_;
  }
};

// The sums of a row of multiply-adds, if they can be taken one by one: no factor is a result, and what is in between is wanted nowhere
// else.
bool find_chains(const Kernel &k, uint32_t begin, uint32_t end, const std::vector<uint32_t> &uses, const std::vector<uint32_t> &defs,
                 std::vector<Chain> &chains) {
  std::map<uint32_t, size_t> open;  // by the register that has the sum so far
  std::vector<uint32_t> results;
  for (uint32_t s = begin; s < end; ++s) {
    const uint32_t *o = k.code[s].o;
    const auto it = open.find(o[3]);
    size_t chain = chains.size();
    if (it == open.end()) {
      chains.push_back({{}, {}, o[3], o[0]});
    } else {
      chain = it->second;
      const bool passes = o[0] == o[3] || (uses[o[3]] == 1 && defs[o[3]] == 1);
      if (!passes) return false;
      open.erase(it);
    }
    if (!open.try_emplace(o[0], chain).second) return false;
    chains[chain].left.push_back(o[1]);
    chains[chain].right.push_back(o[2]);
    chains[chain].last = o[0];
    results.push_back(o[0]);
  }
  std::sort(results.begin(), results.end());
  const auto given = [&](uint32_t r) { return std::binary_search(results.begin(), results.end(), r); };
  for (const Chain &c : chains) {
    for (size_t n = 0; n < c.left.size(); ++n)
      if (given(c.left[n]) || given(c.right[n])) return false;
    if (c.head != c.last && given(c.head)) return false;
  }
  return true;
}

// Up to 2 by 4 sums whose factors are those of 2 rows and 4 columns.
struct Tile {
  std::vector<size_t> rows[2];  // chains
};
std::vector<Tile> make_tiles(std::vector<Chain> &chains) {
  using Factors = std::vector<uint32_t>;
  std::map<Factors, std::map<Factors, size_t>> rows;  // by the left factors and the right ones
  for (size_t n = 0; n < chains.size(); ++n) rows[chains[n].left].try_emplace(chains[n].right, n);
  std::vector<Tile> tiles;
  for (size_t n = 0; n < chains.size(); ++n) {
    if (chains[n].placed) continue;
    Tile tile;
    const std::map<Factors, size_t> &first = rows[chains[n].left];
    // Those to the right of it, as the program has them.
    for (size_t m = n; m < chains.size() && tile.rows[0].size() < 4; ++m)
      if (!chains[m].placed && chains[m].left == chains[n].left) {
        const auto it = first.find(chains[m].right);
        if (it != first.end() && it->second == m) tile.rows[0].push_back(m);
      }
    if (tile.rows[0].empty()) tile.rows[0].push_back(n);  // the same factors twice
    for (const auto &[left, others] : rows) {
      if (left == chains[n].left || left.size() != chains[n].left.size()) continue;
      std::vector<size_t> second;
      for (size_t m : tile.rows[0]) {
        const auto it = others.find(chains[m].right);
        if (it != others.end() && !chains[it->second].placed) second.push_back(it->second);
      }
      if (second.size() != tile.rows[0].size()) continue;
      tile.rows[1] = second;
      break;
    }
    for (const auto &row : tile.rows)
      for (size_t m : row) chains[m].placed = true;
    tiles.push_back(tile);
  }
  return tiles;
}

// Whether a tile that comes first would write where a later one still reads: registers that are not live together share places.
bool in_the_way(const std::vector<Tile> &tiles, const std::vector<Chain> &chains, const std::vector<Register> &registers) {
  std::map<uint32_t, size_t> writer;
  for (size_t t = 0; t < tiles.size(); ++t)
    for (const auto &row : tiles[t].rows)
      for (size_t n : row)
        if (!writer.try_emplace(registers[chains[n].last].offset, t).second) return true;
  for (size_t t = 0; t < tiles.size(); ++t) {
    auto reads = [&](uint32_t r) {
      const auto it = writer.find(registers[r].offset);
      return it != writer.end() && it->second < t;
    };
    for (const auto &row : tiles[t].rows)
      for (size_t n : row) {
        if (reads(chains[n].head)) return true;
        for (size_t s = 0; s < chains[n].left.size(); ++s)
          if (reads(chains[n].left[s]) || reads(chains[n].right[s])) return true;
      }
  }
  return false;
}

// As exec/product_tiles.cpp reads it: how many tiles; of each rows, columns, steps, the places of what is added to, of the sums, and for
// each step those of the left factors and of the right ones.
uint32_t write_tiles(Kernel &k, const std::vector<Tile> &tiles, const std::vector<Chain> &chains, const std::vector<Register> &registers) {
  const uint32_t at = static_cast<uint32_t>(k.lists.size());
  auto place = [&](uint32_t r) { k.lists.push_back(registers[r].offset); };
  k.lists.push_back(static_cast<uint32_t>(tiles.size()));
  for (const Tile &t : tiles) {
    const Chain &corner = chains[t.rows[0][0]];
    const uint32_t shape[] = {t.rows[1].empty() ? 1u : 2u, static_cast<uint32_t>(t.rows[0].size()),
                              static_cast<uint32_t>(corner.left.size())};
    k.lists.insert(k.lists.end(), std::begin(shape), std::end(shape));
    for (const auto &row : t.rows)
      for (size_t n : row) place(chains[n].head);
    for (const auto &row : t.rows)
      for (size_t n : row) place(chains[n].last);
    for (size_t s = 0; s < corner.left.size(); ++s) {
      for (const auto &row : t.rows)
        if (!row.empty()) place(chains[row[0]].left[s]);
      for (size_t n : t.rows[0]) place(chains[n].right[s]);
    }
  }
  return at;
}

}  // namespace

void delay_multiply_adds(Draft &draft) {
  Delay delay(draft);
  for (const Block &b : draft.kernel->blocks) delay.block(b);
}

std::vector<ProductTiles> find_products(const Draft &draft) {
  const Kernel &k = *draft.kernel;
  std::vector<uint32_t> uses(draft.registers.size()), defs(draft.registers.size());
  for (const Instruction &i : k.code) {
    const uint32_t *o = k.operands(i);
    for (int n = 0; n < i.defs; ++n) ++defs[o[n]];
    for (int n = i.defs; n < i.defs + i.uses; ++n) ++uses[o[n]];
  }
  std::vector<ProductTiles> products;
  for (const Block &b : k.blocks) {
    for (uint32_t s = b.begin, e; s < b.end; s = std::max(e, s + 1)) {
      for (e = s; e < b.end && is_multiply_add(k.code[e]);) ++e;
      if (e - s < 16) continue;
      std::vector<Chain> chains;
      if (find_chains(k, s, e, uses, defs, chains)) products.push_back({s, e, std::move(chains)});
    }
  }
  return products;
}

void join_products(Draft &draft, std::vector<ProductTiles> &products) {
  for (ProductTiles &p : products) {
    const std::vector<Tile> tiles = make_tiles(p.chains);
    if (in_the_way(tiles, p.chains, draft.registers)) continue;
    Instruction &first = draft.kernel->code[p.begin];
    first.run = product_tiles;
    first.length = p.end - p.begin;
    first.list = write_tiles(*draft.kernel, tiles, p.chains, draft.registers);
  }
}

}  // namespace vgpu
