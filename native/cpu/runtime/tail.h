/*
 * Channels in vectors, with what is left over at the end. Loops call their body with the number of channels: a compile-time
 * constant for a whole vector, so that only the last, cut one pays for being cut.
 */
#pragma once
#include "runtime/vector.h"
#include <type_traits>

namespace duet {

using Whole = std::integral_constant<int, kVectorWidth>;

template <class Count> inline Vector load_count(const float *from, Count count) {
  if constexpr (std::is_same_v<Count, Whole>) return load(from);
  return load_first(from, count);
}

template <class Count> inline void store_count(float *to, Vector value, Count count) {
  if constexpr (std::is_same_v<Count, Whole>) {
    store(to, value);
  } else {
    store_first(to, value, count);
  }
}

template <class Count> inline ByteVector load_bytes(const uint8_t *from, Count count) {
  ByteVector value = {};
  std::memcpy(&value, from, count);
  return value;
}

template <class Count> inline void store_bytes(uint8_t *to, ByteVector value, Count count) { std::memcpy(to, &value, count); }

/* body(first channel, number of channels) */
template <class Body> inline void each_vector(int channels, Body body) {
  int c = 0;
  for (; c + kVectorWidth <= channels; c += kVectorWidth) body(c, Whole());
  if (c < channels) body(c, channels - c);
}

}  // namespace duet
