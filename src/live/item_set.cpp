#include "live/item_set.h"

#include <algorithm>

#include "base/error.h"

namespace tessera::live {

ItemSet::ItemSet(int64_t slots) : slots_(slots), words_(static_cast<size_t>((slots + 63) / 64), 0) {}

ItemSet ItemSet::all(int64_t slots) {
  return ~ItemSet(slots);
}

ItemSet ItemSet::of(std::span<const ItemId> items, int64_t slots) {
  ItemSet set(slots);
  for (const ItemId item : items) set.add(item);
  return set;
}

int64_t ItemSet::count() const {
  int64_t sum = 0;
  for (const uint64_t word : words_) sum += std::popcount(word);
  return sum;
}

bool ItemSet::empty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}

void ItemSet::add(ItemId item) {
  const auto i = static_cast<size_t>(index(item));
  TESSERA_CHECK(index(item) >= 0 && index(item) < slots_, internal, "item {} is not one of {} slots", index(item),
                slots_);
  words_[i / 64] |= 1ULL << (i % 64);
}

void ItemSet::remove(ItemId item) {
  const auto i = static_cast<size_t>(index(item));
  if (contains(item)) words_[i / 64] &= ~(1ULL << (i % 64));
}

void ItemSet::grow(int64_t slots) {
  slots_ = std::max(slots_, slots);
  words_.resize(static_cast<size_t>((slots_ + 63) / 64), 0);
}

ItemSet& ItemSet::operator&=(const ItemSet& other) {
  grow(other.slots_);
  const size_t shared = other.words_.size();
  for (size_t w = 0; w < shared; ++w) words_[w] &= other.words_[w];
  std::fill(words_.begin() + static_cast<ptrdiff_t>(shared), words_.end(), 0);
  return *this;
}

ItemSet& ItemSet::operator|=(const ItemSet& other) {
  grow(other.slots_);
  for (size_t w = 0; w < other.words_.size(); ++w) words_[w] |= other.words_[w];
  return *this;
}

ItemSet& ItemSet::operator-=(const ItemSet& other) {
  grow(other.slots_);
  for (size_t w = 0; w < other.words_.size(); ++w) words_[w] &= ~other.words_[w];
  return *this;
}

ItemSet ItemSet::operator~() const {
  ItemSet result(slots_);
  for (size_t w = 0; w < words_.size(); ++w) result.words_[w] = ~words_[w];
  if (slots_ % 64 != 0) result.words_.back() &= (1ULL << (slots_ % 64)) - 1;
  return result;
}

std::vector<ItemId> ItemSet::items(int64_t limit) const {
  std::vector<ItemId> result;
  result.reserve(static_cast<size_t>(count()));
  for_each([&](ItemId item) {
    if (index(item) < limit) result.push_back(item);
  });
  return result;
}

}  // namespace tessera::live
