// TIGER: recommender systems with generative retrieval. Rajput et al., NeurIPS 2023, arXiv:2305.05065.
//
// Every item is a semantic ID of a few codes. A T5-style encoder reads the codes of the user's last items, a decoder
// writes the codes of the next one; beam search over the trie of existing IDs turns that into items. Loss:
// cross-entropy per code.
//   encoder input   start | c_0..c_{L-1} of item 1 | c_0..c_{L-1} of item 2 | ...
//   decoder input   BOS c_0 .. c_{L-2}   ->   c_0 .. c_{L-1}
// Ours: `encoder = "causal"` lets a token see the items up to its own only, so one pass over a history serves all its
// prefixes as training examples; "bidirectional" is the paper's encoder, one pass an example. The output layer of a
// level has that level's codes only. Residual k-means codes instead of RQ-VAE (handbook 5.1). One start token instead
// of the paper's 2,000 hashed user tokens (`user_buckets` brings them back), and tokens that learn faster than the rest
// (`table_rate`; the original trains with a rate of 0.01). Paper, Beauty: R@10 .0648, N@10 .0384;
// trusted re-run (cornac#711) .0634 / .0338. Ours: docs/results.md.
#include <torch/torch.h>

#include "base/error.h"
#include "base/file.h"
#include "data/chunks.h"
#include "decode/beam_search.h"
#include "decode/engine.h"
#include "methods/catalog.h"
#include "methods/request_batches.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "nn/softmax.h"
#include "nn/t5.h"
#include "train/trainer.h"

namespace tessera::methods::tiger {

using at::Tensor;

namespace {

struct Options {
  T5Options t5;
  std::string encoder = "causal";
  int64_t max_history = 20;
  int64_t min_history = 1;
  int64_t user_buckets = 0;
  double label_smoothing = 0.0;
  int64_t beam = 50;
  bool renormalise = false;
  int64_t validate_beam = 20;
  int64_t decode_batch = 32;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    t5.table_rate = 10;
    train.weight_decay = 0.01;
    train.warmup_steps = 500;
  }
  template <class F>
  void fields(F& f) {
    t5.fields(f);
    f("encoder", encoder, "causal: one pass trains all prefixes; bidirectional: the paper's",
      one_of({"causal", "bidirectional"}));
    f("max_history", max_history, "items of history that are read", range(2, 1024));
    f("min_history", min_history, "shortest history that is trained on; 0 also learns the first item", range(0, 64));
    f("user_buckets", user_buckets, "hashed user tokens; 0: one start token for all", range(0, 1 << 20));
    f("label_smoothing", label_smoothing, "share of the label spread over its level", range(0, 0.9));
    f("beam", beam, "beams of an answer", range(1, 4096));
    f("renormalise", renormalise, "softmax over the allowed codes only (mask before) instead of the whole level");
    f("validate_beam", validate_beam, "beams of a validation", range(1, 4096));
    f("decode_batch", decode_batch, "requests decoded together", range(1, 4096));
    validation.fields(f);
    train.fields(f);
  }
};

/// Where each kind of token lives in the embedding table: the codes of all levels, BOS, then the start tokens.
struct TokenMap {
  std::vector<int64_t> level_begin;
  int64_t bos = 0, start = 0, num_starts = 1, size = 0;

  TokenMap(const SemanticIds& ids, int64_t user_buckets) : num_starts(std::max<int64_t>(1, user_buckets)) {
    for (const int32_t level_size : ids.level_sizes) {
      level_begin.push_back(bos);
      bos += level_size;
    }
    start = bos + 1;
    size = start + num_starts;
  }
  int64_t start_of(UserId user) const {
    return num_starts == 1
               ? start
               : start + static_cast<int64_t>(static_cast<uint64_t>(index(user)) % static_cast<uint64_t>(num_starts));
  }
};

/// The trainable tensors; a copy made by cast() shares nothing trainable.
struct Network {
  T5 t5;
  Tensor embedding;          ///< [tokens, d] float32
  std::vector<Tensor> head;  ///< by level: [level_size, d]

