// Statements to instructions. What is a plain function of its operands is looked up in the table of forms; the rest is here.
#include "decoder.h"

namespace vgpu {
namespace {

const std::map<std::string, std::pair<Special, int>> kSpecials = {{"%tid.x", {Special::tid_x, 32}},
                                                                  {"%tid.y", {Special::tid_y, 32}},
                                                                  {"%tid.z", {Special::tid_z, 32}},
                                                                  {"%ntid.x", {Special::ntid_x, 32}},
                                                                  {"%ntid.y", {Special::ntid_y, 32}},
                                                                  {"%ntid.z", {Special::ntid_z, 32}},
                                                                  {"%ctaid.x", {Special::ctaid_x, 32}},
                                                                  {"%ctaid.y", {Special::ctaid_y, 32}},
                                                                  {"%ctaid.z", {Special::ctaid_z, 32}},
                                                                  {"%nctaid.x", {Special::nctaid_x, 32}},
                                                                  {"%nctaid.y", {Special::nctaid_y, 32}},
                                                                  {"%nctaid.z", {Special::nctaid_z, 32}},
                                                                  {"%laneid", {Special::laneid, 32}},
                                                                  {"%warpid", {Special::warpid, 32}},
                                                                  {"%nwarpid", {Special::nwarpid, 32}},
                                                                  {"%smid", {Special::smid, 32}},
                                                                  {"%nsmid", {Special::nsmid, 32}},
                                                                  {"%gridid", {Special::gridid, 64}},
                                                                  {"%lanemask_eq", {Special::lanemask_eq, 32}},
                                                                  {"%lanemask_lt", {Special::lanemask_lt, 32}},
                                                                  {"%lanemask_le", {Special::lanemask_le, 32}},
                                                                  {"%lanemask_gt", {Special::lanemask_gt, 32}},
                                                                  {"%lanemask_ge", {Special::lanemask_ge, 32}},
                                                                  {"%dynamic_smem_size", {Special::dynamic_smem_size, 32}},
                                                                  {"%total_smem_size", {Special::total_smem_size, 32}},
                                                                  {"%reserved_smem_offset_begin", {Special::reserved_smem_begin, 32}},
                                                                  {"%reserved_smem_offset_end", {Special::reserved_smem_end, 32}},
                                                                  {"%reserved_smem_offset_cap", {Special::reserved_smem_cap, 32}},
                                                                  {"%reserved_smem_offset_0", {Special::reserved_smem_begin, 32}},
                                                                  {"%reserved_smem_offset_1", {Special::reserved_smem_1, 32}}};

}  // namespace

bool Decoder::decode(std::vector<Error> &errors) {
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
  // What was refused, here or by the parser, is missing: branches may go nowhere.
  if (!errors.empty()) return false;
  finish(draft_);
  return true;
}

Step &Decoder::emit(Handler run, Category category) {
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

void Decoder::operands(Step &step, std::initializer_list<uint32_t> defs, std::initializer_list<uint32_t> uses) {
  int n = 0;
  for (uint32_t r : defs) step.i.o[n++] = r;
  for (uint32_t r : uses) step.i.o[n++] = r;
  step.i.defs = static_cast<uint8_t>(defs.size());
  step.i.uses = static_cast<uint8_t>(uses.size());
}

void Decoder::operand_list(Step &step, const std::vector<uint32_t> &defs, const std::vector<uint32_t> &uses) {
  Instruction &i = step.i;
  i.defs = static_cast<uint8_t>(defs.size());
  i.uses = static_cast<uint8_t>(uses.size());
  if (i.listed()) {
    i.list = static_cast<uint32_t>(kernel_.lists.size());
    kernel_.lists.resize(i.list + defs.size() + uses.size());
  }
  std::copy(uses.begin(), uses.end(), std::copy(defs.begin(), defs.end(), kernel_.operands(i)));
}

uint32_t Decoder::temporary(int width) {
  draft_.registers.push_back({static_cast<uint8_t>(width)});
  return static_cast<uint32_t>(draft_.registers.size()) - 1;
}

uint32_t Decoder::constant(int width, uint64_t bits) {
  if (width < 64) bits &= (uint64_t(1) << width) - 1;
  auto [it, fresh] = constants_.try_emplace({width, bits}, 0);
  if (fresh) {
    it->second = temporary(width);
    draft_.registers.back().kind = RegisterKind::constant;
    draft_.registers.back().bits = bits;
  }
  return it->second;
}

uint32_t Decoder::special(const std::string &name, int width) {
  auto known = kSpecials.find(name);
  if (known == kSpecials.end()) {
    if (name == "WARP_SZ") return constant(width, 32);
    if (name.compare(0, 7, "%envreg") == 0) return constant(width, 0);  // what a driver puts there is its own business
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
  kernel_.reserved_shared |= name.compare(0, 14, "%reserved_smem") == 0;
  auto [it, fresh] = specials_.try_emplace({known->second.first, width}, 0);
  if (fresh) {
    it->second = temporary(width);
    draft_.registers.back().kind = RegisterKind::special;
    draft_.registers.back().which = known->second.first;
  }
  return it->second;
}

void Decoder::check_width(const Operand &o, int bits) {
  if (width(o.reg) != bits) refuse("a register of " + std::to_string(width(o.reg)) + " bits where " + std::to_string(bits) + " are wanted");
}

uint32_t Decoder::source(const Operand &o, char letter) {
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

uint64_t Decoder::number(const Operand &o, char letter) {
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

uint32_t Decoder::destination(const Operand &o, int bits) {
  if (o.kind == OperandKind::sink) return temporary(bits);
  if (o.kind != OperandKind::reg) refuse("the destination is no register");
  check_width(o, bits);
  return static_cast<uint32_t>(o.reg);
}

const Operand &Decoder::operand(size_t n) const {
  if (n >= statement_->operands.size()) refuse("operand " + std::to_string(n + 1) + " is missing");
  return statement_->operands[n];
}

void Decoder::count_operands(size_t least, size_t most) const {
  if (statement_->operands.size() < least || statement_->operands.size() > most)
    refuse(std::to_string(statement_->operands.size()) + " operands");
}

bool Decoder::take(const std::string &m) {
  auto it = std::find(modifiers_.begin(), modifiers_.end(), m);
  if (it == modifiers_.end()) return false;
  modifiers_.erase(it);
  return true;
}

std::string Decoder::take_one_of(std::initializer_list<const char *> names) {
  for (const char *n : names)
    if (take(n)) return n;
  return {};
}

std::string Decoder::take_last() {
  if (modifiers_.empty()) refuse("no type");
  std::string m = modifiers_.back();
  modifiers_.pop_back();
  return m;
}

void Decoder::all_understood() const {
  if (!modifiers_.empty()) refuse("unknown form: \"." + modifiers_.front() + "\"");
}

void Decoder::statement(const Statement &s) {
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
  if (op == "mbarrier") return phases();
  if (op == "ldmatrix") return load_matrix();
  if (op == "stmatrix") return store_matrix();
  if (op == "movmatrix") return move_matrix();
  if (op == "mma") return product();
  if (op == "createpolicy") return cache_policy();
  if (op == "wmma") return wmma();
  if (op == "redux" || op == "match" || op == "activemask") return meetings(op);
  if (op == "trap" || op == "brkpt") return void(emit(trap, Category::special));
  if (op == "membar" || op == "fence" || op == "nanosleep" || op == "prefetch" || op == "prefetchu" || op == "discard" ||
      op == "applypriority" || op == "pmevent") {
    if (op == "fence" && std::find(modifiers_.begin(), modifiers_.end(), "proxy") != modifiers_.end()) refuse("unknown form");
    return void(emit(nothing, Category::special));
  }
  if (op == "isspacep") return is_space();
  if (op == "lop3" && s.operands.size() == 6) return lop3_with_predicate();
  if (op == "vprintf" || op == "malloc" || op == "free") return system_call(op);
  if (op == "call") return operands(emit(call_of_nothing, Category::special), {}, {source(operand(0), 'l')});
  if ((op == "min" || op == "max") && s.operands.size() == 4) return plain(op + "3" + s.form.substr(3));
  plain(s.form);
}

void Decoder::plain(const std::string &name) {
  const Form *form = find_form(name);
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

void Decoder::jump(const std::string &op) {
  take("uni");
  all_understood();
  Step &step = emit(nothing, Category::branch);
  step.ending = op == "bra" ? Ending::branch : Ending::leave;
  step.target = statement_->target;
  step.i.uses = 0;
}

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
  if (function.shared_bytes > kMostShared)
    errors.push_back({function.line, "kernel " + function.name + " has " + std::to_string(function.shared_bytes) +
                                         " bytes of shared memory; a block has at most " + std::to_string(kMostShared)});
  if (!Decoder(function, *kernel).decode(errors)) return nullptr;
  return kernel;
}

}  // namespace vgpu
