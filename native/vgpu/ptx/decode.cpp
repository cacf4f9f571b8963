// Statements to instructions. What is a plain function of its operands is looked up in the table of forms; the rest is here.
#include "draft.h"
#include "../exec/access.h"
#include "../exec/sync.h"
#include <algorithm>

namespace vgpu {
namespace {

int width_of(char letter) {
  switch (letter) {
    case 'p': return 1;
    case 'b': return 8;
    case 'h': return 16;
    case 'l': case 'd': return 64;
    default: return 32;
  }
}

struct Type { char kind = 0; int bytes = 0; };  // kind: b u s f
Type type_of(const std::string &m) {
  if (m.size() < 2 || !std::strchr("busf", m[0])) return {};
  const std::string digits = m.substr(1);
  if (digits == "8") return {m[0], 1};
  if (digits == "16") return {m[0], 2};
  if (digits == "32") return {m[0], 4};
  if (digits == "64") return {m[0], 8};
  return {};
}

const std::map<std::string, std::pair<Special, int>> kSpecials = {
    {"%tid.x", {Special::tid_x, 32}}, {"%tid.y", {Special::tid_y, 32}}, {"%tid.z", {Special::tid_z, 32}},
    {"%ntid.x", {Special::ntid_x, 32}}, {"%ntid.y", {Special::ntid_y, 32}}, {"%ntid.z", {Special::ntid_z, 32}},
    {"%ctaid.x", {Special::ctaid_x, 32}}, {"%ctaid.y", {Special::ctaid_y, 32}}, {"%ctaid.z", {Special::ctaid_z, 32}},
    {"%nctaid.x", {Special::nctaid_x, 32}}, {"%nctaid.y", {Special::nctaid_y, 32}}, {"%nctaid.z", {Special::nctaid_z, 32}},
    {"%laneid", {Special::laneid, 32}}, {"%warpid", {Special::warpid, 32}}, {"%nwarpid", {Special::nwarpid, 32}},
    {"%smid", {Special::smid, 32}}, {"%nsmid", {Special::nsmid, 32}}, {"%gridid", {Special::gridid, 64}},
    {"%lanemask_eq", {Special::lanemask_eq, 32}}, {"%lanemask_lt", {Special::lanemask_lt, 32}},
    {"%lanemask_le", {Special::lanemask_le, 32}}, {"%lanemask_gt", {Special::lanemask_gt, 32}},
    {"%lanemask_ge", {Special::lanemask_ge, 32}}, {"%dynamic_smem_size", {Special::dynamic_smem_size, 32}},
    {"%total_smem_size", {Special::total_smem_size, 32}}};

struct Refused { std::string why; };

class Decoder {
 public:
  Decoder(const Function &function, Kernel &kernel) : function_(function), kernel_(kernel) {
    draft_.kernel = &kernel;
    for (uint8_t width : function.widths) draft_.registers.push_back({width});
  }

  bool decode(std::vector<Error> &errors) {
    const size_t before = errors.size();
    kernel_.dynamic_shared_start = (function_.shared_bytes + 127) / 128 * 128;
    for (const Statement &s : function_.statements) {
      draft_.start.push_back(static_cast<int>(draft_.steps.size()));
      statement_ = &s;
      modifiers_ = s.modifiers;
      first_ = true;
      try {
        statement(s);
      } catch (const Refused &refused) {
        errors.push_back({s.line, "\"" + s.form + "\": " + refused.why});
      }
    }
    draft_.start.push_back(static_cast<int>(draft_.steps.size()));
    // A label at the very end, or a function that runs off its end, gets an end to go to.
    Step &end = emit(nothing, Category::none);
    end.ending = Ending::leave;
    end.first = false;
    end.i.guard = ~0u;
    if (errors.size() != before) return false;
    finish(draft_);
    return true;
  }

 private:
  const Function &function_;
  Kernel &kernel_;
  Draft draft_;
  const Statement *statement_ = nullptr;
  std::vector<std::string> modifiers_;  // those that are not yet understood
  bool first_ = true;
  std::map<std::pair<int, uint64_t>, uint32_t> constants_;
  std::map<std::pair<Special, int>, uint32_t> specials_;

  [[noreturn]] void refuse(const std::string &why) const { throw Refused{why}; }

