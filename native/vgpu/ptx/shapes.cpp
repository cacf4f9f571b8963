// What is known before the launch of how the lanes of a register differ. A value is S(lane) + u: the shape S is a function of the lane that
// stays the same for a warp as long as a launch lasts, u is any number that the lanes have in common at the time. Shape 0 is uniform. A
// value is exact if it does not change at all during a launch. Accesses at addresses with a shape need no look at 32 addresses: how the
// lanes lie is worked out once for a warp. Arithmetic on uniform values is done once for all lanes.
//
// Each register has one value for the whole kernel: what all instructions that write it agree on. Lanes have a common history except
// where a branch has parted them; a register that is written between such a branch and the block where they meet again, and wanted
// there, may have another u in each lane, so nothing is known of it. That is all a divergent branch does: the lanes of either side are
// among themselves, and so are those that stay in a loop which others have left.
#include "liveness.h"
#include "../exec/access.h"
#include "../exec/sync.h"
#include <algorithm>
#include <array>
#include <unordered_map>

namespace vgpu {
namespace {

constexpr int32_t kUnknown = -2, kVaries = -1, kUniform = 0;  // not reached yet; anything; else a shape
struct Value {
  int32_t shape = kUnknown;
  int32_t exact = -1;  // the number of what it is, if it is exact
  bool operator==(const Value &) const = default;
  bool uniform() const { return shape == kUniform; }
};
constexpr Value kAnything{kVaries, -1}, kAnyUniform{kUniform, -1};

Value meet(Value a, Value b) {
  if (a.shape == kUnknown) return b;
  if (b.shape == kUnknown) return a;
  if (a.shape != b.shape) return kAnything;
  return {a.shape, a.exact == b.exact ? a.exact : -1};
}

// What instructions make of shapes; `pure` ones are functions of their operands and of what is in the instruction.
enum class Kind : uint8_t { other, pure, move, add, subtract, multiply, multiply_add, shift, choose };

std::unordered_map<Handler, Kind> make_kinds() {
  std::unordered_map<Handler, Kind> kinds;
  auto put = [&](const std::string &name, Kind kind) {
    if (const Form *form = find_form(name)) kinds.emplace(form->run, kind);
  };
  for (const std::string t : {"16", "32", "64"}) {
    for (const std::string &u : {"u" + t, "s" + t}) {
      put("add." + u, Kind::add);
      put("sub." + u, Kind::subtract);
      put("mul.lo." + u, Kind::multiply);
      put("mad.lo." + u, Kind::multiply_add);
      for (const char *name : {"mul.hi.", "mad.hi.", "mul.wide.", "mad.wide.", "div.", "rem.", "min.", "max.", "neg.", "abs.", "shr.",
                               "bfe.", "bfind.", "bfind.shiftamt."})
        put(name + u, Kind::pure);
      for (const char *name : {"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"}) put("setp." + (name + ("." + u)), Kind::pure);
      for (const char *type : {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"}) put("cvt." + (type + ("." + u)), Kind::pure);
      for (const char *type : {"u8", "s8"}) put("cvt." + (u + (std::string(".") + type)), Kind::pure);
      put("mov." + u, Kind::move);
      put("selp." + u, Kind::choose);
    }
    const std::string b = "b" + t;
    put("mov." + b, Kind::move);
    put("selp." + b, Kind::choose);
    put("shl." + b, Kind::shift);
    for (const char *name : {"and.", "or.", "xor.", "not.", "cnot.", "shr.", "setp.eq.", "setp.ne.", "bfi.", "popc.", "clz.", "brev."})
      put(name + b, Kind::pure);
  }
  for (const char *name : {"and.pred", "or.pred", "xor.pred", "not.pred", "mov.pred", "prmt.b32", "lop3.b32", "lop3.and.b32",
                           "shf.l.wrap.b32", "shf.l.clamp.b32", "shf.r.wrap.b32", "shf.r.clamp.b32"})
    put(name, Kind::pure);
  for (Handler h : {pack, pack32, unpack, select_result}) kinds.emplace(h, Kind::pure);
  kinds.emplace(address_window, Kind::move);  // and a number added, which is the same for all lanes
  return kinds;
}
Kind kind_of(Handler handler) {
  static const std::unordered_map<Handler, Kind> kinds = make_kinds();
  const auto it = kinds.find(handler);
  return it == kinds.end() ? Kind::other : it->second;
}

Handler handler_of(const Instruction &i) { return i.guard == ~0u ? i.run : i.guarded; }

class Shapes {
 public:
  Shapes(const Draft &draft, const Edges &successors, const Liveness &live)
      : draft_(draft), kernel_(*draft.kernel), successors_(successors), live_(live), values_(draft.registers.size()),
        divergent_(kernel_.blocks.size()) {
    for (const Instruction &i : kernel_.code) kinds_.push_back(kind_of(handler_of(i)));
    for (uint32_t r = 0; r < values_.size(); ++r) values_[r] = initial(r);
  }

  void find() {
    do {
      changed_ = false;
      for (const Block &b : kernel_.blocks)
        for (uint32_t s = b.begin; s < end_of(b); ++s) pass(kernel_.code[s], kinds_[s]);
      for (size_t b = 0; b < kernel_.blocks.size(); ++b) part(b);
    } while (changed_);
    std::map<std::pair<int32_t, uint8_t>, uint32_t> numbers;
    for (size_t s = 0; s < kernel_.code.size(); ++s) {
      Instruction &i = kernel_.code[s];
      i.uniform = kinds_[s] != Kind::other && i.guard == ~0u && all_uniform(i);
      if (i.space == Space::param) i.arrangement = values_[i.o[i.defs]].uniform();
      if (i.space != Space::global && i.space != Space::shared && i.space != Space::constant && i.category != Category::async_copy)
        continue;
      if (i.listed() || !i.bytes) continue;
      auto number = [&](uint32_t address) -> uint32_t {
        const int32_t shape = values_[address].shape;
        if (shape < 0) return 0;
        return numbers.try_emplace({shape, i.bytes}, static_cast<uint32_t>(numbers.size()) + 1).first->second;
      };
      if (i.category == Category::async_copy) i.arrangement_to = number(i.o[0]), i.arrangement = number(i.o[1]);
      else i.arrangement = number(i.o[i.defs]);
    }
    kernel_.arrangements = static_cast<uint32_t>(numbers.size());
  }

 private:
  const Draft &draft_;
  Kernel &kernel_;
  const Edges &successors_;
  const Liveness &live_;
  std::vector<Value> values_;
  std::vector<Kind> kinds_;
  std::vector<char> divergent_;  // blocks that end with a branch on which lanes may part
  std::map<std::array<uint64_t, 10>, int32_t> known_;
  bool changed_ = false;

  // The number of what is made in this way of these; from 1 on.
  int32_t number(std::array<uint64_t, 10> how) { return known_.try_emplace(how, static_cast<int32_t>(known_.size()) + 1).first->second; }
  enum Way : uint64_t { kConstant, kSpecial, kParameter, kFunction, kSum, kDifference, kProduct };
  int32_t number(Way way, uint64_t width, int64_t a, int64_t b) {
    return number({way, width, static_cast<uint64_t>(a), static_cast<uint64_t>(b)});
  }

  Value initial(uint32_t r) {
    const Register &reg = draft_.registers[r];
    switch (reg.kind) {
      case RegisterKind::plain: return kernel_.blocks.empty() || live_.in.has(0, r) ? kAnything : Value{};
      case RegisterKind::constant: return {kUniform, number(kConstant, reg.width, static_cast<int64_t>(reg.bits), 0)};
      case RegisterKind::special: break;
    }
    const int32_t exact = number(kSpecial, reg.width, static_cast<int64_t>(reg.which), 0);
    switch (reg.which) {
      case Special::ctaid_x:
      case Special::ctaid_y:
      case Special::ctaid_z:
      case Special::smid: return kAnyUniform;  // of a block, not of the launch
      case Special::tid_x:
      case Special::tid_y:
      case Special::tid_z:
      case Special::laneid:
      case Special::lanemask_eq:
      case Special::lanemask_lt:
      case Special::lanemask_le:
      case Special::lanemask_gt:
      case Special::lanemask_ge: return {exact, exact};
      case Special::ntid_x:
      case Special::ntid_y:
      case Special::ntid_z:
      case Special::nctaid_x:
      case Special::nctaid_y:
      case Special::nctaid_z:
      case Special::warpid:
      case Special::nwarpid:
      case Special::nsmid:
      case Special::gridid:
      case Special::dynamic_smem_size:
      case Special::total_smem_size:
      case Special::reserved_smem_begin:
      case Special::reserved_smem_end:
      case Special::reserved_smem_cap:
      case Special::reserved_smem_1: return {kUniform, exact};
    }
    return kAnything;
  }

  bool all_uniform(const Instruction &i) const {
    const uint32_t *o = kernel_.operands(i);
    return std::all_of(o + i.defs, o + i.defs + i.uses, [&](uint32_t r) { return values_[r].uniform(); });
  }

  void put(uint32_t r, Value v) {
    v = meet(values_[r], v);
    if (v == values_[r]) return;
    values_[r] = v;
    changed_ = true;
  }

  // ---- sums and products: all in the arithmetic of the register's width, which wraps, so nothing is lost ---------------------------
  Value sum(Value a, Value b, uint64_t width, bool minus) {
    int32_t shape = minus && a.shape == b.shape ? kUniform : b.uniform() ? a.shape : a.uniform() && !minus ? b.shape : kUnknown;
    if (a.shape == kVaries || b.shape == kVaries) return kAnything;
    if (shape == kUnknown) shape = number(minus ? kDifference : kSum, width, a.shape, b.shape);
    return {shape, -1};
  }
  Value product(Value a, Value b, uint64_t width) {
    if (a.uniform() && b.uniform()) return kAnyUniform;
    if (a.uniform()) std::swap(a, b);
    if (a.shape == kVaries || !b.uniform() || b.exact < 0) return kAnything;
    return {number(kProduct, width, a.shape, b.exact), -1};
  }
  Value multiplied(const Instruction &i, const uint32_t *o, Kind kind, uint64_t width) {
    if (kind == Kind::shift && !values_[o[2]].uniform()) return kAnything;
    // A shift is a product with another number, so it must not count as the same one.
    const Value p = product(values_[o[1]], values_[o[2]], kind == Kind::shift ? width + 1 : width);
    return kind == Kind::multiply_add ? sum(p, values_[o[i.defs + 2]], width, false) : p;
  }

  // What the operands and the instruction alone decide.
  Value function(const Instruction &i, const uint32_t *o, Handler handler, int which) {
    bool exact = true, uniform = true;
    std::array<uint64_t, 10> how = {kFunction, reinterpret_cast<uint64_t>(handler), static_cast<uint64_t>(i.immediate),
                                    uint64_t(i.mode) << 8 | i.bytes, static_cast<uint64_t>(which)};
    for (int n = 0; n < i.uses; ++n) {
      const Value v = values_[o[i.defs + n]];
      if (v.shape == kUnknown) return {};
      exact &= v.exact >= 0;
      uniform &= v.uniform();
      if (n < 5) how[5 + n] = static_cast<uint64_t>(v.exact);
    }
    if (i.uses > 5) exact = false;
    if (exact) {
      const int32_t e = number(how);
      return {uniform ? kUniform : e, e};
    }
    return uniform ? kAnyUniform : kAnything;
  }

  Value result(const Instruction &i, const uint32_t *o, Kind kind, int which) {
    for (int n = i.defs; n < i.defs + i.uses; ++n)
      if (values_[o[n]].shape == kUnknown) return {};
    const uint64_t width = draft_.registers[o[which]].width;
    const Handler handler = handler_of(i);
    Value linear = kAnything;
    switch (kind) {
      case Kind::other: return loaded(i, o, which);
      case Kind::pure: return function(i, o, handler, which);
      case Kind::move:
        if (!i.immediate) return values_[o[1]];
        linear = {values_[o[1]].shape, -1};
        break;
      case Kind::add: linear = sum(values_[o[1]], values_[o[2]], width, false); break;
      case Kind::subtract: linear = sum(values_[o[1]], values_[o[2]], width, true); break;
      case Kind::multiply:
      case Kind::multiply_add:
      case Kind::shift: linear = multiplied(i, o, kind, width); break;
      case Kind::choose:
        if (values_[o[3]].uniform()) linear = meet(values_[o[1]], values_[o[2]]);
        break;
    }
    // Exact ones have a number of their own beside the shape; what is no sum of shapes may still be exact.
    const Value f = function(i, o, handler, which);
    return linear.shape == kVaries ? f : Value{linear.shape, f.exact};
  }

  // One address, one value: what all lanes read is the same. Parameters do not change during a launch.
  Value loaded(const Instruction &i, const uint32_t *o, int which) {
    const bool load = i.uses == 1 &&
                      (i.space == Space::global || i.space == Space::shared || i.space == Space::constant || i.space == Space::param);
    if (!load || !values_[o[i.defs]].uniform()) return kAnything;
    const int32_t at = values_[o[i.defs]].exact;
    if (i.space != Space::param || at < 0) return kAnyUniform;
    return {kUniform, number({kParameter, reinterpret_cast<uint64_t>(handler_of(i)), static_cast<uint64_t>(i.immediate),
                              static_cast<uint64_t>(which), static_cast<uint64_t>(at)})};
  }

  void pass(const Instruction &i, Kind kind) {
    const uint32_t *o = kernel_.operands(i);
    const bool parted = i.guard != ~0u && values_[i.guard].shape != kUnknown && !values_[i.guard].uniform();
    for (int n = 0; n < i.defs; ++n) put(o[n], parted || i.listed() ? kAnything : result(i, o, kind, n));
  }

  // Looks whether lanes may part at the end of this block, and then at what is written before they meet again.
  void part(size_t b) {
    const Block &block = kernel_.blocks[b];
    if (divergent_[b] || block.ending != Ending::branch || !block.guarded) return;
    const Value guard = values_[block.guard];
    if (guard.uniform() || guard.shape == kUnknown) return;
    divergent_[b] = 1;
    const int count = static_cast<int>(kernel_.blocks.size()), meeting = block.rejoin;
    if (meeting >= count) return;  // they never do
    std::vector<char> seen(kernel_.blocks.size());
    std::vector<int> todo(successors_[b]);
    while (!todo.empty()) {
      const int at = todo.back();
      todo.pop_back();
      if (at == meeting || at >= count || seen[at]) continue;
      seen[at] = 1;
      const Block &between = kernel_.blocks[at];
      for (uint32_t s = between.begin; s < end_of(between); ++s) {
        const uint32_t *o = kernel_.operands(kernel_.code[s]);
        for (int n = 0; n < kernel_.code[s].defs; ++n)
          if (live_.in.has(static_cast<size_t>(meeting), o[n])) put(o[n], kAnything);
      }
      todo.insert(todo.end(), successors_[at].begin(), successors_[at].end());
    }
  }
};

}  // namespace

void find_shapes(const Draft &draft, const Edges &successors, const Liveness &live) {
  // Where warps meet at several barriers, lanes may wait apart and come together elsewhere.
  if (draft.kernel->named_barriers) return;
  Shapes(draft, successors, live).find();
}

}  // namespace vgpu
