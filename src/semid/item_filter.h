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
  /// The items whose bits are set: bit i of word w is item 64 w + i. Items behind the trie's are ignored, those behind
  /// the words are not allowed. For a million items some milliseconds, much less than by a list.
  static ItemFilter from_bits(const Trie& trie, std::span<const uint64_t> words);
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