  // ---- building blocks -----------------------------------------------------------------------------------------------------
  Step &emit(Handler run, Category category) {
    Step step;
    step.i.run = run;
    step.i.category = first_ ? category : Category::none;
    step.first = first_;
    first_ = false;
    if (statement_) {
      const SourceLine &source = function_.sources[statement_->source];
      step.place = {statement_->line, source.file, source.line};
      if (statement_->guard >= 0) {
        step.i.guard = static_cast<uint32_t>(statement_->guard);
        step.i.guard_negated = statement_->guard_negated;
        step.i.guarded = run;
        step.i.run = run_guarded;
      }
    }
    draft_.steps.push_back(step);
    return draft_.steps.back();
  }
  void operands(Step &step, std::initializer_list<uint32_t> defs, std::initializer_list<uint32_t> uses) {
    int n = 0;
    for (uint32_t r : defs) step.i.o[n++] = r;
    for (uint32_t r : uses) step.i.o[n++] = r;
    step.i.defs = static_cast<uint8_t>(defs.size());
    step.i.uses = static_cast<uint8_t>(uses.size());
  }

  uint32_t temporary(int width) {
    draft_.registers.push_back({static_cast<uint8_t>(width)});
    return static_cast<uint32_t>(draft_.registers.size()) - 1;
  }
  uint32_t constant(int width, uint64_t bits) {
    if (width < 64) bits &= (uint64_t(1) << width) - 1;
    auto [it, fresh] = constants_.try_emplace({width, bits}, 0);
    if (fresh) {
      it->second = temporary(width);
      draft_.registers.back().kind = RegisterKind::constant;
      draft_.registers.back().bits = bits;
    }
    return it->second;
  }
  uint32_t special(const std::string &name, int width) {
    auto known = kSpecials.find(name);
    if (known == kSpecials.end()) {
      if (name == "WARP_SZ") return constant(width, 32);
      if (name == "%clock" || name == "%clock64" || name == "%globaltimer" || name == "%clock_hi") {
        uint32_t r = temporary(width);
        Step &step = emit(read_clock, Category::move);
        operands(step, {r}, {});
        step.i.bytes = static_cast<uint8_t>(width / 8);
        return r;
      }
      refuse("unknown register or name \"" + name + "\"");
    }
    if (width < 16) refuse("\"" + name + "\" as a predicate");
    auto [it, fresh] = specials_.try_emplace({known->second.first, width}, 0);
    if (fresh) {
      it->second = temporary(width);
      draft_.registers.back().kind = RegisterKind::special;
      draft_.registers.back().which = known->second.first;
    }
    return it->second;
  }

  uint64_t place_of(const Operand &o) const { return (o.place == ~uint64_t(0) ? kernel_.dynamic_shared_start : o.place) + o.bits; }
  int width(uint32_t r) const { return draft_.registers[r].width; }

  void check_width(const Operand &o, int bits) {
    if (width(o.reg) != bits)
      refuse("a register of " + std::to_string(width(o.reg)) + " bits where " + std::to_string(bits) + " are wanted");
  }

  // A source operand of this width; letters as in Form.
  uint32_t source(const Operand &o, char letter) {
    const int bits = width_of(letter);
    switch (o.kind) {
      case OperandKind::reg: {
        check_width(o, bits);
        if (!o.negated) return static_cast<uint32_t>(o.reg);
        if (bits != 1) refuse("\"!\" before what is no predicate");
        uint32_t r = temporary(1);
        operands(emit(find_form("not.pred")->run, Category::integer), {r}, {static_cast<uint32_t>(o.reg)});
        return r;
      }
      case OperandKind::number: return constant(bits, number(o, letter));
      case OperandKind::symbol:
        if (o.space == Space::none) return special(o.name, bits);
        return constant(bits, place_of(o));
      case OperandKind::special: return special(o.name, bits);
      default: refuse("unknown operand");
    }
  }
  static uint64_t number(const Operand &o, char letter) {
    if (letter == 'f' && o.twice) {
      double d;
      std::memcpy(&d, &o.bits, 8);
      float f = static_cast<float>(d);
      uint32_t bits;
      std::memcpy(&bits, &f, 4);
      return bits;
    }
    if (letter == 'd' && o.single) {
      uint32_t bits = static_cast<uint32_t>(o.bits);
      float f;
      std::memcpy(&f, &bits, 4);
      double d = f;
      uint64_t wide;
      std::memcpy(&wide, &d, 8);
      return wide;
    }
    return o.bits;
  }
  uint32_t destination(const Operand &o, int bits) {
    if (o.kind == OperandKind::sink) return temporary(bits);
    if (o.kind != OperandKind::reg) refuse("the destination is no register");
    check_width(o, bits);
    return static_cast<uint32_t>(o.reg);
  }
  const Operand &operand(size_t n) const {
    if (n >= statement_->operands.size()) refuse("operand " + std::to_string(n + 1) + " is missing");
    return statement_->operands[n];
  }
  void count_operands(size_t least, size_t most) const {
    if (statement_->operands.size() < least || statement_->operands.size() > most)
      refuse(std::to_string(statement_->operands.size()) + " operands");
  }

