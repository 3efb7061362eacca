#include "data/check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/small_dataset.h"

namespace tessera {
namespace {

using test::add_clicks;
using test::empty_dataset;

CheckResult find_check(const CheckReport& report, const std::string& name) {
  for (const CheckResult& check : report.results) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check " << name;
  return {};
}

Dataset good_dataset() {
  Dataset dataset = empty_dataset(4, 2);
  add_clicks(dataset, {{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {1, 3, 1}, {1, 2, 2}, {1, 0, 3}});
  return dataset;
}

TEST(Check, GoodDatasetPasses) {
  const CheckReport report = check_dataset(good_dataset());
  for (const CheckResult& check : report.results)
    EXPECT_EQ(check.verdict, Verdict::pass) << check.name << ": " << check.message;
  EXPECT_EQ(report.verdict(), Verdict::pass);
  EXPECT_NE(find_check(report, "popularity").message.find("Gini 0.1"), std::string::npos);
  const nlohmann::json dump = report.dump();
  EXPECT_EQ(dump["verdict"], "PASS");
  EXPECT_EQ(dump["checks"].size(), report.results.size());
}

TEST(Check, EmptyDataset) {
  const CheckReport report = check_dataset(Dataset());
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_EQ(find_check(report, "catalogue").verdict, Verdict::fail);
  EXPECT_EQ(find_check(report, "actions").verdict, Verdict::warn);
}

TEST(Check, FindsWhatIsWrong) {
  Dataset dataset = good_dataset();
  Item item;
  item.id = "bare";
  item.price = -1;
  dataset.items.add(item);
  add_clicks(dataset, {{1, 0, 3}, {1, 0, 2}});
  dataset.log.value[0] = -INFINITY;
  const CheckReport report = check_dataset(dataset);
  EXPECT_EQ(find_check(report, "item-texts").count, 1);
  EXPECT_EQ(find_check(report, "item-texts").verdict, Verdict::warn);
  EXPECT_EQ(find_check(report, "prices").verdict, Verdict::fail);
  EXPECT_EQ(find_check(report, "prices").examples.at(0), "item bare: price -1");
  EXPECT_EQ(find_check(report, "values").count, 1);
  EXPECT_EQ(find_check(report, "time-order").count, 1);
  EXPECT_EQ(find_check(report, "time-ties").count, 1);
  EXPECT_EQ(find_check(report, "duplicates").count, 1);
  EXPECT_EQ(find_check(report, "duplicates").verdict, Verdict::warn);
  EXPECT_EQ(report.verdict(), Verdict::fail);
}

TEST(Check, UnknownReferencesEndTheChecks) {
  for (const int column : {0, 1, 2, 3, 4}) {
    Dataset dataset = good_dataset();
    if (column == 0) dataset.log.user[1] = UserId{2};
    if (column == 1) dataset.log.item[1] = ItemId{-1};
    if (column == 2) dataset.log.action[1] = 77;
    if (column == 3) dataset.log.query[1] = 0;
    if (column == 4) dataset.log.scene[1] = -2;
    const CheckReport report = check_dataset(dataset);
    EXPECT_EQ(find_check(report, "references").verdict, Verdict::fail);
    EXPECT_EQ(find_check(report, "references").count, 1);
  }
  Dataset dataset = good_dataset();
  dataset.log.time.pop_back();
  EXPECT_EQ(find_check(check_dataset(dataset), "columns").verdict, Verdict::fail);
}

TEST(Check, ShortHistories) {
  Dataset dataset = empty_dataset(4, 2);
  add_clicks(dataset, {{0, 0, 1}, {0, 1, 2}, {1, 3, 1}});
  EXPECT_EQ(find_check(check_dataset(dataset), "short-histories").verdict, Verdict::fail);
  add_clicks(dataset, {{1, 2, 2}, {1, 0, 3}});
  const CheckResult check = find_check(check_dataset(dataset), "short-histories");
  EXPECT_EQ(check.verdict, Verdict::pass);
  EXPECT_EQ(check.count, 1);
}

}  // namespace
}  // namespace tessera
