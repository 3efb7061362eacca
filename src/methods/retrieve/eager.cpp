// EAGER: two-stream generative recommender with behavior-semantic collaboration. Wang et al., KDD 2024,
// arXiv:2406.14017.
//
// Every item has two codes: its paths in balanced trees over behaviour vectors and over semantic vectors. One encoder
// reads the last items; two decoders write the two codes of the next one, each code among the children that its prefix
// has. A summary token behind the codes gives back the source vector (global contrast), and the semantic summary helps
// a small transformer to fill in and to judge behaviour codes (guided transfer):
//   L = L_gen + lambda1 L_con + lambda2 (L_recon + L_recog)
//   L_gen   = sum over streams of the codes' mean cross-entropy
//   L_recog = -log s(true) - log(1 - s(half replaced)), the well-posed sign (handbook 3.2)
// Answers: beam search in both streams, then one list of the union (`fusion`).
// Half of what the transfer asks for needs no guide: a code behind the first level is a token of its prefix, so the
// token that is left tells a hidden or replaced one before it (`transfer_hides = "rest"` leaves none).
// Ours by default: T5 blocks; AdamW; ppmi-svd behind the behaviour codes; both streams score an item (fusion "sum");
// causal encoder as in tiger, so that one pass over a history trains all its prefixes; vectors have
// mean square 1 for smooth-l1 and length 1 for infonce; one table of items for both streams (the released code has
// two), which `read` may add the tokens of an item's codes to; a high learning rate of the tables (the released code
// starts them at N(0, 0.02^2), which is a rate of 50 here); no padding by copies of items. Both contrasts and both
// orders of guidance are switches, as are controls with a random second stream or two semantic ones. Paper, Beauty:
// R@10 .0836, N@10 .0525; re-run by others: R@10 .0600 (handbook 3.5: the release is not chronological and selects on
// test). Ours: docs/results.md.
#include <torch/torch.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "data/chunks.h"
#include "methods/catalog.h"
#include "methods/eager_codes.h"
#include "methods/eager_losses.h"
#include "methods/eager_search.h"
#include "methods/linear_algebra.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "train/trainer.h"

namespace tessera::methods::eager {

using at::Tensor;
using nlohmann::json;

namespace {

constexpr int64_t kLongestVector = 65536;  ///< of those that codes are made from

struct Options {
  std::string variant = "paper";
  std::string streams = "both";
  std::string fusion = "sum";
  T5Options t5{.model_dim = 128, .heads = 4, .head_dim = 32, .ff_dim = 512, .encoder_layers = 1, .decoder_layers = 2};
  std::string encoder = "causal";
  std::string read = "items";
  int64_t max_history = 20;
  int64_t min_history = 1;
  EagerContrastOptions contrast;
  EagerTransferOptions transfer;
  int64_t beam = 50;
  int64_t validate_beam = 20;
  int64_t decode_batch = 32;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    t5.table_rate = 100;
    train.batch_size = 32;
    train.warmup_steps = 500;
    train.weight_decay = 0.01;
  }
  template <class F>
  void fields(F& f) {
    f("variant", variant,
      "paper: its sizes and losses, with our encoder, optimizer and fusion; released: defaults of the released code, "
      "whose two auxiliary tasks are off. What a recipe names stays as it says",
      one_of({"paper", "released"}));
    f("streams", streams, "codes that are written; all but both are controls",
      one_of(
          {"both", "behaviour", "semantic", "behaviour-random", "semantic-random", "two-behaviour", "two-semantic"}));
    f("fusion", fusion,
      "one list of two: own is the paper's, sum the released code's, calibrated sum / temperature; max ranks as own, "
      "an item that the better stream did not find stands behind all that it found",
      one_of({"own", "sum", "max", "calibrated"}));
    t5.fields(f);
    f("encoder", encoder, "causal: one pass trains all prefixes; bidirectional: the paper's",
      one_of({"causal", "bidirectional"}));
    f("read", read,
      "what the encoder reads of an item: a vector of its own, or this and the tokens of its codes (ours)",
      one_of({"items", "items-and-codes"}));
    f("max_history", max_history, "items of history that are read", range(2, 1024));
    f("min_history", min_history,
      "shortest history that is trained on; 0 also learns the first item (causal), or is 1 (bidirectional)",
      range(0, 64));
    contrast.fields(f);
    transfer.fields(f);
    f("beam", beam, "beams of each stream", range(1, 4096));
    f("validate_beam", validate_beam, "beams of a validation", range(1, 4096));
    f("decode_batch", decode_batch, "requests decoded together where there is no engine", range(1, 4096));
    validation.fields(f);
    train.fields(f);
  }
};

class Eager : public Retriever, private TrainTask {
 public:
  Eager(Options options, EagerParts parts)
      : options_(std::move(options)), parts_(std::move(parts)), device_(choose_device(options_.train.device)) {
    const int64_t d = options_.t5.model_dim, heads = options_.t5.heads;
    TESSERA_CHECK(!transfers() || d % heads == 0, config,
                  "[eager] model_dim is {}, wanted a multiple of heads = {} (or reconstruct = recognise = false)", d,
                  heads);
  }

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    fit_codes(inputs, context);
    prepare(inputs, context.seed);
    split_ = &inputs.split;
    chunks_ = options_.encoder == "causal" ? make_chunks(*split_, options_.max_history, options_.min_history)
                                           : prefixes(*split_);
    TESSERA_CHECK(!chunks_.empty(), data, "eager: no user has {} training items", options_.min_history + 1);
    validation_.emplace(*split_, options_.validation, context.seed);
    searching();  // what could not answer is told before hours of training
    summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train eager", context.folder);
    ready();
    calibrate();
    validation_.reset();
    vectors_.clear();
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return answer(requests, inference_, options_.beam, options_.fusion);
  }
  int64_t batch_size() const override { return options_.decode_batch * 64; }

