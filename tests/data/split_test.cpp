#include "data/split.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/progress.h"
#include "data/import.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

using test::add_clicks;
using test::empty_dataset;
using test::error_of;

std::vector<int> numbers(std::span<const ItemId> items) {
  std::vector<int> result;
  for (const ItemId item : items) result.push_back(index(item));
  return result;
}

TEST(Split, LeavesTheLastTwoOut) {
  Dataset dataset = empty_dataset(5, 2);
  add_clicks(dataset, {{0, 0, 10}, {1, 4, 1}, {0, 2, 30}, {0, 1, 20}, {0, 3, 40}, {1, 3, 2}, {1, 2, 3}});
  dataset.log.sort();
  const Split split = make_split(dataset, {});
  EXPECT_EQ(numbers(split.all.of(UserId{0})), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(numbers(split.train_history(UserId{0})), (std::vector<int>{0, 1}));
  ASSERT_EQ(split.test.size(), 2u);
  EXPECT_EQ(numbers(split.history(split.test[0])), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(index(split.test[0].target), 3);
  EXPECT_EQ(numbers(split.history(split.valid[0])), (std::vector<int>{0, 1}));
  EXPECT_EQ(index(split.valid[0].target), 2);
  EXPECT_EQ(split.train_counts, (std::vector<int64_t>{1, 1, 0, 0, 1}));
}

TEST(Split, TiesKeepTheOrderOfArrival) {
  Dataset dataset = empty_dataset(6, 2);
  add_clicks(dataset, {{1, 5, 7}, {0, 4, 7}, {0, 2, 7}, {1, 0, 7}, {0, 5, 7}, {1, 3, 7}, {0, 1, 7}, {0, 3, 6}});
  dataset.log.sort();
  const Split split = make_split(dataset, {});
  EXPECT_EQ(numbers(split.all.of(UserId{0})), (std::vector<int>{3, 4, 2, 5, 1}));
  EXPECT_EQ(numbers(split.all.of(UserId{1})), (std::vector<int>{5, 0, 3}));
}

TEST(Split, ProductOrderSortsEachUserByItemId) {
  Dataset dataset = empty_dataset(6, 2);
  add_clicks(dataset, {{1, 5, 7}, {0, 4, 1}, {0, 2, 2}, {1, 0, 8}, {0, 5, 3}, {1, 3, 9}});
  dataset.log.sort();
  SplitOptions options;
  options.order = "item-id";
  const Split split = make_split(dataset, options);
  EXPECT_EQ(numbers(split.all.of(UserId{0})), (std::vector<int>{2, 4, 5}));
  EXPECT_EQ(numbers(split.all.of(UserId{1})), (std::vector<int>{0, 3, 5}));
  options.protocol = "temporal";
  EXPECT_NE(error_of([&] { make_split(dataset, options); }).second.find("leave-one-out"), std::string::npos);
}

TEST(Split, UsersWithTwoEventsTrainOnly) {
  Dataset dataset = empty_dataset(4, 2);
  add_clicks(dataset, {{0, 0, 1}, {0, 1, 2}, {1, 0, 1}, {1, 1, 2}, {1, 2, 3}});
  SplitOptions options;
  options.min_user_events = 1;
  const Split split = make_split(dataset, options);
  EXPECT_EQ(split.test.size(), 1u);
  EXPECT_EQ(numbers(split.train_history(UserId{0})), (std::vector<int>{0, 1}));
  options.min_user_events = 3;
  EXPECT_TRUE(make_split(dataset, options).all.of(UserId{0}).empty());
}

TEST(Split, KCoreIsAFixedPoint) {
  // Item 3 falls (one event), then user 1 (two left), then item 2 (one left), then nobody else.
  Dataset dataset = empty_dataset(4, 4);
  add_clicks(
      dataset,
      {{0, 0, 1}, {0, 1, 2}, {0, 0, 3}, {1, 3, 1}, {1, 2, 2}, {1, 0, 3}, {2, 0, 1}, {2, 1, 2}, {2, 1, 3}, {2, 2, 4}});
  SplitOptions options;
  options.min_user_events = 3;
  options.min_item_events = 2;
  const Split split = make_split(dataset, options);
  EXPECT_EQ(numbers(split.all.of(UserId{0})), (std::vector<int>{0, 1, 0}));
  EXPECT_TRUE(split.all.of(UserId{1}).empty());
  EXPECT_EQ(numbers(split.all.of(UserId{2})), (std::vector<int>{0, 1, 1}));
}

TEST(Split, OnlyTheActionsAskedFor) {
  Dataset dataset = empty_dataset(5, 1);
  const auto order = static_cast<uint8_t>(*dataset.log.actions.find("order"));
  const auto impression = static_cast<uint8_t>(*dataset.log.actions.find("impression"));
  for (int i = 0; i < 5; ++i) dataset.log.add(UserId{0}, ItemId{i}, i == 1 ? impression : order, i);
  EXPECT_EQ(numbers(make_split(dataset, {}).all.items), (std::vector<int>{0, 2, 3, 4}));
  SplitOptions options;
  options.actions = {"impression", "order"};
  EXPECT_EQ(numbers(make_split(dataset, options).all.items), (std::vector<int>{0, 1, 2, 3, 4}));
  options.actions = {"oder"};
  const auto [kind, message] = error_of([&] { make_split(dataset, options); });
  EXPECT_EQ(kind, "config");
  EXPECT_NE(message.find("no action 'oder'"), std::string::npos) << message;
}

TEST(Split, TemporalCutsEverybodyAtOneTime) {
  Dataset dataset = empty_dataset(10, 3);
  add_clicks(
      dataset,
      {{0, 0, 10}, {0, 1, 20}, {0, 2, 30}, {0, 3, 40}, {1, 4, 12}, {1, 5, 35}, {1, 6, 35}, {2, 7, 36}, {2, 8, 41}});
  SplitOptions options;
  options.protocol = "temporal";
  options.min_user_events = 1;
  options.valid_from = "1970-01-01T00:00:30Z";
  options.test_from = "36";
  const Split split = make_split(dataset, options);
  EXPECT_EQ(numbers(split.train_history(UserId{0})), (std::vector<int>{0, 1}));
  EXPECT_EQ(numbers(split.train_history(UserId{1})), (std::vector<int>{4}));
  EXPECT_TRUE(split.train_history(UserId{2}).empty());
  ASSERT_EQ(split.valid.size(), 3u);  // items 2, 5 and 6
  EXPECT_EQ(numbers(split.history(split.valid[2])), (std::vector<int>{4, 5}));
  ASSERT_EQ(split.test.size(), 2u);  // items 3 and 8; nothing is known before item 7
  EXPECT_EQ(numbers(split.history(split.test[0])), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(numbers(split.history(split.test[1])), (std::vector<int>{7}));
}

TEST(Split, TemporalTakesSharesOfTheEvents) {
  Dataset dataset = empty_dataset(1, 1);
  for (int64_t t = 0; t < 100; ++t) dataset.log.add(UserId{0}, ItemId{0}, 2, t * t);
  SplitOptions options;
  options.protocol = "temporal";
  Split split = make_split(dataset, options);
  EXPECT_EQ(split.train_history(UserId{0}).size(), 80u);
  EXPECT_EQ(split.valid.size(), 10u);
  EXPECT_EQ(split.test.size(), 10u);
  options.valid_from = "50%";
  options.test_from = "99%";
  split = make_split(dataset, options);
  EXPECT_EQ(split.train_history(UserId{0}).size(), 50u);
  EXPECT_EQ(split.test.size(), 1u);
}

TEST(Split, RefusesWhatCannotBeSplit) {
  Dataset dataset = empty_dataset(2, 1);
  EXPECT_EQ(error_of([&] { make_split(dataset, {}); }).first, "data");  // no events
  add_clicks(dataset, {{0, 0, 1}, {0, 1, 2}});
  EXPECT_EQ(error_of([&] { make_split(dataset, {}); }).first, "data");  // no user with three
  add_clicks(dataset, {{0, 0, 0}});
  EXPECT_NE(error_of([&] { make_split(dataset, {}); }).second.find("not in order"), std::string::npos);
  dataset.log.sort();
  EXPECT_NO_THROW(make_split(dataset, {}));
  SplitOptions options;
  options.protocol = "random";
  EXPECT_EQ(error_of([&] { make_split(dataset, options); }).first, "config");
  options.protocol = "temporal";
  for (const char* text : {"0%", "100%", "-5%", "x%", "%", "yesterday", "nan%"}) {
    options.test_from = text;
    EXPECT_EQ(error_of([&] { make_split(dataset, options); }).first, "config") << text;
  }
  options.valid_from = "90%";
  options.test_from = "10%";
  EXPECT_NE(error_of([&] { make_split(dataset, options); }).second.find("comes after"), std::string::npos);
  dataset.log.item[0] = ItemId{7};
  EXPECT_EQ(error_of([&] { make_split(dataset, {}); }).first, "data");
}

TEST(Windows, EveryPrefixOfTheTrainingHistory) {
  Dataset dataset = empty_dataset(8, 2);
  for (int i = 0; i < 7; ++i) dataset.log.add(UserId{0}, ItemId{i}, 2, i);
  for (int i = 0; i < 3; ++i) dataset.log.add(UserId{1}, ItemId{i}, 2, i);
  const Split split = make_split(dataset, {});
  const Windows windows = make_windows(split, 2);
  ASSERT_EQ(windows.size(), 4);  // user 0 trains on five items; user 1 on one, which has no history
  EXPECT_EQ(windows.begin, (std::vector<int64_t>{0, 0, 1, 2}));
  EXPECT_EQ(windows.target, (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(make_windows(split, 5, 3).target, (std::vector<int64_t>{3, 4}));
  EXPECT_THROW(make_windows(split, 0), Error);
  EXPECT_THROW(make_windows(split, 2, 0), Error);
  EXPECT_THROW(make_windows(split, 2, 3), Error);
}

TEST(Split, Beauty) {
  ImportOptions options;
  options.source = TESSERA_SOURCE_DIR "/../shared/data/beauty";
  if (!std::filesystem::exists(options.source)) GTEST_SKIP() << "no " << options.source;
  ImportReport report;
  const Dataset dataset = import_dataset(options, silent_reporter(), report);
  EXPECT_EQ(report.format, "sequences");
  EXPECT_EQ(report.bad_rows, 0);
  EXPECT_EQ(report.rows, 12101 + 250 + 2 * 22363);
  EXPECT_EQ(dataset.users.size(), 22363);
  EXPECT_EQ(dataset.items.size(), 12101);
  EXPECT_EQ(dataset.log.size(), 198502);
  EXPECT_EQ(dataset.items[ItemId{0}].id, "B004756YJA");
  EXPECT_EQ(dataset.items[ItemId{0}].brand, "OPI");
  EXPECT_EQ(dataset.items[ItemId{0}].description, "nail lacquer simmer and shimmer");
  EXPECT_EQ(dataset.log.queries.name(dataset.log.query[3]), "beauty makeup face concealers neutralizers");
  EXPECT_EQ(std::count(dataset.log.query.begin(), dataset.log.query.end(), -1), 0);
  const Split split = make_split(dataset, {});
  EXPECT_EQ(split.test.size(), 22363u);
  EXPECT_EQ(split.valid.size(), 22363u);
  EXPECT_EQ(make_windows(split, 50).size(), 131413);
}

TEST(Split, Sports) {
  ImportOptions options;
  options.source = TESSERA_SOURCE_DIR "/../shared/data/sports";
  if (!std::filesystem::exists(options.source)) GTEST_SKIP() << "no " << options.source;
  ImportReport report;
  const Dataset dataset = import_dataset(options, silent_reporter(), report);
  EXPECT_EQ(report.bad_rows, 0);
  EXPECT_EQ(dataset.users.size(), 35598);
  EXPECT_EQ(dataset.items.size(), 18357);
  EXPECT_EQ(dataset.log.size(), 296337);
  EXPECT_EQ(display_name(dataset.items[ItemId{0}]), "ghost armorers tool 332 punch hunting fishing");
  EXPECT_EQ(make_split(dataset, {}).test.size(), 35598u);
}

}  // namespace
}  // namespace tessera
