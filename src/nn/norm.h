#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

/// T5's layer norm: x / rms(x) * weight over the last dimension, computed in float32.
/// @param x       [..., d] float32
/// @param weight  [d] float32
/// @return        [..., d], bfloat16 when `to_bf16`, else float32
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, bool to_bf16, double epsilon = 1e-6);

}  // namespace tessera
