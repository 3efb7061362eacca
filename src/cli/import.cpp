#include "data/import.h"

#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "pipeline/html.h"
#include "pipeline/importing.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

struct ImportFlags {
  std::string source, out;
  json options;
};

void show_bad_rows(const ImportReport& report, const Program& program) {
  for (const BadRow& row : report.examples)
    program.log(fmt::format("kept out: {}:{}: {}", row.file, row.line, row.reason));
  const auto shown = static_cast<int64_t>(report.examples.size());
  if (report.bad_rows > shown) program.log(fmt::format("kept out: and {} more", report.bad_rows - shown));
}

void import_command(const ImportFlags& flags, const Program& program) {
  ImportOptions options;
  json table = flags.options;
  table["source"] = flags.source;
  assign(options, table, "import");
  ImportReport report;
  Dataset dataset = import_dataset(options, program.reporter(), report);
  show_bad_rows(report, program);
  for (const std::string& note : report.notes) program.log("note: " + note);
  save_dataset(dataset, flags.out);
  json out = dataset_facts(dataset);
  out.update({{"folder", flags.out},
              {"format", report.format},
              {"rows", report.rows},
              {"bad_rows", report.bad_rows},
              {"seconds", report.seconds}});
  if (program.json_output) return print_json(out);
  print(fmt::format("{}: {} events of {} users on {} items, {} of {} rows kept out ({})\n", flags.out,
                    html::grouped(report.events), html::grouped(report.users), html::grouped(report.items),
                    html::grouped(report.bad_rows), html::grouped(report.rows), report.format));
}

}  // namespace

void add_import(CLI::App& app, Program& program) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = app.add_subcommand("import", "Read a behaviour log and catalogue into a dataset folder");
  command->add_option("SOURCE", flags->source, "file or folder to import")->required();
  command->add_option("OUT", flags->out, "dataset folder to write")->required();
  OptionList list;
  ImportOptions defaults;
  defaults.fields(list);
  OptionList shown;
  for (const OptionField& field : list.fields())
    if (field.name != "source")
      std::visit([&](auto* value) { shown(field.name, *value, field.help, field.allowed); }, field.value);
  add_flags(*command, shown, flags->options);
  command->callback([flags, &program] { program.action = [flags, &program] { import_command(*flags, program); }; });
}

}  // namespace tessera::cli
