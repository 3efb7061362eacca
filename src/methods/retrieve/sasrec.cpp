// SASRec: self-attentive sequential recommendation. Kang and McAuley, ICDM 2018, arXiv:1808.09781.
//
// A causal transformer over item embeddings plus learned positions; the state at each item is scored against the same
// item table, and every item of a history is an answer to those before it. Losses:
//   bce              the paper's: -log s(positive) - log(1 - s(one random negative))
//   sampled-softmax  cross-entropy over the positive and `negatives` uniform items shared by the batch
//   softmax          cross-entropy over the whole catalogue (the strongest: arXiv:2508.06450 reports R@10 .092 for
//                    sampled softmax on Beauty, history filtered, against .0605 for bce in the usual tables)
// Ours: pre-norm, feed-forward width free, positions counted from the end of the history. Our numbers: docs/results.md.
#include <torch/torch.h>

#include "base/error.h"
#include "data/chunks.h"
#include "methods/catalog.h"
#include "methods/request_batches.h"
#include "methods/top_k.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "nn/dropout.h"
#include "nn/linear_cross_entropy.h"
#include "nn/softmax.h"
#include "nn/transformer.h"
#include "train/trainer.h"

namespace tessera::methods::sasrec {

using at::Tensor;

namespace {

struct Options {
  TransformerOptions transformer;
  int64_t max_history = 50;
  double input_dropout = 0.2;
  std::string loss = "softmax";
  int64_t negatives = 256;
  bool correct = false;
  double margin = 0.0;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    train.batch_size = 256;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
  }
  template <class F>
  void fields(F& f) {
    f("model_dim", transformer.model_dim, "width of items and states", range(4, 4096));
    f("heads", transformer.heads, "attention heads", range(1, 64));
    f("ff_dim", transformer.ff_dim, "inner width of the feed-forward block", range(4, 65536));
    f("layers", transformer.layers, "transformer layers", range(1, 64));
    f("dropout", transformer.dropout, "dropout of block outputs and the feed-forward block", range(0, 0.95));
    f("attention_dropout", transformer.attention_dropout, "dropout of attention weights", range(0, 0.95));
    f("input_dropout", input_dropout, "dropout of the item embeddings that are read", range(0, 0.95));
    f("max_history", max_history, "items of history that are read", range(2, 4096));
    f("loss", loss, "training objective", one_of({"bce", "sampled-softmax", "softmax"}));
    f("negatives", negatives, "random items of sampled-softmax", range(1, 1 << 20));
    f("correct", correct,
      "sampled-softmax: log(items / negatives) more for each negative, so that it estimates softmax");
    f("margin", margin, "softmax: head start of the answer's logit; log(items / n) acts like n uncorrected negatives",
      range(0, 20));
    validation.fields(f);
    train.fields(f);
  }
};

class SasRec : public Retriever, private TrainTask {
 public:
  explicit SasRec(Options options) : options_(std::move(options)), device_(choose_device(options_.train.device)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    prepare(inputs.data.items.size(), context.seed);
    split_ = &inputs.split;
    trie_ = inputs.trie;
    seed_ = context.seed;
    chunks_ = make_chunks(*split_, options_.max_history);
    TESSERA_CHECK(!chunks_.empty(), data, "sasrec: no user has two training items");
    validation_.emplace(*split_, options_.validation, seed_);
    summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train sasrec", context.folder);
    validation_.reset();
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    std::vector<Results> results(requests.size());
    // Scores of a batch take at most some 16 MB on a CPU.
    const int64_t batch =
        device_.is_cpu() ? std::clamp((int64_t{4} << 20) / num_items_, int64_t{8}, int64_t{128}) : 1024;
    for_each_batch(requests, batch, device_.is_cpu(), [&](std::span<const size_t> places) {
      const c10::InferenceMode inference;
      std::vector<std::span<const ItemId>> histories;
      for (const size_t i : places) {
        const auto& all = requests[i].history;
        histories.push_back(all.last(std::min(all.size(), static_cast<size_t>(options_.max_history))));
      }
      const Tensor scores = at::mm(last_states(histories), item_.detach().narrow(0, 0, num_items_).t())
                                .to(at::kCPU)
                                .contiguous();  // [B, N]
      for (size_t b = 0; b < places.size(); ++b) {
        const Request& request = requests[places[b]];
        const std::span row(scores.data_ptr<float>() + b * num_items_, static_cast<size_t>(num_items_));
        results[places[b]] = top_k(row, request.k, Allowance(request, trie_, num_items_));
      }
    });
    return results;
  }
  int64_t batch_size() const override { return 8192; }

  void save(const std::filesystem::path& folder) const override {
    parameters_->save(folder / "model.safetensors", {{"method", "sasrec"}});
  }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    prepare(inputs.data.items.size(), 0);
    trie_ = inputs.trie;
    parameters_->load(folder / "model.safetensors");
  }
  std::map<std::string, double> facts() const override { return train_facts(summary_, parameters_); }

 private:
  void prepare(int64_t num_items, uint64_t seed) {
    num_items_ = num_items;
    parameters_.emplace(seed, device_);
    const int64_t d = options_.transformer.model_dim;
    item_ = parameters_->normal("item", {num_items + 1, d}, 0.02);  // the last row is padding
    position_ = parameters_->normal("position", {options_.max_history, d}, 0.02);
    transformer_ = Transformer(*parameters_, options_.transformer, "");
  }

