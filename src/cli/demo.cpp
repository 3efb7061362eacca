#include <chrono>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/runtime.h"
#include "cli/demo_recipes.h"
#include "cli/program.h"
#include "cli/table.h"
#include "data/simulate/simulate.h"
#include "pipeline/compare.h"
#include "pipeline/importing.h"
#include "pipeline/report.h"
#ifdef TESSERA_WITH_SERVE
#include "cli/serve_until_end.h"
#endif

namespace tessera::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct DemoFlags {
  std::string out = "demo";
  bool no_serve = false;
  json options;
};

SimulateOptions demo_shop(const json& flags) {
  SimulateOptions options;
  options.items = 8000;
  options.users = 6000;
  assign(options, flags, "demo");
  return options;
}

/// Makes the shop unless the folder has it already. @return its ceilings
json make_shop(SimulateOptions options, const fs::path& folder, const Program& program) {
  const json wanted = list_options(options).dump();
  const fs::path note = folder.parent_path() / "shop.json";
  if (fs::is_regular_file(note) && is_dataset_folder(folder)) {
    const json known = json::parse(read_file(note), nullptr, false);
    if (known.is_object() && known.value("options", json()) == wanted) {
      program.log("shop: there already");
      return known.value("ceilings", json::array());
    }
  }
  program.log(fmt::format("shop: simulating {} items, {} users, {} days", options.items, options.users, options.days));
  SimulatedShop shop = simulate_shop(options, program.reporter());
  json ceilings = json::array();
  for (const Ceiling& ceiling : shop.ceilings)
    ceilings.push_back({{"name", ceiling.name},
                        {"hr@10", ceiling.hr10},
                        {"ndcg@10", ceiling.ndcg10},
                        {"definition", ceiling.definition}});
  fs::create_directories(folder.parent_path());
  save_shop(shop, folder);
  write_file(note, json{{"options", wanted}, {"ceilings", ceilings}}.dump(2) + "\n");
  return ceilings;
}

Recipe demo_recipe(const DemoRecipe& demo, const fs::path& shop) {
  Recipe recipe = parse_recipe(std::string(kDemoCommon) + demo.text, std::string("the demo's recipe ") + demo.name);
  recipe.tree["run"] = {{"name", demo.name}};
  recipe.tree["data"] = {{"source", fs::absolute(shop).string()}};
  resolve_recipe(recipe);
  return recipe;
}

std::string leaderboard(const std::vector<RunSummary>& runs, const json& ceilings) {
  TextTable rows({"", "HR@10", "NDCG@10", "HR@10 unfiltered", "NDCG@10 unfiltered", "users/s"}, {true});
  for (const RunSummary& run : runs) {
    std::vector<std::string> row = {run.name};
    for (const char* protocol : {"filtered", "unfiltered"})
      for (const char* metric : {"hr@10", "ndcg@10"})
        row.push_back(fmt::format("{:.4f}", metric_of(run.metrics, "test", protocol, metric).value_or(0)));
    row.push_back(
        fmt::format("{:.0f}", run.metrics.at("splits").at("test").at("unfiltered").value("users_per_second", 0.0)));
    rows.add(std::move(row));
  }
  for (const json& ceiling : ceilings)
    rows.add({"ceiling: " + ceiling.value("name", ""), "", "", fmt::format("{:.4f}", ceiling.value("hr@10", 0.0)),
              fmt::format("{:.4f}", ceiling.value("ndcg@10", 0.0)), ""});
  std::string out = rows.text();
  for (const json& ceiling : ceilings)
    out += fmt::format("  {}: {}\n", ceiling.value("name", ""), fit_width(ceiling.value("definition", ""), 130));
  return out;
}

