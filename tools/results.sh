#!/usr/bin/env bash
# Runs the recipes behind docs/results.md, one command a row, then prints the tables. Finished runs are kept.
#   DATASETS  which ones                           (beauty sports)
#   METHODS   which recipes                        (popular item-cf sasrec tiger eager)
#   SEEDS     run each recipe once for every seed  (the recipe's own)
# Further arguments go to every run, e.g. --set retrieve.max_minutes=10
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/tessera
for dataset in ${DATASETS:-beauty sports}; do
  names=()
  for method in ${METHODS:-popular item-cf sasrec tiger eager}; do
    for seed in ${SEEDS:-own}; do
      name=$dataset-$method
      command=("$program" run "recipes/$dataset/$method.toml")
      if [ "$seed" != own ]; then
        name=$name-$seed
        command+=(--set "seed=$seed")
      fi
      command+=(--set "name=$name" "$@")
      echo "+ ${command[*]}" >&2
      "${command[@]}" >/dev/null
      names+=("$name")
    done
  done
  echo "## $dataset"
  "$program" compare "${names[@]}"
done
