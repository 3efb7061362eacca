#include "store/rocks_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <charconv>

#include "store/rocks_keys.h"
#include "store/rocks_log_check.h"

namespace tessera::rocks {
namespace {

namespace fs = std::filesystem;

rocksdb::Options database_options(uint64_t cache_bytes, bool create) {
  rocksdb::Options options;
  options.create_if_missing = create;
  options.error_if_exists = create;
  options.paranoid_checks = true;
  // A crash may cut the last record of the log short: nobody was told that it is there, so it is dropped. Damage
  // anywhere else refuses to open. Point-in-time recovery would open such a log too, and silently drop acknowledged
  // writes behind the damage.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.recycle_log_file_num = 0;
  options.write_buffer_size = 32 << 20;
  options.max_write_buffer_number = 3;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 4 << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  options.compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  if (cache_bytes > 0) table.block_cache = rocksdb::NewLRUCache(cache_bytes);
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// The files of a folder that end so, for a message.
std::string files_ending(const fs::path& folder, std::string_view ending) {
  std::string found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(ending)) found += (found.empty() ? "" : ", ") + name;
  }
  return found;
}

/// The status as text. RocksDB looks for a missing table under its older name last, and names that.
std::string text_of(const rocksdb::Status& status) {
  std::string text = status.ToString();
  for (size_t at = text.find(".ldb"); at != std::string::npos; at = text.find(".ldb", at)) text.replace(at, 4, ".sst");
  return text;
}

/// What open() reports: everything that is wrong with the files themselves is corruption, a missing file too.
Error open_error(const rocksdb::Status& status, const fs::path& folder) {
  const std::string text = text_of(status);
  const bool missing = status.IsPathNotFound() || status.IsNotFound() ||
                       text.find("No such file") != std::string::npos || status.IsInvalidArgument();
  if (!status.IsCorruption() && !missing) return to_error(status, folder.string());
  std::string where;
  if (text.find(folder.string()) == std::string::npos && text.find(".sst") == std::string::npos &&
      text.find("MANIFEST") == std::string::npos && text.find("CURRENT") == std::string::npos) {
    where = fmt::format(" (in the write-ahead log, one of: {})", files_ending(folder, ".log"));
  }
  return Error(ErrorKind::corrupt,
               fmt::format("{}: damaged, cannot be opened: {}{}. Restore a snapshot, or the folder from a backup",
                           folder.string(), text, where));
}

void check_schema(const std::optional<std::string>& found, const fs::path& folder) {
  TESSERA_CHECK(found.has_value(), corrupt, "{}: holds no schema version: it is not a store of ours, or is damaged",
                folder.string());
  int version = 0;
  const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), version);
  TESSERA_CHECK(error == std::errc() && end == found->data() + found->size() && version >= 1, corrupt,
                "{}: its schema version is \"{}\", wanted a number", folder.string(), *found);
  TESSERA_CHECK(version <= kSchemaVersion, unsupported,
                "{}: has schema version {}, this program reads up to {}: use the newer program", folder.string(),
                version, kSchemaVersion);
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view what) {
  ErrorKind kind = ErrorKind::internal;
  if (status.IsCorruption()) kind = ErrorKind::corrupt;
  if (status.IsIOError() || status.IsBusy() || status.IsTimedOut() || status.IsIncomplete()) kind = ErrorKind::io;
  if (status.IsNotSupported()) kind = ErrorKind::unsupported;
  return Error(kind, fmt::format("{}: {}", what, text_of(status)));
}

void check_status(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) throw to_error(status, what);
}

void Database::create(const fs::path& folder) {
  rocksdb::DB* opened = nullptr;
  check_status(rocksdb::DB::Open(database_options(1 << 20, true), folder.string(), &opened), folder.string());
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions durable;
  durable.sync = true;
  check_status(db->Put(durable, std::string(kSchemaKey), std::to_string(kSchemaVersion)), folder.string());
  check_status(db->Close(), folder.string());
}

std::shared_ptr<Database> Database::open(const fs::path& folder, uint64_t cache_bytes) {
  std::shared_ptr<Database> database(new Database);
  database->folder_ = folder;
  check_logs(folder);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(database_options(cache_bytes, false), folder.string(), &opened);
  if (!status.ok()) throw open_error(status, folder);
  database->db_.reset(opened);
  check_schema(database->get(std::string(kSchemaKey)), folder);
  return database;
}

Database::~Database() {
  if (db_) (void)db_->Close();
  db_.reset();
  if (!retired_) return;
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::optional<std::string> Database::get(const std::string& key, const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db_->Get(options, key, &value);
  if (status.IsNotFound()) return std::nullopt;
  check_status(status, folder_.string());
  return value;
}

uint64_t Database::property(const std::string& name) {
  uint64_t value = 0;
  return db_->GetIntProperty(name, &value) ? value : 0;
}

}  // namespace tessera::rocks
