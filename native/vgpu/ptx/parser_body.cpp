// Declarations and statements of a kernel; the functions it calls are in parser_calls.cpp.
#include "parser.h"

namespace vgpu {

void Parser::body() {
  while (!take("}")) {
    if (peek().kind == TokenKind::end) refuse("\"}\" expected at the end of the text");
    const size_t before = at_, scope = scope_, returns = returns_.size();
    const size_t inlined = inlined_.size();
    const int line = peek().line, label = return_label_;
    try {
      statement();
    } catch (const Refusal &refusal) {
      program_.errors.push_back({line, refusal.text});
      at_ = before;
      skip_statement();
      scope_ = scope;
      inlined_.resize(inlined);
      return_label_ = label;
      returns_.resize(returns);
    }
  }
}

void Parser::declare_registers() {
  std::string type = word();
  if (type == ".v2" || type == ".v4") refuse("vector registers are not known");
  int width = type == ".pred" ? 1 : 0;
  if (!width) {
    auto it = kTypeBytes.find(type);
    if (it == kTypeBytes.end()) refuse("unknown register type \"" + type + "\"");
    width = it->second * 8;
  }
  do {
    std::string name = word();
    if (take("<")) {
      int count = static_cast<int>(number());
      need(">");
      for (int i = 0; i < count; ++i) scopes_[scope_].registers[name + std::to_string(i)] = new_register(width);
    } else {
      scopes_[scope_].registers[name] = new_register(width);
    }
  } while (take(","));
  need(";");
}

void Parser::declare_variable(Space space) {
  do {
    Declared d = declaration();
    if (d.open) {  // extern .shared inside a function
      scopes_[scope_].symbols[d.name] = {Space::shared, ~uint64_t(0)};
      continue;
    }
    size_t &used = space == Space::shared ? function_->shared_bytes : function_->local_bytes;
    used = align_up(used, d.align);
    scopes_[scope_].symbols[d.name] = {space, used};
    used += d.bytes;
  } while (take(","));
  need(";");
}

void Parser::statement() {
  if (take(";")) return;
  if (is("{")) {
    ++at_;
    size_t outer = scope_;
    open_scope();
    body();
    scope_ = outer;
    return;
  }
  if (take(".reg")) return declare_registers();
  if (take(".local") || take(".param")) return declare_variable(Space::local);  // a call's .param variables are the thread's own
  if (take(".shared")) return declare_variable(Space::shared);
  if (take(".loc")) return location();
  if (take(".pragma")) return skip_past(";");
  if (take(".extern")) {
    need(".shared");
    return declare_variable(Space::shared);
  }
  if (peek().kind == TokenKind::word && is(":", 1)) {
    if (is(".callprototype", 2) || is(".calltargets", 2)) return callees();
    scopes_[scope_].labels[word()] = static_cast<int>(function_->statements.size());
    ++at_;
    return;
  }
  if (peek().kind == TokenKind::word && peek().text[0] == '.') refuse("unknown directive \"" + std::string(peek().text) + "\"");
  instruction();
}

void Parser::location() {
  int line = peek().line;
  int file = static_cast<int>(number());
  int source = static_cast<int>(number());
  // Line 0 means "made by the compiler"; the last real line says more.
  if (source) function_->sources.push_back({file, source});
  while (peek().kind != TokenKind::end && peek().line == line) ++at_;
}

int Parser::find_register(std::string_view name) const {
  for (size_t s = scope_;; s = scopes_[s].parent) {
    auto it = scopes_[s].registers.find(name);
    if (it != scopes_[s].registers.end()) return it->second;
    if (s == 0) return -1;
  }
}

bool Parser::find_symbol(std::string_view name, Operand &o) {
  o.name = std::string(name);
  for (size_t s = scope_;; s = scopes_[s].parent) {
    auto it = scopes_[s].symbols.find(name);
    if (it != scopes_[s].symbols.end()) {
      o.space = it->second.space;
      o.place = it->second.place;
      return true;
    }
    if (s == 0) break;
  }
  auto it = program_.variables.find(o.name);
  if (it == program_.variables.end()) return false;
  const Variable &v = it->second;
  o.space = v.space;
  o.place = v.address;
  if (v.external) {
    o.place = ~uint64_t(0);  // after the static part, whose size is known at the end
  } else if (v.space == Space::shared) {
    auto [place, fresh] = shared_places_.try_emplace(o.name, 0);
    if (fresh) {
      function_->shared_bytes = align_up(function_->shared_bytes, v.align);
      place->second = function_->shared_bytes;
      function_->shared_bytes += v.bytes;
    }
    o.place = place->second;
  }
  return true;
}

Operand Parser::operand() {
  Operand o;
  if (take("!")) {
    o = operand();
    o.negated = true;
    return o;
  }
  if (take("{")) {
    o.kind = OperandKind::vector;
    while (!take("}")) {
      o.parts.push_back(operand());
      take(",");
    }
    return o;
  }
  if (take("[")) {
    o = operand();
    if (o.kind == OperandKind::number) o.place = 0;
    else if (o.kind != OperandKind::reg && o.kind != OperandKind::symbol) refuse("unknown address");
    if (is("+") || is("-")) {
      bool minus = is("-");
      ++at_;
      uint64_t offset = number();
      o.bits += minus ? -offset : offset;
    }
    need("]");
    o.kind = OperandKind::address;
    return o;
  }
  if (is("-") || peek().kind == TokenKind::number) {
    bool minus = take("-");
    const Token &t = peek();
    o.bits = number();
    o.kind = OperandKind::number;
    o.single = t.single;
    o.twice = t.twice;
    if (minus) o.bits = t.single ? o.bits ^ 0x80000000u : t.twice ? o.bits ^ (uint64_t(1) << 63) : -o.bits;
    return o;
  }
  std::string name = word();
  if (name == "_") return o;
  if (int r = find_register(name); r >= 0) {
    o.kind = OperandKind::reg;
    o.reg = r;
    return o;
  }
  if (find_symbol(name, o)) {
    o.kind = OperandKind::symbol;
    if (is("+")) {
      ++at_;
      o.bits = number();
    }
    return o;
  }
  if (has_body(name)) {
    o.kind = OperandKind::number;
    o.bits = address_of(name);
    return o;
  }
  if (name[0] == '%') {
    o.kind = OperandKind::special;
    o.name = name;
    return o;
  }
  o.kind = OperandKind::symbol;  // a label or a function; whoever needs a variable refuses it
  o.name = name;
  return o;
}

void Parser::instruction() {
  Statement s;
  s.line = peek().line;
  s.source = static_cast<int>(function_->sources.size()) - 1;
  if (take("@")) {
    s.guard_negated = take("!");
    std::string name = word();
    s.guard = find_register(name);
    if (s.guard < 0 || function_->widths[s.guard] != 1) refuse("guard \"" + name + "\" is no predicate");
  }
  s.form = word();
  size_t dot = s.form.find('.');
  s.opcode = s.form.substr(0, dot);
  while (dot != std::string::npos) {
    size_t next = s.form.find('.', dot + 1);
    s.modifiers.push_back(s.form.substr(dot + 1, next == std::string::npos ? next : next - dot - 1));
    dot = next;
  }
  if (s.opcode == "call") return call(s);
  if (s.opcode == "bra") {
    if (peek().kind != TokenKind::word) refuse("a label expected");
    branches_.push_back({function_->statements.size(), word()});
    branch_scopes_.push_back(scope_);
    need(";");
    function_->statements.push_back(std::move(s));
    return;
  }
  if (s.opcode == "ret" && return_label_ >= 0) {
    need(";");
    s.opcode = s.form = "bra";
    s.modifiers.clear();
    returns_.back().push_back(function_->statements.size());
    function_->statements.push_back(std::move(s));
    return;
  }
  while (!take(";")) {
    Operand o = operand();
    if (take("|")) {
      Operand second = operand();
      o.has_second = true;
      o.second = second.reg;
    }
    s.operands.push_back(std::move(o));
    if (!is(";")) need(",");
  }
  function_->statements.push_back(std::move(s));
}

}  // namespace vgpu
