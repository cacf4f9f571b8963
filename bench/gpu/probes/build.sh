#!/bin/sh
# The probes' kernels as PTX and, for an H100, as machine code, whose registers the static model can look at: FOLDER/probes.ptx and
# FOLDER/probes.cubin. Without nvcc there are none, and the program that launches them says so.
# usage: build.sh FOLDER
set -eu
home=$(cd "$(dirname "$0")" && pwd)
native=$home/../../../native/cuda
mkdir -p "$1"
folder=$(cd "$1" && pwd)
target() { sed -n "s/^set($1 \(.*\))$/\1/p" "$native/CMakeLists.txt"; } # as the library's kernels

nvcc=$(command -v nvcc || true)
for candidate in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda; do
  [ -n "$nvcc" ] || [ ! -x "$candidate/bin/nvcc" ] || nvcc=$candidate/bin/nvcc
done
if [ -z "$nvcc" ]; then
  rm -f "$folder/probes.ptx" "$folder/probes.cubin"
  echo "The probes of a card are left out: no nvcc on the PATH (CUDA 13 has it)"
  exit 0
fi
new=$folder/probes.cubin
if [ -e "$new" ] && [ "$new" -nt "$home/probes.cu" ] && [ "$new" -nt "$0" ] && [ "$new" -nt "$native/CMakeLists.txt" ]; then
  exit 0
fi
"$nvcc" -ptx -arch="$(target DUET_CUDA_TARGET)" -O3 -o "$folder/probes.new" "$home/probes.cu"
cmake -DINPUT="$folder/probes.new" -DOUTPUT="$folder/probes.ptx" -DVERSION="$(target DUET_PTX_VERSION)" -DFOLDER="$home/" \
  -P "$native/portable_ptx.cmake"
cd "$folder"
cmake -DNVCC="$nvcc" -DINPUT=probes.ptx -DOUTPUT=probes.cubin -DTARGET="$(target DUET_MODEL_TARGET)" -P "$native/machine_code.cmake"
