// Initialisation, devices, contexts, memory, modules: results and error codes.
#include "driver_test.h"

#include <thread>

// Runs first (by the order of files and within them): nothing is initialised yet.
TEST(nothing_works_before_init) {
  int value;
  CUcontext context;
  GIVES(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&value));
  GIVES(CUDA_ERROR_NOT_INITIALIZED, cuDevicePrimaryCtxRetain(&context, 0));
  GIVES(CUDA_ERROR_NOT_INITIALIZED, cuCtxSynchronize());
  CUdeviceptr address;
  GIVES(CUDA_ERROR_NOT_INITIALIZED, cuMemAlloc_v2(&address, 4));
  OK(cuDriverGetVersion(&value));
  CHECK(value == 13000);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuInit(1));
  CONFIGURE("devices=0");
  GIVES(CUDA_ERROR_NO_DEVICE, cuInit(0));
  CONFIGURE("");
  OK(cuInit(0));
  OK(cuInit(0));
}

TEST(errors_have_names_and_words) {
  const char *text;
  OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  CHECK(!strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS"));
  OK(cuGetErrorString(CUDA_SUCCESS, &text));
  CHECK(!strcmp(text, "no error"));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuGetErrorName(CUresult(12345), &text));
  CHECK(text == nullptr);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuGetErrorString(CUDA_SUCCESS, nullptr));
}

TEST(functions_are_found_by_name) {
  void *function;
  CUdriverProcAddressQueryResult status;
  OK(cuGetProcAddress_v2("cuMemAlloc", &function, 12000, 0, &status));
  CHECK(function == reinterpret_cast<void *>(&cuMemAlloc_v2) && status == CU_GET_PROC_ADDRESS_SUCCESS);
  OK(cuGetProcAddress_v2("cuInit", &function, 12000, 0, nullptr));
  CHECK(function == reinterpret_cast<void *>(&cuInit));
  OK(cuGetProcAddress_v2("cuEventElapsedTime", &function, 12000, 0, &status));
  CHECK(function == reinterpret_cast<void *>(&cuEventElapsedTime));
  OK(cuGetProcAddress_v2("cuEventElapsedTime", &function, 13000, 0, &status));
  CHECK(function == reinterpret_cast<void *>(&cuEventElapsedTime_v2));
  OK(cuGetProcAddress_v2("cuNonsense", &function, 12000, 0, &status));
  CHECK(!function && status == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  GIVES(CUDA_ERROR_NOT_FOUND, cuGetProcAddress_v2("cuNonsense", &function, 12000, 0, nullptr));
}

TEST(devices_describe_themselves) {
  CONFIGURE("devices=3,memory=1000000,compute=90");
  int value = 0;
  OK(cuDeviceGetCount(&value));
  CHECK(value == 3);
  CUdevice device;
  OK(cuDeviceGet(&device, 2));
  CHECK(device == 2);
  GIVES(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 3));
  GIVES(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, -1));
  char name[64];
  OK(cuDeviceGetName(name, sizeof name, 1));
  CHECK(!strcmp(name, "Virtual GPU 1 (interprets PTX on the CPU)"));
  OK(cuDeviceGetName(name, 8, 1));
  CHECK(!strcmp(name, "Virtual"));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuDeviceGetName(name, 0, 1));
  size_t bytes;
  OK(cuDeviceTotalMem_v2(&bytes, 0));
  CHECK(bytes == 1000000);
  auto attribute = [&](CUdevice_attribute which) {
    OK(cuDeviceGetAttribute(&value, which, 0));
    return value;
  };
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_WARP_SIZE) == 32);
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) == 9 && attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) == 0);
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == 227 * 1024);
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE) == 0);
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING) == 1);
  CHECK(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) > 0);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, CUdevice_attribute(0), 0));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAX, 0));
  GIVES(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 9));
  CUuuid a, b;
  OK(cuDeviceGetUuid(&a, 0));
  OK(cuDeviceGetUuid_v2(&b, 1));
  CHECK(memcmp(&a, &b, sizeof a));
  OK(cuDeviceCanAccessPeer(&value, 0, 1));
  CHECK(value == 1);
  OK(cuDeviceCanAccessPeer(&value, 1, 1));
  CHECK(value == 0);
  OK(cuDeviceGetP2PAttribute(&value, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 1));
  CHECK(value == 1);
  GIVES(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetP2PAttribute(&value, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 1, 1));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuDeviceGetP2PAttribute(&value, CUdevice_P2PAttribute(77), 0, 1));
}

