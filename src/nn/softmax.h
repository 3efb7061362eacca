#pragma once

#include <ATen/core/TensorBody.h>

#include <optional>

namespace tessera {

/// dropout(softmax(scores + bias + mask)) over the last dimension: the middle of attention, in one pass on the CPU.
/// @param scores  [B, H, Q, K] float32 or bfloat16
/// @param bias    [H, Q, K] float32, learned (gets a gradient); may be undefined
/// @param mask    [B or 1, M, K] float32 added to the scores, 0 or very negative; may be undefined. M divides Q: mask
/// row m
///                serves Q / M consecutive queries. Every row must leave at least one key.
/// @return        [B, H, Q, K] in the type of `scores`
at::Tensor attention_weights(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& mask, double p,
                             bool training);

/// What "not visible" is in a mask.
inline constexpr float kMasked = -1e9f;

}  // namespace tessera
