#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/options.h"
#include "pipeline/run.h"

namespace tessera {

/// What somebody else measured, to stand beside ours.
struct ReportedNumbers {
  std::string by;                                      ///< "paper", "cornac#711"
  std::string protocol;                                ///< how it differs from ours
  std::vector<std::pair<std::string, double>> values;  ///< "hr@10" -> .0605
};

/// One line of a board: a recipe, changed a little, run once a seed.
struct BoardRow {
  std::string label;
  std::string recipe;            ///< file, relative to the board's folder
  std::vector<std::string> set;  ///< section.key=value over the recipe
  std::vector<int64_t> seeds;    ///< none: the board's
  std::string skip;              ///< why the row is not run; the table says so
  std::string note;              ///< small print below the table
  std::vector<ReportedNumbers> reported;
  template <class F>
  void fields(F& f) {
    f("label", label, "what the row is called");
    f("recipe", recipe, "recipe file, relative to the board's folder");
    f("set", set, "section.key=value over the recipe");
    f("seeds", seeds, "seeds of this row; none: the board's");
    f("skip", skip, "why this row is not run");
    f("note", note, "small print below the table");
  }
};

struct BoardTable {
  std::string title, note;
  std::string reference;  ///< label of the row, of any table, that the others are compared with; none: no comparison
  std::vector<BoardRow> rows;
  template <class F>
  void fields(F& f) {
    f("title", title, "heading");
    f("note", note, "what the reader must know about its protocol");
    f("reference", reference, "label of a row: every row also shows its paired difference from it");
  }
};

/// A board file: TOML with [board], and tables of rows as [[table]] and [[table.row]], reported numbers as
/// [[table.row.reported]] with `by`, `protocol` and a value a metric ("hr@10" = 0.0605).
struct Board {
  std::string name, title;
  std::string results, record, picture;
  std::vector<int64_t> seeds = {42, 1, 2};
  double more_seeds_below_minutes = 10;
  std::string metric = "hr@10";
  std::vector<std::string> columns = {"hr@5", "hr@10", "ndcg@5", "ndcg@10"};
  int64_t resamples = 1000;
  std::vector<BoardTable> tables;
  std::filesystem::path folder;  ///< of the file

  template <class F>
  void fields(F& f) {
    f("name", name, "names the runs, <name>-<label>-<seed>; letters, digits, dot, dash and underscore");
    f("title", title, "heading of the page");
    f("results", results, "Markdown file that holds the tables between its markers, relative to the working folder");
    f("record", record,
      "JSON Lines file that keeps what was measured, relative to the working folder: shown where the runs are not "
      "here");
    f("picture", picture,
      "SVG file with the bars of the first table, relative to the working folder; the results show it");
    f("seeds", seeds, "seeds of every row, the first one first");
    f("more_seeds_below_minutes", more_seeds_below_minutes,
      "a training that takes longer is run with the first seed only", at_least(0));
    f("metric", metric, "what pictures show and what is compared with a reference");
    f("columns", columns, "metrics of the tables");
    f("resamples", resamples, "bootstrap resamples behind each interval", range(1, 1000000));
  }
};

/// @throws Error(config | io) naming the row and key, for labels that come twice too
Board load_board(const std::filesystem::path& file);

/// What to do of a board.
struct BoardRequest {
  std::vector<std::string> only;  ///< labels; none: all rows
  bool collect = false;           ///< run nothing, show what is finished
  bool first_seed = false;        ///< leave the further seeds for another time
};

/// Runs what is not finished, one run after another, the first seed of every row before the further ones, and puts the
/// numbers together; a row that the board's record knows with more seeds than are here is the record's
/// (board_record.h). A row that fails is told and the others go on; what is finished is never done again, and a run
/// that was interrupted goes on from its checkpoint. Lines go to context.log and, with the time, to
/// <runs>/board-<name>/log.txt.
/// @return {"name", "title", "columns", "metric", "finished_runs", "seconds" (of all of them), "tables": [{"title",
///         "note", "reference", "rows": [{"label", "note", "state": "done" | "skipped" | "failed" | "not run", "why",
///         "recorded", "recipe_hash", "method", "runs": [...], "seeds": [...], "parameters", "train_seconds",
///         "answer_us", "seconds" (of its runs; of a stage that an earlier row shares, none), "cases", "values":
///         {protocol: {metric: {"mean", "low", "high", "sd"}}}, "difference": {protocol: {"mean", "low", "high"}},
///         "difference_hash", "reported": [...]}]}]}; a value's interval is over test cases, of their mean over the
///         seeds; "sd" is that of the seeds' means; "difference" is that of the board's metric from the reference,
///         paired by test case
/// @throws Error(config), before anything runs, for a label in `only` that the board does not have, a recipe that does
///         not resolve or does not measure the columns, or data that is not there; Error(data) for a record that is
///         none
nlohmann::json run_board(const Board& board, const RunContext& context, const BoardRequest& request = {});

/// The tables as Markdown, the best value of a column in bold.
std::string board_markdown(const nlohmann::json& board);

/// The first table as a picture (SVG): `metric` of every measured row, filtered with its interval, unfiltered, and what
/// others reported; the best row first. "" where nothing is measured.
std::string board_picture(const nlohmann::json& board);

/// The board as a self-contained page.
std::string board_html(const nlohmann::json& board);

/// The text with what stands between <!-- board NAME --> and <!-- end of board NAME --> replaced, or with both put at
/// its end. @throws Error(data) if one of the markers stands alone
std::string with_board_section(const std::string& text, const std::string& name, const std::string& section);

}  // namespace tessera
