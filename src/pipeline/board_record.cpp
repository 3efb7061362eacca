#include "pipeline/board_record.h"

#include <map>

#include "base/error.h"
#include "base/file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What of a row was measured; the rest is written in the board's file.
constexpr const char* kMeasured[] = {"recipe_hash", "method", "seeds",  "parameters", "train_seconds",
                                     "answer_us",   "cases",  "values", "difference", "seconds"};

/// A tree of objects, `depth` of them one in another, with numbers at the leaves.
bool numbers_at(const json& tree, int depth) {
  if (depth == 0) return tree.is_number();
  if (!tree.is_object()) return false;
  for (const json& below : tree)
    if (!numbers_at(below, depth - 1)) return false;
  return true;
}

/// Whether the pages can show the row without asking further.
bool is_recorded_row(const json& row) {
  if (!row.is_object()) return false;
  for (const char* key : {"label", "recipe_hash", "method"})
    if (!row.contains(key) || !row.at(key).is_string()) return false;
  for (const char* key : {"train_seconds", "seconds", "cases"})
    if (!row.contains(key) || !row.at(key).is_number()) return false;
  for (const char* key : {"parameters", "answer_us"})
    if (row.contains(key) && !row.at(key).is_number()) return false;
  if (!row.contains("seeds") || !row.at("seeds").is_array() || row.at("seeds").empty()) return false;
  for (const json& seed : row.at("seeds"))
    if (!seed.is_number_integer()) return false;
  if (row.contains("difference") && !numbers_at(row.at("difference"), 2)) return false;
  return row.contains("values") && numbers_at(row.at("values"), 3);
}

/// The rows by label; none where there is no file.
std::map<std::string, json> read_record(const fs::path& file) {
  std::map<std::string, json> rows;
  if (!fs::exists(file)) return rows;
  for_each_line(file, [&](std::string_view line, int64_t number) {
    json row = json::parse(line, nullptr, false);
    TESSERA_CHECK(is_recorded_row(row), data, "{}:{}: no recorded row of a board", file.string(), number);
    std::string label = row.at("label").get<std::string>();
    TESSERA_CHECK(rows.emplace(std::move(label), std::move(row)).second, data,
                  "{}:{}: the label of this row was there before", file.string(), number);
  });
  return rows;
}

size_t measured_seeds(const json& row) {
  return row.contains("values") ? row.at("seeds").size() : 0;
}

}  // namespace

void keep_recorded_rows(json& board, const fs::path& record) {
  const auto recorded = read_record(record);
  for (json& table : board.at("tables")) {
    for (json& row : table.at("rows")) {
      const auto found = recorded.find(row.at("label").get<std::string>());
      const std::string state = row.value("state", "");
      if (found == recorded.end() || (state != "done" && state != "not run")) continue;
      const json& kept = found->second;
      if (kept.at("recipe_hash") != row.at("recipe_hash") || measured_seeds(kept) <= measured_seeds(row)) continue;
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

std::string board_record(const json& board, const fs::path& record) {
  const auto recorded = read_record(record);
  std::string text;
  for (const json& table : board.at("tables")) {
    for (const json& row : table.at("rows")) {
      json line;
      if (row.contains("values")) {
        line["label"] = row.at("label");
        for (const char* key : kMeasured)
          if (row.contains(key)) line[key] = row.at(key);
      } else if (const auto found = recorded.find(row.at("label").get<std::string>());
                 found != recorded.end() && row.value("state", "") == "failed") {
        line = found->second;
      } else {
        continue;
      }
      text += line.dump() + "\n";
    }
  }
  return text;
}

}  // namespace tessera
