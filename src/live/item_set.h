#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace tessera::live {

/// A set of items: one bit a slot of a CatalogueView, in plain 64-bit words. (Words rather than Roaring bitmaps:
/// filters make these sets from columns, word by word, and at a million slots a set is 122 KiB, whose intersection
/// takes microseconds; `bench/live_bench.cpp` compares the two.) A value; concurrent reads are safe.
class ItemSet {
 public:
  ItemSet() = default;
  /// Empty, over `slots` slots.
  explicit ItemSet(int64_t slots);
  static ItemSet all(int64_t slots);
  /// @throws Error(internal) for an item outside of the slots
  static ItemSet of(std::span<const ItemId> items, int64_t slots);

  int64_t slots() const { return slots_; }
  /// False also for items beyond the slots.
  bool contains(ItemId item) const {
    const auto i = static_cast<uint64_t>(index(item));
    return i < static_cast<uint64_t>(slots_) && (words_[i / 64] >> (i % 64) & 1) != 0;
  }
  int64_t count() const;
  bool empty() const;
  /// @throws Error(internal) for an item outside of the slots
  void add(ItemId item);
  /// Items that are not in the set, also those beyond the slots, change nothing.
  void remove(ItemId item);

  /// Sets over different numbers of slots may meet: what is beyond the slots of one is not in it.
  /// The slots of the result are those of the larger.
  ItemSet& operator&=(const ItemSet& other);
  ItemSet& operator|=(const ItemSet& other);
  ItemSet& operator-=(const ItemSet& other);
  /// All slots that are not in the set. Deleted items are slots too: `view.live() - set` is what most callers want.
  ItemSet operator~() const;
  friend ItemSet operator&(ItemSet a, const ItemSet& b) { return a &= b; }
  friend ItemSet operator|(ItemSet a, const ItemSet& b) { return a |= b; }
  friend ItemSet operator-(ItemSet a, const ItemSet& b) { return a -= b; }
  friend bool operator==(const ItemSet& a, const ItemSet& b) = default;

  /// Calls f(ItemId) for every item, ascending.
  template <class F>
  void for_each(F&& f) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t word = words_[w]; word != 0; word &= word - 1) {
        f(ItemId{static_cast<int32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word)))});
      }
    }
  }
  /// The items below `limit`, ascending: what semid's ItemFilter::allow takes. A trie knows only the items it was made
  /// with, so its num_items() is the limit there.
  std::vector<ItemId> items(int64_t limit = INT32_MAX) const;

  /// [ceil(slots / 64)]: bit i of word w is slot 64 w + i; bits beyond the slots are 0 and must stay so.
  std::span<const uint64_t> words() const { return words_; }
  std::span<uint64_t> words() { return words_; }

 private:
  void grow(int64_t slots);
  int64_t slots_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace tessera::live
