#include "data/check.h"

#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "cli/table.h"
#include "data/import.h"
#include "pipeline/importing.h"

namespace tessera::cli {
namespace {

Dataset read_any(const std::string& source, const Program& program) {
  if (is_dataset_folder(source)) return load_dataset(source);
  ImportOptions options;
  options.source = source;
  ImportReport report;
  return import_dataset(options, program.reporter(), report);
}

std::string report_text(const CheckReport& report) {
  std::string out;
  for (const CheckResult& result : report.results) {
    out += fmt::format("{:<4}  {:<20}  {}\n", to_string(result.verdict), result.name, fit_width(result.message, 400));
    for (const std::string& example : result.examples)
      out += fmt::format("      {:<20}    {}\n", "", fit_width(example, 160));
  }
  return out + fmt::format("{}: {}\n", report.dataset, to_string(report.verdict()));
}

void check_command(const std::string& source, const Program& program) {
  const Dataset dataset = read_any(source, program);
  const CheckReport report = check_dataset(dataset);
  if (program.json_output) {
    print_json(report.dump());
  } else {
    print(report_text(report));
  }
  TESSERA_CHECK(report.verdict() != Verdict::fail, data, "{} does not pass the check; the rows above say what to mend",
                source);
}

}  // namespace

void add_check(CLI::App& app, Program& program) {
  auto source = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("check", "PASS or FAIL with example rows, for a dataset folder or anything to import");
  command->add_option("SOURCE", *source, "dataset folder, or file or folder to import")->required();
  command->callback([source, &program] { program.action = [source, &program] { check_command(*source, program); }; });
}

}  // namespace tessera::cli
