#include "pipeline/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "eval/metrics.h"
#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

using test::error_of;
using test::TemporaryFolder;

/// Answers the items 0, 1, 2, ... that are not excluded; can be told to break the contract.
class CountingRetriever : public Retriever {
 public:
  enum class Fault { none, repeats, unknown_item, shows_excluded, too_many };
  explicit CountingRetriever(int32_t num_items, Fault fault = Fault::none) : num_items_(num_items), fault_(fault) {}
  void train(const RetrieveInputs&, const MethodContext&) override {}
  std::vector<Results> recommend(std::span<const Request> requests) const override {
    std::vector<Results> all;
    for (const Request& request : requests) all.push_back(answer(request));
    return all;
  }
  int64_t batch_size() const override { return 7; }
  void save(const std::filesystem::path&) const override {}
  void load(const std::filesystem::path&, const RetrieveInputs&) override {}

 private:
  Results answer(const Request& request) const {
    Results results;
    const int64_t wanted = request.k + (fault_ == Fault::too_many ? 1 : 0);
    for (int32_t i = 0; i < num_items_ && static_cast<int64_t>(results.items.size()) < wanted; ++i) {
      const bool excluded =
          std::find(request.exclude.begin(), request.exclude.end(), ItemId{i}) != request.exclude.end();
      if (excluded && fault_ != Fault::shows_excluded) continue;
      results.items.push_back(ItemId{fault_ == Fault::repeats ? 0 : fault_ == Fault::unknown_item ? num_items_ : i});
      results.scores.push_back(1.0f / static_cast<float>(i + 1));
    }
    return results;
  }
  int32_t num_items_;
  Fault fault_;
};

/// User u had items 4 and 5 and then takes item u % 4 (user 4: item 5 again).
struct World {
  Dataset data;
  Split split;
  World() {
    for (int i = 0; i < 10; ++i) {
      Item item;
      item.id = "i" + std::to_string(i);
      data.items.add(std::move(item));
    }
    split.all.offsets = {0};
    for (int u = 0; u < 5; ++u) {
      data.users.add("u" + std::to_string(u));
      for (const int item : {4, 5, u == 4 ? 5 : u}) split.all.items.push_back(ItemId{item});
      split.all.offsets.push_back(split.all.offsets.back() + 3);
      split.test.push_back({UserId{u}, u * 3, u * 3 + 2, ItemId{u == 4 ? 5 : u}});
    }
    split.train_counts = {0, 1, 5, 20, 100, 100, 0, 0, 0, 0};
  }
};

EvaluateOptions quick() {
  EvaluateOptions options;
  options.k = {1, 3, 10};
  options.resamples = 100;
  return options;
}

TEST(Evaluate, RanksAreKnown) {
  const World world;
  const CountingRetriever retriever(10);
  const RankedCases open = rank_cases(retriever, world.split, world.split.test, {10, false, 2, "x"}, silent_reporter());
  EXPECT_EQ(open.ranks, (std::vector<int32_t>{1, 2, 3, 4, 6}));
  EXPECT_EQ(open.shown.size(), 50u);
  const RankedCases filtered =
      rank_cases(retriever, world.split, world.split.test, {10, true, 0, "x"}, silent_reporter());
  EXPECT_EQ(filtered.ranks, (std::vector<int32_t>{1, 2, 3, 4, kNotFound}));
  EXPECT_EQ(filtered.shown.size(), 40u);

  const nlohmann::json metrics = measure(open, world.split, world.split.test, quick(), 1);
  EXPECT_NEAR(metrics.at("hr@1").at("mean").get<double>(), 0.2, 1e-7);
  EXPECT_NEAR(metrics.at("hr@3").at("mean").get<double>(), 0.6, 1e-7);
  EXPECT_NEAR(metrics.at("mrr@3").at("mean").get<double>(), (1 + 0.5 + 1.0 / 3) / 5, 1e-6);
  EXPECT_NEAR(metrics.at("repeat_target_share").get<double>(), 0.2, 1e-9);
  EXPECT_DOUBLE_EQ(metrics.at("exposure").at("coverage").get<double>(), 1.0);
  for (const auto& row : metrics.at("by_history")) EXPECT_EQ(row.at("cases"), row.at("label") == "1-2" ? 5 : 0);
  EXPECT_EQ(metrics.at("by_target")[0].at("cases"), 1);
}

