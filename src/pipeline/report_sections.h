#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/compare.h"

namespace tessera {

// Parts of the report as HTML. Each takes what the files of a run say, and gives "" where they say nothing on it.

/// Headline numbers.
std::string tiles_section(const nlohmann::json& metrics);
/// This run among all runs that answered the same cases.
std::string leaderboard_section(const RunSummary& run, const std::vector<RunSummary>& all);
/// Every metric with its interval, and what was shown.
std::string metrics_section(const nlohmann::json& metrics);
/// Bars by history length and by the answer's training events.
std::string breakdown_section(const nlohmann::json& metrics);
/// Use of the codes of each level. @param quality  quality.json
std::string codes_section(const nlohmann::json& quality);
/// Users with titles. @param examples  examples.json
std::string examples_section(const nlohmann::json& examples);
/// Seconds of each stage, and the resolved recipe.
std::string stages_section(const nlohmann::json& metrics, const std::string& recipe);

}  // namespace tessera
