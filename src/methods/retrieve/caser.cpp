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
// Reported for Beauty by the authors of S3-Rec, unfiltered: R@10 .0347, N@10 .0176. Ours: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "nn/dropout.h"

namespace tessera::methods::caser {

using at::Tensor;

namespace {

struct Options {
  int64_t model_dim = 50;
  int64_t length = 5;
  int64_t targets = 3;
  int64_t negatives = 3;
  int64_t horizontal = 16;
  int64_t vertical = 4;
  double dropout = 0.5;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 512;
    train.optimizer = "adam";
    train.weight_decay = 1e-6;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
    train.clip_norm = 0;
  }
  template <class F>
  void fields(F& f) {
    f("model_dim", model_dim, "width of items and people", range(2, 4096));
    f("length", length, "items of history that are read", range(1, 256));
    f("targets", targets, "following items that a window is trained to answer", range(1, 64));
    f("negatives", negatives, "random items for each answer", range(1, 1024));
    f("horizontal", horizontal, "horizontal filters of each height", range(1, 1024));
    f("vertical", vertical, "vertical filters", range(1, 1024));
    f("dropout", dropout, "dropout of the convolutions' outputs", range(0, 0.95));
    validation.fields(f);
    train.fields(f);
  }
};

class Caser : public DenseRetriever {
 public:
  explicit Caser(Options options)
      : DenseRetriever({"caser", options.length, options.validation, options.train}), options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs& inputs) override {
    const int64_t d = options_.model_dim, rows = options_.length;
    num_users_ = inputs.data.users.size();
    item_ = weights.normal("item", {num_items() + 1, d}, 1.0 / static_cast<double>(d));  // the last row is padding
    user_ = weights.normal("user", {num_users_ + 1, d}, 1.0 / static_cast<double>(d));   // the last row is nobody
    output_ = weights.normal("output", {num_items(), 2 * d}, 1.0 / static_cast<double>(2 * d));
    output_bias_ = weights.constant("output_bias", {num_items()}, 0);
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
  std::vector<Chunk> make_examples(const Split& split) const override {
    return make_target_windows(split, options_.length, options_.targets);
  }
  int64_t work(const Chunk&) const override { return 1; }

  /// @param items  [B, L]; @param users  [B]; @return [B, 2d], whose product with an item's output vector is its score
  Tensor states(const Tensor& items, const Tensor& users) const {
    const Tensor real = (items != num_items()).to(at::kFloat).unsqueeze(-1);  // [B, L, 1]
    const Tensor known = (users != num_users_).to(at::kFloat).unsqueeze(-1);  // [B, 1]
    const Tensor image = at::embedding(item_, items, num_items()) * real;     // [B, L, d]
    const Tensor u = at::embedding(user_, users, num_users_) * known;         // [B, d]
    std::vector<Tensor> features{at::matmul(vertical_, image).flatten(1)};    // [B, vertical * d]
    for (size_t h = 1; h <= horizontal_.size(); ++h) {
      const auto& [filter, bias] = horizontal_[h - 1];
      // A filter as wide as the image meets each stretch of h rows once: a product, no convolution.
      const Tensor stretches = image.flatten(1).unfold(1, static_cast<int64_t>(h) * options_.model_dim,
                                                       options_.model_dim);       // [B, L - h + 1, h * d]
      features.push_back(at::relu(at::linear(stretches, filter, bias)).amax(1));  // [B, horizontal]
    }
    for (Tensor& part : features) part = part.to(at::kFloat);
    const Tensor all = hash_dropout(at::cat(features, 1), options_.dropout, is_training());
    return at::cat({at::relu(at::linear(all, dense_, dense_bias_)).to(at::kFloat), u}, 1);
  }

  /// @param items  [B, n]; @return [B, n]
  Tensor score_of(const Tensor& state, const Tensor& items) const {
    return (at::embedding(output_, items) * state.unsqueeze(1)).sum(-1) +
           output_bias_.index_select(0, items.flatten()).view_as(items);
  }

  Tensor loss_of(std::span<const Chunk> examples) override {
    const WindowBatch batch = read_windows(split(), examples, num_items(), options_.length, options_.targets, device());
    const Tensor state = states(batch.items, batch.users);
    const Tensor answers = batch.answers.repeat({1, options_.negatives});
    const Tensor random = at::randint(num_items(), answers.sizes(), answers.options());
    const Tensor counts = batch.valid.repeat({1, options_.negatives}) * (random != answers).to(at::kFloat);
    return (at::softplus(-score_of(state, batch.answers)) * batch.valid).sum() / batch.valid.sum() +
           (at::softplus(score_of(state, random)) * counts).sum() / counts.sum().clamp_min(1);
  }

  Tensor scores(const Questions& questions) const override {
    std::vector<int64_t> users;
    for (const UserId user : questions.users)
      users.push_back(index(user) >= 0 && index(user) < num_users_ ? index(user) : num_users_);
    const auto read = pad_histories(questions.histories, num_items(), Padding::left, device(), options_.length);
    return at::addmm(output_bias_, states(read.items, at::tensor(users).to(device())), output_.t());
  }

  Options options_;
  int64_t num_users_ = 0;
  Tensor item_, user_, output_, output_bias_, vertical_, dense_, dense_bias_;
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
