#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, KnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox(0, 0, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, SameSeedSameNumbersOtherStreamOthers) {
  Random a(7, "train.order"), b(7, "train.order"), c(7, "train.dropout"), d(8, "train.order"), e(7, "train.order", 1);
  std::set<uint64_t> firsts;
  const uint64_t first = a.next_u64();
  EXPECT_EQ(first, b.next_u64());
  for (Random* other : {&c, &d, &e}) firsts.insert(other->next_u64());
  firsts.insert(first);
  EXPECT_EQ(firsts.size(), 4u);
}

TEST(Random, StreamIdsAreStable) {
  EXPECT_EQ(stream_id("a"), stream_id("a"));
  EXPECT_NE(stream_id("a"), stream_id("b"));
  EXPECT_NE(stream_id(""), stream_id(std::string_view("\0", 1)));
}

TEST(Random, MomentsOfTheDistributions) {
  Random random(1, "moments");
  constexpr int kDraws = 200'000;
  double uniform = 0, normal = 0, normal_squared = 0, exponential = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform(), n = random.normal();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform += u;
    normal += n;
    normal_squared += n * n;
    exponential += random.exponential();
  }
  EXPECT_NEAR(uniform / kDraws, 0.5, 0.005);  // 5 standard errors and more, here and below
  EXPECT_NEAR(normal / kDraws, 0.0, 0.012);
  EXPECT_NEAR(normal_squared / kDraws, 1.0, 0.02);
  EXPECT_NEAR(exponential / kDraws, 1.0, 0.012);
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  Random random(2, "below");
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, ShuffleIsAPermutation) {
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  std::vector<int> shuffled = values;
  Random(3, "shuffle").shuffle(std::span<int>(shuffled));
  EXPECT_NE(shuffled, values);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, values);
}

TEST(Random, WeightedFollowsTheWeights) {
  Random random(4, "weighted");
  const std::vector<double> weights{0, 1, 0, 3, 0};
  std::vector<int> counts(weights.size());
  for (int i = 0; i < 40'000; ++i) ++counts.at(random.weighted(weights));
  EXPECT_EQ(counts[0] + counts[2] + counts[4], 0);
  EXPECT_NEAR(counts[1], 10'000, 500);
}

TEST(Random, WeightedRefusesImpossibleWeights) {
  Random random(5, "weighted");
  const auto draw = [&](std::vector<double> weights) { return [&random, weights] { random.weighted(weights); }; };
  expect_error(ErrorKind::data, "sum", draw({}));
  expect_error(ErrorKind::data, "sum", draw({0, 0}));
  expect_error(ErrorKind::data, "weight 1 is -1", draw({2, -1}));
  expect_error(ErrorKind::data, "nan", draw({2, std::nan("")}));
  expect_error(ErrorKind::data, "inf", draw({HUGE_VAL}));
  expect_error(ErrorKind::data, "sum", draw({1e308, 1e308}));
}

}  // namespace
}  // namespace tessera
