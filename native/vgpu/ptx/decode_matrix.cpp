// Matrices of a warp: ldmatrix, stmatrix, movmatrix, mma. wmma is in decode_wmma.cpp.
#include "decoder.h"
#include "../exec/matrix.h"

namespace vgpu {

void Decoder::copy_access(Instruction &to, const Instruction &from) {
  to.immediate = from.immediate;
  to.flags = from.flags;
  to.bytes = from.bytes;
  to.cache = from.cache;
}

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
  const uint32_t base = shared_address(o, where, draft);
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
  if (!take("sync") || !take("aligned") || modifiers_.empty()) refuse("unknown form");
  if (modifiers_.back() == "s32" || modifiers_.back() == "f64") return wide_product();
  const std::string shape = take_one_of({"m16n8k4", "m16n8k8", "m16n8k16"});
  if (shape.empty() || by_column() || !by_column() || modifiers_.size() != 4) refuse("unknown form");
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

// mma.sync.aligned.m16n8k32.row.col{.satfinite}.s32.s8.u8.s32 {d...}, {a...}, {b...}, {c...};
// mma.sync.aligned.m8n8k4.row.col{.rn}.f64.f64.f64.f64 {d...}, {a}, {b}, {c...};
void Decoder::wide_product() {
  const bool doubles = modifiers_.back() == "f64";
  const std::string shape = doubles ? take_one_of({"m8n8k4"}) : take_one_of({"m8n8k16", "m16n8k16", "m16n8k32"});
  if (shape.empty() || by_column() || !by_column()) refuse("unknown form");
  const uint8_t mode = static_cast<uint8_t>(doubles ? rounding_direction() : take("satfinite") ? 4 : 0);
  if (modifiers_.size() != 4) refuse("unknown form");
  const std::string c_type = take_last(), b_type = take_last(), a_type = take_last(), d_type = take_last();
  auto is_byte = [](const std::string &type) { return type == "s8" || type == "u8"; };
  if (d_type != c_type || (doubles ? a_type != "f64" || b_type != "f64" : !is_byte(a_type) || !is_byte(b_type))) refuse("unknown form");
  const int rows = std::stoi(shape.substr(1)), k = std::stoi(shape.substr(shape.find('k') + 1));
  const size_t of_a = static_cast<size_t>(doubles ? 1 : rows * k / 128), of_b = static_cast<size_t>(doubles ? 1 : k / 16),
               sums = static_cast<size_t>(rows / 4);
  const char letter = doubles ? 'd' : 'w';
  std::vector<uint32_t> d, sources;
  for (const Operand *p : fragment(1, of_a)) sources.push_back(source(*p, letter));
  for (const Operand *p : fragment(2, of_b)) sources.push_back(source(*p, letter));
  for (const Operand *p : fragment(3, sums)) sources.push_back(source(*p, letter));
  for (const Operand *p : fragment(0, sums)) d.push_back(destination(*p, width_of(letter)));
  Step &step = emit(doubles ? double_product : integer_product_handler(rows, k), Category::tensor);
  operand_list(step, d, sources);
  step.i.mode = static_cast<uint8_t>(mode | (a_type == "s8") | (b_type == "s8") << 1);
}

int Decoder::rounding_direction() {
  const std::string name = take_one_of({"rn", "rz", "rm", "rp"});
  return name == "rm" ? 1 : name == "rp" ? 2 : name == "rz" ? 3 : 0;
}

}  // namespace vgpu
