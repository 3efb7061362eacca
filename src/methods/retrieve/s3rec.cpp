// S3-Rec: self-supervised learning for sequential recommendation with mutual information maximization. Zhou et al.,
// CIKM 2020, arXiv:2008.07873.
//
// A transformer is first trained without a causal mask on four tasks (sec. 4.2 - 4.5), then as SASRec with one. With
// item vectors e_i, attribute vectors e_a and states f_t:
//   aap  which attributes an item has            sigmoid(x W e_a), cross-entropy over all attributes; x is e_i (paper)
//   or
//                                                f_t where no item is masked (`aap_of = "states"`, the authors' code)
//   mip  which item was masked                   sigmoid(f_t W e_i) against one random item
//   map  which attributes the masked item has    sigmoid(f_t W e_a), cross-entropy over all attributes
//   sp   which segment was masked                sigmoid(s W s~) against a segment of other histories; s and s~ are the
//                                                last states of the history without it and of the segment alone
// mip and sp compare the right share with the wrong one: -log sigmoid(right - wrong).
// They read a beginning of each history, whose last item is masked whatever `mask_rate` says. A pass of the authors'
// code has every beginning, one of ours a random one of each history: on Beauty about a sixth of theirs.
// The four are summed over a history, not averaged, with the authors' weights .2, 1, 1, .5. Fine-tuning: `loss`, by
// default the authors' bce. Attributes are categories, brands and attribute values (methods/item_attributes.h).
// Ours: pre-norm (block = "post-norm" is theirs); positions counted from the end; training items only are read (the
// authors' pre-training too leaves validation and test out). Paper, Beauty, filtered: R@10 .0647, N@10 .0327. Ours:
// docs/results.md.
#include <torch/torch.h>

#include "base/error.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "methods/cloze.h"
#include "methods/dense_retriever.h"
#include "methods/history_batch.h"
#include "methods/item_attributes.h"
#include "methods/next_item_options.h"
#include "methods/rank_losses.h"
#include "nn/table_rows.h"

namespace tessera::methods::s3rec {

using at::Tensor;

namespace {

struct Options : NextItemOptions {
  int64_t pretrain_epochs = 100;
  std::string pretrain_on = "beginnings";
  std::string aap_of = "items";
  double pretrain_minutes = 0;
  double mask_rate = 0.2;
  double aap = 0.2, mip = 1.0, map = 1.0, sp = 0.5;

  Options() {
    network.input_dropout = network.transformer.dropout = network.transformer.attention_dropout = 0.5;
    loss.loss = "bce";
  }
  template <class F>
  void fields(F& f) {
    NextItemOptions::fields(f);
    f("pretrain_epochs", pretrain_epochs, "passes of the pre-training; 0: none", range(0, 1e6));
    f("pretrain_on", pretrain_on, "beginnings: a random one of each history, its last item masked; histories: whole",
      one_of({"beginnings", "histories"}));
    f("pretrain_minutes", pretrain_minutes, "minutes of pre-training at most; 0: no limit", at_least(0));
    f("mask_rate", mask_rate, "pre-training: share of the items that are masked", range(0.01, 0.99));
    f("aap", aap, "weight of associated attribute prediction; 0: off", at_least(0));
    f("aap_of", aap_of,
      "whose attributes aap asks for: of item vectors (paper), of the states of items that are not masked",
      one_of({"items", "states"}));
    f("mip", mip, "weight of masked item prediction; 0: off", at_least(0));
    f("map", map, "weight of masked attribute prediction; 0: off", at_least(0));
    f("sp", sp, "weight of segment prediction; 0: off", at_least(0));
  }
};

class S3Rec : public DenseRetriever {
 public:
  explicit S3Rec(Options options)
      : DenseRetriever({"s3rec", options.network.max_history, options.validation, options.train}),
        options_(std::move(options)) {}

  std::map<std::string, double> facts() const override {
    auto facts = DenseRetriever::facts();
    facts["pretrain_seconds"] = pretrained_.seconds;
    facts["pretrain_epochs"] = pretrained_.epochs;
    return facts;
  }

 private:
  class Pretraining;

  void build(Parameters& weights, const RetrieveInputs&) override {
    const int64_t d = options_.network.transformer.model_dim;
    item_ = weights.normal("item", {num_items() + 2, d}, 0.02);  // behind the items: padding, [mask]
    network_ = ItemTransformer(weights, options_.network);
  }
  void pretrain(const RetrieveInputs& inputs, const MethodContext& context) override;

