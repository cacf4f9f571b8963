// Modules: PTX text is checked against the driver's version and the device before the core decodes it.
#include <cstring>

#include "devices.h"
#include "state.h"

namespace vgpu::inline driver {
namespace {

// The newest PTX that each driver takes: CUDA version x 1000 -> PTX version x 10.
constexpr int kPtxOfDriver[][2] = {{11000, 70}, {11010, 71}, {11020, 72}, {11030, 73}, {11040, 74}, {11050, 75}, {11060, 76},
                                   {11070, 77}, {11080, 78}, {12000, 80}, {12010, 81}, {12020, 82}, {12030, 83}, {12040, 84},
                                   {12050, 85}, {12070, 86}, {12080, 87}, {12090, 88}, {13000, 90}, {13010, 91}};

int newest_ptx(int driver) {
  int result = 65;
  for (auto &[version, ptx] : kPtxOfDriver)
    if (driver >= version) result = ptx;
  return result;
}

struct Header {
  int major = 0, minor = 0, target = 0;
  char suffix = 0;  // 'a' or 'f' of sm_90a
  bool found = false;
};

// Reads .version and .target, which PTX must begin with, whatever comments stand before them.
Header read_header(const std::string &text) {
  Header header;
  std::string plain;
  for (size_t at = 0; at < text.size() && plain.size() < 400;) {
    if (!text.compare(at, 2, "//")) at = std::min(text.find('\n', at), text.size());
    else if (!text.compare(at, 2, "/*")) at = std::min(text.find("*/", at + 2), text.size() - 2) + 2;
    else plain += text[at++];
  }
  size_t version = plain.find(".version"), target = plain.find(".target");
  if (version == std::string::npos || target == std::string::npos) return header;
  header.found = sscanf(plain.c_str() + version, ".version %d.%d", &header.major, &header.minor) == 2 &&
                 sscanf(plain.c_str() + target, ".target sm_%d%c", &header.target, &header.suffix) >= 1;
  if (header.suffix != 'a' && header.suffix != 'f') header.suffix = 0;
  return header;
}

// The log buffers among the options of cuModuleLoadDataEx. A size is passed by value and comes back as the bytes used.
struct Logs {
  char *info = nullptr, *error = nullptr;
  size_t info_size = 0, error_size = 0;
  void **info_used = nullptr, **error_used = nullptr;

  static void put(char *to, size_t size, void **used, const std::string &text) {
    size_t length = to && size ? std::min(size - 1, text.size()) : 0;
    if (to && size) {
      std::memcpy(to, text.data(), length);
      to[length] = 0;
    }
    if (used) *reinterpret_cast<unsigned *>(used) = unsigned(length);
  }
  void write(const std::string &info_text, const std::string &error_text) {
    put(info, info_size, info_used, info_text);
    put(error, error_size, error_used, error_text);
  }
};

bool read_options(unsigned count, const CUjit_option *options, void **values, Logs &logs) {
  if (count && (!options || !values)) return false;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] < 0 || options[i] > CU_JIT_SPLIT_COMPILE) return false;
    auto size = size_t(reinterpret_cast<uintptr_t>(values[i]) & 0xffffffffu);
    switch (options[i]) {
      case CU_JIT_INFO_LOG_BUFFER: logs.info = static_cast<char *>(values[i]); break;
      case CU_JIT_ERROR_LOG_BUFFER: logs.error = static_cast<char *>(values[i]); break;
      case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES: logs.info_size = size, logs.info_used = &values[i]; break;
      case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES: logs.error_size = size, logs.error_used = &values[i]; break;
      default: break;  // wall time among them: it stays as it is
    }
  }
  return true;
}

CUresult refuse(CUresult result, Logs &logs, const std::string &text) {
  logs.write("", text);
  return result;
}

