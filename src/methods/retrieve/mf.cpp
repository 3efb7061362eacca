// Matrix factorisation of implicit feedback: score(u, i) = x_u . y_i (+ b_i).
// solver = "als": Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008. Preference
//   1 with confidence 1 + alpha for what a user had, 0 with confidence 1 for all else; users and items are solved in
//   turn, each row exactly (Cholesky) or by a few conjugate gradient steps (Takacs, Pilaszy and Tikk, RecSys 2011).
//   `frequency_power` scales the regularisation by row size (Rendle et al., arXiv:2110.14037, sec. 3).
// solver = "sgd": Adam on sampled pairs with item biases, and one of two losses:
//   bpr      -ln sigmoid(s_ui - s_uj), j not had by u (Rendle et al., BPR, UAI 2009)
//   squared  (1 - s_ui)^2 + sum over negatives of s_uj^2, with user biases and a mean (Koren, Bell and Volinsky,
//            IEEE Computer 2009)
//
// Users are known by id; a user without training items is folded in by the least squares step of als with the items
// fixed (paper of als, sec. 4), with fold_in = "always" everybody is, so that an event changes the next answer. For sgd
// the solved vector gets the mean length of the known users', so that it weighs the same against the biases.
// Repetitions count once (r = 1). Hu et al. report expected percentile ranks on television data; our numbers are in
// docs/results.md.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "methods/als.h"
#include "methods/catalog.h"
#include "methods/factor_model.h"
#include "methods/interactions.h"
#include "methods/pair_examples.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "nn/table_rows.h"

namespace tessera::methods::mf {

using at::Tensor;

namespace {

struct Options {
  std::string solver = "als";
  int64_t dim = 64;
  AlsOptions als;
  int64_t sweeps = 15;
  std::string fold_in = "unknown";
  std::string loss = "bpr";
  int64_t negatives = 1;
  double l2 = 0.0025;
  NegativeSamplerOptions sampler;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 1024;
    train.learning_rate = 5e-3;
    train.schedule = "constant";
    train.clip_norm = 0;
  }
  template <class F>
  void fields(F& f) {
    f("solver", solver, "als: alternating least squares; sgd: sampled pairs", one_of({"als", "sgd"}));
    f("dim", dim, "factors", range(1, 4096));
    f("alpha", als.alpha, "als, folding in: confidence of what was had is 1 + alpha", range(0, 1e6));
    f("regularisation", als.regularisation, "als, folding in: weight of the squared length of a row", range(1e-6, 1e6));
    f("frequency_power", als.frequency_power, "als: regularisation grows with the entries of a row to this power",
      range(0, 1));
    f("cg_steps", als.cg_steps, "als: conjugate gradient steps a row; 0: exact, by Cholesky", range(0, 1000));
    f("sweeps", sweeps, "als: times that users and items are solved", range(1, 1000));
    f("fold_in", fold_in, "whose vectors are made from the history of the request", one_of({"unknown", "always"}));
    f("loss", loss, "sgd: training objective", one_of({"bpr", "squared"}));
    f("negatives", negatives, "sgd: sampled items beside each pair", range(1, 1024));
    f("l2", l2, "sgd: weight of the squared lengths of the rows that a pair touches", range(0, 100));
    sampler.fields(f);
    validation.fields(f);
    train.fields(f);
  }
};

class MatrixFactorisation : public Retriever, private TrainTask {
 public:
  explicit MatrixFactorisation(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    const SparseMatrix had = interactions(inputs.split, inputs.data.items.size());
    TESSERA_CHECK(had.num_entries() > 0, data, "mf: there is no training item");
    trie_ = inputs.trie;
    split_ = &inputs.split;
    had_ = &had;
    if (options_.solver == "als") {
      alternate(context);
    } else {
      prepare(context.seed);
      examples_.emplace(had, options_.sampler, inputs.split.train_counts, context.seed);
      validation_.emplace(inputs.split, options_.validation, context.seed);
      summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train mf", context.folder);
      adopt(exported());
      validation_.reset();
      examples_.reset();
    }
    had_ = nullptr;
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return answer(requests, model_, *solver_, mean_length_);
  }
  int64_t batch_size() const override { return 2048; }
  void save(const std::filesystem::path& folder) const override { model_.save(folder, "mf"); }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    trie_ = inputs.trie;
    adopt(FactorModel::load(folder, inputs));
    TESSERA_CHECK(model_.items().cols == width(), shape, "{}: the model has {} columns, the options ask for {}",
                  (folder / "model.safetensors").string(), model_.items().cols, width());
  }
  std::map<std::string, double> facts() const override {
    auto facts = train_facts(summary_, std::nullopt);
    facts["parameters"] = static_cast<double>(model_.num_parameters());
    return facts;
  }

