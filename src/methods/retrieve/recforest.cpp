// RecForest: several trees over the items, each walked down by one transformer.
// Feng, Li, Lian, Liu and Chen, Recommender forest for efficient retrieval, NeurIPS 2022.
//
// Each tree splits the items again and again into `branches` equal groups of near vectors, so that an item is a path of
// log_branches(N) branches. The encoder reads the history; the decoder writes the path of the next item, trained by
// cross-entropy at each step; a beam search down each tree finds candidates. An item near the border of a group in one
// tree is inside one in another: that is what several trees are for. Branch vectors are shared by the levels of a tree
// (`share`), which keeps the index small.
//
// Ours: trees come from equal 2-means splits with one seed a tree, `branches` being a power of two; one encoder and
// decoder (T5's, with a vector for each level) serve all trees, a tree has its own start, branch vectors and output
// layer; one causal pass trains all prefixes of a history; an item's score is ln of the sum of its probabilities over
// the trees that found it. The paper's numbers (its own splits and negatives) are on other data; ours: docs/results.md.
#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "base/array_file.h"
#include "base/error.h"
#include "data/chunks.h"
#include "decode/beam_search.h"
#include "methods/catalog.h"
#include "methods/item_tree.h"
#include "methods/request_batches.h"
#include "methods/top_k.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "nn/softmax.h"
#include "nn/t5.h"
#include "nn/table_rows.h"

namespace tessera::methods::recforest {

using at::Tensor;

namespace {

struct Options {
  int64_t trees = 3;
  int64_t branches = 128;
  bool share = true;
  T5Options t5;
  int64_t max_history = 20;
  int64_t beam = 50;
  int64_t validate_beam = 20;
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    t5.model_dim = 96;
    t5.heads = 4;
    t5.head_dim = 24;
    t5.ff_dim = 384;
    t5.encoder_layers = 1;
    t5.decoder_layers = 2;
    t5.dropout = 0.2;
    t5.table_rate = 100;
    validation.users = 2000;
    train.batch_size = 64;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
    train.max_epochs = 30;
    train.validate_every_epochs = 2;
    train.patience = 3;
  }
  template <class F>
  void fields(F& f) {
    f("trees", trees, "trees over the items", range(1, 64));
    f("branches", branches, "children of a node, a power of two", range(2, 4096));
    f("share", share, "the levels of a tree share branch vectors and output layer");
    t5.fields(f);
    f("max_history", max_history, "items of history that are read", range(2, 1024));
    f("beam", beam, "beams of an answer in each tree", range(1, 4096));
    f("validate_beam", validate_beam, "beams of a validation", range(1, 4096));
    validation.fields(f);
    train.fields(f);
  }
};

/// One tree: the path of every item, and what a search needs.
struct Tree {
  SemanticIds paths;
  Trie trie;
  std::optional<DeviceTrie> on_device;
  Tensor codes;  ///< [N, L] int64

  /// @param leaves  in the order of an ItemTree. Level l of `bits` bits is level l x bits of the binary tree
  Tree(const ItemTree& leaves, int64_t bits, c10::Device device) {
    const int64_t levels = (leaves.depth() + bits - 1) / bits, n = leaves.num_items();
    paths.level_sizes.assign(static_cast<size_t>(levels), static_cast<int32_t>(int64_t{1} << bits));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t l = 1; l <= levels; ++l) {
        const int64_t node = leaves.node_of(ItemId{static_cast<int32_t>(i)}, l * bits);
        paths.codes.push_back(static_cast<int32_t>(node & ((int64_t{1} << bits) - 1)));
      }
    }
    trie = Trie(paths);
    on_device.emplace(trie, device);
    codes = at::empty({n, levels}, at::kLong);
    std::copy(paths.codes.begin(), paths.codes.end(), codes.data_ptr<int64_t>());
  }
};

/// The trainable tensors.
struct Network {
  T5 t5;
  Tensor item;                       ///< [N + 1, d]; the last row starts every history
  Tensor level;                      ///< [L, d], added to the tokens of the decoder
  std::vector<Tensor> in, out;       ///< by tree: [1 + S K, d], its start first, and [S K, d]; S = 1 if shared, else L
  int64_t branches = 0, stride = 0;  ///< codes of level l begin at row l x stride of `out`, one later of `in`

  Tensor logits(size_t tree, int64_t l, const Tensor& h) const {
    return at::linear(h, out[tree].narrow(0, l * stride, branches)).to(at::kFloat);
  }
};

/// One encoded batch walked down one tree.
class Steps : public StepModel {
 public:
  Steps(const Network& network, size_t tree, const Tensor& memory, const Tensor& mask)
      : network_(network),
        tree_(tree),
        beams_(network.t5, memory, mask, network.level.size(0)),
        batch_(memory.size(0)) {}

