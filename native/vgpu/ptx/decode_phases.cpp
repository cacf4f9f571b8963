// mbarrier, of compute capability 8.0, and what of 9.0 means the same in a block that is alone.
#include "decoder.h"

namespace vgpu {

// An instruction on the mbarrier that this operand names, with the space that is still among the modifiers.
Step &Decoder::phase_step(Handler run, Category category, size_t at, std::initializer_list<uint32_t> defs,
                          std::initializer_list<uint32_t> others) {
  const Space where = space();
  if (take_last() != "b64" || (where != Space::shared && where != Space::none)) refuse("unknown form");
  all_understood();
  Instruction draft;
  std::vector<uint32_t> uses{shared_address(operand(at), where, draft)};
  uses.insert(uses.end(), others);
  kernel_.phases = kernel_.named_barriers = true;
  Step &step = emit(run, category);
  operand_list(step, defs, uses);
  step.i.immediate = draft.immediate;
  step.i.flags = draft.flags;
  return step;
}

void Decoder::phases() {
  const std::string kind = take_one_of({"init", "inval", "arrive", "arrive_drop", "test_wait", "try_wait", "pending_count"});
  if (kind.empty()) refuse("unknown form");
  const bool arrives = kind == "arrive" || kind == "arrive_drop", tests = kind == "test_wait" || kind == "try_wait";
  if (((arrives && take("release")) || (tests && take("acquire"))) && !take("cta")) refuse("unknown form: the scope");
  const bool open = arrives && take("noComplete"), parity = tests && take("parity");
  if (kind == "init") {
    count_operands(2, 2);
    phase_step(phase_init, Category::special, 0, {}, {source(operand(1), 'w')});
  } else if (kind == "inval") {
    count_operands(1, 1);
    phase_step(phase_invalidate, Category::special, 0, {}, {});
  } else if (arrives) {
    count_operands(open ? 3 : 2, 3);
    const uint32_t count = statement_->operands.size() == 3 ? source(operand(2), 'w') : constant(32, 1);
    Step &step = phase_step(phase_arrive, Category::barrier, 1, {destination(operand(0), 64)}, {count});
    step.i.mode = static_cast<uint8_t>((kind == "arrive" ? 0 : kDrops) | (open ? kNoComplete : 0));
  } else if (tests) {
    count_operands(3, kind == "try_wait" ? 4 : 3);
    if (statement_->operands.size() == 4) source(operand(3), 'w');  // for how long it may sleep
    const uint32_t wanted = source(operand(2), parity ? 'w' : 'l');
    phase_step(phase_test, Category::barrier, 1, {destination(operand(0), 1)}, {wanted}).i.mode = parity ? kParity : 0;
  } else {
    count_operands(2, 2);
    if (take_last() != "b64") refuse("unknown form");
    all_understood();
    const uint32_t state = source(operand(1), 'l'), d = destination(operand(0), 32);
    operands(emit(phase_pending_count, Category::special), {d}, {state});
  }
}

void Decoder::copies_arrive() {
  if (!take("arrive")) refuse("unknown form");
  count_operands(1, 1);
  const bool given = take("noinc");
  phase_step(phase_copies_arrive, Category::barrier, 0, {}, {}).i.mode = given ? kNoIncrement : 0;
}

}  // namespace vgpu
