// HGN: hierarchical gating networks for sequential recommendation. Ma, Kang and Liu, KDD 2019, arXiv:1906.09217.
//
// The last L items [e_1 .. e_L] and the person u pass two gates: one over the features of an item, one over the items.
//   feature   f_i = e_i * sigmoid(W1 e_i + W2 u + b)
//   instance  g = sum_i s_i f_i / sum_i s_i, s_i = sigmoid(w3 f_i + w4_i u)
// An item j scores u q_j + g q_j + sum_i e_i q_j: long-term taste, the gated recent items, and item by item.
// Loss: BPR against one random item for each of the next T items.
// A person who is not known is zero. Options are the authors' (d 50, L 5, T 3, batch 4096); their l2 of 1e-3 stands
// beside a loss that is summed over the batch, which is 1e-7 beside a mean. Reported for Beauty by the authors of
// S3-Rec, filtered: R@10 .0512, N@10 .0266. Ours: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/window_retriever.h"

namespace tessera::methods::hgn {

using at::Tensor;

namespace {

struct Options : WindowOptions {
  Options() {
    train.batch_size = 4096;
    train.weight_decay = 1e-7;
  }
};

class Hgn : public WindowRetriever {
 public:
  explicit Hgn(const Options& options) : WindowRetriever("hgn", options, options.model_dim) {}

 private:
  void build_network(Parameters& weights) override {
    const int64_t d = options().model_dim;
    const double scale = std::sqrt(1.0 / static_cast<double>(d));
    gate_item_ = weights.normal("gate.item", {d, d}, scale);
    gate_user_ = weights.normal("gate.user", {d, d}, scale);
    gate_bias_ = weights.constant("gate.bias", {d}, 0);
    place_item_ = weights.normal("place.item", {1, d}, scale);
    place_user_ = weights.normal("place.user", {options().length, d}, scale);
  }

  Tensor state_of(const Tensor& e, const Tensor& real, const Tensor& u) const override {
    const Tensor feature =
        e * at::sigmoid(at::linear(e, gate_item_, gate_bias_) + at::linear(u, gate_user_).unsqueeze(1));
    const Tensor place = at::linear(feature, place_item_) + at::linear(u, place_user_).unsqueeze(-1);  // [B, L, 1]
    const Tensor gate = at::sigmoid(place.to(at::kFloat)) * real;
    return u + (feature * gate).sum(1) / gate.sum(1).clamp_min(1e-6) + e.sum(1);
  }

  Tensor window_loss(const Scored& scored) const override {
    const Tensor margin = scored.answers.repeat({1, options().negatives}) - scored.random;
    return (at::softplus(-margin) * scored.counts).sum() / scored.counts.sum().clamp_min(1);
  }

  Tensor gate_item_, gate_user_, gate_bias_, place_item_, place_user_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Hgn>("hgn", "gates over features and items of the last few items, with a vector a person",
                                   "Ma, Kang and Liu, Hierarchical Gating Networks for Sequential Recommendation, KDD "
                                   "2019, arXiv:1906.09217",
                                   "");
}

}  // namespace tessera::methods::hgn
