// Comparisons and conversions of fp16 and bf16: widened to fp32, which is exact, then as there.
#include "decoder.h"

namespace vgpu {

uint64_t Decoder::truth(const std::string &type) {
  if (type == "f16") return 0x3c00;
  if (type == "bf16") return 0x3f80;
  if (type == "f32") return 0x3f800000;
  return type == "f64" ? 0x3ff0000000000000 : ~uint64_t(0);
}

void Decoder::compare_halves(const std::string &op, const std::string &from, const std::string &to, bool ftz, const std::string &combine) {
  const bool pair = from.back() == '2', is_set = !to.empty();
  const int count = pair ? 2 : 1;
  const std::string format = pair ? from.substr(0, from.size() - 2) : from;
  const Form *form = find_form("setp." + op + ".f32"), *widen = find_form((ftz ? "cvt.flush.f32." : "cvt.f32.") + format);
  if (!form) refuse("unknown form");
  count_operands(combine.empty() ? 3 : 4, combine.empty() ? 3 : 4);
  const bool first = first_;
  first_ = false;
  uint32_t values[2][2];  // operand, half
  for (size_t n = 0; n < 2; ++n) {
    uint32_t r[2] = {source(operand(n + 1), pair ? 'w' : 'h'), 0};
    if (pair) {
      const uint32_t whole = r[0];
      r[0] = temporary(16), r[1] = temporary(16);
      Step &step = emit(unpack, Category::none);
      operands(step, {r[0], r[1]}, {whole});
      step.i.mode = 2;
      step.i.bytes = 2;
    }
    for (int h = 0; h < count; ++h) {
      values[n][h] = temporary(32);
      operands(emit(widen->run, Category::none), {values[n][h]}, {r[h]});
    }
  }
  uint32_t c = 0;
  bool negated = false;
  if (!combine.empty()) {
    Operand plain = operand(3);
    negated = std::exchange(plain.negated, false);
    c = temporary(1);  // a copy: the first result may be the same register
    const uint32_t given = source(plain, 'p');
    operands(emit(find_form("mov.pred")->run, Category::none), {c}, {given});
  }
  first_ = first;
  const Operand &d = operand(0);
  uint32_t p[2];
  for (int h = 0; h < count; ++h) {
    const bool second = d.has_second && d.second >= 0;
    uint32_t q = temporary(1);
    p[h] = is_set || (h && !second) ? temporary(1) : h ? static_cast<uint32_t>(d.second) : destination(d, 1);
    if (!pair && second) q = static_cast<uint32_t>(d.second);
    Step &step = emit(form->run, form->category);
    operands(step, {p[h], q}, {values[0][h], values[1][h], combine.empty() ? values[0][h] : c});
    step.i.mode = combine == "and" ? 1 : combine == "or" ? 2 : combine == "xor" ? 3 : d.has_second && !pair ? 4 : 0;
    step.i.immediate = negated ? -1 : 0;
  }
  if (!is_set) return;
  const std::string element = pair && is_half(to) ? to.substr(0, to.size() - 2) : to;
  const int bytes = pair || is_half(element) ? 2 : type_of(element).bytes;
  if (bytes < 2 || (pair && !is_half(to) && to != "u32" && to != "s32")) refuse("unknown type \"." + to + "\"");
  const uint32_t target = destination(d, pair ? 32 : bytes * 8);
  uint32_t halves[2] = {target, target};
  for (int h = 0; h < count; ++h) {
    if (pair) halves[h] = temporary(16);
    Step &step = emit(select_result, Category::none);
    operands(step, {halves[h]}, {p[h]});
    step.i.bytes = static_cast<uint8_t>(bytes);
    step.i.immediate = static_cast<int64_t>(truth(element));
  }
  if (pair) operands(emit(pack32, Category::none), {target}, {halves[0], halves[1]});
}

uint32_t Decoder::convert_to_float(const std::string &to, std::string &from, std::string &rounding) {
  const Form *widen = find_form((is_half(from) ? "cvt.f32." : "cvt.odd.f32.") + from);
  if (!widen) refuse("unknown form");
  const uint32_t a = cut_source(operand(1), widen->signature[1]);
  uint32_t r = temporary(32);
  operands(emit(widen->run, Category::none), {r}, {a});
  from = "f32";
  if (!is_half(to)) return r;
  if (rounding.size() == 3) {  // to an integral value of a 16-bit format, which needs no more rounding
    const Form *integral = find_form("cvt." + rounding + ".f32.f32");
    const uint32_t whole = temporary(32);
    operands(emit(integral->run, Category::none), {whole}, {r});
    r = whole;
    rounding.clear();
  }
  if (rounding.empty()) rounding = "rn";
  return r;
}

}  // namespace vgpu