  int64_t batch() const override { return batch_; }
  c10::Device device() const override { return network_.item.device(); }
  Tensor step(int64_t l, const Tensor& tokens, const Tensor& parents) override {
    const Tensor rows = l == 0 ? at::zeros({batch_, 1}, at::TensorOptions(at::kLong).device(device()))
                               : tokens + 1 + (l - 1) * network_.stride;
    const Tensor x = at::embedding(network_.in[tree_], rows) + network_.level.select(0, l);
    return network_.logits(tree_, l, beams_.step(x, parents));
  }

 private:
  const Network& network_;
  size_t tree_;
  T5Beams beams_;
  int64_t batch_;
};

class RecForest : public Retriever, private TrainTask {
 public:
  explicit RecForest(Options options) : options_(std::move(options)), device_(choose_device(options_.train.device)) {
    TESSERA_CHECK(std::has_single_bit(static_cast<uint64_t>(options_.branches)), config,
                  "[recforest] branches = {}: wanted a power of two", options_.branches);
  }

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    TESSERA_CHECK(inputs.vectors != nullptr, config, "recforest needs item vectors: add an [embed] stage");
    std::vector<ItemTree> trees;
    for (int64_t t = 0; t < options_.trees; ++t)
      trees.emplace_back(two_means_order(*inputs.vectors, context.seed + static_cast<uint64_t>(t)));
    prepare(std::move(trees), inputs, context.seed);
    split_ = &inputs.split;
    chunks_ = make_chunks(*split_, options_.max_history);
    TESSERA_CHECK(!chunks_.empty(), data, "recforest: no user has two training items");
    validation_.emplace(*split_, options_.validation, context.seed);
    summary_ = train_model(*this, options_.train, context.seed, context.reporter, "train recforest", context.folder);
    validation_.reset();
    split_ = nullptr;
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return answer(requests, options_.beam);
  }
  int64_t batch_size() const override { return 2048; }

  void save(const std::filesystem::path& folder) const override {
    parameters_->save(folder / "model.safetensors", {{"method", "recforest"}});
    std::vector<int32_t> leaves;
    for (const ItemTree& tree : orders_) {
      for (const ItemId item : tree.leaves()) leaves.push_back(index(item));
    }
    write_npy(folder / "trees.npy", view_of(std::span<const int32_t>(leaves), {options_.trees, num_items_}));
  }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override;
  std::map<std::string, double> facts() const override { return train_facts(summary_, parameters_); }

 private:
  void prepare(std::vector<ItemTree> orders, const RetrieveInputs& inputs, uint64_t seed);

  // ---- one batch

  /// [B, S] rows of the item table: the start, then the history, padded behind with the start.
  Tensor rows_of(std::span<const std::span<const ItemId>> histories, int64_t longest) const {
    Tensor rows = at::full({static_cast<int64_t>(histories.size()), 1 + longest}, num_items_, at::kLong);
    int64_t* row = rows.data_ptr<int64_t>();
    for (const auto& history : histories) {
      for (size_t i = 0; i < history.size(); ++i) {
        TESSERA_CHECK(index(history[i]) >= 0 && index(history[i]) < num_items_, data,
                      "a history holds item {}, the catalogue has {}", index(history[i]), num_items_);
        row[1 + i] = index(history[i]);
      }
      row += 1 + longest;
    }
    return rows.to(device_);
  }
  /// [1, queries, keys] or, with lengths, [B, 1, keys]: query q sees the start and the first `seen[q]` items.
  Tensor mask_of(const Tensor& seen, int64_t keys) const {
    return (at::arange(keys, at::kLong) > seen.unsqueeze(-1)).to(at::kFloat).mul(kMasked).to(device_);
  }
  Tensor encode(const Tensor& rows, bool training) const {
    const Tensor mask = mask_of(at::arange(rows.size(1), at::kLong), rows.size(1)).unsqueeze(0);
    return network_.t5.encode(table_rows(network_.item, rows), mask, training);  // [B, S, d]
  }

  // ---- TrainTask
  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  double rate(const std::string& name) const override { return name == "item" ? options_.t5.table_rate : 1.0; }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return static_cast<int64_t>(chunks_.size()); }
  int64_t length(int64_t example) const override { return chunks_[static_cast<size_t>(example)].size(); }
  int64_t answers(int64_t example) const override { return chunks_[static_cast<size_t>(example)].answers(); }
  Tensor loss(std::span<const int64_t> examples) override;
  Tensor path_loss(size_t tree, const Tensor& memory, const Tensor& rows, const Tensor& answers) const;
  std::vector<std::pair<std::string, double>> validate() override {
    return validation_->score(
        [&](std::span<const Request> requests) { return answer(requests, options_.validate_beam); });
  }

  // ---- answers
  /// A filter speaks of the positions of the trie that it was made with: by filter and tree, the same for our tries.
  using Filters = std::map<const ItemFilter*, std::vector<ItemFilter>>;
  std::vector<Results> answer(std::span<const Request> requests, int64_t beam) const;
  void answer_batch(std::span<const Request> requests, std::span<const size_t> places, const Filters& filters,
                    int64_t beam, std::vector<Results>& results) const;

  Options options_;
  c10::Device device_;
  bool training_ = false;
  int64_t num_items_ = 0;
  const Trie* trie_ = nullptr;    ///< what filters are made with
  const Split* split_ = nullptr;  ///< while training
  std::vector<ItemTree> orders_;
  std::vector<Tree> trees_;
  std::optional<Parameters> parameters_;
  Network network_;
  std::vector<Chunk> chunks_;             ///< while training
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

