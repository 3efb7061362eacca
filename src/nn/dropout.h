#pragma once

#include <ATen/core/TensorBody.h>

namespace tessera {

// Dropout whose mask is a hash of (seed, element) instead of stored bits, on the CPU in one vectorised pass over both
// threads: ATen's own takes a serial Mersenne number an element. The seed of a call comes from ATen's default
// generator, so seed_step() fixes it. On CUDA they call ATen. With p = 0 or outside training all are plain.

/// x * mask / (1 - p). @param x  float32 or bfloat16, any shape
at::Tensor hash_dropout(const at::Tensor& x, double p, bool training);

/// residual + dropout(x). @param residual  float32; @param x  same shape, float32 or bfloat16. @return float32
at::Tensor add_dropout(const at::Tensor& residual, const at::Tensor& x, double p, bool training);

/// dropout(relu(x)), in x's type.
at::Tensor relu_dropout(const at::Tensor& x, double p, bool training);

/// The seed of one dropout call, drawn from ATen's default CPU generator.
uint64_t draw_seed();

}  // namespace tessera
