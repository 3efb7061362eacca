#include "methods/din_network.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/dropout.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;

DinNetwork::DinNetwork(const DinShape& shape, Parameters& parameters) : shape_(shape) {
  const int64_t d = shape.dim, wide = shape.attention[0], windows = static_cast<int64_t>(shape.windows.size());
  item_ = parameters.normal("item", {shape.num_items + 1, d}, shape.init);
  of_item_ = layer(parameters, "attention.item", wide, d);
  of_candidate_ = layer(parameters, "attention.candidate", wide, d);
  of_product_ = layer(parameters, "attention.product", wide, d);
  inner_ = layer(parameters, "attention.1", shape.attention[1], wide);
  weight_ = layer(parameters, "attention.2", 1, shape.attention[1]);
  tower_.push_back(layer(parameters, "tower.0", shape.tower[0], (windows + 1) * d));
  tower_.push_back(layer(parameters, "tower.1", shape.tower[1], shape.tower[0]));
  tower_.push_back(layer(parameters, "tower.2", 1, shape.tower[1]));
  for (const int64_t width : {wide, shape.attention[1], shape.tower[0], shape.tower[1]})
    slopes_.push_back(parameters.constant("dice." + std::to_string(slopes_.size()), {width}, 0.0));
}

Tensor DinNetwork::Layer::operator()(const Tensor& x) const {
  return at::linear(x, weight, bias);
}

DinNetwork::Layer DinNetwork::layer(Parameters& parameters, const std::string& name, int64_t out, int64_t in) {
  return {parameters.normal(name + ".weight", {out, in}, 1.0 / std::sqrt(static_cast<double>(in))),
          parameters.constant(name + ".bias", {out}, 0.0)};
}

/// @param x  [..., width]
Tensor DinNetwork::dice(const Tensor& x, size_t which) const {
  const Tensor rows = x.to(at::kFloat).flatten(0, -2);
  const Tensor p = at::sigmoid(at::batch_norm(rows, {}, {}, {}, {}, true, 0.0, 1e-8, false));
  return (rows * (p + (1 - p) * slopes_[which])).view(x.sizes());
}

/// What the first layer of the tower makes of each item of the history, by the window it is in.
/// @param u  [B, T, d]. @return [B, T, tower[0]]
Tensor DinNetwork::in_windows(const Tensor& u) const {
  std::vector<Tensor> parts;
  int64_t begin = 0, weights = 0;
  for (const int64_t size : shape_.windows) {
    parts.push_back(at::linear(u.narrow(1, begin, size), tower_[0].weight.narrow(1, weights, shape_.dim)));
    begin += size;
    weights += shape_.dim;
  }
  return at::cat(parts, 1);
}

Tensor DinNetwork::scores(const Tensor& history, const Tensor& candidates, bool training) const {
  const int64_t batch = history.size(0), length = history.size(1), count = candidates.size(1), d = shape_.dim;
  const Tensor real = (history != shape_.num_items).flatten().nonzero().squeeze(1);  // [P], of B * T
  const Tensor row = at::div(real, length, "floor");                                 // [P], of B
  const Tensor u = table_rows(item_, history), q = table_rows(item_, candidates);    // [B, T, d], [B, C, d]
  const Tensor read = u.flatten(0, 1).index_select(0, real);                         // [P, d]
  const Tensor pairs = of_product_(q.index_select(0, row) * read.unsqueeze(1)) + of_item_(read).unsqueeze(1) +
                       of_candidate_(q).index_select(0, row);  // [P, C, 64]
  const Tensor inner = dice(inner_(dice(pairs, 0)), 1);        // [P, C, 16]
  const Tensor w = weight_(inner).squeeze(2).to(at::kFloat);   // [P, C]
  const Tensor shares = at::zeros({batch * length, count}, w.options()).index_copy(0, real, w);
  const Tensor of_history = at::bmm(shares.view({batch, length, count}).transpose(1, 2), in_windows(u));
  const Tensor of_candidate =
      at::linear(q, tower_[0].weight.narrow(1, tower_[0].weight.size(1) - d, d), tower_[0].bias);
  Tensor x = hash_dropout(dice(of_history + of_candidate, 2), shape_.dropout, training);  // [B, C, 200]
  x = hash_dropout(dice(tower_[1](x), 3), shape_.dropout, training);
  return tower_[2](x).squeeze(2).to(at::kFloat);
}

}  // namespace tessera
