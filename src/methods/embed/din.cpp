// Item vectors from a trained ranker: the item table of a Deep Interest Network. Zhou et al., KDD 2018,
// arXiv:1706.06978. EAGER (arXiv:2406.14017) takes its behaviour vectors from one, with windows and sampled softmax as
// in RecForest; the sizes below are those of EAGER's released code.
//
//   w_t = MLP([q, u_t, q - u_t, q * u_t]) for a candidate q and each item u_t of the history: d x 4 -> 64 -> 16 -> 1
//   z_j = sum of w_t u_t over window j;   score = MLP([z_1 .. z_10, q]): 200 -> 80 -> 1
// Activation: Dice, x (p + (1 - p) a) with p = sigmoid of the normalised x. Loss: softmax over the next item and
// `negatives` uniform ones; their log-Q correction is one constant for all candidates, so it changes nothing.
// First layers are computed in parts. Attention: the shares of u_t and of q once each, only that of q * u_t for every
// pair. Tower: what a window's weights make of u_t once, then the sum over t with w_t: no z_j is ever formed.
// Ours: the normalisation uses the real pairs of the batch at hand, as only the table is kept; no validation, a fixed
// number of epochs.
#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/linear_algebra.h"
#include "nn/device.h"
#include "nn/dropout.h"
#include "nn/parameters.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"
#include "train/trainer.h"

namespace tessera::methods::din {

using at::Tensor;

namespace {

struct Options {
  int64_t dim = 96;
  std::vector<int64_t> windows = {5, 4, 2, 2, 1, 1, 1, 1, 1, 1};
  std::vector<int64_t> attention = {64, 16};
  std::vector<int64_t> tower = {200, 80};
  double dropout = 0.1;
  int64_t negatives = 60;
  double init = 0.01;
  bool normalise = false;
  TrainOptions train;

  Options() {
    train.batch_size = 128;
    train.optimizer = "adam";
    train.max_epochs = 5;
  }
  template <class F>
  void fields(F& f) {
    f("dim", dim, "length of the vectors", range(2, 4096));
    f("windows", windows, "items of the history that are summed together, oldest first", range(1, 1000));
    f("attention", attention, "inner widths of the attention network, two of them", range(1, 4096));
    f("tower", tower, "inner widths of the scoring network, two of them", range(1, 65536));
    f("dropout", dropout, "dropout in the scoring network", range(0, 0.95));
    f("negatives", negatives, "random items beside each answer", range(1, 1 << 16));
    f("init", init, "standard deviation of the vectors at the start", range(1e-6, 10));
    f("normalise", normalise, "scale vectors to length 1");
    train.fields(f);
  }
};

/// A linear layer; the weight is [out, in].
struct Layer {
  Tensor weight, bias;
  Tensor operator()(const Tensor& x) const { return at::linear(x, weight, bias); }
};

class Din : public Embedder, private TrainTask {
 public:
  explicit Din(Options options) : options_(std::move(options)), device_(choose_device(options_.train.device)) {
    TESSERA_CHECK(options_.attention.size() == 2 && options_.tower.size() == 2, config,
                  "[din] attention has {} and tower {} widths, wanted two each", options_.attention.size(),
                  options_.tower.size());
    TESSERA_CHECK(!options_.windows.empty(), config, "[din] windows is empty, wanted one size at least");
    history_ = std::accumulate(options_.windows.begin(), options_.windows.end(), int64_t{0});
  }

  Matrix embed(const Dataset& data, const Split& split, const MethodContext& context) override {
    num_items_ = data.items.size();
    split_ = &split;
    examples_ = make_windows(split, history_);
    TESSERA_CHECK(examples_.size() > 0 && num_items_ > 1, data, "[din] no user has two training items");
    make_weights(context.seed);
    train_model(*this, options_.train, context.seed, context.reporter, "embed din", context.folder);
    split_ = nullptr;
    const Tensor table = item_.detach().narrow(0, 0, num_items_).to(at::kCPU).contiguous();
    Matrix vectors(num_items_, options_.dim);
    std::copy_n(table.data_ptr<float>(), table.numel(), vectors.values.begin());
    if (options_.normalise) normalise_rows(vectors);
    return vectors;
  }

 private:
  void make_weights(uint64_t seed) {
    parameters_.emplace(seed, device_);
    const int64_t d = options_.dim, wide = options_.attention[0],
                  windows = static_cast<int64_t>(options_.windows.size());
    item_ = parameters_->normal("item", {num_items_ + 1, d}, options_.init);  // the last row is padding
    of_item_ = layer("attention.item", wide, d);
    of_candidate_ = layer("attention.candidate", wide, d);
    of_product_ = layer("attention.product", wide, d);
    inner_ = layer("attention.1", options_.attention[1], wide);
    weight_ = layer("attention.2", 1, options_.attention[1]);
    tower_.clear();
    tower_.push_back(layer("tower.0", options_.tower[0], (windows + 1) * d));
    tower_.push_back(layer("tower.1", options_.tower[1], options_.tower[0]));
    tower_.push_back(layer("tower.2", 1, options_.tower[1]));
    slopes_.clear();
    for (const int64_t width : {wide, options_.attention[1], options_.tower[0], options_.tower[1]})
      slopes_.push_back(parameters_->constant("dice." + std::to_string(slopes_.size()), {width}, 0.0));
  }

