#!/usr/bin/env bash
# The first run on a card: tests, conformance, times beside PyTorch's. Lies in the archive that bundle.sh makes.
# usage: ./run.sh [DEVICES] [OUT]     DEVICES: cuda:0 (default), cuda:0,cuda:1 or, to try this script, virtual:0
# Environment: DUET_PARTS (default "tests conformance times"), DUET_BATCHES ("128 1024"), DUET_STEPS (100), DUET_ROUNDS (2),
# DUET_VARIANTS (a regular expression of PyTorch's variants). Writes OUT/result.json and OUT/summary.txt.
set -euo pipefail

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
devices=${1:-cuda:0}
out=${2:-results-$(date +%Y%m%d-%H%M%S)}
parts=" ${DUET_PARTS:-tests conformance times} "
first=${devices%%,*}
case $devices in *,*) two=$devices ;; *) two=$devices,$devices ;; esac
java=("$home/runtime/bin/java" --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true)
library="$home/lib/*"
failed=

say() { printf 'run: %s\n' "$*" >&2; }
wanted() { case $parts in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

[ -x "$home/runtime/bin/java" ] || { say "$home/runtime is missing: unpack the archive that bench/gpu/bundle.sh makes and start run.sh there"; exit 1; }
mkdir -p "$out"
out=$(cd "$out" && pwd)
# Tests look for files of the source tree beside their module; here they find none and say so.
cd "$home/test"

{ echo "command: run.sh $devices"
  echo "date: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "devices: $devices"
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit,memory.total --format=csv,noheader 2>/dev/null \
    | sed 's/^/card: /' || echo "card: nvidia-smi does not run here"
} > "$out/machine.txt"

# A class that breaks a context on purpose has a process of its own, so that it cannot hurt the others.
run_tests() {
  local breaking=duet.device.cuda.CudaFailureTest report=$1
  shift
  "${java[@]}" -Xmx8g -Dduet.test.devices="$devices" -Dduet.answers="$home/answers" -cp "$library:engine-tests.jar:bench-tests.jar:junit-console.jar" \
    org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=summary --fail-if-no-tests --include-tag sim --reports-dir "$out/tests/$report" \
    "$@" > "$out/tests/$report.log" 2>&1 || { failed=1; say "tests failed: $out/tests/$report.log"; }
}

if wanted tests; then
  say "tests on $devices"
  mkdir -p "$out/tests"
  # KernelBudgetTest asks a compiler, not a card, and reads a file of the source tree.
  run_tests all --scan-classpath engine-tests.jar:bench-tests.jar --exclude-classname 'duet\.device\.cuda\.CudaFailureTest|duet\.kernels\.KernelBudgetTest'
  run_tests breaking --select-class duet.device.cuda.CudaFailureTest
fi

if wanted conformance; then
  say "conformance of $first"
  "${java[@]}" -cp "$library" duet.bench.conformance.Conformance record "$first" "$out/conformance.txt" >&2 \
    || { failed=1; say "the conformance program failed"; }
  # Differences from the virtual GPU are what this run is for, not a failure of it.
  "${java[@]}" -cp "$library" duet.bench.conformance.Conformance compare "$first" "$home/answers/virtual.txt" > "$out/differences.txt" || true
fi

ours() {
  say "Duet, batch $1 on $2"
  "${java[@]}" -Xmx16g -cp "$library" duet.bench.Throughput alexnet "$1" "$2" "${DUET_STEPS:-100}" >> "$out/times.jsonl" \
    || { failed=1; say "no time of Duet with batch $1 on $2"; }
}

if wanted times; then
  case $devices in
    virtual*) say "no times are measured: the virtual GPU interprets kernels on the CPU, so its times say nothing about a card" ;;
    *)
      for ((round = 1; round <= ${DUET_ROUNDS:-2}; round++)); do
        for batch in ${DUET_BATCHES:-128 1024}; do
          ours "$batch" "$first"
          if command -v python3 > /dev/null; then
            say "PyTorch, batch $batch"
            CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES:-${first#*:}} python3 "$home/pytorch.py" --batch "$batch" \
              --steps "${DUET_STEPS:-100}" --variants "${DUET_VARIANTS:-.}" >> "$out/times.jsonl" 2> "$out/pytorch.log" \
              || say "no PyTorch: $(tail -n 1 "$out/pytorch.log")"
          else
            say "no PyTorch: there is no python3"
          fi
          ours "$batch" "$two"
        done
      done ;;
  esac
fi

"${java[@]}" -cp "$library" duet.bench.Report "$out"
[ -z "$failed" ] || { say "something failed; see above and $out"; exit 1; }