void RecForest::prepare(std::vector<ItemTree> orders, const RetrieveInputs& inputs, uint64_t seed) {
  num_items_ = inputs.data.items.size();
  trie_ = inputs.trie;
  orders_ = std::move(orders);
  trees_.clear();
  trees_.reserve(orders_.size());  // searches hold on to a tree's trie
  const int64_t bits = std::countr_zero(static_cast<uint64_t>(options_.branches)), d = options_.t5.model_dim;
  for (const ItemTree& order : orders_) trees_.emplace_back(order, bits, device_);
  const int64_t levels = trees_.front().paths.levels(), sets = options_.share ? 1 : levels;
  parameters_.emplace(seed, device_);
  network_ = {};
  network_.branches = options_.branches;
  network_.stride = options_.share ? 0 : options_.branches;
  network_.t5 = T5(*parameters_, options_.t5, "");
  network_.item = parameters_->normal("item", {num_items_ + 1, d}, 1.0);
  network_.level = parameters_->normal("level", {levels, d}, 1.0);
  for (size_t t = 0; t < trees_.size(); ++t) {
    const std::string name = "tree." + std::to_string(t);
    network_.in.push_back(parameters_->normal(name + ".in", {1 + sets * options_.branches, d}, 1.0));
    network_.out.push_back(
        parameters_->normal(name + ".out", {sets * options_.branches, d}, 1 / std::sqrt(static_cast<double>(d))));
  }
}

void RecForest::load(const std::filesystem::path& folder, const RetrieveInputs& inputs) {
  const NpyFile file(folder / "trees.npy");
  const auto leaves = file.array().as<int32_t>();
  const int64_t num_items = inputs.data.items.size();
  TESSERA_CHECK(static_cast<int64_t>(leaves.size()) == options_.trees * num_items, shape,
                "{}: holds {} leaves, wanted {} trees of {} items", (folder / "trees.npy").string(), leaves.size(),
                options_.trees, num_items);
  std::vector<ItemTree> trees;
  for (int64_t t = 0; t < options_.trees; ++t) {
    std::vector<ItemId> order;
    for (const int32_t item : leaves.subspan(static_cast<size_t>(t * num_items), static_cast<size_t>(num_items)))
      order.push_back(ItemId{item});
    trees.emplace_back(std::move(order));
  }
  prepare(std::move(trees), inputs, 0);
  parameters_->load(folder / "model.safetensors");
}

Tensor RecForest::loss(std::span<const int64_t> examples) {
  std::vector<std::span<const ItemId>> histories;
  int64_t longest = 1;
  for (const int64_t e : examples) {
    const Chunk& chunk = chunks_[static_cast<size_t>(e)];
    histories.push_back(
        std::span(split_->all.items).subspan(static_cast<size_t>(chunk.begin), static_cast<size_t>(chunk.size() - 1)));
    longest = std::max(longest, chunk.size() - 1);
  }
  std::vector<int64_t> rows, answers;  // sequence p of a history has read p + 1 items
  for (size_t b = 0; b < examples.size(); ++b) {
    const Chunk& chunk = chunks_[static_cast<size_t>(examples[b])];
    for (int64_t t = chunk.first_target; t < chunk.end; ++t) {
      rows.push_back(static_cast<int64_t>(b) * longest + t - chunk.begin - 1);
      answers.push_back(index(split_->all.items[static_cast<size_t>(t)]));
    }
  }
  const Tensor memory = encode(rows_of(histories, longest), training_);
  const Tensor places = at::tensor(rows), targets = at::tensor(answers);
  Tensor total = at::zeros({}, at::TensorOptions(at::kFloat).device(device_));
  for (size_t t = 0; t < trees_.size(); ++t) total = total + path_loss(t, memory, places, targets);
  return total / static_cast<double>(trees_.size());
}

