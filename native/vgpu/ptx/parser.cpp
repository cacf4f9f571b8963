// Text to Program. A function that is called is parsed again at each call, its parameters replaced by the caller's: what
// nvcc leaves as calls (the slow path of sin for doubles) is small, and no handler has to know a call stack.
#include "lexer.h"
#include "syntax.h"
#include <algorithm>
#include <cstring>

namespace vgpu {
namespace {

struct Refusal { int line; std::string text; };

size_t align_up(size_t value, size_t align) { return (value + align - 1) / align * align; }

const std::map<std::string_view, int> kTypeBytes = {
    {".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2}, {".u16", 2}, {".s16", 2}, {".f16", 2}, {".bf16", 2}, {".b32", 4}, {".u32", 4},
    {".s32", 4}, {".f32", 4}, {".f16x2", 4}, {".b64", 8}, {".u64", 8}, {".s64", 8}, {".f64", 8}};

struct Symbol { Space space; uint64_t place; };
struct Scope {
  std::map<std::string, int, std::less<>> registers;
  std::map<std::string, Symbol, std::less<>> symbols;
  std::map<std::string, int, std::less<>> labels;
  size_t parent;
};

class Parser {
 public:
  Parser(const std::string &ptx, void (*place)(Variable &, void *), void *context)
      : tokens_(tokens(ptx)), place_(place), context_(context) {}

  Program parse() {
    // Functions may be called before the text of their body.
    for (; peek().kind != TokenKind::end; ++at_) {
      if (is(".section")) { while (!is("{")) ++at_; }
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
        if (at_ == before) ++at_;
        while (peek().kind != TokenKind::end && !is("}") && !is(";")) ++at_;
      }
    }
    return std::move(program_);
  }

 private:
  std::vector<Token> tokens_;
  void (*place_)(Variable &, void *);
  void *context_;
  size_t at_ = 0;
  Program program_;
  std::map<std::string, size_t, std::less<>> bodies_;  // token index of a .func's parameter lists
  Function *function_ = nullptr;
  std::vector<Scope> scopes_;
  size_t scope_ = 0;
  std::map<std::string, uint64_t> shared_places_;      // module-level .shared variables that this kernel uses
  std::vector<std::pair<size_t, std::string>> branches_;  // statement and label, with the scope in branch_scopes_
  std::vector<size_t> branch_scopes_;
  int depth_ = 0;
  size_t ignored_ = 0;
  int return_label_ = -1;                              // >= 0: inside an inlined call
  std::vector<std::vector<size_t>> returns_;           // statements that leave the inlined call

  const Token &peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool is(std::string_view text, size_t ahead = 0) const { return peek(ahead).text == text && peek(ahead).kind != TokenKind::text; }
  bool take(std::string_view text) { return is(text) ? ++at_, true : false; }
  [[noreturn]] void refuse(const std::string &text) const { throw Refusal{peek().line, text}; }
  void need(std::string_view text) {
    if (!take(text)) refuse("\"" + std::string(text) + "\" expected before \"" + std::string(peek().text) + "\"");
  }
  std::string word() {
    if (peek().kind != TokenKind::word) refuse("a name expected before \"" + std::string(peek().text) + "\"");
    return std::string(tokens_[at_++].text);
  }
  uint64_t number() {
    bool minus = take("-");
    if (peek().kind != TokenKind::number) refuse("a number expected before \"" + std::string(peek().text) + "\"");
    uint64_t bits = tokens_[at_++].bits;
    return minus ? -bits : bits;
  }
  void skip_line() {
    int line = peek().line;
    while (peek().kind != TokenKind::end && peek().line == line) ++at_;
  }
  void skip_braces() {
    need("{");
    for (int depth = 1; depth && peek().kind != TokenKind::end; ++at_) depth += is("{") ? 1 : is("}") ? -1 : 0;
  }

  // ---- module level --------------------------------------------------------------------------------------------------------
  void module_item() {
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
      while (!is("{")) ++at_;
      return skip_braces();
    }
    bool external = false;
    while (is(".visible") || is(".extern") || is(".weak") || is(".common")) external |= is(".extern"), ++at_;
    if (take(".entry")) return entry();
    if (take(".func")) return function_declaration();
    if (is(".global") || is(".const") || is(".shared")) return module_variable(external);
    if (take(".pragma")) { while (!take(";")) ++at_; return; }
    refuse("unknown directive \"" + std::string(peek().text) + "\"");
  }

  struct Declared { std::string name; size_t align = 1, bytes = 0; int element = 1; bool open = false; };

  // [.align n] [.v2|.v4] .type name [dims]
  Declared declaration() {
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
        if (w == ".attribute") { while (!take(")")) ++at_; }
      } else if (auto it = kTypeBytes.find(w); it != kTypeBytes.end()) d.element = it->second;
      else { --at_; refuse("unknown type \"" + w + "\""); }
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

  void initial_value(const Declared &d, std::vector<uint8_t> &to) {
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
      if (name == "generic") { need("("); name = word(); need(")"); }
      auto it = program_.variables.find(name);
      if (it == program_.variables.end()) refuse("initialiser names unknown variable \"" + name + "\"");
      bits = it->second.address;
      if (take("+")) bits += number();
    } else {
      bits = number();
    }
    size_t from = to.size();
    to.resize(from + d.element);
    std::memcpy(to.data() + from, &bits, d.element);
  }

