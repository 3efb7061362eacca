#include "pipeline/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "pipeline/compare.h"
#include "pipeline/report.h"
#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using test::tiny_dataset;

constexpr const char* kTokens =
    "[embed]\nname = \"ppmi-svd\"\ndim = 4\n[tokenize]\nname = \"rq-kmeans\"\nlevels = 2\ncodebook_size = [4]\n";

/// A dataset folder, runs beside it, and what the runs said.
class RunTest : public testing::Test {
 protected:
  RunTest() {
    Dataset data = tiny_dataset();
    save_dataset(data, folder_ / "data");
  }
  Recipe recipe(const std::string& method, const std::string& more = "", const std::vector<std::string>& sets = {}) {
    Recipe made =
        parse_recipe("[retrieve]\nname = \"" + method + "\"\n[evaluate]\nresamples = 50\n" + more, method + ".toml");
    apply_set(made, "data=" + (folder_ / "data").string());
    for (const std::string& assignment : sets) apply_set(made, assignment);
    resolve_recipe(made);
    return made;
  }
  RunContext context() {
    RunContext context;
    context.runs = folder_ / "runs";
    context.log = [this](const std::string& line) { log_.push_back(line); };
    return context;
  }
  /// Runs all stages and returns what was said.
  std::string run(const Recipe& recipe) {
    log_.clear();
    tessera::Run(recipe, context()).up_to(Stage::evaluate);
    std::string all;
    for (const std::string& line : log_) all += line + "\n";
    return all;
  }
  static bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  TemporaryFolder folder_;
  std::vector<std::string> log_;
};

TEST_F(RunTest, LeavesEverythingInItsPlace) {
  run(recipe("popular"));
  for (const char* file : {"recipe.toml", "metrics.json", "report.html", "data/stage.json", "train/model.safetensors",
                           "evaluate/metrics.json", "evaluate/ranks-test-filtered.npy", "evaluate/users-test.npy"})
    EXPECT_TRUE(fs::exists(folder_ / "runs/popular" / file)) << file;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "runs"))
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos) << entry.path();
}

TEST_F(RunTest, SecondRunSkipsEveryStage) {
  run(recipe("popular"));
  const std::string said = run(recipe("popular"));
  for (const char* stage : {"data", "train", "evaluate"})
    EXPECT_TRUE(contains(said, std::string(stage) + ": up to date")) << said;
}

TEST_F(RunTest, ATrainingOfAnotherRunIsNotDoneAgain) {
  run(recipe("popular"));
  const std::string said = run(recipe("popular", "", {"name=twin"}));
  EXPECT_TRUE(contains(said, "train: the same as of the run popular")) << said;
  for (const char* file : {"train/model.safetensors", "train/stage.json", "train.jsonl", "evaluate/metrics.json"})
    EXPECT_TRUE(fs::exists(folder_ / "runs/twin" / file)) << file;
  EXPECT_FALSE(contains(run(recipe("popular", "", {"name=other", "seed=7"})), "the same as"));
}

TEST_F(RunTest, ChangedOptionsRedoOnlyWhatDependsOnThem) {
  run(recipe("popular", kTokens));
  std::string said = run(recipe("popular", kTokens, {"evaluate.k=[1,2]"}));
  EXPECT_TRUE(contains(said, "train: up to date")) << said;
  EXPECT_TRUE(contains(said, "evaluate: done")) << said;
  said = run(recipe("popular", kTokens, {"tokenize.levels=3"}));
  EXPECT_TRUE(contains(said, "embed: up to date")) << said;
  EXPECT_TRUE(contains(said, "tokenize: done")) << said;
  EXPECT_TRUE(contains(said, "train: done")) << said;
  said = run(recipe("popular", kTokens, {"run.seed=7"}));
  EXPECT_TRUE(contains(said, "data: up to date")) << said;
  EXPECT_TRUE(contains(said, "embed: done")) << said;
}

TEST_F(RunTest, OptionsOfAnswersNeedNoTraining) {
  const std::vector<std::string> small = {
      "retrieve.model_dim=8", "retrieve.ff_dim=8",         "retrieve.heads=1",          "retrieve.head_dim=4",
      "retrieve.max_steps=1", "retrieve.encoder_layers=1", "retrieve.decoder_layers=1", "retrieve.beam=4"};
  run(recipe("tiger", kTokens, small));
  std::vector<std::string> wider = small;
  wider.back() = "retrieve.beam=8";
  std::string said = run(recipe("tiger", kTokens, wider));
  EXPECT_TRUE(contains(said, "train: up to date")) << said;
  EXPECT_TRUE(contains(said, "evaluate: done")) << said;
  wider.push_back("retrieve.dropout=0.3");
  said = run(recipe("tiger", kTokens, wider));
  EXPECT_TRUE(contains(said, "train: done")) << said;
}

TEST_F(RunTest, RunsShareDataVectorsAndTokens) {
  run(recipe("popular", kTokens));
  const std::string said = run(recipe("item-cf", kTokens));
  for (const char* stage : {"embed", "tokenize"})
    EXPECT_TRUE(contains(said, std::string(stage) + ": shared with an earlier run")) << said;
  EXPECT_TRUE(contains(said, "train: done")) << said;
}

TEST_F(RunTest, OtherDataMeansOtherResults) {
  run(recipe("popular"));
  Dataset other = tiny_dataset(30, 12);
  save_dataset(other, folder_ / "data");
  const std::string said = run(recipe("popular"));
  for (const char* stage : {"data", "train", "evaluate"})
    EXPECT_TRUE(contains(said, std::string(stage) + ": done")) << said;
  EXPECT_EQ(read_summary(folder_ / "runs/popular")->metrics.at("dataset").at("items"), 12);
}

