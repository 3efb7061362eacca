#include "pipeline/board.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "pipeline/board_record.h"
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

TEST_F(BoardTest, ASlowTrainingHasOneSeed) {
  for (const auto& [minutes, seeds] : {std::pair("0", json{1}), std::pair("10", json{1, 2})}) {
    const std::string head =
        fmt::format("name = \"tiny\"\nresamples = 50\nseeds = [1, 2]\nmore_seeds_below_minutes = {}\n", minutes);
    const json result = run_board(board(kTwoRows, head), context());
    EXPECT_EQ(result.at("tables").at(0).at("rows").at(0).at("seeds"), seeds) << minutes;
  }
}

TEST_F(BoardTest, AValueIsTheMeanOfItsSeeds) {
  write_file(folder_ / "mf.toml", "[data]\nsource = \"" + (folder_ / "data").string() +
                                      "\"\n[retrieve]\nname = \"mf\"\n[evaluate]\nresamples = 20\n");
  const json result = run_board(board("[[table.row]]\nlabel = \"MF\"\nrecipe = \"mf.toml\"\n"), context());
  std::vector<double> means;
  for (const char* run : {"tiny-mf-1", "tiny-mf-2"}) {
    const json metrics = json::parse(read_file(folder_ / "runs" / run / "evaluate/metrics.json"));
    means.push_back(metrics.at("splits").at("test").at("filtered").at("ndcg@10").at("mean"));
  }
  ASSERT_NE(means[0], means[1]) << "both seeds gave the same";
  const json& value = result.at("tables").at(0).at("rows").at(0).at("values").at("filtered").at("ndcg@10");
  EXPECT_NEAR(value.at("mean"), (means[0] + means[1]) / 2, 1e-6);
  EXPECT_NEAR(value.at("sd"), std::abs(means[0] - means[1]) / std::sqrt(2.0), 1e-6);
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

TEST_F(BoardTest, ARunOfAnotherRecipeIsNotTheRows) {
  run_board(board(kTwoRows), context());
  const std::string changed = std::string(kTwoRows).replace(std::string(kTwoRows).find("window=2"), 8, "window=3");
  const Board loaded = board(changed);
  const auto state = [&](const json& board, int row) {
    return board.at("tables").at(0).at("rows").at(row).at("state");
  };
  json result = run_board(loaded, context(), {.only = {}, .collect = true});
  EXPECT_EQ(state(result, 0), "done");
  EXPECT_EQ(state(result, 1), "not run");
  result = run_board(loaded, context());
  EXPECT_EQ(state(result, 1), "done");
  // By a program that did not have an option yet: it counts unless the row names the option.
  const fs::path metrics = folder_ / "runs/tiny-item-cf-7/evaluate/metrics.json";
  const std::string whole = read_file(metrics);
  for (const auto& [option, counts] : {std::pair("damping", true), std::pair("window", false)}) {
    json changed = json::parse(whole);
    ASSERT_EQ(changed.at("recipe").at("retrieve").erase(option), 1u) << option;
    write_file(metrics, changed.dump());
    EXPECT_EQ(state(run_board(loaded, context(), {.only = {}, .collect = true}), 1), counts ? "done" : "not run");
  }
  write_file(metrics, whole);
  // Stopped before it was measured again: its recipe is the row's already, its numbers are not.
  const fs::path recipe = folder_ / "runs/tiny-item-cf-7/recipe.toml";
  const std::string three = read_file(recipe);
  ASSERT_NE(three.find("window = 3"), std::string::npos);
  write_file(recipe, std::string(three).replace(three.find("window = 3"), 10, "window = 4"));
  const std::string next = std::string(kTwoRows).replace(std::string(kTwoRows).find("window=2"), 8, "window=4");
  EXPECT_EQ(state(run_board(board(next), context(), {.only = {}, .collect = true}), 1), "not run");
  EXPECT_EQ(state(run_board(board(changed), context(), {.only = {}, .collect = true}), 1), "done");
  write_file(recipe, three);
  // Stopped while it trained again: the numbers that are there are of the training before.
  const fs::path file = folder_ / "runs/tiny-item-cf-7/train/stage.json";
  json stage = json::parse(read_file(file));
  stage["hash"] = "another";
  write_file(file, stage.dump());
  EXPECT_EQ(state(run_board(loaded, context(), {.only = {}, .collect = true}), 1), "not run");
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
  EXPECT_NE(error("[[table.row]]\nlabel = \"A\"\nskip = \"x\"\n[[table.row.reported]]\nby = \"p\"\n\"hr\" = 0.1\n")
                .find("\"hr\" is no metric"),
            std::string::npos);
  EXPECT_NE(error("[[table.row]]\nlabel = \"A\"\nskip = \"x\"\nseeds = [3, 3]\n").find("seed 3 comes twice"),
            std::string::npos);
  const auto head_error = [&](const std::string& head) {
    return error_of([&] { board(kTwoRows, "name = \"t\"\n" + head); });
  };
  EXPECT_NE(head_error("metric = \"hr@7\"\n").find("none of the columns, hr@5"), std::string::npos);
  EXPECT_NE(head_error("columns = [\"hr@10x\"]\n").find("no metric"), std::string::npos);
  EXPECT_NE(head_error("results = \"a.svg\"\npicture = \"./a.svg\"\n").find("different files"), std::string::npos);
  EXPECT_NE(head_error("picture = \"a.png\"\n").find(".svg"), std::string::npos);
}

TEST_F(BoardTest, WhatCannotRunIsToldBeforeAnythingRuns) {
  const std::string wrong = std::string(kTwoRows).replace(std::string(kTwoRows).find("window=2"), 8, "window=-2");
  EXPECT_NE(error_of([&] { run_board(board(wrong), context()); }).find("row \"Item CF\": "), std::string::npos);
  const std::string head = "name = \"tiny\"\ncolumns = [\"hr@10\", \"hr@7\"]\n";
  EXPECT_NE(error_of([&] { run_board(board(kTwoRows, head), context()); }).find("a column hr@7"), std::string::npos);
  fs::rename(folder_ / "data", folder_ / "moved");
  EXPECT_NE(error_of([&] { run_board(board(kTwoRows), context()); }).find("is not there"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
  EXPECT_EQ(run_board(board(kTwoRows), context(), {.only = {}, .collect = true}).at("finished_runs"), 0);
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

TEST_F(BoardTest, WhatIsPublishedIsOneTableWithItsNotes) {
  json result = run_board(board(kTwoRows), context());
  json& rows = result["tables"][0]["rows"];
  rows[0]["label"] = "a | b";
  rows[0]["note"] = "small\nprint | here";
  rows[1]["why"] = "no space in /somewhere";
  const std::string markdown = board_markdown(result);
  EXPECT_NE(markdown.find("| a \\| b |"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("*a \\| b*: small print \\| here."), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("| Item CF (a further run failed) |"), std::string::npos) << markdown;
  EXPECT_EQ(markdown.find("/somewhere"), std::string::npos);
  EXPECT_NE(board_html(result).find("/somewhere"), std::string::npos);
}

TEST_F(BoardTest, ThePictureHasTheMeasuredRowsBestFirst) {
  json result = run_board(board(kTwoRows), context());
  json& rows = result["tables"][0]["rows"];
  rows[0]["label"] = "<b>Popular & co</b>";
  rows[0]["values"]["filtered"]["hr@10"]["mean"] = 0.25;
  rows[1]["values"]["filtered"]["hr@10"]["mean"] = 0.125;
  const std::string picture = board_picture(result);
  const size_t first = picture.find("&lt;b&gt;Popular &amp; co&lt;/b&gt;"), second = picture.find("Item CF");
  ASSERT_NE(first, std::string::npos) << picture;
  EXPECT_LT(first, second);
  EXPECT_NE(second, std::string::npos);
  EXPECT_NE(picture.find(".2500"), std::string::npos);
  EXPECT_EQ(picture.find("Too large"), std::string::npos);
  EXPECT_NE(board_html(result).find(picture), std::string::npos) << "the page shows another picture";
  for (json& row : rows) row.erase("values");
  EXPECT_EQ(board_picture(result), "");
}

/// A board that keeps a record, on a machine with other runs than the one before.
class BoardRecordTest : public BoardTest {
 protected:
  fs::path record() const { return folder_ / "record.jsonl"; }
  Board recorded_board(const std::string& rows = kTwoRows, const std::string& seeds = "[1, 2]") {
    return board(rows,
                 "name = \"tiny\"\nresamples = 50\nseeds = " + seeds + "\nrecord = \"" + record().string() + "\"\n");
  }
  json collect(const Board& board, const std::string& runs) {
    RunContext context = this->context();
    context.runs = folder_ / runs;
    return run_board(board, context, {.only = {}, .collect = true});
  }
};

TEST_F(BoardRecordTest, StandsForRunsThatAreNotHere) {
  const std::string rows = std::string("reference = \"Item CF\"\n") + kTwoRows;
  const json measured = run_board(recorded_board(rows), context());
  write_file(record(), board_record(measured));
  const json shown = collect(recorded_board(rows), "elsewhere");
  EXPECT_EQ(board_markdown(shown), board_markdown(measured));
  EXPECT_EQ(board_html(shown), board_html(measured));
  const json& row = shown.at("tables").at(0).at("rows").at(0);
  EXPECT_EQ(row.at("recorded"), true);
  EXPECT_EQ(row.at("difference"), measured.at("tables").at(0).at("rows").at(0).at("difference"));
  EXPECT_FALSE(measured.at("tables").at(0).at("rows").at(0).contains("recorded"));
  EXPECT_EQ(board_record(shown), read_file(record())) << "collecting again loses nothing";
}

TEST_F(BoardRecordTest, GivesWayToAsManySeedsHereAndNotToFewer) {
  write_file(record(), board_record(run_board(recorded_board(), context())));
  RunContext other = context();
  other.runs = folder_ / "elsewhere";
  const auto first_row = [](const json& board) { return board.at("tables").at(0).at("rows").at(0); };
  EXPECT_EQ(first_row(run_board(recorded_board(), other, {.only = {}, .first_seed = true})).at("seeds"), (json{1, 2}));
  const json row = first_row(run_board(recorded_board(), other));
  EXPECT_FALSE(row.contains("recorded"));
  EXPECT_EQ(row.at("runs").size(), 2u);
}

TEST_F(BoardRecordTest, IsOfTheRecipeThatWasMeasuredAlone) {
  write_file(record(), board_record(run_board(recorded_board(), context())));
  const std::string changed = std::string(kTwoRows).replace(std::string(kTwoRows).find("window=2"), 8, "window=3");
  const json rows = collect(recorded_board(changed), "elsewhere").at("tables").at(0).at("rows");
  EXPECT_EQ(rows.at(0).at("state"), "done");
  EXPECT_EQ(rows.at(1).at("state"), "not run") << "its window is another";
}

TEST_F(BoardRecordTest, HasADifferenceFromTheReferenceAndOfTheMetricThatWereMeasuredAlone) {
  const std::string rows = std::string("reference = \"Item CF\"\n") + kTwoRows;
  write_file(record(), board_record(run_board(recorded_board(rows), context())));
  const auto first_row = [&](const Board& board) {
    return collect(board, "elsewhere").at("tables").at(0).at("rows").at(0);
  };
  EXPECT_TRUE(first_row(recorded_board(rows)).contains("difference"));
  Board of_ndcg = recorded_board(rows);
  of_ndcg.metric = "ndcg@10";
  const std::string other = std::string(rows).replace(rows.find("window=2"), 8, "window=3");
  for (const Board& board : {recorded_board(other), recorded_board(), of_ndcg}) {
    const json row = first_row(board);
    EXPECT_EQ(row.at("state"), "done");
    EXPECT_FALSE(row.contains("difference")) << row;
  }
}

TEST_F(BoardRecordTest, OutlivesARowThatFails) {
  write_file(record(), board_record(run_board(recorded_board(), context())));
  const std::string before = read_file(record());
  RunContext other = context();
  other.runs = folder_ / "elsewhere";
  fs::create_directories(other.runs);
  for (const char* run : {"tiny-popular-items-1", "tiny-popular-items-2"}) write_file(other.runs / run, "no folder");
  json result = run_board(recorded_board(), other);
  const json& row = result.at("tables").at(0).at("rows").at(0);
  EXPECT_EQ(row.at("state"), "done");
  EXPECT_EQ(row.at("recorded"), true);
  EXPECT_TRUE(row.contains("why")) << row;
  const auto first_line = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  EXPECT_EQ(first_line(board_record(result)), first_line(before));
  fs::remove(record());
  result = run_board(recorded_board(), other);
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(0).at("state"), "failed");
}

TEST_F(BoardRecordTest, KeepsTheDifferenceFromAReferenceThatIsNotHere) {
  const std::string rows = std::string("reference = \"Item CF\"\n") + kTwoRows;
  write_file(record(), board_record(run_board(recorded_board(rows), context())));
  RunContext other = context();
  other.runs = folder_ / "elsewhere";
  const json result = run_board(recorded_board(rows), other, {.only = {"Popular items"}});
  EXPECT_EQ(result.at("tables").at(0).at("rows").at(0).at("recorded"), true);
  EXPECT_EQ(board_record(result), read_file(record()));
}

TEST_F(BoardRecordTest, TellsWhatItLeavesOut) {
  write_file(record(), board_record(run_board(recorded_board(), context())));
  const std::string changed = std::string(kTwoRows).replace(std::string(kTwoRows).find("window=2"), 8, "window=3");
  EXPECT_EQ(left_out_rows(collect(recorded_board(changed), "elsewhere"), record()),
            std::vector<std::string>{"Item CF"});
  EXPECT_TRUE(left_out_rows(collect(recorded_board(), "elsewhere"), record()).empty());
}

TEST_F(BoardRecordTest, IsCheckedBeforeItIsBelieved) {
  const Board loaded = recorded_board();
  write_file(record(), board_record(run_board(loaded, context())));
  const std::string good = read_file(record());
  const json row = json::parse(good.substr(0, good.find('\n')));
  const auto error_with = [&](const std::string& text) {
    write_file(record(), text);
    return error_of([&] { collect(loaded, "elsewhere"); });
  };
  EXPECT_EQ(error_with("\n" + good + " \n"), "");
  json high = row;
  high["values"]["filtered"]["hr@10"]["mean"] = 77;
  EXPECT_NE(error_with(high.dump()).find("\"values\" has no shares"), std::string::npos);
  EXPECT_NE(error_with(good + good).find(":3: the label"), std::string::npos);
  for (const char* text : {"{", "[]", "{}", "7", "\xff"})
    EXPECT_NE(error_with(text).find("record.jsonl:1: no recorded row"), std::string::npos) << text;
  for (const char* key : {"label", "recipe_hash", "method", "train_seconds", "seconds", "cases", "seeds", "values"}) {
    json broken = row;
    broken.erase(key);
    EXPECT_NE(error_with(broken.dump()).find("no recorded row"), std::string::npos) << key;
    broken[key] = nullptr;
    EXPECT_NE(error_with(broken.dump()).find("no recorded row"), std::string::npos) << key;
  }
  json broken = row;
  broken["values"]["filtered"]["hr@10"]["low"] = "x";
  EXPECT_NE(error_with(broken.dump()).find("no recorded row"), std::string::npos);
  broken = row;
  broken["difference"] = {{"filtered", 1}};
  EXPECT_NE(error_with(broken.dump()).find("no recorded row"), std::string::npos);
  broken["difference"] = {{"filtered", {{"mean", 0.0}}}};
  EXPECT_NE(error_with(broken.dump()).find("\"difference_hash\" is no string"), std::string::npos);
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
