// What threads do together: barriers, shuffles, votes.
#include "decoder.h"

namespace vgpu {

void Decoder::barrier() {
  take("cta");
  const bool aligned = take("aligned") || statement_->opcode == "bar";
  if (take("warp")) {
    if (!take("sync")) refuse("unknown form");
    all_understood();
    const uint32_t m = source(operand(0), 'w');
    operands(emit(warp_barrier, Category::barrier), {}, {m});
    return;
  }
  const std::string kind = take_one_of({"sync", "red", "arrive"});
  if (kind.empty()) refuse("unknown form: only sync, red and arrive");
  const bool reduces = kind == "red";
  const std::string reduction = reduces ? take_one_of({"popc", "and", "or"}) : "";
  if (reduces && (reduction.empty() || take_last() != (reduction == "popc" ? "u32" : "pred"))) refuse("unknown form");
  all_understood();
  // {d,} barrier{, threads}{, predicate}
  const size_t given = statement_->operands.size(), first = reduces ? 1 : 0, least = kind == "sync" ? 1 : reduces ? 3 : 2;
  count_operands(least, reduces ? 4 : 2);
  const bool whole = kind != "arrive" && given == least;
  const Operand &id = operand(first);
  if (id.kind == OperandKind::number && id.bits >= kBarriers) refuse("barrier " + std::to_string(id.bits) + ": there are 16");
  kernel_.named_barriers |= id.kind != OperandKind::number || id.bits != 0 || !whole || !aligned;
  first_ = false;
  const uint32_t b = source(id, 'w'), threads = whole ? constant(32, 0) : source(operand(first + 1), 'w');
  const uint32_t q = reduces ? source(operand(given - 1), 'p') : 0;
  if (reduces) operands(emit(barrier_contribution, Category::none), {}, {q});
  first_ = true;
  Step &step = emit(kind == "arrive" ? barrier_arrive : nothing, Category::barrier);
  if (reduces) operands(step, {}, {b, threads, q});
  else operands(step, {}, {b, threads});
  step.i.flags = static_cast<uint8_t>((aligned ? kAligned : 0) | (whole ? kWholeBlock : 0) | (reduces ? kReduces : 0));
  if (kind == "arrive") return;
  step.ending = Ending::barrier;
  if (!reduces) return;
  const uint32_t d = destination(operand(0), reduction == "popc" ? 32 : 1);
  Step &result = emit(reduction == "popc" ? barrier_count : barrier_predicate, Category::none);
  operands(result, {d}, {});
  result.i.mode = reduction == "or";
}

void Decoder::shuffles() {
  if (!take("sync")) refuse("unknown form: only shfl.sync");
  const std::string mode = take_one_of({"idx", "up", "down", "bfly"});
  if (mode.empty() || take_last() != "b32") refuse("unknown form");
  all_understood();
  count_operands(5, 5);
  const Operand &o = operand(0);
  const uint32_t a = source(operand(1), 'w'), b = source(operand(2), 'w'), c = source(operand(3), 'w'), m = source(operand(4), 'w');
  const uint32_t d = destination(o, 32);
  const uint32_t p = o.has_second && o.second >= 0 ? static_cast<uint32_t>(o.second) : temporary(1);
  Step &step = emit(shuffle, Category::special);
  operands(step, {d, p}, {a, b, c, m});
  step.i.mode = mode == "idx" ? kShuffleIndex : mode == "up" ? kShuffleUp : mode == "down" ? kShuffleDown : kShuffleButterfly;
}

void Decoder::votes() {
  if (!take("sync")) refuse("unknown form: only vote.sync");
  const std::string mode = take_one_of({"any", "all", "uni", "ballot"});
  if (mode.empty() || take_last() != (mode == "ballot" ? "b32" : "pred")) refuse("unknown form");
  all_understood();
  count_operands(3, 3);
  const uint32_t q = source(operand(1), 'p'), m = source(operand(2), 'w'), d = destination(operand(0), mode == "ballot" ? 32 : 1);
  Step &step = emit(mode == "ballot" ? vote_ballot : vote_predicate, Category::special);
  operands(step, {d}, {q, m});
  step.i.mode = mode == "any" ? kVoteAny : mode == "all" ? kVoteAll : kVoteUniform;
}

void Decoder::meetings(const std::string &op) {
  const std::string type = take_last();
  if (op == "activemask") {
    if (type != "b32") refuse("unknown form");
    all_understood();
    const uint32_t d = destination(operand(0), 32);
    operands(emit(active_mask, Category::special), {d}, {});
    return;
  }
  if (!take("sync")) refuse("unknown form");
  Handler run = nullptr;
  if (op == "redux") run = reduction(take_one_of({"add", "min", "max", "and", "or", "xor"}), type);
  const bool match_all = op == "match" && take("all");
  if (match_all || (op == "match" && take("any"))) run = match;
  all_understood();
  const Type t = type_of(type);
  if (!run || (t.bytes != 4 && (op == "redux" || t.bytes != 8))) refuse("unknown form");
  count_operands(3, 3);
  const uint32_t a = source(operand(1), t.bytes == 8 ? 'l' : 'w'), m = source(operand(2), 'w'), d = destination(operand(0), 32);
  const Operand &o = operand(0);
  if (o.has_second && !match_all) refuse("unknown form");
  const uint32_t p = op == "match" ? (o.has_second && o.second >= 0 ? static_cast<uint32_t>(o.second) : temporary(1)) : 0;
  Step &step = emit(run, Category::special);
  if (op == "match") operands(step, {d, p}, {a, m});
  else operands(step, {d}, {a, m});
  step.i.mode = match_all ? kMatchAll : kMatchAny;
  step.i.bytes = static_cast<uint8_t>(t.bytes);
}

}  // namespace vgpu
