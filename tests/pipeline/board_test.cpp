#include "pipeline/board.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using test::TemporaryFolder;

/// A dataset, two recipes and a board over them.
class BoardTest : public testing::Test {
 protected:
  BoardTest() {
    Dataset data = test::tiny_dataset();
    save_dataset(data, folder_ / "data");
    const std::string source = "[data]\nsource = \"" + (folder_ / "data").string() + "\"\n";
    write_file(folder_ / "popular.toml", source + "[retrieve]\nname = \"popular\"\n[evaluate]\nresamples = 20\n");
    write_file(folder_ / "cf.toml", source + "[retrieve]\nname = \"item-cf\"\n[evaluate]\nresamples = 20\n");
  }
  Board board(const std::string& rows, const std::string& head = "name = \"tiny\"\nresamples = 50\nseeds = [1, 2]\n") {
    write_file(folder_ / "board.toml", "[board]\n" + head + "[[table]]\ntitle = \"All\"\n" + rows);
    return load_board(folder_ / "board.toml");
  }
  RunContext context() {
    RunContext context;
    context.runs = folder_ / "runs";
    context.log = [this](const std::string& line) { log_ += line + "\n"; };
    return context;
  }

  TemporaryFolder folder_;
  std::string log_;
};

constexpr const char* kTwoRows =
    "[[table.row]]\nlabel = \"Popular items\"\nrecipe = \"popular.toml\"\n"
    "[[table.row.reported]]\nby = \"paper\"\nprotocol = \"other split\"\n\"hr@10\" = 0.5\n"
    "[[table.row]]\nlabel = \"Item CF\"\nrecipe = \"cf.toml\"\nset = [\"retrieve.window=2\"]\nseeds = [7]\n"
    "[[table.row]]\nlabel = \"Too large\"\nskip = \"needs a GPU\"\n";

TEST_F(BoardTest, RunsEveryRowOnceASeedAndNeverAgain) {
  const Board loaded = board(kTwoRows);
  const json result = run_board(loaded, context());
  const json& rows = result.at("tables").at(0).at("rows");
  EXPECT_EQ(rows.at(0).at("runs"), (json{"tiny-popular-items-1", "tiny-popular-items-2"}));
  EXPECT_EQ(rows.at(0).at("values").at("filtered").at("hr@10").at("sd"), 0.0);
  EXPECT_EQ(rows.at(1).at("seeds"), json{7});
  EXPECT_FALSE(rows.at(1).at("values").at("unfiltered").at("ndcg@5").contains("sd"));
  EXPECT_EQ(rows.at(2).at("state"), "skipped");
  EXPECT_EQ(result.at("finished_runs"), 3);
  EXPECT_GT(result.at("seconds"), 0);
  for (const json& row : {rows.at(0), rows.at(1)}) {
    const json& hr = row.at("values").at("filtered").at("hr@10");
    EXPECT_LE(hr.at("low"), hr.at("mean"));
    EXPECT_GE(hr.at("high"), hr.at("mean"));
  }
  log_.clear();
  run_board(loaded, context());
  EXPECT_EQ(log_.find("train: done"), std::string::npos) << log_;
  EXPECT_NE(log_.find("evaluate: up to date"), std::string::npos) << log_;
  EXPECT_GT(fs::file_size(folder_ / "runs/board-tiny/log.txt"), 100u);
}

TEST_F(BoardTest, TheFirstSeedAlone) {
  const json result = run_board(board(kTwoRows), context(), {.only = {}, .first_seed = true});
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(0).at("seeds"), json{1});
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(1).at("seeds"), json{7});
}

TEST_F(BoardTest, OneRowAloneAndNothingButCollecting) {
  const Board loaded = board(kTwoRows);
  json result = run_board(loaded, context(), {.only = {"Item CF"}});
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(0).at("state"), "not run");
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(1).at("state"), "done");
  log_.clear();
  result = run_board(loaded, context(), {.only = {}, .collect = true});
  EXPECT_EQ(log_, "");
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(1).at("state"), "done");
  EXPECT_NE(error_of([&] { run_board(loaded, context(), {.only = {"Nobody"}}); }).find("no row \"Nobody\""),
            std::string::npos);
}

