#!/usr/bin/env bash
# Builds the targets of fuzz/ with clang and runs each for FUZZ_SECONDS (60), from the inputs of fuzz/corpus/<target> and those
# that earlier runs found (build/fuzz/found). Fails when any of them crashed; the input is then in build/fuzz/crashes.
#   fuzz.sh [TARGET...]      e.g. fuzz.sh npy import
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
jobs=${JOBS:-$(nproc)}
build=build/fuzz

[ -f "$build/build.ninja" ] || cmake --preset fuzz
targets=("$@")
if [ "${#targets[@]}" = 0 ]; then
  for source in fuzz/*_fuzz.cpp; do targets+=("$(basename "$source" _fuzz.cpp)"); done
fi
cmake --build "$build" --parallel "$jobs" --target "${targets[@]/%/_fuzz}"

# Targets that read files write them where that is fastest.
[ -d /dev/shm ] && export TMPDIR=/dev/shm
export ASAN_OPTIONS=detect_odr_violation=0 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tools/lsan.supp:print_suppressions=0
failed=()
for target in "${targets[@]}"; do
  found=$build/found/$target log=$build/found/$target.log
  mkdir -p "$found" "$build/crashes"
  if "$build/fuzz/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$build/crashes/$target-" "$found" "fuzz/corpus/$target" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: $runs inputs in $seconds s, $(find "$found" -type f | wc -l) kept, no crash"
  else
    failed+=("$target")
    echo "fuzz: $target FAILED; the end of $log:"
    tail -n 40 "$log"
  fi
done
[ "${#failed[@]}" = 0 ] || { echo "fuzz: failed: ${failed[*]}"; exit 1; }
