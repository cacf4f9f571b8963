/* Philox 4x32-10 (Salmon et al., SC 2011), the same function as duet.device.Philox: key = seed, counter = (element / 4, purpose ^ high
   word of element / 4 shifted left by 16, step low, step high); the number of an element is word element % 4. */
#pragma once
#include <stdint.h>

namespace duet {

struct Random4 {
  uint32_t word[4];
};

__device__ __forceinline__ Random4 philox(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = purpose ^ static_cast<uint32_t>(block >> 32) << 16;
  uint32_t c2 = static_cast<uint32_t>(step), c3 = static_cast<uint32_t>(step >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const uint32_t high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const uint32_t high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace duet