TEST(contexts_come_and_go) {
  CUcontext first, again, other, now;
  unsigned flags;
  int active;
  CUdevice device;
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxGetDevice(&device));
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuDevicePrimaryCtxRelease_v2(0));
  GIVES(CUDA_ERROR_INVALID_DEVICE, cuDevicePrimaryCtxRetain(&first, 2));
  OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
  CHECK(!active);
  OK(cuDevicePrimaryCtxRetain(&first, 0));
  OK(cuDevicePrimaryCtxRetain(&again, 0));
  CHECK(first == again);
  OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
  CHECK(active);
  OK(cuDevicePrimaryCtxRetain(&other, 1));
  OK(cuCtxSetCurrent(first));
  OK(cuCtxPushCurrent_v2(other));
  OK(cuCtxGetDevice(&device));
  CHECK(device == 1);
  OK(cuCtxPopCurrent_v2(&now));
  CHECK(now == other);
  OK(cuCtxGetCurrent(&now));
  CHECK(now == first);
  std::thread([] {
    CUcontext current = reinterpret_cast<CUcontext>(1);
    OK(cuCtxGetCurrent(&current));
    CHECK(current == nullptr);
    GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxSynchronize());
  }).join();
  OK(cuDevicePrimaryCtxRelease_v2(0));
  OK(cuCtxSynchronize());
  OK(cuDevicePrimaryCtxRelease_v2(0));
  GIVES(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxPushCurrent_v2(first));
  OK(cuCtxSetCurrent(nullptr));
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxPopCurrent_v2(&now));
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(first));
  GIVES(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(reinterpret_cast<CUcontext>(0x1234)));
  OK(cuDevicePrimaryCtxRelease_v2(1));
  CLEAN();
}

TEST(memory_is_allocated_and_freed) {
  CONFIGURE("memory=1048576");
  Device device;
  size_t free, total;
  OK(cuMemGetInfo_v2(&free, &total));
  CHECK(free == total && total == 1048576);
  CUdeviceptr address = device_memory(1000000);
  CHECK(address % 256 == 0);
  OK(cuMemGetInfo_v2(&free, &total));
  CHECK(free <= 48576);
  CUdeviceptr more;
  GIVES(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&more, 100000));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_v2(&more, 0));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_v2(nullptr, 4));
  CLEAN();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address + 256));
  CHECK(found("the middle of allocation"));
  OK(cuMemFree_v2(address));
  OK(cuMemFree_v2(0));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address));
  CHECK(found("freed before"));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(0x1234));
  int *host = pinned<int>(16);
  host[15] = 1;
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(reinterpret_cast<CUdeviceptr>(host)));
  OK(cuMemFreeHost(host));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(host));
  vgpu_reset();
}

TEST(copies_and_fills_move_bytes) {
  Device device;
  CUdeviceptr a = device_memory(1024), b = device_memory(1024);
  unsigned host[256], back[256];
  for (unsigned i = 0; i < 256; ++i) host[i] = i * i;
  OK(cuMemcpyHtoD_v2(a, host, sizeof host));
  OK(cuMemcpyDtoD_v2(b, a, sizeof host));
  OK(cuMemcpyDtoH_v2(back, b, sizeof host));
  CHECK(!memcmp(host, back, sizeof host));
  OK(cuMemsetD32_v2(a, 0xdeadbeef, 128));
  OK(cuMemsetD8_v2(a + 512, 5, 512));
  OK(cuMemcpyDtoH_v2(back, a, sizeof back));
  CHECK(back[0] == 0xdeadbeef && back[127] == 0xdeadbeef && back[128] == 0x05050505 && back[255] == 0x05050505);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemsetD32_v2(a + 2, 0, 1));
  OK(cuMemcpyHtoD_v2(a, host, 0));
  CLEAN();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(a + 4, host, sizeof host));
  CHECK(found("out-of-bounds") && found("has 1024"));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(a, nullptr, 4));
  vgpu_reset();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(reinterpret_cast<CUdeviceptr>(host), back, 4));
  CHECK(found("host-pointer"));
  vgpu_reset();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(a, reinterpret_cast<void *>(b), 4));
  CHECK(found("should be of the host"));
  vgpu_reset();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemsetD8_v2(a, 0, 1025));
  CHECK(found("out-of-bounds"));
  OK(cuMemFree_v2(a));
  vgpu_reset();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(back, a, 4));
  CHECK(found("use-after-free"));
  OK(cuMemFree_v2(b));
  vgpu_reset();
}

