# A toolchain file: kernels for linux-aarch64 by a cross compiler, run by QEMU where there is one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
find_program(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++ REQUIRED)
find_program(DUET_QEMU qemu-aarch64)
if(DUET_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${DUET_QEMU} -L /usr/aarch64-linux-gnu)
endif()
