#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

// Losses that compare the answer's score r_i of every row with those of its negatives r_j, of which the highest weigh
// most. Means over rows. Paper: Hidasi and Karatzoglou, CIKM 2018, arXiv:1706.03847, on ranking-max losses.
// @param answer  [M, 1] float32
// @param others  [M, J] float32
// @param hidden  [M, J] bool: true where a column is no negative of that row

/// -log(e^r_i / (e^r_i + sum e^r_j)).
at::Tensor sampled_cross_entropy(const at::Tensor& answer, const at::Tensor& others, const at::Tensor& hidden);

/// sum s_j (sigmoid(r_j - r_i) + sigmoid(r_j^2)), s the softmax of the negatives.
at::Tensor top1_max(const at::Tensor& answer, const at::Tensor& others, const at::Tensor& hidden);

/// -log sum s_j sigmoid(r_i - r_j) + regularisation * sum s_j r_j^2.
at::Tensor bpr_max(const at::Tensor& answer, const at::Tensor& others, const at::Tensor& hidden, double regularisation);

/// Of two scores a row, S3-Rec's: -log sigmoid(sigmoid(right) - sigmoid(wrong)), at least log(1 + 1/e).
/// @param right  [M] float32; @param wrong  [M] @return [M]
at::Tensor preferred_share(const at::Tensor& right, const at::Tensor& wrong);

}  // namespace tessera
