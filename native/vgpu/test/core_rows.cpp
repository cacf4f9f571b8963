#include "core_rows.h"

namespace core_test {
namespace {

int bits_of(char t) { return t == 'b' || t == 'h' ? 16 : t == 'l' || t == 'd' ? 64 : 32; }

std::string kernel_for(const Row &row) {
  const std::string types = row.types;
  std::string text =
      ".visible .entry t(.param .u64 in, .param .u64 out, .param .u32 count)\n{\n.reg .pred %p<8>; .reg .b16 %rs<8>; .reg .b32 %r<16>; "
      ".reg .b64 %rd<16>;\nld.param.u64 %rd8, [in];\nld.param.u64 %rd9, [out];\nld.param.u32 %r8, [count];\n"
      "mov.u32 %r9, %tid.x;\nrem.u32 %r10, %r9, %r8;\nmul.wide.u32 %rd10, %r10, 32;\nadd.s64 %rd11, %rd8, %rd10;\n"
      "mul.wide.u32 %rd12, %r9, 8;\nadd.s64 %rd13, %rd9, %rd12;\nmov.u64 %rd14, 0;\n";
  auto reg = [&](size_t n) {
    const int bits = bits_of(types[n]);
    return std::string(types[n] == 'p' ? "%p" : bits == 16 ? "%rs" : bits == 64 ? "%rd" : "%r") + std::to_string(n);
  };
  for (size_t n = 1; n < types.size(); ++n) {
    const std::string at = "[%rd11+" + std::to_string(8 * (n - 1)) + "]";
    if (types[n] == 'p') text += "ld.global.u32 %r11, " + at + ";\nsetp.ne.s32 " + reg(n) + ", %r11, 0;\n";
    else text += "ld.global.b" + std::to_string(bits_of(types[n])) + " " + reg(n) + ", " + at + ";\n";
  }
  text += std::string(row.op) + " " + reg(0);
  for (size_t n = 1; n < types.size(); ++n) text += ", " + reg(n);
  text += ";\nst.global.u64 [%rd13], %rd14;\n";
  if (types[0] == 'p') text += "selp.u32 %r12, 1, 0, %p0;\nst.global.u32 [%rd13], %r12;\n";
  else text += "st.global.b" + std::to_string(bits_of(types[0])) + " [%rd13], " + reg(0) + ";\n";
  return module_text(text + "ret;\n}\n");
}

}  // namespace

void check_rows(const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    auto module = load(kernel_for(row));
    if (!module) continue;
    const uint32_t count = static_cast<uint32_t>(row.cases.size());
    Buffer in(32 * 32), out(32 * 8);
    for (uint32_t c = 0; c < count; ++c)
      for (size_t k = 0; k < row.cases[c].in.size(); ++k) in.as<uint64_t>()[c * 4 + k] = row.cases[c].in[k];
    for (uint32_t threads : {32u, count}) {
      Outcome o = launch(*module, "t", 1, threads, Arguments().add(in).add(out).add(count));
      if (o.found) fail(std::string(row.op) + ": " + found(o));
      for (uint32_t t = 0; t < threads; ++t) {
        const Case &c = row.cases[t % count];
        if (out.as<uint64_t>()[t] == c.out) continue;
        char text[200];
        std::snprintf(text, sizeof text, "%s, case %u of %u threads: %llx instead of %llx", row.op, t % count, threads,
                      static_cast<unsigned long long>(out.as<uint64_t>()[t]), static_cast<unsigned long long>(c.out));
        fail(text);
        break;
      }
    }
  }
}

}  // namespace core_test
