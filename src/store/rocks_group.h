#pragma once

#include <rocksdb/write_batch.h>

#include <string>
#include <unordered_map>

#include "store/rocks_database.h"
#include "store/rocks_keys.h"
#include "store/store.h"

namespace tessera::rocks {

/// Several batches, in order, turned into one RocksDB batch: numbers appended entries, drops trimmed ones and decides
/// ids, seeing the database and the batches added before. Only one group at a time may be between construction and
/// write.
class CommitGroup {
 public:
  CommitGroup(Database& database, uint64_t id_window) : database_(database), id_window_(id_window) {}

  /// @throws Error(corrupt | io) if the database cannot be read; the group is then of no use
  CommitResult add(const WriteBatch& batch);
  /// Writes everything added and waits for fsync. @throws Error(io | corrupt)
  void write();
  uint64_t duplicates() const { return duplicates_; }

 private:
  struct List {
    ListHead head;
    bool erased = false;                             ///< nothing that the database holds of it counts
    std::unordered_map<std::string, bool> ids;       ///< added (true) or dropped here
    std::unordered_map<uint64_t, std::string> ring;  ///< numbered ids added here
  };

  List& list(std::string_view name, std::string_view key);
  bool is_new(const WriteBatch::Guard& guard);
  void drop_oldest_id(List& list, const WriteBatch::Guard& guard);
  void drop_entries(std::string_view prefix, uint64_t first, uint64_t end);
  uint64_t append(const WriteBatch::Operation& operation);
  void erase_list(const WriteBatch::Operation& operation);

  Database& database_;
  const uint64_t id_window_;
  rocksdb::WriteBatch writes_;
  std::unordered_map<std::string, List> lists_;  ///< by the key of the head
  uint64_t duplicates_ = 0;
};

}  // namespace tessera::rocks
