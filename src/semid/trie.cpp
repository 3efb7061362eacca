#include "semid/trie.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace tessera {

namespace {

constexpr int32_t kDigitBits = 16;
constexpr int32_t kDigitMask = (1 << kDigitBits) - 1;

void check_codes(const SemanticIds& ids) {
  const int64_t levels = ids.levels();
  TESSERA_CHECK(levels >= 1, data, "a trie needs semantic IDs of at least one level");
  TESSERA_CHECK(ids.codes.size() % static_cast<size_t>(levels) == 0, data, "{} codes are not a multiple of {} levels",
                ids.codes.size(), levels);
  TESSERA_CHECK(ids.num_items() <= std::numeric_limits<int32_t>::max() - 1, data, "{} items are too many for one trie",
                ids.num_items());
  for (int64_t i = 0, l = 0; i < static_cast<int64_t>(ids.codes.size()); ++i, l = l + 1 == levels ? 0 : l + 1) {
    const int32_t code = ids.codes[static_cast<size_t>(i)];
    TESSERA_CHECK(code >= 0 && code < ids.level_sizes[static_cast<size_t>(l)], data,
                  "item {} holds code {} at level {}, codebook has {}", i / levels, code, l,
                  ids.level_sizes[static_cast<size_t>(l)]);
  }
}

/// Items in the order of their codes, equal codes in item order: a radix sort from the last level, 16 bits a pass.
std::vector<ItemId> sorted_items(const SemanticIds& ids) {
  const auto levels = static_cast<size_t>(ids.levels());
  std::vector<ItemId> items(static_cast<size_t>(ids.num_items())), next(items.size());
  for (size_t i = 0; i < items.size(); ++i) items[i] = ItemId{static_cast<int32_t>(i)};
  std::vector<int32_t> starts;
  for (size_t l = levels; l-- > 0;) {
    const int32_t top = ids.level_sizes[l] - 1;
    for (int32_t shift = 0; shift == 0 || (shift < 32 && (top >> shift) > 0); shift += kDigitBits) {
      const auto digit = [&](ItemId item) {
        return static_cast<size_t>((ids.codes[static_cast<size_t>(index(item)) * levels + l] >> shift) & kDigitMask);
      };
      starts.assign(static_cast<size_t>(std::min(top >> shift, kDigitMask)) + 2, 0);
      for (const ItemId item : items) ++starts[digit(item) + 1];
      std::partial_sum(starts.begin(), starts.end(), starts.begin());
      for (const ItemId item : items) next[static_cast<size_t>(starts[digit(item)]++)] = item;
      items.swap(next);
    }
  }
  return items;
}

}  // namespace

Trie::Trie(const SemanticIds& ids) {
  check_codes(ids);
  const auto levels = static_cast<size_t>(ids.levels());
  level_sizes_ = ids.level_sizes;
  items_ = sorted_items(ids);
  const auto num = items_.size();

  // split[p]: the first level at which position p differs from p - 1; `levels` where the codes are equal.
  std::vector<uint8_t> split(num, 0);
  TESSERA_CHECK(levels < 255, data, "{} levels are too many", levels);
  std::vector<size_t> nodes_at(levels + 1, 0);
  nodes_at[0] = 1;
  for (size_t p = 0; p < num; ++p) {
    size_t l = 0;
    if (p > 0) {
      const auto now = ids.of(items_[p]), before = ids.of(items_[p - 1]);
      while (l < levels && now[l] == before[l]) ++l;
    }
    split[p] = static_cast<uint8_t>(l);
    for (size_t d = l + 1; d <= levels; ++d) ++nodes_at[d];
  }

  depths_.resize(levels + 1);
  for (size_t d = 0; d <= levels; ++d) {
    depths_[d].first.reserve(nodes_at[d] + 1);
    depths_[d].token.reserve(nodes_at[d]);
    if (d < levels) depths_[d].child.reserve(nodes_at[d] + 1);
  }
  depths_[0].first = {0};
  depths_[0].token = {-1};
  depths_[0].child = {0};
  positions_.resize(num);
  leaf_of_position_.resize(num);
  for (size_t p = 0; p < num; ++p) {
    const auto codes = ids.of(items_[p]);
    for (size_t d = static_cast<size_t>(split[p]) + 1; d <= levels; ++d) {
      depths_[d].first.push_back(static_cast<int32_t>(p));
      depths_[d].token.push_back(codes[d - 1]);
      if (d < levels) depths_[d].child.push_back(static_cast<int32_t>(depths_[d + 1].first.size()));
    }
    positions_[static_cast<size_t>(index(items_[p]))] = static_cast<int32_t>(p);
    leaf_of_position_[p] = static_cast<int32_t>(depths_[levels].first.size()) - 1;
  }
  for (size_t d = 0; d <= levels; ++d) {
    if (d < levels) depths_[d].child.push_back(static_cast<int32_t>(nodes_at[d + 1]));
    depths_[d].first.push_back(static_cast<int32_t>(num));
  }
}

}  // namespace tessera
