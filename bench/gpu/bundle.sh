#!/usr/bin/env bash
# Makes bench/target/gpu/duet-gpu.tar.xz: all that run.sh needs on a Linux x86-64 machine with nothing but NVIDIA's driver.
# usage: bench/gpu/bundle.sh          builds first; DUET_NO_BUILD=1 takes what was built last
set -euo pipefail

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
work=$home/bench/target/gpu
folder=$work/duet-gpu
archive=$work/duet-gpu.tar.xz
limit=$((64 * 1024 * 1024))

say() { printf 'bundle: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

find_jdk() {
  local candidate version
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/* "${HOME:-}"/.jdks/*; do
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$candidate/release" 2>/dev/null || true)
    if [ "${version:-0}" -ge 25 ] && [ -x "$candidate/bin/jlink" ]; then printf '%s\n' "$candidate"; return; fi
  done
  return 1
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "the image is for Linux x86-64, so it must be made there"
jdk=$(find_jdk) || fail "no JDK 25 with jlink in JAVA_HOME, /usr/lib/jvm, ~/.sdkman or ~/.jdks"

if [ -z "${DUET_NO_BUILD:-}" ]; then
  say "building"
  # The stamp of ./duet, cli/target/lib, is made anew; tests are compiled and not run.
  (cd "$home" && rm -rf cli/target/lib && mvn -B -q -Pgpu -DskipTests package)
fi
for part in "$home"/cli/target/lib/duet-cli-*.jar "$home"/engine/target/test-classes/duet "$home"/bench/target/test-classes/duet \
    "$work"/junit-console.jar "$home"/bench/target/benchmarks.jar; do
  [ -e "$part" ] || fail "$part is missing: run without DUET_NO_BUILD"
done
[ -s "$home/native/build/ptx/modules.txt" ] || fail "this build has no CUDA kernels: put nvcc (CUDA 13) on the PATH"

rm -rf "$folder" "$archive"
mkdir -p "$folder/lib" "$folder/test"
cp "$home"/cli/target/lib/*.jar "$folder/lib"
cp "$home"/bench/target/benchmarks.jar "$folder/lib"
cp "$work"/junit-console.jar "$folder/test"
# ArchitectureTest looks at class files with a library that is not here, and has nothing to do with a card.
(cd "$home/engine/target/test-classes" && find . -name 'ArchitectureTest*' -prune -o -type f -print0 \
  | xargs -0 "$jdk/bin/jar" --create --file "$folder/test/engine-tests.jar")
"$jdk/bin/jar" --create --file "$folder/test/bench-tests.jar" -C "$home/bench/target/test-classes" .
cp "$home"/bench/gpu/{run.sh,pytorch.sh,pytorch.py,README.md} "$folder"
cp -r "$home"/bench/gpu/answers "$folder"

# Not compressed in itself: xz does better on it. jdk.zipfs finds tests in jars; jdk.httpserver is for tests that are found but not run.
"$jdk/bin/jlink" --add-modules java.base,java.desktop,java.net.http,java.logging,java.management,jdk.management,jdk.unsupported,jdk.httpserver,jdk.zipfs,jdk.jfr \
  --compress zip-0 --strip-debug --no-header-files --no-man-pages --output "$folder/runtime" 2> "$work/jlink.log" \
  || { cat "$work/jlink.log" >&2; fail "jlink failed"; }

tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - duet-gpu | xz -T2 -6 > "$archive"
size=$(stat -c %s "$archive")
[ "$size" -lt "$limit" ] || fail "$archive has $size bytes; the limit is $limit"
say "$archive: $((size / 1024 / 1024)) MiB ($size bytes)"