 private:
  bool sgd() const { return options_.solver == "sgd"; }
  /// Columns of the model; sgd: the last one is 1 for users and the bias for items.
  int64_t width() const { return options_.dim + (sgd() ? 1 : 0); }

  // ---- als

  void alternate(const MethodContext& context) {
    const SparseMatrix users_of = transpose(*had_);
    Matrix users(had_->rows, options_.dim), items(had_->cols, options_.dim);
    for (int64_t i = 0; i < items.rows; ++i) {
      if (users_of.begin(i) == users_of.end(i)) continue;  // an item of which nothing is known stays 0
      Random random(context.seed, "mf.items", static_cast<uint64_t>(i));
      for (float& value : items.row(i)) value = static_cast<float>(0.1 * random.normal());
    }
    Progress progress(context.reporter, "train mf", options_.sweeps, "sweeps");
    for (int64_t sweep = 0; sweep < options_.sweeps; ++sweep) {
      als_sweep(*had_, items, options_.als, users);
      als_sweep(users_of, users, options_.als, items);
      progress.add();
    }
    als_sweep(*had_, items, options_.als, users);
    summary_ = {};
    summary_.seconds = progress.seconds();
    summary_.steps = options_.sweeps;
    adopt(FactorModel(std::move(users), std::move(items), split_->train_counts));
  }

  // ---- sgd

  void prepare(uint64_t seed) {
    const c10::Device cpu(c10::kCPU);
    parameters_.emplace(seed, cpu);
    user_ = parameters_->normal("user", {had_->rows, options_.dim}, 0.1);
    item_ = parameters_->normal("item", {had_->cols, options_.dim}, 0.1);
    item_bias_ = parameters_->constant("item_bias", {had_->cols, 1}, 0);
    if (options_.loss == "squared") {
      user_bias_ = parameters_->constant("user_bias", {had_->rows, 1}, 0);
      mean_ = parameters_->constant("mean", {1}, 0);
    }
  }

  /// The present weights as a model; users without training items get zeros.
  FactorModel exported() const {
    const torch::NoGradGuard no_grad;
    const int64_t d = options_.dim;
    Matrix users(had_->rows, d + 1), items(had_->cols, d + 1);
    for (int64_t u = 0; u < users.rows; ++u) {
      if (had_->begin(u) == had_->end(u)) continue;
      std::copy_n(user_.data_ptr<float>() + u * d, d, users.row(u).data());
      users.row(u).back() = 1;
    }
    for (int64_t i = 0; i < items.rows; ++i) {
      std::copy_n(item_.data_ptr<float>() + i * d, d, items.row(i).data());
      items.row(i).back() = item_bias_.data_ptr<float>()[i];
    }
    return FactorModel(std::move(users), std::move(items), split_->train_counts);
  }

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  void set_training(bool) override {}
  int64_t num_examples() const override { return examples_->size(); }

