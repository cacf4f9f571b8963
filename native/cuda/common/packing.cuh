/* The filter of a first layer on tensor cores in its packed form, see duet_packing. */
#pragma once
#include "common/access.cuh"

namespace duet::packing {

/* Where a row of the packed filter is in the filter; -1 for nowhere. */
__device__ __forceinline__ int filter_row(const duet_packing &p, uint32_t row) {
  uint32_t dy = split(row, p.depth); /* packed channel; row is the packed tap */
  const int across = static_cast<int>(split(dy, p.row));
  const int tap_x = static_cast<int>(split(row, p.taps)), tap_y = static_cast<int>(row);
  const int y = tap_y * p.stride + static_cast<int>(dy), at = tap_x * p.stride * p.channels + across;
  const bool there = (static_cast<int>(dy) < p.stride) & (y < p.kernel) & (at < p.kernel * p.channels);
  return there ? y * p.kernel * p.channels + at : -1;
}

/* Packs chunk number `chunk` of eight filters, if there are so many. */
__device__ __forceinline__ void pack_filter(const duet_packing &p, uint32_t chunk) {
  if (chunk >= p.count) return;
  uint32_t row = chunk;
  const uint32_t column = split(row, p.chunks);
  const int from = filter_row(p, row);
  const uint4 *filter = global<const uint4>(p.from);
  global<uint4>(p.to)[chunk] = from < 0 ? make_uint4(0, 0, 0, 0) : filter[from * p.chunks.divisor + column];
}

}  // namespace duet::packing
