#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tessera {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Adam (arXiv:1412.6980) and AdamW (arXiv:1711.05101). On the CPU one multi-threaded pass updates all tensors:
/// gradient, both moments and weight are read once and written once. The result does not depend on the number of
/// threads. Elsewhere the same update runs as ATen's `_foreach` operations. Weight decay applies to tensors of two or
/// more dimensions.
class Adam {
 public:
  struct Settings {
    bool decoupled = true;  ///< AdamW; false: weight decay joins the gradient
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    double weight_decay = 0;
    bool fused = true;          ///< false: `_foreach` operations on the CPU too
    std::vector<double> rates;  ///< by parameter, its learning rate as a multiple; none: 1. Decoupled decay has none
  };

  /// @param parameters  contiguous float32 leaf tensors on one device, changed in place
  /// @throws Error(internal) for any other tensor
  Adam(NamedTensors parameters, const Settings& settings);

  /// Euclidean norm of the gradients of all parameters. Not finite exactly if a gradient is not, or above 1e154.
  double gradient_norm();
  /// @return name of the first tensor whose gradient has an infinite or undefined element, "" if there is none
  std::string bad_gradient() const;
  /// One update by the gradients times `gradient_scale`. A tensor without gradient stays as it is.
  void step(double learning_rate, double gradient_scale = 1);
  void zero_grad();

  /// Moments, in the order of the parameters; written when a checkpoint is loaded.
  std::vector<at::Tensor>& first_moments() { return first_; }
  std::vector<at::Tensor>& second_moments() { return second_; }
  int64_t num_steps() const { return num_steps_; }
  void set_num_steps(int64_t steps) { num_steps_ = steps; }

 private:
  /// A stretch of one tensor: the unit of work, fixed so that sums do not depend on the number of threads.
  struct Chunk {
    size_t tensor;
    int64_t begin, end;
    int64_t offset;  ///< elements of all chunks before it
  };
  template <class Body>
  void for_each_chunk(const Body& body) const;
  void step_fused(double learning_rate, double gradient_scale);
  void step_foreach(double learning_rate, double gradient_scale);
  std::vector<at::Tensor> dense_gradients() const;
  double rate(size_t tensor) const { return settings_.rates.empty() ? 1.0 : settings_.rates[tensor]; }
  /// Tensors that are updated alike: whether it is a matrix, and its rate.
  std::pair<bool, double> kind(size_t tensor) const { return {parameters_[tensor].second.dim() >= 2, rate(tensor)}; }

  NamedTensors parameters_;
  Settings settings_;
  bool fused_;
  std::vector<at::Tensor> first_, second_;
  std::vector<Chunk> chunks_;
  int64_t num_elements_ = 0;
  int64_t num_steps_ = 0;
};

}  // namespace tessera
