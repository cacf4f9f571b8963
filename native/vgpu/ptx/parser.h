// The parser of PTX: parser.cpp reads modules, parser_body.cpp what is between a kernel's braces, parser_calls.cpp calls.
#pragma once
#include "lexer.h"
#include "syntax.h"
#include <algorithm>
#include <cstring>
#include <set>

namespace vgpu {

struct Refusal {
  int line;
  std::string text;
};

inline size_t align_up(size_t value, size_t align) { return (value + align - 1) / align * align; }

inline const std::map<std::string_view, int> kTypeBytes = {{".b8", 1},    {".u8", 1},   {".s8", 1},  {".b16", 2}, {".u16", 2}, {".s16", 2},
                                                           {".f16", 2},   {".bf16", 2}, {".b32", 4}, {".u32", 4}, {".s32", 4}, {".f32", 4},
                                                           {".f16x2", 4}, {".b64", 8},  {".u64", 8}, {".s64", 8}, {".f64", 8}};

struct Symbol {
  Space space;
  uint64_t place;
};
struct Signature {  // of a function: the bytes of each
  std::vector<size_t> results, parameters;
  bool operator==(const Signature &) const = default;
};
struct Callees {  // of indirect calls: all with this signature whose address is data somewhere, or these functions alone
  bool listed = false;
  Signature signature = {};
  std::vector<std::string> names = {};
};
struct Scope {
  std::map<std::string, int, std::less<>> registers;
  std::map<std::string, Symbol, std::less<>> symbols;
  std::map<std::string, int, std::less<>> labels;
  size_t parent;
  std::map<std::string, Callees> callees = {};
};

class Parser {
 public:
  Parser(const std::string &ptx, void (*place)(Variable &, void *), void *context)
      : ptx_(ptx), tokens_(tokens(ptx)), place_(place), context_(context) {}

  Program parse();

 private:
  const std::string &ptx_;
  std::vector<Token> tokens_;
  void (*place_)(Variable &, void *);
  void *context_;
  size_t at_ = 0;
  Program program_;
  std::map<std::string, size_t, std::less<>> bodies_;  // token index of a .func's parameter lists
  Function *function_ = nullptr;
  std::vector<Scope> scopes_;
  size_t scope_ = 0;
  std::map<std::string, uint64_t> shared_places_;         // module-level .shared variables that this kernel uses
  std::vector<std::pair<size_t, std::string>> branches_;  // statement and label, with the scope in branch_scopes_
  std::vector<size_t> branch_scopes_;
  std::vector<std::string> inlined_;  // functions, each called by the one before
  size_t inlinings_ = 0;              // of this kernel, all together
  uint64_t first_address_ = 0;        // of the module's functions; 0 until one is asked for
  bool looked_for_data_ = false;
  std::set<std::string_view> data_;  // functions whose address is used as data
  size_t ignored_ = 0;
  int return_label_ = -1;                     // >= 0: inside an inlined call
  std::vector<std::vector<size_t>> returns_;  // statements that leave the inlined call

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
  // To this symbol, or behind it.
  void skip_to(std::string_view text) {
    for (; !is(text); ++at_)
      if (peek().kind == TokenKind::end) refuse("\"" + std::string(text) + "\" expected at the end of the text");
  }
  void skip_past(std::string_view text) {
    skip_to(text);
    ++at_;
  }
  void skip_line() {
    int line = peek().line;
    while (peek().kind != TokenKind::end && peek().line == line) ++at_;
  }
  void skip_braces() {
    need("{");
    for (int depth = 1; depth && peek().kind != TokenKind::end; ++at_) depth += is("{") ? 1 : is("}") ? -1 : 0;
  }

  // To behind the next ";" that is in no braces, or before the "}" that ends what the statement is in.
  void skip_statement() {
    for (int depth = 0; peek().kind != TokenKind::end; ++at_) {
      if (is("}") && depth-- == 0) return;
      if (is("{")) ++depth;
      if (is(";") && depth == 0) return void(++at_);
    }
  }

  // At module level a body ends an item as well as ";" does.
  void skip_item() {
    for (int depth = 0; peek().kind != TokenKind::end; ++at_) {
      if (is("{")) ++depth;
      if ((is(";") && depth == 0) || (is("}") && --depth <= 0)) return void(++at_);
    }
  }

  // ---- module level --------------------------------------------------------------------------------------------------------
  void module_item();
  struct Declared {
    std::string name;
    size_t align = 1, bytes = 0;
    int element = 1;
    bool open = false;
  };

  // [.align n] [.v2|.v4] .type name [dims]
  Declared declaration();
  void initial_value(const Declared &d, std::vector<uint8_t> &to);
  void module_variable(bool external);
  void skip_to_body();
  void function_declaration();
  // At .func: notes where the parameter lists begin, if a body follows.
  void find_body();
  void entry();
  int find_label(const std::string &label, size_t scope, int line);

  // ---- bodies --------------------------------------------------------------------------------------------------------------
  // Up to the closing brace, which is taken.
  void body();
  void open_scope() {
    scopes_.push_back({{}, {}, {}, scope_});
    scope_ = scopes_.size() - 1;
  }

  int new_register(int width) {
    function_->widths.push_back(static_cast<uint8_t>(width));
    return static_cast<int>(function_->widths.size()) - 1;
  }

  void declare_registers();
  void declare_variable(Space space);
  void statement();
  void location();
  int find_register(std::string_view name) const;
  // True and filled in if the name is a variable in reach.
  bool find_symbol(std::string_view name, Operand &o);
  Operand operand();
  void instruction();

  // ---- calls ---------------------------------------------------------------------------------------------------------------
  // call.uni (results), name, (arguments);  or of a register, with who may be called.
  void call(Statement &s);
  void inline_body(const std::string &name, const std::vector<Operand> &results, const std::vector<Operand> &arguments);
  void call_address(const Statement &s, int reg, const std::string &label, const std::vector<Operand> &results,
                    const std::vector<Operand> &arguments);
  // label: .callprototype (results) _ (parameters);  or  label: .calltargets name, ...;
  void callees();
  std::vector<std::string> possible_callees(const std::string &label, size_t results, size_t arguments);
  Signature signature();  // from a name's result list on
  bool has_body(const std::string &name) const { return bodies_.find(name) != bodies_.end(); }
  uint64_t address_of(const std::string &function);
  void look_for_data();  // fills data_
  // A parameter list of a called function: each name stands for the caller's variable or register.
  void bind(const std::vector<Operand> &with);
};

}  // namespace vgpu