TEST(reading_back_what_nothing_wrote_is_found) {
  Device device;
  CUdeviceptr a = device_memory(1024), b = device_memory(1024);
  unsigned back[256];
  OK(cuMemsetD8_v2(a, 0, 512));
  OK(cuMemcpyDtoD_v2(b, a, 1024));
  OK(cuMemcpyDtoH_v2(back, b, 512));
  CLEAN();
  OK(cuMemcpyDtoH_v2(back, b, 1024));
  CHECK(found("uninitialized-global") && found("128 words") && found("byte 512"));
  vgpu_reset();
  OK(cuMemFree_v2(a));
  OK(cuMemFree_v2(b));
}

TEST(modules_load_and_are_refused) {
  Device device;
  CUmodule module;
  OK(cuModuleLoadData(&module, kKernels));
  CUfunction function, same;
  OK(cuModuleGetFunction(&function, module, "fill"));
  OK(cuModuleGetFunction(&same, module, "fill"));
  CHECK(function == same);
  GIVES(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, module, "nothing"));
  CUdeviceptr table;
  size_t bytes;
  OK(cuModuleGetGlobal_v2(&table, &bytes, module, "table"));
  CHECK(bytes == 64);
  unsigned value = 9;
  OK(cuMemcpyHtoD_v2(table, &value, 4));
  CHECK(first_word(table) == 9);
  GIVES(CUDA_ERROR_NOT_FOUND, cuModuleGetGlobal_v2(&table, &bytes, module, "nothing"));
  OK(cuModuleUnload(module));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(module));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuModuleGetFunction(&function, module, "fill"));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(same, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr));
  GIVES(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, "hello"));
  GIVES(CUDA_ERROR_NO_BINARY_FOR_GPU, cuModuleLoadData(&module,
                                                       "\x7f"
                                                       "ELF......"));

  char log[500] = "", quiet[8];
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, CU_JIT_INFO_LOG_BUFFER,
                            CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log), quiet, reinterpret_cast<void *>(sizeof quiet)};
  auto load = [&](const char *text) {
    values[1] = reinterpret_cast<void *>(sizeof log);
    return cuModuleLoadDataEx(&module, text, 4, options, values);
  };
  GIVES(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, load(".version 9.9\n.target sm_80\n.address_size 64\n"));
  CHECK(strstr(log, "9.9"));
  CHECK(unsigned(reinterpret_cast<uintptr_t>(values[1])) == strlen(log));
  GIVES(CUDA_ERROR_NO_BINARY_FOR_GPU, load("/* .version 1.0 */ // .target sm_20\n.version 7.8\n.target sm_90a\n.address_size 64\n"));
  CHECK(strstr(log, "sm_90a"));
  GIVES(CUDA_ERROR_INVALID_PTX,
        load(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n  frobnicate.b32 %r1;\n  ret;\n}\n"));
  CHECK(strstr(log, "frobnicate"));
  GIVES(CUDA_ERROR_INVALID_PTX,
        load(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n.shared .b8 s[166913];\nret;\n}\n"));
  CHECK(strstr(log, "166913 bytes of shared memory; a block of this device has at most 166912"));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&module, kKernels, 1, nullptr, nullptr));
  OK(load(kKernels));
  OK(cuModuleUnload(module));
  CLEAN();
}

