#!/usr/bin/env bash
# Makes the generated classes under src/main/java/duet/bindings anew. The result is committed; a build does not need jextract.
# Needs: jextract 25 (openjdk/jextract) on PATH, libturbojpeg0-dev for turbojpeg.h, and cuda.h of CUDA 13 (CUDA_INCLUDE names its folder).
# After a change of native/cpu/duet_cpu.h: name new functions in duet_cpu.args, raise DUET_CPU_ABI, run this. Likewise for the virtual
# GPU's native/vgpu/duet_vgpu.h. After a change of native/cuda/duet_cuda.h (the kernels' arguments): run this.
set -euo pipefail
cd "$(dirname "$0")"
command -v jextract >/dev/null || { echo "generate.sh: jextract is not on PATH (https://jdk.java.net/jextract/)" >&2; exit 1; }
include=${TURBOJPEG_INCLUDE:-/usr/include}/turbojpeg.h
[ -f "$include" ] || { echo "generate.sh: $include is missing; apt-get install libturbojpeg0-dev" >&2; exit 1; }
cuda=${CUDA_INCLUDE:-/usr/local/cuda/include}
[ -f "$cuda/cuda.h" ] || { echo "generate.sh: $cuda/cuda.h is missing; set CUDA_INCLUDE to the folder of CUDA's headers" >&2; exit 1; }
sources=src/main/java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# generate HEADER PACKAGE CLASS ARGS LIBRARY [OPTION...]: libraries are found by the one hand-written class, see NativeLibraries.
generate() {
  jextract --target-package "$2" --header-class-name "$3" --output "$work" "@$4" "${@:6}" "$1" 2>&1 | grep -v 'warning: Skipping' >&2 || true
  local folder=$work/${2//.//}
  [ -f "$folder/$3.java" ] || { echo "generate.sh: jextract made no $3.java" >&2; exit 1; }
  sed -i "s|SymbolLookup\.loaderLookup()|duet.bindings.NativeLibraries.lookup(\"$5\")|" "$folder"/*.java
  grep -q "NativeLibraries.lookup(\"$5\")" "$folder"/*.java || { echo "generate.sh: no library look-up found in $3" >&2; exit 1; }
  rm -rf "$sources/${2//.//}"
  mkdir -p "$sources/${2//.//}"
  cp "$folder"/*.java "$sources/${2//.//}/"
}

generate ../native/cpu/duet_cpu.h duet.bindings.cpu DuetCpu duet_cpu.args duet_cpu
printf '#include <stdio.h>\n#include <turbojpeg.h>\n' > "$work/turbojpeg_all.h"
generate "$work/turbojpeg_all.h" duet.bindings.turbojpeg TurboJpeg turbojpeg.args turbojpeg
printf '#include <stdint.h>\n#include <cuda.h>\n' > "$work/cuda_all.h"  # without stdint.h pointer constants are dropped
generate "$work/cuda_all.h" duet.bindings.cuda Cuda cuda.args cuda_functions -I "$cuda"
generate ../native/vgpu/duet_vgpu.h duet.bindings.vgpu DuetVgpu duet_vgpu.args duet_vgpu
generate ../native/mpi/duet_mpi.h duet.bindings.mpi DuetMpi duet_mpi.args duet_mpi
generate ../native/nccl/duet_nccl.h duet.bindings.nccl DuetNccl duet_nccl.args nccl
# Structures alone, which need no library.
sed -nE 's/^\} (duet_[a-z_]+);$/--include-struct \1\n--include-typedef \1/p' ../native/cuda/duet_cuda.h > "$work/kernels.args"
generate ../native/cuda/duet_cuda.h duet.bindings.cuda.kernels DuetCuda "$work/kernels.args" duet_cuda
