#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>

#include "base/options.h"
#include "nn/transformer.h"

namespace tessera {

struct ItemTransformerOptions {
  TransformerOptions transformer;
  int64_t max_history = 50;
  double input_dropout = 0.2;
  template <class F>
  void fields(F& f) {
    transformer.fields(f);
    f("input_dropout", input_dropout, "dropout of the vectors that are read", range(0, 0.95));
    f("max_history", max_history, "items of history that are read", range(2, 4096));
  }
};

/// A transformer over a history of vectors with learned positions, counted from the end of the history (SASRec's body).
class ItemTransformer {
 public:
  ItemTransformer() = default;
  ItemTransformer(Parameters& weights, const ItemTransformerOptions& options, const std::string& prefix = "");

  /// @param vectors  [B, S, d] float32, S at most max_history, the last column everybody's last item
  /// @param mask     of the attention, see Transformer::forward. @return [B, S, d] float32
  at::Tensor states(const at::Tensor& vectors, const at::Tensor& mask, bool training) const;

 private:
  ItemTransformerOptions options_;
  at::Tensor position_;  ///< [max_history, d]
  Transformer transformer_;
};

}  // namespace tessera