  /// Left-padded histories. @return items [B, S] int64 and mask [B, S, S]
  std::pair<Tensor, Tensor> batch_of(std::span<const std::span<const ItemId>> histories) const {
    size_t longest = 1;
    for (const auto& history : histories) longest = std::max(longest, history.size());
    const auto batch = static_cast<int64_t>(histories.size()), width = static_cast<int64_t>(longest);
    Tensor items = at::full({batch, width}, num_items_, at::kLong);
    Tensor mask = at::full({batch, width, width}, kMasked, at::kFloat);
    for (int64_t b = 0; b < batch; ++b) {
      const auto& history = histories[b];
      const int64_t pad = width - static_cast<int64_t>(history.size());
      for (size_t i = 0; i < history.size(); ++i)
        items.data_ptr<int64_t>()[b * width + pad + static_cast<int64_t>(i)] = index(history[i]);
      for (int64_t q = 0; q < width; ++q) {
        float* row = mask.data_ptr<float>() + (b * width + q) * width;
        std::fill(row + std::min(q, pad), row + q + 1, 0.0f);  // padding sees itself, so no row is empty
      }
    }
    return {items.to(device_), mask.to(device_)};
  }

  /// @return [B, S, d]
  Tensor states(const Tensor& items, const Tensor& mask, bool training) const {
    const int64_t width = items.size(1);
    const Tensor position = position_.narrow(0, options_.max_history - width, width);
    const double scale = std::sqrt(static_cast<double>(options_.transformer.model_dim));
    const Tensor x = at::embedding(item_, items) * scale + position;
    return transformer_.forward(hash_dropout(x, options_.input_dropout, training), mask, training);
  }

  Tensor last_states(std::span<const std::span<const ItemId>> histories) const {
    const auto [items, mask] = batch_of(histories);
    return states(items, mask, false).select(1, -1);
  }

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return static_cast<int64_t>(chunks_.size()); }
  int64_t length(int64_t example) const override { return chunks_[example].size(); }

  Tensor loss(std::span<const int64_t> examples) override {
    std::vector<std::span<const ItemId>> histories;
    size_t width = 1;
    for (const int64_t e : examples) {
      histories.push_back(std::span(split_->all.items).subspan(chunks_[e].begin, chunks_[e].size() - 1));
      width = std::max(width, histories.back().size());
    }
    std::vector<int64_t> rows, answers;
    for (size_t b = 0; b < examples.size(); ++b) {
      const Chunk& chunk = chunks_[examples[b]];
      const int64_t row = static_cast<int64_t>(b * width + width) - (chunk.size() - 1);
      for (int64_t t = chunk.first_target; t < chunk.end; ++t) {
        rows.push_back(row + (t - 1 - chunk.begin));
        answers.push_back(index(split_->all.items[t]));
      }
    }
    const auto [items, mask] = batch_of(histories);
    const Tensor h =
        states(items, mask, training_).flatten(0, 1).index_select(0, at::tensor(rows).to(device_));  // [N, d]
    const Tensor targets = at::tensor(answers).to(device_);
    const Tensor table = item_.narrow(0, 0, num_items_);
    if (options_.loss == "softmax")
      return linear_cross_entropy(h, table, targets, use_bf16(options_.train.precision, device_), options_.margin);
    const Tensor positive = (h * item_.index_select(0, targets)).sum(-1);  // [N]
    if (options_.loss == "bce") {
      const Tensor random = at::randint(num_items_, {targets.size(0)}, targets.options());
      const Tensor negative = (h * item_.index_select(0, random)).sum(-1);
      const Tensor valid = (random != targets).to(at::kFloat);
      return at::softplus(-positive).mean() + (at::softplus(negative) * valid).mean();
    }
    const Tensor random = at::randint(num_items_, {options_.negatives}, targets.options());
    Tensor negative = at::mm(h, item_.index_select(0, random).t());
    if (options_.correct)
      negative = negative + std::log(static_cast<double>(num_items_ - 1) / static_cast<double>(options_.negatives));
    const Tensor same = targets.unsqueeze(1) == random.unsqueeze(0);
    const Tensor logits = at::cat({positive.unsqueeze(1), negative.masked_fill(same, kMasked)}, 1);
    return at::cross_entropy_loss(logits, at::zeros_like(targets));
  }

  std::vector<std::pair<std::string, double>> validate() override {
    return validation_->score([&](std::span<const Request> requests) { return recommend(requests); });
  }

  Options options_;
  c10::Device device_;
  uint64_t seed_ = 0;
  bool training_ = false;
  int64_t num_items_ = 0;
  const Split* split_ = nullptr;  ///< while training
  const Trie* trie_ = nullptr;    ///< to read request filters, which speak of trie positions
  std::optional<Parameters> parameters_;
  Tensor item_, position_;
  Transformer transformer_;
  std::vector<Chunk> chunks_;
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, SasRec>(
      "sasrec", "causal transformer over items, scored against the whole catalogue",
      "Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781", "");
}

}  // namespace tessera::methods::sasrec
