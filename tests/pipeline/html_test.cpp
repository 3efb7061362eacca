#include "pipeline/html.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tessera::html {
namespace {

TEST(Html, EscapesEverythingThatMatters) {
  EXPECT_EQ(escape("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
  EXPECT_NE(page("<t>", "").find("<title>&lt;t&gt;</title>"), std::string::npos);
}

TEST(Html, ChartsSurviveOddNumbers) {
  EXPECT_EQ(line_chart({}, "x", "y"), "");
  EXPECT_EQ(line_chart({{"none", {}}}, "x", "y"), "");
  EXPECT_EQ(line_chart({{"nan", {{1, NAN}, {INFINITY, 2}}}}, "x", "y"), "");
  for (const double value : {0.0, 5.0, -3.0, 1e-9, 1e12}) {
    const std::string chart = line_chart({{"one", {{1, value}}}}, "x", "y");
    EXPECT_NE(chart.find("<svg"), std::string::npos);
    EXPECT_EQ(chart.find("nan"), std::string::npos) << chart;
  }
  EXPECT_EQ(bar_chart({{"a", "", 0.0}, {"b", "", std::nullopt}}).find("nan"), std::string::npos);
  EXPECT_EQ(usage_strip({}), "");
  EXPECT_NE(usage_strip({5, 1, 0}).find("dead"), std::string::npos);
  EXPECT_NE(usage_strip(std::vector<int64_t>(5000, 3)).find("used"), std::string::npos);
}

TEST(Html, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace tessera::html
