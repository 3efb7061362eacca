// GRU4Rec: recurrent neural networks with top-k gains. Hidasi and Karatzoglou, CIKM 2018, arXiv:1706.03847 (the
// network: Hidasi et al., ICLR 2016, arXiv:1511.06939).
//
// A GRU reads the items one after the other; its state scores all items. The loss compares the answer's score r_i with
// those of negatives r_j: the other answers of the batch and `negatives` more, drawn by count^alpha and shared.
// With s_j the softmax over the negatives' scores:
//   cross-entropy  -log softmax over answer and negatives
//   top1-max       sum s_j (sigmoid(r_j - r_i) + sigmoid(r_j^2))
//   bpr-max        -log sum s_j sigmoid(r_i - r_j) + bpreg sum s_j r_j^2
//   softmax        cross-entropy over the whole catalogue, no sampling: ours
// Ours: Adam instead of AdaGrad with momentum; batches of whole histories instead of session-parallel ones, so a batch
// has several answers of one person; a negative that is the answer itself is masked. The ELU of bpr-max is that of the
// authors' code. Reported for Beauty by the authors of S3-Rec, filtered: R@10 .0283, N@10 .0137. Ours:
// docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "methods/rank_losses.h"
#include "nn/dropout.h"
#include "nn/linear_cross_entropy.h"
#include "nn/table_rows.h"

namespace tessera::methods::gru4rec {

using at::Tensor;

namespace {

struct Options {
  int64_t model_dim = 100;
  int64_t layers = 1;
  double input_dropout = 0.0;
  double dropout = 0.0;
  bool tied = true;
  int64_t max_history = 50;
  std::string loss = "bpr-max";
  int64_t negatives = 2048;
  double alpha = 0.75;
  double bpreg = 1.0;
  double elu = 0.5;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 32;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
  }
  template <class F>
  void fields(F& f) {
    f("model_dim", model_dim, "width of items and states", range(2, 4096));
    f("layers", layers, "GRU layers", range(1, 16));
    f("input_dropout", input_dropout, "dropout of the item embeddings that are read", range(0, 0.95));
    f("dropout", dropout, "dropout of the states", range(0, 0.95));
    f("tied", tied, "items are read and scored by the same vectors (constrained embeddings)");
    f("max_history", max_history, "items of history that are read", range(2, 4096));
    f("loss", loss, "training objective", one_of({"bpr-max", "top1-max", "cross-entropy", "softmax"}));
    f("negatives", negatives, "sampled items beside those of the batch; 0: none", range(0, 1 << 20));
    f("alpha", alpha, "sampled items are drawn by training count to this power; 0: uniformly", range(0, 4));
    f("bpreg", bpreg, "bpr-max: weight of the score regularisation", at_least(0));
    f("elu", elu, "bpr-max: scores below zero are bent by an ELU that falls to minus this; 0: not", range(0, 10));
    validation.fields(f);
    train.fields(f);
  }
};

class Gru4Rec : public DenseRetriever {
 public:
  explicit Gru4Rec(Options options)
      : DenseRetriever({"gru4rec", options.max_history, options.validation, options.train}),
        options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs& inputs) override {
    const int64_t d = options_.model_dim;
    const double glorot = std::sqrt(2.0 / static_cast<double>(4 * d));  // of the three gates side by side
    const double unit = 1.0 / std::sqrt(static_cast<double>(d));  // smaller, and bpr-max stays at its start for epochs
    item_ = weights.normal("item", {num_items() + 1, d}, unit);   // the last row is padding
    output_ = options_.tied ? item_ : weights.normal("output", {num_items(), d}, unit);
    bias_ = weights.constant("output_bias", {num_items()}, 0);
    gru_ = {};
    for (int64_t l = 0; l < options_.layers; ++l) {
      const std::string n = "layer." + std::to_string(l) + ".";
      gru_.insert(gru_.end(),
                  {weights.normal(n + "input", {3 * d, d}, glorot), weights.normal(n + "hidden", {3 * d, d}, glorot),
                   weights.constant(n + "input_bias", {3 * d}, 0), weights.constant(n + "hidden_bias", {3 * d}, 0)});
    }
    const auto& counts = inputs.split.train_counts;
    Tensor share = at::empty({num_items()}, at::kDouble);
    for (int64_t i = 0; i < num_items(); ++i)
      share.data_ptr<double>()[i] = std::pow(static_cast<double>(counts[static_cast<size_t>(i)]), options_.alpha);
    cumulative_ = (share.cumsum(0) / share.sum()).to(at::kFloat).to(device());
  }

  /// @return [B, S, d]
  Tensor states(const HistoryBatch& read) const {
    const Tensor x = hash_dropout(table_rows(item_, read.items), options_.input_dropout, is_training());
    const Tensor start = at::zeros({options_.layers, read.rows(), options_.model_dim}, x.options());
    const Tensor h =
        std::get<0>(at::gru(x, start, gru_, true, options_.layers, options_.dropout, is_training(), false, true));
    return hash_dropout(h.to(at::kFloat), options_.dropout, is_training());
  }

  /// Vectors with their bias as one more column; a state gets a 1 there.
  Tensor table() const { return at::cat({output_.narrow(0, 0, num_items()), bias_.unsqueeze(1)}, 1); }
  static Tensor with_one(const Tensor& h) { return at::cat({h, at::ones({h.size(0), 1}, h.options())}, 1); }

  Tensor loss_of(std::span<const Chunk> examples) override {
    const ChunkBatch batch = read_chunks(split(), examples, num_items(), Padding::right, device());
    const Tensor h = states(batch.read).flatten(0, 1).index_select(0, batch.places);  // [M, d]
    if (options_.loss == "softmax") return linear_cross_entropy(with_one(h), table(), batch.answers, bf16());
    const Tensor draws = at::rand({options_.negatives}, h.options());
    const Tensor drawn = at::searchsorted(cumulative_, draws).clamp_max(num_items() - 1);
    const Tensor others = at::cat({batch.answers, drawn});  // [M + negatives]
    const Tensor scores = at::mm(h, table_rows(output_, others).t()).to(at::kFloat) +
                          bias_.index_select(0, others);  // [M, M + negatives]
    const Tensor same = batch.answers.unsqueeze(1) == others.unsqueeze(0);
    const Tensor answer = scores.diagonal().unsqueeze(1);  // [M, 1]
    if (options_.loss == "cross-entropy") return sampled_cross_entropy(answer, scores, same);
    if (options_.loss == "top1-max") return top1_max(answer, scores, same);
    const auto bent = [&](const Tensor& x) { return options_.elu > 0 ? at::elu(x, options_.elu) : x; };
    return bpr_max(bent(answer), bent(scores), same, options_.bpreg);
  }

  Tensor scores(const Questions& questions) const override {
    const auto read = pad_histories(questions.histories, num_items(), Padding::right, device());
    const Tensor h = states(read).flatten(0, 1).index_select(0, last_places(read));
    return at::addmm(bias_, h, output_.narrow(0, 0, num_items()).t());
  }

  Options options_;
  Tensor item_, output_, bias_;
  std::vector<Tensor> gru_;  ///< by layer: input, hidden, input_bias, hidden_bias
  Tensor cumulative_;        ///< [N] of the chances of a draw
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Gru4Rec>("gru4rec",
                                       "recurrent network over items with ranking losses over sampled negatives",
                                       "Hidasi and Karatzoglou, Recurrent Neural Networks with Top-k Gains for "
                                       "Session-based Recommendations, CIKM 2018, "
                                       "arXiv:1706.03847",
                                       "");
}

}  // namespace tessera::methods::gru4rec
