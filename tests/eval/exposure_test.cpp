#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {
namespace {

TEST(Exposure, HandComputed) {
  // Five items, so the popular fifth is item 3 alone.
  const std::vector<int64_t> train_counts = {4, 0, 6, 10, 0};
  const std::vector<int32_t> shown = {3, 3, 0, 2};
  const Exposure result = exposure(shown, train_counts);
  EXPECT_DOUBLE_EQ(result.coverage, 0.6);
  EXPECT_DOUBLE_EQ(result.mean_popularity, 7.5);
  EXPECT_DOUBLE_EQ(result.tail_share, 0.5);
  // Shown counts ascending 0 0 1 1 2: (0*1 + 2*1 + 4*2) / (5 * 4).
  EXPECT_DOUBLE_EQ(result.gini, 0.5);
}

TEST(Exposure, EqualCountsHaveNoGini) {
  const std::vector<int64_t> train_counts(10, 1);
  const std::vector<int32_t> shown = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Exposure result = exposure(shown, train_counts);
  EXPECT_DOUBLE_EQ(result.coverage, 1);
  EXPECT_DOUBLE_EQ(result.gini, 0);
  EXPECT_DOUBLE_EQ(result.tail_share, 0.8);  // ties: items 0 and 1 are the popular fifth
}

TEST(Exposure, GiniEqualsMeanAbsoluteDifference) {
  Random random(1, "test.exposure");
  const std::vector<int64_t> train_counts(40, 1);
  std::vector<int32_t> shown(500);
  for (int32_t& item : shown) item = static_cast<int32_t>(random.below(random.below(40) + 1));
  std::vector<double> counts(40, 0);
  for (const int32_t item : shown) counts[static_cast<size_t>(item)] += 1;
  double differences = 0;
  for (const double a : counts) {
    for (const double b : counts) differences += std::abs(a - b);
  }
  EXPECT_NEAR(exposure(shown, train_counts).gini, differences / (2 * 40 * 500), 1e-12);
}

TEST(Exposure, NothingShownGivesZeros) {
  const Exposure result = exposure({}, std::vector<int64_t>{1, 2, 3});
  EXPECT_EQ(result.coverage, 0);
  EXPECT_EQ(result.gini, 0);
  EXPECT_EQ(result.mean_popularity, 0);
  EXPECT_EQ(result.tail_share, 0);
}

TEST(Exposure, ItemsOutsideTheCatalogueAreRefused) {
  EXPECT_THROW(exposure(std::vector<int32_t>{3}, std::vector<int64_t>{1, 2, 3}), Error);
  EXPECT_THROW(exposure(std::vector<int32_t>{-1}, std::vector<int64_t>{1, 2, 3}), Error);
}

}  // namespace
}  // namespace tessera
