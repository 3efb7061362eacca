#include "methods/top_k.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace tessera {

Allowance::Allowance(const Request& request, const Trie* trie, int64_t num_items)
    : excluded_(request.exclude.begin(), request.exclude.end()), filter_(request.filter), trie_(trie) {
  TESSERA_CHECK(filter_ == nullptr || trie_ != nullptr, config,
                "a request has a filter, but the retriever was given no trie to read it with (add a tokenize stage)");
  TESSERA_CHECK(trie_ == nullptr || trie_->num_items() == num_items, shape, "the trie has {} items, the catalogue {}",
                trie_->num_items(), num_items);
  std::sort(excluded_.begin(), excluded_.end());
  TESSERA_CHECK(excluded_.empty() || (index(excluded_.front()) >= 0 && index(excluded_.back()) < num_items), data,
                "a request excludes item {}, the catalogue has {}",
                index(excluded_.front()) < 0 ? index(excluded_.front()) : index(excluded_.back()), num_items);
}

std::vector<Results> Retriever::recommend_among(std::span<const Request>, const SemanticIds&, const Trie&) const {
  fail(ErrorKind::unsupported, "this method knows the items of its training only");
}

std::vector<ItemId> popularity_order(std::span<const int64_t> train_counts) {
  std::vector<ItemId> order(train_counts.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = ItemId{static_cast<int32_t>(i)};
  std::stable_sort(order.begin(), order.end(), [&](ItemId a, ItemId b) {
    return train_counts[static_cast<size_t>(index(a))] > train_counts[static_cast<size_t>(index(b))];
  });
  return order;
}

void fill_up(Results& results, int64_t k, std::span<const ItemId> order, const Allowance& allowed) {
  if (static_cast<int64_t>(results.items.size()) >= k) return;
  std::vector<ItemId> present = results.items;
  std::sort(present.begin(), present.end());
  float score = results.scores.empty() ? 0.0f : results.scores.back();
  for (const ItemId item : order) {
    if (static_cast<int64_t>(results.items.size()) >= k) return;
    if (std::binary_search(present.begin(), present.end(), item) || !allowed(item)) continue;
    score = std::min(score - 1.0f, std::nextafter(score, -std::numeric_limits<float>::infinity()));
    results.items.push_back(item);
    results.scores.push_back(score);
  }
}

}  // namespace tessera
