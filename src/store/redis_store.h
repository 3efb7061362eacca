#pragma once

#include <mutex>
#include <string>

#include "store/redis_pool.h"
#include "store/store.h"

namespace tessera::redis {

/// The Store over one Redis server or a Redis Cluster.
///
/// Keys, with PREFIX from the URL; the part in braces decides the slot of a cluster:
///   {PREFIX.c.NAME}v           hash: key -> value of a collection;   {PREFIX.c.NAME}k   sorted set of its keys
///   {PREFIX.lists}e:NAME:KEY   list: the entries kept;   {PREFIX.lists}i:NAME:KEY   sorted set of the ids seen
///   {PREFIX.lists}n:NAME       hash: key -> last sequence;   {PREFIX.lists}k:NAME   sorted set of keys with entries
///   {PREFIX.lists}s            schema version
///
/// A batch is one call of a script, which a server carries out alone. On a cluster, all lists share one slot, and each
/// collection has one of its own: an event that goes into several lists is one batch, as are writes to one collection.
/// A batch over two of these is refused with Error(unsupported): commit it in parts.
///
/// Durable as far as the server is: with `appendonly yes` and `appendfsync always` an answer comes after fsync; where
/// that is not so, facts().warnings says it.
class RedisStore : public Store {
 public:
  RedisStore(const StoreUrl& url, const StoreOptions& options);

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
  struct Script {
    const char* text;
    std::string hash;
  };
  struct Call;

  Script load(const char* text);
  Reply run(const Script& script, const std::vector<std::string>& keys, const std::vector<std::string_view>& words,
            bool may_twice);
  std::vector<StoreEntry> page(std::string_view collection, std::string_view after_key, size_t limit, uint64_t bytes);
  Reply read_list(std::string_view list, std::string_view key, std::string_view mode, uint64_t from, uint64_t limit);
  Call encode(const WriteBatch& batch) const;
  void check_schema();
  void check_durability();

  std::string collection_key(std::string_view collection, char part) const;
  std::string list_key(char part, std::string_view list) const;
  std::string list_key(char part, std::string_view list, std::string_view key) const;

  const StoreOptions options_;
  Router router_;
  Script commit_script_, scan_script_, read_script_;
  std::mutex facts_mutex_;
  StoreFacts counters_;
};

}  // namespace tessera::redis
