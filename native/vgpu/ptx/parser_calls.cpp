// Calls. The address of a function is a number that no memory has, and a call of what a register holds compares it with the numbers of all
// functions that it may be: their bodies are inlined one after the other.
#include "parser.h"

namespace vgpu {
namespace {

constexpr size_t kMostStatements = 500'000;  // of a kernel that has calls
constexpr size_t kMostInlinings = 50'000;    // of a kernel: bodies without statements take time, too

}  // namespace

void Parser::call(Statement &s) {
  std::vector<Operand> results, arguments;
  auto list = [&](std::vector<Operand> &to) {
    while (!take(")")) {
      to.push_back(operand());
      take(",");
    }
  };
  if (take("(")) {
    list(results);
    need(",");
  }
  const std::string name = word();
  std::string label;
  bool more = take(",");
  if (more && take("(")) {
    list(arguments);
    more = take(",");
  }
  if (more) label = word();
  need(";");
  if (name == "__assertfail") {
    s.opcode = s.form = "trap";
    s.modifiers.clear();
    function_->statements.push_back(std::move(s));
    return;
  }
  if (name == "vprintf" || ((name == "malloc" || name == "free") && !has_body(name))) {
    s.opcode = s.form = name;
    s.modifiers.clear();
    s.operands = std::move(arguments);
    s.operands.insert(s.operands.end(), results.begin(), results.end());
    function_->statements.push_back(std::move(s));
    return;
  }
  if (s.guard >= 0) refuse("guarded calls are not known");
  const int reg = find_register(name);
  if (reg >= 0) return call_address(s, reg, label, results, arguments);
  if (!has_body(name)) refuse("call of " + name + ", which has no body here");
  if (std::find(inlined_.begin(), inlined_.end(), name) != inlined_.end()) refuse("recursion is not known: " + name + " calls itself");
  inline_body(name, results, arguments);
}

void Parser::inline_body(const std::string &name, const std::vector<Operand> &results, const std::vector<Operand> &arguments) {
  if (++inlinings_ > kMostInlinings) refuse("too many calls within calls: inlined, they are more than 50,000");
  if (inlined_.size() == 20) refuse("calls nested too deeply");
  if (function_->statements.size() > kMostStatements) refuse("too many calls within calls: inlined, they are more than 500,000 statements");
  inlined_.push_back(name);
  const size_t resume = at_, outer = scope_;
  const int outer_return = return_label_;
  open_scope();
  scopes_[scope_].parent = 0;
  at_ = bodies_.find(name)->second;
  if (take("(")) bind(results);
  word();
  if (take("(")) bind(arguments);
  skip_past("{");
  return_label_ = 0;
  returns_.emplace_back();
  body();
  for (size_t statement : returns_.back()) function_->statements[statement].target = static_cast<int>(function_->statements.size());
  returns_.pop_back();
  return_label_ = outer_return;
  inlined_.pop_back();
  at_ = resume;
  scope_ = outer;
}

void Parser::bind(const std::vector<Operand> &with) {
  size_t i = 0;
  while (!take(")")) {
    bool reg = is(".reg");
    ++at_;
    Declared d = declaration();
    if (i >= with.size()) refuse("call with too few arguments");
    if (reg) scopes_[scope_].registers[d.name] = with[i].reg;
    else scopes_[scope_].symbols[d.name] = {with[i].space, with[i].place};
    ++i;
    take(",");
  }
}

// ---- calls of what a register holds ---------------------------------------------------------------------------------------------

// A comparison and a body for each callee, then what faults. Lanes that call different functions part and meet again as at any branch.
void Parser::call_address(const Statement &s, int reg, const std::string &label, const std::vector<Operand> &results,
                          const std::vector<Operand> &arguments) {
  const std::vector<std::string> names = possible_callees(label, results.size(), arguments.size());
  // Before any of them is inlined: each might call all others, and so on.
  for (const std::string &name : names)
    if (std::find(inlined_.begin(), inlined_.end(), name) != inlined_.end())
      refuse("recursion is not known: " + name + " may call itself here, by its address");
  std::vector<Statement> &statements = function_->statements;
  auto add = [&](const std::string &opcode, std::vector<std::string> modifiers, std::vector<Operand> operands) -> size_t {
    Statement made;
    made.line = s.line;
    made.source = s.source;
    made.opcode = made.form = opcode;
    for (const std::string &m : modifiers) made.form += "." + m;
    made.modifiers = std::move(modifiers);
    made.operands = std::move(operands);
    statements.push_back(std::move(made));
    return statements.size() - 1;
  };
  Operand address, other, number;
  address.kind = other.kind = OperandKind::reg;
  number.kind = OperandKind::number;
  address.reg = reg;
  other.reg = new_register(1);
  std::vector<size_t> ends;
  for (const std::string &name : names) {
    number.bits = address_of(name);
    add("setp", {"ne", "u64"}, {other, address, number});
    const size_t skip = add("bra", {}, {});
    statements[skip].guard = other.reg;
    inline_body(name, results, arguments);
    ends.push_back(add("bra", {}, {}));
    statements[skip].target = static_cast<int>(statements.size());
  }
  add("call", {}, {address});
  for (size_t end : ends) statements[end].target = static_cast<int>(statements.size());
}

std::vector<std::string> Parser::possible_callees(const std::string &label, size_t results, size_t arguments) {
  if (label.empty()) refuse("call of an address that does not say which functions it may be");
  Callees callees;
  for (size_t s = scope_;; s = scopes_[s].parent) {
    if (const auto it = scopes_[s].callees.find(label); it != scopes_[s].callees.end()) {
      callees = it->second;
      break;
    }
    if (s) continue;
    // A variable with the addresses of all that may be called.
    const auto table = program_.variables.find(label);
    if (table == program_.variables.end()) refuse("\"" + label + "\" says of no functions that they may be called");
    callees.listed = true;
    const std::vector<uint8_t> &bytes = table->second.initial;
    for (const auto &[name, body] : bodies_) {
      const uint64_t address = address_of(name);
      for (size_t n = 0; n + sizeof address <= bytes.size(); n += sizeof address)
        if (!std::memcmp(bytes.data() + n, &address, sizeof address)) {
          callees.names.push_back(name);
          break;
        }
    }
    if (callees.names.empty()) refuse("a call by way of \"" + label + "\", which holds the address of no function");
    break;
  }
  const size_t at = at_;
  if (!callees.listed) {
    look_for_data();
    for (const std::string_view name : data_) {
      at_ = bodies_.find(name)->second;
      if (signature() == callees.signature) callees.names.emplace_back(name);
    }
    at_ = at;
    if (callees.signature.results.size() != results || callees.signature.parameters.size() != arguments)
      refuse("a call with other operands than its prototype has");
    return callees.names;
  }
  for (const std::string &name : callees.names) {
    const auto body = bodies_.find(name);
    if (body == bodies_.end()) refuse("call of " + name + ", which has no body here");
    at_ = body->second;
    const Signature of = signature();
    at_ = at;
    if (of.results.size() != results || of.parameters.size() != arguments) refuse("a call with other operands than " + name + " has");
  }
  return callees.names;
}

void Parser::callees() {
  Callees &callees = scopes_[scope_].callees[word()];
  callees = {};
  need(":");
  if (take(".callprototype")) {
    callees.signature = signature();
    return skip_past(";");
  }
  callees.listed = true;
  need(".calltargets");
  do callees.names.push_back(word());
  while (take(","));
  need(";");
}

Signature Parser::signature() {
  Signature result;
  auto sizes = [&](std::vector<size_t> &to) {
    while (!take(")")) {
      if (!take(".reg")) need(".param");
      to.push_back(declaration().bytes);
      take(",");
    }
  };
  if (take("(")) sizes(result.results);
  word();
  if (take("(")) sizes(result.parameters);
  return result;
}

// Addresses tell modules apart as well, by a hash of the text, so that one of another module is found out. The same text has the same ones.
uint64_t Parser::address_of(const std::string &function) {
  if (!first_address_) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : ptx_) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    first_address_ = kFunctionWindow + (hash >> 32 << 20);
  }
  const auto it = bodies_.find(function);
  if (it == bodies_.end()) refuse("the address of " + function + ", which has no body here");
  return first_address_ + 16 * static_cast<uint64_t>(std::distance(bodies_.begin(), it));
}

// All names of functions but those in their declarations and in calls of them.
void Parser::look_for_data() {
  if (looked_for_data_) return;
  looked_for_data_ = true;
  const auto text = [&](size_t at) { return tokens_[std::min(at, tokens_.size() - 1)].text; };
  for (size_t at = 0; at < tokens_.size(); ++at) {
    const Token &t = tokens_[at];
    if (t.kind != TokenKind::word) continue;
    const bool is_call = t.text == "call" || t.text.substr(0, 5) == "call.";
    if (is_call || t.text == ".func") {
      if (text(at + 1) == "(")
        while (at + 1 < tokens_.size() && text(at) != ")") ++at;
      if (is_call && text(at + 1) == ",") ++at;
      ++at;
    } else if (const auto it = bodies_.find(t.text); it != bodies_.end()) {
      data_.insert(it->first);
    }
  }
}

}  // namespace vgpu
