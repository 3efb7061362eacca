#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "pipeline/evaluate.h"
#include "pipeline/run.h"

namespace tessera {

/// The cases of "valid" or "test". @throws Error(config) for another name; Error(data) if the split has none
const std::vector<Case>& cases_of(const Split& split, const std::string& name);

/// The evaluate stage: answers the recipe's splits under its protocols and fills the folder with metrics.json,
/// examples.json and ranks-<split>-<protocol>.npy (int32 [cases], with users-<split>.npy beside them).
/// @return the names of the files
std::vector<std::string> write_evaluation(Run& run, const std::filesystem::path& folder);

/// metrics.json's facts about a run: name, method, dataset, seed, stages.
nlohmann::json describe_run(Run& run);

}  // namespace tessera
