// LightGCN: graph convolution for recommendation with nothing but neighbourhood sums.
// He, Deng, Wang, Li, Zhang and Wang, SIGIR 2020, arXiv:2002.02126.
//
//   e_u^(k+1) = sum over items i of u of e_i^(k) / sqrt(|N_u| |N_i|), and likewise for items          (eq. 3)
//   e = mean over k = 0..K of e^(k), score(u, i) = e_u . e_i                                          (eq. 4, 5)
//   loss = -sum ln sigmoid(s_ui - s_uj) + l2 |E^(0)|^2, j not had by u                                (eq. 15)
// Only the layer-0 vectors are trained. The mean of powers of a symmetric matrix is its own adjoint, so that the
// backward pass is the forward product once more (methods/graph_propagation.h).
//
// Users are known by id; a user without training items, with fold_in = "always" everybody, is the mean of the final
// vectors of the history's items. Defaults are the paper's batches and learning rate; our recipes' are larger, chosen
// on Beauty's validation cases for two cores. The paper's numbers (recall@20 .1830 on Gowalla) are on random splits of
// other data; ours are in docs/results.md.
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/factor_model.h"
#include "methods/graph_propagation.h"
#include "methods/interactions.h"
#include "methods/pair_examples.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/table_rows.h"

namespace tessera::methods::lightgcn {

using at::Tensor;

namespace {

struct Options {
  int64_t dim = 64;
  int64_t layers = 3;
  double l2 = 1e-4;
  int64_t negatives = 1;
  std::string fold_in = "unknown";
  NegativeSamplerOptions sampler;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 2048;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
    train.clip_norm = 0;
    train.optimizer = "adam";
    train.max_epochs = 300;
    train.validate_every_epochs = 5;
  }
  template <class F>
  void fields(F& f) {
    f("dim", dim, "width of the vectors", range(1, 4096));
    f("layers", layers, "times that vectors are summed over neighbours", range(0, 16));
    f("l2", l2, "weight of half the squared length of the layer-0 vectors that a pair touches", range(0, 100));
    f("negatives", negatives, "sampled items beside each pair", range(1, 1024));
    f("fold_in", fold_in, "whose vectors are made from the history of the request", one_of({"unknown", "always"}));
    sampler.fields(f);
    validation.fields(f);
    train.fields(f);
  }
};

class LightGcn : public Retriever, private TrainTask {
 public:
  explicit LightGcn(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    const SparseMatrix had = interactions(inputs.split, inputs.data.items.size());
    TESSERA_CHECK(had.num_entries() > 0, data, "lightgcn: there is no training item");
    trie_ = inputs.trie;
    split_ = &inputs.split;
    num_users_ = had.rows;
    graph_ = normalised_bipartite(had);
    parameters_.emplace(context.seed, c10::Device(c10::kCPU));
    node_ = parameters_->normal("node", {graph_.rows, options_.dim}, 0.1);
    examples_.emplace(had, options_.sampler, inputs.split.train_counts, context.seed);
    validation_.emplace(inputs.split, options_.validation, context.seed);
    summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train lightgcn", context.folder);
    model_ = exported();
    validation_.reset();
    examples_.reset();
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override { return answer(requests, model_); }
  int64_t batch_size() const override { return 2048; }
  void save(const std::filesystem::path& folder) const override { model_.save(folder, "lightgcn"); }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    trie_ = inputs.trie;
    model_ = FactorModel::load(folder, inputs);
  }
  std::map<std::string, double> facts() const override { return train_facts(summary_, parameters_); }

 private:
  /// Propagated vectors as a model; users without training items get zeros.
  FactorModel exported() const {
    const torch::NoGradGuard no_grad;
    const Tensor final = propagate(graph_, node_, options_.layers);
    const float* from = final.data_ptr<float>();
    Matrix users(num_users_, options_.dim), items(graph_.rows - num_users_, options_.dim);
    for (int64_t u = 0; u < users.rows; ++u) {
      if (graph_.begin(u) != graph_.end(u)) std::copy_n(from + u * users.cols, users.cols, users.row(u).data());
    }
    std::copy_n(from + users.rows * users.cols, items.values.size(), items.values.data());
    return FactorModel(std::move(users), std::move(items), split_->train_counts);
  }

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  void set_training(bool) override {}
  int64_t num_examples() const override { return examples_->size(); }

  Tensor loss(std::span<const int64_t> examples) override {
    const PairExamples::Batch batch = examples_->batch(examples, options_.negatives);
    const Tensor items = at::cat({batch.positives.unsqueeze(1), batch.negatives}, 1) + num_users_;  // [B, 1 + n]
    const Tensor nodes = at::cat({batch.users.unsqueeze(1), items}, 1);                             // [B, 2 + n]
    const Tensor e = at::embedding(propagate(graph_, node_, options_.layers), nodes);               // [B, 2 + n, d]
    const Tensor score = (e.narrow(1, 0, 1) * e.narrow(1, 1, 1 + options_.negatives)).sum(-1);      // [B, 1 + n]
    const Tensor decay =
        table_rows(node_, nodes).square().sum() * (options_.l2 / 2 / static_cast<double>(examples.size()));
    return bpr_loss(score.select(1, 0), score.narrow(1, 1, options_.negatives)) + decay;
  }

  std::vector<std::pair<std::string, double>> validate() override {
    const FactorModel model = exported();
    return validation_->score([&](std::span<const Request> requests) { return answer(requests, model); });
  }

  std::vector<Results> answer(std::span<const Request> requests, const FactorModel& model) const {
    return model.answer(requests, trie_, options_.fold_in == "always",
                        [&](std::span<const ItemId> history, std::span<float> vector) {
                          add_mean_row(model.items(), history, vector);
                        });
  }

  Options options_;
  const Trie* trie_ = nullptr;
  const Split* split_ = nullptr;  ///< while training
  int64_t num_users_ = 0;
  SparseMatrix graph_;
  FactorModel model_;
  std::optional<Parameters> parameters_;
  Tensor node_;                           ///< [users + items, d]
  std::optional<PairExamples> examples_;  ///< while training
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, LightGcn>(
      "lightgcn", "vectors summed over the graph of users and items, trained by pairs",
      "He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020, "
      "arXiv:2002.02126",
      "", {"fold_in"});
}

}  // namespace tessera::methods::lightgcn
