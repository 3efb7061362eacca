// SASRec: self-attentive sequential recommendation. Kang and McAuley, ICDM 2018, arXiv:1808.09781.
//
// A causal transformer over item embeddings plus learned positions; the state at each item is scored against the same
// item table, and every item of a history is an answer to those before it. Losses:
//   bce              the paper's: -log s(positive) - log(1 - s(one random negative))
//   sampled-softmax  cross-entropy over the positive and `negatives` uniform items shared by the batch
//   softmax          cross-entropy over the whole catalogue (the strongest: arXiv:2508.06450 reports R@10 .092 for
//                    sampled softmax on Beauty, history filtered, against .0605 for bce in the usual tables)
// Ours: pre-norm (block = "post-norm" is BERT's), feed-forward width free, positions counted from the end of the
// history. Our numbers: docs/results.md.
#include <torch/torch.h>

#include "methods/catalog.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "methods/next_item_options.h"
#include "nn/table_rows.h"

namespace tessera::methods::sasrec {

using at::Tensor;

namespace {

using Options = NextItemOptions;

class SasRec : public DenseRetriever {
 public:
  explicit SasRec(Options options)
      : DenseRetriever({"sasrec", options.network.max_history, options.validation, options.train}),
        options_(std::move(options)) {}

 private:
  void build(Parameters& weights, const RetrieveInputs&) override {
    item_ = weights.normal("item", {num_items() + 1, options_.network.transformer.model_dim}, 0.02);  // and padding
    network_ = ItemTransformer(weights, options_.network);
  }

  Tensor table() const { return item_.narrow(0, 0, num_items()); }

  /// @return [B, S, d]
  Tensor states(const HistoryBatch& read) const {
    return network_.states(table_rows(item_, read.items), causal_mask(read), is_training());
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
  Tensor item_;
  ItemTransformer network_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, SasRec>(
      "sasrec", "causal transformer over items, scored against the whole catalogue",
      "Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781", "");
}

}  // namespace tessera::methods::sasrec
