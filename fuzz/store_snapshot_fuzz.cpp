// Bytes as the manifest of a snapshot: read or refused, and what was read is written and read alike.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "store/snapshot_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const tessera::SnapshotManifest manifest = tessera::SnapshotManifest::parse(text, "fuzz");
    for (const auto& file : manifest.files) {
      if (file.name.find('/') != std::string::npos || file.name.starts_with('.')) std::abort();
    }
    const std::string written = manifest.to_json();
    if (tessera::SnapshotManifest::parse(written, "fuzz").to_json() != written) std::abort();
  } catch (const tessera::Error& error) {
    if (error.kind() != tessera::ErrorKind::corrupt && error.kind() != tessera::ErrorKind::unsupported) std::abort();
  }
  return 0;
}
