// Matrices of a warp: ldmatrix and mma.
#include "decoder.h"
#include "../exec/matrix.h"

namespace vgpu {

std::vector<const Operand *> Decoder::fragment(size_t n, size_t count) const {
  const Operand &o = operand(n);
  std::vector<const Operand *> parts;
  if (o.kind == OperandKind::vector)
    for (const Operand &p : o.parts) parts.push_back(&p);
  else parts.push_back(&o);
  if (parts.size() != count) refuse(std::to_string(parts.size()) + " registers where " + std::to_string(count) + " are wanted");
  return parts;
}

// ldmatrix.sync.aligned.m8n8.x4{.trans}.shared.b16 {d...}, [address];
void Decoder::load_matrix() {
  count_operands(2, 2);
  if (!take("sync") || !take("aligned") || !take("m8n8")) refuse("unknown form");
  const std::string number = take_one_of({"x1", "x2", "x4"});
  const bool transposed = take("trans");
  const Space where = space();
  if (number.empty() || take_last() != "b16" || (where != Space::shared && where != Space::none)) refuse("unknown form");
  all_understood();
  const int count = number[1] - '0';
  Instruction draft;
  uint32_t base = address(operand(1), draft.immediate, draft.flags);
  if (where == Space::none) {
    if (!(draft.flags & kWideAddress)) refuse("a generic address of 32 bits");
    draft.immediate -= static_cast<int64_t>(kSharedWindow);
  }
  std::vector<uint32_t> d;
  for (const Operand *p : fragment(0, static_cast<size_t>(count))) d.push_back(destination(*p, 32));
  Step &step = emit(load_matrix_handler(count, transposed), Category::shared_load);
  operand_list(step, d, {base});
  step.i.immediate = draft.immediate;
  step.i.flags = draft.flags;
  step.i.bytes = 16;
  step.i.cache = kernel_.caches++;
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

}  // namespace vgpu
