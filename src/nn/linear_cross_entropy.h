#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

/// Mean cross-entropy of softmax(h @ w^T) without ever holding all logits: rows are taken in blocks, and a block's
/// gradient is made while its logits are at hand. Gradients of h and w are exact; w may be large (a whole catalogue).
/// @param h        [N, d] float32
/// @param w        [V, d] float32
/// @param targets  [N] int64 in [0, V)
/// @param bf16     products in bfloat16, sums in float32
/// @param margin   added to the logit of each target before the softmax
/// @return         scalar float32
at::Tensor linear_cross_entropy(const at::Tensor& h, const at::Tensor& w, const at::Tensor& targets, bool bf16,
                                double margin = 0);

}  // namespace tessera
