#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TemporaryFolder;

struct Outcome {
  int code = -1;
  std::string out, err;
};

/// Calls the built program as a user would, from a folder of its own.
class Program : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(TESSERA_PROGRAM)) GTEST_SKIP() << TESSERA_PROGRAM << " is not built";
  }
  Outcome call(const std::string& arguments) {
    const std::string err = (folder_ / "stderr").string();
    const std::string command =
        "cd '" + folder_.path().string() + "' && '" TESSERA_PROGRAM "' " + arguments + " 2>'" + err + "'";
    Outcome outcome;
    FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 4096> buffer;
    for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) outcome.out.append(buffer.data(), n);
    const int status = pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.err = read_file(err);
    return outcome;
  }
  void expect_error(const std::string& arguments, int code, const std::vector<std::string>& parts) {
    const Outcome outcome = call(arguments);
    EXPECT_EQ(outcome.code, code) << arguments << "\n" << outcome.err;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.err.find(part), std::string::npos) << arguments << "\n" << outcome.err << "\nlacks: " << part;
  }
  /// A finished run, made once for all tests and copied into this one's folder.
  void make_run() {
    if (!finished_) {
      finished_ = std::make_unique<TemporaryFolder>();
      Dataset data = test::tiny_dataset();
      save_dataset(data, folder_ / "data");
      write_file(folder_ / "tiny.toml",
                 "[data]\nsource = \"data\"\n[retrieve]\nname = \"item-cf\"\n[evaluate]\nresamples = 50\n");
      const Outcome outcome = call("run tiny.toml --quiet --name tiny");
      ASSERT_EQ(outcome.code, 0) << outcome.err;
      fs::copy(folder_.path(), finished_->path(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    } else {
      fs::copy(finished_->path(), folder_.path(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    }
  }
  static void TearDownTestSuite() { finished_.reset(); }

  static inline std::unique_ptr<TemporaryFolder> finished_;
  TemporaryFolder folder_;
};

TEST_F(Program, HelpAndVersion) {
  EXPECT_EQ(call("--help").code, 0);
  EXPECT_NE(call("version").out.find("tessera "), std::string::npos);
  EXPECT_TRUE(json::parse(call("version --json").out).contains("version"));
  EXPECT_EQ(json::parse(call("doctor --json --threads 1").out).at("threads"), 1);
}

TEST_F(Program, WrongUsageIsTwo) {
  expect_error("", 2, {"--help"});
  expect_error("recomend x", 2, {"did you mean `tessera recommend`"});
  expect_error("run", 2, {"RECIPE"});
  expect_error("run none.toml", 2, {"none.toml"});
  expect_error("methods tigr", 2, {"did you mean \"tiger\""});
  expect_error("recommend none --user u1", 2, {"no run \"none\""});
  expect_error("simulate out --items few", 2, {"items", "few", "integer"});
  expect_error("simulate out --items 3", 2, {"items", "100 to"});
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Program, BadRecipesNameFileLineAndRemedy) {
  write_file(folder_ / "bad.toml", "[data]\nsource = \"data\"\n[retrieve]\nname = \"popular\"\nhalf_live = 3\n");
  expect_error("run bad.toml", 2, {"bad.toml:5", "half_live"});
  write_file(folder_ / "good.toml", "[data]\nsource = \"data\"\n[retrieve]\nname = \"popular\"\n");
  expect_error("run good.toml", 2, {"\"data\" is not there", "--set data="});
  expect_error("run good.toml --set retrieve.half_life_days=soon", 2, {"half_life_days", "soon", "number"});
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(Program, BadDataIsOneAndLeavesNothing) {
  fs::create_directories(folder_ / "data");
  write_file(folder_ / "data/dataset.json", "{\"schema\": \"nonsense\"");
  write_file(folder_ / "good.toml", "[data]\nsource = \"data\"\n[retrieve]\nname = \"popular\"\n");
  expect_error("run good.toml", 1, {"dataset.json"});
  expect_error("import none out", 1, {"none"});
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Program, RunsRecommendsAndExports) {
  make_run();
  EXPECT_TRUE(fs::exists(folder_ / "runs/tiny/report.html"));
  const json answer = json::parse(call("recommend tiny --user u3 -k 4 --json").out);
  EXPECT_EQ(answer.at("items").size(), 4u);
  for (const json& item : answer.at("items"))
    for (const json& seen : answer.at("history")) EXPECT_NE(item.at("item"), seen);
  EXPECT_EQ(json::parse(call("recommend tiny --history i1,i2 -k 3 --json").out).at("items").size(), 3u);
  EXPECT_NE(call("recommend tiny --history i1").out.find("item number"), std::string::npos);
  const json cheap = json::parse(call("recommend tiny --user u3 --max-price 6 --json").out);
  for (const json& item : cheap.at("items")) EXPECT_LE(item.at("price").get<double>(), 6);
  EXPECT_EQ(json::parse(call("similar tiny --item i3 -k 5 --json").out).at("items").size(), 5u);

  ASSERT_EQ(call("evaluate tiny --split test --export lists.jsonl -k 6 --filtered").code, 0);
  int64_t lines = 0;
  for_each_line(folder_ / "lists.jsonl", [&](std::string_view text, int64_t) {
    EXPECT_EQ(json::parse(text).at("items").size(), 6u);
    ++lines;
  });
  EXPECT_EQ(lines, 40);
  const json compared = json::parse(call("compare tiny tiny --json --html c.html").out);
  EXPECT_EQ(compared.at("tables").size(), 2u);
  EXPECT_TRUE(fs::exists(folder_ / "c.html"));
}

TEST_F(Program, OddQuestionsGetClearAnswers) {
  make_run();
  expect_error("recommend tiny --user nobody", 1, {"no user \"nobody\"", "--history"});
  expect_error("recommend tiny --history i1,i99", 1, {"i99"});
  expect_error("recommend tiny", 2, {"--user", "--history"});
  expect_error("recommend tiny --user u1 --history i1", 2, {"either"});
  expect_error("similar tiny --item i99", 1, {"i99"});
  expect_error("recommend tinny --user u1", 2, {"did you mean \"tiny\""});
  expect_error("evaluate tiny --split train", 2, {"train"});
  const Outcome all = call("recommend tiny --user u1 -k 1000 --include-seen --json");
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(json::parse(all.out).at("items").size(), 24u);
  EXPECT_NE(all.err.find("fewer than -k 1000"), std::string::npos);
  const Outcome empty = call("recommend tiny --history '' -k 3 --json");
  EXPECT_EQ(empty.code, 0) << empty.err;
  EXPECT_EQ(json::parse(empty.out).at("items").size(), 3u);
}

TEST_F(Program, ABoardWritesItsTablesPictureAndRecord) {
  make_run();
  write_file(folder_ / "board.toml",
             "[board]\nname = \"small\"\ntitle = \"A small board\"\nseeds = [1]\nresults = \"docs/results.md\"\n"
             "record = \"docs/boards/small.jsonl\"\npicture = \"docs/boards/small.svg\"\n[[table]]\ntitle = \"All\"\n"
             "[[table.row]]\nlabel = \"Item CF\"\nrecipe = \"tiny.toml\"\n");
  ASSERT_EQ(call("leaderboard board.toml --results scratch.md").code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "docs"));
  fs::create_directory(folder_ / "docs");
  write_file(folder_ / "docs/results.md", "# Results\n");
  const Outcome outcome = call("leaderboard board.toml");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string results = read_file(folder_ / "docs/results.md");
  EXPECT_TRUE(results.starts_with("# Results\n")) << results;
  EXPECT_NE(results.find("![A small board](boards/small.svg)\n"), std::string::npos) << results;
  EXPECT_NE(results.find(read_file(folder_ / "scratch.md").substr(sizeof("<!-- board small -->"))), std::string::npos);
  EXPECT_NE(read_file(folder_ / "docs/boards/small.svg").find("Item CF"), std::string::npos);
  const std::string record = read_file(folder_ / "docs/boards/small.jsonl");
  EXPECT_NE(record.find("\"label\":\"Item CF\""), std::string::npos);

  // Where a run fails, what was measured stays.
  fs::create_directory(folder_ / "other");
  write_file(folder_ / "other/small-item-cf-1", "no folder");
  expect_error("leaderboard board.toml --runs other", 1, {"1 row failed", "log.txt"});
  EXPECT_EQ(read_file(folder_ / "docs/boards/small.jsonl"), record);
  EXPECT_NE(read_file(folder_ / "docs/results.md").find("| Item CF (a further run failed) | "), std::string::npos);
  // Without its data nothing is begun and nothing written.
  const std::string before = read_file(folder_ / "docs/results.md");
  fs::rename(folder_ / "data", folder_ / "moved");
  expect_error("leaderboard board.toml --runs third", 2, {"row \"Item CF\"", "is not there"});
  EXPECT_EQ(read_file(folder_ / "docs/results.md"), before);
  fs::rename(folder_ / "moved", folder_ / "data");
  // Nor where the results cannot be written.
  write_file(folder_ / "docs/results.md", "<!-- board small -->\n");
  expect_error("leaderboard board.toml --runs third", 1, {"only one of"});
  EXPECT_FALSE(fs::exists(folder_ / "third"));
}

TEST_F(Program, FullDiskIsAnError) {
  make_run();
  expect_error("recommend tiny --user u1 > /dev/full", 1, {"standard output"});
}

TEST_F(Program, ChecksAndSimulates) {
  make_run();
  EXPECT_EQ(call("check data").code, 0);
  EXPECT_EQ(call("simulate shop --items 120 --users 40 --days 5 --no-pictures --ceiling-users 10 -q").code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "shop/dataset.json"));
  EXPECT_EQ(call("check shop").code, 0);
}

}  // namespace
}  // namespace tessera
