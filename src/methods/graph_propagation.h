#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>

#include "methods/linear_algebra.h"

namespace tessera {

/// The symmetric matrix [users + items, users + items] of the graph whose edges are the entries of `had`, users first,
/// with 1 / sqrt(degree x degree) at each edge. @param had  [num_users, num_items], values ignored
SparseMatrix normalised_bipartite(const SparseMatrix& had);

/// Mean of x, A x, A^2 x, ..., A^layers x; differentiable in x. Every row is summed in one order, by one thread.
/// @param a  symmetric [n, n], which is what makes the backward pass the same product; must outlive the graph of x
/// @param x  [n, d] float32 on the CPU. @return [n, d]
at::Tensor propagate(const SparseMatrix& a, const at::Tensor& x, int64_t layers);

}  // namespace tessera
