#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "cli/program.h"
#include "cli/results.h"
#include "pipeline/report.h"

namespace tessera::cli {
namespace {

/// What `run` and its single-stage variants are given.
struct RunFlags {
  std::string recipe, name, data;
  int64_t seed = -1;
  std::vector<std::string> sets;
  bool force = false;
};

/// A recipe file, or the resolved recipe of a run.
Recipe read_recipe(const std::string& given, Program& program) {
  namespace fs = std::filesystem;
  if (fs::is_regular_file(given) || given.ends_with(".toml")) return load_recipe(given);
  const fs::path folder = find_run(given, program.runs);
  if (folder.has_parent_path()) program.runs = folder.parent_path().string();
  return load_recipe(folder / "recipe.toml");
}

/// Flags over --set over the recipe.
Recipe build_recipe(const RunFlags& flags, Program& program) {
  Recipe recipe = read_recipe(flags.recipe, program);
  for (const std::string& assignment : flags.sets) apply_set(recipe, assignment);
  if (!flags.name.empty()) recipe.tree["run"]["name"] = flags.name;
  if (!flags.data.empty()) recipe.tree["data"]["source"] = flags.data;
  if (flags.seed >= 0) recipe.tree["run"]["seed"] = flags.seed;
  resolve_recipe(recipe);
  return recipe;
}

void show_stage(Run& run, Stage stage, const Program& program) {
  const StageRecord& record = run.record(stage);
  if (program.json_output) {
    print_json({{"run", run.recipe().run().name},
                {"stage", to_string(stage)},
                {"folder", record.folder.string()},
                {"seconds", record.seconds},
                {"hash", record.hash},
                {"facts", record.facts}});
    return;
  }
  print(fmt::format("{}: {} in {}\n", to_string(stage), record.facts.dump(), record.folder.string()));
  if (stage == Stage::tokenize) print(quality_text(nlohmann::json::parse(read_file(record.folder / "quality.json"))));
}

void run_stages(const RunFlags& flags, Stage last, Program& program) {
  Run run(build_recipe(flags, program), program.run_context(flags.force));
  run.up_to(last);
  if (last != Stage::evaluate) return show_stage(run, last, program);
  const nlohmann::json metrics = nlohmann::json::parse(read_file(run.stage_folder(Stage::evaluate) / "metrics.json"));
  const std::string report = (run.folder() / "report.html").string();
  if (program.json_output) {
    nlohmann::json out = metrics;
    out["folder"] = run.folder().string();
    out["report"] = report;
    return print_json(out);
  }
  print(metrics_text(metrics) + fmt::format("\nreport: {}\n", report));
}

void add_variant(CLI::App& app, Program& program, const std::string& name, const std::string& help, Stage last) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("RECIPE", flags->recipe, "recipe (.toml), or the name of a run")->required();
  command->add_option("--set", flags->sets, "section.key=value over the recipe; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--name", flags->name, "name of the run");
  command->add_option("--data", flags->data, "file or folder with the data");
  command->add_option("--seed", flags->seed, "start of every random stream")->check(CLI::NonNegativeNumber);
  command->add_flag("--force", flags->force, "work again even where nothing has changed");
  command->callback(
      [flags, &program, last] { program.action = [flags, &program, last] { run_stages(*flags, last, program); }; });
}

}  // namespace

void add_run(CLI::App& app, Program& program) {
  add_variant(app, program, "run", "All stages of a recipe: data, embed, tokenize, train, evaluate", Stage::evaluate);
  add_variant(app, program, "embed", "The stages up to item vectors", Stage::embed);
  add_variant(app, program, "tokenize", "The stages up to semantic IDs", Stage::tokenize);
  add_variant(app, program, "train", "The stages up to the trained model", Stage::train);
}

}  // namespace tessera::cli
