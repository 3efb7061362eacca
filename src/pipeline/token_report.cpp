#include "pipeline/token_report.h"

#include <algorithm>
#include <functional>

#include "semid/quality.h"

namespace tessera {
namespace {

constexpr int64_t kHitRatePairs = 2000;
constexpr int64_t kHitRateK = 10;

nlohmann::json usage_by_level(const SemanticIds& ids) {
  nlohmann::json levels = nlohmann::json::array();
  for (int64_t level = 0; level < ids.levels(); ++level) {
    std::vector<int64_t> counts(static_cast<size_t>(ids.level_sizes[static_cast<size_t>(level)]));
    for (int64_t item = 0; item < ids.num_items(); ++item)
      ++counts[static_cast<size_t>(ids.codes[static_cast<size_t>(item * ids.levels() + level)])];
    std::sort(counts.begin(), counts.end(), std::greater<>());
    levels.push_back(counts);
  }
  return levels;
}

}  // namespace

nlohmann::json token_report(const SemanticIds& ids, const Matrix& vectors, const Split& split, uint64_t seed) {
  QualityReport quality = measure_quality(ids, &vectors);
  const std::vector<ItemPair> pairs = held_out_pairs(split, kHitRatePairs, seed);
  quality.hit_rate_k = kHitRateK;
  quality.hit_rate_pairs = static_cast<int64_t>(pairs.size());
  quality.hit_rate = embedding_hit_rate(vectors, pairs, kHitRateK);
  if (!ids.codebooks.empty())
    quality.hit_rate_ids =
        embedding_hit_rate(dequantise(ids, static_cast<int64_t>(ids.codebooks.size())), pairs, kHitRateK);
  nlohmann::json report = nlohmann::json::parse(to_json(quality));
  report["usage"] = usage_by_level(ids);
  return report;
}

}  // namespace tessera
