#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace tessera {
namespace {

TEST(ScheduleTest, WarmUpIsLinearUpToThePeak) {
  for (const char* shape : {"constant", "cosine", "linear", "inverse-sqrt"}) {
    const Schedule schedule{shape, 0.8, 4, 100};
    EXPECT_DOUBLE_EQ(schedule.rate(1), 0.2) << shape;
    EXPECT_DOUBLE_EQ(schedule.rate(2), 0.4) << shape;
    EXPECT_DOUBLE_EQ(schedule.rate(4), 0.8) << shape;
  }
}

TEST(ScheduleTest, ShapesAfterWarmUp) {
  EXPECT_DOUBLE_EQ((Schedule{"constant", 1, 4, 12}.rate(12)), 1);
  EXPECT_DOUBLE_EQ((Schedule{"inverse-sqrt", 1, 4, 100}.rate(16)), 0.5);
  EXPECT_DOUBLE_EQ((Schedule{"inverse-sqrt", 1, 0, 100}.rate(16)), 0.25);
  const Schedule linear{"linear", 1, 4, 12};
  EXPECT_DOUBLE_EQ(linear.rate(5), 1);
  EXPECT_DOUBLE_EQ(linear.rate(9), 0.5);
  EXPECT_DOUBLE_EQ(linear.rate(12), 0.125);
  EXPECT_DOUBLE_EQ(linear.rate(13), 0);
  const Schedule cosine{"cosine", 2, 4, 12};
  EXPECT_DOUBLE_EQ(cosine.rate(5), 2);
  EXPECT_NEAR(cosine.rate(7), 1 + std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(cosine.rate(9), 1, 1e-12);
  EXPECT_NEAR(cosine.rate(13), 0, 1e-12);
}

TEST(ScheduleTest, TheClockLeadsWhereItIsAhead) {
  const Schedule linear{"linear", 1, 0, 100};
  EXPECT_DOUBLE_EQ(linear.rate(11, 0.75), 0.25);
  EXPECT_DOUBLE_EQ(linear.rate(91, 0.75), 0.1);
  EXPECT_DOUBLE_EQ(linear.rate(11, 1.0), 0);
  EXPECT_DOUBLE_EQ((Schedule{"linear", 1, 20, 100}.rate(10, 0.75)), 0.5);  // warm-up does not follow the clock
}

TEST(ScheduleTest, WarmUpLongerThanTheTraining) {
  EXPECT_DOUBLE_EQ((Schedule{"cosine", 1, 50, 10}.rate(10)), 0.2);
}

TEST(ScheduleTest, UnknownShapeIsRefused) {
  EXPECT_THROW((Schedule{"square", 1, 0, 10}.rate(3)), Error);
}

}  // namespace
}  // namespace tessera
