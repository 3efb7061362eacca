#include "data/negative_sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

NegativeSamplerOptions by(const std::string& kind, double alpha = 1) {
  NegativeSamplerOptions options;
  options.kind = kind;
  options.alpha = alpha;
  return options;
}

std::vector<ItemId> draw(const NegativeSampler& sampler, std::vector<ItemId> positives, int64_t step, int64_t row,
                         size_t count) {
  std::vector<ItemId> negatives(count);
  sampler.sample(positives, step, row, negatives);
  return negatives;
}

TEST(NegativeSampler, DrawsFollowTheirProbabilities) {
  const std::vector<int64_t> counts = {1, 4, 0, 16, 9};
  constexpr size_t kDraws = 200000;
  for (const auto& options : {by("uniform"), by("popularity", 1), by("popularity", 0.5), by("popularity", 0)}) {
    const NegativeSampler sampler(options, counts, 7);
    std::vector<double> seen(counts.size());
    for (const ItemId item : draw(sampler, {}, 3, 0, kDraws)) seen[static_cast<size_t>(index(item))] += 1.0 / kDraws;
    double sum = 0;
    for (int32_t i = 0; i < 5; ++i) {
      const double wanted = std::exp(static_cast<double>(sampler.log_q(ItemId{i})));
      // Four standard deviations of a share of 200,000 draws are below 0.0045.
      EXPECT_NEAR(seen[static_cast<size_t>(i)], wanted, 0.0045) << options.kind << " " << i;
      sum += wanted;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_NEAR(std::exp(NegativeSampler(by("popularity", 0.5), counts, 7).log_q(ItemId{3})), 0.4, 1e-6);
}

TEST(NegativeSampler, PositivesAreNeverDrawn) {
  std::vector<int64_t> counts(50, 1);
  counts[10] = 1000000;  // nearly every draw would be a positive
  const NegativeSampler popular(by("popularity"), counts, 1), uniform(by("uniform"), counts, 1);
  for (int64_t step = 0; step < 50; ++step) {
    for (const ItemId item : draw(popular, {ItemId{3}, ItemId{10}}, step, 0, 20))
      EXPECT_TRUE(item != ItemId{3} && item != ItemId{10});
  }
  std::vector<ItemId> all_but_one;
  for (int i = 0; i < 50; ++i) {
    if (i != 31) all_but_one.push_back(ItemId{i});
  }
  for (const ItemId item : draw(uniform, all_but_one, 0, 0, 20)) EXPECT_EQ(item, ItemId{31});
  all_but_one.insert(all_but_one.begin() + 31, ItemId{31});
  test::expect_error(ErrorKind::data, "no negative", [&] { draw(uniform, all_but_one, 0, 0, 1); });
}

TEST(NegativeSampler, DependsOnSeedStepAndRowAlone) {
  const std::vector<int64_t> counts(1000, 2);
  const NegativeSampler sampler(by("uniform"), counts, 5), same(by("uniform"), counts, 5),
      other(by("uniform"), counts, 6);
  const auto first = draw(sampler, {}, 9, 4, 16);
  draw(sampler, {}, 1, 1, 100);
  EXPECT_EQ(draw(sampler, {}, 9, 4, 16), first);
  EXPECT_EQ(draw(same, {}, 9, 4, 16), first);
  EXPECT_NE(draw(other, {}, 9, 4, 16), first);
  EXPECT_NE(draw(sampler, {}, 9, 5, 16), first);
  EXPECT_NE(draw(sampler, {}, 10, 4, 16), first);
}

TEST(NegativeSampler, RefusesBadInput) {
  const std::vector<int64_t> none, zero(3, 0), negative = {1, -1};
  test::expect_error(ErrorKind::data, "without items", [&] { NegativeSampler(by("uniform"), none, 0); });
  test::expect_error(ErrorKind::data, "nothing can be drawn", [&] { NegativeSampler(by("popularity"), zero, 0); });
  test::expect_error(ErrorKind::data, "item 1", [&] { NegativeSampler(by("popularity"), negative, 0); });
  test::expect_error(ErrorKind::config, "nearby", [&] { NegativeSampler(by("nearby"), zero, 0); });
  const std::vector<double> weights = {1, NAN};
  test::expect_error(ErrorKind::data, "weight 1", [&] { AliasTable table(weights); });
}

TEST(InBatch, LogQAndMask) {
  const std::vector<int64_t> counts = {6, 0, 2};
  const auto log_q = in_batch_log_q(counts);
  EXPECT_NEAR(log_q[0], std::log(0.75), 1e-6);
  EXPECT_NEAR(log_q[1], std::log(0.125), 1e-6);
  EXPECT_NEAR(log_q[2], std::log(0.25), 1e-6);
  EXPECT_THROW(in_batch_log_q(std::vector<int64_t>(3, 0)), Error);
  const std::vector<ItemId> answers = {ItemId{4}, ItemId{5}, ItemId{4}};
  EXPECT_EQ(in_batch_mask(answers), (std::vector<uint8_t>{0, 1, 0, 1, 0, 1, 0, 1, 0}));
}

}  // namespace
}  // namespace tessera