  int64_t mask_id() const { return num_items() + 1; }
  Tensor table() const { return item_.narrow(0, 0, num_items()); }

  /// @param items  [B, S]; @param mask  of the attention; @return [B, S, d]
  Tensor states(const Tensor& items, const Tensor& mask, bool training) const {
    return network_.states(table_rows(item_, items), mask, training);
  }

  Tensor loss_of(std::span<const Chunk> examples) override {
    const ChunkBatch batch = read_chunks(split(), examples, num_items(), Padding::left, device());
    const Tensor h = states(batch.read.items, causal_mask(batch.read), is_training());
    return options_.loss(h.flatten(0, 1).index_select(0, batch.places), table(), batch.answers, bf16());
  }

  Tensor scores(const Questions& questions) const override {
    const auto read = pad_histories(questions.histories, num_items(), Padding::left, device());
    return at::mm(states(read.items, causal_mask(read), is_training()).select(1, -1), table().t());
  }

  Options options_;
  Tensor item_;
  ItemTransformer network_;
  TrainSummary pretrained_;
};

/// The four tasks. What only they need is not part of the model that is kept.
class S3Rec::Pretraining : public TrainTask {
 public:
  Pretraining(S3Rec& model, const ItemAttributes& attributes, uint64_t seed)
      : model_(model),
        options_(model.options_),
        weights_(seed, model.device()),
        chunks_(make_chunks(model.split(), model.options_.network.max_history - 1)) {
    const int64_t d = options_.network.transformer.model_dim;
    const double scale = 1.0 / std::sqrt(static_cast<double>(d));
    if (options_.aap > 0 || options_.map > 0) {
      attributes_ = attributes.padded(model.device());
      attribute_ = weights_.normal("pretrain.attribute", {attributes.count, d}, 0.02);
    }
    if (options_.aap > 0) aap_ = weights_.normal("pretrain.aap", {d, d}, scale);
    if (options_.mip > 0) mip_ = weights_.normal("pretrain.mip", {d, d}, scale);
    if (options_.map > 0) map_ = weights_.normal("pretrain.map", {d, d}, scale);
    if (options_.sp > 0) sp_ = weights_.normal("pretrain.sp", {d, d}, scale);
  }

  std::vector<std::pair<std::string, Tensor>> parameters() override {
    auto all = model_.weights().all();
    all.insert(all.end(), weights_.all().begin(), weights_.all().end());
    return all;
  }
  void set_training(bool) override {}
  int64_t num_examples() const override { return static_cast<int64_t>(chunks_.size()); }
  int64_t length(int64_t example) const override { return chunks_[static_cast<size_t>(example)].size(); }
  std::vector<std::pair<std::string, double>> validate() override { return {}; }

  Tensor loss(std::span<const int64_t> examples) override {
    std::vector<std::span<const ItemId>> histories;
    for (const int64_t e : examples) {
      const Chunk& chunk = chunks_[static_cast<size_t>(e)];
      histories.push_back(std::span(model_.split().all.items)
                              .subspan(static_cast<size_t>(chunk.begin), static_cast<size_t>(chunk.size())));
    }
    if (beginnings()) histories = random_beginnings(std::move(histories));
    const auto read = pad_histories(histories, model_.num_items(), Padding::left, model_.device());
    Tensor sum = at::zeros({}, at::TensorOptions(at::kFloat).device(model_.device()));
    if (options_.aap > 0 && !aap_of_states()) {
      const Tensor items = read.items.flatten().index_select(0, places_of(is_item(read) > 0));
      sum = sum + options_.aap * attribute_loss(at::mm(table_rows(model_.item_, items), aap_), items);
    }
    if (options_.mip > 0 || options_.map > 0 || (options_.aap > 0 && aap_of_states())) sum = sum + masked_loss(read);
    if (options_.sp > 0) sum = sum + options_.sp * segment_loss(read);
    return sum / static_cast<double>(examples.size());
  }

 private:
  bool beginnings() const { return options_.pretrain_on == "beginnings"; }
  bool aap_of_states() const { return options_.aap_of == "states"; }
  static Tensor places_of(const Tensor& chosen) { return chosen.flatten().nonzero().squeeze(1); }

