// What a device is asked before there is a context. The limits are those of the cards with the configured compute capability.
#include <cstring>

#include "devices.h"
#include "state.h"

using namespace vgpu;

namespace vgpu::inline driver {

Limits limits() {
  int capability = settings().compute_major * 10 + settings().compute_minor;
  if (capability < 75) return {80, 2048, 32, 96 << 10, 96 << 10, 0, 6 << 20};
  if (capability < 80) return {40, 1024, 16, 64 << 10, 64 << 10, 0, 4 << 20};
  if (capability == 80) return {108, 2048, 32, 163 << 10, 164 << 10, 1024, 40 << 20};
  if (capability < 89) return {84, 1536, 16, 99 << 10, 100 << 10, 1024, 6 << 20};
  if (capability == 89) return {128, 1536, 24, 99 << 10, 100 << 10, 1024, 72 << 20};
  if (capability < 120) return {132, 2048, 32, 227 << 10, 228 << 10, 1024, 50 << 20};
  return {170, 1536, 24, 99 << 10, 100 << 10, 1024, 96 << 20};
}

bool valid_device(int device) { return device >= 0 && device < settings().devices; }

}  // namespace vgpu::driver

CUresult cuDeviceGetCount(int *count) {
  return entry("cuDeviceGetCount", Needs::driver, [&] {
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    *count = settings().devices;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return entry("cuDeviceGet", Needs::driver, [&] {
    if (!device) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return entry("cuDeviceGetName", Needs::driver, [&] {
    if (!name || length < 1) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    std::string full = "Virtual GPU " + std::to_string(device) + " (interprets PTX on the CPU)";
    full.resize(std::min(full.size(), size_t(length) - 1));
    std::memcpy(name, full.c_str(), full.size() + 1);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return entry("cuDeviceTotalMem_v2", Needs::driver, [&] {
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *bytes = settings().memory_bytes;
    return CUDA_SUCCESS;
  });
}

static int attribute_value(CUdevice_attribute attribute, int device) {
  Limits limit = limits();
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: return int(kMaxThreads);
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: return 1024;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: return 64;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: return 0x7fffffff;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: return 65535;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: return int(kPlainShared);
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return int(limit.shared_block);
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return int(limit.shared_multiprocessor);
    case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: return int(limit.shared_reserved);
    case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: return 65536;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: return 32;
    case CU_DEVICE_ATTRIBUTE_MAX_PITCH: return 0x7fffffff;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: return 65536;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:  // there are no clocks here that a performance model could use
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: return 0;
    case CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT: return 512;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return limit.multiprocessors;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return limit.l2_bytes;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return limit.threads;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: return limit.blocks;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: return 2;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return settings().compute_major;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return settings().compute_minor;
    case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID: return device;
    case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED: return 1;
    default: return 0;  // everything else is absent: managed memory, ECC, clusters, cooperative launches
  }
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  return entry("cuDeviceGetAttribute", Needs::driver, [&] {
    if (!value || attribute < 1 || attribute >= CU_DEVICE_ATTRIBUTE_MAX) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *value = attribute_value(attribute, device);
    return CUDA_SUCCESS;
  });
}

static CUresult uuid_of(CUuuid *uuid, CUdevice device) {
  if (!uuid) return CUDA_ERROR_INVALID_VALUE;
  if (!valid_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  std::memcpy(uuid->bytes, "duet virtual GPU", 16);
  uuid->bytes[15] = char('0' + device);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
  return entry("cuDeviceGetUuid", Needs::driver, [&] { return uuid_of(uuid, device); });
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  return entry("cuDeviceGetUuid_v2", Needs::driver, [&] { return uuid_of(uuid, device); });
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer) {
  return entry("cuDeviceCanAccessPeer", Needs::driver, [&] {
    if (!can) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(device) || !valid_device(peer)) return CUDA_ERROR_INVALID_DEVICE;
    *can = device != peer && Driver::get().peer;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attribute, CUdevice source, CUdevice destination) {
  return entry("cuDeviceGetP2PAttribute", Needs::driver, [&] {
    if (!value) return CUDA_ERROR_INVALID_VALUE;
    if (!valid_device(source) || !valid_device(destination) || source == destination) return CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
      case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED: *value = Driver::get().peer; break;
      case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK:
      case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
      case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED: *value = 0; break;
      default: return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
  });
}
