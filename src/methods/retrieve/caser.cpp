// Caser: personalised top-n sequential recommendation via convolutional sequence embedding. Tang and Wang, WSDM 2018,
// arXiv:1809.07426.
//
// The last L items are an image E [L, d].
//   horizontal  for every height h = 1..L, `horizontal` filters [h, d] slide down; relu, then the largest of each
//   vertical    `vertical` filters [L, 1] are weighted sums of the rows
//   z = relu(W [horizontal, vertical] + b); an item j scores W'_j [z, u] + b'_j with the person's vector u (eqs. 4 - 9)
// Loss: binary cross-entropy, each of the next T items against `negatives` random ones (eq. 10).
// Ours: every training item but a person's first begins a window; the paper has windows of L + T items only. A person
// who is not known is zero. Defaults are the authors' (d 50, L 5, T 3, 16 and 4 filters, 3 negatives, l2 1e-6).
// Reported for Beauty by the authors of S3-Rec, filtered: R@10 .0347, N@10 .0176. Ours: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/window_retriever.h"
#include "nn/dropout.h"

namespace tessera::methods::caser {

using at::Tensor;

namespace {

struct Options : WindowOptions {
  int64_t horizontal = 16;
  int64_t vertical = 4;
  double dropout = 0.5;

  Options() {
    negatives = 3;
    train.batch_size = 512;
    train.weight_decay = 1e-6;
  }
  template <class F>
  void fields(F& f) {
    f("horizontal", horizontal, "horizontal filters of each height", range(1, 1024));
    f("vertical", vertical, "vertical filters", range(1, 1024));
    f("dropout", dropout, "dropout of the convolutions' outputs", range(0, 0.95));
    WindowOptions::fields(f);
  }
};

class Caser : public WindowRetriever {
 public:
  explicit Caser(const Options& options)
      : WindowRetriever("caser", options, 2 * options.model_dim), options_(options) {}

 private:
  void build_network(Parameters& weights) override {
    const int64_t d = options_.model_dim, rows = options_.length;
    horizontal_ = {};
    for (int64_t h = 1; h <= rows; ++h)
      horizontal_.emplace_back(
          weights.normal("horizontal." + std::to_string(h), {options_.horizontal, h * d}, fan_in(h * d)),
          weights.constant("horizontal_bias." + std::to_string(h), {options_.horizontal}, 0));
    vertical_ = weights.normal("vertical", {options_.vertical, rows}, fan_in(rows));
    const int64_t features = options_.vertical * d + options_.horizontal * rows;
    dense_ = weights.normal("dense", {d, features}, fan_in(features));
    dense_bias_ = weights.constant("dense_bias", {d}, 0);
  }
  static double fan_in(int64_t inputs) { return 1.0 / std::sqrt(static_cast<double>(inputs)); }

  Tensor state_of(const Tensor& image, const Tensor&, const Tensor& user) const override {
    std::vector<Tensor> features{at::matmul(vertical_, image).flatten(1)};  // [B, vertical * d]
    for (size_t h = 1; h <= horizontal_.size(); ++h) {
      const auto& [filter, bias] = horizontal_[h - 1];
      // A filter as wide as the image meets each stretch of h rows once: a product, no convolution.
      const Tensor stretches = image.flatten(1).unfold(1, static_cast<int64_t>(h) * options_.model_dim,
                                                       options_.model_dim);       // [B, L - h + 1, h * d]
      features.push_back(at::relu(at::linear(stretches, filter, bias)).amax(1));  // [B, horizontal]
    }
    for (Tensor& part : features) part = part.to(at::kFloat);
    const Tensor all = hash_dropout(at::cat(features, 1), options_.dropout, is_training());
    return at::cat({at::relu(at::linear(all, dense_, dense_bias_)).to(at::kFloat), user}, 1);
  }

  Tensor window_loss(const Scored& scored) const override {
    return (at::softplus(-scored.answers) * scored.valid).sum() / scored.valid.sum() +
           (at::softplus(scored.random) * scored.counts).sum() / scored.counts.sum().clamp_min(1);
  }

  Options options_;
  Tensor vertical_, dense_, dense_bias_;
  std::vector<std::pair<Tensor, Tensor>> horizontal_;  ///< filters [horizontal, h * d] and bias of height h = 1..L
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Caser>("caser", "convolutions over the last few items, with a vector a person",
                                     "Tang and Wang, Personalized Top-N Sequential Recommendation via Convolutional "
                                     "Sequence Embedding, WSDM 2018, arXiv:1809.07426",
                                     "");
}

}  // namespace tessera::methods::caser
