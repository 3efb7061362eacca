#include "nn/parameters.h"

#include <torch/torch.h>

#include "base/array_file.h"
#include "base/error.h"
#include "base/random.h"

namespace tessera {

using at::Tensor;

Tensor Parameters::add(const std::string& name, Tensor value) {
  for (const auto& [taken, tensor] : tensors_) {
    TESSERA_CHECK(taken != name, internal, "two parameters are called '{}'", name);
  }
  Tensor parameter = value.to(device_);
  parameter.requires_grad_(true);
  tensors_.emplace_back(name, parameter);
  return parameter;
}

Tensor Parameters::normal(const std::string& name, std::vector<int64_t> shape, double stddev) {
  Tensor value = at::empty(shape, at::kFloat);
  float* data = value.data_ptr<float>();
  Random random(seed_, "parameters", stream_id(name));
  for (int64_t i = 0; i < value.numel(); ++i) data[i] = static_cast<float>(stddev * random.normal());
  return add(name, value);
}

Tensor Parameters::constant(const std::string& name, std::vector<int64_t> shape, double value) {
  return add(name, at::full(shape, value, at::kFloat));
}

int64_t Parameters::count() const {
  int64_t sum = 0;
  for (const auto& [name, tensor] : tensors_) sum += tensor.numel();
  return sum;
}

void Parameters::save(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata) const {
  std::vector<Tensor> held;
  std::map<std::string, ArrayView> views;
  for (const auto& [name, tensor] : tensors_) {
    held.push_back(tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    views[name] = view_of(std::span<const float>(held.back().data_ptr<float>(), static_cast<size_t>(tensor.numel())),
                          tensor.sizes().vec());
  }
  write_safetensors(file, views, metadata);
}

std::map<std::string, std::string> Parameters::load(const std::filesystem::path& file) {
  const SafetensorsFile source(file);
  TESSERA_CHECK(source.tensors().size() == tensors_.size(), shape,
                "{}: holds {} tensors, the model has {} (was it trained with other options?)", file.string(),
                source.tensors().size(), tensors_.size());
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : tensors_) {
    const ArrayView& view = source.at(name);
    TESSERA_CHECK(view.shape == tensor.sizes().vec(), shape,
                  "{}: tensor '{}' is [{}], the model wants [{}] (was it trained with other options?)", file.string(),
                  name, fmt::join(view.shape, ", "), fmt::join(tensor.sizes().vec(), ", "));
    const auto values = view.as<float>();
    for (const float value : values) {
      TESSERA_CHECK(std::isfinite(value), corrupt, "{}: tensor '{}' holds a value that is not finite", file.string(),
                    name);
    }
    tensor.copy_(at::from_blob(const_cast<float*>(values.data()), view.shape, at::kFloat));
  }
  return source.metadata();
}

}  // namespace tessera
