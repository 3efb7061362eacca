#include "pipeline/board.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <set>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "data/time.h"
#include "eval/metrics.h"
#include "pipeline/board_record.h"
#include "pipeline/compare.h"
#include "pipeline/recipe.h"
#include "pipeline/stage.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// "SASRec, softmax" -> "sasrec-softmax".
std::string slug_of(const std::string& label) {
  std::string slug;
  for (const char c : label) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      slug += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

std::string run_name(const Board& board, const BoardRow& row, int64_t seed) {
  return fmt::format("{}-{}-{}", board.name, slug_of(row.label), seed);
}

const json& list_at(const json& table, const char* key, const std::string& where) {
  static const json none = json::array();
  const auto it = table.find(key);
  if (it == table.end()) return none;
  TESSERA_CHECK(it->is_array() && std::all_of(it->begin(), it->end(), [](const json& e) { return e.is_object(); }),
                config, "{}: `{}` must be tables, [[...{}]]", where, key, key);
  return *it;
}

ReportedNumbers reported_from(const json& table, const std::string& where) {
  ReportedNumbers reported;
  for (const auto& [key, value] : table.items()) {
    if (key == "by" || key == "protocol") {
      TESSERA_CHECK(value.is_string(), config, "{}: reported {} must be a string", where, key);
      (key == "by" ? reported.by : reported.protocol) = value.get<std::string>();
      continue;
    }
    TESSERA_CHECK(metric_and_k(key), config, "{}: reported \"{}\" is no metric, wanted such as \"hr@10\"", where, key);
    TESSERA_CHECK(value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 1, config,
                  "{}: reported \"{}\" = {} is no share between 0 and 1", where, key, value.dump());
    reported.values.emplace_back(key, value.get<double>());
  }
  TESSERA_CHECK(!reported.by.empty(), config, "{}: reported numbers need `by`, who measured them", where);
  return reported;
}

void check_seeds(const std::vector<int64_t>& seeds, const std::string& where) {
  for (const int64_t seed : seeds) {
    TESSERA_CHECK(seed >= 0, config, "{}: the seed {} is negative", where, seed);
    TESSERA_CHECK(std::count(seeds.begin(), seeds.end(), seed) == 1, config, "{}: the seed {} comes twice", where,
                  seed);
  }
}

BoardRow row_from(json table, const std::string& where) {
  BoardRow row;
  const json reported = list_at(table, "reported", where);
  table.erase("reported");
  assign(row, table, where);
  for (const json& one : reported) row.reported.push_back(reported_from(one, where));
  TESSERA_CHECK(!slug_of(row.label).empty(), config,
                "{}: every row needs a `label` with ASCII letters or digits, which name its runs", where);
  check_seeds(row.seeds, where);
  TESSERA_CHECK(!row.recipe.empty() || !row.skip.empty(), config,
                "{}: row \"{}\" needs a `recipe`, or says by `skip` why it has none", where, row.label);
  return row;
}

Recipe recipe_with_changes(const Board& board, const BoardRow& row) {
  Recipe recipe = load_recipe(board.folder / row.recipe);
  for (const std::string& assignment : row.set) apply_set(recipe, assignment);
  return recipe;
}

void check_columns(const Board& board, const Recipe& recipe) {
  const std::vector<int64_t> measured = recipe.evaluate().k;
  for (const std::string& column : board.columns)
    TESSERA_CHECK(std::find(measured.begin(), measured.end(), metric_and_k(column)->second) != measured.end(), config,
                  "the board has a column {}, and the recipe measures k = [{}] only ([evaluate] k)", column,
                  fmt::join(measured, ", "));
}

/// @param with_data  whether its data must be there
/// @throws Error that names the row
Recipe recipe_of(const Board& board, const BoardRow& row, int64_t seed, bool with_data = false) {
  try {
    Recipe recipe = recipe_with_changes(board, row);
    recipe.tree["run"]["name"] = run_name(board, row, seed);
    recipe.tree["run"]["seed"] = seed;
    resolve_recipe(recipe);
    check_columns(board, recipe);
    if (with_data) find_source(recipe);
    return recipe;
  } catch (const Error& error) {
    fail(error.kind(), "row \"{}\": {}", row.label, error.what());
  }
}

const std::vector<int64_t>& seeds_of(const Board& board, const BoardRow& row) {
  return row.seeds.empty() ? board.seeds : row.seeds;
}

/// Whether a run has what is written in a row's recipe, and its other options are the row's defaults. An option that a
/// program of another day did not have yet, and that nobody wrote, is not held against the run, nor where its data was.
bool agree(const json& run, const json& wanted, const json& written) {
  if (!run.is_object() || !wanted.is_object()) return run == wanted;
  if (!written.is_object()) return agree(run, wanted, json::object());  // a name alone
  for (const auto& [key, value] : written.items())
    if (key != "source" && !run.contains(key)) return false;
  for (const auto& [key, value] : run.items())
    if (key != "source" && wanted.contains(key) && !agree(value, wanted.at(key), written.value(key, json::object())))
      return false;
  return true;
}

/// The queue of a board, and what became of it.
class BoardRunner {
 public:
  BoardRunner(const Board& board, const RunContext& context, const BoardRequest& request)
      : board_(board), context_(context), request_(request), folder_(context.runs / ("board-" + board.name)) {}

  json run() {
    check();
    fs::create_directories(folder_);
    if (!request_.collect) run_queue();
    json out = {{"name", board_.name},
                {"title", board_.title},
                {"columns", board_.columns},
                {"metric", board_.metric},
                {"tables", json::array()}};
    for (const BoardTable& table : board_.tables) {
      json rows = json::array();
      for (const BoardRow& row : table.rows) rows.push_back(summary_of(row, row_called(table.reference)));
      out["tables"].push_back(
          {{"title", table.title}, {"note", table.note}, {"reference", table.reference}, {"rows", std::move(rows)}});
    }
    add_seconds(out);
    if (!board_.record.empty()) keep_recorded_rows(out, board_.record);
    add_totals(out);
    return out;
  }

 private:
  /// Every recipe, and the data of those that are run, before hours go into the first one.
  void check() const {
    for (const std::string& label : request_.only)
      TESSERA_CHECK(row_called(label), config, "the board {} has no row \"{}\"", board_.name, label);
    for (const BoardTable& table : board_.tables)
      for (const BoardRow& row : table.rows)
        if (row.skip.empty()) recipe_of(board_, row, seeds_of(board_, row).front(), !request_.collect && wanted(row));
    if (!board_.record.empty()) check_record(board_.record);
  }

  /// Nothing where no row has the label.
  const BoardRow* row_called(const std::string& label) const {
    for (const BoardTable& table : board_.tables)
      for (const BoardRow& row : table.rows)
        if (row.label == label) return &row;
    return nullptr;
  }

  bool wanted(const BoardRow& row) const {
    return row.skip.empty() && (request_.only.empty() || std::find(request_.only.begin(), request_.only.end(),
                                                                   row.label) != request_.only.end());
  }

  void run_queue() {
    std::vector<const BoardRow*> rows;
    size_t rounds = 1;
    for (const BoardTable& table : board_.tables) {
      for (const BoardRow& row : table.rows) {
        if (!wanted(row)) continue;
        rows.push_back(&row);
        rounds = std::max(rounds, seeds_of(board_, row).size());
      }
    }
    if (request_.first_seed) rounds = 1;
    for (size_t round = 0; round < rounds; ++round) {
      std::vector<const BoardRow*> now;
      for (const BoardRow* row : rows)
        if (round < seeds_of(board_, *row).size() && (round == 0 || takes_more_seeds(*row))) now.push_back(row);
      for (size_t i = 0; i < now.size(); ++i)
        run_one(*now[i], seeds_of(board_, *now[i])[round], fmt::format("{} of {}", i + 1, now.size()));
    }
  }

  bool takes_more_seeds(const BoardRow& row) const {
    const auto first = read_summary(context_.runs / run_name(board_, row, seeds_of(board_, row).front()));
    return first && train_seconds(first->metrics) < 60 * board_.more_seeds_below_minutes;
  }

  /// @param place  of the run in its round, for the log
  void run_one(const BoardRow& row, int64_t seed, const std::string& place) {
    const std::string name = run_name(board_, row, seed);
    try {
      RunContext context = context_;
      context.log = [this](const std::string& line) { log(line); };
      Run run(recipe_of(board_, row, seed), context);
      log(fmt::format("board {}: {}, seed {} ({})", board_.name, row.label, seed, place));
      run.up_to(Stage::evaluate);
      errors_.erase(name);
    } catch (const std::exception& error) {
      const std::string what = error.what();
      errors_[name] = what.substr(0, what.find('\n'));
      log(fmt::format("board {}: {}, seed {} failed: {}", board_.name, row.label, seed, what));
    }
  }

  void log(const std::string& line) const {
    if (context_.log) context_.log(line);
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::ofstream(folder_ / "log.txt", std::ios::app) << format_time(now) << " " << line << "\n";
  }

  /// Of the whole stage, with its validations; of one that was interrupted only the end is known, so at least the steps
  /// of the trainer, pre-training included.
  static double train_seconds(const json& metrics) {
    const json facts = metrics.value("facts", json::object()), stages = metrics.value("stages", json::object());
    return std::max(facts.value("pretrain_seconds", 0.0) + facts.value("train_seconds", 0.0),
                    stages.value("train", json::object()).value("seconds", 0.0));
  }

  /// What the runs of every row took: a stage that several runs share once, and the answers under both protocols.
  void add_seconds(json& out) const {
    std::set<std::string> counted;
    for (size_t t = 0; t < board_.tables.size(); ++t) {
      for (size_t r = 0; r < board_.tables[t].rows.size(); ++r) {
        double seconds = 0;
        for (const RunSummary& run : finished_runs(board_.tables[t].rows[r])) {
          const json stages = run.metrics.value("stages", json::object());
          const json test = run.metrics.at("splits").value("test", json::object());
          for (const auto& [stage, facts] : stages.items())
            if (counted.insert(stage + facts.value("hash", run.name)).second)
              seconds += std::max(facts.value("seconds", 0.0), stage == "train" ? train_seconds(run.metrics) : 0.0);
          for (const char* protocol : {"filtered", "unfiltered"}) {
            const double rate = test.value(protocol, json::object()).value("users_per_second", 0.0);
            if (rate > 0) seconds += test.value("cases", 0.0) / rate;
          }
        }
        json& row = out.at("tables").at(t).at("rows").at(r);
        if (row.contains("values")) row["seconds"] = seconds;
      }
    }
  }

  static void add_totals(json& out) {
    double seconds = 0;
    size_t runs = 0;
    for (const json& table : out.at("tables")) {
      for (const json& row : table.at("rows")) {
        if (!row.contains("values")) continue;
        seconds += row.at("seconds").get<double>();
        runs += row.at("seeds").size();
      }
    }
    out["finished_runs"] = runs;
    out["seconds"] = seconds;
  }

  json summary_of(const BoardRow& row, const BoardRow* reference) const {
    json out = {{"label", row.label}, {"note", row.note}, {"reported", json::array()}};
    for (const ReportedNumbers& reported : row.reported) {
      json values = json::object();
      for (const auto& [metric, value] : reported.values) values[metric] = value;
      out["reported"].push_back({{"by", reported.by}, {"protocol", reported.protocol}, {"values", std::move(values)}});
    }
    if (!row.skip.empty()) {
      out["state"] = "skipped";
      out["why"] = row.skip;
      return out;
    }
    out["recipe_hash"] = hash_of(row);
    const bool compares = reference && reference != &row && reference->skip.empty();
    if (compares)
      out["difference_hash"] =
          stage_hash("board difference", {{"metric", board_.metric}, {"reference", hash_of(*reference)}});
    const std::vector<RunSummary> runs = finished_runs(row);
    std::string error;
    for (const int64_t seed : seeds_of(board_, row))
      if (const auto found = errors_.find(run_name(board_, row, seed)); found != errors_.end()) error = found->second;
    if (!error.empty()) out["why"] = error;
    out["state"] = !runs.empty() ? "done" : (error.empty() ? "not run" : "failed");
    if (!runs.empty()) add_numbers(out, runs);
    if (!runs.empty() && compares) add_differences(out, runs, finished_runs(*reference));
    return out;
  }

  /// Of what the row measures, as it is written: a new default of a method does not change it.
  std::string hash_of(const BoardRow& row) const {
    Recipe recipe = recipe_with_changes(board_, row);
    recipe.tree.erase("run");
    return stage_hash("board row", {{"recipe", recipe.tree}});
  }

  std::vector<RunSummary> finished_runs(const BoardRow& row) const {
    std::vector<RunSummary> runs;
    if (!row.skip.empty()) return runs;
    for (const int64_t seed : seeds_of(board_, row)) {
      auto summary = read_summary(context_.runs / run_name(board_, row, seed));
      if (summary && is_of(*summary, row, seed)) runs.push_back(std::move(*summary));
    }
    return runs;
  }

  /// The recipe that the run's numbers are of; of numbers that do not say it, the run's own.
  static json measured_recipe(const RunSummary& run) {
    if (run.metrics.contains("recipe")) return run.metrics.at("recipe");
    const fs::path file = run.folder / "recipe.toml";
    return fs::is_regular_file(file) ? load_recipe(file).tree : json();
  }

  /// Whether the run's numbers are of this recipe and of its last training: a row may have changed since.
  bool is_of(const RunSummary& run, const BoardRow& row, int64_t seed) const {
    json written = recipe_with_changes(board_, row).tree;
    written.erase("run");
    if (!agree(measured_recipe(run), recipe_of(board_, row, seed).tree, written)) return false;
    const auto training = read_stage(run.folder / to_string(Stage::train));
    const json stages = run.metrics.value("stages", json::object());
    return training && stages.value("train", json::object()).value("hash", "") == training->hash;
  }

  void add_numbers(json& out, const std::vector<RunSummary>& runs) const {
    const json& first = runs.front().metrics;
    out["method"] = first.value("method", "");
    double seconds = 0;
    for (const RunSummary& run : runs) {
      out["runs"].push_back(run.name);
      out["seeds"].push_back(run.metrics.value("seed", int64_t{0}));
      seconds += train_seconds(run.metrics) / static_cast<double>(runs.size());
    }
    out["train_seconds"] = seconds;
    if (first.contains("facts") && first.at("facts").contains("parameters"))
      out["parameters"] = first.at("facts").at("parameters");
    for (const char* protocol : {"filtered", "unfiltered"}) {
      for (const std::string& metric : board_.columns)
        if (auto value = value_of(runs, protocol, metric); !value.is_null()) out["values"][protocol][metric] = value;
      const json& table = first.at("splits").value("test", json::object()).value(protocol, json::object());
      if (table.value("users_per_second", 0.0) > 0)
        out["answer_us"] = std::min(out.value("answer_us", 1e30), 1e6 / table.at("users_per_second").get<double>());
    }
    out["cases"] = first.at("splits").value("test", json::object()).value("cases", int64_t{0});
  }

  /// A metric of test cases over the runs of one row.
  struct CaseMeans {
    std::vector<float> cases;  ///< of every case, the mean over the runs; none where a run has not measured the metric
    std::vector<double> runs;  ///< of every run, the mean over its cases
  };

  static CaseMeans means_of(const std::vector<RunSummary>& runs, const std::string& protocol,
                            const std::string& metric) {
    const auto [name, k] = *metric_and_k(metric);
    CaseMeans means;
    for (const RunSummary& run : runs) {
      if (!metric_of(run.metrics, "test", protocol, metric)) return {};
      const NpyFile file(run.folder / "evaluate" / fmt::format("ranks-test-{}.npy", protocol));
      const auto values = case_values(file.array().as<int32_t>(), name, k);
      TESSERA_CHECK(means.cases.empty() || means.cases.size() == values.size(), data,
                    "the runs {} and {} answered other cases", runs.front().name, run.name);
      if (means.cases.empty()) means.cases.assign(values.size(), 0.0f);
      double sum = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        means.cases[i] += values[i] / static_cast<float>(runs.size());
        sum += values[i];
      }
      means.runs.push_back(sum / static_cast<double>(std::max<size_t>(1, values.size())));
    }
    return means;
  }

  /// The mean over seeds case by case, its bootstrap interval over cases, and the spread of the seeds' means.
  json value_of(const std::vector<RunSummary>& runs, const std::string& protocol, const std::string& metric) const {
    const CaseMeans means = means_of(runs, protocol, metric);
    if (means.cases.empty()) return nullptr;
    const Interval interval = bootstrap(means.cases, board_.resamples, 0.95, 42);
    json value = {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
    if (means.runs.size() > 1) {
      double square = 0;
      for (const double m : means.runs) square += (m - interval.mean) * (m - interval.mean);
      value["sd"] = std::sqrt(square / static_cast<double>(means.runs.size() - 1));
    }
    return value;
  }

  static json cases_of(const RunSummary& run) {
    return run.metrics.at("splits").value("test", json::object()).value("cases_hash", json());
  }

  /// Of the board's metric, where both answered the same cases, which are paired by their place.
  void add_differences(json& out, const std::vector<RunSummary>& runs, const std::vector<RunSummary>& reference) const {
    if (reference.empty() || cases_of(runs.front()) != cases_of(reference.front())) return;
    for (const char* protocol : {"filtered", "unfiltered"}) {
      const CaseMeans ours = means_of(runs, protocol, board_.metric);
      const CaseMeans theirs = means_of(reference, protocol, board_.metric);
      if (ours.cases.empty() || ours.cases.size() != theirs.cases.size()) continue;
      const Interval by = paired_difference(ours.cases, theirs.cases, board_.resamples, 0.95, 42).interval;
      out["difference"][protocol] = {{"mean", by.mean}, {"low", by.low}, {"high", by.high}};
    }
  }

  const Board& board_;
  const RunContext& context_;
  const BoardRequest& request_;
  fs::path folder_;
  std::map<std::string, std::string> errors_;  ///< by run
};

/// The files that a board writes: each another one, and a picture is an SVG.
void check_outputs(const Board& board, const std::string& where) {
  std::set<std::string> files;
  for (const std::string& file : {board.results, board.record, board.picture})
    TESSERA_CHECK(file.empty() || files.insert(fs::path(file).lexically_normal().string()).second, config,
                  "{}: [board] results, record and picture must be different files; \"{}\" comes twice", where, file);
  TESSERA_CHECK(board.picture.empty() || board.picture.ends_with(".svg"), config,
                "{}: [board] picture is \"{}\", wanted a name that ends with .svg", where, board.picture);
}

}  // namespace

