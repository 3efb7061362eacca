#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>

namespace tessera {

/// What constrained decoding asks of a generator: one batch of B contexts, decoded level by level.
/// Made for one batch, after its contexts are encoded. Not thread-safe.
class StepModel {
 public:
  virtual ~StepModel() = default;
  virtual int64_t batch() const = 0;
  virtual c10::Device device() const = 0;
  /// Scores of the codes of `level`, which is 0, 1, 2, ... at successive calls.
  /// @param tokens   [B, W] int64: the code of level - 1 that each beam took (undefined at level 0)
  /// @param parents  [B, W] int64: the beam of the call before that each beam extends (undefined at level 0)
  /// @return         [B, W, level_size] float32 logits; W = 1 at level 0
  virtual at::Tensor step(int64_t level, const at::Tensor& tokens, const at::Tensor& parents) = 0;
};

}  // namespace tessera
