#include "eval/metrics.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tessera {

namespace {

/// Rejects a rank that cannot be one; 0 is a miss.
void check_ranks(std::span<const int32_t> ranks) {
  for (size_t i = 0; i < ranks.size(); ++i) {
    TESSERA_CHECK(ranks[i] >= 0, data, "rank of case {} is {}; ranks start at 1, and {} means not found", i, ranks[i],
                  kNotFound);
  }
}

void check_cutoff(int64_t k) {
  TESSERA_CHECK(k >= 1, config, "metric cut-off k is {}, must be at least 1", k);
}

double hit_gain(int32_t) {
  return 1.0;
}
double ndcg_gain(int32_t rank) {
  return 1.0 / std::log2(1.0 + rank);
}
double mrr_gain(int32_t rank) {
  return 1.0 / rank;
}

/// Mean over cases of gain(rank) where rank is within the first k, else 0; 0 without cases.
template <class Gain>
double mean_gain(std::span<const int32_t> ranks, int64_t k, Gain gain) {
  check_cutoff(k);
  check_ranks(ranks);
  if (ranks.empty()) return 0;
  double sum = 0;
  for (const int32_t rank : ranks) {
    if (rank != kNotFound && rank <= k) sum += gain(rank);
  }
  return sum / static_cast<double>(ranks.size());
}

template <class Gain>
std::vector<float> gains(std::span<const int32_t> ranks, int64_t k, Gain gain) {
  std::vector<float> values(ranks.size(), 0.0F);
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] != kNotFound && ranks[i] <= k) values[i] = static_cast<float>(gain(ranks[i]));
  }
  return values;
}

}  // namespace

double hit_rate(std::span<const int32_t> ranks, int64_t k) {
  return mean_gain(ranks, k, hit_gain);
}
double ndcg(std::span<const int32_t> ranks, int64_t k) {
  return mean_gain(ranks, k, ndcg_gain);
}
double mrr(std::span<const int32_t> ranks, int64_t k) {
  return mean_gain(ranks, k, mrr_gain);
}

double recall(std::span<const int32_t> ranked, std::span<const int32_t> relevant, int64_t k) {
  check_cutoff(k);
  if (relevant.empty()) return 0;
  std::vector<int32_t> wanted(relevant.begin(), relevant.end());
  std::sort(wanted.begin(), wanted.end());
  const auto first = ranked.first(std::min(ranked.size(), static_cast<size_t>(k)));
  const auto found = std::count_if(
      first.begin(), first.end(), [&](int32_t item) { return std::binary_search(wanted.begin(), wanted.end(), item); });
  return static_cast<double>(found) / static_cast<double>(relevant.size());
}

std::vector<float> case_values(std::span<const int32_t> ranks, std::string_view metric, int64_t k) {
  check_cutoff(k);
  check_ranks(ranks);
  if (metric == "hr") return gains(ranks, k, hit_gain);
  if (metric == "ndcg") return gains(ranks, k, ndcg_gain);
  if (metric == "mrr") return gains(ranks, k, mrr_gain);
  fail(ErrorKind::config, "no metric is called '{}' (there are: hr, ndcg, mrr)", metric);
}

}  // namespace tessera
