#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

/// Rows of a table that is trained, as by at::embedding; which gives each call a gradient as large as the table (what
/// that costs: docs/results.md, speed). Here backward() adds to the rows that were read, in the gradient
/// that all calls share. So gradients are taken by backward(), not by autograd::grad().
/// @param table  [V, d] float32, a leaf; @param rows  int64 of any shape. @return [..., d]
at::Tensor table_rows(const at::Tensor& table, const at::Tensor& rows);

/// The gradient that a leaf has so far, zeros if it has none: for a backward() that adds to it in place.
at::Tensor gradient_of(const at::Tensor& leaf);

}  // namespace tessera
