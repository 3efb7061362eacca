#!/usr/bin/env bash
# The semantic-ID table of docs/results.md: codes from different item vectors, with their quality. Finished stages are kept.
#   DATASETS  which ones  (beauty)
# Further arguments go to every run, e.g. --set tokenize.levels=4
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/tessera
for dataset in ${DATASETS:-beauty}; do
  for vectors in text-svd text-svd-half ppmi-svd concat; do
    case $vectors in
      text-svd-half) embed=(--set 'embed.parts=["text-svd"]' --set embed.text-svd.power=0.5) ;;
      concat) embed=(--set 'embed.parts=["text-svd", "ppmi-svd"]') ;;
      *) embed=(--set "embed.parts=[\"$vectors\"]") ;;
    esac
    echo "## $dataset, $vectors"
    "$program" -q tokenize "recipes/$dataset/tiger.toml" "${embed[@]}" --name "$dataset-ids-$vectors" "$@"
  done
done
