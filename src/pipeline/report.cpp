#include "pipeline/report.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "pipeline/compare.h"
#include "pipeline/html.h"
#include "pipeline/report_sections.h"
#include "pipeline/stage.h"
#include "train/train_log.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using html::escape;
using nlohmann::json;

json read_json(const fs::path& file) {
  if (!fs::is_regular_file(file)) return json();
  json value = json::parse(read_file(file), nullptr, false);
  return value.is_discarded() ? json() : value;
}

std::string header_section(const RunSummary& run) {
  const json& metrics = run.metrics;
  const json dataset = metrics.value("dataset", json::object());
  const auto chip = [](const std::string& name, const std::string& value) {
    return fmt::format("<span class=\"chip\">{} <b>{}</b></span>", escape(name), escape(value));
  };
  std::string chips = chip("dataset", dataset.value("name", "?"));
  for (const char* key : {"users", "items", "events"})
    chips += chip(key, html::grouped(dataset.value(key, int64_t{0})));
  chips +=
      chip("method", metrics.value("method", "?")) + chip("seed", std::to_string(metrics.value("seed", int64_t{0})));
  const json facts = metrics.value("facts", json::object());
  if (facts.value("parameters", json()).is_number())
    chips += chip("parameters", human_count(facts.at("parameters").get<double>()));
  chips += chip("peak memory", fmt::format("{:.2f} GB", metrics.value("peak_memory_bytes", 0.0) / 1e9));
  return fmt::format(
      "<h1>{}</h1><p class=\"lead\">What this run learned, and how well it answers.</p><div class=\"chips\">{}</div>",
      escape(run.name), chips);
}

std::string curves_section(const fs::path& run_folder) {
  const fs::path file = run_folder / "train" / "train.jsonl";
  if (!fs::is_regular_file(file) || fs::file_size(file) == 0) return "";
  const TrainLog log = read_train_log(file);
  html::Series loss{"loss", {}};
  for (const TrainPoint& point : log.points) loss.points.emplace_back(static_cast<double>(point.step), point.loss);
  std::vector<html::Series> validation;
  for (const ValidationPoint& point : log.validations) {
    for (const auto& [name, value] : point.values) {
      auto known = std::find_if(validation.begin(), validation.end(),
                                [&, key = name](const auto& line) { return line.name == key; });
      if (known == validation.end()) known = validation.insert(validation.end(), {name, {}});
      known->points.emplace_back(static_cast<double>(point.step), value);
    }
  }
  const std::string left = html::line_chart({loss}, "step", "training loss");
  const std::string right = html::line_chart(validation, "step", "validation");
  if (left.empty() && right.empty()) return "";
  return fmt::format(
      "<section class=\"card\"><h2>Training</h2><div class=\"two\"><div>{}</div><div>{}</div></div></section>", left,
      right);
}

}  // namespace

std::string report_html(const fs::path& run_folder, const fs::path& runs) {
  const auto run = read_summary(run_folder);
  TESSERA_CHECK(run.has_value(), data,
                "the run {} is not evaluated yet, so there is nothing to report; `tessera run` its recipe",
                run_folder.string());
  std::string body = header_section(*run);
  body += tiles_section(run->metrics);
  body += leaderboard_section(*run, find_summaries(runs));
  body += metrics_section(run->metrics);
  body += curves_section(run_folder);
  body += breakdown_section(run->metrics);
  if (const auto tokenize = read_stage(run_folder / "tokenize"))
    body += codes_section(read_json(tokenize->folder / "quality.json"));
  body += examples_section(read_json(run_folder / "evaluate" / "examples.json"));
  const fs::path recipe = run_folder / "recipe.toml";
  body += stages_section(run->metrics, fs::is_regular_file(recipe) ? read_file(recipe) : "");
  body +=
      "<footer>Made by tessera from the files of this run. Intervals are percentile bootstraps over users. HR@k equals "
      "Recall@k, as every case has one answer.</footer>";
  return html::page(run->name + " · Tessera", body);
}

fs::path write_report(const fs::path& run_folder, const fs::path& runs) {
  const fs::path file = run_folder / "report.html";
  write_file(file, report_html(run_folder, runs));
  return file;
}

}  // namespace tessera
