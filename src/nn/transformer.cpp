#include "nn/transformer.h"

#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "nn/dropout.h"
#include "nn/softmax.h"

namespace tessera {

using at::Tensor;

Transformer::Transformer(Parameters& p, const TransformerOptions& options, const std::string& prefix)
    : options_(options) {
  const int64_t d = options.model_dim, f = options.ff_dim;
  TESSERA_CHECK(d % options.heads == 0, config, "a width of {} does not divide into {} heads", d, options.heads);
  const double scale = 0.02 * std::sqrt(64.0 / static_cast<double>(std::min<int64_t>(d, 64)));
  for (int64_t l = 0; l < options.layers; ++l) {
    const std::string n = prefix + "layer." + std::to_string(l) + ".";
    layers_.push_back(
        {p.constant(n + "norm1", {d}, 1), p.constant(n + "shift1", {d}, 0), p.normal(n + "qkv", {3 * d, d}, scale),
         p.constant(n + "qkv_bias", {3 * d}, 0), p.normal(n + "out", {d, d}, scale), p.constant(n + "out_bias", {d}, 0),
         p.constant(n + "norm2", {d}, 1), p.constant(n + "shift2", {d}, 0), p.normal(n + "in", {f, d}, scale),
         p.constant(n + "in_bias", {f}, 0), p.normal(n + "down", {d, f}, scale), p.constant(n + "down_bias", {d}, 0)});
  }
  norm_ = p.constant(prefix + "norm", {d}, 1);
  shift_ = p.constant(prefix + "shift", {d}, 0);
}

Tensor Transformer::forward(const Tensor& input, const Tensor& mask, bool training, double input_dropout) const {
  const int64_t batch = input.size(0), length = input.size(1), d = options_.model_dim, heads = options_.heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(d / heads));
  const bool before = options_.block == "pre-norm";
  // The one of the two that the kind of block asks for is the norm, the other leaves x alone.
  const auto norm_before = [&](const Tensor& x, const Tensor& gain, const Tensor& shift) {
    return before ? at::layer_norm(x, {d}, gain, shift) : x;
  };
  const auto norm_after = [&](const Tensor& x, const Tensor& gain, const Tensor& shift) {
    return before ? x : at::layer_norm(x, {d}, gain, shift);
  };

  Tensor x = hash_dropout(norm_after(input, norm_, shift_), input_dropout, training);
  for (const Layer& w : layers_) {
    const Tensor qkv = at::linear(norm_before(x, w.norm1, w.shift1), w.qkv, w.qkv_bias)
                           .view({batch, length, 3, heads, d / heads})
                           .permute({2, 0, 3, 1, 4});                            // [3, B, H, S, D]
    const Tensor scores = at::matmul(qkv[0] * scale, qkv[1].transpose(-1, -2));  // [B, H, S, S]
    const Tensor weights = attention_weights(scores, {}, mask, options_.attention_dropout, training);
    const Tensor mixed = at::matmul(weights, qkv[2]).transpose(1, 2).reshape({batch, length, d});
    x = add_dropout(x, at::linear(mixed, w.out, w.out_bias), options_.dropout, training);
    x = norm_after(x, w.norm1, w.shift1);
    const Tensor wide = at::linear(norm_before(x, w.norm2, w.shift2), w.in, w.in_bias);
    const Tensor inner = before ? relu_dropout(wide, options_.dropout, training) : at::gelu(wide);
    x = add_dropout(x, at::linear(inner, w.down, w.down_bias), options_.dropout, training);
    x = norm_after(x, w.norm2, w.shift2);
  }
  return norm_before(x, norm_, shift_);
}

}  // namespace tessera
