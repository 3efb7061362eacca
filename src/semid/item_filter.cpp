#include "semid/item_filter.h"

#include <algorithm>

#include "base/error.h"

#ifdef TESSERA_WITH_ROARING
#include <roaring/roaring.h>
#endif

namespace tessera {

namespace {

/// Ascending positions of the items, each once.
std::vector<uint32_t> filter_positions(const Trie& trie, std::span<const ItemId> items) {
  std::vector<uint32_t> positions;
  positions.reserve(items.size());
  for (const ItemId item : items) {
    TESSERA_CHECK(index(item) >= 0 && index(item) < trie.num_items(), data, "item {} is not one of the {} in the trie",
                  index(item), trie.num_items());
    positions.push_back(static_cast<uint32_t>(trie.position_of(item)));
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

}  // namespace

#ifdef TESSERA_WITH_ROARING

struct ItemFilter::Bits {
  struct Free {
    void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
  };
  std::unique_ptr<roaring_bitmap_t, Free> bitmap;

  Bits(const std::vector<uint32_t>& positions, bool complement, int64_t num_items)
      : bitmap(roaring_bitmap_of_ptr(positions.size(), positions.data())) {
    if (complement && bitmap) roaring_bitmap_flip_inplace(bitmap.get(), 0, static_cast<uint64_t>(num_items));
    TESSERA_CHECK(bitmap != nullptr, internal, "no memory for a filter over {} items", num_items);
    roaring_bitmap_run_optimize(bitmap.get());
  }
  bool holds(uint32_t position) const { return roaring_bitmap_contains(bitmap.get(), position); }
  int64_t below(uint32_t position) const {
    return position == 0 ? 0 : static_cast<int64_t>(roaring_bitmap_rank(bitmap.get(), position - 1));
  }
  std::vector<int32_t> slice(uint32_t begin, uint32_t end) const {
    std::vector<int32_t> found;
    roaring_uint32_iterator_t it;
    roaring_init_iterator(bitmap.get(), &it);
    if (!roaring_move_uint32_iterator_equalorlarger(&it, begin)) return found;
    for (; it.has_value && it.current_value < end; roaring_advance_uint32_iterator(&it)) {
      found.push_back(static_cast<int32_t>(it.current_value));
    }
    return found;
  }
  int64_t size() const { return static_cast<int64_t>(roaring_bitmap_get_cardinality(bitmap.get())); }
};

#else

struct ItemFilter::Bits {
  std::vector<uint32_t> sorted;

  Bits(const std::vector<uint32_t>& positions, bool complement, int64_t num_items) {
    if (!complement) {
      sorted = positions;
      return;
    }
    auto next = positions.begin();
    for (uint32_t p = 0; p < static_cast<uint32_t>(num_items); ++p) {
      if (next != positions.end() && *next == p) {
        ++next;
      } else {
        sorted.push_back(p);
      }
    }
  }
  bool holds(uint32_t position) const { return std::binary_search(sorted.begin(), sorted.end(), position); }
  int64_t below(uint32_t position) const {
    return std::lower_bound(sorted.begin(), sorted.end(), position) - sorted.begin();
  }
  std::vector<int32_t> slice(uint32_t begin, uint32_t end) const {
    const auto first = std::lower_bound(sorted.begin(), sorted.end(), begin);
    return {first, std::lower_bound(first, sorted.end(), end)};
  }
  int64_t size() const { return static_cast<int64_t>(sorted.size()); }
};

#endif

ItemFilter::ItemFilter(std::unique_ptr<Bits> bits) : bits_(std::move(bits)) {}
ItemFilter::ItemFilter(ItemFilter&&) noexcept = default;
ItemFilter& ItemFilter::operator=(ItemFilter&&) noexcept = default;
ItemFilter::~ItemFilter() = default;

ItemFilter ItemFilter::allow(const Trie& trie, std::span<const ItemId> items) {
  return ItemFilter(std::make_unique<Bits>(filter_positions(trie, items), false, trie.num_items()));
}

ItemFilter ItemFilter::forbid(const Trie& trie, std::span<const ItemId> items) {
  return ItemFilter(std::make_unique<Bits>(filter_positions(trie, items), true, trie.num_items()));
}

bool ItemFilter::allows(int32_t position) const {
  return position >= 0 && bits_->holds(static_cast<uint32_t>(position));
}

int64_t ItemFilter::count(int32_t begin, int32_t end) const {
  begin = std::max(begin, 0);
  if (end <= begin) return 0;
  return bits_->below(static_cast<uint32_t>(end)) - bits_->below(static_cast<uint32_t>(begin));
}

int64_t ItemFilter::size() const {
  return bits_->size();
}

std::vector<int32_t> ItemFilter::positions(int32_t begin, int32_t end) const {
  begin = std::max(begin, 0);
  if (end <= begin) return {};
  return bits_->slice(static_cast<uint32_t>(begin), static_cast<uint32_t>(end));
}

}  // namespace tessera
