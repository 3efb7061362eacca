#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/progress.h"
#include "data/dataset.h"
#include "pipeline/recipe.h"

namespace tessera {

/// Whether the path is a folder written by save_dataset().
bool is_dataset_folder(const std::filesystem::path& path);

/// Imports the source of [data], found by find_source(). @throws Error as import_dataset()
Dataset import_source(const Recipe& recipe, Reporter& reporter, ImportReport& report);

/// {"name", "content_hash", "items", "users", "events"}
nlohmann::json dataset_facts(const Dataset& dataset);

}  // namespace tessera