TEST_F(BoardTest, DifferencesFromAReferenceAreThoseOfTheMeans) {
  const char* twin =
      "[[table.row]]\nlabel = \"Twin\"\nrecipe = \"cf.toml\"\nset = [\"retrieve.window=2\"]\nseeds = [7]\n";
  const std::string rows = std::string("reference = \"Item CF\"\n") + kTwoRows + twin;
  const json result = run_board(board(rows), context());
  const json& table = result.at("tables").at(0);
  EXPECT_FALSE(table.at("rows").at(1).contains("difference"));
  for (const char* protocol : {"filtered", "unfiltered"}) {
    const auto mean = [&](int row) {
      return table.at("rows").at(row).at("values").at(protocol).at("hr@10").at("mean").get<double>();
    };
    const json& difference = table.at("rows").at(0).at("difference").at(protocol);
    EXPECT_NEAR(difference.at("mean"), mean(0) - mean(1), 1e-6);
    EXPECT_LE(difference.at("low"), difference.at("mean"));
    EXPECT_GE(difference.at("high"), difference.at("mean"));
  }
  for (const std::string& text : {board_markdown(result), board_html(result)}) {
    EXPECT_NE(text.find("HR@10 against Item CF"), std::string::npos);
    EXPECT_NE(text.find(".0000 [.0000, .0000]"), std::string::npos) << "the twin's";
    EXPECT_EQ(text.find("+.0000"), std::string::npos);
  }
  EXPECT_NE(error_of([&] { board(std::string("reference = \"Nobody\"\n") + kTwoRows); }).find("no row's label"),
            std::string::npos);
}

TEST_F(BoardTest, ARowThatFailsLeavesTheOthers) {
  write_file(folder_ / "broken.toml", "[data]\nsource = \"" + (folder_ / "data").string() +
                                          "\"\n[embed]\nname = \"file\"\npath = \"nowhere.npy\"\n[tokenize]\nname = "
                                          "\"rq-kmeans\"\n[retrieve]\nname = \"tiger\"\n");
  const Board loaded = board(
      "[[table.row]]\nlabel = \"Broken\"\nrecipe = \"broken.toml\"\n"
      "[[table.row]]\nlabel = \"Popular\"\nrecipe = \"popular.toml\"\n");
  const json rows = run_board(loaded, context()).at("tables").at(0).at("rows");
  EXPECT_EQ(rows.at(0).at("state"), "failed");
  EXPECT_NE(rows.at(0).at("why").get<std::string>().find("nowhere.npy"), std::string::npos);
  EXPECT_EQ(rows.at(1).at("state"), "done");
}

TEST_F(BoardTest, RefusesWhatItCannotUnderstand) {
  const auto error = [&](const std::string& rows) { return error_of([&] { board(rows); }); };
  EXPECT_NE(error("[[table.row]]\nlabel = \"A\"\n").find("needs a `recipe`"), std::string::npos);
  EXPECT_NE(error("[[table.row]]\nlabel = \"A\"\nrecipe = \"x\"\nsede = 1\n").find("sede"), std::string::npos);
  EXPECT_NE(error("[[table.row]]\nlabel = \"A b\"\nskip = \"x\"\n[[table.row]]\nlabel = \"a-B\"\nskip = \"x\"\n")
                .find("comes twice"),
            std::string::npos);
  EXPECT_NE(error("[[table.row]]\nlabel = \"A\"\nskip = \"x\"\n[[table.row.reported]]\nby = \"p\"\n\"hr@10\" = 7\n")
                .find("no share"),
            std::string::npos);
  EXPECT_NE(error("").find("no rows"), std::string::npos);
  EXPECT_NE(error_of([&] { board(kTwoRows, "name = \"t\"\ncolumns = [\"hr\"]\n"); }).find("no metric"),
            std::string::npos);
  EXPECT_NE(error_of([&] { board(kTwoRows, "name = \"../x\"\n"); }).find("name"), std::string::npos);
}

TEST_F(BoardTest, PagesHoldEveryRow) {
  const json result = run_board(board(kTwoRows), context());
  const std::string markdown = board_markdown(result), page = board_html(result);
  for (const std::string& text : {markdown, page}) {
    for (const char* part : {"Popular items", "Item CF", "not run: needs a GPU", "paper", ".5000", "other split"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  EXPECT_NE(markdown.find("**"), std::string::npos);
}

TEST(BoardSection, ReplacesOnlyWhatStandsBetweenItsMarkers) {
  const std::string once = with_board_section("# Results\n", "b", "| a |\n");
  EXPECT_EQ(once, "# Results\n\n<!-- board b -->\n| a |\n<!-- end of board b -->\n");
  EXPECT_EQ(with_board_section(once + "tail\n", "b", "| c |\n"),
            "# Results\n\n<!-- board b -->\n| c |\n<!-- end of board b -->\ntail\n");
  EXPECT_NE(error_of([] { with_board_section("<!-- board b -->\n", "b", ""); }).find("only one"), std::string::npos);
}

}  // namespace
}  // namespace tessera
