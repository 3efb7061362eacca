#!/usr/bin/env bash
# Collects what the core (-DTESSERA_SERVE=OFF) needs beside torch, from this machine's packages, into one folder that can
# be taken to a machine without them: header-only libraries and the sources of googletest.
#   pack_headers.sh [FOLDER]     .deps by default
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-.deps}
rm -rf "$target.partial"
mkdir -p "$target.partial/headers" "$target.partial/googletest"
for library in nlohmann toml++ CLI fmt spdlog xxhash.h xxh3.h; do
  if [ ! -e "/usr/include/$library" ]; then
    echo "pack_headers: /usr/include/$library is missing; call tools/setup.sh" >&2
    exit 1
  fi
  cp -rL "/usr/include/$library" "$target.partial/headers/"
done
cp -rL /usr/src/googletest/CMakeLists.txt /usr/src/googletest/googletest "$target.partial/googletest/"
rm -rf "$target.partial/googletest/googletest/"{test,samples,docs}
rm -rf "$target"
mv "$target.partial" "$target"
du -sh "$target"