  /// @param x  [M, d] to be compared with all attributes; @param items  [M]
  Tensor attribute_loss(const Tensor& x, const Tensor& items) const {
    const Tensor logits = at::mm(x, attribute_.t()).to(at::kFloat);  // [M, attributes]
    Tensor held = at::zeros({items.size(0), attribute_.size(0) + 1}, logits.options());
    held.scatter_(1, attributes_.index_select(0, items), 1.0);
    return at::binary_cross_entropy_with_logits(logits, held.narrow(1, 0, attribute_.size(0)), {}, {},
                                                at::Reduction::Sum);
  }

  /// Masked items and their attributes, and where asked for the attributes of the others.
  Tensor masked_loss(const HistoryBatch& read) const {
    const Tensor hidden = cloze_mask(is_item(read), options_.mask_rate, 0);
    if (beginnings()) hidden.select(1, -1).fill_(true);  // padding is on the left
    const Tensor places = places_of(hidden);
    const Tensor items = read.items.flatten().index_select(0, places);  // [M]
    const Tensor states =
        model_.states(read.items.masked_fill(hidden, model_.mask_id()), padding_mask(read), true).flatten(0, 1);
    const Tensor h = states.index_select(0, places);  // [M, d]
    Tensor sum = at::zeros({}, h.options());
    if (options_.mip > 0) {
      const Tensor random = at::randint(model_.num_items(), {items.size(0)}, items.options());
      const Tensor query = at::mm(h, mip_).to(at::kFloat);
      const auto score = [&](const Tensor& of) { return (query * table_rows(model_.item_, of)).sum(-1); };
      sum =
          sum + options_.mip * (preferred_share(score(items), score(random)) * (random != items).to(at::kFloat)).sum();
    }
    if (options_.map > 0) sum = sum + options_.map * attribute_loss(at::mm(h, map_), items);
    if (options_.aap > 0 && aap_of_states()) {
      const Tensor seen = places_of((is_item(read) > 0).logical_and(hidden.logical_not()));
      sum = sum + options_.aap * attribute_loss(at::mm(states.index_select(0, seen), aap_),
                                                read.items.flatten().index_select(0, seen));
    }
    return sum;
  }

  /// A masked stretch of each history: the history without it should know it from one of other histories.
  Tensor segment_loss(const HistoryBatch& read) const {
    const Segments segments = cut_segments(read.items, is_item(read), model_.mask_id());
    const Tensor mask = padding_mask(read);
    const auto last = [&](const Tensor& items) { return model_.states(items, mask, true).select(1, -1); };  // [B, d]
    const Tensor query = at::mm(last(segments.without), sp_).to(at::kFloat);
    const auto score = [&](const Tensor& segment) { return (query * last(segment)).sum(-1); };
    return preferred_share(score(segments.alone), score(segments.other)).sum();
  }

  S3Rec& model_;
  const Options& options_;
  Parameters weights_;
  std::vector<Chunk> chunks_;
  Tensor attributes_;  ///< [N + 1, A] int64
  Tensor attribute_, aap_, mip_, map_, sp_;
};

void S3Rec::pretrain(const RetrieveInputs& inputs, const MethodContext& context) {
  if (options_.pretrain_epochs == 0 || options_.aap + options_.mip + options_.map + options_.sp == 0) return;
  const auto folder = context.folder.empty() ? context.folder : context.folder / "pretrain";
  const ItemAttributes attributes = item_attributes(inputs.data.items);
  TESSERA_CHECK(
      attributes.count > 0 || (options_.aap == 0 && options_.map == 0), data,
      "s3rec: no category, brand or attribute is shared by some items and not by all; set aap = 0 and map = 0 "
      "to pre-train without them");
  TrainOptions train = options_.train;
  train.max_epochs = options_.pretrain_epochs;
  train.max_minutes = options_.pretrain_minutes;
  train.max_steps = 0;
  train.ema_decay = 0;
  train.validate_every_epochs = static_cast<double>(options_.pretrain_epochs);
  const uint64_t seed = context.seed ^ stream_id("s3rec.pretrain");
  Pretraining task(*this, attributes, seed);
  // One that is complete is read from its checkpoint; fine-tuning goes on from its own, which has what was learned
  // here.
  pretrained_ = train_model(task, train, seed, context.reporter, "pre-train s3rec", folder);
}

}  // namespace

MethodInfo info() {
  return method_info<Options, S3Rec>("s3rec", "causal transformer pre-trained on attributes, masked items and segments",
                                     "Zhou et al., S3-Rec: Self-Supervised Learning for Sequential Recommendation with "
                                     "Mutual Information Maximization, "
                                     "CIKM 2020, arXiv:2008.07873",
                                     "");
}

}  // namespace tessera::methods::s3rec
