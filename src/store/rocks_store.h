#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "store/rocks_folder.h"
#include "store/rocks_group.h"
#include "store/store.h"

namespace tessera::rocks {

/// The Store over RocksDB, in a folder of its own.
///
/// Commits queue up; the first in the queue writes all of them as one RocksDB batch with one fsync, while the next ones
/// gather. RocksDB would group concurrent writes too, but sequence numbers and ids are decided by reading what was
/// written before, so that the decision and the write of a batch must not be overtaken by another's.
class RocksStore : public Store {
 public:
  RocksStore(const std::filesystem::path& folder, const StoreOptions& options);

  std::optional<std::string> get(std::string_view collection, std::string_view key) override;
  std::vector<StoreEntry> scan(std::string_view collection, std::string_view after_key, size_t limit) override;
  void for_each(std::string_view collection,
                const std::function<void(std::string_view, std::string_view)>& entry) override;
  std::vector<ListEntry> tail(std::string_view list, std::string_view key, size_t n) override;
  std::vector<ListEntry> range(std::string_view list, std::string_view key, uint64_t from, size_t limit) override;
  ListExtent extent(std::string_view list, std::string_view key) override;
  std::vector<std::string> list_keys(std::string_view list, std::optional<std::string_view> after_key,
                                     size_t limit) override;
  CommitResult commit(const WriteBatch& batch) override;
  SnapshotInfo snapshot(std::string_view name) override;
  std::vector<SnapshotInfo> snapshots() override;
  void restore(std::string_view name) override;
  void erase_snapshot(std::string_view name) override;
  StoreFacts facts() override;

 private:
  /// A commit in the queue: it waits until its turn to lead comes, or until a leader has done its work with its own.
  struct Waiting {
    enum State : int { kQueued, kLeads, kDone };
    const WriteBatch* batch;
    CommitResult result;
    std::optional<Error> error;
    std::atomic<int> state{kQueued};

    void tell(State next) {
      state.store(next, std::memory_order_release);
      state.notify_one();  // by address alone: the one told may be gone already
    }
  };

  std::shared_ptr<Database> database();
  std::vector<Waiting*> next_group();
  void lead(Waiting& self);
  void commit_group(const std::vector<Waiting*>& group);
  void write_group(Database& database, const std::vector<Waiting*>& group);
  void swap_database(std::shared_ptr<Database> fresh);

  const StoreOptions options_;
  RocksFolder folder_;

  std::mutex database_mutex_;  ///< guards the pointer alone
  std::shared_ptr<Database> database_;

  std::mutex queue_mutex_;
  std::deque<Waiting*> queue_;
  bool leading_ = false;

  std::mutex write_mutex_;     ///< held by the one that writes, and by a restore while it swaps
  bool resume_ = false;        ///< the last write failed: RocksDB waits to be told that the cause is gone
  std::mutex snapshot_mutex_;  ///< one snapshot, restore or erasure at a time

  std::mutex facts_mutex_;
  StoreFacts counters_;
};

}  // namespace tessera::rocks
