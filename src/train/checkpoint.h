#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/array_file.h"
#include "train/adam.h"

namespace tessera {

/// Everything of a training that changes from step to step, beside tensors. Random numbers are not part of it: those of
/// step s follow from (seed, s).
struct TrainState {
  int64_t step = 0;
  double seconds = 0;     ///< of training
  int64_t best_step = 0;  ///< 0: no validation yet
  double best_value = 0;
  int64_t last_validation = 0;  ///< step of it
  int64_t since_best = 0;       ///< validations since the best one
  double loss_sum = 0;          ///< since the last line of the log
  int64_t loss_steps = 0;
  std::string stopped_by;  ///< not empty: the training is complete
};

/// Writes the state and the tensors as one `.safetensors` file, atomically. Tensors on another device are copied.
/// @param identity  JSON object of what must be the same when the training is resumed
/// @throws Error(io)
void write_checkpoint(const std::filesystem::path& path, const nlohmann::json& identity, const TrainState& state,
                      const NamedTensors& tensors);

/// A checkpoint that has been read and checked: format, content hash, state.
class CheckpointFile {
 public:
  /// @throws Error(io | corrupt) naming the file and what to do
  explicit CheckpointFile(const std::filesystem::path& path);
  const TrainState& state() const { return state_; }
  /// @throws Error(config) naming the first key that differs, both values, and what to do
  void check_identity(const nlohmann::json& identity) const;
  /// Copies the stored values into the tensors of these names.
  /// @throws Error(corrupt) if one is missing or has another shape
  void load(const NamedTensors& tensors) const;

 private:
  std::filesystem::path path_;
  SafetensorsFile file_;
  nlohmann::json identity_;
  TrainState state_;
};

}  // namespace tessera
