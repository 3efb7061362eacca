#include "train/batch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace tessera {
namespace {

int64_t one(int64_t) {
  return 1;
}
int64_t uneven(int64_t example) {
  return 1 + example * 7919 % 50;
}

std::vector<int64_t> epoch_of(BatchOrder& order, int64_t epoch) {
  order.start_epoch(epoch);
  std::vector<int64_t> all;
  for (int64_t b = 0; b < order.num_batches(); ++b) {
    const auto batch = order.batch(b);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

TEST(BatchOrderTest, EveryExampleOnceInAnEpoch) {
  for (const int64_t size : {1, 31, 32, 33, 1000, 5003}) {
    for (const auto length : {one, uneven}) {
      BatchOrder order(size, 32, 5, length);
      EXPECT_EQ(order.num_batches(), (size + 31) / 32);
      for (int64_t epoch = 0; epoch < 3; ++epoch) {
        auto all = epoch_of(order, epoch);
        std::sort(all.begin(), all.end());
        std::vector<int64_t> expected(static_cast<size_t>(size));
        std::iota(expected.begin(), expected.end(), 0);
        EXPECT_EQ(all, expected);
      }
    }
  }
}

TEST(BatchOrderTest, OrderDependsOnSeedAndEpochOnly) {
  BatchOrder a(1000, 32, 5, uneven), b(1000, 32, 5, uneven), other(1000, 32, 6, uneven);
  epoch_of(a, 0);
  epoch_of(a, 1);
  EXPECT_EQ(epoch_of(a, 2), epoch_of(b, 2));
  EXPECT_NE(epoch_of(a, 2), epoch_of(a, 3));
  EXPECT_NE(epoch_of(a, 2), epoch_of(other, 2));
}

TEST(BatchOrderTest, BatchesHoldExamplesOfLikeLength) {
  BatchOrder order(50 * 64 * 3 + 17, 64, 5, uneven);
  order.start_epoch(0);
  int64_t padded = 0, useful = 0;
  std::vector<int64_t> longest;
  for (int64_t b = 0; b < order.num_batches(); ++b) {
    longest.push_back(0);
    for (const int64_t example : order.batch(b)) {
      longest.back() = std::max(longest.back(), uneven(example));
      useful += uneven(example);
    }
    padded += longest.back() * static_cast<int64_t>(order.batch(b).size());
  }
  EXPECT_LT(static_cast<double>(padded), 1.05 * static_cast<double>(useful));
  EXPECT_FALSE(std::is_sorted(longest.begin(), longest.end()));
}

TEST(BatchOrderTest, BatchesOfLikeWeight) {
  const auto weight = [](int64_t example) { return uneven(example) - 1; };
  for (const int64_t size : {50 * 64 * 3 + 17, 64 * 7, 65, 3}) {
    BatchOrder order(size, 64, 5, uneven, weight);
    std::vector<int64_t> seen;
    int64_t total = 0, heaviest = 0, others = 0;
    for (int64_t i = 0; i < size; ++i) total += weight(i), heaviest = std::max(heaviest, weight(i));
    order.start_epoch(0);
    for (int64_t b = 0; b < order.num_batches(); ++b) {
      const auto batch = order.batch(b);
      ASSERT_FALSE(batch.empty());
      int64_t sum = 0;
      for (const int64_t example : batch) sum += weight(example);
      seen.insert(seen.end(), batch.begin(), batch.end());
      others += std::abs(sum - total / order.num_batches()) > 2 * heaviest;
    }
    if (size > 50 * 64 * 3) EXPECT_LE(others, 1) << "the last batch is of 17 examples";
    std::sort(seen.begin(), seen.end());
    for (int64_t i = 0; i < size; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
    ASSERT_EQ(static_cast<int64_t>(seen.size()), size);
  }
  // One example outweighs all others: nobody's batch is empty.
  BatchOrder order(
      130, 2, 5, [](int64_t e) { return e == 7 ? 1000 : 1 + e % 3; }, [](int64_t e) { return e == 7 ? 1000 : 1; });
  order.start_epoch(3);
  for (int64_t b = 0; b < order.num_batches(); ++b) EXPECT_GE(order.batch(b).size(), 1u);
}

TEST(BatchOrderTest, EqualWeightsChangeNothing) {
  const int64_t size = 50 * 64 + 150;
  BatchOrder plain(size, 64, 5, uneven), weighted(size, 64, 5, uneven, [](int64_t) { return 3; });
  plain.start_epoch(1);
  weighted.start_epoch(1);
  for (int64_t b = 0; b < plain.num_batches(); ++b) {
    const auto x = plain.batch(b), y = weighted.batch(b);
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
  }
}

TEST(BatchOrderTest, NothingToTrainOnIsRefused) {
  EXPECT_THROW(BatchOrder(0, 32, 5, one), Error);
  EXPECT_THROW(BatchOrder(5, 0, 5, one), Error);
  BatchOrder order(5, 2, 5, one);
  EXPECT_THROW(order.batch(0), Error);  // no epoch yet
  order.start_epoch(0);
  EXPECT_THROW(order.batch(3), Error);
}

}  // namespace
}  // namespace tessera
