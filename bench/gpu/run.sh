#!/usr/bin/env bash
# What a card can and how fast it is, in stages: each in its own process with its own time limit, least risky first, so that a hang costs
# its stage alone. Lies in the archive that bundle.sh makes.
# usage: ./run.sh [DEVICES] [OUT]     DEVICES: cuda:0 (default), cuda:0,cuda:1 or, to try this script, virtual:0
# Environment: DUET_STAGES (a regular expression of stages' names, see README.md; default all), DUET_SECONDS (of all stages; 480), DUET_LIMIT (of each),
# DUET_BATCHES ("128 1024"), DUET_STEPS (100), DUET_ROUNDS (1), DUET_VARIANTS (a regular expression of PyTorch's variants), DUET_FULL=1
# (all tests, all batches, two devices; 45 minutes). Writes OUT/result.json and OUT/summary.txt, whatever happens.
set -uo pipefail

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
devices=${1:-cuda:0}
out=${2:-results-$(date +%Y%m%d-%H%M%S)}
first=${devices%%,*}
case $devices in *,*) two=$devices ;; *) two=$devices,$devices ;; esac
full=${DUET_FULL:-}
network=alexnet
read -r -a batches <<< "${DUET_BATCHES:-128 1024}"
patience=1
case $devices in
  virtual*) # small, and slow
    network=alexnet-small
    batches=(2)
    patience=4 ;;
esac
[ -z "$full" ] || patience=$((patience * 4))
seconds=${DUET_SECONDS:-$((480 * patience))}
[ -z "$full" ] || seconds=${DUET_SECONDS:-2700}
java=("$home/runtime/bin/java" --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true)
library="$home/lib/*"
failed=

say() { printf 'run: %s\n' "$*" >&2; }

[ -x "$home/runtime/bin/java" ] || { say "$home/runtime is missing: unpack the archive that bench/gpu/bundle.sh makes and start run.sh there"; exit 1; }
# What an earlier run has left there would be counted again.
[ ! -e "$out/machine.txt" ] || rm -rf "$out"/stages "$out"/tests "$out"/*.jsonl "$out"/clocks.csv "$out"/conformance.txt "$out"/differences.txt
mkdir -p "$out/stages" "$out/tests" || exit 1
out=$(cd "$out" && pwd)
# Tests look for files of the source tree beside their module; here they find none and say so.
cd "$home/test" || exit 1

{ echo "command: run.sh $devices"
  echo "date: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "devices: $devices"
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit,memory.total --format=csv,noheader 2>/dev/null \
    | sed 's/^/card: /' || echo "card: nvidia-smi does not run here"
} > "$out/machine.txt"

sampler=
pid=
case $devices in
  cuda*)
    nvidia-smi -i "${first#*:}" --query-gpu=clocks.sm,clocks.mem,power.draw,utilization.gpu --format=csv,noheader,nounits -lms 500 \
      > "$out/clocks.csv" 2> /dev/null &
    sampler=$! ;;
esac
report() {
  [ -z "$sampler" ] || kill "$sampler" 2> /dev/null
  [ -z "$pid" ] || kill "$pid" 2> /dev/null
  "${java[@]}" -cp "$library" duet.bench.Report "$out" || failed=1
}
trap 'report; [ -z "$failed" ] || say "something failed; see above and $out"; exit ${failed:-0}' EXIT
trap 'failed=1; exit' INT TERM

text() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }

# A line of stages.jsonl. rc is null for a stage that did not run.
record() { # stage rc seconds found
  printf '{"stage":"%s","rc":%s,"seconds":%s,"found":"%s"}\n' "$1" "$2" "$3" "$(text "$4")" >> "$out/stages.jsonl"
  say "$1: rc $2 after $3 s: $4"
}

# Leaves stages/NAME.out and stages/NAME.err; `found NAME` tells what it was about. rc 3 says that there was nothing to do, 124 that time was up.
stage() { # name limit found command...
  local name=$1 limit=$((${DUET_LIMIT:-$2} * patience)) found=$3 left begin rc
  shift 3
  [[ $name =~ ${DUET_STAGES:-.} ]] || return 0
  left=$((seconds - SECONDS))
  if [ "$left" -lt 5 ]; then
    record "$name" null 0 "no time was left"
    failed=1
    return 0
  fi
  [ "$left" -gt "$limit" ] || limit=$left
  begin=$SECONDS
  timeout -k 5 "$limit" "$@" > "$out/stages/$name.out" 2> "$out/stages/$name.err" < /dev/null &
  pid=$!
  # A process that waits in the driver may not end even when it is killed: it is left behind.
  while kill -0 "$pid" 2> /dev/null && [ $((SECONDS - begin)) -lt $((limit + 15)) ]; do sleep 0.2; done
  if kill -0 "$pid" 2> /dev/null; then
    rc=137
  else
    wait "$pid"
    rc=$?
    pid=
  fi
  case $rc in 0 | 3) ;; *) failed=1 ;; esac
  record "$name" "$rc" $((SECONDS - begin)) "$("$found" "$name" "$rc")"
}

error() { grep -v '^[[:space:]]\|^WARNING:\|^$' "$out/stages/$1.err" | tail -n 1 | cut -c 1-300; }
last() { if [ "$2" = 0 ]; then tail -n 1 "$out/stages/$1.out" | cut -c 1-300; else error "$1"; fi; }

probes() {
  cat "$out/stages/$1.out" >> "$out/probes.jsonl"
  echo "$(grep -c '"correct":true' "$out/stages/$1.out") probes right, $(grep -c '"correct":false' "$out/stages/$1.out") wrong $(error "$1")"
}

tests() {
  local words
  words=$(sed -n 's/^\[ *\([0-9]*\) tests \(successful\|failed\|skipped\|aborted\) *\]$/\1 \2/p' "$out/stages/$1.out" | paste -sd, | sed 's/,/, /g')
  echo "${words:-$(grep -c '\[OK\]' "$out/stages/$1.out") well, $(grep -c '\[X\]' "$out/stages/$1.out") not, no end} $(error "$1")"
}

field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$2" | tail -n 1; }
step() {
  local output=$out/stages/$1.out milliseconds
  if [ "$2" != 0 ]; then error "$1"; return; fi
  cat "$output" >> "$out/times.jsonl"
  milliseconds=$(field milliseconds "$output")
  echo "batch $(field batch "$output") in $(field precision "$output"): ${milliseconds:+$(printf %.3f "$milliseconds") ms, }loss $(field lastLoss "$output")"
}

torch() {
  cat "$out/stages/$1.out" >> "$out/times.jsonl"
  echo "$(grep -c milliseconds "$out/stages/$1.out") times, $(grep -c '"error"' "$out/stages/$1.out") errors $(error "$1")"
}

profile() {
  [ "$2" = 0 ] || { error "$1"; return; }
  cat "$out/stages/$1.out" >> "$out/profile.jsonl"
  sed -n 's/.*"kernel":"\([^"]*\)".*/\1/p' "$out/stages/$1.out" | paste -sd, | sed 's/,/, /g'
}

