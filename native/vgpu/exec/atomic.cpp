// atom and red: the lanes one after the other. In which order is a matter of the seed, as nothing on a card fixes it.
#include "access.h"
#include "half.h"

namespace vgpu {
namespace {

// fp16 and bf16, one or two.
template <class F> struct One {
  uint16_t bits;
  static One add(One a, One b) { return {F::narrow(F::widen(a.bits) + F::widen(b.bits))}; }
};
template <class F> struct Two {
  uint16_t low, high;
  static Two add(Two a, Two b) { return {One<F>::add({a.low}, {b.low}).bits, One<F>::add({a.high}, {b.high}).bits}; }
};

enum Operation { kAdd, kMin, kMax, kInc, kDec, kAnd, kOr, kXor, kExchange, kCompare };

template <int op, class T> T combine(T old, T b, T c) {
  if constexpr (op == kAdd) {
    if constexpr (std::is_class_v<T>) return T::add(old, b);
    else if constexpr (std::is_floating_point_v<T>) return canonical(old + b);
    else return static_cast<T>(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(b));
  }
  if constexpr (op == kExchange) return b;
  if constexpr (std::is_integral_v<T>) {
    if constexpr (op == kMin) return b < old ? b : old;
    if constexpr (op == kMax) return old < b ? b : old;
    if constexpr (op == kInc) return old >= b ? 0 : old + 1;
    if constexpr (op == kDec) return old == 0 || old > b ? b : old - 1;
    if constexpr (op == kCompare) return old == b ? c : old;
    if constexpr (op == kAnd) return old & b;
    if constexpr (op == kOr) return old | b;
    if constexpr (op == kXor) return old ^ b;
  }
  return old;
}

template <class T> using Bits = std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;

// Operands: destination (a throw-away for red), address, b, c. p: where the first active lane's word is.
template <class T, int op> [[gnu::noinline]] void update(const Instruction &i, Warp &w, const AccessCache &c, uint8_t *p) {
  const T *b = w.at<T>(i.o[2]), *third = op == kCompare ? w.at<T>(i.o[3]) : b;
  T *d = w.at<T>(i.o[0]);
  const WarpOrder order = w.worker->settings.warps;
  const int turn = order == WarpOrder::random ? static_cast<int>(w.worker->next_random() & 31) : 0;
  for (int n = 0; n < kLanes; ++n) {
    const int l = order == WarpOrder::reverse ? kLanes - 1 - n : (n + turn) & 31;
    if (!(w.mask >> l & 1)) continue;
    auto *at = reinterpret_cast<Bits<T> *>(p + c.pattern->relative[l]);
    Bits<T> old = __atomic_load_n(at, __ATOMIC_RELAXED), next;
    do {
      next = std::bit_cast<Bits<T>>(combine<op, T>(std::bit_cast<T>(old), b[l], third[l]));
    } while (!__atomic_compare_exchange_n(at, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    d[l] = std::bit_cast<T>(old);
  }
}

template <Space space, class T, int op> void atomic(const Instruction &i, Warp &w) {
  AccessCache &c = w.worker->caches[i.cache];
  uint8_t *p = space == Space::shared ? resolve_shared(i, w, c, w.at<uint8_t>(i.o[1]), Intent::atomic)
                                      : resolve_global(i, w, c, w.at<uint8_t>(i.o[1]), Intent::atomic);
  if (__builtin_expect(!p, 0)) return one_by_one(w, [&] { atomic<space, T, op>(i, w); });
  update<T, op>(i, w, c, p);
}

// By window.
void generic(const Instruction &i, Warp &w, Handler in_global, Handler in_shared) {
  const uint64_t *a = w.at<uint64_t>(i.o[1]);
  uint32_t shared = 0;
  for (uint32_t m = w.mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    if ((a[l] + static_cast<uint64_t>(i.immediate)) >> 56 == 1) shared |= 1u << l;
  }
  const uint32_t all = w.mask;
  if (all & ~shared) w.set_mask(all & ~shared), in_global(i, w);
  if (shared) {
    w.set_mask(shared);
    Instruction moved = i;
    moved.immediate -= static_cast<int64_t>(kSharedWindow);
    in_shared(moved, w);
  }
  w.set_mask(all);
}
template <class T, int op> void generic(const Instruction &i, Warp &w) {
  generic(i, w, atomic<Space::global, T, op>, atomic<Space::shared, T, op>);
}

template <class T, int op> Handler in(Space space) {
  return space == Space::shared ? atomic<Space::shared, T, op> : space == Space::global ? atomic<Space::global, T, op> : generic<T, op>;
}

template <class T> Handler find(Space space, const std::string &op) {
  if (op == "add") return in<T, kAdd>(space);
  if (op == "exch") return in<T, kExchange>(space);
  if constexpr (std::is_integral_v<T>) {
    if (op == "cas") return in<T, kCompare>(space);
    if (op == "min") return in<T, kMin>(space);
    if (op == "max") return in<T, kMax>(space);
    if (op == "and") return in<T, kAnd>(space);
    if (op == "or") return in<T, kOr>(space);
    if (op == "xor") return in<T, kXor>(space);
    if (std::is_same_v<T, uint32_t> && op == "inc") return in<T, kInc>(space);
    if (std::is_same_v<T, uint32_t> && op == "dec") return in<T, kDec>(space);
  }
  return nullptr;
}

}  // namespace

Handler atomic_handler(Space space, const std::string &op, const std::string &type) {
  if (type == "u32" || type == "b32") return find<uint32_t>(space, op);
  if (type == "s32") return find<int32_t>(space, op);
  if (type == "u64" || type == "b64") return find<uint64_t>(space, op);
  if (type == "s64") return find<int64_t>(space, op);
  if (type == "f32") return find<float>(space, op);
  if (type == "f64") return find<double>(space, op);
  if (type == "b16" && op == "cas") return in<uint16_t, kCompare>(space);
  if (op != "add") return nullptr;
  if (type == "f16") return in<One<Half>, kAdd>(space);
  if (type == "bf16") return in<One<Bfloat>, kAdd>(space);
  if (type == "f16x2") return in<Two<Half>, kAdd>(space);
  if (type == "bf16x2") return in<Two<Bfloat>, kAdd>(space);
  return nullptr;
}

}  // namespace vgpu
