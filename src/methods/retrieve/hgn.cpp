// HGN: hierarchical gating networks for sequential recommendation. Ma, Kang and Liu, KDD 2019, arXiv:1906.09217.
//
// The last L items [e_1 .. e_L] and the person u pass two gates: one over the features of an item, one over the items.
//   feature   f_i = e_i * sigmoid(W1 e_i + W2 u + b)
//   instance  g = sum_i s_i f_i / sum_i s_i, s_i = sigmoid(w3 f_i + w4_i u)
// An item j scores u q_j + g q_j + sum_i e_i q_j: long-term taste, the gated recent items, and item by item.
// Loss: BPR against one random item for each of the next T items.
// A person who is not known is zero. Options are the authors' (d 50, L 5, T 3, batch 4096); their l2 of 1e-3 stands
// beside a loss that is summed over the batch, which is 1e-7 beside a mean. Reported for Beauty by the authors of
// S3-Rec, unfiltered: R@10 .0512, N@10 .0266. Ours: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"

namespace tessera::methods::hgn {

using at::Tensor;

namespace {

struct Options {
  int64_t model_dim = 50;
  int64_t length = 5;
  int64_t targets = 3;
  int64_t negatives = 1;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 4096;
    train.optimizer = "adam";
    train.weight_decay = 1e-7;
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
    validation.fields(f);
    train.fields(f);
  }
};

class Hgn : public DenseRetriever {
 public:
  explicit Hgn(Options options)
      : DenseRetriever({"hgn", options.length, options.validation, options.train}), options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs& inputs) override {
    const int64_t d = options_.model_dim;
    const double scale = 1.0 / static_cast<double>(d), glorot = std::sqrt(1.0 / static_cast<double>(d));
    num_users_ = inputs.data.users.size();
    item_ = weights.normal("item", {num_items() + 1, d}, scale);  // the last row is padding, and never read
    user_ = weights.normal("user", {num_users_ + 1, d}, scale);   // the last row is nobody, likewise
    output_ = weights.normal("output", {num_items(), d}, scale);
    bias_ = weights.constant("output_bias", {num_items()}, 0);
    gate_item_ = weights.normal("gate.item", {d, d}, glorot);
    gate_user_ = weights.normal("gate.user", {d, d}, glorot);
    gate_bias_ = weights.constant("gate.bias", {d}, 0);
    place_item_ = weights.normal("place.item", {1, d}, glorot);
    place_user_ = weights.normal("place.user", {options_.length, d}, glorot);
  }
  std::vector<Chunk> make_examples(const Split& split) const override {
    return make_target_windows(split, options_.length, options_.targets);
  }
  int64_t work(const Chunk&) const override { return 1; }

  /// @param items  [B, L]; @param users  [B]; @return [B, d], whose product with an item's output vector is its score
  Tensor states(const Tensor& items, const Tensor& users) const {
    const Tensor real = (items != num_items()).to(at::kFloat).unsqueeze(-1);  // [B, L, 1]
    const Tensor known = (users != num_users_).to(at::kFloat).unsqueeze(-1);  // [B, 1]
    const Tensor e = at::embedding(item_, items, num_items()) * real;         // [B, L, d]
    const Tensor u = at::embedding(user_, users, num_users_) * known;         // [B, d]
    const Tensor feature =
        e * at::sigmoid(at::linear(e, gate_item_, gate_bias_) + at::linear(u, gate_user_).unsqueeze(1));
    const Tensor place = at::linear(feature, place_item_) + at::linear(u, place_user_).unsqueeze(-1);  // [B, L, 1]
    const Tensor gate = at::sigmoid(place.to(at::kFloat)) * real;
    const Tensor mean = (feature * gate).sum(1) / gate.sum(1).clamp_min(1e-6);  // [B, d]
    return u + mean + e.sum(1);
  }

  /// @param items  [B, n]; @return [B, n]
  Tensor score_of(const Tensor& state, const Tensor& items) const {
    return (at::embedding(output_, items) * state.unsqueeze(1)).sum(-1) +
           bias_.index_select(0, items.flatten()).view_as(items);
  }

  Tensor loss_of(std::span<const Chunk> examples) override {
    const WindowBatch batch = read_windows(split(), examples, num_items(), options_.length, options_.targets, device());
    const Tensor state = states(batch.items, batch.users);
    const Tensor answers = batch.answers.repeat({1, options_.negatives}),
                 valid = batch.valid.repeat({1, options_.negatives});
    const Tensor random = at::randint(num_items(), answers.sizes(), answers.options());
    const Tensor counts = valid * (random != answers).to(at::kFloat);
    const Tensor margin = score_of(state, answers) - score_of(state, random);
    return (at::softplus(-margin) * counts).sum() / counts.sum().clamp_min(1);
  }

  Tensor scores(const Questions& questions) const override {
    std::vector<int64_t> users;
    for (const UserId user : questions.users)
      users.push_back(index(user) >= 0 && index(user) < num_users_ ? index(user) : num_users_);
    const auto read = pad_histories(questions.histories, num_items(), Padding::left, device(), options_.length);
    return at::addmm(bias_, states(read.items, at::tensor(users).to(device())), output_.t());
  }

  Options options_;
  int64_t num_users_ = 0;
  Tensor item_, user_, output_, bias_, gate_item_, gate_user_, gate_bias_, place_item_, place_user_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Hgn>("hgn", "gates over features and items of the last few items, with a vector a person",
                                   "Ma, Kang and Liu, Hierarchical Gating Networks for Sequential Recommendation, KDD "
                                   "2019, arXiv:1906.09217",
                                   "");
}

}  // namespace tessera::methods::hgn