  void save(const std::filesystem::path& folder) const override {
    std::map<std::string, std::string> metadata = {{"method", "eager"}};
    for (size_t s = 0; s < streams_.size(); ++s) {
      save_semantic_ids(streams_[s].ids(), codes_file(folder, streams_[s].name()));
      metadata["codes." + streams_[s].name()] = hash_of(streams_[s].ids());
      metadata["temperature." + streams_[s].name()] = fmt::format("{:.9g}", temperatures_[s]);
    }
    parameters_->save(folder / "model.safetensors", metadata);
  }

  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    streams_.clear();
    for (const std::string& name : eager_stream_names(options_.streams))
      streams_.emplace_back(name, load_semantic_ids(codes_file(folder, name)), device_);
    prepare(inputs, 0);
    const auto metadata = parameters_->load(folder / "model.safetensors");
    for (size_t s = 0; s < streams_.size(); ++s) {
      const auto found = metadata.find("codes." + streams_[s].name());
      TESSERA_CHECK(found != metadata.end() && found->second == hash_of(streams_[s].ids()), corrupt,
                    "{}: the codes beside it are not those it was trained with; train it again",
                    (folder / "model.safetensors").string());
      const auto temperature = metadata.find("temperature." + streams_[s].name());
      temperatures_[s] = temperature == metadata.end() ? 0.0 : std::strtod(temperature->second.c_str(), nullptr);
      TESSERA_CHECK(temperatures_[s] > 0 && std::isfinite(temperatures_[s]), corrupt,
                    "{}: it has no positive temperature of stream {}; train it again",
                    (folder / "model.safetensors").string(), streams_[s].name());
    }
    ready();
  }

  std::map<std::string, double> facts() const override {
    auto facts = train_facts(summary_, parameters_);
    for (size_t s = 0; s < streams_.size(); ++s) facts["temperature_" + streams_[s].name()] = temperatures_[s];
    return facts;
  }

 private:
  // ---- set-up

  static std::filesystem::path codes_file(const std::filesystem::path& folder, const std::string& name) {
    return folder / ("codes." + name + ".safetensors");
  }
  static std::string hash_of(const SemanticIds& ids) {
    ContentHash hash;
    hash.add({reinterpret_cast<const char*>(ids.codes.data()), ids.codes.size() * sizeof(int32_t)});
    return hash.hex();
  }
  bool contrasts() const { return options_.contrast.contrast != "none" && options_.contrast.weight > 0; }
  bool transfers() const {
    return options_.transfer.any() && options_.transfer.weight > 0 && eager_stream_names(options_.streams).size() == 2;
  }
  /// Places of the stream whose codes are guided and of its guide.
  std::pair<size_t, size_t> guidance() const {
    const bool usual = options_.transfer.direction == "semantic-to-behaviour";
    return usual ? std::pair<size_t, size_t>{0, 1} : std::pair<size_t, size_t>{1, 0};
  }

  /// Vectors and codes of every stream.
  void fit_codes(const RetrieveInputs& inputs, const MethodContext& context) {
    streams_.clear();
    vectors_.clear();
    for (EagerCodes& codes : fit_eager_codes(options_.streams, parts_, inputs, context)) {
      vectors_.push_back(contrasts() ? scaled(std::move(codes.vectors)) : Tensor());
      streams_.emplace_back(codes.name, std::move(codes.ids), device_);
    }
  }

  /// [N, d_x]: rows of length 1, times sqrt(d_x) for smooth-l1, whose mean over elements is else next to nothing.
  Tensor scaled(Matrix vectors) const {
    normalise_rows(vectors);
    const double scale = options_.contrast.contrast == "smooth-l1" ? std::sqrt(static_cast<double>(vectors.cols)) : 1.0;
    return at::from_blob(vectors.values.data(), {vectors.rows, vectors.cols}, at::kFloat).mul(scale).to(device_);
  }

  void prepare(const RetrieveInputs& inputs, uint64_t seed) {
    const int64_t num_items = inputs.data.items.size();
    trie_ = inputs.trie;
    temperatures_.assign(streams_.size(), 1.0);
    parameters_.emplace(seed, device_);
    T5Options sizes = options_.t5;
    sizes.decoder_layers = 0;
    T5Options decoder = options_.t5;
    decoder.recency &= options_.encoder == "causal";
    const double scale = 1.0 / std::sqrt(static_cast<double>(options_.t5.model_dim));
    encoder_.items = parameters_->normal("items", {num_items + 1, sizes.model_dim}, 1.0);
    encoder_.t5 = T5(*parameters_, sizes, "");
    encoder_.causal = options_.encoder == "causal";
    encoder_.codes.clear();
    projections_.clear();
    for (EagerStream& stream : streams_) {
      TESSERA_CHECK(stream.ids().num_items() == num_items, corrupt, "eager: codes of {} items, the dataset has {}",
                    stream.ids().num_items(), num_items);
      stream.make_weights(*parameters_, decoder);
      if (options_.read == "items-and-codes") encoder_.add_codes(stream);
      if (!contrasts()) continue;
      const auto dim = stream.ids().metadata.find("dim");
      const int64_t wanted = dim == stream.ids().metadata.end() ? 0 : std::strtoll(dim->second.c_str(), nullptr, 10);
      TESSERA_CHECK(wanted > 0 && wanted <= kLongestVector, corrupt,
                    "eager: the codes of stream {} do not say how long their vectors were, 1 to {}", stream.name(),
                    kLongestVector);
      projections_.push_back(parameters_->normal(stream.name() + ".project", {wanted, options_.t5.model_dim}, scale));
    }
    if (transfers())
      transfer_ = EagerTransfer(*parameters_, options_.t5, streams_[guidance().first], options_.transfer);
  }

  EagerSearch searching() const {
    return EagerSearch(
        streams_, encoder_,
        {options_.max_history, options_.decode_batch, device_.is_cpu(), use_bf16(options_.train.precision, device_)});
  }
  void ready() { inference_ = searching(); }

  /// The paper's examples: each prefix on its own.
  std::vector<Chunk> prefixes(const Split& split) const {
    std::vector<Chunk> out;
    const Windows windows = make_windows(split, options_.max_history, std::max<int64_t>(1, options_.min_history));
    for (int64_t e = 0; e < windows.size(); ++e)
      out.push_back({windows.user[e], windows.begin[e], windows.target[e] + 1, windows.target[e]});
    return out;
  }

  // ---- TrainTask

  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  double rate(const std::string& name) const override {
    return name == "items" || name.ends_with(".tokens") ? options_.t5.table_rate : 1.0;
  }
  std::string fingerprint() const override {
    std::string hashes;
    for (const EagerStream& stream : streams_) hashes += hash_of(stream.ids());
    return hashes;
  }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return static_cast<int64_t>(chunks_.size()); }
  int64_t length(int64_t example) const override { return chunks_[example].size(); }
  int64_t answers(int64_t example) const override { return chunks_[example].answers(); }

  Tensor loss(std::span<const int64_t> examples) override {
    // Items [begin, end - 1) are read; of a causal chunk every later item is an answer, of a prefix only the last.
    const bool causal = options_.encoder == "causal";
    const int64_t skip = causal ? options_.min_history : 0;
    std::vector<std::span<const ItemId>> histories;
    std::vector<int64_t> rows, answers;
    int64_t longest = 0;
    for (const int64_t e : examples) {
      const Chunk& chunk = chunks_[e];
      histories.push_back(std::span(split_->all.items).subspan(chunk.begin, chunk.size() - 1));
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
    const Tensor memory = encoder_.encode(histories, longest, training_);
    const Tensor cross_mask = causal ? encoder_.prefix_mask(longest, skip) : encoder_.length_mask(histories, longest);
    return stream_losses(memory, cross_mask, at::tensor(rows).to(device_), at::tensor(answers).to(device_), sequences);
  }

  Tensor stream_losses(const Tensor& memory, const Tensor& cross_mask, const Tensor& rows, const Tensor& items,
                       int64_t sequences) const {
    const bool summaries = contrasts() || transfers();
    Tensor total = at::zeros({}, at::TensorOptions(at::kFloat).device(device_));
    std::vector<Tensor> summary;
    for (size_t s = 0; s < streams_.size(); ++s) {
      const auto decoded = streams_[s].decode(memory, cross_mask, rows, items, sequences, summaries, training_);
      summary.push_back(decoded.summary);
      total = total + decoded.loss;
      if (!contrasts()) continue;
      const Tensor guess = at::linear(decoded.summary, projections_[s]).to(at::kFloat);
      const bool semantic = streams_[s].name().starts_with("semantic");
      total = total + eager_contrast(guess, items, vectors_[s], options_.contrast) *
                          (options_.contrast.weight * (semantic ? options_.contrast.semantic_weight : 1.0));
    }
    if (transfers())
      total = total + transfer_.loss(items, summary[guidance().second], training_) * options_.transfer.weight;
    return total;
  }

  std::vector<std::pair<std::string, double>> validate() override {
    const EagerSearch now = searching();
    // By one rule, so that weights do not depend on how lists will be fused, which is chosen when they are answered.
    return validation_->score(
        [&](std::span<const Request> requests) { return answer(requests, now, options_.validate_beam, "sum"); });
  }

  /// Fits the streams' temperatures on the validation cases.
  void calibrate() {
    if (streams_.size() < 2) return;
    const auto requests = validation_->requests();
    std::vector<EagerCandidates> found = inference_.candidates(requests, trie_, options_.validate_beam, true);
    std::vector<EagerAnswered> cases;
    for (size_t i = 0; i < found.size(); ++i) {
      const auto& items = found[i].items;
      const auto place = std::lower_bound(items.begin(), items.end(), validation_->targets()[i]);
      if (place == items.end() || *place != validation_->targets()[i]) continue;
      const auto target = static_cast<size_t>(place - items.begin());
      cases.push_back({std::move(found[i]), target});
    }
    temperatures_ = fit_temperatures(cases, streams_.size());
  }

  // ---- answers

  std::vector<Results> answer(std::span<const Request> requests, const EagerSearch& search, int64_t beam,
                              std::string fusion) const {
    if (streams_.size() == 1) fusion = "own";
    const auto found = search.candidates(requests, trie_, beam, eager_needs_all(fusion));
    std::vector<Results> results;
    results.reserve(requests.size());
    for (size_t i = 0; i < requests.size(); ++i)
      results.push_back(eager_fuse(found[i], requests[i].k, fusion, temperatures_));
    return results;
  }

  Options options_;
  EagerParts parts_;
  c10::Device device_;
  bool training_ = false;
  const Trie* trie_ = nullptr;    ///< the recipe's, to read request filters
  const Split* split_ = nullptr;  ///< while training
  std::optional<Parameters> parameters_;
  EagerEncoder encoder_;
  std::vector<EagerStream> streams_;
  std::vector<Tensor> vectors_;      ///< by stream, while training: [N, d_x]
  std::vector<Tensor> projections_;  ///< by stream: [d_x, d]
  EagerTransfer transfer_;
  std::vector<double> temperatures_;
  EagerSearch inference_;
  std::vector<Chunk> chunks_;
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

Options defaults_of(const std::string& variant) {
  Options options;
  options.variant = variant;
  if (variant != "released") return options;
  options.t5.model_dim = 96;
  options.t5.heads = 4;
  options.t5.head_dim = 24;
  options.t5.ff_dim = 1024;
  options.encoder = "bidirectional";
  options.contrast.contrast = "none";  // its switches of contrast (infonce) and guidance are off
  options.contrast.semantic_weight = 10;
  options.transfer.reconstruct = options.transfer.recognise = false;
  options.beam = 100;
  options.train.batch_size = 256;
  options.train.optimizer = "adam";
  options.train.weight_decay = 1e-7;
  options.train.schedule = "inverse-sqrt";
  options.train.warmup_steps = 2000;
  options.train.max_steps = 60000;
  return options;
}

/// Parts whose name a recipe leaves out.
json default_parts(const std::string& variant) {
  return {{"behaviour", {{"name", "ppmi-svd"}}},
          {"semantic", {{"name", "text-svd"}}},
          {"codes", {{"name", "balanced-kmeans"}, {"branching", variant == "released" ? 128 : 256}}}};
}

json all_defaults(const std::string& variant) {
  Options options = defaults_of(variant);
  json table = list_options(options).dump();
  table.update(default_parts(variant));
  return table;
}

std::unique_ptr<Retriever> make(const json& table) {
  TESSERA_CHECK(table.is_object(), config, "[eager] options must be a table");
  const std::string variant = table.contains("variant") && table.at("variant").is_string()
                                  ? table.at("variant").get<std::string>()
                                  : std::string("paper");
  json own = json::object(), parts = default_parts(variant);
  for (const auto& [key, value] : table.items()) {
    if (!parts.contains(key)) {
      own[key] = value;
      continue;
    }
    TESSERA_CHECK(value.is_object(), config, "[eager] {} is a value, wanted a table such as {} = {{ name = {} }}", key,
                  key, parts.at(key).at("name").dump());
    if (value.contains("name")) parts[key] = value;
    if (!value.contains("name")) parts[key].update(value);
  }
  Options options = defaults_of(variant);
  assign(options, own, "[eager]");
  // Made here to find a wrong part before hours of work.
  for (const char* name : {"behaviour", "semantic"}) make_embedder(parts.at(name));
  make_tokenizer(parts.at("codes"));
  return std::make_unique<Eager>(std::move(options),
                                 EagerParts{parts.at("behaviour"), parts.at("semantic"), parts.at("codes")});
}

}  // namespace

MethodInfo info() {
  MethodInfo info;
  info.name = "eager";
  info.summary = "two-stream generator: behaviour and semantic codes from one encoder and two decoders";
  info.paper =
      "Wang et al., EAGER: Two-Stream Generative Recommender with Behavior-Semantic Collaboration, KDD 2024, "
      "arXiv:2406.14017";
  info.answer_options = {"beam", "fusion", "decode_batch"};
  info.parts = {{"behaviour", "embed"}, {"semantic", "embed"}, {"codes", "tokenize"}};
  info.defaults = [] { return all_defaults("paper"); };
  info.defaults_for = [](const json& table) {
    return all_defaults(table.contains("variant") && table.at("variant") == "released" ? "released" : "paper");
  };
  info.help = [] {
    Options options;
    return list_options(options).help() +
           "  behaviour, semantic  tables of an embed method each: the vectors behind the two codes\n"
           "  codes                table of a tokenize method: makes both codes\n";
  };
  info.make_retriever = make;
  return info;
}

}  // namespace tessera::methods::eager
