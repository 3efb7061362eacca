#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tessera {

/// Rank of a case whose answer was not returned.
inline constexpr int32_t kNotFound = 0;

/// Means over cases with one positive each (handbook 1.3). Ranks are 1-based; kNotFound counts as a miss.
double hit_rate(std::span<const int32_t> ranks, int64_t k);  ///< = Recall@k with one positive
double ndcg(std::span<const int32_t> ranks, int64_t k);      ///< 1 / log2(1 + rank) within the first k
double mrr(std::span<const int32_t> ranks, int64_t k);       ///< 1 / rank within the first k

/// #(first k of `ranked` that are in `relevant`) / #relevant; 0 relevant gives 0. Sets hold no duplicates.
double recall(std::span<const int32_t> ranked, std::span<const int32_t> relevant, int64_t k);

/// A mean with its bootstrap interval over cases.
struct Interval {
  double mean = 0, low = 0, high = 0;
};

/// One case's contribution to a metric: "hr", "ndcg" or "mrr" at k. @throws Error(config) for another name
std::vector<float> case_values(std::span<const int32_t> ranks, std::string_view metric, int64_t k);

/// Percentile bootstrap of the mean. Deterministic for a seed, for any number of threads.
/// @param resamples  >= 1; @param level  e.g. 0.95
Interval bootstrap(std::span<const float> values, int64_t resamples, double level, uint64_t seed);

/// Paired bootstrap of mean(a - b) over the same cases, with the two-sided p-value of no difference.
struct Difference {
  Interval interval;
  double p_value = 1;
};
Difference paired_difference(std::span<const float> a, std::span<const float> b, int64_t resamples, double level,
                             uint64_t seed);

/// Popularity and coverage of what was shown. @param shown  item positions, all answers one after another;
/// @param train_counts  by item
struct Exposure {
  double coverage = 0;         ///< share of the catalogue shown at least once
  double gini = 0;             ///< of the shown counts over the whole catalogue
  double mean_popularity = 0;  ///< mean training count of what was shown
  double tail_share = 0;       ///< share of what was shown from outside the most popular 20% of items
};
Exposure exposure(std::span<const int32_t> shown, std::span<const int64_t> train_counts);

}  // namespace tessera
