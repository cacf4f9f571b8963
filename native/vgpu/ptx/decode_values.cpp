// Moves, comparisons, conversions and addresses of spaces.
#include "decoder.h"

namespace vgpu {

void Decoder::move() {
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
  plain(statement_->form);
}

void Decoder::lop3_with_predicate() {
  const Form *form = find_form(statement_->form);
  const Operand &d = operand(0);
  if (!form || !d.has_second) refuse("unknown form");
  const uint32_t a = source(operand(1), 'w'), b = source(operand(2), 'w'), c = source(operand(3), 'w'), table = source(operand(4), 'w'),
                 q = source(operand(5), 'p'), to = destination(d, 32), p = d.second >= 0 ? static_cast<uint32_t>(d.second) : temporary(1);
  Step &step = emit(form->run, form->category);
  operands(step, {to, p}, {a, b, c, table, q});
  step.i.mode = statement_->modifiers[0] == "and";
}

void Decoder::system_call(const std::string &name) {
  const size_t arguments = name == "vprintf" ? 2 : 1, given = statement_->operands.size();
  count_operands(arguments + (name == "malloc"), arguments + (name != "free"));
  uint32_t places[3] = {};
  for (size_t n = 0; n < given; ++n) {
    const Operand &o = operand(n);
    if (o.kind != OperandKind::symbol || o.space != Space::local) refuse("what it is called with is no .param variable");
    places[n] = constant(64, o.place);
  }
  if (given == arguments) places[given] = constant(64, ~uint64_t(0));
  if (name == "vprintf") return operands(emit(print_text, Category::special), {}, {places[0], places[1], places[2]});
  // One block after the other, so that addresses, and who gets the last bytes, do not depend on the number of threads.
  kernel_.global_atomics = true;
  if (name == "malloc") operands(emit(allocate_on_heap, Category::special), {}, {places[0], places[1]});
  else operands(emit(free_on_heap, Category::special), {}, {places[0]});
}

void Decoder::compare(bool is_set) {
  const std::string op = modifiers_.empty() ? "" : modifiers_.front();
  if (!modifiers_.empty()) modifiers_.erase(modifiers_.begin());
  const std::string from = take_last(), to = is_set ? take_last() : "";
  const bool ftz = take("ftz");
  const std::string combine = take_one_of({"and", "or", "xor"});
  all_understood();
  if (is_half(from)) return compare_halves(op, from, to, ftz, combine);
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
  const int bytes = is_half(to) ? 2 : type_of(to).bytes;
  if (bytes < 2) refuse("unknown type \"." + to + "\"");
  const uint32_t target = destination(d, bytes * 8);
  Step &result = emit(select_result, Category::none);
  operands(result, {target}, {p});
  result.i.bytes = static_cast<uint8_t>(bytes);
  result.i.immediate = static_cast<int64_t>(truth(to));
}

void Decoder::convert() {
  count_operands(2, 3);
  std::string from = take_last(), to = take_last();
  const bool ftz = take("ftz"), sat = take("sat"), relu = take("relu");
  std::string rounding = take_one_of({"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi"});
  all_understood();
  auto find = [&] {
    const std::string name = "cvt" + (rounding.empty() ? "" : "." + rounding);
    return find_form(name + (ftz ? ".ftz" : "") + (relu ? ".relu" : "") + (sat ? ".sat" : "") + "." + to + "." + from);
  };
  const Form *form = find();
  uint32_t sources[2] = {};
  const bool first = first_, by_float = !form && (is_half(from) || is_half(to));
  first_ = false;
  if (by_float) sources[0] = convert_to_float(to, from, rounding), form = find();
  if (!form) refuse("unknown form");
  const std::string signature = form->signature;
  count_operands(signature.size(), signature.size());
  for (size_t n = by_float ? 2 : 1; n < signature.size(); ++n) sources[n - 1] = cut_source(operand(n), signature[n]);
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

uint32_t Decoder::cut_source(const Operand &a, char letter) {
  const int bits = width_of(letter);
  if (a.kind != OperandKind::reg || width(a.reg) <= bits) return source(a, letter);
  const uint32_t r = temporary(bits);
  auto unsigned_name = [](int b) { return ".u" + std::to_string(b); };
  operands(emit(find_form("cvt" + unsigned_name(bits) + unsigned_name(width(a.reg)))->run, Category::none), {r},
           {static_cast<uint32_t>(a.reg)});
  return r;
}

void Decoder::window() {
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

void Decoder::is_space() {
  const Space where = space();
  all_understood();
  if (where != Space::shared && where != Space::local && where != Space::global) refuse("unknown form");
  const uint32_t a = source(operand(1), 'l'), p = destination(operand(0), 1);
  Step &step = emit(is_in_space, Category::integer);
  operands(step, {p}, {a});
  step.i.mode = where == Space::shared ? 1 : where == Space::local ? 2 : 0;
}

}  // namespace vgpu
