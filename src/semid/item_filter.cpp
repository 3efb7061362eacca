#include "semid/item_filter.h"

#include <algorithm>
#include <bit>
#include <variant>

#include "base/error.h"

#ifdef TESSERA_WITH_ROARING
#include <roaring/roaring.h>
#endif

namespace tessera {

namespace item_filter {

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

/// A bitmap with the number of set bits before every block of 512: rank in constant time. For sets that are dense.
class RankedBitmap {
 public:
  RankedBitmap(const std::vector<uint32_t>& positions, bool complement, int64_t num_items)
      : num_(static_cast<uint32_t>(num_items)),
        words_(static_cast<size_t>(num_items) / 64 + 1, complement ? ~0ULL : 0) {
    for (const uint32_t p : positions) words_[p / 64] ^= 1ULL << (p % 64);
    count_blocks();
  }
  /// @param words  a bit a position, num_items / 64 + 1 words
  RankedBitmap(std::vector<uint64_t> words, int64_t num_items)
      : num_(static_cast<uint32_t>(num_items)), words_(std::move(words)) {
    count_blocks();
  }
  bool holds(uint32_t p) const { return p < num_ && (words_[p / 64] >> (p % 64) & 1) != 0; }
  int64_t below(uint32_t p) const {
    if (p >= num_) return size_;
    uint32_t sum = before_[p / 512];
    for (size_t w = p / 512 * 8; w < p / 64; ++w) sum += static_cast<uint32_t>(std::popcount(words_[w]));
    return sum + static_cast<uint32_t>(std::popcount(words_[p / 64] & ((1ULL << (p % 64)) - 1)));
  }
  std::vector<int32_t> slice(uint32_t begin, uint32_t end) const {
    std::vector<int32_t> found;
    end = std::min(end, num_);
    for (uint32_t w = begin / 64; begin < end && w * 64 < end; ++w) {
      uint64_t word = words_[w];
      if (w == begin / 64) word &= ~0ULL << (begin % 64);
      for (; word != 0; word &= word - 1) {
        const uint32_t p = w * 64 + static_cast<uint32_t>(std::countr_zero(word));
        if (p >= end) break;
        found.push_back(static_cast<int32_t>(p));
      }
    }
    return found;
  }
  int64_t size() const { return size_; }

 private:
  void count_blocks() {
    words_.back() &= (1ULL << (num_ % 64)) - 1;
    uint32_t sum = 0;
    for (size_t w = 0; w < words_.size(); ++w) {
      if (w % 8 == 0) before_.push_back(sum);
      sum += static_cast<uint32_t>(std::popcount(words_[w]));
    }
    size_ = sum;
  }
  uint32_t num_;
  uint32_t size_ = 0;
  std::vector<uint64_t> words_;
  std::vector<uint32_t> before_;
};

#ifdef TESSERA_WITH_ROARING

/// For few items of a large catalogue. (Its rank walks over containers, and inside dense ones, hence RankedBitmap.)
class SparseSet {
 public:
  SparseSet(const std::vector<uint32_t>& positions)
      : bitmap_(roaring_bitmap_of_ptr(positions.size(), positions.data())) {
    TESSERA_CHECK(bitmap_ != nullptr, internal, "no memory for a filter of {} items", positions.size());
    roaring_bitmap_run_optimize(bitmap_.get());
  }
  bool holds(uint32_t p) const { return roaring_bitmap_contains(bitmap_.get(), p); }
  int64_t below(uint32_t p) const {
    return p == 0 ? 0 : static_cast<int64_t>(roaring_bitmap_rank(bitmap_.get(), p - 1));
  }
  std::vector<int32_t> slice(uint32_t begin, uint32_t end) const {
    std::vector<int32_t> found;
    roaring_uint32_iterator_t it;
    roaring_init_iterator(bitmap_.get(), &it);
    if (!roaring_move_uint32_iterator_equalorlarger(&it, begin)) return found;
    for (; it.has_value && it.current_value < end; roaring_advance_uint32_iterator(&it)) {
      found.push_back(static_cast<int32_t>(it.current_value));
    }
    return found;
  }
  int64_t size() const { return static_cast<int64_t>(roaring_bitmap_get_cardinality(bitmap_.get())); }