  Layer layer(const std::string& name, int64_t out, int64_t in) {
    return {parameters_->normal(name + ".weight", {out, in}, 1.0 / std::sqrt(static_cast<double>(in))),
            parameters_->constant(name + ".bias", {out}, 0.0)};
  }

  /// @param x  [..., width]
  Tensor dice(const Tensor& x, size_t which) const {
    const Tensor rows = x.to(at::kFloat).flatten(0, -2);
    const Tensor p = at::sigmoid(at::batch_norm(rows, {}, {}, {}, {}, true, 0.0, 1e-8, false));
    return (rows * (p + (1 - p) * slopes_[which])).view(x.sizes());
  }

  /// What the first layer of the tower makes of each item of the history, by the window it is in.
  /// @param u  [B, T, d]. @return [B, T, tower[0]]
  Tensor in_windows(const Tensor& u) const {
    std::vector<Tensor> parts;
    int64_t begin = 0, weights = 0;
    for (const int64_t size : options_.windows) {
      parts.push_back(at::linear(u.narrow(1, begin, size), tower_[0].weight.narrow(1, weights, options_.dim)));
      begin += size;
      weights += options_.dim;
    }
    return at::cat(parts, 1);
  }

  /// @param history  [B, T] items, padded on the left; @param candidates  [B, C]. @return [B, C] scores
  Tensor scores(const Tensor& history, const Tensor& candidates) const {
    const int64_t batch = history.size(0), length = history.size(1), count = candidates.size(1), d = options_.dim;
    const Tensor real = (history != num_items_).flatten().nonzero().squeeze(1);      // [P], of B * T
    const Tensor row = at::div(real, length, "floor");                               // [P], of B
    const Tensor u = table_rows(item_, history), q = table_rows(item_, candidates);  // [B, T, d], [B, C, d]
    const Tensor read = u.flatten(0, 1).index_select(0, real);                       // [P, d]
    const Tensor pairs = of_product_(q.index_select(0, row) * read.unsqueeze(1)) + of_item_(read).unsqueeze(1) +
                         of_candidate_(q).index_select(0, row);  // [P, C, 64]
    const Tensor inner = dice(inner_(dice(pairs, 0)), 1);        // [P, C, 16]
    const Tensor w = weight_(inner).squeeze(2).to(at::kFloat);   // [P, C]
    const Tensor shares = at::zeros({batch * length, count}, w.options()).index_copy(0, real, w);
    const Tensor of_history = at::bmm(shares.view({batch, length, count}).transpose(1, 2), in_windows(u));
    const Tensor of_candidate =
        at::linear(q, tower_[0].weight.narrow(1, tower_[0].weight.size(1) - d, d), tower_[0].bias);
    Tensor x = hash_dropout(dice(of_history + of_candidate, 2), options_.dropout, training_);  // [B, C, 200]
    x = hash_dropout(dice(tower_[1](x), 3), options_.dropout, training_);
    return tower_[2](x).squeeze(2).to(at::kFloat);
  }

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return examples_.size(); }
  std::vector<std::pair<std::string, double>> validate() override { return {}; }

  Tensor loss(std::span<const int64_t> examples) override {
    const auto batch = static_cast<int64_t>(examples.size());
    Tensor history = at::full({batch, history_}, num_items_, at::kLong), answers = at::empty({batch, 1}, at::kLong);
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t begin = examples_.begin[examples[b]], target = examples_.target[examples[b]];
      int64_t* row = history.data_ptr<int64_t>() + (b + 1) * history_ - (target - begin);
      for (int64_t t = begin; t < target; ++t) *row++ = index(split_->all.items[t]);
      answers.data_ptr<int64_t>()[b] = index(split_->all.items[target]);
    }
    const Tensor random = at::randint(num_items_, {batch, options_.negatives}, at::kLong);
    const Tensor candidates = at::cat({answers, random}, 1);
    Tensor same = candidates == answers;
    same.select(1, 0).fill_(false);
    const Tensor logits = scores(history.to(device_), candidates.to(device_)).masked_fill(same.to(device_), kMasked);
    return at::cross_entropy_loss(logits, at::zeros({batch}, at::kLong).to(device_));
  }

  Options options_;
  c10::Device device_;
  bool training_ = false;
  int64_t num_items_ = 0, history_ = 0;
  const Split* split_ = nullptr;  ///< while training
  Windows examples_;
  std::optional<Parameters> parameters_;
  Tensor item_;  ///< [N + 1, d]
  Layer of_item_, of_candidate_, of_product_, inner_, weight_;
  std::vector<Layer> tower_;
  std::vector<Tensor> slopes_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Din>("din", "item table of a Deep Interest Network trained on the histories",
                                   "Zhou et al., Deep Interest Network, KDD 2018, arXiv:1706.06978", "");
}

}  // namespace tessera::methods::din
