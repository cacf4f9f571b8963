// Loads, stores, atomics and asynchronous copies.
#include "decoder.h"

namespace vgpu {

uint32_t Decoder::address(const Operand &o, int64_t &offset, uint8_t &flags, uint8_t wide_flag) {
  if (o.kind != OperandKind::address) refuse("an address in brackets is wanted");
  if (o.reg >= 0) {
    offset = static_cast<int64_t>(o.bits);
    if (width(o.reg) == 64) flags |= wide_flag;
    else if (width(o.reg) != 32) refuse("the address register has " + std::to_string(width(o.reg)) + " bits");
    return static_cast<uint32_t>(o.reg);
  }
  if (!o.name.empty() && o.space == Space::none) refuse("unknown name \"" + o.name + "\"");
  offset = static_cast<int64_t>(place_of(o));
  flags |= wide_flag;
  return constant(64, 0);
}

uint32_t Decoder::shared_address(const Operand &o, Space where, Instruction &draft) {
  const uint32_t base = address(o, draft.immediate, draft.flags);
  if (where == Space::none) {
    if (!(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
    draft.immediate -= static_cast<int64_t>(kSharedWindow);
  }
  return base;
}

Space Decoder::space() {
  struct {
    const char *name;
    Space space;
  } names[] = {{"global", Space::global}, {"shared", Space::shared},      {"shared::cta", Space::shared}, {"local", Space::local},
               {"param", Space::param},   {"param::entry", Space::param}, {"param::func", Space::param},  {"const", Space::constant}};
  for (auto &n : names)
    if (take(n.name)) return n.space;
  return Space::none;
}

void Decoder::ignore_hints() {
  take_one_of({"weak", "relaxed", "acquire", "release", "acq_rel", "volatile"});
  take_one_of({"cta", "cluster", "gpu", "sys"});
  take_one_of({"ca", "cg", "cs", "cv", "lu", "wb", "wt"});
  std::erase_if(modifiers_, [](const std::string &m) {
    return m == "L1::evict_normal" || m == "L1::evict_unchanged" || m == "L1::evict_first" || m == "L1::evict_last" ||
           m == "L1::no_allocate" || m == "L2::64B" || m == "L2::128B" || m == "L2::256B" || m == "L2::evict_normal" ||
           m == "L2::evict_first" || m == "L2::evict_last";
  });
}

size_t Decoder::without_policy() {
  const size_t count = statement_->operands.size();
  if (!take("L2::cache_hint")) return count;
  if (!count) refuse("the cache policy is missing");
  source(operand(count - 1), 'l');
  return count - 1;
}

void Decoder::cache_policy() {
  modifiers_.clear();
  const uint32_t d = destination(operand(0), 64);
  operands(emit(find_form("mov.b64")->run, Category::integer), {d}, {constant(64, 0)});
}

void Decoder::memory(bool is_store) {
  if (without_policy() != 2) refuse(std::to_string(statement_->operands.size()) + " operands");
  Space where = space();
  ignore_hints();
  const bool nc = take("nc");
  const std::string vector = take_one_of({"v2", "v4"});
  const int count = vector.empty() ? 1 : vector[1] - '0';
  const std::string type_name = take_last();
  const Type type = type_name == "f16" || type_name == "bf16" ? Type{'b', 2} : type_of(type_name);
  if (!type.bytes) refuse("unknown type \"." + type_name + "\"");
  all_understood();
  const Operand &data = operand(is_store ? 1 : 0), &at = operand(is_store ? 0 : 1);
  if (where == Space::param && at.kind == OperandKind::address && at.reg < 0 && at.space == Space::local) where = Space::local;
  std::vector<const Operand *> parts;
  if (data.kind == OperandKind::vector)
    for (const Operand &p : data.parts) parts.push_back(&p);
  else parts.push_back(&data);
  if (static_cast<int>(parts.size()) != count) refuse("a vector of " + std::to_string(parts.size()) + " registers");
  uint32_t registers[4];
  int bits = 0;
  for (const Operand *p : parts)
    if (p->kind == OperandKind::reg) bits = width(p->reg);
  if (!bits) bits = std::max(type.bytes * 8, 8);
  if (bits == 1) refuse("a predicate cannot be in memory");
  const char letter = type.kind == 'f' ? (bits == 64 ? 'd' : 'f') : bits == 8 ? 'b' : bits == 16 ? 'h' : bits == 32 ? 'w' : 'l';
  for (int n = 0; n < count; ++n) registers[n] = is_store ? source(*parts[n], letter) : destination(*parts[n], bits);
  Instruction draft;
  uint32_t base = address(at, draft.immediate, draft.flags);
  const Handler run = is_store ? store_handler(where, type.bytes, bits / 8, count)
                               : load_handler(where, type.bytes, type.kind == 's', bits / 8, count);
  if (!run) refuse("unknown form");
  if (where == Space::none && !(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
  if (nc && where != Space::global) refuse("unknown form: .nc of another space than global");
  const Category category = where == Space::global || where == Space::none ? (is_store ? Category::global_store : Category::global_load)
                            : where == Space::shared                       ? (is_store ? Category::shared_store : Category::shared_load)
                                                                           : Category::move;
  Step &step = emit(run, category);
  if (where == Space::constant) step.i.category = Category::move;
  step.i.immediate = draft.immediate;
  step.i.flags = draft.flags | (nc ? kNonCoherent : 0);
  step.i.bytes = static_cast<uint8_t>(type.bytes * count);
  step.i.space = where;
  step.i.cache = kernel_.caches++;
  int n = 0;
  if (is_store) step.i.o[n++] = base;
  for (int k = 0; k < count; ++k) step.i.o[n++] = registers[k];
  if (!is_store) step.i.o[n++] = base;
  step.i.defs = static_cast<uint8_t>(is_store ? 0 : count);
  step.i.uses = static_cast<uint8_t>(n - step.i.defs);
  kernel_.reads_non_coherent |= nc;
  if (where == Space::shared || where == Space::none) kernel_.granule = std::min<uint32_t>(kernel_.granule, type.bytes);
}

void Decoder::atomics(bool result) {
  const size_t given = without_policy();
  const Space where = space();
  ignore_hints();
  const std::string type_name = take_last(), op = take_one_of({"add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"});
  if (is_half(type_name) && !take("noftz")) refuse("unknown form");
  all_understood();
  const Type type = is_half(type_name) ? Type{'b', type_name.back() == '2' ? 4 : 2} : type_of(type_name);
  const Handler run = where == Space::global || where == Space::shared || where == Space::none ? atomic_handler(where, op, type_name)
                                                                                               : nullptr;
  if (!run || op.empty()) refuse("unknown form");
  const size_t first = result ? 1 : 0, count = first + (op == "cas" ? 3 : 2);
  if (given != count) refuse(std::to_string(statement_->operands.size()) + " operands");
  const char letter = type.kind == 'f' ? (type.bytes == 8 ? 'd' : 'f') : type.bytes == 8 ? 'l' : type.bytes == 2 ? 'h' : 'w';
  Instruction draft;
  const uint32_t at = address(operand(first), draft.immediate, draft.flags);
  if (where == Space::none && !(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
  const uint32_t b = source(operand(first + 1), letter), c = op == "cas" ? source(operand(first + 2), letter) : b;
  const uint32_t d = result ? destination(operand(0), type.bytes * 8) : temporary(type.bytes * 8);
  Step &step = emit(run, where == Space::shared ? Category::shared_store : Category::global_store);
  operands(step, {d}, {at, b, c});
  step.i.immediate = draft.immediate;
  step.i.flags = draft.flags;
  step.i.bytes = static_cast<uint8_t>(type.bytes);
  step.i.cache = kernel_.caches++;
  if (where != Space::global) kernel_.shared_atomics = true, kernel_.granule = std::min<uint32_t>(kernel_.granule, type.bytes);
  if (where != Space::shared) kernel_.global_atomics = true;
}

uint32_t Decoder::bytes_to_read(const Operand &o, uint64_t size) {
  if (o.kind != OperandKind::reg || width(o.reg) != 1) return source(o, 'w');
  const bool first = first_;
  first_ = false;
  Operand wanted = o;
  wanted.negated = !o.negated;
  const uint32_t p = source(wanted, 'p'), read = temporary(32);
  Step &step = emit(select_result, Category::none);
  operands(step, {read}, {p});
  step.i.bytes = 4;
  step.i.immediate = static_cast<int64_t>(size);
  first_ = first;
  return read;
}

void Decoder::copies() {
  if (!take("async")) refuse("unknown form");
  if (take("commit_group")) {
    all_understood();
    return void(emit(commit_copies, Category::special));
  }
  if (take("wait_all")) {
    all_understood();
    return void(emit(wait_for_all_copies, Category::special));
  }
  if (take("wait_group")) {
    all_understood();
    if (operand(0).kind != OperandKind::number) refuse("unknown form");
    emit(wait_for_copies, Category::special).i.immediate = static_cast<int64_t>(operand(0).bits);
    return;
  }
  if (take("mbarrier")) return copies_arrive();
  const std::string level = take_one_of({"ca", "cg"});
  if (level.empty() || !(take("shared") || take("shared::cta")) || !take("global")) refuse("unknown form");
  ignore_hints();
  const size_t given = without_policy();
  all_understood();
  if (given < 3 || given > 4) refuse(std::to_string(statement_->operands.size()) + " operands");
  const Operand &size = operand(2);
  if (size.kind != OperandKind::number || !(size.bits == 16 || (level == "ca" && (size.bits == 4 || size.bits == 8))))
    refuse("unknown size");
  int64_t to_offset = 0, from_offset = 0;
  uint8_t to_flags = 0, flags = 0;
  uint32_t to = address(operand(0), to_offset, to_flags), from = address(operand(1), from_offset, flags);
  if (to_offset) {
    const bool wide = to_flags & kWideAddress;
    const uint32_t sum = temporary(wide ? 64 : 32);
    const bool first = first_;
    first_ = false;
    operands(emit(find_form(wide ? "add.s64" : "add.s32")->run, Category::none), {sum},
             {to, constant(wide ? 64 : 32, static_cast<uint64_t>(to_offset))});
    first_ = first;
    to = sum;
  }
  uint32_t read = given == 4 ? bytes_to_read(operand(3), size.bits) : constant(32, size.bits);
  Step &step = emit(async_copy_handler(), Category::async_copy);
  operands(step, {}, {to, from, read});
  step.i.mode = to_flags & kWideAddress ? 1 : 0;
  step.i.flags = flags;
  step.i.immediate = from_offset;
  step.i.bytes = static_cast<uint8_t>(size.bits);
  step.i.cache = kernel_.caches;
  kernel_.caches += 2;  // of the source, of the destination
}

}  // namespace vgpu
