#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "nn/parameters.h"

namespace tessera {

struct TransformerOptions {
  int64_t model_dim = 64;
  int64_t heads = 2;
  int64_t ff_dim = 256;
  int64_t layers = 2;
  double dropout = 0.2;
  double attention_dropout = 0.2;
  std::string block = "pre-norm";
  template <class F>
  void fields(F& f) {
    f("model_dim", model_dim, "width of items and states", range(4, 4096));
    f("heads", heads, "attention heads", range(1, 64));
    f("ff_dim", ff_dim, "inner width of the feed-forward block", range(4, 65536));
    f("layers", layers, "transformer layers", range(1, 64));
    f("dropout", dropout, "dropout of block outputs and the feed-forward block", range(0, 0.95));
    f("attention_dropout", attention_dropout, "dropout of attention weights", range(0, 0.95));
    f("block", block, "pre-norm: norms before attention and feed-forward, ReLU; post-norm: behind them, GELU (BERT's)",
      one_of({"pre-norm", "post-norm"}));
  }
};

/// Transformer encoder with LayerNorm, biases and scaled dot-product attention. A bundle of tensors; calls are pure.
class Transformer {
 public:
  Transformer() = default;
  Transformer(Parameters& parameters, const TransformerOptions& options, const std::string& prefix);

  /// @param x     [B, S, d] float32; model_dim must be a multiple of heads
  /// @param mask  [B or 1, 1 or S, S] float32 added to the scores (kMasked hides), or undefined
  /// @param input_dropout  of x, with post-norm of the normed x
  /// @return      [B, S, d] float32, normed
  at::Tensor forward(const at::Tensor& x, const at::Tensor& mask, bool training, double input_dropout) const;

 private:
  struct Layer {
    at::Tensor norm1, shift1, qkv, qkv_bias, out, out_bias;
    at::Tensor norm2, shift2, in, in_bias, down, down_bias;
  };
  TransformerOptions options_;
  std::vector<Layer> layers_;
  at::Tensor norm_, shift_;  ///< of the output, with post-norm of the input
};

}  // namespace tessera