  // ---- modifiers -----------------------------------------------------------------------------------------------------------
  bool take(const std::string &m) {
    auto it = std::find(modifiers_.begin(), modifiers_.end(), m);
    if (it == modifiers_.end()) return false;
    modifiers_.erase(it);
    return true;
  }
  std::string take_one_of(std::initializer_list<const char *> names) {
    for (const char *n : names)
      if (take(n)) return n;
    return {};
  }
  std::string take_last() {
    if (modifiers_.empty()) refuse("no type");
    std::string m = modifiers_.back();
    modifiers_.pop_back();
    return m;
  }
  void all_understood() const {
    if (!modifiers_.empty()) refuse("unknown form: \"." + modifiers_.front() + "\"");
  }

  // ---- by opcode -----------------------------------------------------------------------------------------------------------
  void statement(const Statement &s) {
    const std::string &op = s.opcode;
    if (op == "bra" || op == "ret" || op == "exit") return jump(op);
    if (op == "ld" || op == "ldu" || op == "st") return memory(op == "st");
    if (op == "mov") return move();
    if (op == "setp" || op == "set") return compare(op == "set");
    if (op == "cvt") return convert();
    if (op == "cvta") return window();
    if (op == "bar" || op == "barrier") return barrier();
    if (op == "shfl") return shuffles();
    if (op == "vote") return votes();
    if (op == "atom" || op == "red") return atomics(op == "atom");
    if (op == "cp") return copies();
    if (op == "redux" || op == "match" || op == "activemask") return meetings(op);
    if (op == "trap" || op == "brkpt") return void(emit(trap, Category::special));
    if (op == "membar" || op == "fence" || op == "nanosleep" || op == "prefetch" || op == "prefetchu" || op == "discard" || op == "pmevent") {
      if (op == "fence" && std::find(modifiers_.begin(), modifiers_.end(), "proxy") != modifiers_.end()) refuse("unknown form");
      return void(emit(nothing, Category::special));
    }
    if (op == "isspacep") return is_space();
    plain(s);
  }

  void plain(const Statement &s) {
    const Form *form = find_form(s.form);
    if (!form) refuse("unknown form");
    const std::string signature = form->signature;
    count_operands(signature.size(), signature.size());
    uint32_t sources[8];
    const bool first = first_;
    // Helpers that a source needs (a negated predicate) come before; the count belongs to the main part.
    first_ = false;
    for (size_t n = 1; n < signature.size(); ++n) sources[n] = source(operand(n), signature[n]);
    first_ = first;
    const uint32_t d = destination(operand(0), width_of(signature[0]));
    Step &step = emit(form->run, form->category);
    step.i.o[0] = d;
    for (size_t n = 1; n < signature.size(); ++n) step.i.o[n] = sources[n];
    step.i.defs = 1;
    step.i.uses = static_cast<uint8_t>(signature.size() - 1);
  }

  void jump(const std::string &op) {
    take("uni");
    all_understood();
    Step &step = emit(nothing, Category::branch);
    step.ending = op == "bra" ? Ending::branch : Ending::leave;
    step.target = statement_->target;
    step.i.uses = 0;
  }

