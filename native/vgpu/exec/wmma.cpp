// wmma. PTX does not say which lane has which element of a fragment, so the layout here is a permutation by seed, another one for each kind
// of fragment, and for rows and columns. Programs that index a fragment as they know it from a card then go wrong.
#include "product.h"
#include "access.h"
#include <algorithm>

namespace vgpu {

namespace {

struct Sizes {
  int m, n, k;
};
Sizes sizes(WmmaShape s) {
  switch (s) {
    case WmmaShape::m16n16k16: return {16, 16, 16};
    case WmmaShape::m32n8k16: return {32, 8, 16};
    case WmmaShape::m8n32k16: return {8, 32, 16};
    case WmmaShape::m16n16k8: return {16, 16, 8};
    case WmmaShape::m8n8k4: return {8, 8, 4};
  }
  return {};
}
constexpr int in_register(int bytes) { return bytes < 4 ? 4 / bytes : 1; }

}  // namespace

int Wmma::rows(Matrix m) const { return m == b ? sizes(shape).k : sizes(shape).m; }
int Wmma::columns(Matrix m) const { return m == a ? sizes(shape).k : sizes(shape).n; }
int Wmma::registers(Matrix m) const {
  if (m != c && type == MatrixType::f16) return 8;  // whatever the shape: some elements are there several times
  return rows(m) * columns(m) / 32 / in_register(bytes_of(type));
}

namespace {

constexpr int kMost = 512;  // elements of a fragment over all lanes
struct Layout {
  uint16_t element[kMost];  // of each place: register, lane, part of the register
};

// A worker makes each once.
const Layout &layout(Worker &k, Wmma kind, Wmma::Matrix matrix, bool by_column) {
  // Fragments of sums have no order of their own.
  const uint32_t key = static_cast<uint32_t>(kind.shape) | static_cast<uint32_t>(kind.type) << 3 | uint32_t(matrix) << 6 |
                       uint32_t(by_column && matrix != Wmma::c) << 8;
  std::shared_ptr<void> &kept = k.layouts[key];
  if (kept) return *static_cast<Layout *>(kept.get());
  auto made = std::make_shared<Layout>();
  const int places = kind.registers(matrix) * kLanes * in_register(bytes_of(kind.type));
  const int elements = kind.rows(matrix) * kind.columns(matrix);
  uint64_t random = (k.settings.seed + 1) * 0x9e3779b97f4a7c15u + key;
  for (int n = 0; n < places; ++n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const int at = static_cast<int>((random >> 33) % static_cast<uint64_t>(n + 1));
    made->element[n] = made->element[at];
    made->element[at] = static_cast<uint16_t>(n % elements);
  }
  kept = made;
  return *made;
}

// Bits of the elements, row by row, in words as registers have them.
template <int bytes> using Word = std::conditional_t<bytes == 8, uint64_t, uint32_t>;
template <int bytes> struct Elements { Word<bytes> bits[kMost]; };
template <int bytes>
void gather(const Warp &w, const uint32_t *registers, Wmma kind, Wmma::Matrix matrix, bool by_column, Elements<bytes> &e) {
  constexpr auto mask = ~Word<bytes>(0) >> (bytes < 4 ? 32 - 8 * bytes : 0);
  const Layout &l = layout(*w.worker, kind, matrix, by_column);
  const int count = kind.registers(matrix);
  for (int r = 0, n = 0; r < count; ++r) {
    const auto *from = w.at<Word<bytes>>(registers[r]);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int part = 0; part < in_register(bytes); ++part) e.bits[l.element[n++]] = from[lane] >> 8 * bytes % 32 * part & mask;
  }
}
template <int bytes>
void scatter(Warp &w, const uint32_t *registers, Wmma kind, Wmma::Matrix matrix, bool by_column, const Elements<bytes> &e) {
  const Layout &l = layout(*w.worker, kind, matrix, by_column);
  const int count = kind.registers(matrix);
  for (int r = 0, n = 0; r < count; ++r) {
    Word<bytes> t[kLanes] = {};
    for (int lane = 0; lane < kLanes; ++lane)
      for (int part = 0; part < in_register(bytes); ++part) t[lane] |= e.bits[l.element[n++]] << 8 * bytes % 32 * part;
    const auto *from = t;
    write_lanes<Word<bytes>>(w, registers[r], [=](int lane) { return from[lane]; });
  }
}

// The matrix in memory: pieces of its rows (or columns), a lane each, and the checks of any access of such. A piece is what a lane has of
// the matrix (to a multiple of that each row is to be aligned, PTX ISA 9.0, "Matrix Storage for WMMA"), but no more than 16 bytes.
// f(host address, element of the first of the piece, elements to the next one, count)
template <class F> void pieces(const Instruction &i, Warp &w, uint32_t address, uint32_t stride, Intent intent, F f) {
  const Wmma kind = Wmma::of(i);
  const auto matrix = static_cast<Wmma::Matrix>(kind.bits & 3);
  const bool by_column = kind.bits & 4;
  const int rows = kind.rows(matrix), columns = kind.columns(matrix);
  const int lines = by_column ? columns : rows, length = by_column ? rows : columns;
  const int bytes = bytes_of(kind.type), piece = std::min(16, kind.registers(matrix) * std::max(4, bytes)), in_piece = piece / bytes,
            of_line = length / in_piece;
  const int first = first_lane(w);
  const uint64_t base = i.flags & kWideAddress ? w.at<uint64_t>(address)[first] : w.at<uint32_t>(address)[first];
  const int64_t pitch = static_cast<int64_t>(w.at<uint32_t>(stride)[first]) * bytes;
  for (uint32_t m = w.mask; m; m &= m - 1) {
    const int l = __builtin_ctz(m);
    const uint64_t other = i.flags & kWideAddress ? w.at<uint64_t>(address)[l] : w.at<uint32_t>(address)[l];
    if (other != base || static_cast<int64_t>(w.at<uint32_t>(stride)[l]) * bytes != pitch)
      w.worker->fault(FindingKind::bad_instruction, i, w, l, "has another address or stride than the other lanes of its wmma");
  }
  Instruction access = i;
  access.bytes = static_cast<uint8_t>(piece);
  access.flags |= kWideAddress;
  bool shared = i.category == Category::shared_load || i.category == Category::shared_store;
  if ((base + static_cast<uint64_t>(i.immediate)) >> 56 == 1) {
    shared = true;
    access.immediate -= static_cast<int64_t>(kSharedWindow);
  }
  AccessCache &c = w.worker->caches[i.cache];
  const uint32_t all = w.mask;
  for (int from = 0; from < lines * of_line; from += kLanes) {
    alignas(32) uint64_t addresses[kLanes] = {};
    const int count = std::min(kLanes, lines * of_line - from);
    for (int l = 0; l < count; ++l)
      addresses[l] = base + static_cast<uint64_t>((from + l) / of_line * pitch + (from + l) % of_line * piece);
    auto touch = [&] {
      uint8_t *p = shared ? resolve_shared(access, w, c, addresses, intent) : resolve_global(access, w, c, addresses, intent);
      if (!p) return false;
      for (uint32_t m = w.mask; m; m &= m - 1) {
        const int l = __builtin_ctz(m), line = (from + l) / of_line, at = (from + l) % of_line * in_piece;
        f(p + c.pattern->relative[l], by_column ? at * columns + line : line * columns + at, by_column ? columns : 1, in_piece);
      }
      return true;
    };
    w.set_mask(count == kLanes ? kAll : (1u << count) - 1);
    if (!touch()) one_by_one(w, [&] { touch(); });
  }
  w.set_mask(all);
}

float widened(MatrixType type, uint32_t bits) {
  switch (type) {
    case MatrixType::bf16: return Bfloat::widen(static_cast<uint16_t>(bits));
    case MatrixType::f16: return Half::widen(static_cast<uint16_t>(bits));
    case MatrixType::tf32: return std::bit_cast<float>(bits & ~0x1fffu);
    case MatrixType::f32: return std::bit_cast<float>(bits);
    default: return 0;
  }
}
void put_any(MatrixType type, float *to, int16_t *exponent, const float *from) {
  const __m256 x = _mm256_loadu_ps(from);
  if (type == MatrixType::f16) put<MatrixType::f16>(to, exponent, x);
  else put<MatrixType::bf16>(to, exponent, x);
}

template <int bytes> void load(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  const Wmma kind = Wmma::of(i);
  const auto matrix = static_cast<Wmma::Matrix>(kind.bits & 3);
  const uint32_t *o = w.worker->kernel.operands(i);
  const int count = kind.registers(matrix);
  Elements<bytes> e;
  pieces(i, w, o[count], o[count + 1], Intent::load, [&](const uint8_t *p, int element, int step, int n) {
    for (int k = 0; k < n; ++k) {
      Word<bytes> bits = 0;
      std::memcpy(&bits, p + k * bytes, bytes);
      e.bits[element + k * step] = bits;
    }
  });
  scatter<bytes>(w, o, kind, matrix, kind.bits & 4, e);
}

template <int bytes> void store(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  const Wmma kind = Wmma::of(i);
  const uint32_t *o = w.worker->kernel.operands(i);
  Elements<bytes> e;
  gather<bytes>(w, o + 1, kind, Wmma::c, false, e);
  pieces(i, w, o[0], o[1 + kind.registers(Wmma::c)], Intent::store, [&](uint8_t *p, int element, int step, int n) {
    for (int k = 0; k < n; ++k) std::memcpy(p + k * bytes, &e.bits[element + k * step], bytes);
  });
}

// The operands of a product whose a and b have elements of this many bytes.
template <int bytes> struct Factors {
  Factors(const Instruction &i, Warp &w, Wmma kind, int results)
      : d(w.worker->kernel.operands(i)), c(d + results + kind.registers(Wmma::a) + kind.registers(Wmma::b)) {
    need_all_lanes(i, w);
    gather<bytes>(w, d + results, kind, Wmma::a, kind.bits & 1, ea);
    gather<bytes>(w, d + results + kind.registers(Wmma::a), kind, Wmma::b, kind.bits & 2, eb);
  }
  const uint32_t *d, *c;
  Elements<bytes> ea, eb;
};

void gather_sums(const Warp &w, const uint32_t *registers, Wmma kind, Elements<4> &e) {
  if (kind.type != MatrixType::f16) return gather<4>(w, registers, kind, Wmma::c, false, e);
  Elements<2> narrow;
  gather<2>(w, registers, kind, Wmma::c, false, narrow);
  std::copy_n(narrow.bits, kind.rows(Wmma::c) * kind.columns(Wmma::c), e.bits);
}
void scatter_sums(Warp &w, const uint32_t *registers, Wmma kind, const Elements<4> &e) {
  if (kind.type != MatrixType::f16) return scatter<4>(w, registers, kind, Wmma::c, false, e);
  Elements<2> narrow;
  std::copy_n(e.bits, kind.rows(Wmma::c) * kind.columns(Wmma::c), narrow.bits);
  scatter<2>(w, registers, kind, Wmma::c, false, narrow);
}

template <int bytes> void product(const Instruction &i, Warp &w) {
  const Wmma kind = Wmma::of(i);
  const Wmma c_kind{kind.shape, kind.bits & 4 ? MatrixType::f16 : MatrixType::f32},
      d_kind{kind.shape, kind.bits & 8 ? MatrixType::f16 : MatrixType::f32};
  const Factors<bytes> factors(i, w, kind, d_kind.registers(Wmma::c));
  const auto &ea = factors.ea, &eb = factors.eb;
  Elements<4> ec;
  gather_sums(w, factors.c, c_kind, ec);
  const auto [m, n, depth] = sizes(kind.shape);
  Product p;
  p.k = depth;
  p.half = kind.bits & 8;
  for (int row = 0; row < m; row += 16) {
    for (int column = 0; column < n; column += 8) {
      alignas(32) float line[16];
      const int rows = std::min(16, m - row);  // the rest of the product is made of zeros
      for (int r = 0; r < 16; ++r) {
        for (int k = 0; k < depth; ++k) line[k] = r < rows ? widened(kind.type, ea.bits[(row + r) * depth + k]) : 0;
        for (int k = 0; k < depth; k += 8) put_any(kind.type, p.a[r] + k, p.a_exponent[r] + k, line + k);
        for (int x = 0; x < 8; ++x) p.c[r][x] = r < rows ? widened(c_kind.type, ec.bits[(row + r) * n + column + x]) : 0;
      }
      for (int k = 0; k < depth; ++k) {
        for (int x = 0; x < 8; ++x) line[x] = widened(kind.type, eb.bits[k * n + column + x]);
        put_any(kind.type, p.b[k], p.b_exponent[k], line);
      }
      accumulate(p, *w.worker, terms_at_once(kind.type));
      for (int r = 0; r < rows; ++r)
        for (int x = 0; x < 8; ++x)
          ec.bits[(row + r) * n + column + x] = p.half ? Half::narrow(p.c[r][x]) : std::bit_cast<uint32_t>(p.c[r][x]);
    }
  }
  scatter_sums(w, factors.d, d_kind, ec);
}

void integer_product(const Instruction &i, Warp &w) {
  const Wmma kind = Wmma::of(i), sums{kind.shape, MatrixType::s32};
  const Factors<1> factors(i, w, kind, sums.registers(Wmma::c));
  Elements<4> ec;
  gather<4>(w, factors.c, sums, Wmma::c, false, ec);
  const auto [m, n, depth] = sizes(kind.shape);
  auto number = [&](uint32_t bits) { return static_cast<int16_t>(kind.type == MatrixType::s8 ? static_cast<int8_t>(bits) : bits); };
  IntegerProduct p;
  p.m = m, p.n = n, p.k = depth;
  p.saturate = kind.bits & 4;
  for (int k = 0; k < depth; ++k) {
    for (int r = 0; r < m; ++r) p.a[r][k] = number(factors.ea.bits[r * depth + k]);
    for (int x = 0; x < n; ++x) p.b[x][k] = number(factors.eb.bits[k * n + x]);
  }
  for (int r = 0; r < m; ++r)
    for (int x = 0; x < n; ++x) p.c[r][x] = static_cast<int32_t>(ec.bits[r * n + x]);
  accumulate(p);
  for (int r = 0; r < m; ++r)
    for (int x = 0; x < n; ++x) ec.bits[r * n + x] = static_cast<uint32_t>(p.c[r][x]);
  scatter<4>(w, factors.d, sums, Wmma::c, false, ec);
}

void product_of_doubles(const Instruction &i, Warp &w) {
  const Wmma kind = Wmma::of(i);
  const Factors<8> factors(i, w, kind, kind.registers(Wmma::c));
  Elements<8> ec;
  gather<8>(w, factors.c, kind, Wmma::c, false, ec);
  DoubleProduct p;
  p.direction = kind.bits >> 2;
  std::memcpy(p.a, factors.ea.bits, sizeof p.a);
  std::memcpy(p.b, factors.eb.bits, sizeof p.b);
  std::memcpy(p.c, ec.bits, sizeof p.c);
  accumulate(p, *w.worker);
  std::memcpy(ec.bits, p.c, sizeof p.c);
  scatter<8>(w, factors.d, kind, Wmma::c, false, ec);
}

}  // namespace

Handler wmma_load_handler(MatrixType type) {
  const int bytes = bytes_of(type);
  return bytes == 1 ? load<1> : bytes == 2 ? load<2> : bytes == 4 ? load<4> : load<8>;
}

Handler wmma_store_handler(MatrixType type) {
  const int bytes = bytes_of(type);
  return bytes == 2 ? store<2> : bytes == 4 ? store<4> : store<8>;
}

Handler wmma_product_handler(MatrixType type) {
  const int bytes = bytes_of(type);
  return bytes == 1 ? integer_product : bytes == 2 ? product<2> : bytes == 4 ? product<4> : product_of_doubles;
}

}  // namespace vgpu