  Network cast(at::ScalarType type) const {
    Network copy{t5.cast(type), embedding.detach(), {}};
    for (const Tensor& h : head) copy.head.push_back(h.detach().to(type).contiguous());
    return copy;
  }
};

/// One encoded batch, decoded step by step.
class Steps : public StepModel {
 public:
  Steps(const Network& network, const TokenMap& tokens, const Tensor& memory, const Tensor& cross_mask, int64_t levels)
      : network_(network), tokens_(tokens), beams_(network.t5, memory, cross_mask, levels), batch_(memory.size(0)) {}

  int64_t batch() const override { return batch_; }
  c10::Device device() const override { return network_.embedding.device(); }
  Tensor step(int64_t level, const Tensor& tokens, const Tensor& parents) override {
    const Tensor ids = level == 0 ? at::full({batch_, 1}, tokens_.bos, at::TensorOptions(at::kLong).device(device()))
                                  : tokens + tokens_.level_begin[level - 1];
    const Tensor x = network_.embedding.index_select(0, ids.flatten()).view({batch_, ids.size(1), -1});
    return at::linear(beams_.step(x, parents), network_.head[level]).to(at::kFloat);
  }

 private:
  const Network& network_;
  const TokenMap& tokens_;
  T5Beams beams_;
  int64_t batch_;
};

class Tiger : public Retriever, private TrainTask {
 public:
  explicit Tiger(Options options) : options_(std::move(options)), device_(choose_device(options_.train.device)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    prepare(inputs, context.seed);
    split_ = &inputs.split;
    seed_ = context.seed;
    chunks_ = options_.encoder == "causal" ? make_chunks(*split_, options_.max_history, options_.min_history)
                                           : prefixes(*split_, options_.max_history, options_.min_history);
    TESSERA_CHECK(!chunks_.empty(), data, "tiger: no user has {} training items", options_.min_history + 1);
    validation_.emplace(*split_, options_.validation, seed_);
    summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train tiger", context.folder);
    ready();
    validation_.reset();
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return answer(requests, inference_, options_.beam);
  }
  bool takes_new_items() const override { return inference_.engine.has_value(); }
  std::vector<Results> recommend_among(std::span<const Request> requests, const SemanticIds& ids,
                                       const Trie& trie) const override {
    TESSERA_CHECK(inference_.engine, unsupported, "[tiger] new items are answered on a CPU only");
    return answer_by_engine(requests, *inference_.engine, options_.beam, ids, trie);
  }
  int64_t batch_size() const override { return options_.decode_batch * 64; }

  void save(const std::filesystem::path& folder) const override {
    parameters_->save(folder / "model.safetensors", {{"method", "tiger"}, {"semantic_ids", ids_hash_}});
  }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    prepare(inputs, 0);
    const auto metadata = parameters_->load(folder / "model.safetensors");
    const auto found = metadata.find("semantic_ids");
    TESSERA_CHECK(found != metadata.end() && found->second == ids_hash_, corrupt,
                  "{}: the model was trained with other semantic IDs than the run holds; train it again",
                  (folder / "model.safetensors").string());
    ready();
  }
  std::map<std::string, double> facts() const override { return train_facts(summary_, parameters_); }

 private:
  // ---- set-up

  void prepare(const RetrieveInputs& inputs, uint64_t seed) {
    TESSERA_CHECK(inputs.ids != nullptr && inputs.trie != nullptr, config,
                  "tiger needs semantic IDs: add a [tokenize] stage");
    ids_ = inputs.ids;
    trie_ = inputs.trie;
    tokens_.emplace(*ids_, options_.user_buckets);
    parameters_.emplace(seed, device_);
    const double scale = 1.0 / std::sqrt(static_cast<double>(options_.t5.model_dim));
    network_.embedding = parameters_->normal("embedding", {tokens_->size, options_.t5.model_dim}, 1.0);
    T5Options sizes = options_.t5;
    sizes.recency &= options_.encoder == "causal";
    network_.t5 = T5(*parameters_, sizes, "");
    network_.head.clear();
    for (int64_t l = 0; l < ids_->levels(); ++l) {
      network_.head.push_back(
          parameters_->normal("head." + std::to_string(l), {ids_->level_sizes[l], options_.t5.model_dim}, scale));
    }
    ContentHash hash;
    hash.add({reinterpret_cast<const char*>(ids_->codes.data()), ids_->codes.size() * sizeof(int32_t)});
    ids_hash_ = hash.hex();
    device_trie_.emplace(*trie_, device_);
    code_table_ = at::empty({ids_->num_items(), ids_->levels()}, at::kLong);
    for (int64_t i = 0; i < code_table_.numel(); ++i)
      code_table_.data_ptr<int64_t>()[i] = ids_->codes[static_cast<size_t>(i)];
    token_table_ = code_table_ + at::tensor(tokens_->level_begin, at::kLong);
  }

