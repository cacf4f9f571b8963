// Matrices of a warp: ldmatrix, stmatrix, movmatrix, mma, wmma.
#include "decoder.h"
#include "../exec/matrix.h"

namespace vgpu {
namespace {

void copy_access(Instruction &to, const Instruction &from) {
  to.immediate = from.immediate;
  to.flags = from.flags;
  to.bytes = from.bytes;
  to.cache = from.cache;
}

}  // namespace

std::vector<const Operand *> Decoder::fragment(size_t n, size_t count) const {
  const Operand &o = operand(n);
  std::vector<const Operand *> parts;
  if (o.kind == OperandKind::vector)
    for (const Operand &p : o.parts) parts.push_back(&p);
  else parts.push_back(&o);
  if (parts.size() != count) refuse(std::to_string(parts.size()) + " registers where " + std::to_string(count) + " are wanted");
  return parts;
}

int Decoder::matrices(bool &transposed, Space &where) {
  if (!take("sync") || !take("aligned") || !take("m8n8")) refuse("unknown form");
  const std::string number = take_one_of({"x1", "x2", "x4"});
  transposed = take("trans");
  where = space();
  if (number.empty() || take_last() != "b16" || (where != Space::shared && where != Space::none)) refuse("unknown form");
  all_understood();
  return number[1] - '0';
}

uint32_t Decoder::matrix_address(const Operand &o, Space where, Instruction &draft) {
  const uint32_t base = address(o, draft.immediate, draft.flags);
  if (where == Space::none) {
    if (!(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
    draft.immediate -= static_cast<int64_t>(kSharedWindow);
  }
  draft.bytes = 16;
  draft.cache = kernel_.caches++;
  return base;
}

// ldmatrix.sync.aligned.m8n8.x4{.trans}.shared.b16 {d...}, [address];
void Decoder::load_matrix() {
  count_operands(2, 2);
  bool transposed;
  Space where;
  const int count = matrices(transposed, where);
  Instruction draft;
  const uint32_t base = matrix_address(operand(1), where, draft);
  std::vector<uint32_t> d;
  for (const Operand *p : fragment(0, static_cast<size_t>(count))) d.push_back(destination(*p, 32));
  Step &step = emit(load_matrix_handler(count, transposed), Category::shared_load);
  operand_list(step, d, {base});
  copy_access(step.i, draft);
}

// stmatrix.sync.aligned.m8n8.x4{.trans}.shared.b16 [address], {sources...};
void Decoder::store_matrix() {
  count_operands(2, 2);
  bool transposed;
  Space where;
  const int count = matrices(transposed, where);
  Instruction draft;
  std::vector<uint32_t> uses{matrix_address(operand(0), where, draft)};
  for (const Operand *p : fragment(1, static_cast<size_t>(count))) uses.push_back(source(*p, 'w'));
  Step &step = emit(store_matrix_handler(count, transposed), Category::shared_store);
  operand_list(step, {}, uses);
  copy_access(step.i, draft);
}

// movmatrix.sync.aligned.m8n8.trans.b16 d, a;
void Decoder::move_matrix() {
  count_operands(2, 2);
  for (const char *m : {"sync", "aligned", "m8n8", "trans", "b16"})
    if (!take(m)) refuse("unknown form");
  all_understood();
  const uint32_t a = source(operand(1), 'w'), d = destination(operand(0), 32);
  operands(emit(transpose_matrix, Category::special), {d}, {a});
}

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {d...}, {a...}, {b...}, {c...};
void Decoder::product() {
  count_operands(4, 4);
  if (!take("sync") || !take("aligned")) refuse("unknown form");
  const std::string shape = take_one_of({"m16n8k4", "m16n8k8", "m16n8k16"});
  if (shape.empty() || !take("row") || !take("col") || modifiers_.size() != 4) refuse("unknown form");
  const std::string c_type = take_last(), b_type = take_last(), a_type = take_last(), d_type = take_last();
  const std::map<std::string, MatrixType> types = {{"bf16", MatrixType::bf16}, {"f16", MatrixType::f16}, {"tf32", MatrixType::tf32}};
  const auto type = types.find(a_type);
  const bool half = d_type == "f16";
  if (type == types.end() || a_type != b_type || d_type != c_type || (!half && d_type != "f32") || (half && a_type != "f16"))
    refuse("unknown form");
  const int k = std::stoi(shape.substr(6));
  const Handler run = product_handler(type->second, k, half);
  if (!run) refuse("unknown form");
  const size_t elements = a_type == "tf32" ? 1 : 2;  // of a register
  const size_t a_count = 16 * static_cast<size_t>(k) / 32 / elements, sums = half ? 2 : 4;
  std::vector<uint32_t> d, sources;
  for (const Operand *p : fragment(1, a_count)) sources.push_back(source(*p, 'w'));
  for (const Operand *p : fragment(2, a_count / 2)) sources.push_back(source(*p, 'w'));
  for (const Operand *p : fragment(3, sums)) sources.push_back(source(*p, half ? 'w' : 'f'));
  for (const Operand *p : fragment(0, sums)) d.push_back(destination(*p, 32));
  operand_list(emit(run, Category::tensor), d, sources);
}

// wmma.load.a.sync.aligned.row.m16n16k16{.global}.f16 {d...}, [address]{, stride};
// wmma.store.d.sync.aligned.row.m16n16k16{.global}.f32 [address], {sources...}{, stride};
// wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 {d...}, {a...}, {b...}, {c...};
void Decoder::wmma() {
  const std::string what = take_one_of({"load", "store", "mma"});
  if (what.empty()) refuse("unknown form");
  const std::string matrix = what == "mma" ? "" : take_one_of({"a", "b", "c", "d"});
  if (!take("sync") || !take("aligned") || modifiers_.empty()) refuse("unknown form");
  auto by_column = [&] {
    const std::string order = modifiers_.empty() ? "" : modifiers_.front();
    if (order != "row" && order != "col") refuse("unknown form: rows or columns");
    modifiers_.erase(modifiers_.begin());
    return order == "col";
  };
  Wmma kind{};
  const std::map<std::string, MatrixType> types = {
      {"bf16", MatrixType::bf16}, {"f16", MatrixType::f16}, {"tf32", MatrixType::tf32}, {"f32", MatrixType::f32}};
  const bool a_column = by_column(), b_column = what == "mma" && by_column();
  const std::string shape = take_one_of({"m16n16k16", "m32n8k16", "m8n32k16", "m16n16k8"});
  if (shape.empty()) refuse("unknown form");
  kind.shape = shape == "m16n16k16"  ? WmmaShape::m16n16k16
               : shape == "m32n8k16" ? WmmaShape::m32n8k16
               : shape == "m8n32k16" ? WmmaShape::m8n32k16
                                     : WmmaShape::m16n16k8;
  auto check_type = [&](const std::string &name, bool sum) {
    const auto it = types.find(name);
    if (it == types.end()) refuse("unknown type");
    const bool fits = sum ? name == "f32" || name == "f16" : name != "f32" && (name == "tf32") == (shape == "m16n16k8");
    if (!fits) refuse("unknown form");
    return it->second;
  };
  if (what == "mma") {
    count_operands(4, 4);
    const std::string c = take_last(), b = modifiers_.size() == 3 ? take_last() : "f16", a = modifiers_.size() == 2 ? take_last() : "f16",
                      d = take_last();
    all_understood();
    if (a != b) refuse("unknown form");
    kind.type = check_type(a, false);
    const bool c_half = check_type(c, true) == MatrixType::f16, d_half = check_type(d, true) == MatrixType::f16;
    if (a != "f16" && (c_half || d_half)) refuse("unknown form");
    kind.bits = static_cast<uint8_t>(a_column | b_column << 1 | c_half << 2 | d_half << 3);
    std::vector<uint32_t> to, from;
    const size_t of_a = static_cast<size_t>(kind.registers(Wmma::a)), of_b = static_cast<size_t>(kind.registers(Wmma::b));
    for (const Operand *p : fragment(1, of_a)) from.push_back(source(*p, 'w'));
    for (const Operand *p : fragment(2, of_b)) from.push_back(source(*p, 'w'));
    for (const Operand *p : fragment(3, c_half ? 4 : 8)) from.push_back(source(*p, c_half ? 'w' : 'f'));
    for (const Operand *p : fragment(0, d_half ? 4 : 8)) to.push_back(destination(*p, 32));
    Step &step = emit(wmma_product, Category::tensor);
    operand_list(step, to, from);
    step.i.mode = kind.mode();
    return;
  }
  count_operands(2, 3);
  const bool is_store = what == "store";
  const Space where = space();
  if (where != Space::global && where != Space::shared && where != Space::none) refuse("unknown form: the space");
  const std::string type = take_last();
  all_understood();
  if (is_store != (matrix == "d")) refuse("unknown form");
  const auto which = matrix == "a" ? Wmma::a : matrix == "b" ? Wmma::b : Wmma::c;
  kind.type = check_type(type, which == Wmma::c);
  kind.bits = static_cast<uint8_t>(which | a_column << 2);
  Instruction draft;
  const uint32_t base = address(operand(is_store ? 0 : 1), draft.immediate, draft.flags);
  if (where == Space::none && !(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
  draft.bytes = 16;
  draft.cache = kernel_.caches++;
  const int line = a_column ? kind.rows(which) : kind.columns(which);
  const uint32_t stride = statement_->operands.size() == 3 ? source(operand(2), 'w') : constant(32, static_cast<uint64_t>(line));
  std::vector<uint32_t> to, from;
  if (is_store) from.push_back(base);
  for (const Operand *p : fragment(is_store ? 1 : 0, static_cast<size_t>(kind.registers(which)))) {
    if (is_store) from.push_back(source(*p, type == "f32" ? 'f' : 'w'));
    else to.push_back(destination(*p, 32));
  }
  if (!is_store) from.push_back(base);
  from.push_back(stride);
  const Category category = where == Space::shared ? is_store ? Category::shared_store : Category::shared_load
                            : is_store             ? Category::global_store
                                                   : Category::global_load;
  Step &step = emit(is_store ? wmma_store : wmma_load, category);
  operand_list(step, to, from);
  copy_access(step.i, draft);
  step.i.mode = kind.mode();
}

}  // namespace vgpu