/// @param rows  [N] of the B x P sequences that have an answer; @param answers  [N] items
Tensor RecForest::path_loss(size_t tree, const Tensor& memory, const Tensor& rows, const Tensor& answers) const {
  const int64_t batch = memory.size(0), sequences = memory.size(1) - 1, levels = network_.level.size(0);
  const Tensor path = trees_[tree].codes.index_select(0, answers);  // [N, L]
  Tensor tokens = at::zeros({batch * sequences, levels}, at::kLong);
  if (levels > 1) {
    const Tensor first = at::arange(levels - 1, at::kLong) * network_.stride + 1;
    tokens.narrow(1, 1, levels - 1).index_copy_(0, rows, path.narrow(1, 0, levels - 1) + first);
  }
  const Tensor y = at::embedding(network_.in[tree], tokens.to(device_)) + network_.level;  // [B P, L, d]
  const Tensor mask = mask_of(at::arange(1, sequences + 1, at::kLong), memory.size(1)).unsqueeze(0);
  const Tensor h = network_.t5.decode(y.view({batch, sequences, levels, -1}), memory, mask, training_)
                       .view({batch * sequences, levels, -1})
                       .index_select(0, rows.to(device_));  // [N, L, d]
  const Tensor labels = path.to(device_);
  Tensor total = at::zeros({}, at::TensorOptions(at::kFloat).device(device_));
  for (int64_t l = 0; l < levels; ++l)
    total = total + at::cross_entropy_loss(network_.logits(tree, l, h.select(1, l)), labels.select(1, l));
  return total / static_cast<double>(levels);
}

// ---- answers --------------------------------------------------------------------------------------------------------

std::vector<Results> RecForest::answer(std::span<const Request> requests, int64_t beam) const {
  Filters filters;
  for (const Request& request : requests) {
    if (request.filter == nullptr || filters.count(request.filter) > 0) continue;
    Request only_filtered;
    only_filtered.filter = request.filter;
    const Allowance allowed(only_filtered, trie_, num_items_);
    std::vector<ItemId> items;
    for (int64_t i = 0; i < num_items_; ++i) {
      if (allowed(ItemId{static_cast<int32_t>(i)})) items.push_back(ItemId{static_cast<int32_t>(i)});
    }
    for (const Tree& tree : trees_) filters[request.filter].push_back(ItemFilter::allow(tree.trie, items));
  }
  std::vector<Results> results(requests.size());
  for_each_batch(requests, 64, device_.is_cpu(),
                 [&](std::span<const size_t> places) { answer_batch(requests, places, filters, beam, results); });
  return results;
}

void RecForest::answer_batch(std::span<const Request> requests, std::span<const size_t> places, const Filters& filters,
                             int64_t beam, std::vector<Results>& results) const {
  const c10::InferenceMode inference;
  std::vector<std::span<const ItemId>> histories;
  std::vector<int64_t> lengths;
  for (const size_t i : places) {
    const auto all = requests[i].history;
    histories.push_back(all.last(std::min(all.size(), static_cast<size_t>(options_.max_history))));
    lengths.push_back(static_cast<int64_t>(histories.back().size()));
  }
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  const Tensor memory = encode(rows_of(histories, longest), false);
  const Tensor mask = mask_of(at::tensor(lengths).unsqueeze(-1), 1 + longest);  // [B, 1, S]
  std::vector<std::map<ItemId, double>> sums(places.size());
  for (size_t t = 0; t < trees_.size(); ++t) {
    std::vector<BeamQuery> queries;
    for (const size_t i : places) {
      const int64_t wanted = std::max(requests[i].k, requests[i].beam > 0 ? requests[i].beam : beam);
      const ItemFilter* filter = requests[i].filter == nullptr ? nullptr : &filters.at(requests[i].filter)[t];
      queries.push_back({std::min(wanted, num_items_), filter, requests[i].exclude, requests[i].beam});
    }
    Steps steps(network_, t, memory, mask);
    const std::vector<BeamAnswer> answers = beam_search(steps, *trees_[t].on_device, queries, {beam, false});
    for (size_t b = 0; b < places.size(); ++b) {
      for (size_t n = 0; n < answers[b].items.size(); ++n)
        sums[b][answers[b].items[n]] += std::exp(static_cast<double>(answers[b].scores[n]));
    }
  }
  for (size_t b = 0; b < places.size(); ++b) {
    std::vector<std::pair<float, ItemId>> found;
    for (const auto& [item, sum] : sums[b])
      found.emplace_back(static_cast<float>(std::log(std::max(sum, 1e-300))), item);
    BeamAnswer best = ranked(std::move(found), requests[places[b]].k);
    results[places[b]] = {std::move(best.items), std::move(best.scores)};
  }
}

}  // namespace

MethodInfo info() {
  return method_info<Options, RecForest>(
      "recforest", "several balanced trees over the items, each walked down by one transformer",
      "Feng et al., Recommender Forest for Efficient Retrieval, NeurIPS 2022", "vectors", {"beam"});
}

}  // namespace tessera::methods::recforest
