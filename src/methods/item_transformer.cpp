#include "methods/item_transformer.h"

#include <torch/torch.h>

#include <cmath>

namespace tessera {

ItemTransformer::ItemTransformer(Parameters& weights, const ItemTransformerOptions& options, const std::string& prefix)
    : options_(options),
      position_(weights.normal(prefix + "position", {options.max_history, options.transformer.model_dim}, 0.02)),
      transformer_(weights, options.transformer, prefix) {}

at::Tensor ItemTransformer::states(const at::Tensor& vectors, const at::Tensor& mask, bool training) const {
  const TransformerOptions& network = options_.transformer;
  const double scale = network.block == "pre-norm" ? std::sqrt(static_cast<double>(network.model_dim)) : 1.0;
  const int64_t length = vectors.size(1);
  const at::Tensor x = vectors * scale + position_.narrow(0, options_.max_history - length, length);
  return transformer_.forward(x, mask, training, options_.input_dropout);
}

}  // namespace tessera
