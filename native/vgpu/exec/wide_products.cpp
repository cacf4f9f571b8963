// Tensor cores whose sums are integers of 32 bits or fp64: nothing is cut off on the way, so these add up as plain arithmetic does.
#include "product.h"
#include "numbers.h"
#include <algorithm>
#include <limits>

namespace vgpu {
namespace {

template <int k> void accumulate_integers(IntegerProduct &p) {
  for (int row = 0; row < p.m; ++row) {
    for (int column = 0; column < p.n; ++column) {
      int32_t sum = 0;  // at most 32 products of 16 bits
      for (int n = 0; n < k; ++n) sum += p.a[row][n] * p.b[column][n];
      int64_t all = static_cast<int64_t>(p.c[row][column]) + sum;
      if (p.saturate) all = std::clamp<int64_t>(all, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
      p.c[row][column] = static_cast<int32_t>(all);
    }
  }
}

// Terms in this order, one after the other; 4 stands for the sum so far.
void add_in_order(DoubleProduct &p, int row, const int *order) {
  const Rounding rounding(p.direction);
  double sum[8];
  for (int n = 0; n < 5; ++n) {
    const int k = order[n];
    for (int x = 0; x < 8; ++x) {
      if (k == 4) sum[x] = n ? sum[x] + p.c[row][x] : p.c[row][x];
      else sum[x] = n ? std::fma(p.a[row][k], p.b[k][x], sum[x]) : p.a[row][k] * p.b[k][x];
    }
  }
  std::copy_n(sum, 8, p.c[row]);
}

// ---- mma: as in matrix.cpp, the lanes of a register side by side are 8 rows of 16 bytes, or 8 columns of b ---------------------------
void widen(int16_t *to, const uint8_t *from, bool is_signed) {
  const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i *>(from));
  const __m256i words = is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
  _mm256_store_si256(reinterpret_cast<__m256i *>(to), words);
}

template <int rows, int depth> void integer_product(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  constexpr int sums = rows / 4, halves = rows / 8, of_a = halves * depth / 16;
  const uint32_t *d = w.worker->kernel.operands(i), *a = d + sums, *b = a + of_a, *c = b + depth / 16;
  IntegerProduct p;
  p.m = rows, p.n = 8, p.k = depth;
  p.saturate = i.mode & 4;
  for (int part = 0; part < depth / 16; ++part) {
    for (int r = 0; r < rows; ++r) widen(p.a[r] + 16 * part, w.at<uint8_t>(a[part * halves + r / 8]) + r % 8 * 16, i.mode & 1);
    for (int x = 0; x < 8; ++x) widen(p.b[x] + 16 * part, w.at<uint8_t>(b[part]) + x * 16, i.mode & 2);
  }
  for (int n = 0; n < sums; ++n)
    for (int l = 0; l < kLanes; ++l) p.c[n / 2 * 8 + l / 4][l % 4 * 2 + n % 2] = w.at<int32_t>(c[n])[l];
  accumulate(p);
  for (int n = 0; n < sums; ++n) {
    int32_t t[kLanes];
    for (int l = 0; l < kLanes; ++l) t[l] = p.c[n / 2 * 8 + l / 4][l % 4 * 2 + n % 2];
    const int32_t *from = t;
    write_lanes<int32_t>(w, d[n], [=](int l) { return from[l]; });
  }
}

}  // namespace

void accumulate(IntegerProduct &p) { return p.k == 32 ? accumulate_integers<32>(p) : accumulate_integers<16>(p); }

void accumulate(DoubleProduct &p, Worker &worker) {
  for (int row = 0; row < 8; ++row) {
    int order[5] = {4, 0, 1, 2, 3};
    if (worker.settings.accumulation == Accumulation::adversarial)
      for (uint32_t n = 1; n < 5; ++n) std::swap(order[n], order[worker.next_random() % (n + 1)]);
    add_in_order(p, row, order);
  }
}

Handler integer_product_handler(int rows, int k) {
  if (rows == 8) return k == 16 ? integer_product<8, 16> : nullptr;
  return k == 16 ? integer_product<16, 16> : k == 32 ? integer_product<16, 32> : nullptr;
}

void double_product(const Instruction &i, Warp &w) {
  need_all_lanes(i, w);
  const uint32_t *d = w.worker->kernel.operands(i), *a = d + 2, *b = d + 3, *c = d + 4;
  DoubleProduct p;
  p.direction = i.mode;
  for (int l = 0; l < kLanes; ++l) {
    p.a[l / 4][l % 4] = w.at<double>(*a)[l];
    p.b[l % 4][l / 4] = w.at<double>(*b)[l];
    for (int n = 0; n < 2; ++n) p.c[l / 4][l % 4 * 2 + n] = w.at<double>(c[n])[l];
  }
  accumulate(p, *w.worker);
  for (int n = 0; n < 2; ++n) write_lanes<double>(w, d[n], [&](int l) { return p.c[l / 4][l % 4 * 2 + n]; });
}

}  // namespace vgpu
