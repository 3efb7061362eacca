// BERT4Rec: sequential recommendation with bidirectional encoder representations. Sun et al., CIKM 2019,
// arXiv:1904.06690.
//
// A transformer without a causal mask reads a whole history of which some items are replaced by [mask] and tells what
// was there (the cloze task, sec. 3.6): softmax over all items of GELU(h W + b) E^T + b' (eq. 7). To recommend, [mask]
// is put behind the history. Some examples mask the last item alone, as in that use; the paper's data hold one such
// example for ten of the others, which `last_rate` stands for.
// Known to be under-trained in most comparisons: Petrov and Macdonald (RecSys 2022, arXiv:2207.07483) needed up to
// thirty times the default training of common libraries to repeat the paper's numbers. A history is one example here,
// with only some answers in it, so give it many more epochs than a causal model. Ours: pre-norm and ReLU in the
// blocks unless block = "post-norm"; masks are drawn anew in every epoch; positions are counted from the end.
// Reported for Beauty by the authors of S3-Rec, filtered: R@10 .0347, N@10 .0170. Ours: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/cloze.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "methods/item_loss.h"
#include "nn/table_rows.h"
#include "nn/transformer.h"

namespace tessera::methods::bert4rec {

using at::Tensor;

namespace {

struct Options {
  TransformerOptions transformer;
  int64_t max_history = 50;
  double mask_rate = 0.2;
  double last_rate = 0.1;
  ItemLoss loss;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    transformer.dropout = transformer.attention_dropout = 0.1;
    train.batch_size = 256;
    train.learning_rate = 1e-4;
    train.weight_decay = 0.01;
    train.schedule = "linear";
    train.warmup_steps = 100;
    train.clip_norm = 5;
    train.max_epochs = 400;
  }
  template <class F>
  void fields(F& f) {
    transformer.fields(f);
    f("max_history", max_history, "items that are read, the mask at the end included", range(2, 4096));
    f("mask_rate", mask_rate, "share of the items that are masked", range(0.01, 0.99));
    f("last_rate", last_rate, "share of the examples in which the last item alone is masked", range(0, 1));
    loss.fields(f);
    validation.fields(f);
    train.fields(f);
  }
};

class Bert4Rec : public DenseRetriever {
 public:
  explicit Bert4Rec(Options options)
      : DenseRetriever({"bert4rec", options.max_history - 1, options.validation, options.train}),
        options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs&) override {
    const int64_t d = options_.transformer.model_dim;
    item_ = weights.normal("item", {num_items() + 2, d}, 0.02);  // behind the items: padding, [mask]
    position_ = weights.normal("position", {options_.max_history, d}, 0.02);
    transformer_ = Transformer(weights, options_.transformer, "");
    project_ = weights.normal("project", {d, d}, 0.02);
    project_bias_ = weights.constant("project_bias", {d}, 0);
    output_bias_ = weights.constant("output_bias", {num_items()}, 0);
  }

  int64_t mask_id() const { return num_items() + 1; }
  Tensor table() const { return item_.narrow(0, 0, num_items()); }

  /// @return [M, d] what is scored at the M places of the flattened batch
  Tensor states(const Tensor& items, const Tensor& mask, const Tensor& places) const {
    const Tensor position = position_.narrow(0, options_.max_history - items.size(1), items.size(1));
    const Tensor x = table_rows(item_, items) + position;
    const Tensor h = transformer_.forward(x, mask, is_training(), options_.transformer.dropout);
    return at::gelu(at::linear(h.flatten(0, 1).index_select(0, places), project_, project_bias_).to(at::kFloat));
  }

  Tensor loss_of(std::span<const Chunk> examples) override {
    std::vector<std::span<const ItemId>> histories;
    for (const Chunk& chunk : examples)
      histories.push_back(
          std::span(split().all.items).subspan(static_cast<size_t>(chunk.begin), static_cast<size_t>(chunk.size())));
    const auto read = pad_histories(histories, num_items(), Padding::left, device());
    const Tensor hidden = cloze_mask(is_item(read), options_.mask_rate, options_.last_rate);  // [B, S]
    const Tensor places = hidden.flatten().nonzero().squeeze(1);                              // [M]
    const Tensor answers = read.items.flatten().index_select(0, places);
    const Tensor h = states(read.items.masked_fill(hidden, mask_id()), padding_mask(read), places);
    // The bias of an item is one more column, which every state meets with a 1.
    const Tensor with_one = at::cat({h, at::ones({h.size(0), 1}, h.options())}, 1);
    return options_.loss(with_one, at::cat({table(), output_bias_.unsqueeze(1)}, 1), answers, bf16());
  }

  Tensor scores(const Questions& questions) const override {
    std::vector<std::vector<ItemId>> asked;
    for (const auto& history : questions.histories)
      asked.emplace_back(history.begin(), history.end()).push_back(ItemId{static_cast<int32_t>(mask_id())});
    const std::vector<std::span<const ItemId>> histories(asked.begin(), asked.end());
    const auto read = pad_histories(histories, num_items(), Padding::left, device());
    return at::addmm(output_bias_, states(read.items, padding_mask(read), last_places(read)), table().t());
  }

  Options options_;
  Tensor item_, position_, project_, project_bias_, output_bias_;
  Transformer transformer_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Bert4Rec>(
      "bert4rec", "bidirectional transformer that fills masked places of a history",
      "Sun et al., BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer, "
      "CIKM 2019, arXiv:1904.06690",
      "");
}

}  // namespace tessera::methods::bert4rec
