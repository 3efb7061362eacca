#include "pipeline/run_evaluate.h"

#include <algorithm>

#include "base/array_file.h"
#include "base/error.h"
#include "base/runtime.h"
#include "eval/metrics.h"
#include "pipeline/importing.h"

namespace tessera {

using nlohmann::json;

const std::vector<Case>& cases_of(const Split& split, const std::string& name) {
  TESSERA_CHECK(name == "valid" || name == "test", config, "there is no split \"{}\", wanted valid or test", name);
  const std::vector<Case>& cases = name == "valid" ? split.valid : split.test;
  TESSERA_CHECK(!cases.empty(), data,
                "the split \"{}\" has no cases; do users have enough events ([split] min_user_events)?", name);
  return cases;
}

json describe_run(Run& run) {
  const RunOptions options = run.recipe().run();
  json stages = json::object();
  for (const Stage stage : {Stage::data, Stage::embed, Stage::tokenize, Stage::train}) {
    const bool has = stage == Stage::data || stage == Stage::train || run.recipe().has(to_string(stage));
    if (has) stages[to_string(stage)] = {{"seconds", run.record(stage).seconds}, {"hash", run.record(stage).hash}};
  }
  return {{"run", options.name},
          {"seed", options.seed},
          {"method", run.recipe().section("retrieve").at("name")},
          {"dataset", dataset_facts(run.dataset())},
          {"facts", run.record(Stage::train).facts},
          {"stages", stages}};
}

namespace {

void write_ints(const std::filesystem::path& file, const std::vector<int32_t>& values) {
  write_npy(file, view_of(std::span<const int32_t>(values), {static_cast<int64_t>(values.size())}));
}

}  // namespace

std::vector<std::string> write_evaluation(Run& run, const std::filesystem::path& folder) {
  const EvaluateOptions options = run.recipe().evaluate();
  const auto seed = static_cast<uint64_t>(run.recipe().run().seed);
  const int64_t wanted_k = *std::max_element(options.k.begin(), options.k.end());
  const int64_t k = std::min(wanted_k, run.dataset().items.size());
  std::vector<std::string> files;
  json metrics = describe_run(run);
  json examples = json::object();
  for (const std::string& split_name : options.splits) {
    const std::vector<Case> cases = choose_cases(cases_of(run.split(), split_name), options.users, seed);
    std::vector<int32_t> users;
    for (const Case& c : cases) users.push_back(index(c.user));
    files.push_back(fmt::format("users-{}.npy", split_name));
    write_ints(folder / files.back(), users);
    json& out = metrics["splits"][split_name];
    out["cases_hash"] = hash_cases(run.split(), cases);
    out["cases"] = cases.size();
    for (const std::string& protocol : options.protocols) {
      const RankSettings settings{k, protocol == "filtered", options.batch,
                                  fmt::format("evaluate {} {}", split_name, protocol)};
      const RankedCases ranked = rank_cases(run.retriever(), run.split(), cases, settings, *run.context().reporter);
      out[protocol] = measure(ranked, run.split(), cases, options, seed);
      files.push_back(fmt::format("ranks-{}-{}.npy", split_name, protocol));
      write_ints(folder / files.back(), ranked.ranks);
      if (!examples.contains(split_name))
        examples[split_name] = {
            {"protocol", protocol},
            {"users", example_answers(ranked, run.dataset(), run.split(), cases, options.examples, seed)}};
    }
  }
  metrics["schema"] = kStageSchema;
  metrics["options"] = run.recipe().section("evaluate");
  metrics["recipe"] = run.recipe().tree;
  metrics["recipe"]["data"].erase("source");  // where it lay is no part of what was measured
  metrics["peak_memory_bytes"] = peak_memory_bytes();
  write_file(folder / "metrics.json", metrics.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  write_file(folder / "examples.json", examples.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  files.insert(files.end(), {"metrics.json", "examples.json"});
  return files;
}

}  // namespace tessera