  Tensor loss(std::span<const int64_t> examples) override {
    const PairExamples::Batch batch = examples_->batch(examples, options_.negatives);
    const auto size = static_cast<int64_t>(examples.size());
    const Tensor items = at::cat({batch.positives.unsqueeze(1), batch.negatives}, 1);  // [B, 1 + n]
    const Tensor x = table_rows(user_, batch.users);                                   // [B, d]
    const Tensor y = table_rows(item_, items);                                         // [B, 1 + n, d]
    Tensor score = (y * x.unsqueeze(1)).sum(-1) + table_rows(item_bias_, items).squeeze(-1);
    const Tensor decay = options_.l2 * (x.square().sum() + y.square().sum()) / size;
    if (options_.loss == "bpr") return bpr_loss(score.select(1, 0), score.narrow(1, 1, options_.negatives)) + decay;
    score = score + table_rows(user_bias_, batch.users) + mean_;
    return ((score.select(1, 0) - 1).square() + score.narrow(1, 1, options_.negatives).square().sum(-1)).mean() + decay;
  }

  std::vector<std::pair<std::string, double>> validate() override {
    const FactorModel model = exported();
    const Matrix items = without_bias(model.items());
    const AlsSolver solver(items, options_.als);
    return validation_->score(
        [&](std::span<const Request> requests) { return answer(requests, model, solver, mean_length(model)); });
  }

  // ---- answers

  /// Takes a model as the one that answers.
  void adopt(FactorModel model) {
    model_ = std::move(model);
    fixed_ = sgd() ? without_bias(model_.items()) : model_.items();
    solver_.emplace(fixed_, options_.als);
    mean_length_ = mean_length(model_);
  }

  static Matrix without_bias(const Matrix& items) {
    Matrix out(items.rows, items.cols - 1);
    for (int64_t i = 0; i < items.rows; ++i) std::copy_n(items.row(i).data(), out.cols, out.row(i).data());
    return out;
  }
  static double length(std::span<const float> vector) {
    return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
  }
  /// Of the known users' factors, the last column left out.
  static double mean_length(const FactorModel& model) {
    double sum = 0, known = 0;
    for (int64_t u = 0; u < model.users().rows; ++u) {
      const double value = length(model.users().row(u).first(static_cast<size_t>(model.users().cols - 1)));
      sum += value, known += value > 0 ? 1 : 0;
    }
    return sum / std::max(known, 1.0);
  }

  std::vector<Results> answer(std::span<const Request> requests, const FactorModel& model, const AlsSolver& solver,
                              double mean_length) const {
    const bool always = options_.fold_in == "always";
    return model.answer(requests, trie_, always, [&](std::span<const ItemId> history, std::span<float> vector) {
      std::vector<int32_t> items;
      for (const ItemId item : history) {
        TESSERA_CHECK(index(item) >= 0 && index(item) < model.items().rows, data,
                      "a history holds item {}, the catalogue has {}", index(item), model.items().rows);
        items.push_back(index(item));
      }
      std::sort(items.begin(), items.end());
      items.erase(std::unique(items.begin(), items.end()), items.end());
      const std::vector<float> ones(items.size(), 1.0f);
      const auto factors = vector.first(static_cast<size_t>(options_.dim));
      solver.solve(items, ones, factors);
      if (!sgd()) return;
      const double found = length(factors);
      for (float& value : factors) value *= static_cast<float>(found > 0 ? mean_length / found : 0.0);
      vector.back() = 1;
    });
  }

  Options options_;
  const Trie* trie_ = nullptr;
  const Split* split_ = nullptr;       ///< while training
  const SparseMatrix* had_ = nullptr;  ///< while training
  FactorModel model_;
  Matrix fixed_;  ///< [num_items, dim], what people are folded in with
  std::optional<AlsSolver> solver_;
  double mean_length_ = 0;
  std::optional<Parameters> parameters_;  ///< of sgd
  Tensor user_, item_, item_bias_, user_bias_, mean_;
  std::optional<PairExamples> examples_;  ///< while training
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, MatrixFactorisation>(
      "mf", "matrix factorisation of implicit feedback: alternating least squares, or sampled pairs",
      "Hu, Koren and Volinsky, ICDM 2008; Rendle et al., BPR, UAI 2009", "", {"fold_in"});
}

}  // namespace tessera::methods::mf