 private:
  struct Free {
    void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
  };
  std::unique_ptr<roaring_bitmap_t, Free> bitmap_;
};

#else

/// For few items of a large catalogue.
class SparseSet {
 public:
  SparseSet(const std::vector<uint32_t>& positions) : sorted_(positions) {}
  bool holds(uint32_t p) const { return std::binary_search(sorted_.begin(), sorted_.end(), p); }
  int64_t below(uint32_t p) const { return std::lower_bound(sorted_.begin(), sorted_.end(), p) - sorted_.begin(); }
  std::vector<int32_t> slice(uint32_t begin, uint32_t end) const {
    const auto first = std::lower_bound(sorted_.begin(), sorted_.end(), begin);
    return {first, std::lower_bound(first, sorted_.end(), end)};
  }
  int64_t size() const { return static_cast<int64_t>(sorted_.size()); }

 private:
  std::vector<uint32_t> sorted_;
};

#endif

/// Up to this many items a bitmap is 8 KiB: always worth it. Beyond, one bit an item must beat 32 bits an allowed item.
constexpr int64_t kAlwaysDense = 65536;

bool is_sparse(int64_t allowed, int64_t num_items) {
  return num_items > kAlwaysDense && allowed * 32 < num_items;
}

std::variant<RankedBitmap, SparseSet> make_bits(const std::vector<uint32_t>& positions, bool complement,
                                                int64_t num_items) {
  if (!complement && is_sparse(static_cast<int64_t>(positions.size()), num_items)) return SparseSet(positions);
  return RankedBitmap(positions, complement, num_items);
}

}  // namespace item_filter

using namespace item_filter;

struct ItemFilter::Bits {
  std::variant<RankedBitmap, SparseSet> set;
};

ItemFilter::ItemFilter(std::unique_ptr<Bits> bits) : bits_(std::move(bits)) {}
ItemFilter::ItemFilter(ItemFilter&&) noexcept = default;
ItemFilter& ItemFilter::operator=(ItemFilter&&) noexcept = default;
ItemFilter::~ItemFilter() = default;

ItemFilter ItemFilter::allow(const Trie& trie, std::span<const ItemId> items) {
  return ItemFilter(std::make_unique<Bits>(Bits{make_bits(filter_positions(trie, items), false, trie.num_items())}));
}

ItemFilter ItemFilter::forbid(const Trie& trie, std::span<const ItemId> items) {
  return ItemFilter(std::make_unique<Bits>(Bits{make_bits(filter_positions(trie, items), true, trie.num_items())}));
}

ItemFilter ItemFilter::from_bits(const Trie& trie, std::span<const uint64_t> words) {
  const auto num_items = static_cast<uint64_t>(trie.num_items());
  std::vector<uint64_t> positions(num_items / 64 + 1, 0);
  int64_t count = 0;
  for (size_t w = 0; w < words.size() && w * 64 < num_items; ++w) {
    for (uint64_t word = words[w]; word != 0; word &= word - 1) {
      const uint64_t item = w * 64 + static_cast<uint64_t>(std::countr_zero(word));
      if (item >= num_items) break;
      const auto position = static_cast<uint64_t>(trie.position_of(ItemId{static_cast<int32_t>(item)}));
      positions[position / 64] |= 1ULL << (position % 64);
      ++count;
    }
  }
  if (!is_sparse(count, trie.num_items()))
    return ItemFilter(std::make_unique<Bits>(Bits{RankedBitmap(std::move(positions), trie.num_items())}));
  std::vector<uint32_t> list;
  list.reserve(static_cast<size_t>(count));
  for (size_t w = 0; w < positions.size(); ++w)
    for (uint64_t word = positions[w]; word != 0; word &= word - 1)
      list.push_back(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word))));
  return ItemFilter(std::make_unique<Bits>(Bits{SparseSet(list)}));
}

bool ItemFilter::allows(int32_t position) const {
  return position >= 0 &&
         std::visit([&](const auto& set) { return set.holds(static_cast<uint32_t>(position)); }, bits_->set);
}

int64_t ItemFilter::count(int32_t begin, int32_t end) const {
  begin = std::max(begin, 0);
  if (end <= begin) return 0;
  return std::visit(
      [&](const auto& set) { return set.below(static_cast<uint32_t>(end)) - set.below(static_cast<uint32_t>(begin)); },
      bits_->set);
}

int64_t ItemFilter::size() const {
  return std::visit([](const auto& set) { return set.size(); }, bits_->set);
}

std::vector<int32_t> ItemFilter::positions(int32_t begin, int32_t end) const {
  begin = std::max(begin, 0);
  if (end <= begin) return {};
  return std::visit(
      [&](const auto& set) { return set.slice(static_cast<uint32_t>(begin), static_cast<uint32_t>(end)); }, bits_->set);
}

}  // namespace tessera
