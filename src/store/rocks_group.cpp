#include "store/rocks_group.h"

#include <utility>

namespace tessera::rocks {
namespace {

/// Shorter lists are erased entry by entry: a range tombstone costs every later read of its surroundings a little.
constexpr uint64_t kRangeErase = 256;

/// A lowered window drops at most so many ids in one go; the next ones drop the rest.
constexpr uint64_t kMaxDrops = 10'000;

}  // namespace

CommitGroup::List& CommitGroup::list(std::string_view name, std::string_view key) {
  std::string head_key = plain_key('h', name, key);
  if (const auto found = lists_.find(head_key); found != lists_.end()) return found->second;
  List list;
  if (const auto stored = database_.get(head_key)) list.head = ListHead::decode(*stored);
  return lists_.emplace(std::move(head_key), std::move(list)).first->second;
}

void CommitGroup::drop_oldest_id(List& list, const WriteBatch::Guard& guard) {
  const uint64_t number = list.head.first_id++;
  const std::string ring_key = numbered(list_prefix('w', guard.list, guard.key), number);
  std::optional<std::string> id;
  if (const auto own = list.ring.find(number); own != list.ring.end()) {
    id = own->second;
    list.ring.erase(own);
  } else if (!list.erased) {
    id = database_.get(ring_key);
  }
  if (!id) return;
  writes_.Delete(ring_key);
  writes_.Delete(list_prefix('i', guard.list, guard.key) + *id);
  list.ids[*id] = false;
}

bool CommitGroup::is_new(const WriteBatch::Guard& guard) {
  List& list = this->list(guard.list, guard.key);
  const std::string id_key = list_prefix('i', guard.list, guard.key) + guard.id;
  const auto own = list.ids.find(guard.id);
  const bool seen = own != list.ids.end() ? own->second : !list.erased && database_.get(id_key).has_value();
  if (seen) return false;
  const uint64_t number = list.head.next_id++;
  writes_.Put(numbered(list_prefix('w', guard.list, guard.key), number), guard.id);
  writes_.Put(id_key, rocksdb::Slice());
  list.ids[guard.id] = true;
  list.ring[number] = guard.id;
  for (uint64_t i = 0; i < kMaxDrops && list.head.next_id - list.head.first_id > id_window_; ++i) {
    drop_oldest_id(list, guard);
  }
  return true;
}

void CommitGroup::drop_entries(std::string_view prefix, uint64_t first, uint64_t end) {
  if (end - first > kRangeErase) {
    writes_.DeleteRange(numbered(prefix, first), numbered(prefix, end));
    return;
  }
  for (uint64_t number = first; number < end; ++number) writes_.Delete(numbered(prefix, number));
}

uint64_t CommitGroup::append(const WriteBatch::Operation& operation) {
  List& list = this->list(operation.name, operation.key);
  const std::string prefix = list_prefix('e', operation.name, operation.key);
  const uint64_t number = list.head.next++;
  writes_.Put(numbered(prefix, number), operation.value);
  if (operation.keep > 0 && list.head.next - list.head.first > operation.keep) {
    drop_entries(prefix, list.head.first, list.head.next - operation.keep);
    list.head.first = list.head.next - operation.keep;
  }
  return number;
}

void CommitGroup::erase_list(const WriteBatch::Operation& operation) {
  List& list = this->list(operation.name, operation.key);
  const auto erase_range = [&](char tag) {
    const std::string prefix = list_prefix(tag, operation.name, operation.key);
    writes_.DeleteRange(prefix, prefix_end(prefix));
  };
  drop_entries(list_prefix('e', operation.name, operation.key), list.head.first, list.head.next);
  if (list.head.next_id > list.head.first_id) {
    erase_range('i');
    erase_range('w');
  }
  list = List{};
  list.erased = true;
}

CommitResult CommitGroup::add(const WriteBatch& batch) {
  CommitResult result;
  result.operations.resize(batch.size());
  std::vector<bool> fresh(batch.guards().size());
  size_t next_guard = 0;
  for (size_t i = 0; i <= batch.size(); ++i) {
    for (; next_guard < fresh.size() && batch.guards()[next_guard].first_operation == i; ++next_guard) {
      fresh[next_guard] = is_new(batch.guards()[next_guard]);
    }
    if (i == batch.size()) break;
    const WriteBatch::Operation& operation = batch.operations()[i];
    if (operation.guard != WriteBatch::kNoGuard && !fresh[operation.guard]) {
      result.operations[i].duplicate = true;
      ++duplicates_;
      continue;
    }
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        writes_.Put(plain_key('m', operation.name, operation.key), operation.value);
        break;
      case WriteBatch::Kind::erase:
        writes_.Delete(plain_key('m', operation.name, operation.key));
        break;
      case WriteBatch::Kind::append:
        result.operations[i].sequence = append(operation);
        break;
      case WriteBatch::Kind::erase_list:
        erase_list(operation);
        break;
    }
  }
  return result;
}

void CommitGroup::write() {
  for (const auto& [key, list] : lists_) {
    const ListHead& head = list.head;
    if (head.next == 1 && head.next_id == 1) {
      if (list.erased) writes_.Delete(key);
    } else {
      writes_.Put(key, head.encode());
    }
  }
  if (writes_.Count() == 0) return;
  rocksdb::WriteOptions durable;
  durable.sync = true;
  check_status(
      database_.db().Write(durable, &writes_),
      fmt::format(
          "{}: a commit failed: it is not applied now, and after the next open it is there whole or not at all; "
          "free disk space and repeat it, or after another error open the store again",
          database_.folder().string()));
}

}  // namespace tessera::rocks
