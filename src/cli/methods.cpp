#include "methods/catalog.h"

#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "cli/table.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

json describe(const CatalogEntry& entry) {
  return {{"family", entry.family},    {"name", entry.info.name},   {"summary", entry.info.summary},
          {"paper", entry.info.paper}, {"needs", entry.info.needs}, {"defaults", entry.info.defaults()}};
}

void list_methods(const Program& program) {
  json list = json::array();
  TextTable rows({"family", "name", "needs", "what it is"}, {true, true, true, true});
  for (const CatalogEntry& entry : catalog()) {
    list.push_back(describe(entry));
    rows.add({entry.family, entry.info.name, entry.info.needs, entry.info.summary});
  }
  if (program.json_output) return print_json(list);
  print(rows.text());
}

void show_method(const std::string& name, const Program& program) {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : catalog()) {
    names.push_back(entry.info.name);
    if (entry.info.name != name) continue;
    if (program.json_output) return print_json(describe(entry));
    std::string out = fmt::format("{} ({}): {}\n", name, entry.family, entry.info.summary);
    if (!entry.info.paper.empty()) out += fmt::format("paper: {}\n", entry.info.paper);
    if (!entry.info.needs.empty()) out += fmt::format("needs: {}\n", entry.info.needs);
    return print(out + fmt::format("\n[{}]\nname = \"{}\"\n{}", entry.family, name, entry.info.help()));
  }
  const std::string near = nearest(name, names);
  fail(ErrorKind::config, "there is no method \"{}\"{} (there are: {})", name,
       near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near), fmt::join(names, ", "));
}

}  // namespace

void add_methods(CLI::App& app, Program& program) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("methods", "What methods there are, and the options of one");
  command->add_option("NAME", *name, "a method");
  command->callback([name, &program] {
    program.action = [name, &program] { name->empty() ? list_methods(program) : show_method(*name, program); };
  });
}

}  // namespace tessera::cli
