#include "store/rocks_store.h"

#include <rocksdb/snapshot.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace tessera::rocks {
namespace {

/// One sync makes at most so much durable: bounds memory and the wait of those that come after it.
constexpr size_t kMaxGroupBatches = 1024;
constexpr size_t kMaxGroupBytes = 64u << 20;

std::string_view view_of(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

/// Iterates from `begin` on over the keys below `end`, until `entry` says stop (false).
template <class Entry>
void walk(Database& database, const std::string& begin, const std::string& end, const rocksdb::Snapshot* snapshot,
          Entry&& entry) {
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(options));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    if (!entry(view_of(it->key()), view_of(it->value()))) break;
  }
  check_status(it->status(), database.folder().string());
}

ListHead head_of(Database& database, std::string_view list, std::string_view key, const rocksdb::Snapshot* snapshot) {
  const auto stored = database.get(plain_key('h', list, key), snapshot);
  return stored ? ListHead::decode(*stored) : ListHead{};
}

/// Entries from sequence `from` on. Trimmed entries lie before head.first, so that nothing is read in vain.
std::vector<ListEntry> read_entries(Database& database, std::string_view list, std::string_view key, uint64_t from,
                                    size_t limit, const rocksdb::Snapshot* snapshot) {
  std::vector<ListEntry> out;
  if (limit == 0) return out;
  const std::string prefix = list_prefix('e', list, key);
  walk(database, numbered(prefix, from), prefix_end(prefix), snapshot,
       [&](std::string_view at, std::string_view value) {
         out.push_back({number_of(at, prefix), std::string(value)});
         return out.size() < limit;
       });
  return out;
}

void check_list(std::string_view list, std::string_view key) {
  check_store_name("list", list);
  check_store_key(key, true);
}

}  // namespace

RocksStore::RocksStore(const std::filesystem::path& folder, const StoreOptions& options)
    : options_(options), folder_(folder), database_(Database::open(folder_.state(), options.cache_bytes)) {
  counters_.backend = "rocksdb";
}

std::shared_ptr<Database> RocksStore::database() {
  const std::scoped_lock lock(database_mutex_);
  return database_;
}

std::optional<std::string> RocksStore::get(std::string_view collection, std::string_view key) {
  check_store_name("collection", collection);
  check_store_key(key, false);
  return database()->get(plain_key('m', collection, key));
}

std::vector<StoreEntry> RocksStore::scan(std::string_view collection, std::string_view after_key, size_t limit) {
  check_store_name("collection", collection);
  check_store_key(after_key, true);
  std::vector<StoreEntry> out;
  if (limit == 0) return out;
  const std::string prefix = name_prefix('m', collection);
  // The smallest key behind after_key is after_key and a zero byte; behind "" it is that zero byte, as "" is no key.
  std::string begin = plain_key('m', collection, after_key);
  begin.push_back('\0');
  const auto held = database();
  walk(*held, begin, prefix_end(prefix), nullptr, [&](std::string_view key, std::string_view value) {
    out.push_back({std::string(key.substr(prefix.size())), std::string(value)});
    return out.size() < limit;
  });
  return out;
}

void RocksStore::for_each(std::string_view collection,
                          const std::function<void(std::string_view, std::string_view)>& entry) {
  check_store_name("collection", collection);
  const std::string prefix = name_prefix('m', collection);
  const auto held = database();
  walk(*held, prefix, prefix_end(prefix), nullptr, [&](std::string_view key, std::string_view value) {
    entry(key.substr(prefix.size()), value);
    return true;
  });
}

std::vector<ListEntry> RocksStore::tail(std::string_view list, std::string_view key, size_t n) {
  check_list(list, key);
  const auto held = database();
  rocksdb::ManagedSnapshot snapshot(&held->db());
  const ListHead head = head_of(*held, list, key, snapshot.snapshot());
  const uint64_t count = std::min<uint64_t>(n, head.next - head.first);
  return read_entries(*held, list, key, head.next - count, count, snapshot.snapshot());
}

std::vector<ListEntry> RocksStore::range(std::string_view list, std::string_view key, uint64_t from, size_t limit) {
  check_list(list, key);
  const auto held = database();
  rocksdb::ManagedSnapshot snapshot(&held->db());
  const ListHead head = head_of(*held, list, key, snapshot.snapshot());
  from = std::max(from, head.first);
  if (from >= head.next) return {};
  return read_entries(*held, list, key, from, std::min<uint64_t>(limit, head.next - from), snapshot.snapshot());
}

ListExtent RocksStore::extent(std::string_view list, std::string_view key) {
  check_list(list, key);
  const ListHead head = head_of(*database(), list, key, nullptr);
  return {head.first, head.next};
}

