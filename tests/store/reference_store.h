#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace tessera::test {

/// What a Store must do, in the plainest words: the reference of model-based tests.
class ReferenceStore {
 public:
  using Name = std::pair<std::string, std::string>;
  struct List {
    uint64_t first = 1;
    std::deque<std::string> entries;
    std::deque<std::string> ids;
    uint64_t next() const { return first + entries.size(); }
  };

  explicit ReferenceStore(uint64_t id_window) : id_window_(id_window) {}

  CommitResult commit(const WriteBatch& batch) {
    CommitResult result;
    size_t guard = 0;
    std::vector<bool> fresh;
    for (size_t i = 0; i <= batch.size(); ++i) {
      for (; guard < batch.guards().size() && batch.guards()[guard].first_operation == i; ++guard) {
        fresh.push_back(see(batch.guards()[guard]));
      }
      if (i == batch.size()) break;
      const WriteBatch::Operation& operation = batch.operations()[i];
      const bool duplicate = operation.guard != WriteBatch::kNoGuard && !fresh[operation.guard];
      result.operations.push_back({duplicate ? 0 : apply(operation), duplicate});
    }
    return result;
  }

  std::map<std::string, std::map<std::string, std::string>> maps;
  std::map<Name, List> lists;

 private:
  bool see(const WriteBatch::Guard& guard) {
    std::deque<std::string>& ids = lists[{guard.list, guard.key}].ids;
    if (std::find(ids.begin(), ids.end(), guard.id) != ids.end()) return false;
    ids.push_back(guard.id);
    if (ids.size() > id_window_) ids.pop_front();
    return true;
  }
  uint64_t apply(const WriteBatch::Operation& operation) {
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        maps[operation.name][operation.key] = operation.value;
        return 0;
      case WriteBatch::Kind::erase:
        maps[operation.name].erase(operation.key);
        return 0;
      case WriteBatch::Kind::erase_list:
        lists.erase({operation.name, operation.key});
        return 0;
      case WriteBatch::Kind::append:
        break;
    }
    List& list = lists[{operation.name, operation.key}];
    list.entries.push_back(operation.value);
    const uint64_t sequence = list.next() - 1;
    while (operation.keep > 0 && list.entries.size() > operation.keep) {
      list.entries.pop_front();
      ++list.first;
    }
    return sequence;
  }

  uint64_t id_window_;
};

}  // namespace tessera::test
