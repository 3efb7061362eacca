// FDSA: feature-level deeper self-attention network for sequential recommendation. Zhang et al., IJCAI 2019.
//
// Two causal transformers read a history side by side: one its items, one their attributes (categories, brand). The
// attributes a_k of an item become one vector by vanilla attention, sum_k softmax_k(w a_k + b) a_k. The two states are
// joined, [o_item, o_feature] W + b, and scored against the item table.
// Loss: the paper's binary cross-entropy with one random negative; `loss` has stronger ones.
// Ours: pre-norm; w is a vector; the text features of the paper are left out. Sizes and dropout are those of our
// SASRec, so that the two differ in the attributes alone. Reported for Beauty by the authors of S3-Rec, filtered:
// R@10 .0407, N@10 .0208. Ours: docs/results.md.
#include <torch/torch.h>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "methods/item_attributes.h"
#include "methods/next_item_options.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"

namespace tessera::methods::fdsa {

using at::Tensor;

namespace {

struct Options : NextItemOptions {
  Options() { loss.loss = "bce"; }
};

class Fdsa : public DenseRetriever {
 public:
  explicit Fdsa(Options options)
      : DenseRetriever({"fdsa", options.network.max_history, options.validation, options.train}),
        options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs& inputs) override {
    const ItemAttributes attributes = item_attributes(inputs.data.items);
    TESSERA_CHECK(attributes.count > 0, data,
                  "fdsa: no category, brand or attribute is shared by some items and not by all; it needs them (sasrec "
                  "is the same without)");
    attributes_ = attributes.padded(device());
    const int64_t d = options_.network.transformer.model_dim;
    item_ = weights.normal("item", {num_items() + 1, d}, 0.02);                 // the last row is padding
    attribute_ = weights.normal("attribute", {attributes.count + 1, d}, 0.02);  // likewise; it is never read
    attend_ = weights.normal("attend", {1, d}, 0.02);
    items_block_ = ItemTransformer(weights, options_.network, "items.");
    features_block_ = ItemTransformer(weights, options_.network, "features.");
    join_ = weights.normal("join", {d, 2 * d}, 1.0 / std::sqrt(static_cast<double>(2 * d)));
    join_bias_ = weights.constant("join_bias", {d}, 0);
  }

  Tensor table() const { return item_.narrow(0, 0, num_items()); }

  /// @param items  [B, S]; @return [B, S, d], zero where an item has no attribute
  Tensor features(const Tensor& items) const {
    const int64_t none = attribute_.size(0) - 1;
    const Tensor ids = attributes_.index_select(0, items.flatten());  // [B * S, A]
    const Tensor real = (ids != none).to(at::kFloat).unsqueeze(-1);   // [B * S, A, 1]
    const Tensor a = at::embedding(attribute_, ids, none);            // [B * S, A, d]
    // A bias of the attention would not change its softmax.
    const Tensor weight = at::softmax((a * attend_).sum(-1, true) + (1 - real) * kMasked, 1) * real;
    return (a * weight).sum(1).view({items.size(0), items.size(1), -1});
  }

  /// @return [B, S, d]
  Tensor states(const HistoryBatch& read) const {
    const Tensor mask = causal_mask(read);
    const Tensor both = at::cat({items_block_.states(table_rows(item_, read.items), mask, is_training()),
                                 features_block_.states(features(read.items), mask, is_training())},
                                -1);  // [B, S, 2d]
    return at::linear(both, join_, join_bias_).to(at::kFloat);
  }

  Tensor loss_of(std::span<const Chunk> examples) override {
    const ChunkBatch batch = read_chunks(split(), examples, num_items(), Padding::left, device());
    const Tensor h = states(batch.read).flatten(0, 1).index_select(0, batch.places);  // [M, d]
    return options_.loss(h, table(), batch.answers, bf16());
  }

  Tensor scores(const Questions& questions) const override {
    const auto read = pad_histories(questions.histories, num_items(), Padding::left, device());
    return at::mm(states(read).select(1, -1), table().t());
  }

  Options options_;
  Tensor attributes_;  ///< [N + 1, A] int64
  Tensor item_, attribute_, attend_, join_, join_bias_;
  ItemTransformer items_block_, features_block_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Fdsa>("fdsa", "two causal transformers, over items and over their attributes",
                                    "Zhang et al., Feature-level Deeper Self-Attention Network for Sequential "
                                    "Recommendation, IJCAI 2019",
                                    "");
}

}  // namespace tessera::methods::fdsa
