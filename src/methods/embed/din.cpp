// Item vectors from a trained ranker: the item table of a Deep Interest Network. Zhou et al., KDD 2018,
// arXiv:1706.06978. EAGER (arXiv:2406.14017) takes its behaviour vectors from one, with windows and sampled softmax as
// in RecForest; the sizes below are those of EAGER's released code.
// The network is din_network.h. Loss: softmax over the next item and `negatives` uniform ones; their log-Q correction
// is one constant for all candidates, so it changes nothing. Ours: the normalisation uses the real pairs of the batch
// at hand, as only the table is kept; no validation, a fixed number of epochs (on Beauty 5,100 steps, the released
// code's 28 to 29 thousand); Adam at a rate that falls to 0 where that has amsgrad behind a warm-up; N(0, .01^2) at the
// start, that 1e-4.
#include <torch/torch.h>

#include <numeric>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/din_network.h"
#include "methods/linear_algebra.h"
#include "nn/device.h"
#include "nn/parameters.h"
#include "nn/softmax.h"
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
    parameters_.emplace(context.seed, device_);
    network_ = DinNetwork({.num_items = num_items_,
                           .dim = options_.dim,
                           .windows = options_.windows,
                           .attention = options_.attention,
                           .tower = options_.tower,
                           .init = options_.init,
                           .dropout = options_.dropout},
                          *parameters_);
    train_model(*this, options_.train, context.seed, context.reporter, "embed din", context.folder);
    split_ = nullptr;
    const Tensor table = network_.items().detach().narrow(0, 0, num_items_).to(at::kCPU).contiguous();
    Matrix vectors(num_items_, options_.dim);
    std::copy_n(table.data_ptr<float>(), table.numel(), vectors.values.begin());
    if (options_.normalise) normalise_rows(vectors);
    return vectors;
  }

 private:
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
    const Tensor logits =
        network_.scores(history.to(device_), candidates.to(device_), training_).masked_fill(same.to(device_), kMasked);
    return at::cross_entropy_loss(logits, at::zeros({batch}, at::kLong).to(device_));
  }

  Options options_;
  c10::Device device_;
  bool training_ = false;
  int64_t num_items_ = 0, history_ = 0;
  const Split* split_ = nullptr;  ///< while training
  Windows examples_;
  std::optional<Parameters> parameters_;
  DinNetwork network_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Din>("din", "item table of a Deep Interest Network trained on the histories",
                                   "Zhou et al., Deep Interest Network, KDD 2018, arXiv:1706.06978", "");
}

}  // namespace tessera::methods::din
