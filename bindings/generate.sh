#!/usr/bin/env bash
# Makes the generated classes under src/main/java/duet/bindings anew. The result is committed; a build does not need jextract.
# Needs: jextract 25 (openjdk/jextract) on PATH, and libturbojpeg0-dev for turbojpeg.h.
# After a change of native/cpu/duet_cpu.h: name new functions in duet_cpu.args, raise DUET_CPU_ABI, run this.
set -euo pipefail
cd "$(dirname "$0")"
command -v jextract >/dev/null || { echo "generate.sh: jextract is not on PATH (https://jdk.java.net/jextract/)" >&2; exit 1; }
include=${TURBOJPEG_INCLUDE:-/usr/include}/turbojpeg.h
[ -f "$include" ] || { echo "generate.sh: $include is missing; apt-get install libturbojpeg0-dev" >&2; exit 1; }
sources=src/main/java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# generate HEADER PACKAGE CLASS ARGS LIBRARY: libraries are found by the one hand-written class, see NativeLibraries.
generate() {
  jextract --target-package "$2" --header-class-name "$3" --output "$work" "@$4" "$1" 2>&1 | grep -v 'warning: Skipping' >&2 || true
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