std::string example_text(const json& examples) {
  std::string out;
  for (const json& user : examples.at("test").at("users")) {
    const json& history = user.at("history");
    out += fmt::format("user {} · {} events, the last of them:\n", user.value("user", ""),
                       user.value("history_length", 0));
    for (size_t i = history.size() > 3 ? history.size() - 3 : 0; i < history.size(); ++i)
      out += fmt::format("    had  {}\n", fit_width(history[i].value("title", ""), 90));
    int64_t rank = 0;
    for (const json& item : user.at("recommended")) {
      const bool hit = item.value("hit", false);
      if (++rank > 3 && !hit) continue;
      out += fmt::format("  {} {:>2}.  {}\n", hit ? "→" : " ", rank, fit_width(item.value("title", ""), 90));
    }
    out += fmt::format("    next {}{}\n", fit_width(user.at("answer").value("title", ""), 90),
                       user.value("rank", 0) > 0 ? fmt::format("  (found at {})", user.value("rank", 0)) : "");
  }
  return out;
}

#ifdef TESSERA_WITH_SERVE
/// The console, open to a user of the shop, until the process is asked to end.
void serve_demo(const fs::path& run, const std::string& user, const Program& program) {
  const auto ready = [&](serve::Service& service) {
    print(
        fmt::format("\nserving: {0}/console/#/playground?user={1}\n  curl '{0}/v1/recommend?user_id={1}&limit=3'\n"
                    "Ctrl-C ends it; `tessera serve {2}` starts it again.\n",
                    service.address(), user, run.string()));
  };
  RunContext context = program.run_context();
  context.runs = run.parent_path();
  serve::ServeOptions options = serve_options(run.filename().string(), context, json::object());
  try {
    serve_until_end(run.filename().string(), context, options, ready);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    program.log(fmt::format("note: {}; trying any free port", error.what()));
    options.listen = "127.0.0.1:0";
    serve_until_end(run.filename().string(), context, options, ready);
  }
}
#endif

void demo_command(const DemoFlags& flags, const Program& program) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path out = flags.out, shop = out / "shop";
  const json ceilings = make_shop(demo_shop(flags.options), shop, program);
  RunContext context = program.run_context();
  context.runs = out / "runs";
  std::vector<RunSummary> runs;
  json examples;
  for (const DemoRecipe& demo : kDemoRecipes) {
    program.log(fmt::format("-- {}", demo.name));
    Run run(demo_recipe(demo, shop), context);
    run.up_to(Stage::evaluate);
    runs.push_back(*read_summary(run.folder()));
    examples = json::parse(read_file(run.stage_folder(Stage::evaluate) / "examples.json"));
  }
  const fs::path report = write_report(runs.back().folder, context.runs);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (program.json_output) {
    json result = {{"seconds", seconds},
                   {"peak_memory_bytes", peak_memory_bytes()},
                   {"report", report.string()},
                   {"ceilings", ceilings}};
    for (const RunSummary& run : runs) result["runs"][run.name] = run.metrics;
    return print_json(result);
  }
  const std::string user = examples.at("test").at("users").at(0).value("user", "");
  print(leaderboard(runs, ceilings));
  print("\nWhat " + runs.back().name + " answers:\n" + example_text(examples));
  print(fmt::format("\nreport: {}\ntook {}, {:.2f} GB of memory at most\ntry: tessera recommend {} --user {} -k 5\n",
                    fs::absolute(report).string(), human_duration(seconds),
                    static_cast<double>(peak_memory_bytes()) / 1e9, (context.runs / runs.back().name).string(), user));
#ifdef TESSERA_WITH_SERVE
  if (!flags.no_serve) serve_demo(runs.back().folder, user, program);
#endif
}

}  // namespace

void add_demo(CLI::App& app, Program& program) {
  auto flags = std::make_shared<DemoFlags>();
  CLI::App* command =
      app.add_subcommand("demo", "The whole road on a simulated shop: log, semantic IDs, training, evaluation, report");
  command->add_option("--out", flags->out, "folder for all of it")->capture_default_str();
  SimulateOptions defaults = demo_shop(json::object());
  add_flags(*command, list_options(defaults), flags->options);
#ifdef TESSERA_WITH_SERVE
  command->add_flag("--no-serve", flags->no_serve, "end after the report instead of serving the console");
#endif
  command->callback([flags, &program] { program.action = [flags, &program] { demo_command(*flags, program); }; });
}

}  // namespace tessera::cli
