#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "methods/families.h"

namespace tessera {

/// The k best allowed items of a row of scores, best first; ties go to the lower item, NaN is never answered.
/// One pass with a bounded heap: O(num_items) plus O(log k) for each score that enters.
/// @param scores   [num_items]
/// @param allowed  bool(ItemId), asked only of scores that would enter
/// @return fewer than k when fewer are allowed
template <class Allow>
Results top_k(std::span<const float> scores, int64_t k, Allow&& allowed) {
  struct Entry {
    float score;
    int32_t item;
  };
  const auto better = [](const Entry& a, const Entry& b) {
    return a.score > b.score || (a.score == b.score && a.item < b.item);
  };
  Results results;
  if (k <= 0) return results;
  const auto room = static_cast<size_t>(std::min<int64_t>(k, static_cast<int64_t>(scores.size())));
  std::vector<Entry> heap;  // worst on top
  heap.reserve(room);
  for (size_t i = 0; i < scores.size(); ++i) {
    const Entry entry{scores[i], static_cast<int32_t>(i)};
    // An equal score at a later item never replaces an earlier one, so `>` is enough; it also keeps NaN out.
    if (heap.size() == room) {
      if (!(entry.score > heap.front().score) || !allowed(ItemId{entry.item})) continue;
      std::pop_heap(heap.begin(), heap.end(), better);
      heap.back() = entry;
    } else {
      if (!(entry.score == entry.score) || !allowed(ItemId{entry.item})) continue;
      heap.push_back(entry);
    }
    std::push_heap(heap.begin(), heap.end(), better);
  }
  std::sort(heap.begin(), heap.end(), better);
  for (const Entry& entry : heap) {
    results.items.push_back(ItemId{entry.item});
    results.scores.push_back(entry.score);
  }
  return results;
}

/// What one request allows: not excluded and let through by its filter. Holds references to the request.
class Allowance {
 public:
  /// @param trie       the one that the filter was made with; may be null when the request has no filter
  /// @param num_items  size of the catalogue
  /// @throws Error(config) for a filter without a trie; Error(data) for an excluded item that does not exist
  Allowance(const Request& request, const Trie* trie, int64_t num_items);
  bool operator()(ItemId item) const {
    if (std::binary_search(excluded_.begin(), excluded_.end(), item)) return false;
    return filter_ == nullptr || filter_->allows(trie_->position_of(item));
  }

 private:
  std::vector<ItemId> excluded_;  // ascending
  const ItemFilter* filter_;
  const Trie* trie_;
};

/// Items by falling training count, ties to the lower item: the order that fills answers up to k.
std::vector<ItemId> popularity_order(std::span<const int64_t> train_counts);

/// Appends the allowed items of `order` that are not in the answer yet until it has k. Their scores descend below the
/// last score: score_below - 1, - 2, ... where score_below is the last score of the answer (0 for an empty one).
void fill_up(Results& results, int64_t k, std::span<const ItemId> order, const Allowance& allowed);

}  // namespace tessera