std::vector<std::string> RocksStore::list_keys(std::string_view list, std::optional<std::string_view> after_key,
                                               size_t limit) {
  check_list(list, after_key.value_or(""));
  std::vector<std::string> out;
  if (limit == 0) return out;
  const std::string prefix = name_prefix('h', list);
  std::string begin = prefix;
  if (after_key) {
    begin += *after_key;
    begin.push_back('\0');
  }
  const auto held = database();
  walk(*held, begin, prefix_end(prefix), nullptr, [&](std::string_view key, std::string_view value) {
    const ListHead head = ListHead::decode(value);
    if (head.next > head.first) out.emplace_back(key.substr(prefix.size()));
    return out.size() < limit;
  });
  return out;
}

CommitResult RocksStore::commit(const WriteBatch& batch) {
  TESSERA_CHECK(!batch.inside_once(), data, "a batch was committed inside begin_once: call end_once first");
  Waiting self{&batch, {}, {}};
  {
    const std::scoped_lock lock(queue_mutex_);
    queue_.push_back(&self);
    if (!leading_) {
      leading_ = true;
      self.state.store(Waiting::kLeads, std::memory_order_relaxed);
    }
  }
  self.state.wait(Waiting::kQueued, std::memory_order_acquire);
  if (self.state.load(std::memory_order_acquire) == Waiting::kLeads) lead(self);
  if (self.error) throw *self.error;
  return std::move(self.result);
}

std::vector<RocksStore::Waiting*> RocksStore::next_group() {
  const std::scoped_lock lock(queue_mutex_);
  std::vector<Waiting*> group;
  size_t bytes = 0;
  while (!queue_.empty() && group.size() < kMaxGroupBatches &&
         (group.empty() || bytes + queue_.front()->batch->num_bytes() <= kMaxGroupBytes)) {
    bytes += queue_.front()->batch->num_bytes();
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void RocksStore::lead(Waiting& self) {
  const std::vector<Waiting*> group = next_group();
  commit_group(group);
  Waiting* next = nullptr;
  {
    const std::scoped_lock lock(queue_mutex_);
    if (!queue_.empty()) next = queue_.front();
    leading_ = next != nullptr;
  }
  // First the one that leads on: its fsync can begin while this group is told.
  if (next != nullptr) next->tell(Waiting::kLeads);
  for (Waiting* waiting : group) {
    if (waiting != &self) waiting->tell(Waiting::kDone);
  }
}

void RocksStore::commit_group(const std::vector<Waiting*>& group) {
  const std::scoped_lock lock(write_mutex_);
  const auto held = database();
  const auto fail_all = [&](const Error& error) {
    for (Waiting* waiting : group) waiting->error = waiting->error ? waiting->error : error;
  };
  try {
    if (resume_) {
      // Busy: RocksDB looks for free space by itself, every few seconds.
      check_status(
          held->db().Resume(),
          fmt::format("{}: cannot be written since an earlier failure, and nothing of this commit was applied: free "
                      "disk space and try again in some seconds, or open the store again",
                      held->folder().string()));
      resume_ = false;
    }
    write_group(*held, group);
  } catch (const Error& error) {
    fail_all(error);
  } catch (const std::exception& error) {
    fail_all(Error(ErrorKind::internal, fmt::format("a commit failed: {}", error.what())));
  }
  const std::scoped_lock facts_lock(facts_mutex_);
  for (const Waiting* waiting : group) {
    if (waiting->error) {
      ++counters_.failed_commits;
      continue;
    }
    ++counters_.commits;
    counters_.operations += waiting->batch->size();
    for (const OperationResult& result : waiting->result.operations) counters_.duplicates += result.duplicate;
  }
}

void RocksStore::write_group(Database& database, const std::vector<Waiting*>& group) {
  // A batch that meets damaged data fails alone: the others start again without it.
  std::optional<CommitGroup> writes;
  for (bool again = true; again;) {
    again = false;
    writes.emplace(database, options_.id_window);
    for (Waiting* waiting : group) {
      if (waiting->error) continue;
      try {
        waiting->result = writes->add(*waiting->batch);
      } catch (const Error& error) {
        waiting->error = error;
        again = true;
        break;
      }
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  try {
    writes->write();
  } catch (const Error&) {
    resume_ = true;
    throw;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto good = std::count_if(group.begin(), group.end(), [](const Waiting* waiting) { return !waiting->error; });
  {
    const std::scoped_lock lock(facts_mutex_);
    ++counters_.syncs;
    counters_.sync_seconds += seconds;
  }
  if (options_.on_sync) options_.on_sync(seconds, static_cast<uint64_t>(good));
}

StoreFacts RocksStore::facts() {
  StoreFacts facts;
  {
    const std::scoped_lock lock(facts_mutex_);
    facts = counters_;
  }
  const auto held = database();
  facts.disk_bytes = held->property("rocksdb.live-sst-files-size");
  facts.memory_bytes = held->property("rocksdb.cur-size-all-mem-tables") + held->property("rocksdb.block-cache-usage") +
                       held->property("rocksdb.estimate-table-readers-mem");
  facts.num_keys = held->property("rocksdb.estimate-num-keys");
  return facts;
}

}  // namespace tessera::rocks
