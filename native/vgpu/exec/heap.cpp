// malloc and free in a kernel.
#include "sync.h"

namespace vgpu {

void allocate_on_heap(const Instruction &i, Warp &w) {
  const int device = w.worker->launch.launch.device;
  for_each_caller(
      w, [&](int, uint8_t *local) { set_result(i, w, 1, local, Memory::get().allocate_on_heap(device, argument(i, w, 0, local))); });
}

void free_on_heap(const Instruction &i, Warp &w) {
  const int device = w.worker->launch.launch.device;
  for_each_caller(w, [&](int l, const uint8_t *local) {
    const uint64_t address = argument(i, w, 0, local);
    if (!address || Memory::get().free_on_heap(device, address)) return;
    w.worker->fault(FindingKind::bad_instruction, i, w, l,
                    "frees " + hex(address) +
                        ", where nothing starts that malloc has given and free has not taken back: " + describe_address(address, device));
  });
}

}  // namespace vgpu
