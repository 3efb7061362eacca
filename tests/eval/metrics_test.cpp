#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

using Ranks = std::vector<int32_t>;

TEST(Metrics, HandComputed) {
  const Ranks ranks = {1, 3, kNotFound, 11};
  EXPECT_DOUBLE_EQ(hit_rate(ranks, 1), 0.25);
  EXPECT_DOUBLE_EQ(hit_rate(ranks, 3), 0.5);
  EXPECT_DOUBLE_EQ(hit_rate(ranks, 10), 0.5);
  EXPECT_DOUBLE_EQ(hit_rate(ranks, 11), 0.75);
  // 1/log2(2) = 1, 1/log2(4) = 0.5
  EXPECT_DOUBLE_EQ(ndcg(ranks, 2), 0.25);
  EXPECT_DOUBLE_EQ(ndcg(ranks, 10), 0.375);
  EXPECT_NEAR(ndcg(ranks, 20), (1.5 + 1 / std::log2(12.0)) / 4, 1e-15);
  EXPECT_NEAR(mrr(ranks, 10), (1 + 1.0 / 3) / 4, 1e-15);
  EXPECT_NEAR(mrr(ranks, 20), (1 + 1.0 / 3 + 1.0 / 11) / 4, 1e-15);
}

TEST(Metrics, NoCasesGiveZero) {
  EXPECT_EQ(hit_rate({}, 10), 0);
  EXPECT_EQ(ndcg({}, 10), 0);
  EXPECT_EQ(mrr({}, 10), 0);
  EXPECT_TRUE(case_values({}, "hr", 10).empty());
}

TEST(Metrics, RecallOverSets) {
  const Ranks ranked = {5, 2, 9, 7}, relevant = {9, 5, 1};
  EXPECT_NEAR(recall(ranked, relevant, 1), 1.0 / 3, 1e-15);
  EXPECT_NEAR(recall(ranked, relevant, 2), 1.0 / 3, 1e-15);
  EXPECT_NEAR(recall(ranked, relevant, 3), 2.0 / 3, 1e-15);
  EXPECT_NEAR(recall(ranked, relevant, 100), 2.0 / 3, 1e-15);
  EXPECT_EQ(recall(ranked, {}, 3), 0);
  EXPECT_EQ(recall({}, relevant, 3), 0);
}

TEST(Metrics, RecallWithOnePositiveIsHitRate) {
  Random random(1, "test.recall");
  for (int trial = 0; trial < 200; ++trial) {
    Ranks ranked(20);
    for (int32_t i = 0; i < 20; ++i) ranked[static_cast<size_t>(i)] = i;
    random.shuffle(std::span(ranked));
    const auto target = static_cast<int32_t>(random.below(30));  // a third of the targets are absent
    Ranks rank = {kNotFound};
    for (size_t i = 0; i < ranked.size(); ++i) {
      if (ranked[i] == target) rank[0] = static_cast<int32_t>(i) + 1;
    }
    const auto k = static_cast<int64_t>(1 + random.below(20));
    EXPECT_EQ(recall(ranked, Ranks{target}, k), hit_rate(rank, k));
  }
}

TEST(Metrics, CaseValuesAverageToTheMetric) {
  Random random(2, "test.cases");
  Ranks ranks(5000);
  for (int32_t& rank : ranks) rank = static_cast<int32_t>(random.below(60));
  const auto mean = [&](std::string_view metric) {
    double sum = 0;
    for (const float value : case_values(ranks, metric, 10)) sum += value;
    return sum / static_cast<double>(ranks.size());
  };
  EXPECT_NEAR(mean("hr"), hit_rate(ranks, 10), 1e-7);
  EXPECT_NEAR(mean("ndcg"), ndcg(ranks, 10), 1e-7);
  EXPECT_NEAR(mean("mrr"), mrr(ranks, 10), 1e-7);
}

TEST(Metrics, WrongUseIsRefused) {
  const Ranks ranks = {1, 2};
  EXPECT_THROW(hit_rate(ranks, 0), Error);
  EXPECT_THROW(ndcg(Ranks{1, -1}, 5), Error);
  EXPECT_THROW(recall(ranks, ranks, -3), Error);
  try {
    case_values(ranks, "map", 10);
    FAIL() << "an unknown metric was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_NE(std::string(error.what()).find("'map'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tessera