  /// What answers: on a CPU the engine, elsewhere tensors.
  struct Answering {
    std::optional<Engine> engine;
    Network network;
  };
  Answering answering(const Network& network) const {
    const bool bf16 = use_bf16(options_.train.precision, device_);
    Answering out;
    if (device_.is_cpu()) {
      const EngineEncoder encoder{network.t5, network.embedding, 1 + options_.max_history * ids_->levels(),
                                  options_.encoder == "causal" ? ids_->levels() : 0};
      const EngineDecoder decoder{network.t5, network.embedding, network.head, tokens_->level_begin, tokens_->bos};
      out.engine.emplace(encoder, std::vector{decoder}, bf16);
    } else {
      out.network = network.cast(bf16 ? at::kBFloat16 : at::kFloat);
    }
    return out;
  }
  void ready() { inference_ = answering(network_); }

  /// The paper's examples: each prefix on its own.
  static std::vector<Chunk> prefixes(const Split& split, int64_t max_history, int64_t min_history) {
    std::vector<Chunk> out;
    const Windows windows = make_windows(split, max_history, std::max<int64_t>(1, min_history));
    for (int64_t e = 0; e < windows.size(); ++e)
      out.push_back({windows.user[e], windows.begin[e], windows.target[e] + 1, windows.target[e]});
    return out;
  }

  // ---- one batch

  /// [B, S] int64 token ids of histories, right-padded with the start token.
  Tensor source_tokens(std::span<const std::span<const ItemId>> histories, std::span<const UserId> users,
                       int64_t longest) const {
    const int64_t levels = ids_->levels(), width = 1 + longest * levels;
    Tensor source = at::full({static_cast<int64_t>(histories.size()), width}, tokens_->start, at::kLong);
    const int64_t* table = token_table_.data_ptr<int64_t>();
    for (size_t b = 0; b < histories.size(); ++b) {
      int64_t* row = source.data_ptr<int64_t>() + static_cast<int64_t>(b) * width;
      *row++ = tokens_->start_of(users[b]);
      for (const ItemId item : histories[b]) row = std::copy_n(table + index(item) * levels, levels, row);
    }
    return source.to(device_);
  }

  Tensor encode(const Network& network, const Tensor& source, const Tensor& key_mask, bool training) const {
    const Tensor x = at::embedding(network.embedding, source);  // [B, S, d]
    return network.t5.encode(x, options_.encoder == "causal" ? causal_mask(source.size(1)) : key_mask, training);
  }

  /// [1, S, S]: a token sees the start token and the items up to its own.
  Tensor causal_mask(int64_t width) const {
    const Tensor item = (at::arange(width, at::kLong) - 1 + ids_->levels()).div(ids_->levels(), "floor");  // start: 0
    return (item.unsqueeze(1) < item.unsqueeze(0)).to(at::kFloat).mul(kMasked).unsqueeze(0).to(device_);
  }

  /// [B, 1, S]: hides the padding behind each history.
  Tensor length_mask(std::span<const int64_t> lengths, int64_t longest) const {
    const int64_t levels = ids_->levels(), width = 1 + longest * levels;
    Tensor mask = at::zeros({static_cast<int64_t>(lengths.size()), 1, width}, at::kFloat);
    for (size_t b = 0; b < lengths.size(); ++b)
      mask[static_cast<int64_t>(b)].narrow(1, 1 + lengths[b] * levels, (longest - lengths[b]) * levels).fill_(kMasked);
    return mask.to(device_);
  }