TEST_F(RunTest, LostOrBrokenOutputIsMadeAgain) {
  run(recipe("popular", kTokens));
  for (const auto& entry : fs::directory_iterator(folder_ / "runs/.cache"))
    if (entry.path().filename().string().starts_with("tokenize")) fs::remove(entry.path() / "semantic_ids.safetensors");
  EXPECT_TRUE(contains(run(recipe("popular", kTokens)), "tokenize: done"));
  std::ofstream(folder_ / "runs/popular/train/stage.json") << "{\"schema\": 1, \"hash\": 3";
  const std::string said = run(recipe("popular", kTokens));
  EXPECT_TRUE(contains(said, "tokenize: up to date")) << said;
  EXPECT_TRUE(contains(said, "train: done")) << said;
}

TEST_F(RunTest, InterruptedTrainingGoesOnButAnotherRecipeStartsAnew) {
  run(recipe("popular"));
  const fs::path train = folder_ / "runs/popular/train";
  const std::string hash = read_stage(train)->hash;
  fs::remove(train / "stage.json");
  write_file(train / "started.json", hash);
  write_file(train / "left-by-the-trainer", "x");
  EXPECT_TRUE(contains(run(recipe("popular")), "going on"));
  EXPECT_TRUE(fs::exists(train / "left-by-the-trainer"));
  fs::remove(train / "stage.json");
  write_file(train / "started.json", "the hash of another recipe");
  EXPECT_FALSE(contains(run(recipe("popular")), "going on"));
  EXPECT_FALSE(fs::exists(train / "left-by-the-trainer"));
  EXPECT_FALSE(fs::exists(train / "started.json"));
}

TEST_F(RunTest, TwoProcessesDoNotShareARun) {
  tessera::Run busy(recipe("popular"), context());
  const FileLock lock(folder_ / "runs/.cache/locks/run-popular", FileLock::Wait::no, "x");
  EXPECT_TRUE(contains(error_of([&] { busy.up_to(Stage::evaluate); }), "another process"));
}

TEST_F(RunTest, OpenAnswersLikeTheRunThatTrained) {
  run(recipe("item-cf", kTokens));
  const auto opened = Run::open("item-cf", context());
  Request request;
  request.history = opened->split().all.of(UserId{3});
  request.k = 5;
  const Results results = opened->retriever().recommend({&request, 1}).at(0);
  EXPECT_EQ(results.items.size(), 5u);
  EXPECT_EQ(opened->ids()->num_items(), 24);
  EXPECT_EQ(opened->trie()->num_items(), 24);
  EXPECT_EQ(Run::open((folder_ / "runs/item-cf").string(), context())->recipe().run().name, "item-cf");
}

TEST_F(RunTest, OpenNamesWhatIsMissing) {
  EXPECT_TRUE(contains(error_of([&] { Run::open("popular", context()); }), "tessera run"));
  tessera::Run(recipe("popular"), context()).up_to(Stage::data);
  const std::string message = error_of([&] { Run::open("popluar", context()); });
  EXPECT_TRUE(contains(message, "did you mean \"popular\"")) << message;
  EXPECT_TRUE(contains(error_of([&] { Run::open("popular", context())->retriever(); }), "no finished stage train"));
}

TEST_F(RunTest, ComparesPairwise) {
  run(recipe("popular"));
  run(recipe("item-cf"));
  const auto runs = find_summaries(folder_ / "runs");
  ASSERT_EQ(runs.size(), 2u);
  const auto comparison = compare_runs(runs, {"test", {"filtered"}, 200});
  ASSERT_EQ(comparison.at("tables").size(), 1u);
  const auto& rows = comparison.at("tables")[0].at("rows");
  EXPECT_FALSE(rows[0].contains("differences"));
  const auto& difference = rows[1].at("differences").at("hr@10");
  EXPECT_NEAR(difference.at("mean").get<double>(),
              rows[1].at("values").at("hr@10").at("mean").get<double>() -
                  rows[0].at("values").at("hr@10").at("mean").get<double>(),
              1e-6);
  EXPECT_TRUE(contains(comparison_html(comparison), "item-cf"));
  EXPECT_TRUE(contains(error_of([&] { compare_runs(runs, {"valid", {"filtered"}}); }), "valid"));
}

TEST_F(RunTest, RunsOnOtherCasesHaveNoPairedDifference) {
  run(recipe("popular"));
  run(recipe("item-cf", "", {"split.min_user_events=6", "evaluate.users=10"}));
  const auto comparison = compare_runs(find_summaries(folder_ / "runs"), {"test", {"filtered"}, 50});
  EXPECT_TRUE(comparison.at("tables")[0].at("rows")[1].contains("note"));
}

TEST_F(RunTest, ReportIsSelfContainedAndEscaped) {
  run(recipe("popular"));
  run(recipe("item-cf", kTokens));
  const std::string page = report_html(folder_ / "runs/item-cf", folder_ / "runs");
  for (const char* part :
       {"Leaderboard", "Semantic IDs", "What it recommends", "prefers-color-scheme", "popular", "</html>"})
    EXPECT_TRUE(contains(page, part)) << part;
  for (const char* outside : {"http://", "https://", "src=", "<script", "<b>Tom"})
    EXPECT_FALSE(contains(page, outside)) << outside;
  EXPECT_TRUE(contains(error_of([&] { report_html(folder_ / "runs/none", folder_ / "runs"); }), "not evaluated"));
}

TEST_F(RunTest, BadRecipesLeaveNothing) {
  EXPECT_NE(error_of([&] { run(recipe("popular", "", {"data=nowhere"})); }), "");
  EXPECT_FALSE(fs::exists(folder_ / "runs/popular"));
}

}  // namespace
}  // namespace tessera
