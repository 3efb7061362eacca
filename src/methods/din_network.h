#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <vector>

#include "nn/parameters.h"

namespace tessera {

/// Widths of a DinNetwork.
struct DinShape {
  int64_t num_items = 0, dim = 0;
  std::vector<int64_t> windows;    ///< items of the history that are summed together, oldest first
  std::vector<int64_t> attention;  ///< inner widths, two
  std::vector<int64_t> tower;      ///< inner widths, two
  double init = 0.01;              ///< standard deviation of the vectors at the start
  double dropout = 0;              ///< in the tower, while training
};

/// The ranker of a Deep Interest Network (Zhou et al., KDD 2018, arXiv:1706.06978) over windows of the history, as
/// RecForest and EAGER use it:
///
///   w_t = MLP([q, u_t, q - u_t, q * u_t]) for a candidate q and each item u_t of the history: d x 4 -> 64 -> 16 -> 1
///   z_j = sum of w_t u_t over window j;   score = MLP([z_1 .. z_10, q]): 200 -> 80 -> 1
///
/// Activation: Dice, x (p + (1 - p) a) with p = sigmoid of the normalised x. First layers are computed in parts.
/// Attention: the shares of u_t and of q once each, only that of q * u_t for every pair; that of q - u_t is in the
/// first two. Tower: what a window's weights make of u_t once, then the sum over t with w_t: no z_j is ever formed.
class DinNetwork {
 public:
  DinNetwork() = default;
  DinNetwork(const DinShape& shape, Parameters& parameters);

  /// @param history     [B, T] items, padded on the left with num_items; T is the sum of the windows
  /// @param candidates  [B, C] items
  /// @return [B, C] float32 scores
  at::Tensor scores(const at::Tensor& history, const at::Tensor& candidates, bool training) const;

  /// [num_items + 1, d]; the last row is padding.
  const at::Tensor& items() const { return item_; }

 private:
  /// A linear layer; the weight is [out, in].
  struct Layer {
    at::Tensor weight, bias;
    at::Tensor operator()(const at::Tensor& x) const;
  };
  static Layer layer(Parameters& parameters, const std::string& name, int64_t out, int64_t in);
  at::Tensor dice(const at::Tensor& x, size_t which) const;
  at::Tensor in_windows(const at::Tensor& u) const;

  DinShape shape_;
  at::Tensor item_;
  Layer of_item_, of_candidate_, of_product_, inner_, weight_;
  std::vector<Layer> tower_;
  std::vector<at::Tensor> slopes_;
};

}  // namespace tessera
