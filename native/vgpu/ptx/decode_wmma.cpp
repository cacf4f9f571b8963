// wmma: fragments of matrices, from and to memory, and their products.
#include "decoder.h"
#include "../exec/matrix.h"

namespace vgpu {
namespace {

const std::map<std::string, MatrixType> kTypes = {{"bf16", MatrixType::bf16}, {"f16", MatrixType::f16}, {"tf32", MatrixType::tf32},
                                                  {"f32", MatrixType::f32},   {"s8", MatrixType::s8},   {"u8", MatrixType::u8},
                                                  {"s32", MatrixType::s32},   {"f64", MatrixType::f64}};
const std::map<std::string, WmmaShape> kShapes = {{"m16n16k16", WmmaShape::m16n16k16},
                                                  {"m32n8k16", WmmaShape::m32n8k16},
                                                  {"m8n32k16", WmmaShape::m8n32k16},
                                                  {"m16n16k8", WmmaShape::m16n16k8},
                                                  {"m8n8k4", WmmaShape::m8n8k4}};

// Whether there are products of this shape with a and b, or with sums, of this type.
bool fits(WmmaShape shape, MatrixType type, bool sum) {
  if (shape == WmmaShape::m8n8k4) return type == MatrixType::f64;
  if (shape == WmmaShape::m16n16k8) return type == (sum ? MatrixType::f32 : MatrixType::tf32);
  if (sum) return type == MatrixType::f32 || type == MatrixType::f16 || type == MatrixType::s32;
  return type == MatrixType::f16 || type == MatrixType::bf16 || type == MatrixType::s8 || type == MatrixType::u8;
}

char letter_of(MatrixType sums) { return sums == MatrixType::f64 ? 'd' : sums == MatrixType::f32 ? 'f' : 'w'; }

Wmma kind_of(const std::string &shape, const std::string &type, bool sum) {
  const auto s = kShapes.find(shape);
  const auto t = kTypes.find(type);
  if (t == kTypes.end()) throw Refused{"unknown type"};
  if (s == kShapes.end() || !fits(s->second, t->second, sum)) throw Refused{"unknown form"};
  return {s->second, t->second};
}

}  // namespace

bool Decoder::by_column() {
  const std::string order = modifiers_.empty() ? "" : modifiers_.front();
  if (order != "row" && order != "col") refuse("unknown form: rows or columns");
  modifiers_.erase(modifiers_.begin());
  return order == "col";
}

void Decoder::wmma() {
  const std::string what = take_one_of({"load", "store", "mma"});
  if (what.empty()) refuse("unknown form");
  if (what == "mma") return wmma_product();
  wmma_access(what);
}

// wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 {d...}, {a...}, {b...}, {c...};  of fp16
// wmma.mma.sync.aligned.row.col.m16n16k16.s32.u8.u8.s32{.satfinite} ...;  and of all other types
void Decoder::wmma_product() {
  count_operands(4, 4);
  if (!take("sync") || !take("aligned")) refuse("unknown form");
  const bool a_column = by_column(), b_column = by_column();
  const std::string shape = modifiers_.empty() ? "" : modifiers_.front();
  if (!shape.empty()) modifiers_.erase(modifiers_.begin());
  const bool saturate = take("satfinite"), rounded = std::any_of(modifiers_.begin(), modifiers_.end(), [](const std::string &m) {
                                             return m == "rn" || m == "rz" || m == "rm" || m == "rp";
                                           });
  const int direction = rounding_direction();
  if (modifiers_.size() != 2 && modifiers_.size() != 4) refuse("unknown form");
  const std::string c_type = take_last(), b_type = modifiers_.size() == 3 ? take_last() : "f16",
                    a_type = modifiers_.size() == 2 ? take_last() : "f16", d_type = take_last();
  all_understood();
  Wmma kind = kind_of(shape, a_type, false);
  const Wmma c_kind = kind_of(shape, c_type, true), d_kind = kind_of(shape, d_type, true);
  const bool integers = bytes_of(kind.type) == 1, doubles = kind.type == MatrixType::f64, halves = kind.type == MatrixType::f16;
  const bool sums_fit = halves ? c_type[0] == 'f' && d_type[0] == 'f'
                               : c_type == d_type && c_type == (integers  ? "s32"
                                                                : doubles ? "f64"
                                                                          : "f32");
  if (a_type != b_type || !sums_fit || (saturate && !integers) || (rounded && !doubles)) refuse("unknown form");
  kind.bits = static_cast<uint8_t>(a_column | b_column << 1);
  if (halves) kind.bits = static_cast<uint8_t>(kind.bits | (c_type == "f16") << 2 | (d_type == "f16") << 3);
  if (integers) kind.bits = static_cast<uint8_t>(kind.bits | saturate << 2);
  if (doubles) kind.bits = static_cast<uint8_t>(kind.bits | direction << 2);
  auto registers = [&](size_t n, const Wmma &of, Wmma::Matrix m) { return fragment(n, static_cast<size_t>(of.registers(m))); };
  std::vector<uint32_t> to, from;
  const char letter = doubles ? 'd' : 'w';
  for (const Operand *p : registers(1, kind, Wmma::a)) from.push_back(source(*p, letter));
  for (const Operand *p : registers(2, kind, Wmma::b)) from.push_back(source(*p, letter));
  for (const Operand *p : registers(3, c_kind, Wmma::c)) from.push_back(source(*p, letter_of(c_kind.type)));
  for (const Operand *p : registers(0, d_kind, Wmma::c)) to.push_back(destination(*p, width_of(letter)));
  Step &step = emit(wmma_product_handler(kind.type), Category::tensor);
  operand_list(step, to, from);
  kind.put(step.i);
}

// wmma.load.a.sync.aligned.row.m16n16k16{.global}.f16 {d...}, [address]{, stride};
// wmma.store.d.sync.aligned.row.m16n16k16{.global}.f32 [address], {sources...}{, stride};
void Decoder::wmma_access(const std::string &what) {
  count_operands(2, 3);
  const bool is_store = what == "store";
  const std::string matrix = take_one_of({"a", "b", "c", "d"});
  if (!take("sync") || !take("aligned") || matrix.empty() || is_store != (matrix == "d")) refuse("unknown form");
  const bool column = by_column();
  const std::string shape = modifiers_.empty() ? "" : modifiers_.front();
  if (!shape.empty()) modifiers_.erase(modifiers_.begin());
  const Space where = space();
  if (where != Space::global && where != Space::shared && where != Space::none) refuse("unknown form: the space");
  const std::string type = take_last();
  all_understood();
  const auto which = matrix == "a" ? Wmma::a : matrix == "b" ? Wmma::b : Wmma::c;
  Wmma kind = kind_of(shape, type, which == Wmma::c);
  kind.bits = static_cast<uint8_t>(which | column << 2);
  Instruction draft;
  const uint32_t base = address(operand(is_store ? 0 : 1), draft.immediate, draft.flags);
  if (where == Space::none && !(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
  draft.bytes = 16;
  draft.cache = kernel_.caches++;
  const int line = column ? kind.rows(which) : kind.columns(which);
  const uint32_t stride = statement_->operands.size() == 3 ? source(operand(2), 'w') : constant(32, static_cast<uint64_t>(line));
  std::vector<uint32_t> to, from;
  if (is_store) from.push_back(base);
  for (const Operand *p : fragment(is_store ? 1 : 0, static_cast<size_t>(kind.registers(which)))) {
    if (is_store) from.push_back(source(*p, letter_of(kind.type)));
    else to.push_back(destination(*p, kind.type == MatrixType::f64 ? 64 : 32));
  }
  if (!is_store) from.push_back(base);
  from.push_back(stride);
  const Category category = where == Space::shared ? is_store ? Category::shared_store : Category::shared_load
                            : is_store             ? Category::global_store
                                                   : Category::global_load;
  Step &step = emit(is_store ? wmma_store_handler(kind.type) : wmma_load_handler(kind.type), category);
  operand_list(step, to, from);
  copy_access(step.i, draft);
  kind.put(step.i);
}

}  // namespace vgpu
