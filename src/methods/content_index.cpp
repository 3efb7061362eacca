#include "methods/content_index.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace tessera {

namespace {

constexpr double kMaxShare = 0.1;     ///< features of more items say little and cost much
constexpr int64_t kLeastItems = 100;  ///< below this many items, no feature is too frequent

}  // namespace

ContentIndex::ContentIndex(const Catalogue& items, ItemFeatureWeights weights)
    : weights_(weights), num_items_(items.size()) {
  std::vector<std::vector<ItemFeature>> bags(static_cast<size_t>(num_items_));
  parallel_for(num_items_, 256, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) bags[i] = item_features(items[ItemId{static_cast<int32_t>(i)}], weights_);
  });
  for (const auto& bag : bags)
    for (const auto& [feature, weight] : bag) ++lists_[feature].end;
  const double most = num_items_ <= kLeastItems ? 1e18 : kMaxShare * static_cast<double>(num_items_);
  uint32_t total = 0;
  for (auto it = lists_.begin(); it != lists_.end();) {
    const uint32_t df = it->second.end;
    if (df < 2 || df > most) {  // a feature of one item leads back to that item only
      it = lists_.erase(it);
      continue;
    }
    it->second = {total, total, static_cast<float>(std::log((static_cast<double>(num_items_) + 1) / (df + 1.0)))};
    total += df;
    ++it;
  }
  postings_.resize(total);
  std::vector<std::pair<List*, float>> row;
  for (size_t i = 0; i < bags.size(); ++i) {
    row.clear();
    double norm = 0;
    for (const auto& [feature, weight] : bags[i]) {
      const auto found = lists_.find(feature);
      if (found == lists_.end()) continue;
      const float value = std::log1p(weight) * found->second.idf;
      norm += static_cast<double>(value) * value;
      row.emplace_back(&found->second, value);
    }
    const auto scale = static_cast<float>(norm > 0 ? 1.0 / std::sqrt(norm) : 0.0);
    for (const auto& [list, value] : row) postings_[list->end++] = {static_cast<int32_t>(i), value * scale};
  }
}

std::vector<std::pair<ItemId, float>> ContentIndex::nearest(const Item& item, int64_t k, ItemId except) const {
  std::unordered_map<int32_t, float> scores;
  double norm = 0;
  for (const auto& [feature, weight] : item_features(item, weights_)) {
    const auto found = lists_.find(feature);
    if (found == lists_.end()) continue;
    const float value = std::log1p(weight) * found->second.idf;
    norm += static_cast<double>(value) * value;
    for (uint32_t p = found->second.begin; p < found->second.end; ++p)
      scores[postings_[p].item] += value * postings_[p].value;
  }
  std::vector<std::pair<float, int32_t>> ranked;
  ranked.reserve(scores.size());
  for (const auto& [other, score] : scores)
    if (other != index(except)) ranked.emplace_back(-score, other);
  const auto count = std::min<int64_t>(k, static_cast<int64_t>(ranked.size()));
  std::partial_sort(ranked.begin(), ranked.begin() + count, ranked.end());
  std::vector<std::pair<ItemId, float>> out;
  const auto scale = static_cast<float>(norm > 0 ? 1.0 / std::sqrt(norm) : 0.0);
  for (int64_t i = 0; i < count; ++i) out.emplace_back(ItemId{ranked[i].second}, -ranked[i].first * scale);
  return out;
}

std::vector<float> vector_by_content(const ContentIndex& index, const Matrix& vectors, const Item& item,
                                     int64_t neighbours, ItemId except) {
  std::vector<double> sum(static_cast<size_t>(vectors.cols), 0.0);
  double total = 0;
  const auto add = [&](int64_t row, double weight) {
    const auto vector = vectors.row(row);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * static_cast<double>(vector[i]);
    total += weight;
  };
  for (const auto& [other, similarity] : index.nearest(item, neighbours, except))
    add(tessera::index(other), static_cast<double>(similarity) * similarity);
  if (total == 0)
    for (int64_t i = 0; i < vectors.rows; ++i) add(i, 1.0);
  std::vector<float> out(sum.size());
  for (size_t i = 0; i < sum.size(); ++i) out[i] = static_cast<float>(sum[i] / std::max(total, 1e-30));
  return out;
}

}  // namespace tessera
