#include "train/train_log.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace tessera {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson to_json(const TrainPoint& point) {
  return {{"step", point.step},
          {"epoch", point.epoch},
          {"loss", point.loss},
          {"lr", point.learning_rate},
          {"grad_norm", point.gradient_norm},
          {"examples_per_second", point.examples_per_second},
          {"seconds", point.seconds}};
}

OrderedJson to_json(const ValidationPoint& point) {
  OrderedJson values = OrderedJson::object();
  for (const auto& [name, value] : point.values) values[name] = value;
  return {{"step", point.step}, {"epoch", point.epoch}, {"validate", values}, {"seconds", point.seconds}};
}

/// Adds one line to the log. @throws nlohmann::json::exception if it is not of the log
void add_line(std::string_view line, TrainLog& log) {
  const OrderedJson row = OrderedJson::parse(line);
  const auto step = row.at("step").get<int64_t>();
  const auto epoch = row.at("epoch").get<double>();
  const auto seconds = row.at("seconds").get<double>();
  if (!row.contains("validate")) {
    log.points.push_back({step, epoch, row.at("loss").get<double>(), row.at("lr").get<double>(),
                          row.at("grad_norm").get<double>(), row.at("examples_per_second").get<double>(), seconds});
    return;
  }
  ValidationPoint point{step, epoch, seconds, {}};
  for (const auto& [name, value] : row.at("validate").items()) point.values.emplace_back(name, value.get<double>());
  log.validations.push_back(std::move(point));
}

}  // namespace

TrainLog read_train_log(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  TrainLog log;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // cut off while it was written
    ++number;
    try {
      add_line(std::string_view(text).substr(begin, end - begin), log);
    } catch (const nlohmann::json::exception& error) {
      fail(ErrorKind::corrupt, "{}:{}: not a line of a training log ({}); remove the file", path.string(), number,
           error.what());
    }
    begin = end + 1;
  }
  return log;
}

TrainLogWriter::TrainLogWriter(std::filesystem::path path, int64_t last_step) : path_(std::move(path)) {
  std::string kept;
  if (last_step > 0 && std::filesystem::exists(path_)) {
    const std::string text = read_file(path_);
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;
      const auto row = OrderedJson::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                          text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
      const auto step = row.is_object() ? row.find("step") : row.end();
      if (step == row.end() || !step->is_number_integer() || step->get<int64_t>() > last_step) break;
      kept.append(text, begin, end + 1 - begin);
      begin = end + 1;
    }
  }
  write_file(path_, kept);
  file_.open(path_, std::ios::app | std::ios::binary);
  TESSERA_CHECK(file_.is_open(), io, "{} cannot be opened for writing", path_.string());
}

void TrainLogWriter::write(const TrainPoint& point) {
  append(to_json(point).dump());
}
void TrainLogWriter::write(const ValidationPoint& point) {
  append(to_json(point).dump());
}

void TrainLogWriter::append(const std::string& line) {
  if (path_.empty()) return;
  file_ << line << '\n' << std::flush;
  TESSERA_CHECK(file_.good(), io, "{} cannot be written; is the disk full?", path_.string());
}

}  // namespace tessera
