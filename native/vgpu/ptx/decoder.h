// The decoder of statements: decode.cpp has the building blocks, the other decode_*.cpp what is not in the table of forms.
#pragma once
#include "draft.h"
#include "../exec/access.h"
#include "../exec/sync.h"
#include <algorithm>

namespace vgpu {

inline int width_of(char letter) {
  switch (letter) {
    case 'p': return 1;
    case 'b': return 8;
    case 'h': return 16;
    case 'l':
    case 'd': return 64;
    default: return 32;
  }
}

struct Type {
  char kind = 0;
  int bytes = 0;
};  // kind: b u s f
inline Type type_of(const std::string &m) {
  if (m.size() < 2 || !std::strchr("busf", m[0])) return {};
  const std::string digits = m.substr(1);
  if (digits == "8") return {m[0], 1};
  if (digits == "16") return {m[0], 2};
  if (digits == "32") return {m[0], 4};
  if (digits == "64") return {m[0], 8};
  return {};
}

inline bool is_half(const std::string &type) { return type == "f16" || type == "bf16" || type == "f16x2" || type == "bf16x2"; }

struct Refused {
  std::string why;
};

class Decoder {
 public:
  Decoder(const Function &function, Kernel &kernel) : function_(function), kernel_(kernel) {
    draft_.kernel = &kernel;
    for (uint8_t width : function.widths) draft_.registers.push_back({width});
  }

  bool decode(std::vector<Error> &errors);

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
  Step &emit(Handler run, Category category);
  void operands(Step &step, std::initializer_list<uint32_t> defs, std::initializer_list<uint32_t> uses);
  void operand_list(Step &step, const std::vector<uint32_t> &defs, const std::vector<uint32_t> &uses);  // any number
  uint32_t temporary(int width);
  uint32_t constant(int width, uint64_t bits);
  uint32_t special(const std::string &name, int width);
  uint64_t place_of(const Operand &o) const { return (o.place == ~uint64_t(0) ? kernel_.dynamic_shared_start : o.place) + o.bits; }
  int width(uint32_t r) const { return draft_.registers[r].width; }

  void check_width(const Operand &o, int bits);
  // A source operand of this width; letters as in Form.
  uint32_t source(const Operand &o, char letter);
  static uint64_t number(const Operand &o, char letter);
  uint32_t destination(const Operand &o, int bits);
  const Operand &operand(size_t n) const;
  void count_operands(size_t least, size_t most) const;

  // ---- modifiers -----------------------------------------------------------------------------------------------------------
  bool take(const std::string &m);
  std::string take_one_of(std::initializer_list<const char *> names);
  std::string take_last();
  void all_understood() const;

  // ---- by opcode -----------------------------------------------------------------------------------------------------------
  void statement(const Statement &s);
  void plain(const std::string &form);
  void jump(const std::string &op);
  // The address operand into `at`, its offset into the immediate.
  uint32_t address(const Operand &o, int64_t &offset, uint8_t &flags, uint8_t wide_flag = kWideAddress);
  // An address of shared memory, or a generic one of it.
  uint32_t shared_address(const Operand &o, Space where, Instruction &draft);
  Space space();
  // Order, scope and cache hints: warps run one after the other, so all memory is as strong as any of them asks for.
  void ignore_hints();
  // The operands without the cache policy behind them, which has no effect here.
  size_t without_policy();
  void memory(bool is_store);
  void move();
  void lop3_with_predicate();
  void system_call(const std::string &name);
  void compare(bool is_set);
  // Where what is compared is fp16 or bf16, one or two in a register; `to` is set's.
  void compare_halves(const std::string &op, const std::string &from, const std::string &to, bool ftz, const std::string &combine);
  static uint64_t truth(const std::string &type);  // what set writes for true
  // cvt takes registers wider than its types: the source is cut, the result is extended by its sign or zeros.
  void convert();
  uint32_t cut_source(const Operand &a, char letter);
  // The source of a conversion from or to 16 bits as fp32, from which the rest goes on; `from` and `rounding` become its.
  uint32_t convert_to_float(const std::string &to, std::string &from, std::string &rounding);
  void window();
  void is_space();
  void barrier();
  void shuffles();
  void votes();
  void meetings(const std::string &op);
  void atomics(bool result);
  // cp.async.ca.shared.global [to], [from], size{, read};  and its groups
  void copies();
  // mbarrier, and cp.async.mbarrier.arrive{.noinc}
  void phases();
  void copies_arrive();
  Step &phase_step(Handler run, Category category, size_t at, std::initializer_list<uint32_t> defs, std::initializer_list<uint32_t> others);
  static void copy_access(Instruction &to, const Instruction &from);
  // The registers of a matrix operand.
  std::vector<const Operand *> fragment(size_t n, size_t count) const;
  void load_matrix();
  void store_matrix();
  void move_matrix();
  void product();
  void wide_product();       // whose sums are integers or fp64
  int rounding_direction();  // .rn (or none) to .rp, as in Rounding
  // How many bytes of the source a copy takes: a number, or none where a predicate says so.
  uint32_t bytes_to_read(const Operand &o, uint64_t size);
  // createpolicy: what is cached how is of no effect here, so the policy is 0.
  void cache_policy();
  void wmma();
  void wmma_access(const std::string &what);  // load or store
  void wmma_product();
  // .row or .col where modifiers begin; true for columns.
  bool by_column();
  // What ldmatrix and stmatrix have in common: the number of matrices.
  int matrices(bool &transposed, Space &where);
  uint32_t matrix_address(const Operand &o, Space where, Instruction &draft);
};

}  // namespace vgpu
