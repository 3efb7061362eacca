#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

/// Mean of -log softmax where every row of h has candidates of its own: rows [first, last) of w, such as the children
/// of the node it stands at. On the CPU only the logits of the blocks are made, rows of one block are worked on
/// together, and the gradient of w is added to the one it has, as by table_rows().
/// @param h       [N, d] float32, N >= 1
/// @param w       [V, d] float32, a leaf
/// @param first   [N] int64; @param last [N] int64. Blocks are equal or disjoint
/// @param target  [N] int64, first <= target < last
/// @return        scalar float32; gradients of h and w are exact
/// @throws Error(shape) for a target outside its block
at::Tensor block_cross_entropy(const at::Tensor& h, const at::Tensor& w, const at::Tensor& first,
                               const at::Tensor& last, const at::Tensor& target);

}  // namespace tessera
