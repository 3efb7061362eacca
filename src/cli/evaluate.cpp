#include "pipeline/evaluate.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "cli/results.h"
#include "pipeline/run_evaluate.h"

namespace tessera::cli {
namespace {

struct EvaluateFlags {
  std::string run, split = "test", file;
  int64_t k = 0, users = 0;
  bool filtered = false, unfiltered = false;
};

/// Answers the split once; measures at the recipe's cut-offs up to k, and exports when a file is named.
nlohmann::json evaluate_once(Run& run, const EvaluateFlags& flags, const std::string& protocol,
                             const Program& program) {
  EvaluateOptions options = run.recipe().evaluate();
  const auto seed = static_cast<uint64_t>(run.recipe().run().seed);
  int64_t k = flags.k > 0 ? flags.k : *std::max_element(options.k.begin(), options.k.end());
  const int64_t catalogue = run.dataset().items.size();
  if (k > catalogue) {
    program.log(fmt::format(
        "note: -k {} is more than the {} items of the catalogue; every answer holds all that may be answered", k,
        catalogue));
    k = catalogue;
  }
  std::erase_if(options.k, [&](int64_t cut) { return cut > k; });
  if (options.k.empty() || flags.k > 0) options.k.push_back(k);
  std::sort(options.k.begin(), options.k.end());
  options.k.erase(std::unique(options.k.begin(), options.k.end()), options.k.end());
  const std::vector<Case> cases = choose_cases(cases_of(run.split(), flags.split), flags.users, seed);
  const RankSettings settings{k, protocol == "filtered", options.batch,
                              fmt::format("evaluate {} {}", flags.split, protocol)};
  const RankedCases ranked = rank_cases(run.retriever(), run.split(), cases, settings, program.reporter());
  if (!flags.file.empty()) {
    export_answers(ranked, run.dataset(), cases, flags.file);
    program.log(fmt::format("wrote {} ranked lists ({}) to {}", cases.size(), protocol, flags.file));
  }
  nlohmann::json out = describe_run(run);
  out["options"]["k"] = options.k;
  nlohmann::json& part = out["splits"][flags.split];
  part["cases"] = cases.size();
  part["cases_hash"] = hash_cases(run.split(), cases);
  part[protocol] = measure(ranked, run.split(), cases, options, seed);
  return out;
}

void evaluate_command(const EvaluateFlags& flags, const Program& program) {
  TESSERA_CHECK(!(flags.filtered && flags.unfiltered), config, "--filtered and --unfiltered exclude each other");
  const auto run = Run::open(flags.run, program.run_context());
  const std::string only = flags.filtered ? "filtered" : "unfiltered";
  std::vector<std::string> protocols = {"filtered", "unfiltered"};
  // An export is one list a user, so one protocol: unfiltered unless asked.
  if (flags.filtered || flags.unfiltered || !flags.file.empty()) protocols = {only};
  nlohmann::json out;
  for (const std::string& protocol : protocols) {
    nlohmann::json part = evaluate_once(*run, flags, protocol, program);
    if (out.is_null()) out = part;
    out["splits"][flags.split][protocol] = part["splits"][flags.split][protocol];
  }
  if (program.json_output) return print_json(out);
  print(metrics_text(out));
}

}  // namespace

void add_evaluate(CLI::App& app, Program& program) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command = app.add_subcommand("evaluate", "Measure a run on a split; write every user's ranked list");
  command->add_option("RUN", flags->run, "name or folder of a run")->required();
  command->add_option("--split", flags->split, "cases to answer")
      ->check(CLI::IsMember({"valid", "test"}))
      ->capture_default_str();
  command->add_option("--export", flags->file, "JSONL file for every user's ranked list");
  command->add_option("-k", flags->k, "answers a user (default: the recipe's largest)")->check(CLI::Range(1, 1000000));
  command->add_option("--users", flags->users, "cases drawn at random; 0: all")->check(CLI::NonNegativeNumber);
  command->add_flag("--filtered", flags->filtered, "items of a user's history are never answered");
  command->add_flag("--unfiltered", flags->unfiltered, "every item may be answered");
  command->callback([flags, &program] { program.action = [flags, &program] { evaluate_command(*flags, program); }; });
}

}  // namespace tessera::cli
