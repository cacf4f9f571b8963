// The limits of a device.
#pragma once
#include <cstddef>

namespace vgpu::inline driver {

struct Limits {
  int multiprocessors, threads, blocks;  // threads and blocks that one multiprocessor holds
  size_t shared_block, shared_multiprocessor, shared_reserved;
  int l2_bytes;
};
Limits limits();
bool valid_device(int device);

constexpr size_t kPlainShared = 48 << 10;  // of a block that did not ask for more through cuFuncSetAttribute
constexpr size_t kMaxThreads = 1024;

}  // namespace vgpu::driver
