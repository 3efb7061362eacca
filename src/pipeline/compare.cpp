#include "pipeline/compare.h"

#include <algorithm>
#include <charconv>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "eval/metrics.h"
#include "pipeline/stage.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The object at a path of keys, or null.
const json& at_path(const json& from, const std::vector<std::string>& keys) {
  static const json none;
  const json* at = &from;
  for (const std::string& key : keys) {
    if (!at->is_object() || !at->contains(key)) return none;
    at = &at->at(key);
  }
  return *at;
}

std::vector<int32_t> read_ranks(const RunSummary& run, const std::string& split, const std::string& protocol) {
  const fs::path file = run.folder / "evaluate" / fmt::format("ranks-{}-{}.npy", split, protocol);
  const NpyFile ranks(file);
  const auto values = ranks.array().as<int32_t>();
  const json& cases = at_path(run.metrics, {"splits", split, "cases"});
  TESSERA_CHECK(cases.is_number() && cases.get<int64_t>() == static_cast<int64_t>(values.size()), corrupt,
                "{}: {} ranks for {} cases; evaluate the run again", file.string(), values.size(), cases.dump());
  return {values.begin(), values.end()};
}

/// Metrics that every run has under the protocol, hr first, then by k.
std::vector<std::string> shared_metrics(const std::vector<RunSummary>& runs, const CompareSettings& settings) {
  std::vector<std::string> names;
  const json& first = at_path(runs.front().metrics, {"splits", settings.split, settings.protocols.front()});
  if (!first.is_object()) return names;
  for (const auto& [key, value] : first.items()) {
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&, name = key](const RunSummary& run) {
      return metric_of(run.metrics, settings.split, settings.protocols.front(), name).has_value();
    });
    if (metric_and_k(key) && everywhere) names.push_back(key);
  }
  const std::vector<std::string> order = {"hr", "ndcg", "mrr"};
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    const auto [name_a, k_a] = *metric_and_k(a);
    const auto [name_b, k_b] = *metric_and_k(b);
    const auto place = [&](const std::string& name) { return std::find(order.begin(), order.end(), name); };
    return std::pair(place(name_a), k_a) < std::pair(place(name_b), k_b);
  });
  return names;
}

json differences(const std::vector<int32_t>& ranks, const std::vector<int32_t>& base,
                 const std::vector<std::string>& metrics, const CompareSettings& settings) {
  json out = json::object();
  for (const std::string& metric : metrics) {
    const auto [name, k] = *metric_and_k(metric);
    const Difference difference = paired_difference(case_values(ranks, name, k), case_values(base, name, k),
                                                    settings.resamples, settings.level, settings.seed);
    out[metric] = {{"mean", difference.interval.mean},
                   {"low", difference.interval.low},
                   {"high", difference.interval.high},
                   {"p", difference.p_value}};
  }
  return out;
}

json compare_protocol(const std::vector<RunSummary>& runs, const std::vector<std::string>& metrics,
                      const CompareSettings& settings, const std::string& protocol) {
  json rows = json::array();
  const RunSummary& base = runs.front();
  const std::vector<int32_t> base_ranks = read_ranks(base, settings.split, protocol);
  for (const RunSummary& run : runs) {
    json row = {{"run", run.name},
                {"method", run.metrics.value("method", "")},
                {"seed", run.metrics.value("seed", json())},
                {"dataset", at_path(run.metrics, {"dataset", "name"})},
                {"values", json::object()}};
    for (const std::string& metric : metrics)
      row["values"][metric] = at_path(run.metrics, {"splits", settings.split, protocol, metric});
    const bool same_cases = at_path(run.metrics, {"splits", settings.split, "cases_hash"}) ==
                            at_path(base.metrics, {"splits", settings.split, "cases_hash"});
    if (&run != &base && same_cases) {
      row["differences"] = differences(read_ranks(run, settings.split, protocol), base_ranks, metrics, settings);
    } else if (&run != &base) {
      row["note"] = "answered other cases than " + base.name + ": no paired difference";
    }
    rows.push_back(std::move(row));
  }
  return {{"protocol", protocol}, {"rows", std::move(rows)}};
}

}  // namespace

std::optional<RunSummary> read_summary(const fs::path& folder) {
  const fs::path file = folder / "evaluate" / "metrics.json";
  if (!fs::is_regular_file(file)) return std::nullopt;
  json metrics = json::parse(read_file(file), nullptr, false);
  if (metrics.is_discarded() || !metrics.is_object() || metrics.value("schema", json()) != kStageSchema)
    return std::nullopt;
  if (!metrics.value("method", json()).is_string() || !metrics.value("splits", json()).is_object()) return std::nullopt;
  return RunSummary{folder.lexically_normal().filename().string(), folder, std::move(metrics)};
}

std::vector<RunSummary> find_summaries(const fs::path& runs) {
  std::vector<RunSummary> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(runs, ignored)) {
    if (entry.path().filename().string().starts_with(".")) continue;
    if (auto summary = read_summary(entry.path())) found.push_back(std::move(*summary));
  }
  std::sort(found.begin(), found.end(), [](const RunSummary& a, const RunSummary& b) { return a.name < b.name; });
  return found;
}

std::optional<std::pair<std::string, int64_t>> metric_and_k(const std::string& metric) {
  const size_t at = metric.find('@');
  if (at == std::string::npos) return std::nullopt;
  const std::string name = metric.substr(0, at);
  int64_t k = 0;
  const char* end = metric.data() + metric.size();
  const auto [stop, error] = std::from_chars(metric.data() + at + 1, end, k);
  const bool known = name == "hr" || name == "ndcg" || name == "mrr";
  if (!known || error != std::errc() || stop != end || k <= 0) return std::nullopt;
  return std::pair(name, k);
}

std::optional<double> metric_of(const json& metrics, const std::string& split, const std::string& protocol,
                                const std::string& metric) {
  const json& mean = at_path(metrics, {"splits", split, protocol, metric, "mean"});
  return mean.is_number() ? std::optional<double>(mean.get<double>()) : std::nullopt;
}

json compare_runs(const std::vector<RunSummary>& runs, const CompareSettings& settings) {
  TESSERA_CHECK(!runs.empty() && !settings.protocols.empty(), config, "nothing to compare: name at least one run");
  CompareSettings shared = settings;
  // A protocol that some run was not measured under is left out, unless none is left.
  std::erase_if(shared.protocols, [&](const std::string& protocol) {
    return !std::all_of(runs.begin(), runs.end(), [&](const RunSummary& run) {
      return at_path(run.metrics, {"splits", settings.split, protocol}).is_object();
    });
  });
  TESSERA_CHECK(
      !shared.protocols.empty(), data,
      "the runs were not all measured on the split \"{}\" under {}; evaluate them again with the same [evaluate] "
      "splits and protocols",
      settings.split, fmt::join(settings.protocols, " or "));
  const std::vector<std::string> metrics = shared_metrics(runs, shared);
  json out = {{"split", settings.split}, {"level", settings.level}, {"metrics", metrics}, {"tables", json::array()}};
  for (const std::string& protocol : shared.protocols)
    out["tables"].push_back(compare_protocol(runs, metrics, shared, protocol));
  return out;
}

}  // namespace tessera