CUresult load(Context &context, CUmodule *handle, const void *image, Logs &logs) {
  if (!handle || !image) return CUDA_ERROR_INVALID_VALUE;
  *handle = nullptr;
  if (CUresult result = unsafe_call()) return result;
  const char *bytes = static_cast<const char *>(image);
  if (!std::memcmp(bytes,
                   "\x7f"
                   "ELF",
                   4) ||
      !std::memcmp(bytes, "\x50\xed\x55\xba", 4))
    return refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, logs, "the virtual GPU takes PTX text, not compiled code");
  std::string text = bytes;
  Header header = read_header(text);
  if (!header.found) return refuse(CUDA_ERROR_INVALID_IMAGE, logs, "the image is not PTX: it has no .version and .target");
  int version = header.major * 10 + header.minor, driver = settings().driver_version;
  std::string written = std::to_string(header.major) + "." + std::to_string(header.minor);
  if (version > newest_ptx(driver))
    return refuse(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, logs,
                  "Unsupported .version " + written + "; a driver of CUDA " + std::to_string(driver / 1000) + "." +
                      std::to_string(driver % 1000 / 10) + " takes up to " + std::to_string(newest_ptx(driver) / 10) + "." +
                      std::to_string(newest_ptx(driver) % 10));
  int capability = settings().compute_major * 10 + settings().compute_minor;
  bool runs = header.suffix == 'a'   ? header.target == capability
              : header.suffix == 'f' ? header.target / 10 == capability / 10 && header.target <= capability
                                     : header.target <= capability;
  if (!runs)
    return refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, logs,
                  "the PTX is for sm_" + std::to_string(header.target) + (header.suffix ? std::string(1, header.suffix) : "") +
                      ", the device has compute capability " + std::to_string(settings().compute_major) + "." +
                      std::to_string(settings().compute_minor));
  std::string log;
  auto decoded = Module::load(text, context.device, log);
  if (!decoded) return refuse(CUDA_ERROR_INVALID_PTX, logs, log);
  for (const std::string &name : decoded->names())
    if (const size_t bytes = info(decoded->kernel(name)).static_shared_bytes; bytes > limits().shared_block)
      return refuse(CUDA_ERROR_INVALID_PTX, logs,
                    "kernel " + name + " has " + std::to_string(bytes) + " bytes of shared memory; a block of this device has at most " +
                        std::to_string(limits().shared_block));
  auto module = std::make_shared<ModuleObject>();
  module->context = &context;
  module->ptx_version = version;
  module->target = header.target;
  module->module = std::move(decoded);
  *handle = reinterpret_cast<CUmodule>(Driver::get().modules.add(module)->handle);
  logs.write(log, "");
  return CUDA_SUCCESS;
}

CUresult find_module(CUmodule handle, std::shared_ptr<ModuleObject> &module) {
  module = Driver::get().modules.find(handle);
  return module ? module->context->sticky : CUDA_ERROR_INVALID_HANDLE;
}

}  // namespace

void forget_module(ModuleObject &module) {
  module.unloaded = true;
  for (auto &[name, handle] : module.functions) Driver::get().functions.objects.erase(handle);
}

}  // namespace vgpu::driver

using namespace vgpu;

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return entry_in_context("cuModuleLoadData", [&](Context &context) {
    Logs logs;
    return load(context, module, image, logs);
  });
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int count, CUjit_option *options, void **values) {
  return entry_in_context("cuModuleLoadDataEx", [&](Context &context) {
    Logs logs;
    if (!read_options(count, options, values, logs)) return CUDA_ERROR_INVALID_VALUE;
    return load(context, module, image, logs);
  });
}

CUresult cuModuleUnload(CUmodule handle) {
  return entry_in_context("cuModuleUnload", [&](Context &) {
    std::shared_ptr<ModuleObject> module;
    if (CUresult result = find_module(handle, module)) return result;
    if (CUresult result = unsafe_call()) return result;
    Context &owner = *module->context;
    Driver::get().scheduler.finish(owner);  // kernels that are queued still run
    Driver::get().joined_all(owner);
    forget_module(*module);
    Driver::get().modules.remove(module->handle);
    return owner.sticky;
  });
}

CUresult cuModuleGetFunction(CUfunction *handle, CUmodule module_handle, const char *name) {
  return entry_in_context("cuModuleGetFunction", [&](Context &) {
    if (!handle || !name) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<ModuleObject> module;
    if (CUresult result = find_module(module_handle, module)) return result;
    const Kernel *kernel = module->module->kernel(name);
    if (!kernel) return CUDA_ERROR_NOT_FOUND;
    uint64_t &number = module->functions[name];
    if (!number) {
      auto function = std::make_shared<Function>();
      function->handle = Driver::get().next_handle(0xf1);
      function->module = module;
      function->kernel = kernel;
      size_t fixed = info(kernel).static_shared_bytes;
      function->dynamic_limit = fixed < kPlainShared ? kPlainShared - fixed : 0;
      Driver::get().functions.objects[function->handle] = function;
      number = function->handle;
    }
    *handle = reinterpret_cast<CUfunction>(number);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule handle, const char *name) {
  return entry_in_context("cuModuleGetGlobal_v2", [&](Context &) {
    if (!name || (!address && !bytes)) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<ModuleObject> module;
    if (CUresult result = find_module(handle, module)) return result;
    uint64_t at = 0;
    size_t size = 0;
    if (!module->module->global(name, at, size)) return CUDA_ERROR_NOT_FOUND;
    if (address) *address = at;
    if (bytes) *bytes = size;
    return CUDA_SUCCESS;
  });
}
