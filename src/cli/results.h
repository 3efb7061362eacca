#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "methods/families.h"
#include "pipeline/run.h"

namespace tessera::cli {

/// metrics.json as tables for a terminal.
std::string metrics_text(const nlohmann::json& metrics);

/// The main numbers of quality.json.
std::string quality_text(const nlohmann::json& quality);

/// Answers as a table: rank, title, price, score, semantic ID.
std::string answers_text(Run& run, const Results& results);

/// The same as JSON: [{"rank", "item", "title", "price", "score", "semantic_id"}].
nlohmann::json answers_json(Run& run, const Results& results);

}  // namespace tessera::cli
