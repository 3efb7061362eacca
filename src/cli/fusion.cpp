#include <memory>

#include "base/file.h"
#include "cli/program.h"
#include "cli/table.h"
#include "serve/learn_fusion.h"

namespace tessera::cli {
namespace {

struct FusionFlags {
  std::string run;
  int64_t cases = 2000;
};

void fusion_command(const FusionFlags& flags, const Program& program) {
  const RunContext context = program.run_context();
  const auto model = ServingModel::open(flags.run, context);
  const serve::LearnedFusion learned = serve::learn_fusion(*model, {}, {}, flags.cases, program.reporter());
  const nlohmann::json json = to_json(learned);
  write_file(serve::fusion_file(find_run(flags.run, context.runs)), json.dump(2) + "\n");
  if (program.json_output) return print_json(json);
  TextTable rows({"order of what a search matches", "HR@10", "MRR", "NDCG@10"}, {true});
  for (const auto& [name, quality] : learned.quality)
    rows.add({name, fmt::format("{:.4f}", quality.hr10), fmt::format("{:.4f}", quality.mrr),
              fmt::format("{:.4f}", quality.ndcg10)});
  print(rows.text());
  print(
      fmt::format("learned on {} searches, measured on {}: lexical_weight {:.3f}, personal_weight {:.3f}\n"
                  "`tessera serve {} --fusion learned` uses them\n",
                  learned.fitted_on, learned.tested_on, learned.lexical_weight, learned.personal_weight, flags.run));
}

}  // namespace

void add_fusion(CLI::App& app, Program& program) {
  auto flags = std::make_shared<FusionFlags>();
  CLI::App* command =
      app.add_subcommand("fusion", "Learn from the log's searches how much text and person count, and measure it");
  command->add_option("RUN", flags->run, "name or folder of a finished run")->required();
  command->add_option("--cases", flags->cases, "searches to learn from, and to measure on, at most")
      ->check(CLI::Range(20, 10000000))
      ->capture_default_str();
  command->callback([flags, &program] { program.action = [flags, &program] { fusion_command(*flags, program); }; });
}

}  // namespace tessera::cli
