#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "eval/metrics.h"

namespace tessera {

namespace {

/// Gini coefficient of counts: 0 when all are equal, near 1 when one holds everything.
double gini_of(std::vector<int64_t> counts) {
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<double>(counts.size());
  double sum = 0, weighted = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += static_cast<double>(counts[i]);
    weighted += (2 * static_cast<double>(i + 1) - n - 1) * static_cast<double>(counts[i]);
  }
  return sum == 0 ? 0 : weighted / (n * sum);
}

/// Marks the most popular fifth of the items, rounded up; of equally popular ones, the lower item first.
std::vector<bool> popular_fifth(std::span<const int64_t> train_counts) {
  std::vector<int32_t> order(train_counts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto head = static_cast<std::ptrdiff_t>((order.size() + 4) / 5);
  std::partial_sort(order.begin(), order.begin() + head, order.end(), [&](int32_t left, int32_t right) {
    const int64_t l = train_counts[static_cast<size_t>(left)], r = train_counts[static_cast<size_t>(right)];
    return l != r ? l > r : left < right;
  });
  std::vector<bool> popular(order.size(), false);
  for (std::ptrdiff_t i = 0; i < head; ++i) popular[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  return popular;
}

}  // namespace

Exposure exposure(std::span<const int32_t> shown, std::span<const int64_t> train_counts) {
  Exposure result;
  if (shown.empty()) return result;
  const std::vector<bool> popular = popular_fifth(train_counts);
  std::vector<int64_t> counts(train_counts.size(), 0);
  double popularity = 0;
  int64_t from_tail = 0;
  for (const int32_t item : shown) {
    TESSERA_CHECK(item >= 0 && static_cast<size_t>(item) < train_counts.size(), data,
                  "shown item {} is outside the catalogue of {} items", item, train_counts.size());
    const auto i = static_cast<size_t>(item);
    ++counts[i];
    popularity += static_cast<double>(train_counts[i]);
    from_tail += popular[i] ? 0 : 1;
  }
  const auto distinct = std::count_if(counts.begin(), counts.end(), [](int64_t count) { return count > 0; });
  result.coverage = static_cast<double>(distinct) / static_cast<double>(counts.size());
  result.mean_popularity = popularity / static_cast<double>(shown.size());
  result.tail_share = static_cast<double>(from_tail) / static_cast<double>(shown.size());
  result.gini = gini_of(std::move(counts));
  return result;
}

}  // namespace tessera
