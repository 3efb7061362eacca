#!/usr/bin/env bash
# TIGER (or EAGER) here and in plain PyTorch, in turns in one run, at one shape; prints each figure and leaves the ratios to the reader's
# eye: both programs print milliseconds. Needs Debian's python3-torch and the port ../shared/peers/tiger_pytorch.py.
#   ROUNDS  how often each side runs (2)
#   MODEL   tiger or eager (tiger)
set -euo pipefail
cd "$(dirname "$0")/.."
model=${MODEL:-tiger}
peer=${PEER:-../shared/peers/tiger_pytorch.py}
bench=build/release/bench/methods_${model}_bench
[ -x "$bench" ] || { echo "peer_ratio: $bench is missing; call make bench first" >&2; exit 1; }
/usr/bin/python3 -c 'import torch' || { echo "peer_ratio: install python3-torch" >&2; exit 1; }
export MALLOC_TOP_PAD_=268435456 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592
for round in $(seq "${ROUNDS:-2}"); do
  echo "== round $round: PyTorch"
  /usr/bin/python3 "$peer" --what train,decode --threads "$(nproc)" --model $model --drop 0.1 --dt bf16 --steps 4
  echo "== round $round: Tessera"
  env -u MALLOC_TOP_PAD_ -u MALLOC_MMAP_MAX_ -u MALLOC_TRIM_THRESHOLD_ "$bench" ${BENCH_ARGS:-} 2>/dev/null
done
