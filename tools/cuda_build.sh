#!/usr/bin/env bash
# Builds the core and its tests against the PyTorch that python3 sees, with CUDA if that has it, into build/cuda.
#   PYTHON                python that imports torch                     (python3)
#   TESSERA_HEADERS       folder of header-only libraries               (.deps/headers, from tools/pack_headers.sh)
#   TESSERA_GTEST_SOURCE  folder of googletest's sources                (.deps/googletest)
#   JOBS                  compilers at once                             (one a core)
# Further arguments go to cmake, e.g. -DTESSERA_UNITY=OFF. Then: ctest --test-dir build/cuda -L gpu
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
headers=${TESSERA_HEADERS:-$PWD/.deps/headers}
googletest=${TESSERA_GTEST_SOURCE:-$PWD/.deps/googletest}

prefix=$("$python" -c 'import torch; print(torch.utils.cmake_prefix_path)') || {
  echo "cuda_build: $python cannot import torch; set PYTHON to one that can" >&2
  exit 1
}
abi=$("$python" -c 'import torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI))')
"$python" -c 'import torch; print("torch", torch.__version__, "cuda", torch.version.cuda, "device",
  torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none")'

if [ ! -e "$headers/nlohmann/json.hpp" ] || [ ! -e "$googletest/CMakeLists.txt" ]; then
  echo "cuda_build: no headers at $headers or no googletest at $googletest; on a machine with the Debian packages, call" \
    "tools/pack_headers.sh and bring .deps/ here" >&2
  exit 1
fi

generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
cmake -S . -B build/cuda "${generator[@]}" "${launcher[@]}" -DCMAKE_BUILD_TYPE=Release -DTESSERA_SERVE=OFF \
  -DCMAKE_PREFIX_PATH="$prefix" -DTESSERA_TORCH_CXX11_ABI="$abi" \
  -DTESSERA_HEADERS="$headers" -DTESSERA_GTEST_SOURCE="$googletest" "$@"
cmake --build build/cuda --parallel "${JOBS:-$(nproc)}"
