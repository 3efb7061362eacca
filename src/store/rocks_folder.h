#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_descriptor.h"

namespace tessera::rocks {

/// The folder of a RocksDB store:
///
///   lock               held by the process that has it open; its id
///   current            the name of the state in use, e.g. "state-000001"
///   state-000001/      a RocksDB database
///   snapshots/NAME/    manifest.json, data/
///
/// A restore makes the next state beside the present one and then replaces `current`, which is one rename: a crash
/// leaves one or the other in use. What an interrupted process left is removed by the next open.
class RocksFolder {
 public:
  /// Makes the folder if there is none, takes its lock and finds the state in use.
  /// @throws Error(io) if another process or object has it open, Error(config) if it holds something else,
  /// Error(corrupt)
  explicit RocksFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path state() const { return path_ / state_; }
  /// Where a restore puts its state: beside state(), next number.
  std::filesystem::path next_state() const;
  /// Puts it in use. @throws Error(io) with the old one still in use
  void use(const std::filesystem::path& state);
  std::filesystem::path snapshots() const { return path_ / "snapshots"; }
  std::filesystem::path snapshot(std::string_view name) const { return snapshots() / std::string(name); }

 private:
  void lock();
  void find_state();
  void remove_leftovers();

  std::filesystem::path path_;
  FileDescriptor lock_;
  std::string state_;
};

}  // namespace tessera::rocks
