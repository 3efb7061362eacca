#include "pipeline/compare.h"

#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "cli/program.h"
#include "cli/table.h"
#include "pipeline/run.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

struct CompareFlags {
  std::vector<std::string> runs;
  std::string html_file;
  CompareSettings settings;
};

std::string values_text(const json& comparison, const json& table) {
  std::vector<std::string> header = {"run", "method"};
  for (const json& metric : comparison.at("metrics")) header.push_back(metric.get<std::string>());
  TextTable rows(header, {true, true});
  for (const json& row : table.at("rows")) {
    std::vector<std::string> cells = {row.at("run").get<std::string>(), row.at("method").get<std::string>()};
    for (const json& metric : comparison.at("metrics"))
      cells.push_back(fmt::format("{:.4f}", row.at("values").at(metric.get<std::string>()).value("mean", 0.0)));
    rows.add(std::move(cells));
  }
  return rows.text();
}

std::string differences_text(const json& comparison, const json& table) {
  const std::string base = table.at("rows").at(0).at("run").get<std::string>();
  TextTable rows({"against " + base, "metric", "difference", "interval", "p"}, {true, true});
  std::string notes;
  bool any = false;
  for (const json& row : table.at("rows")) {
    if (row.contains("note"))
      notes += fmt::format("{}: {}\n", row.at("run").get<std::string>(), row.at("note").get<std::string>());
    if (!row.contains("differences")) continue;
    any = true;
    for (const json& metric : comparison.at("metrics")) {
      const json& d = row.at("differences").at(metric.get<std::string>());
      rows.add({row.at("run").get<std::string>(), metric.get<std::string>(),
                fmt::format("{:+.4f}", d.value("mean", 0.0)),
                fmt::format("[{:+.4f}, {:+.4f}]", d.value("low", 0.0), d.value("high", 0.0)),
                fmt::format("{:.3g}", d.value("p", 1.0))});
    }
  }
  return (any ? "\n" + rows.text() : "") + notes;
}

void compare_command(const CompareFlags& flags, const Program& program) {
  std::vector<RunSummary> runs;
  for (const std::string& name : flags.runs) {
    auto summary = read_summary(find_run(name, program.runs));
    TESSERA_CHECK(summary.has_value(), data, "the run {} is not evaluated yet; `tessera run` its recipe first", name);
    runs.push_back(std::move(*summary));
  }
  const json comparison = compare_runs(runs, flags.settings);
  if (!flags.html_file.empty()) {
    write_file(flags.html_file, comparison_html(comparison));
    program.log("wrote " + flags.html_file);
  }
  if (program.json_output) return print_json(comparison);
  std::string out;
  for (const json& table : comparison.at("tables"))
    out += fmt::format("{}{} · {}\n{}{}", out.empty() ? "" : "\n", flags.settings.split,
                       table.at("protocol").get<std::string>(), values_text(comparison, table),
                       differences_text(comparison, table));
  print(out);
}

}  // namespace

void add_compare(CLI::App& app, Program& program) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = app.add_subcommand("compare", "Runs side by side, with paired differences from the first");
  command->add_option("RUN", flags->runs, "names or folders of runs")->required();
  command->add_option("--html", flags->html_file, "write a page");
  command->add_option("--split", flags->settings.split, "cases")
      ->check(CLI::IsMember({"valid", "test"}))
      ->capture_default_str();
  command->add_option("--resamples", flags->settings.resamples, "bootstrap resamples")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->callback([flags, &program] { program.action = [flags, &program] { compare_command(*flags, program); }; });
}

}  // namespace tessera::cli