  // ---- TrainTask

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  double rate(const std::string& name) const override { return name == "embedding" ? options_.t5.table_rate : 1.0; }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return static_cast<int64_t>(chunks_.size()); }
  int64_t length(int64_t example) const override { return chunks_[example].size(); }
  int64_t answers(int64_t example) const override { return chunks_[example].answers(); }

  Tensor loss(std::span<const int64_t> examples) override {
    // Items [begin, end - 1) are read; of a causal chunk every later item is an answer, of a prefix only the last.
    const bool causal = options_.encoder == "causal";
    const int64_t levels = ids_->levels(), skip = causal ? options_.min_history : 0;
    std::vector<std::span<const ItemId>> histories;
    std::vector<UserId> users;
    std::vector<int64_t> lengths, rows, answers;
    int64_t longest = 0;
    for (const int64_t e : examples) {
      const Chunk& chunk = chunks_[e];
      histories.push_back(std::span(split_->all.items).subspan(chunk.begin, chunk.size() - 1));
      users.push_back(chunk.user);
      lengths.push_back(chunk.size() - 1);
      longest = std::max(longest, chunk.size() - 1);
    }
    const int64_t sequences = causal ? longest + 1 - skip : 1;
    for (size_t b = 0; b < examples.size(); ++b) {
      const Chunk& chunk = chunks_[examples[b]];
      for (int64_t t = chunk.first_target; t < chunk.end; ++t) {
        rows.push_back(static_cast<int64_t>(b) * sequences + (causal ? t - chunk.begin - skip : 0));
        answers.push_back(index(split_->all.items[t]));
      }
    }
    const Tensor key_mask = length_mask(lengths, longest);
    const Tensor memory = encode(network_, source_tokens(histories, users, longest), key_mask, training_);
    const Tensor cross_mask = causal ? prefix_mask(longest, skip) : key_mask;
    return code_loss(memory, cross_mask, at::tensor(rows), at::tensor(answers), sequences, levels);
  }

  /// [1, P, S]: sequence p sees the start token and the first p + skip items.
  Tensor prefix_mask(int64_t longest, int64_t skip) const {
    const int64_t levels = ids_->levels(), width = 1 + longest * levels;
    const Tensor item = (at::arange(width, at::kLong) - 1 + levels).div(levels, "floor");
    const Tensor seen = at::arange(skip, longest + 1, at::kLong);
    return (seen.unsqueeze(1) < item.unsqueeze(0)).to(at::kFloat).mul(kMasked).unsqueeze(0).to(device_);
  }

  /// @param rows  [N] of the B * P sequences that have an answer; @param answers  [N] item positions
  Tensor code_loss(const Tensor& memory, const Tensor& cross_mask, const Tensor& rows, const Tensor& answers,
                   int64_t sequences, int64_t levels) const {
    const int64_t batch = memory.size(0);
    Tensor input = at::full({batch * sequences, levels}, tokens_->bos, at::kLong);
    const Tensor tokens = token_table_.index_select(0, answers);  // [N, L]
    if (levels > 1) input.narrow(1, 1, levels - 1).index_copy_(0, rows, tokens.narrow(1, 0, levels - 1));
    const Tensor y = at::embedding(network_.embedding, input.to(device_)).view({batch, sequences, levels, -1});
    const Tensor h = network_.t5.decode(y, memory, cross_mask, training_)
                         .view({batch * sequences, levels, -1})
                         .index_select(0, rows.to(device_));                 // [N, L, d]
    const Tensor labels = code_table_.index_select(0, answers).to(device_);  // [N, L]
    Tensor total = at::zeros({}, at::TensorOptions(at::kFloat).device(device_));
    for (int64_t l = 0; l < levels; ++l) {
      const Tensor logits = at::linear(h.select(1, l), network_.head[l]).to(at::kFloat);
      total = total + at::cross_entropy_loss(logits, labels.select(1, l), {}, at::Reduction::Mean, -100,
                                             options_.label_smoothing);
    }
    return total / levels;
  }

  std::vector<std::pair<std::string, double>> validate() override {
    const Answering now = answering(network_);
    return validation_->score(
        [&](std::span<const Request> requests) { return answer(requests, now, options_.validate_beam); });
  }

  // ---- answers

  std::vector<Results> answer(std::span<const Request> requests, const Answering& now, int64_t beam) const {
    if (now.engine) return answer_by_engine(requests, *now.engine, beam, *ids_, *trie_);
    std::vector<Results> results(requests.size());
    for_each_batch(requests, options_.decode_batch, false,
                   [&](std::span<const size_t> places) { answer_batch(requests, places, now.network, beam, results); });
    return results;
  }

  std::vector<Results> answer_by_engine(std::span<const Request> requests, const Engine& engine, int64_t beam,
                                        const SemanticIds& ids, const Trie& trie) const {
    std::vector<std::vector<int32_t>> sources;
    std::vector<EngineRequest> questions;
    sources.reserve(requests.size());
    for (const Request& request : requests) {
      sources.push_back(source_of(request, ids));
      questions.push_back(
          {sources.back(), {std::min(request.k, trie.num_items()), request.filter, request.exclude, request.beam}});
    }
    std::vector<BeamAnswer> answers = engine.answer(questions, trie, {beam, options_.renormalise});
    std::vector<Results> results;
    results.reserve(answers.size());
    for (BeamAnswer& answer : answers) results.push_back({std::move(answer.items), std::move(answer.scores)});
    return results;
  }

  /// The encoder's tokens for one request.
  std::vector<int32_t> source_of(const Request& request, const SemanticIds& ids) const {
    const auto history =
        request.history.last(std::min(request.history.size(), static_cast<size_t>(options_.max_history)));
    std::vector<int32_t> source = {static_cast<int32_t>(tokens_->start_of(request.user))};
    for (const ItemId item : history) {
      size_t level = 0;
      for (const int32_t code : ids.of(item))
        source.push_back(static_cast<int32_t>(tokens_->level_begin[level++]) + code);
    }
    return source;
  }

  void answer_batch(std::span<const Request> requests, std::span<const size_t> places, const Network& network,
                    int64_t beam, std::vector<Results>& results) const {
    const c10::InferenceMode inference;
    std::vector<std::span<const ItemId>> histories;
    std::vector<UserId> users;
    std::vector<int64_t> lengths;
    std::vector<BeamQuery> queries;
    for (const size_t i : places) {
      const auto all = requests[i].history;
      histories.push_back(all.last(std::min(all.size(), static_cast<size_t>(options_.max_history))));
      lengths.push_back(static_cast<int64_t>(histories.back().size()));
      users.push_back(requests[i].user);
      queries.push_back(
          {std::min(requests[i].k, trie_->num_items()), requests[i].filter, requests[i].exclude, requests[i].beam});
    }
    const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    const Tensor mask = length_mask(lengths, longest);
    const Tensor memory = encode(network, source_tokens(histories, users, longest), mask, false);
    Steps steps(network, *tokens_, memory, mask, ids_->levels());
    std::vector<BeamAnswer> answers = beam_search(steps, *device_trie_, queries, {beam, options_.renormalise});
    for (size_t i = 0; i < places.size(); ++i)
      results[places[i]] = {std::move(answers[i].items), std::move(answers[i].scores)};
  }

  Options options_;
  c10::Device device_;
  uint64_t seed_ = 0;
  bool training_ = false;
  const SemanticIds* ids_ = nullptr;
  const Trie* trie_ = nullptr;
  const Split* split_ = nullptr;  ///< while training
  std::string ids_hash_;
  std::optional<TokenMap> tokens_;
  std::optional<Parameters> parameters_;
  std::optional<DeviceTrie> device_trie_;
  Tensor code_table_, token_table_;  ///< [num_items, L] int64
  Network network_;
  Answering inference_;
  std::vector<Chunk> chunks_;
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Tiger>(
      "tiger", "T5-style generator of semantic IDs with constrained beam search",
      "Rajput et al., Recommender Systems with Generative Retrieval, NeurIPS 2023, arXiv:2305.05065", "ids",
      {"beam", "renormalise", "decode_batch"});
}

}  // namespace tessera::methods::tiger
