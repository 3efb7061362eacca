#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

inline constexpr size_t kMaxManifestBytes = 16u << 20;
inline constexpr size_t kMaxManifestFiles = 100'000;

/// What a snapshot holds: <snapshot>/manifest.json, beside the folder `data` with the files it names.
struct SnapshotManifest {
  struct File {
    std::string name;  ///< of a file directly in `data`: [A-Za-z0-9_-][A-Za-z0-9._-]{0,63}
    uint64_t size = 0;
    std::string hash;  ///< XXH3, 32 hex digits
  };
  std::string name;
  int64_t created_at = 0;  ///< seconds since 1970 UTC
  std::vector<File> files;

  uint64_t size_bytes() const;
  std::string to_json() const;
  /// @param where  names the file in messages
  /// @throws Error(corrupt) for anything but what to_json() writes: unknown or missing fields, names that are not plain
  ///   file names, a name twice, sizes or hashes out of form; Error(unsupported) for a newer version
  static SnapshotManifest parse(std::string_view text, std::string_view where);
};

/// Lists and hashes the files of a folder. @throws Error(io), Error(internal) if something in it is not a plain file
SnapshotManifest describe_snapshot(const std::filesystem::path& data, std::string_view name, int64_t created_at);

/// Reads the manifest of the snapshot in this folder and looks at everything but the content of the files.
/// @throws Error(corrupt) if the folder, `data` or a file is a link or anything else than it must be, if a file is
/// missing
///   or too many, or has another size, or if the manifest is of another snapshot
SnapshotManifest read_manifest(const std::filesystem::path& snapshot);

/// Puts a snapshot's files into an empty folder: tables as hard links where the file system has them, everything else
/// copied; then checks size and hash of each there. @throws Error(corrupt | io)
void unpack_snapshot(const std::filesystem::path& snapshot, const SnapshotManifest& manifest,
                     const std::filesystem::path& target);

}  // namespace tessera
