#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "semid/trie.h"

namespace tessera {

/// The set of items that an answer may hold, as a bitmap over trie positions: one bit an item with constant-time
/// ranks, or for few items of a large catalogue a Roaring bitmap (a sorted list where not built with it).
/// A node is allowed when its interval holds an allowed position. Immutable once built; concurrent reads are safe.
class ItemFilter {
 public:
  /// Only these items. Duplicates are harmless.
  static ItemFilter allow(const Trie& trie, std::span<const ItemId> items);
  /// All but these items.
  static ItemFilter forbid(const Trie& trie, std::span<const ItemId> items);
  ItemFilter(ItemFilter&&) noexcept;
  ItemFilter& operator=(ItemFilter&&) noexcept;
  ~ItemFilter();

  bool allows(int32_t position) const;
  /// Allowed positions in [begin, end).
  int64_t count(int32_t begin, int32_t end) const;
  int64_t size() const;  ///< allowed items in all
  /// Allowed positions in [begin, end), ascending.
  std::vector<int32_t> positions(int32_t begin, int32_t end) const;

 private:
  struct Bits;
  explicit ItemFilter(std::unique_ptr<Bits> bits);
  std::unique_ptr<Bits> bits_;
};

}  // namespace tessera
