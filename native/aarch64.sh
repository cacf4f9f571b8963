#!/bin/sh
# aarch64.sh build|test BUILD: the kernels for linux-aarch64 in BUILD, beside those for this machine, and their tests under QEMU. Without the
# cross compiler the libraries are left out, without QEMU the tests.
set -eu
build=$2
[ "$(uname -s)-$(uname -m)" != Linux-aarch64 ] || exit 0 # they are what is built anyway
if ! command -v aarch64-linux-gnu-g++ >/dev/null; then
  rm -rf "$build"
  echo "The kernels for linux-aarch64 are left out: no cross compiler (apt-get install g++-aarch64-linux-gnu)"
  exit 0
fi
case $1 in
  build)
    cmake -DBUILD="$build" -DTOOLCHAIN=aarch64.cmake -P "$(dirname "$0")/configure.cmake"
    cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target duet_libraries
    ;;
  test)
    if command -v qemu-aarch64 >/dev/null; then
      cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target duet_cpu_test
      ctest --test-dir "$build" --output-on-failure --no-tests=error
    else
      echo "The kernels for linux-aarch64 are not tested: no qemu-aarch64 (apt-get install qemu-user)"
    fi
    ;;
esac
