// Functions: their attributes and limits, and launches.
#include <cstring>

#include "devices.h"
#include "state.h"

using namespace vgpu;

namespace {

CUresult find_function(CUfunction handle, std::shared_ptr<Function> &function) {
  function = Driver::get().functions.find(handle);
  return function ? function->module->context->sticky : CUDA_ERROR_INVALID_HANDLE;
}

CUresult bad_arguments(const KernelInfo &kernel, const std::string &text) {
  std::string sentence = "cuLaunchKernel of kernel " + kernel.name + ": " + text;
  report({FindingKind::bad_call, sentence, sentence});
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult check_size(const KernelInfo &kernel, const unsigned (&grid)[3], const unsigned (&block)[3], unsigned dynamic_shared,
                    size_t dynamic_limit) {
  constexpr unsigned kMaxGrid[3] = {0x7fffffff, 65535, 65535}, kMaxBlock[3] = {1024, 1024, 64};
  size_t threads = 1;
  for (int i = 0; i < 3; ++i) {
    if (!grid[i] || grid[i] > kMaxGrid[i] || !block[i] || block[i] > kMaxBlock[i]) return CUDA_ERROR_INVALID_VALUE;
    threads *= block[i];
  }
  if (threads > kMaxThreads) return CUDA_ERROR_INVALID_VALUE;
  if (threads > kernel.max_threads) return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  if (dynamic_shared > dynamic_limit) return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

// kernelParams: a pointer to each argument.
CUresult gather(const KernelInfo &kernel, void **parameters, std::vector<uint8_t> &arguments) {
  arguments.assign(kernel.parameter_bytes, 0);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    auto [offset, bytes] = kernel.parameters[i];
    if (!parameters[i]) return bad_arguments(kernel, "the pointer to argument " + std::to_string(i) + " is null");
    std::memcpy(&arguments[offset], parameters[i], bytes);
  }
  return CUDA_SUCCESS;
}

// extra: one buffer with all arguments at their offsets.
CUresult unpack(const KernelInfo &kernel, void **extra, std::vector<uint8_t> &arguments) {
  const void *buffer = nullptr;
  const size_t *bytes = nullptr;
  for (int i = 0; extra[i]; i += 2) {
    auto key = reinterpret_cast<uintptr_t>(extra[i]);
    if (key == 1) buffer = extra[i + 1];
    else if (key == 2) bytes = static_cast<const size_t *>(extra[i + 1]);
    else return bad_arguments(kernel, "`extra` has the unknown key " + std::to_string(key));
  }
  if (!buffer || !bytes) return bad_arguments(kernel, "`extra` lacks the argument buffer or its size");
  if (*bytes != kernel.parameter_bytes)
    return bad_arguments(
        kernel, "the argument buffer has " + std::to_string(*bytes) + " bytes, the kernel takes " + std::to_string(kernel.parameter_bytes));
  auto *data = static_cast<const uint8_t *>(buffer);
  arguments.assign(data, data + *bytes);
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
  return entry_in_context("cuFuncGetAttribute", [&](Context &) {
    if (!value) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Function> function;
    if (CUresult result = find_function(handle, function)) return result;
    const KernelInfo &kernel = info(function->kernel);
    switch (attribute) {
      case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = int(std::min(kernel.max_threads, kMaxThreads)); break;
      case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = int(kernel.static_shared_bytes); break;
      case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = function->module->target; break;  // the driver calls the virtual architecture so
      case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = settings().compute_major * 10 + settings().compute_minor; break;
      case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = int(function->dynamic_limit); break;
      case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = -1; break;
      default:  // registers, local and constant memory are ptxas's business and not known here
        if (attribute < 0 || attribute > CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE) return CUDA_ERROR_INVALID_VALUE;
        *value = 0;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  return entry_in_context("cuFuncSetAttribute", [&](Context &) {
    std::shared_ptr<Function> function;
    if (CUresult result = find_function(handle, function)) return result;
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
      return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return CUDA_ERROR_INVALID_VALUE;
    if (value < 0 || size_t(value) + info(function->kernel).static_shared_bytes > limits().shared_block) return CUDA_ERROR_INVALID_VALUE;
    function->dynamic_limit = size_t(value);
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetParamInfo(CUfunction handle, size_t index, size_t *offset, size_t *bytes) {
  return entry_in_context("cuFuncGetParamInfo", [&](Context &) {
    if (!offset) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Function> function;
    if (CUresult result = find_function(handle, function)) return result;
    auto &parameters = info(function->kernel).parameters;
    if (index >= parameters.size()) return CUDA_ERROR_INVALID_VALUE;
    *offset = parameters[index].first;
    if (bytes) *bytes = parameters[index].second;
    return CUDA_SUCCESS;
  });
}

// By threads, blocks and shared memory; registers are not known here, so that a card may hold fewer.
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction handle, int threads, size_t dynamic_shared) {
  return entry_in_context("cuOccupancyMaxActiveBlocksPerMultiprocessor", [&](Context &) {
    if (!blocks || threads < 1) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Function> function;
    if (CUresult result = find_function(handle, function)) return result;
    const KernelInfo &kernel = info(function->kernel);
    Limits limit = limits();
    size_t shared = kernel.static_shared_bytes + dynamic_shared + limit.shared_reserved;
    *blocks = 0;
    if (size_t(threads) > kernel.max_threads || size_t(threads) > kMaxThreads) return CUDA_SUCCESS;
    if (kernel.static_shared_bytes + dynamic_shared > limit.shared_block) return CUDA_SUCCESS;
    *blocks = std::min(limit.blocks, limit.threads / ((threads + 31) / 32 * 32));
    if (shared) *blocks = int(std::min(size_t(*blocks), limit.shared_multiprocessor / shared));
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchKernel(CUfunction handle, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z, unsigned int block_x,
                        unsigned int block_y, unsigned int block_z, unsigned int dynamic_shared, CUstream stream_handle, void **parameters,
                        void **extra) {
  return entry_in_context("cuLaunchKernel", [&](Context &context) {
    std::shared_ptr<Function> function;
    if (CUresult result = find_function(handle, function)) return result;
    std::shared_ptr<Stream> stream;
    if (CUresult result = find_stream(context, stream_handle, stream)) return result;
    if (function->module->context != stream->context) return CUDA_ERROR_INVALID_HANDLE;
    const KernelInfo &kernel = info(function->kernel);
    unsigned grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    if (CUresult result = check_size(kernel, grid, block, dynamic_shared, function->dynamic_limit)) return result;
    KernelWork work;
    if (parameters && extra) return bad_arguments(kernel, "both kernelParams and `extra` are given");
    CUresult result = CUDA_SUCCESS;
    if (extra) result = unpack(kernel, extra, work.launch.arguments);
    else if (parameters || kernel.parameters.empty()) result = gather(kernel, parameters, work.launch.arguments);
    else result = bad_arguments(kernel, "it takes " + std::to_string(kernel.parameters.size()) + " arguments and none are given");
    if (result) return result;
    work.module = function->module;
    work.launch.kernel = function->kernel;
    std::copy(grid, grid + 3, work.launch.grid);
    std::copy(block, block + 3, work.launch.block);
    work.launch.dynamic_shared_bytes = dynamic_shared;
    work.launch.device = stream->context->device;
    return enqueue(*stream, std::move(work));
  });
}
