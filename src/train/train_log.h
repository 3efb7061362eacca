#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// The mean of the steps since the point before.
struct TrainPoint {
  int64_t step = 0;
  double epoch = 0;  ///< passes over the examples so far
  double loss = 0;
  double learning_rate = 0;  ///< of the last step
  double gradient_norm = 0;  ///< of the last step, before clipping
  double examples_per_second = 0;
  double seconds = 0;  ///< of training so far
};

struct ValidationPoint {
  int64_t step = 0;
  double epoch = 0;
  double seconds = 0;                                  ///< of training so far
  std::vector<std::pair<std::string, double>> values;  ///< the first one selects
};

struct TrainLog {
  std::vector<TrainPoint> points;
  std::vector<ValidationPoint> validations;
};

/// Reads `train.jsonl`. A last line cut off by a killed process is left out.
/// @throws Error(io) if the file cannot be read; Error(corrupt) naming file and line for another line that is not of
/// the log
TrainLog read_train_log(const std::filesystem::path& path);

/// Appends to `train.jsonl`; every line reaches the kernel before the call returns.
class TrainLogWriter {
 public:
  /// Writes nowhere.
  TrainLogWriter() = default;
  /// @param last_step  lines of later steps (of a run that was killed after its checkpoint) are dropped; 0: starts anew
  /// @throws Error(io)
  TrainLogWriter(std::filesystem::path path, int64_t last_step);
  void write(const TrainPoint& point);
  void write(const ValidationPoint& point);

 private:
  void append(const std::string& line);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace tessera
