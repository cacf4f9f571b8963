// Text to Program: variables, kernels, and where the bodies of functions are. Those are parsed again at each call, their parameters
// replaced by the caller's (parser_calls.cpp), so that no handler has to know a call stack.
#include "parser.h"

namespace vgpu {

Program Parser::parse() {
  // Functions may be called before the text of their body.
  for (; peek().kind != TokenKind::end; ++at_) {
    if (is(".section")) skip_to_body();
    if (is("{")) skip_braces(), --at_;
    else if (is(".func")) find_body();
  }
  at_ = 0;
  while (peek().kind != TokenKind::end) {
    size_t before = at_;
    try {
      module_item();
    } catch (const Refusal &refusal) {
      program_.errors.push_back({refusal.line, refusal.text});
      at_ = before;
      skip_item();
    }
  }
  return std::move(program_);
}

void Parser::module_item() {
  if (take(";")) return;
  if (is(".version") || is(".target") || is(".address_size")) return skip_line();
  if (take(".file")) {
    int index = static_cast<int>(number());
    if (peek().kind == TokenKind::text) program_.files[index] = std::string(peek().text);
    --at_;
    return skip_line();
  }
  if (is(".loc")) return skip_line();
  if (take(".section")) {
    skip_to("{");
    return skip_braces();
  }
  bool external = false;
  while (is(".visible") || is(".extern") || is(".weak") || is(".common")) external |= is(".extern"), ++at_;
  if (take(".entry")) return entry();
  if (take(".func")) return function_declaration();
  if (is(".global") || is(".const") || is(".shared")) return module_variable(external);
  if (take(".pragma")) return skip_past(";");
  refuse("unknown directive \"" + std::string(peek().text) + "\"");
}

Parser::Declared Parser::declaration() {
  Declared d;
  size_t vector = 1, align = 0;
  bool pointer = false;
  while (peek().kind == TokenKind::word && peek().text[0] == '.') {
    std::string w = word();
    if (w == ".align") (pointer ? ignored_ : align) = number();  // after .ptr: of what it points to
    else if (w == ".v2") vector = 2;
    else if (w == ".v4") vector = 4;
    else if (w == ".ptr" || w == ".global" || w == ".shared" || w == ".const" || w == ".local" || w == ".attribute") {
      pointer |= w == ".ptr";
      if (w == ".attribute") skip_past(")");
    } else if (auto it = kTypeBytes.find(w); it != kTypeBytes.end()) d.element = it->second;
    else {
      --at_;
      refuse("unknown type \"" + w + "\"");
    }
  }
  d.name = word();
  d.bytes = d.element * vector;
  while (take("[")) {
    if (is("]")) d.open = true, d.bytes = 0;
    else d.bytes *= number();
    need("]");
  }
  d.align = std::max<size_t>(align, align ? 1 : d.element * vector);
  return d;
}

void Parser::initial_value(const Declared &d, std::vector<uint8_t> &to) {
  if (take("{")) {
    while (!take("}")) {
      initial_value(d, to);
      take(",");
    }
    return;
  }
  uint64_t bits = 0;
  if (peek().kind == TokenKind::word) {
    std::string name = word();
    if (name == "generic") {
      need("(");
      name = word();
      need(")");
    }
    auto it = program_.variables.find(name);
    if (it == program_.variables.end() && !has_body(name)) refuse("initialiser names unknown variable or function \"" + name + "\"");
    bits = it == program_.variables.end() ? address_of(name) : it->second.address;
    if (take("+")) bits += number();
  } else {
    bits = number();
  }
  size_t from = to.size();
  to.resize(from + d.element);
  std::memcpy(to.data() + from, &bits, d.element);
}

void Parser::module_variable(bool external) {
  Space space = is(".global") ? Space::global : is(".const") ? Space::constant : Space::shared;
  ++at_;
  do {
    Declared d = declaration();
    Variable v;
    v.name = d.name;
    v.space = space;
    v.align = d.align;
    v.external = external && space == Space::shared;
    if (take("=")) initial_value(d, v.initial);
    v.bytes = d.open ? v.initial.size() : d.bytes;
    v.initial.resize(v.initial.empty() ? 0 : v.bytes);
    if (space != Space::shared) {
      if (external) refuse("variable " + v.name + " is external, and there is no linker");
      place_(v, context_);
    }
    program_.variables[v.name] = v;
  } while (take(","));
  need(";");
}

void Parser::skip_to_body() {
  while (!is("{") && !is(";") && peek().kind != TokenKind::end) ++at_;
}

void Parser::function_declaration() {
  skip_to_body();
  if (!take(";")) skip_braces();
}

void Parser::find_body() {
  size_t from = at_ + 1, name = from;
  if (tokens_[from].text == "(")
    while (name + 1 < tokens_.size() && tokens_[name++].text != ")") {
    }
  skip_to_body();
  if (is("{")) bodies_[std::string(tokens_[name].text)] = from;
  --at_;
}

void Parser::entry() {
  Function f;
  f.line = peek().line;
  f.name = word();
  function_ = &f;
  scopes_.assign(1, {{}, {}, {}, 0});
  scope_ = 0;
  shared_places_.clear();
  branches_.clear();
  branch_scopes_.clear();
  inlinings_ = 0;
  if (take("(")) {
    while (!take(")")) {
      need(".param");
      Declared d = declaration();
      f.parameter_bytes = align_up(f.parameter_bytes, d.align);
      f.parameters.push_back({d.name, f.parameter_bytes, d.bytes});
      scopes_[0].symbols[d.name] = {Space::param, f.parameter_bytes};
      f.parameter_bytes += d.bytes;
      take(",");
    }
  }
  size_t dims[3] = {1, 1, 1};
  while (!is("{") && !is(";") && peek().kind != TokenKind::end) {
    std::string w = word();
    if (w == ".maxntid" || w == ".reqntid") {
      int n = 0;
      do dims[n++] = number();
      while (n < 3 && take(","));
      f.max_threads = dims[0] * dims[1] * dims[2];
    } else if (w == ".minnctapersm" || w == ".maxnreg" || w == ".maxnctapersm") {
      number();
    } else if (w == ".pragma") {
      skip_past(";");
    } else {
      --at_;
      refuse("unknown directive \"" + w + "\"");
    }
  }
  if (take(";")) return;
  need("{");
  body();
  for (size_t i = 0; i < branches_.size(); ++i) {
    auto &[statement, label] = branches_[i];
    f.statements[statement].target = find_label(label, branch_scopes_[i], f.statements[statement].line);
  }
  program_.kernels.push_back(std::move(f));
  function_ = nullptr;
}

int Parser::find_label(const std::string &label, size_t scope, int line) {
  for (;; scope = scopes_[scope].parent) {
    auto it = scopes_[scope].labels.find(label);
    if (it != scopes_[scope].labels.end()) return it->second;
    if (scope == 0) break;
  }
  program_.errors.push_back({line, "branch to unknown label \"" + label + "\""});
  return 0;
}

Program parse(const std::string &ptx, void (*place_variable)(Variable &, void *), void *context) {
  return Parser(ptx, place_variable, context).parse();
}

}  // namespace vgpu
