// Tiles of a product (ptx/products.h): 8 lanes at a time, so that 2 by 4 sums, a factor of each row and one of a column are registers.
#include "product_tiles.h"
#include <immintrin.h>

namespace vgpu {
namespace {

// The tile at `t`, behind its shape; true in `nan` for sums that are no numbers.
template <int rows, int columns> const uint32_t *tile(const Warp &w, const uint32_t *t, uint32_t steps, bool &nan) {
  constexpr int sums = rows * columns;
  const uint32_t *const heads = t, *const results = t + sums, *const factors = t + 2 * sums;
  uint8_t *frame = w.frame;
  __m256 odd = _mm256_setzero_ps();
  for (uint32_t lane = 0; lane < kLanes; lane += 8, frame += sizeof(__m256)) {
    auto load = [&](uint32_t at) { return _mm256_load_ps(reinterpret_cast<const float *>(frame + at)); };
    __m256 sum[rows][columns];
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) sum[r][c] = load(heads[r * columns + c]);
    const uint32_t *f = factors;
    for (uint32_t s = 0; s < steps; ++s, f += rows + columns) {
      __m256 left[rows];
      for (int r = 0; r < rows; ++r) left[r] = load(f[r]);
      for (int c = 0; c < columns; ++c) {
        const __m256 right = load(f[rows + c]);
        for (int r = 0; r < rows; ++r) sum[r][c] = _mm256_fmadd_ps(left[r], right, sum[r][c]);
      }
    }
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        _mm256_store_ps(reinterpret_cast<float *>(frame + results[r * columns + c]), sum[r][c]);
        odd = _mm256_or_ps(odd, _mm256_cmp_ps(sum[r][c], sum[r][c], _CMP_UNORD_Q));
      }
  }
  nan |= !_mm256_testz_si256(_mm256_castps_si256(odd), _mm256_castps_si256(odd));
  return factors + steps * (rows + columns);
}

// True if there are sums that are no numbers.
bool all_tiles(const Warp &w, const uint32_t *t) {
  bool nan = false;
  for (uint32_t left = *t++; left > 0; --left) {
    const uint32_t shape = t[0] * 4 + t[1] - 4, steps = t[2];
    t += 3;
    switch (shape) {
      case 1: t = tile<1, 1>(w, t, steps, nan); break;
      case 2: t = tile<1, 2>(w, t, steps, nan); break;
      case 3: t = tile<1, 3>(w, t, steps, nan); break;
      case 4: t = tile<1, 4>(w, t, steps, nan); break;
      case 5: t = tile<2, 1>(w, t, steps, nan); break;
      case 6: t = tile<2, 2>(w, t, steps, nan); break;
      case 7: t = tile<2, 3>(w, t, steps, nan); break;
      default: t = tile<2, 4>(w, t, steps, nan); break;
    }
  }
  return nan;
}

}  // namespace

void product_tiles(const Instruction &first, Warp &w) {
  if (__builtin_expect(w.mask != kAll, 0)) return fma_row(first, w);
  const uint32_t *const t = w.worker->kernel.lists.data() + first.list;
  if (__builtin_expect(all_tiles(w, t), 0)) make_canonical(first, w);
}

}  // namespace vgpu
