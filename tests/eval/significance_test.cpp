#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {
namespace {

/// `count` draws of 1 with the given probability, else 0.
std::vector<float> coin(uint64_t seed, int64_t count, double probability) {
  Random random(seed, "test.coin");
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = random.chance(probability) ? 1.0F : 0.0F;
  return values;
}

TEST(Bootstrap, ConstantValuesHaveNoWidth) {
  const std::vector<float> values(100, 0.25F);
  const Interval interval = bootstrap(values, 200, 0.95, 1);
  EXPECT_DOUBLE_EQ(interval.mean, 0.25);
  EXPECT_DOUBLE_EQ(interval.low, 0.25);
  EXPECT_DOUBLE_EQ(interval.high, 0.25);
}

TEST(Bootstrap, NoCasesGiveZero) {
  const Interval interval = bootstrap({}, 200, 0.95, 1);
  EXPECT_EQ(interval.mean, 0);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 0);
}

TEST(Bootstrap, SeedDecidesTheResult) {
  const std::vector<float> values = coin(3, 2000, 0.1);
  const Interval first = bootstrap(values, 500, 0.95, 7), again = bootstrap(values, 500, 0.95, 7);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, bootstrap(values, 500, 0.95, 8).low);
}

// Resamples are drawn here one after another from the streams that the contract names: the pool must not change them.
TEST(Bootstrap, EqualsASerialLoop) {
  const std::vector<float> values = coin(4, 300, 0.3);
  std::vector<double> means;
  for (uint64_t resample = 0; resample < 101; ++resample) {
    Random random(9, "eval.bootstrap", resample);
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  const Interval interval = bootstrap(values, 101, 0.9, 9);
  EXPECT_DOUBLE_EQ(interval.low, means[5]);  // 5% of 100 steps
  EXPECT_DOUBLE_EQ(interval.high, means[95]);
}

TEST(Bootstrap, WidthIsThatOfTheNormalApproximation) {
  const std::vector<float> values = coin(5, 20000, 0.08);
  const Interval interval = bootstrap(values, 2000, 0.95, 1);
  const double expected = 2 * 1.96 * std::sqrt(interval.mean * (1 - interval.mean) / 20000);
  EXPECT_NEAR((interval.high - interval.low) / expected, 1.0, 0.1);
  EXPECT_LT(interval.low, interval.mean);
  EXPECT_GT(interval.high, interval.mean);
}

TEST(Bootstrap, CoversTheTruthAsOftenAsItSays) {
  int covered = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Interval interval = bootstrap(coin(100 + static_cast<uint64_t>(trial), 400, 0.3), 200, 0.9, 1);
    covered += interval.low <= 0.3 && 0.3 <= interval.high ? 1 : 0;
  }
  // 0.9 with a standard error of 0.017: four of them on either side.
  EXPECT_GT(covered, 0.83 * kTrials);
  EXPECT_LT(covered, 0.97 * kTrials);
}

TEST(PairedDifference, SameRunIsNotDifferent) {
  const std::vector<float> values = coin(6, 1000, 0.2);
  const Difference difference = paired_difference(values, values, 500, 0.95, 1);
  EXPECT_EQ(difference.interval.mean, 0);
  EXPECT_EQ(difference.interval.low, 0);
  EXPECT_EQ(difference.p_value, 1);
}

TEST(PairedDifference, ClearDifferenceIsSignificant) {
  const std::vector<float> better = coin(7, 5000, 0.30), worse = coin(8, 5000, 0.20);
  const Difference difference = paired_difference(better, worse, 1000, 0.95, 1);
  EXPECT_GT(difference.interval.low, 0);
  EXPECT_NEAR(difference.p_value, 2.0 / 1001, 1e-12);  // the smallest one there is
  const Difference turned = paired_difference(worse, better, 1000, 0.95, 1);
  EXPECT_LT(turned.interval.high, 0);
  EXPECT_DOUBLE_EQ(turned.interval.mean, -difference.interval.mean);
  EXPECT_EQ(turned.p_value, difference.p_value);
}

TEST(PairedDifference, FalseAlarmsAreAsRareAsTheLevel) {
  int alarms = 0;
  constexpr int kTrials = 200;
  for (uint64_t trial = 0; trial < kTrials; ++trial) {
    const std::vector<float> a = coin(1000 + trial, 400, 0.25), b = coin(5000 + trial, 400, 0.25);
    alarms += paired_difference(a, b, 200, 0.95, trial).p_value < 0.05 ? 1 : 0;
  }
  EXPECT_LT(alarms, 0.12 * kTrials);  // 0.05 with a standard error of 0.015
}

TEST(PairedDifference, PairingNarrowsTheInterval) {
  const std::vector<float> base = coin(9, 3000, 0.5);
  std::vector<float> shifted = base;
  for (size_t i = 0; i < shifted.size(); i += 50) shifted[i] = 1.0F;
  const Interval paired = paired_difference(shifted, base, 500, 0.95, 1).interval;
  const Interval alone = bootstrap(base, 500, 0.95, 1);
  EXPECT_LT(paired.high - paired.low, (alone.high - alone.low) / 2);
}

TEST(Bootstrap, WrongUseIsRefused) {
  const std::vector<float> values = {1, 2, 3};
  EXPECT_THROW(bootstrap(values, 0, 0.95, 1), Error);
  EXPECT_THROW(bootstrap(values, 10, 1.0, 1), Error);
  EXPECT_THROW(bootstrap(values, 10, 0.0, 1), Error);
  EXPECT_THROW(bootstrap(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, 10, 0.9, 1), Error);
  EXPECT_THROW(paired_difference(values, std::vector<float>{1}, 10, 0.9, 1), Error);
}

}  // namespace
}  // namespace tessera