# A class that breaks a context on purpose has a process of its own, so that it cannot hurt the others.
junit() { # stage limit arguments...
  local name=$1 limit=$2
  shift 2
  stage "$name" "$limit" tests "${java[@]}" -Xmx8g -Dduet.test.devices="$devices" -Dduet.answers="$home/answers" \
    -cp "$library:engine-tests.jar:bench-tests.jar:junit-console.jar" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
    --disable-ansi-colors --details=tree --details-theme=ascii --fail-if-no-tests --include-tag sim --reports-dir "$out/tests/$name" "$@"
}

# On the virtual GPU some of them: each takes as long as a step there.
kernels() { # stage limit class
  case $devices in
    virtual*) junit "$1" "$2" --select-method "duet.reference.$3#fullyConnected" --select-method "duet.reference.$3#shapesOfAlexnetSmall" ;;
    *) junit "$1" "$2" --select-class "duet.reference.$3" ;;
  esac
}

duet() { # stage limit batch devices precision
  stage "$1" "$2" step "${java[@]}" -Xmx16g -cp "$library" duet.bench.Throughput "$network" "$3" "$4" "${DUET_STEPS:-100}" "$5"
}

pytorch() { # stage limit batch
  stage "$1" "$2" torch env CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-${first#*:}}" "$home/pytorch.sh" --batch "$3" \
    --steps "${DUET_STEPS:-100}" --variants "${DUET_VARIANTS:-.}"
}

stage probes 40 probes "${java[@]}" -cp "$library" duet.bench.probe.Probes "$first"
kernels tests-fp32 60 VirtualOperationTest
for ((round = 1; round <= ${DUET_ROUNDS:-1}; round++)); do
  suffix=
  [ "$round" = 1 ] || suffix=-round$round
  duet "step-fp32-${batches[0]}$suffix" 20 "${batches[0]}" "$first" fp32
  for precision in bf16x3 bf16x6 bf16; do
    case $precision in bf16) class=VirtualBfloat16Test ;; *) class=VirtualBfloat${precision#bf}Test ;; esac
    [ "$round" != 1 ] || kernels "tests-$precision" 45 "$class"
    for batch in "${batches[@]}"; do
      duet "step-$precision-$batch$suffix" 18 "$batch" "$first" "$precision"
    done
  done
  limit=95
  for batch in "${batches[@]}"; do
    pytorch "pytorch-$batch$suffix" "$limit" "$batch"
    limit=35
  done
  if [ -n "$full" ]; then
    for batch in "${batches[@]}"; do
      [ "$batch" = "${batches[0]}" ] || duet "step-fp32-$batch$suffix" 20 "$batch" "$first" fp32
      for precision in fp32 bf16x3 bf16x6 bf16; do
        duet "two-$precision-$batch$suffix" 20 "$batch" "$two" "$precision"
      done
    done
  fi
done
for precision in fp32 bf16; do
  stage "profile-$precision" 25 profile "${java[@]}" -Xmx8g -cp "$library" duet.bench.Profile "$network" "${batches[0]}" "$first" "$precision" 5
done
stage conformance 40 last "${java[@]}" -cp "$library" duet.bench.conformance.Conformance record "$first" "$out/conformance.txt"
if [ -s "$out/conformance.txt" ]; then
  # Differences from the virtual GPU are what this run is for, not a failure of it.
  "${java[@]}" -cp "$library" duet.bench.conformance.Conformance differ "$home/answers/virtual.txt" "$out/conformance.txt" > "$out/differences.txt" || true
fi
if [ -n "$full" ]; then
  # KernelBudgetTest asks a compiler, not a card, and reads a file of the source tree.
  junit all-tests 220 --scan-classpath engine-tests.jar:bench-tests.jar \
    --exclude-classname 'duet\.device\.cuda\.CudaFailureTest|duet\.kernels\.KernelBudgetTest'
  junit breaking-tests 30 --select-class duet.device.cuda.CudaFailureTest
fi