Board load_board(const fs::path& file) {
  const Recipe text = load_recipe(file);
  Board board;
  board.folder = text.folder;
  for (const auto& [key, value] : text.tree.items())
    TESSERA_CHECK(key == "board" || key == "table", config,
                  "{}: unknown section [{}]; a board has [board] and [[table]]", text.origin, key);
  TESSERA_CHECK(text.has("board") && text.section("board").is_object(), config, "{}: it has no section [board]",
                text.origin);
  assign(board, text.section("board"), text.origin + ": [board]");
  TESSERA_CHECK(!board.name.empty(), config, "{}: [board] needs a `name`, which names its runs", text.origin);
  check_run_name(board.name);
  TESSERA_CHECK(!board.seeds.empty(), config, "{}: [board] seeds must name at least one", text.origin);
  check_seeds(board.seeds, text.origin + ": [board]");
  for (const std::string& metric : board.columns)
    TESSERA_CHECK(metric_and_k(metric), config, "{}: [board] columns: \"{}\" is no metric, wanted such as hr@10",
                  text.origin, metric);
  TESSERA_CHECK(std::find(board.columns.begin(), board.columns.end(), board.metric) != board.columns.end(), config,
                "{}: [board] metric \"{}\" is none of the columns, {}", text.origin, board.metric,
                fmt::join(board.columns, ", "));
  check_outputs(board, text.origin);
  std::set<std::string> names, labels;
  for (json one : list_at(text.tree, "table", text.origin)) {
    const std::string where = fmt::format("{}: [[table]] {}", text.origin, board.tables.size() + 1);
    const json rows = list_at(one, "row", where);
    one.erase("row");
    BoardTable table;
    assign(table, one, where);
    for (const json& row : rows) {
      table.rows.push_back(row_from(row, fmt::format("{}, row {}", where, table.rows.size() + 1)));
      TESSERA_CHECK(names.insert(slug_of(table.rows.back().label)).second, config,
                    "{}: the label \"{}\" comes twice; labels name the runs", where, table.rows.back().label);
      labels.insert(table.rows.back().label);
    }
    board.tables.push_back(std::move(table));
  }
  TESSERA_CHECK(!names.empty(), config, "{}: the board has no rows", text.origin);
  for (const BoardTable& table : board.tables)
    TESSERA_CHECK(table.reference.empty() || labels.contains(table.reference), config,
                  "{}: the reference \"{}\" of table \"{}\" is no row's label", text.origin, table.reference,
                  table.title);
  return board;
}

json run_board(const Board& board, const RunContext& context, const BoardRequest& request) {
  return BoardRunner(board, context, request).run();
}

}  // namespace tessera
