#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tessera::rocks {

/// Error for a status that is not ok: corrupt, io, unsupported or internal. `what` names the folder or the work.
Error to_error(const rocksdb::Status& status, std::string_view what);
/// Throws it unless ok.
void check_status(const rocksdb::Status& status, std::string_view what);

/// One open RocksDB, in a folder of its own. Shared by readers and writers; a restore puts another in its place, and
/// the last user of the retired one removes its folder. Thread-safe.
class Database {
 public:
  /// Makes an empty one with the schema's version in it, and closes it again. The folder must exist and be empty.
  static void create(const std::filesystem::path& folder);
  /// @throws Error(corrupt) naming the damaged file, Error(unsupported) if a newer version wrote it, Error(io)
  static std::shared_ptr<Database> open(const std::filesystem::path& folder, uint64_t cache_bytes);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::optional<std::string> get(const std::string& key, const rocksdb::Snapshot* snapshot = nullptr);
  uint64_t property(const std::string& name);
  /// The folder goes when the object goes.
  void retire() { retired_ = true; }

 private:
  Database() = default;

  std::filesystem::path folder_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> retired_{false};
};

}  // namespace tessera::rocks
