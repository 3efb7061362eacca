#!/usr/bin/env bash
# Installs the Debian 12 packages that Tessera is built from. Idempotent: when everything is there, it touches no network
# and changes nothing. Runs as root, or through sudo.   setup.sh [MORE PACKAGES...]
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache mold pkg-config git
  libtorch-dev libopenblas0-openmp libopenblas-openmp-dev
  libroaring-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
  zlib1g-dev libzstd-dev libicu-dev libxxhash-dev libsimdjson-dev libgoogle-perftools-dev
  libxapian-dev librocksdb-dev libhiredis-dev redis-server libboost-dev prometheus-cpp-dev libssl-dev
  libgtest-dev libbenchmark-dev clang-format-14
  "$@"
)

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this system has no dpkg. Install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "setup: '$*' needs root and there is no sudo; run it as root, then call again" >&2
    exit 1
  fi
}

# Prints the packages among the arguments that are not installed, one a line.
missing_packages() {
  {
    # It fails when it has never heard of one of them; under pipefail nothing would be missing then.
    { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^installed //p'
    printf '%s\n' "$@" | sed 's/$/ wanted/'
  } | awk '$2 == "" { installed[$1] = 1; next } !($1 in installed) { print $1 }'
}

mapfile -t missing < <(missing_packages "${packages[@]}")
if [ "${#missing[@]}" -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
fi

# The pthread build of OpenBLAS under libgomp makes two pools of threads fight for the cores: the OpenMP build must be the
# one that libblas, liblapack and libopenblas resolve to.
triple=$(g++ -print-multiarch)
folder=/usr/lib/$triple/openblas-openmp
for library in libblas.so.3 liblapack.so.3 libopenblas.so.0; do
  [ -e "$folder/$library" ] || continue
  active=$(update-alternatives --query "$library-$triple" 2>/dev/null | sed -n 's/^Value: //p')
  if [ "$active" != "$folder/$library" ]; then
    echo "setup: $library now resolves to its OpenMP build (was: ${active:-nothing})"
    as_root update-alternatives --set "$library-$triple" "$folder/$library" >/dev/null
  fi
done