  void module_variable(bool external) {
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

  void skip_to_body() {
    while (!is("{") && !is(";") && peek().kind != TokenKind::end) ++at_;
  }
  void function_declaration() {
    skip_to_body();
    if (!take(";")) skip_braces();
  }
  // At .func: notes where the parameter lists begin, if a body follows.
  void find_body() {
    size_t from = at_ + 1, name = from;
    if (tokens_[from].text == "(") while (name + 1 < tokens_.size() && tokens_[name++].text != ")") {}
    skip_to_body();
    if (is("{")) bodies_[std::string(tokens_[name].text)] = from;
    --at_;
  }

  void entry() {
    Function f;
    f.line = peek().line;
    f.name = word();
    function_ = &f;
    scopes_.assign(1, {{}, {}, {}, 0});
    scope_ = 0;
    shared_places_.clear();
    branches_.clear();
    branch_scopes_.clear();
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
        do dims[n++] = number(); while (n < 3 && take(","));
        f.max_threads = dims[0] * dims[1] * dims[2];
      } else if (w == ".minnctapersm" || w == ".maxnreg" || w == ".maxnctapersm") {
        number();
      } else if (w == ".pragma") {
        while (!take(";")) ++at_;
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

  int find_label(const std::string &label, size_t scope, int line) {
    for (;; scope = scopes_[scope].parent) {
      auto it = scopes_[scope].labels.find(label);
      if (it != scopes_[scope].labels.end()) return it->second;
      if (scope == 0) break;
    }
    program_.errors.push_back({line, "branch to unknown label \"" + label + "\""});
    return 0;
  }

  // ---- bodies --------------------------------------------------------------------------------------------------------------
  // Up to the closing brace, which is taken.
  void body() {
    while (!take("}")) {
      if (peek().kind == TokenKind::end) refuse("\"}\" expected at the end of the text");
      size_t before = at_;
      int line = peek().line;
      try {
        statement();
      } catch (const Refusal &refusal) {
        program_.errors.push_back({line, refusal.text});
        at_ = std::max(at_, before);
        while (peek().kind != TokenKind::end && !is(";") && !is("}")) ++at_;
        take(";");
      }
    }
  }

  void open_scope() {
    scopes_.push_back({{}, {}, {}, scope_});
    scope_ = scopes_.size() - 1;
  }

  int new_register(int width) {
    function_->widths.push_back(static_cast<uint8_t>(width));
    return static_cast<int>(function_->widths.size()) - 1;
  }

  void declare_registers() {
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

  void declare_variable(Space space) {
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

  void statement() {
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
    if (take(".pragma")) { while (!take(";")) ++at_; return; }
    if (take(".extern")) { need(".shared"); return declare_variable(Space::shared); }
    if (peek().kind == TokenKind::word && is(":", 1)) {
      scopes_[scope_].labels[word()] = static_cast<int>(function_->statements.size());
      ++at_;
      return;
    }
    if (peek().kind == TokenKind::word && peek().text[0] == '.') refuse("unknown directive \"" + std::string(peek().text) + "\"");
    instruction();
  }

  void location() {
    int line = peek().line;
    int file = static_cast<int>(number());
    int source = static_cast<int>(number());
    // Line 0 means "made by the compiler"; the last real line says more.
    if (source) function_->sources.push_back({file, source});
    while (peek().kind != TokenKind::end && peek().line == line) ++at_;
  }

  int find_register(std::string_view name) const {
    for (size_t s = scope_;; s = scopes_[s].parent) {
      auto it = scopes_[s].registers.find(name);
      if (it != scopes_[s].registers.end()) return it->second;
      if (s == 0) return -1;
    }
  }

  // True and filled in if the name is a variable in reach.
  bool find_symbol(std::string_view name, Operand &o) {
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

  Operand operand() {
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
      if (is("+")) { ++at_; o.bits = number(); }
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

  void instruction() {
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

  // call.uni (results), name, (arguments);
  void call(Statement &s) {
    std::vector<Operand> results, arguments;
    if (take("(")) {
      while (!take(")")) { results.push_back(operand()); take(","); }
      need(",");
    }
    std::string name = word();
    if (take(",") && take("(")) {
      while (!take(")")) { arguments.push_back(operand()); take(","); }
    }
    need(";");
    if (name == "__assertfail") {
      s.opcode = s.form = "trap";
      s.modifiers.clear();
      function_->statements.push_back(std::move(s));
      return;
    }
    auto it = bodies_.find(name);
    if (it == bodies_.end()) refuse("call of " + name + ", which has no body here");
    if (s.guard >= 0) refuse("guarded calls are not known");
    if (++depth_ > 20) refuse("calls nested too deeply (recursion is not known)");
    size_t resume = at_, outer = scope_;
    int outer_return = return_label_;
    open_scope();
    scopes_[scope_].parent = 0;
    at_ = it->second;
    if (take("(")) bind(results);
    word();
    if (take("(")) bind(arguments);
    while (!is("{")) ++at_;
    ++at_;
    return_label_ = 0;
    returns_.emplace_back();
    body();
    for (size_t statement : returns_.back()) function_->statements[statement].target = static_cast<int>(function_->statements.size());
    returns_.pop_back();
    return_label_ = outer_return;
    --depth_;
    at_ = resume;
    scope_ = outer;
  }

  // A parameter list of a called function: each name stands for the caller's variable or register.
  void bind(const std::vector<Operand> &with) {
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
};

}  // namespace

Program parse(const std::string &ptx, void (*place_variable)(Variable &, void *), void *context) {
  return Parser(ptx, place_variable, context).parse();
}

}  // namespace vgpu
