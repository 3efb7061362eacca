#!/usr/bin/env bash
# The checks of tools/ accept a clean tree and name each thing that a bad one does wrong.   checks_test.sh TOOLS
set -euo pipefail
tools=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/src/{base,text,eval,data,nn,decode,train,methods/retrieve,methods/embed,odd} "$tree"/{tests,tools,docs}

fresh() { find "$tree/src" "$tree/docs" -type f -delete; echo '#include "base/error.h"' >"$tree/src/base/error.cpp"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
# accepts CHECK: the check passes.   refuses CHECK TEXT: it fails and its output holds the text.
accepts() { "$tools/$1" "$tree" >/dev/null 2>&1 || fail "$1 refuses: $2"; }
refuses() {
  local output
  if output=$("$tools/$1" "$tree" 2>&1); then fail "$1 accepts what it must refuse: $2"; fi
  grep -qF -- "$2" <<<"$output" || fail "$1 says '$output', which does not hold '$2'"
}
# broken FILE LINE TEXT: check_layers refuses the line in that file, with that text.
broken() {
  fresh
  printf '// first\n%s\n' "$2" >"$tree/src/$1"
  refuses check_layers "$3"
  fresh
}

fresh
printf '#include <torch/torch.h>\n#include "nn/attention.h"\n#include "methods/catalog.h"\n' >"$tree/src/methods/retrieve/tiger.cpp"
printf '#include <ATen/core/TensorBody.h>\n#include "base/error.h"\n' >"$tree/src/nn/attention.h"
printf '#include "methods/retrieve/tiger.h"\n' >>"$tree/src/methods/retrieve/tiger.cpp"
accepts check_layers "a tree in order"

broken base/file.cpp '#include "data/dataset.h"' 'src/base/file.cpp:2: base/ may not include data/: data/dataset.h'
broken text/words.cpp '#include "eval/metrics.h"' 'text/ may not include eval/'
broken decode/beam.h '#include "train/trainer.h"' 'decode/ may not include train/'
broken data/split.cpp '# include <torch/torch.h>' 'data/ does not see torch'
broken data/split.h '#include <c10/core/Device.h>' 'data/ does not see torch'
broken nn/attention.h '#include <torch/torch.h>' 'belongs into .cpp files'
broken nn/attention.cpp '#include "attention.h"' 'is not relative to src/'
broken methods/retrieve/a.cpp '#include "methods/embed/b.h"' 'a method includes no other method'
broken odd/file.cpp '#include "base/error.h"' 'src/odd is no layer'

accepts check_lengths "short files"
seq 801 >"$tree/src/base/long.cpp"
refuses check_lengths 'src/base/long.cpp: more than 800 lines'
seq 800 >"$tree/src/base/long.cpp"
accepts check_lengths "a file of 800 lines"

fresh
accepts check_words "clean words"
printf 'int x;  // TO%s: later\n' DO >"$tree/src/base/error.cpp"
refuses check_words 'src/base/error.cpp:1:'
fresh
printf 'see /ho%s/somebody/data\n' me >"$tree/docs/page.md"
refuses check_words 'docs/page.md:1:'
echo ok
