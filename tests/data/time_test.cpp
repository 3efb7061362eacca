#include "data/time.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tessera {
namespace {

TEST(Time, ReadsRfc3339) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2026-03-02T10:00:00Z"), 1772445600);
  EXPECT_EQ(parse_time("2026-03-02t10:00:00.999z"), 1772445600);
  EXPECT_EQ(parse_time("2026-03-02 18:00:00+08:00"), 1772445600);
  EXPECT_EQ(parse_time("2026-03-02T04:30:00-05:30"), 1772445600);
  EXPECT_EQ(parse_time("2026-03-02"), 1772409600);
  EXPECT_EQ(parse_time("2000-02-29"), 951782400);
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), 1483228800);
  EXPECT_EQ(parse_time("0001-01-01"), kMinTime);
  EXPECT_EQ(parse_time("9999-12-31T23:59:59Z"), kMaxTime);
}

TEST(Time, ReadsSeconds) {
  EXPECT_EQ(parse_time("978300760"), 978300760);
  EXPECT_EQ(parse_time("-1"), -1);
}

TEST(Time, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "Z",
                           "2026-3-2",
                           "2026-13-01",
                           "2026-00-10",
                           "2026-02-29",
                           "1900-02-29",
                           "2026-03-02T",
                           "2026-03-02T10:00:00",
                           "2026-03-02T24:00:00Z",
                           "2026-03-02T10:60:00Z",
                           "2026-03-02T10:00:61Z",
                           "2026-03-02T10:00:00.Z",
                           "2026-03-02T10:00:00+8",
                           "2026-03-02T10:00:00Zx",
                           "2026-03-02T10:00:00+24:00",
                           "1e9",
                           "12.5",
                           "999999999999999999",
                           "99999999999999999999999",
                           "0000-01-01",
                           "9999-12-31T23:59:59-01:00",
                           "tomorrow",
                           "2026-03-02T10:00Z",
                           "+5"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(Time, FormatsWhatItReads) {
  for (const int64_t time : {kMinTime, int64_t{-1}, int64_t{0}, int64_t{951782400}, int64_t{1772445600}, kMaxTime}) {
    EXPECT_EQ(parse_time(format_time(time)), time);
  }
  for (int64_t time = -5'000'000'000; time < 5'000'000'000; time += 86399 * 97)
    EXPECT_EQ(parse_time(format_time(time)), time);
  EXPECT_EQ(format_time(1772445600), "2026-03-02T10:00:00Z");
  EXPECT_THROW(format_time(kMaxTime + 1), Error);
}

}  // namespace
}  // namespace tessera
