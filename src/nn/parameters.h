#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

/// The trainable tensors of a model, by name, in order of creation. A model is a struct that holds some of these
/// tensors. Initial values come from (seed, name) alone: the same on every device and for any thread count.
class Parameters {
 public:
  Parameters(uint64_t seed, c10::Device device) : seed_(seed), device_(device) {}

  /// Float32, N(0, stddev^2). @throws Error(internal) if the name is taken
  at::Tensor normal(const std::string& name, std::vector<int64_t> shape, double stddev);
  at::Tensor constant(const std::string& name, std::vector<int64_t> shape, double value);

  const std::vector<std::pair<std::string, at::Tensor>>& all() const { return tensors_; }
  int64_t count() const;  ///< numbers in all tensors
  c10::Device device() const { return device_; }

  /// float32 `.safetensors`, one tensor a parameter.
  void save(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata) const;
  /// Copies the file's values into the tensors; names and shapes must be the same. @return the file's metadata
  /// @throws Error(corrupt | io | shape) naming file, tensor and both shapes
  std::map<std::string, std::string> load(const std::filesystem::path& file);

 private:
  at::Tensor add(const std::string& name, at::Tensor value);

  uint64_t seed_;
  c10::Device device_;
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
};

}  // namespace tessera
