#include "pipeline/importing.h"

namespace tessera {

bool is_dataset_folder(const std::filesystem::path& path) {
  return std::filesystem::is_regular_file(path / "dataset.json");
}

Dataset import_source(const Recipe& recipe, Reporter& reporter, ImportReport& report) {
  ImportOptions options = recipe.data();
  options.source = find_source(recipe).string();
  return import_dataset(options, reporter, report);
}

nlohmann::json dataset_facts(const Dataset& dataset) {
  return {{"name", dataset.name},
          {"content_hash", dataset.content_hash},
          {"items", dataset.items.size()},
          {"users", dataset.users.size()},
          {"events", dataset.log.size()}};
}

}  // namespace tessera