TEST(Evaluate, BatchSizeChangesNothing) {
  const World world;
  const CountingRetriever retriever(10);
  const auto ranks = [&](int64_t batch) {
    return rank_cases(retriever, world.split, world.split.test, {3, true, batch, "x"}, silent_reporter()).ranks;
  };
  EXPECT_EQ(ranks(1), ranks(5));
  EXPECT_EQ(ranks(0), ranks(100));
}

TEST(Evaluate, BrokenAnswersAreCaught) {
  using Fault = CountingRetriever::Fault;
  const World world;
  const auto message = [&](Fault fault) {
    const CountingRetriever retriever(10, fault);
    return error_of([&] {
      rank_cases(retriever, world.split, world.split.test, {4, true, 0, "x"}, silent_reporter());
    });
  };
  EXPECT_NE(message(Fault::repeats).find("in the answer already"), std::string::npos);
  EXPECT_NE(message(Fault::unknown_item).find("item 10"), std::string::npos);
  EXPECT_NE(message(Fault::too_many).find("at most 4"), std::string::npos);
  const CountingRetriever shows(10, Fault::shows_excluded);
  EXPECT_NE(error_of([&] {
              rank_cases(shows, world.split, world.split.test, {6, true, 0, "x"}, silent_reporter());
            }).find("excluded"),
            std::string::npos);
}

TEST(Evaluate, DrawnCasesKeepTheirOrder) {
  const World world;
  EXPECT_EQ(choose_cases(world.split.test, 0, 1).size(), 5u);
  EXPECT_EQ(choose_cases(world.split.test, 99, 1).size(), 5u);
  const std::vector<Case> some = choose_cases(world.split.test, 3, 1);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_TRUE(std::is_sorted(some.begin(), some.end(),
                             [](const Case& a, const Case& b) { return index(a.user) < index(b.user); }));
  EXPECT_NE(hash_cases(world.split, some), hash_cases(world.split, world.split.test));
}

TEST(Evaluate, ExportHoldsPublicIds) {
  const World world;
  TemporaryFolder folder;
  const CountingRetriever retriever(10);
  const RankedCases ranked =
      rank_cases(retriever, world.split, world.split.test, {2, false, 0, "x"}, silent_reporter());
  export_answers(ranked, world.data, world.split.test, folder / "out.jsonl");
  int64_t lines = 0;
  for_each_line(folder / "out.jsonl", [&](std::string_view text, int64_t) {
    const auto line = nlohmann::json::parse(text);
    EXPECT_EQ(line.at("user"), "u" + std::to_string(lines));
    EXPECT_EQ(line.at("items").size(), 2u);
    EXPECT_EQ(line.at("items")[1], (nlohmann::json{{"item", "i1"}, {"score", 0.5}}));
    ++lines;
  });
  EXPECT_EQ(lines, 5);
  EXPECT_NE(error_of([&] { export_answers(ranked, world.data, world.split.test, folder / "none/out.jsonl"); }), "");
}

TEST(Evaluate, ExamplesHoldHitsAndMisses) {
  const World world;
  const CountingRetriever retriever(10);
  const RankedCases ranked =
      rank_cases(retriever, world.split, world.split.test, {10, true, 0, "x"}, silent_reporter());
  const auto examples = example_answers(ranked, world.data, world.split, world.split.test, 3, 1);
  ASSERT_EQ(examples.size(), 3u);
  EXPECT_GT(examples[0].at("rank").get<int>(), 0);
  EXPECT_EQ(examples[2].at("rank"), kNotFound);
  EXPECT_EQ(example_answers(ranked, world.data, world.split, world.split.test, 0, 1).size(), 0u);
}

}  // namespace
}  // namespace tessera
