#include "pipeline/board_record.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What of a row was measured; the rest is written in the board's file.
constexpr const char* kMeasured[] = {"recipe_hash", "method", "seeds",  "parameters", "train_seconds",
                                     "answer_us",   "cases",  "values", "difference", "seconds"};

/// A tree of objects, `depth` of them one in another, with numbers from `low` to 1 at the leaves.
bool shares_at(const json& tree, int depth, double low) {
  if (depth == 0) return tree.is_number() && tree.get<double>() >= low && tree.get<double>() <= 1;
  if (!tree.is_object()) return false;
  for (const json& below : tree)
    if (!shares_at(below, depth - 1, low)) return false;
  return true;
}

bool is_amount(const json& value) {
  return value.is_number() && value.get<double>() >= 0;
}

/// What keeps the pages from showing the row; "" where nothing does.
std::string problem_of(const json& row) {
  if (!row.is_object()) return "no JSON object";
  for (const char* key : {"label", "recipe_hash", "method"})
    if (!row.value(key, json()).is_string()) return fmt::format("\"{}\" is no string", key);
  for (const char* key : {"train_seconds", "seconds", "cases"})
    if (!is_amount(row.value(key, json()))) return fmt::format("\"{}\" is no number", key);
  for (const char* key : {"parameters", "answer_us"})
    if (row.contains(key) && !is_amount(row.at(key))) return fmt::format("\"{}\" is no number", key);
  const json seeds = row.value("seeds", json());
  if (!seeds.is_array() || seeds.empty() ||
      !std::all_of(seeds.begin(), seeds.end(), [](const json& seed) { return seed.is_number_integer(); }))
    return "\"seeds\" is no list of whole numbers";
  if (row.contains("difference")) {
    if (!shares_at(row.at("difference"), 2, -1)) return "\"difference\" has no such shares";
    if (!row.value("difference_hash", json()).is_string()) return "\"difference_hash\" is no string";
  }
  return shares_at(row.value("values", json()), 3, 0) ? "" : "\"values\" has no shares between 0 and 1";
}

/// The rows by label; none where there is no file.
std::map<std::string, json> read_record(const fs::path& file) {
  std::map<std::string, json> rows;
  if (!fs::exists(file)) return rows;
  for_each_line(file, [&](std::string_view line, int64_t number) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    json row = json::parse(line, nullptr, false);
    const std::string problem = problem_of(row);
    TESSERA_CHECK(problem.empty(), data,
                  "{}:{}: no recorded row of a board: {}; mend the line, or delete it to measure its row again",
                  file.string(), number, problem);
    std::string label = row.at("label").get<std::string>();
    TESSERA_CHECK(rows.emplace(std::move(label), std::move(row)).second, data,
                  "{}:{}: the label of this row was there before", file.string(), number);
  });
  return rows;
}

/// How much of a row is measured: its seeds, then whether it is compared with the reference.
std::pair<size_t, bool> measure(const json& row) {
  return {row.contains("values") ? row.at("seeds").size() : 0, row.contains("difference")};
}

}  // namespace

void keep_recorded_rows(json& board, const fs::path& record) {
  const auto recorded = read_record(record);
  for (json& table : board.at("tables")) {
    for (json& row : table.at("rows")) {
      const auto found = recorded.find(row.at("label").get<std::string>());
      if (found == recorded.end() || row.value("state", "") == "skipped") continue;
      json kept = found->second;
      if (kept.value("difference_hash", json()) != row.value("difference_hash", json())) kept.erase("difference");
      if (kept.at("recipe_hash") != row.at("recipe_hash") || measure(kept) <= measure(row)) continue;
      row.erase("runs");
      for (const char* key : kMeasured) {
        row.erase(key);
        if (kept.contains(key)) row[key] = kept.at(key);
      }
      row["state"] = "done";
      row["recorded"] = true;
    }
  }
}

std::string board_record(const json& board) {
  std::string text;
  for (const json& table : board.at("tables")) {
    for (const json& row : table.at("rows")) {
      if (!row.contains("values")) continue;
      json line = {{"label", row.at("label")}};
      for (const char* key : kMeasured)
        if (row.contains(key)) line[key] = row.at(key);
      if (row.contains("difference")) line["difference_hash"] = row.at("difference_hash");
      text += line.dump() + "\n";
    }
  }
  return text;
}

std::vector<std::string> left_out_rows(const json& board, const fs::path& record) {
  auto recorded = read_record(record);
  for (const json& table : board.at("tables"))
    for (const json& row : table.at("rows"))
      if (row.contains("values")) recorded.erase(row.at("label").get<std::string>());
  std::vector<std::string> labels;
  for (const auto& [label, row] : recorded) labels.push_back(label);
  return labels;
}

void check_record(const fs::path& record) {
  read_record(record);
}

}  // namespace tessera