  // The address operand into `at`, its offset into the immediate.
  uint32_t address(const Operand &o, int64_t &offset, uint8_t &flags, uint8_t wide_flag = kWideAddress) {
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

  Space space() {
    struct { const char *name; Space space; } names[] = {
        {"global", Space::global}, {"shared", Space::shared}, {"shared::cta", Space::shared}, {"local", Space::local},
        {"param", Space::param}, {"param::entry", Space::param}, {"param::func", Space::param}, {"const", Space::constant}};
    for (auto &n : names)
      if (take(n.name)) return n.space;
    return Space::none;
  }
  // Order, scope and cache hints: warps run one after the other, so all memory is as strong as any of them asks for.
  void ignore_hints() {
    take_one_of({"weak", "relaxed", "acquire", "release", "acq_rel", "volatile"});
    take_one_of({"cta", "cluster", "gpu", "sys"});
    take_one_of({"ca", "cg", "cs", "cv", "lu", "wb", "wt"});
    std::erase_if(modifiers_, [](const std::string &m) {
      return m == "L1::evict_normal" || m == "L1::evict_unchanged" || m == "L1::evict_first" || m == "L1::evict_last" || m == "L1::no_allocate" ||
             m == "L2::64B" || m == "L2::128B" || m == "L2::256B";
    });
  }

  void memory(bool is_store) {
    count_operands(2, 2);
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
    if (data.kind == OperandKind::vector) for (const Operand &p : data.parts) parts.push_back(&p);
    else parts.push_back(&data);
    if (static_cast<int>(parts.size()) != count) refuse("a vector of " + std::to_string(parts.size()) + " registers");
    uint32_t registers[4];
    int bits = 0;
    for (const Operand *p : parts)
      if (p->kind == OperandKind::reg) bits = width(p->reg);
    if (!bits) bits = std::max(type.bytes * 8, 8);
    if (bits == 1) refuse("a predicate cannot be in memory");
    const char letter = type.kind == 'f' ? (bits == 64 ? 'd' : 'f') : bits == 8 ? 'b' : bits == 16 ? 'h' : bits == 32 ? 'w' : 'l';
    for (int n = 0; n < count; ++n)
      registers[n] = is_store ? source(*parts[n], letter) : destination(*parts[n], bits);
    Instruction draft;
    uint32_t base = address(at, draft.immediate, draft.flags);
    const Handler run = is_store ? store_handler(where, type.bytes, bits / 8, count)
                                 : load_handler(where, type.bytes, type.kind == 's', bits / 8, count);
    if (!run) refuse("unknown form");
    if (where == Space::none && !(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
    if (nc && where != Space::global) refuse("unknown form: .nc of another space than global");
    const Category category = where == Space::global || where == Space::none ? (is_store ? Category::global_store : Category::global_load)
                              : where == Space::shared ? (is_store ? Category::shared_store : Category::shared_load) : Category::move;
    Step &step = emit(run, category);
    if (where == Space::constant) step.i.category = Category::move;
    step.i.immediate = draft.immediate;
    step.i.flags = draft.flags | (nc ? kNonCoherent : 0);
    step.i.bytes = static_cast<uint8_t>(type.bytes * count);
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

  void move() {
    count_operands(2, 2);
    const Operand &d = operand(0), &a = operand(1);
    const Type type = type_of(modifiers_.empty() ? "" : modifiers_.back());
    if (d.kind == OperandKind::vector || a.kind == OperandKind::vector) {
      const bool packing = a.kind == OperandKind::vector;
      const std::vector<Operand> &parts = packing ? a.parts : d.parts;
      const int count = static_cast<int>(parts.size()), bytes = count ? type.bytes / count : 0;
      if (type.kind != 'b' || (count != 2 && count != 4) || (bytes != 2 && bytes != 4 && bytes != 1)) refuse("unknown form");
      const char letter = bytes == 4 ? 'w' : bytes == 2 ? 'h' : 'b', whole = type.bytes == 8 ? 'l' : type.bytes == 4 ? 'w' : 'h';
      uint32_t r[4];
      for (int n = 0; n < count; ++n) r[n] = packing ? source(parts[n], letter) : destination(parts[n], bytes * 8);
      const uint32_t other = packing ? destination(d, type.bytes * 8) : source(a, whole);
      if (packing && type.bytes != 8 && !(type.bytes == 4 && count == 2)) refuse("unknown form");
      Step &step = emit(packing ? (type.bytes == 8 ? pack : pack32) : unpack, Category::move);
      step.i.mode = static_cast<uint8_t>(count);
      step.i.bytes = static_cast<uint8_t>(bytes);
      int n = 0;
      if (packing) step.i.o[n++] = other;
      for (int k = 0; k < count; ++k) step.i.o[n++] = r[k];
      if (!packing) step.i.o[n++] = other;
      step.i.defs = static_cast<uint8_t>(packing ? 1 : count);
      step.i.uses = static_cast<uint8_t>(packing ? count : 1);
      return;
    }
    plain(*statement_);
  }

  void compare(bool is_set) {
    const std::string op = modifiers_.empty() ? "" : modifiers_.front();
    if (!modifiers_.empty()) modifiers_.erase(modifiers_.begin());
    const std::string from = take_last(), to = is_set ? take_last() : "";
    const bool ftz = take("ftz");
    const std::string combine = take_one_of({"and", "or", "xor"});
    all_understood();
    const Form *form = find_form("setp." + op + (ftz ? ".ftz." : ".") + from);
    if (!form) refuse("unknown form");
    count_operands(combine.empty() ? 3 : 4, combine.empty() ? 3 : 4);
    const uint32_t a = source(operand(1), form->signature[0]), b = source(operand(2), form->signature[1]);
    uint32_t c = a;
    bool negated = false;
    if (!combine.empty()) {
      Operand plain = operand(3);
      negated = plain.negated;
      plain.negated = false;
      c = source(plain, 'p');
    }
    const Operand &d = operand(0);
    uint32_t p = is_set ? temporary(1) : destination(d, 1), q = temporary(1);
    if (d.has_second && d.second >= 0) q = static_cast<uint32_t>(d.second);
    Step &step = emit(form->run, form->category);
    operands(step, {p, q}, {a, b, c});
    step.i.mode = combine == "and" ? 1 : combine == "or" ? 2 : combine == "xor" ? 3 : d.has_second ? 4 : 0;
    step.i.immediate = negated ? -1 : 0;
    if (!is_set) return;
    const Type type = type_of(to);
    if (type.bytes < 2) refuse("unknown type \"." + to + "\"");
    const uint32_t target = destination(d, type.bytes * 8);
    Step &result = emit(select_result, Category::none);
    operands(result, {target}, {p});
    result.i.bytes = static_cast<uint8_t>(type.bytes);
    result.i.immediate = type.kind == 'f' ? (type.bytes == 4 ? 0x3f800000 : 0x3ff0000000000000) : -1;
  }

  // cvt takes registers wider than its types: the source is cut, the result is extended by its sign or zeros.
  void convert() {
    count_operands(2, 3);
    std::string from = take_last(), to = take_last();
    const bool ftz = take("ftz"), sat = take("sat"), relu = take("relu");
    const std::string rounding = take_one_of({"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi"});
    all_understood();
    std::string name = "cvt" + (rounding.empty() ? "" : "." + rounding) + (ftz ? ".ftz" : "") + (relu ? ".relu" : "") + (sat ? ".sat" : "");
    const Form *form = find_form(name + "." + to + "." + from);
    if (!form) refuse("unknown form");
    const std::string signature = form->signature;
    count_operands(signature.size(), signature.size());
    uint32_t sources[2] = {};
    const bool first = first_;
    first_ = false;
    for (size_t n = 1; n < signature.size(); ++n) {
      const Operand &a = operand(n);
      const int bits = width_of(signature[n]);
      if (a.kind == OperandKind::reg && width(a.reg) > bits) {
        sources[n - 1] = temporary(bits);
        auto unsigned_name = [](int b) { return ".u" + std::to_string(b); };
        operands(emit(find_form("cvt" + unsigned_name(bits) + unsigned_name(width(a.reg)))->run, Category::none), {sources[n - 1]},
                 {static_cast<uint32_t>(a.reg)});
      } else {
        sources[n - 1] = source(a, signature[n]);
      }
    }
    first_ = first;
    const int bits = width_of(signature[0]);
    const Operand &d = operand(0);
    const bool extend = d.kind == OperandKind::reg && width(d.reg) > bits;
    const uint32_t target = extend ? temporary(bits) : destination(d, bits);
    Step &step = emit(form->run, form->category);
    if (signature.size() == 2) operands(step, {target}, {sources[0]});
    else operands(step, {target}, {sources[0], sources[1]});
    if (!extend) return;
    const std::string sign = to[0] == 's' ? ".s" : ".u";
    const Form *wider = find_form("cvt" + sign + std::to_string(width(d.reg)) + sign + std::to_string(bits));
    operands(emit(wider->run, Category::none), {static_cast<uint32_t>(d.reg)}, {target});
  }

  void window() {
    count_operands(2, 2);
    const bool to = take("to");
    const Space where = space();
    const std::string type = take_last();
    all_understood();
    if (type != "u64") refuse("unknown form: addresses have 64 bits");
    int64_t by = where == Space::shared ? kSharedWindow : where == Space::local ? kLocalWindow : where == Space::param ? kParamWindow : 0;
    const uint32_t a = source(operand(1), 'l'), d = destination(operand(0), 64);
    Step &step = emit(address_window, Category::move);
    operands(step, {d}, {a});
    step.i.immediate = to ? -by : by;
  }

  void is_space() {
    const Space where = space();
    all_understood();
    if (where != Space::shared && where != Space::local && where != Space::global) refuse("unknown form");
    const uint32_t a = source(operand(1), 'l'), p = destination(operand(0), 1);
    Step &step = emit(is_in_space, Category::integer);
    operands(step, {p}, {a});
    step.i.mode = where == Space::shared ? 1 : where == Space::local ? 2 : 0;
  }

  void barrier() {
    take("cta");
    take("aligned");
    if (take("warp")) {
      if (!take("sync")) refuse("unknown form");
      all_understood();
      const uint32_t m = source(operand(0), 'w');
      operands(emit(warp_barrier, Category::barrier), {}, {m});
      return;
    }
    const std::string kind = take_one_of({"sync", "red"});
    if (kind.empty()) refuse("unknown form: only sync and red");
    const std::string reduction = kind == "red" ? take_one_of({"popc", "and", "or"}) : "";
    if (kind == "red" && (reduction.empty() || take_last() != (reduction == "popc" ? "u32" : "pred"))) refuse("unknown form");
    all_understood();
    const size_t id = kind == "red" ? 1 : 0;
    count_operands(id + 1 + id, id + 1 + id);
    const Operand &number = operand(id);
    if (number.kind != OperandKind::number || number.bits != 0) refuse("only barrier 0 of the whole block is known");
    if (kind == "red") {
      const uint32_t q = source(operand(2), 'p');
      first_ = false;
      operands(emit(barrier_contribution, Category::none), {}, {q});
      first_ = true;
    }
    Step &step = emit(nothing, Category::barrier);
    step.ending = Ending::barrier;
    if (kind != "red") return;
    const uint32_t d = destination(operand(0), reduction == "popc" ? 32 : 1);
    Step &result = emit(reduction == "popc" ? barrier_count : barrier_predicate, Category::none);
    operands(result, {d}, {});
    result.i.mode = reduction == "or";
  }

  void shuffles() {
    if (!take("sync")) refuse("unknown form: only shfl.sync");
    const std::string mode = take_one_of({"idx", "up", "down", "bfly"});
    if (mode.empty() || take_last() != "b32") refuse("unknown form");
    all_understood();
    count_operands(5, 5);
    const Operand &o = operand(0);
    const uint32_t a = source(operand(1), 'w'), b = source(operand(2), 'w'), c = source(operand(3), 'w'), m = source(operand(4), 'w');
    const uint32_t d = destination(o, 32);
    const uint32_t p = o.has_second && o.second >= 0 ? static_cast<uint32_t>(o.second) : temporary(1);
    Step &step = emit(shuffle, Category::special);
    operands(step, {d, p}, {a, b, c, m});
    step.i.mode = mode == "idx" ? kShuffleIndex : mode == "up" ? kShuffleUp : mode == "down" ? kShuffleDown : kShuffleButterfly;
  }

  void votes() {
    if (!take("sync")) refuse("unknown form: only vote.sync");
    const std::string mode = take_one_of({"any", "all", "uni", "ballot"});
    if (mode.empty() || take_last() != (mode == "ballot" ? "b32" : "pred")) refuse("unknown form");
    all_understood();
    count_operands(3, 3);
    const uint32_t q = source(operand(1), 'p'), m = source(operand(2), 'w'), d = destination(operand(0), mode == "ballot" ? 32 : 1);
    Step &step = emit(mode == "ballot" ? vote_ballot : vote_predicate, Category::special);
    operands(step, {d}, {q, m});
    step.i.mode = mode == "any" ? kVoteAny : mode == "all" ? kVoteAll : kVoteUniform;
  }

  void meetings(const std::string &op) {
    const std::string type = take_last();
    if (op == "activemask") {
      if (type != "b32") refuse("unknown form");
      all_understood();
      const uint32_t d = destination(operand(0), 32);
      operands(emit(active_mask, Category::special), {d}, {});
      return;
    }
    if (!take("sync")) refuse("unknown form");
    Handler run = nullptr;
    if (op == "redux") run = reduction(take_one_of({"add", "min", "max", "and", "or", "xor"}), type);
    else if (take("any")) run = match_any;
    all_understood();
    const Type t = type_of(type);
    if (!run || (t.bytes != 4 && (op == "redux" || t.bytes != 8))) refuse("unknown form");
    count_operands(3, 3);
    const uint32_t a = source(operand(1), t.bytes == 8 ? 'l' : 'w'), m = source(operand(2), 'w'), d = destination(operand(0), 32);
    Step &step = emit(run, Category::special);
    operands(step, {d}, {a, m});
    step.i.bytes = static_cast<uint8_t>(t.bytes);
  }

  void atomics(bool result) {
    const Space where = space();
    ignore_hints();
    const std::string type_name = take_last(), op = take_one_of({"add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"});
    all_understood();
    const Type type = type_of(type_name);
    const Handler run = where == Space::global || where == Space::shared || where == Space::none ? atomic_handler(where, op, type_name) : nullptr;
    if (!run || op.empty()) refuse("unknown form");
    const size_t first = result ? 1 : 0, count = first + (op == "cas" ? 3 : 2);
    count_operands(count, count);
    const char letter = type.kind == 'f' ? (type.bytes == 8 ? 'd' : 'f') : type.bytes == 8 ? 'l' : 'w';
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
    if (where != Space::global) kernel_.shared_atomics = true;
    if (where != Space::shared) kernel_.global_atomics = true;
  }

  // cp.async.ca.shared.global [to], [from], size{, read};  and its groups
  void copies() {
    if (!take("async")) refuse("unknown form");
    if (take("commit_group")) { all_understood(); return void(emit(commit_copies, Category::special)); }
    if (take("wait_all")) { all_understood(); return void(emit(wait_for_all_copies, Category::special)); }
    if (take("wait_group")) {
      all_understood();
      if (operand(0).kind != OperandKind::number) refuse("unknown form");
      emit(wait_for_copies, Category::special).i.immediate = static_cast<int64_t>(operand(0).bits);
      return;
    }
    const std::string level = take_one_of({"ca", "cg"});
    if (level.empty() || !(take("shared") || take("shared::cta")) || !take("global")) refuse("unknown form");
    ignore_hints();
    all_understood();
    count_operands(3, 4);
    const Operand &size = operand(2);
    if (size.kind != OperandKind::number || !(size.bits == 16 || (level == "ca" && (size.bits == 4 || size.bits == 8)))) refuse("unknown size");
    int64_t to_offset = 0, from_offset = 0;
    uint8_t to_flags = 0, flags = 0;
    uint32_t to = address(operand(0), to_offset, to_flags), from = address(operand(1), from_offset, flags);
    if (to_offset) {
      const bool wide = to_flags & kWideAddress;
      const uint32_t sum = temporary(wide ? 64 : 32);
      const bool first = first_;
      first_ = false;
      operands(emit(find_form(wide ? "add.s64" : "add.s32")->run, Category::none), {sum}, {to, constant(wide ? 64 : 32, static_cast<uint64_t>(to_offset))});
      first_ = first;
      to = sum;
    }
    uint32_t read = statement_->operands.size() == 4 ? source(operand(3), 'w') : constant(32, size.bits);
    Step &step = emit(async_copy_handler(), Category::async_copy);
    operands(step, {}, {to, from, read});
    step.i.mode = to_flags & kWideAddress ? 1 : 0;
    step.i.flags = flags;
    step.i.immediate = from_offset;
    step.i.bytes = static_cast<uint8_t>(size.bits);
    step.i.cache = kernel_.caches++;
  }
};

}  // namespace

std::unique_ptr<Kernel> decode(const Function &function, std::vector<Error> &errors) {
  auto kernel = std::make_unique<Kernel>();
  KernelInfo &info = kernel->info;
  info.name = function.name;
  info.parameter_bytes = function.parameter_bytes;
  for (const Parameter &p : function.parameters) info.parameters.push_back({p.offset, p.bytes});
  info.static_shared_bytes = function.shared_bytes;
  info.max_threads = function.max_threads;
  info.instructions = function.statements.size();
  kernel->local_bytes = (function.local_bytes + 15) / 16 * 16;
  if (!Decoder(function, *kernel).decode(errors)) return nullptr;
  return kernel;
}

}  // namespace vgpu
