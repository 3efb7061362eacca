#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace tessera::live {

/// Id string -> slot. Entries are added and never change, so that all views share one index: a view takes an entry for
/// its own if the slot is below its size. Thread-safe; a reader waits only for a writer that adds to the same of 64
/// parts.
class IdIndex {
 public:
  std::optional<ItemId> find(std::string_view id) const;
  /// The id must not be there.
  void add(std::string_view id, ItemId item);
  /// Takes an entry back that no view has seen.
  void remove(std::string_view id);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  struct Part {
    mutable std::shared_mutex mutex;
    std::unordered_map<std::string, ItemId, Hash, std::equal_to<>> slots;
  };
  static constexpr size_t kNumParts = 64;
  static size_t part_of(std::string_view id) { return (Hash{}(id) >> 32) % kNumParts; }
  std::array<Part, kNumParts> parts_;
};

/// Names that only get more, each with the version that first had it. Thread-safe.
class NameTable {
 public:
  void add(std::string_view name, uint64_t version);
  bool has(std::string_view name, uint64_t version) const;
  /// Sorted.
  std::vector<std::string> names(uint64_t version) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> first_version_;
};

}  // namespace tessera::live
