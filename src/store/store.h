#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/write_batch.h"

namespace tessera {

struct StoreEntry {
  std::string key, value;
};

struct ListEntry {
  uint64_t sequence = 0;
  std::string value;
};

/// What a list holds: sequences first ... next - 1. An unknown list is {1, 1}.
struct ListExtent {
  uint64_t first = 1, next = 1;
  uint64_t size() const { return next - first; }
};

/// What became of one operation of a batch.
struct OperationResult {
  uint64_t sequence = 0;   ///< of an append, from 1; 0 for all others
  bool duplicate = false;  ///< it stood behind an id that was seen before: nothing was done
};

/// One result an operation, in the order of the batch.
struct CommitResult {
  std::vector<OperationResult> operations;
};

struct SnapshotInfo {
  std::string name;
  int64_t created_at = 0;  ///< seconds since 1970 UTC
  uint64_t size_bytes = 0, num_files = 0;
};

/// Counters since open, and sizes now. A sync is one group of commits made durable together: commits / syncs is how
/// many share one fsync. Over Redis every commit counts as a sync, because the server groups them and does not tell.
struct StoreFacts {
  std::string backend;  ///< "rocksdb", "redis" or "redis+cluster"
  uint64_t commits = 0, operations = 0, duplicates = 0, failed_commits = 0;
  uint64_t syncs = 0;
  double sync_seconds = 0;                    ///< their sum, writing and fsync
  uint64_t disk_bytes = 0, memory_bytes = 0;  ///< of the data; 0 where the backend does not tell
  uint64_t num_keys = 0;                      ///< estimate
  std::vector<std::string> warnings;          ///< e.g. a Redis that does not fsync before it answers
};

struct StoreOptions {
  /// Ids remembered for each list, the newest so many: an event sent again within them is told apart.
  uint64_t id_window = 100'000;
  uint64_t cache_bytes = 64ull << 20;  ///< RocksDB's cache of blocks read
  int connections = 16;                ///< Redis: at most so many to one node
  int connect_timeout_ms = 2000;       ///< Redis
  int request_timeout_ms = 5000;       ///< Redis: for one answer, and for retries and redirects together
  /// Called after every sync, from the thread that did it: feeds a histogram. Must not throw or call the store.
  std::function<void(double seconds, uint64_t commits)> on_sync;
};

/// The durable state of the service: maps ("collections") and append-only lists of byte strings, in RocksDB or Redis.
///
/// Names of collections and lists are [a-z_]{1,32}. Keys are bytes in byte order; a key of a collection is 1 to 4096
/// bytes, that of a list 0 to 4096; values reach 16 MiB. Anything else is Error(data).
///
/// Durable: commit() returns after fsync; every read that starts after that sees the batch. A batch is applied whole or
/// not at all, also through a crash. commit() that throws Error(io) says whether the batch may have been applied.
///
/// Thread-safe, all of it. Reads never wait for writes. The object must outlive every call.
/// Errors: data (a name, key or value that cannot be), io (disk, network), corrupt (names the file), unsupported.
class Store {
 public:
  virtual ~Store() = default;

  virtual std::optional<std::string> get(std::string_view collection, std::string_view key) = 0;
  /// Up to `limit` entries with keys greater than `after_key`, in order; "" starts at the first. Fewer than limit: the
  /// end.
  virtual std::vector<StoreEntry> scan(std::string_view collection, std::string_view after_key, size_t limit) = 0;
  /// Every entry, in order. RocksDB: as of one moment. Redis: page by page, so that a write meanwhile may or may not
  /// show. The views live during the call only. `entry` may throw; it may read the store.
  virtual void for_each(std::string_view collection,
                        const std::function<void(std::string_view key, std::string_view value)>& entry) = 0;

  /// The newest n entries, oldest first. O(n) at any length of the list.
  virtual std::vector<ListEntry> tail(std::string_view list, std::string_view key, size_t n) = 0;
  /// Up to `limit` entries with sequence >= from, oldest first.
  virtual std::vector<ListEntry> range(std::string_view list, std::string_view key, uint64_t from, size_t limit) = 0;
  virtual ListExtent extent(std::string_view list, std::string_view key) = 0;
  /// Keys under which the list has entries, paged as in scan(); nullopt starts at the first (the key "" is one).
  virtual std::vector<std::string> list_keys(std::string_view list, std::optional<std::string_view> after_key,
                                             size_t limit) = 0;

  /// Applies the batch: atomic, and durable on return. Concurrent commits share an fsync.
  virtual CommitResult commit(const WriteBatch& batch) = 0;

  /// Snapshots stand under <folder>/snapshots/<name>; a name is [A-Za-z0-9._-]{1,64} without a dot in front, else
  /// Error(data). RocksDB only: Redis has its own (Error(unsupported)).
  /// snapshot() takes the state of some moment during the call, while reads and commits go on. @throws Error(data) if
  /// the name is taken
  virtual SnapshotInfo snapshot(std::string_view name) = 0;
  /// By name. A damaged one is Error(corrupt) when it is used, and is left out here.
  virtual std::vector<SnapshotInfo> snapshots() = 0;
  /// Puts the state of a snapshot in place of the present one: a read sees one or the other, and so does a crash. Every
  /// file is checked against the snapshot's manifest first; links, extra, missing and changed files are Error(corrupt),
  /// and the present state stays.
  virtual void restore(std::string_view name) = 0;
  /// @throws Error(data) if there is none
  virtual void erase_snapshot(std::string_view name) = 0;

  virtual StoreFacts facts() = 0;
};

/// Opens or creates a store:
///   `rocksdb:PATH` or a plain path               a folder of this process alone
///   `redis://[[USER]:PASSWORD@]HOST:PORT[/DB][?prefix=NAME]`
///   `redis+cluster://[[USER]:PASSWORD@]HOST:PORT[,HOST:PORT...][?prefix=NAME]`
/// prefix ([A-Za-z0-9_-]{1,32}, default `tessera`) keeps several stores apart on one Redis.
/// @throws Error(config) for any other URL, Error(io) if the folder is in use or no server answers, Error(corrupt)
/// naming
///   the damaged file, Error(unsupported) if a newer version wrote it
std::unique_ptr<Store> open_store(std::string_view url, const StoreOptions& options = {});

}  // namespace tessera