TEST(an_older_driver_refuses_newer_ptx) {
  for (auto [driver, newest] : {std::pair(11000, "7.0"), {11080, "7.8"}, {12020, "8.2"}, {12080, "8.7"}, {13000, "9.0"}}) {
    CONFIGURE(("driver=" + std::to_string(driver)).c_str());
    Device device;
    CUmodule module;
    std::string text = ".version " + std::string(newest) + "\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n  ret;\n}\n";
    OK(cuModuleLoadData(&module, text.c_str()));
    OK(cuModuleUnload(module));
    ++text[text.find('.', 9) + 1];
    GIVES(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, cuModuleLoadData(&module, text.c_str()));
  }
  CLEAN();
}

TEST(functions_have_attributes) {
  Device device;
  Kernels kernels;
  CUfunction limited = kernels.get("limited"), fill = kernels.get("fill"), structure = kernels.get("structure");
  int value;
  OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, limited));
  CHECK(value == 64);
  OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, limited));
  CHECK(value == 1024);
  OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, limited));
  CHECK(value == 47 * 1024);
  OK(cuFuncSetAttribute(fill, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 163 * 1024));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(fill, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 163 * 1024 + 1));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(fill, CU_FUNC_ATTRIBUTE_NUM_REGS, 1));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuFuncGetAttribute(&value, CUfunction_attribute(99), fill));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, nullptr));
  size_t offset, bytes;
  OK(cuFuncGetParamInfo(structure, 0, &offset, &bytes));
  CHECK(offset == 0 && bytes == 4);
  OK(cuFuncGetParamInfo(structure, 1, &offset, &bytes));
  CHECK(offset == 8 && bytes == 24);
  OK(cuFuncGetParamInfo(structure, 2, &offset, nullptr));
  CHECK(offset == 32);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(structure, 3, &offset, &bytes));
  int blocks;
  OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill, 256, 0));
  CHECK(blocks == 8);
  OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill, 128, 40 * 1024));
  CHECK(blocks == 4);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill, 0, 0));
  CLEAN();
}

TEST(launches_are_checked) {
  Device device;
  Kernels kernels;
  CUfunction fill = kernels.get("fill"), limited = kernels.get("limited");
  CUdeviceptr out = device_memory(1024);
  unsigned value = 11, count = 256;
  void *parameters[] = {&out, &value, &count};
  OK(cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, parameters, nullptr));
  CHECK(first_word(out + 1020) == 11);
  struct {
    CUdeviceptr out;
    unsigned value, count;
  } buffer{out, 12, 256};
  size_t bytes = sizeof buffer;
  void *extra[] = {reinterpret_cast<void *>(1), &buffer, reinterpret_cast<void *>(2), &bytes, nullptr};
  OK(cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, nullptr, extra));
  CHECK(first_word(out) == 12);
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 0, 1, 1, 128, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 1, 65536, 1, 128, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 1, 1, 1, 1025, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 1, 1, 1, 32, 32, 2, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 1, 1, 1, 1, 1, 65, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 1, 1, 1, 32, 1, 1, 48 * 1024 + 1, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, cuLaunchKernel(limited, 1, 1, 1, 65, 1, 1, 0, nullptr, nullptr, nullptr));
  OK(cuLaunchKernel(limited, 1, 1, 1, 64, 1, 1, 47 * 1024, nullptr, nullptr, nullptr));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(reinterpret_cast<CUfunction>(77), 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(fill, 1, 1, 1, 1, 1, 1, 0, reinterpret_cast<CUstream>(77), parameters, nullptr));
  CLEAN();
  bytes -= 4;
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, nullptr, extra));
  CHECK(found("kernel fill") && found("has 12 bytes, the kernel takes 16"));
  vgpu_reset();
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, nullptr, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, parameters, extra));
  parameters[1] = nullptr;
  GIVES(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(fill, 2, 1, 1, 128, 1, 1, 0, nullptr, parameters, nullptr));
  CHECK(found("argument 1 is null"));
  OK(cuMemFree_v2(out));
  vgpu_reset();
}
