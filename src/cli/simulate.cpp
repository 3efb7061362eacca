#include "data/simulate/simulate.h"

#include <memory>

#include "cli/program.h"
#include "cli/table.h"
#include "pipeline/importing.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

struct SimulateFlags {
  std::string out;
  json options;
};

void simulate_command(const SimulateFlags& flags, const Program& program) {
  SimulateOptions options;
  assign(options, flags.options, "simulate");
  SimulatedShop shop = simulate_shop(options, program.reporter());
  save_shop(shop, flags.out);
  json out = dataset_facts(shop.data);
  out["folder"] = flags.out;
  out["ceilings"] = json::array();
  TextTable rows({"ceiling", "HR@10", "NDCG@10", "what the ranker knows"}, {true, false, false, true});
  for (const Ceiling& ceiling : shop.ceilings) {
    out["ceilings"].push_back({{"name", ceiling.name},
                               {"hr@10", ceiling.hr10},
                               {"ndcg@10", ceiling.ndcg10},
                               {"definition", ceiling.definition}});
    rows.add(
        {ceiling.name, fmt::format("{:.4f}", ceiling.hr10), fmt::format("{:.4f}", ceiling.ndcg10), ceiling.definition});
  }
  if (program.json_output) return print_json(out);
  print(fmt::format("{}: {} events of {} users on {} items\n{}", flags.out, shop.data.log.size(),
                    shop.data.users.size(), shop.data.items.size(), rows.text()));
}

}  // namespace

void add_simulate(CLI::App& app, Program& program) {
  auto flags = std::make_shared<SimulateFlags>();
  CLI::App* command = app.add_subcommand("simulate", "Make a shop that never was, with a known best ranking");
  command->add_option("OUT", flags->out, "dataset folder to write")->required();
  SimulateOptions defaults;
  add_flags(*command, list_options(defaults), flags->options);
  command->callback([flags, &program] { program.action = [flags, &program] { simulate_command(*flags, program); }; });
}

}  // namespace tessera::cli
