#include "liveness.h"

namespace vgpu {

Liveness find_live(const Draft &draft, const Edges &successors) {
  const Kernel &k = *draft.kernel;
  const size_t count = draft.registers.size(), blocks = k.blocks.size();
  Sets use(blocks, count), def(blocks, count);
  Liveness live{{blocks, count}, {blocks, count}};
  for (size_t b = 0; b < blocks; ++b) {
    for (uint32_t s = k.blocks[b].begin; s < end_of(k.blocks[b]); ++s) {
      const Instruction &i = k.code[s];
      const uint32_t *o = k.operands(i);
      if (i.guard != ~0u && !def.has(b, i.guard)) use.add(b, i.guard);
      for (int n = i.defs; n < i.defs + i.uses; ++n)
        if (!def.has(b, o[n])) use.add(b, o[n]);
      for (int n = 0; n < i.defs; ++n) {
        if (i.guard == ~0u) def.add(b, o[n]);
        else if (!def.has(b, o[n])) use.add(b, o[n]);  // under a guard the old value may stay
      }
    }
  }
  Sets &in = live.in, &out = live.out;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t b = blocks; b-- > 0;) {
      for (size_t w = 0; w < in.words; ++w) {
        uint64_t o = 0;
        for (int s : successors[b])
          if (s < static_cast<int>(blocks)) o |= in.bits[static_cast<size_t>(s) * in.words + w];
        const uint64_t i = use.bits[b * in.words + w] | (o & ~def.bits[b * in.words + w]);
        out.bits[b * in.words + w] = o;
        if (i != in.bits[b * in.words + w]) in.bits[b * in.words + w] = i, changed = true;
      }
    }
  }
  return live;
}

}  // namespace vgpu
