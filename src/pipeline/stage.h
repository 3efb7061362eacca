#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace tessera {

/// Version of what stages write. A higher one makes every older output stale.
inline constexpr int kStageSchema = 1;

/// What a finished stage left: `stage.json` in its folder.
struct StageRecord {
  std::string stage;                 ///< "embed"
  std::string hash;                  ///< of all that its output depends on
  double seconds = 0;                ///< of work
  std::vector<std::string> outputs;  ///< files in `folder`
  std::filesystem::path folder;      ///< where the outputs are; a shared stage's is in the cache
  nlohmann::json facts = nlohmann::json::object();
};

/// @return the record in `stage_folder`, or nothing when the stage is not finished there: no record, another schema, or
/// an output that is gone
std::optional<StageRecord> read_stage(const std::filesystem::path& stage_folder);

/// Writes stage.json into `stage_folder`, atomically. A record whose outputs are elsewhere keeps the path to them.
void write_stage(const std::filesystem::path& stage_folder, const StageRecord& record);

/// The hash of a stage: name, schema version, options and the hashes before it.
std::string stage_hash(const std::string& stage, const nlohmann::json& inputs);

/// Hash of a file, or of all files below a folder (names and contents, images left out).
std::string hash_source(const std::filesystem::path& source);

/// Holds an exclusive lock on a file between processes, for as long as it lives. The file stays.
class FileLock {
 public:
  enum class Wait { yes, no };
  /// @throws Error(io) if it cannot be had, or is held and `wait` is no
  FileLock(const std::filesystem::path& file, Wait wait, const std::string& what);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace tessera
