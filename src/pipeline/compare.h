#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// A measured run, as its folder tells it.
struct RunSummary {
  std::string name;
  std::filesystem::path folder;
  nlohmann::json metrics;  ///< metrics.json
};

/// @return nothing when the folder holds no metrics.json of this version
std::optional<RunSummary> read_summary(const std::filesystem::path& folder);

/// Every measured run below the runs folder, by name.
std::vector<RunSummary> find_summaries(const std::filesystem::path& runs);

/// "hr@10" as its name and k; nothing for what is no hr, ndcg or mrr at a k above 0.
std::optional<std::pair<std::string, int64_t>> metric_and_k(const std::string& metric);

/// The number at a metric such as "hr@10" of a split and protocol, or nothing.
std::optional<double> metric_of(const nlohmann::json& metrics, const std::string& split, const std::string& protocol,
                                const std::string& metric);

struct CompareSettings {
  std::string split = "test";
  std::vector<std::string> protocols = {"filtered", "unfiltered"};
  int64_t resamples = 2000;
  double level = 0.95;
  uint64_t seed = 42;
};

/// The runs' metrics side by side, and each run's paired difference from the first one where both answered the same
/// cases.
/// @return {"split", "metrics": ["hr@5", ...], "tables": [{"protocol", "rows": [{"run", "method", "seed", "dataset",
///         "values": {metric: {mean, low, high}}, "differences": {metric: {mean, low, high, p}}, "note"}]}]}
/// @throws Error(data) if a run was not measured on that split; Error(corrupt) if its ranks do not fit
nlohmann::json compare_runs(const std::vector<RunSummary>& runs, const CompareSettings& settings);

/// A comparison as a self-contained page.
std::string comparison_html(const nlohmann::json& comparison);

}  // namespace tessera
