// TDM and JTM: retrieval by a beam search down a binary tree over the items, whose nodes a deep network scores.
// Zhu et al., Learning tree-based deep model for recommender systems, KDD 2018, arXiv:1801.02294; the tree is learned
// with the network as in Zhu et al., Joint optimization of tree-based index and deep model, NeurIPS 2019,
// arXiv:1902.07565.
//
// Max-heap idea: a node is wanted as much as the best item below it (TDM eq. 1), so at each level the nodes above the
// next item are positives and random nodes of that level negatives (TDM eq. 4); an answer keeps the `beam` best nodes
// of a level and looks at their children only: about 2 beam log2(N) nodes instead of N items. Network (after DIN): the
// node attends to the history; node, attended history and their product go through leaky ReLU layers. The tree starts
// from the categories or by 2-means over item vectors. After each of the first `rounds` - 1 trainings items are dealt
// anew, level by level, to where the network likes them most (JTM alg. 2), and training goes on.
//
// Ours: attention is a softmax over scaled dot products with a weight for age, in place of DIN's small network and
// time windows; the product of node and attended history is also added to the logit; loss = "softmax", which our
// recipes take, contrasts a level's positive with its negatives in one softmax ("bce" is the paper's); a leaf's vector
// is its item's, so that it moves with the item. Rebalancing keeps at a node those that gain most by it against the
// mean of their choices. Each training keeps its best weights, and the best of all trainings answers. The papers'
// numbers (recall and F-measure on Amazon Books and UserBehavior) are on other data; ours are in docs/results.md.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/array_file.h"
#include "base/error.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "methods/item_tree.h"
#include "methods/request_batches.h"
#include "methods/top_k.h"
#include "methods/train_facts.h"
#include "methods/validation.h"
#include "nn/device.h"
#include "nn/dropout.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"
#include "train/train_log.h"

namespace tessera::methods::tdm {

using at::Tensor;

namespace {

struct Options {
  std::string tree = "vectors";
  int64_t rounds = 2;
  int64_t gap = 4;
  int64_t dim = 64;
  std::vector<int64_t> hidden = {64, 32};
  double dropout = 0.2;
  int64_t max_history = 20;
  std::string loss = "bce";
  int64_t negatives = 10;
  int64_t leaf_negatives = 60;
  int64_t beam = 100;
  std::string search = "beam";
  ValidationOptions validation;
  TrainOptions train;

  Options() {
    validation.users = 2000;
    train.batch_size = 256;
    train.learning_rate = 1e-3;
    train.schedule = "constant";
    train.max_epochs = 30;
    train.patience = 5;
  }
  template <class F>
  void fields(F& f) {
    f("tree", tree, "what the first tree is made from: 2-means over vectors, or the order of the categories",
      one_of({"vectors", "categories"}));
    f("rounds", rounds, "trainings; the tree is learned anew between them. Epochs and minutes are shared out",
      range(1, 100));
    f("gap", gap, "levels that an item moves down at once when the tree is learned", range(1, 10));
    f("dim", dim, "width of nodes and items", range(4, 1024));
    f("hidden", hidden, "widths of the layers over node and history", range(1, 4096));
    f("dropout", dropout, "dropout of the history's items and the first layer", range(0, 0.95));
    f("max_history", max_history, "items of history that are read", range(1, 1024));
    f("loss", loss, "training objective at each level", one_of({"bce", "softmax"}));
    f("negatives", negatives, "random nodes of each level above the items", range(1, 10000));
    f("leaf_negatives", leaf_negatives, "random items", range(1, 100000));
    f("beam", beam, "nodes kept at a level; raised to the items asked for", range(1, 1 << 20));
    f("search", search, "scan: score every item instead of searching the tree", one_of({"beam", "scan"}));
    validation.fields(f);
    train.fields(f);
  }
};

/// Scores nodes for histories. Rows of `table`: inner nodes from level 1 on, level by level, then items, then padding.
struct Network {
  Tensor table;          ///< [inner + N + 1, d]
  Tensor key, key_bias;  ///< [d, d], [max_history]: weight of an item by age, newest first
  std::vector<Tensor> weight, bias;
  double dropout = 0;

  /// What is read of a batch of histories, the same for all nodes.
  struct Context {
    Tensor items, keys, mask;  ///< [B, S, d], [B, S, d], [B, 1, S]
  };
  /// @param items  [B, S] rows of the table, newest first, padding behind
  Context read(const Tensor& items, bool training) const {
    const int64_t padding = table.size(0) - 1;
    const Tensor x = hash_dropout(table_rows(table, items), dropout, training);  // [B, S, d]
    const Tensor hidden = (items == padding).to(at::kFloat).mul(kMasked);
    const Tensor mask = hidden + key_bias.narrow(0, 0, items.size(1));
    return {x * (items != padding).to(at::kFloat).unsqueeze(-1), at::linear(x, key), mask.unsqueeze(1)};
  }
  /// @param nodes  [B, M] rows of the table. @return [B, M] logits
  Tensor score(const Context& context, const Tensor& nodes, bool training) const {
    const Tensor e = table_rows(table, nodes);  // [B, M, d]
    const double scale = 1 / std::sqrt(static_cast<double>(e.size(-1)));
    const Tensor attention = at::softmax(at::bmm(e, context.keys.transpose(1, 2)) * scale + context.mask, -1);
    const Tensor seen = at::bmm(attention, context.items).to(at::kFloat);  // [B, M, d]
    const Tensor both = e * seen;
    Tensor h = at::cat({e, seen, both}, -1);
    for (size_t layer = 0; layer < weight.size(); ++layer) {
      h = at::linear(h, weight[layer], bias[layer]);
      if (layer + 1 == weight.size()) break;
      h = at::leaky_relu(h, 0.1);
      if (layer == 0) h = hash_dropout(h.to(at::kFloat), dropout, training);
    }
    return h.squeeze(-1).to(at::kFloat) + both.sum(-1);
  }
};

class Tdm : public Retriever, private TrainTask {
 public:
  explicit Tdm(Options options) : options_(std::move(options)), device_(choose_device(options_.train.device)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override;
  std::vector<Results> recommend(std::span<const Request> requests) const override;
  int64_t batch_size() const override { return 2048; }

  void save(const std::filesystem::path& folder) const override {
    parameters_->save(folder / "model.safetensors", {{"method", "tdm"}});
    std::vector<int32_t> leaves;
    for (const ItemId item : tree_.leaves()) leaves.push_back(index(item));
    write_npy(folder / "leaves.npy", view_of(std::span<const int32_t>(leaves), {tree_.num_items()}));
    for (int64_t round = 0; round < options_.rounds; ++round) std::filesystem::remove_all(folder / round_name(round));
  }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    const NpyFile file(folder / "leaves.npy");
    std::vector<ItemId> leaves;
    for (const int32_t item : file.array().as<int32_t>()) leaves.push_back(ItemId{item});
    TESSERA_CHECK(static_cast<int64_t>(leaves.size()) == inputs.data.items.size(), shape,
                  "{}: the tree has {} items, the catalogue {}", (folder / "leaves.npy").string(), leaves.size(),
                  inputs.data.items.size());
    prepare(ItemTree(std::move(leaves)), inputs, 0);
    parameters_->load(folder / "model.safetensors");
  }
  std::map<std::string, double> facts() const override { return train_facts(summary_, parameters_); }

 private:
  void prepare(ItemTree tree, const RetrieveInputs& inputs, uint64_t seed);
  /// Where one of the trainings keeps its checkpoint until the model is saved.
  static std::string round_name(int64_t round) { return "round-" + std::to_string(round); }
  /// Adds the log of a training to the log of all, counted on from those before it.
  static void append_log(const std::filesystem::path& path, const TrainSummary& before, TrainLogWriter& log);
  std::vector<ItemId> first_leaves(const RetrieveInputs& inputs, uint64_t seed) const;
  /// Deals the items to where the present network likes them.
  void learn_tree(Reporter& reporter);
  /// Adds what examples [begin, end) like each descendant of their answer's node.
  void add_likings(int64_t begin, int64_t end, int64_t level, int64_t gap, Matrix& liking) const;

  // ---- rows of the table
  static int64_t row_of(int64_t level, int64_t v) { return (int64_t{1} << level) - 2 + v; }
  int64_t first_item() const { return (int64_t{1} << tree_.depth()) - 2; }
  int64_t padding() const { return first_item() + tree_.num_items(); }
  /// Row of the node above an item; its own at the last level.
  int64_t row_above(ItemId item, int64_t level) const {
    return level == tree_.depth() ? first_item() + index(item) : row_of(level, tree_.node_of(item, level));
  }

  Tensor history_rows(std::span<const std::span<const ItemId>> histories) const;
  std::span<const ItemId> history_of(int64_t example) const {
    const auto begin = static_cast<size_t>(windows_.begin[static_cast<size_t>(example)]);
    return std::span(split_->all.items)
        .subspan(begin, static_cast<size_t>(windows_.target[static_cast<size_t>(example)]) - begin);
  }
  ItemId answer_of(int64_t example) const {
    return split_->all.items[static_cast<size_t>(windows_.target[static_cast<size_t>(example)])];
  }

  // ---- TrainTask
  std::vector<std::pair<std::string, Tensor>> parameters() override { return parameters_->all(); }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return windows_.size(); }
  int64_t length(int64_t example) const override { return static_cast<int64_t>(history_of(example).size()); }
  Tensor loss(std::span<const int64_t> examples) override;
  std::vector<std::pair<std::string, double>> validate() override {
    return validation_->score([&](std::span<const Request> requests) { return recommend(requests); });
  }

  // ---- answers
  size_t beam_of(const Request& request) const {
    return static_cast<size_t>(std::max(request.beam > 0 ? request.beam : options_.beam, request.k));
  }
  ItemId item_of(int64_t leaf) const { return tree_.leaves()[static_cast<size_t>(tree_.begin(tree_.depth(), leaf))]; }
  void answer(std::span<const Request> requests, std::span<const size_t> places, std::vector<Results>& results) const;

  Options options_;
  c10::Device device_;
  bool training_ = false;
  const Trie* trie_ = nullptr;
  const Split* split_ = nullptr;  ///< while training
  Windows windows_;               ///< while training
  ItemTree tree_;
  std::optional<Parameters> parameters_;
  Network network_;
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

void Tdm::prepare(ItemTree tree, const RetrieveInputs& inputs, uint64_t seed) {
  tree_ = std::move(tree);
  trie_ = inputs.trie;
  parameters_.emplace(seed, device_);
  const int64_t d = options_.dim;
  network_ = {};
  network_.dropout = options_.dropout;
  network_.table = parameters_->normal("table", {padding() + 1, d}, 0.05);
  network_.key = parameters_->normal("key", {d, d}, 1 / std::sqrt(static_cast<double>(d)));
  network_.key_bias = parameters_->constant("age", {options_.max_history}, 0);
  int64_t in = 3 * d;
  std::vector<int64_t> widths = options_.hidden;
  widths.push_back(1);
  for (size_t layer = 0; layer < widths.size(); ++layer) {
    const std::string name = "layer." + std::to_string(layer);
    network_.weight.push_back(
        parameters_->normal(name + ".weight", {widths[layer], in}, std::sqrt(1.0 / static_cast<double>(in))));
    network_.bias.push_back(parameters_->constant(name + ".bias", {widths[layer]}, 0));
    in = widths[layer];
  }
}

std::vector<ItemId> Tdm::first_leaves(const RetrieveInputs& inputs, uint64_t seed) const {
  if (options_.tree == "vectors") {
    TESSERA_CHECK(inputs.vectors != nullptr, config, "tdm needs item vectors for its first tree: add an [embed] stage");
    return two_means_order(*inputs.vectors, seed);
  }
  std::vector<ItemId> leaves;
  for (int64_t i = 0; i < inputs.data.items.size(); ++i) leaves.push_back(ItemId{static_cast<int32_t>(i)});
  Random(seed, "tdm.leaves").shuffle(std::span(leaves));  // TDM sec. 3.3.2: in random order within a category
  std::stable_sort(leaves.begin(), leaves.end(), [&](ItemId a, ItemId b) {
    return inputs.data.items[a].categories < inputs.data.items[b].categories;
  });
  return leaves;
}

void Tdm::train(const RetrieveInputs& inputs, const MethodContext& context) {
  prepare(ItemTree(first_leaves(inputs, context.seed)), inputs, context.seed);
  split_ = &inputs.split;
  windows_ = make_windows(*split_, options_.max_history);
  TESSERA_CHECK(windows_.size() > 0, data, "tdm: no user has two training items");
  validation_.emplace(*split_, options_.validation, context.seed);
  TrainOptions part = options_.train;
  part.max_epochs = std::max<int64_t>(1, part.max_epochs / options_.rounds);
  part.max_minutes /= static_cast<double>(options_.rounds);
  TrainSummary sum;  // of all trainings so far
  TrainLogWriter log;
  if (!context.folder.empty()) log = TrainLogWriter(context.folder / "train.jsonl", 0);
  std::vector<Tensor> best;
  ItemTree best_tree;
  for (int64_t round = 0; round < options_.rounds; ++round) {
    if (round > 0) learn_tree(context.reporter);
    // Every training resumes by itself; the trees between them follow from the weights.
    const auto folder = context.folder.empty() ? context.folder : context.folder / round_name(round);
    if (!folder.empty()) std::filesystem::create_directories(folder);
    const TrainSummary now =
        train_model(*this, part, context.seed + static_cast<uint64_t>(round), context.reporter, "train tdm", folder);
    if (!folder.empty()) append_log(folder / "train.jsonl", sum, log);
    if (best.empty() || now.best_value >= sum.best_value) {
      best.clear();
      for (const auto& [name, tensor] : parameters_->all()) best.push_back(tensor.detach().clone());
      best_tree = tree_;
      sum.best_value = now.best_value;
      sum.best_step = sum.steps + now.best_step;
    }
    sum.steps += now.steps, sum.epochs += now.epochs, sum.seconds += now.seconds;
  }
  const torch::NoGradGuard no_grad;
  for (size_t p = 0; p < best.size(); ++p) Tensor(parameters_->all()[p].second).copy_(best[p]);
  tree_ = std::move(best_tree);
  summary_ = sum;
  validation_.reset();
  split_ = nullptr;
}

void Tdm::append_log(const std::filesystem::path& path, const TrainSummary& before, TrainLogWriter& log) {
  const TrainLog part = read_train_log(path);
  auto validation = part.validations.begin();
  const auto write_validations = [&](int64_t before_step) {
    for (; validation != part.validations.end() && validation->step < before_step; ++validation) {
      ValidationPoint point = *validation;
      point.step += before.steps, point.epoch += before.epochs, point.seconds += before.seconds;
      log.write(point);
    }
  };
  for (TrainPoint point : part.points) {
    write_validations(point.step);
    point.step += before.steps, point.epoch += before.epochs, point.seconds += before.seconds;
    log.write(point);
  }
  write_validations(std::numeric_limits<int64_t>::max());
}

Tensor Tdm::history_rows(std::span<const std::span<const ItemId>> histories) const {
  size_t width = 1;
  for (const auto& history : histories) width = std::max(width, history.size());
  width = std::min(width, static_cast<size_t>(options_.max_history));
  Tensor rows = at::full({static_cast<int64_t>(histories.size()), static_cast<int64_t>(width)}, padding(), at::kLong);
  int64_t* out = rows.data_ptr<int64_t>();
  for (const auto& history : histories) {
    for (size_t age = 0; age < std::min(width, history.size()); ++age) {
      const ItemId item = history[history.size() - 1 - age];
      TESSERA_CHECK(index(item) >= 0 && index(item) < tree_.num_items(), data,
                    "a history holds item {}, the catalogue has {}", index(item), tree_.num_items());
      out[age] = first_item() + index(item);
    }
    out += width;
  }
  return rows.to(device_);
}

Tensor Tdm::loss(std::span<const int64_t> examples) {
  const auto batch = static_cast<int64_t>(examples.size());
  std::vector<std::span<const ItemId>> histories;
  for (const int64_t e : examples) histories.push_back(history_of(e));
  std::vector<Tensor> rows;     // by level: [B, 1 + negatives], the positive first
  std::vector<int64_t> widths;  // of each
  for (int64_t level = 1; level <= tree_.depth(); ++level) {
    const bool leaf = level == tree_.depth();
    const int64_t nodes = leaf ? tree_.num_items() : int64_t{1} << level;
    const int64_t wanted = std::min(leaf ? options_.leaf_negatives : options_.negatives, nodes - 1);
    if (wanted == 0) continue;
    const int64_t first = leaf ? first_item() : row_of(level, 0);
    Tensor positive = at::empty({batch, 1}, at::kLong);
    for (int64_t b = 0; b < batch; ++b)
      positive.data_ptr<int64_t>()[b] = row_above(answer_of(examples[static_cast<size_t>(b)]), level) - first;
    const Tensor negative = (positive + 1 + at::randint(nodes - 1, {batch, wanted}, at::kLong)).remainder(nodes);
    rows.push_back(at::cat({positive, negative}, 1) + first);
    widths.push_back(1 + wanted);
  }
  TESSERA_CHECK(!rows.empty(), data, "tdm: a catalogue of one item leaves nothing to learn");
  const Network::Context context = network_.read(history_rows(histories), training_);
  const Tensor logits = network_.score(context, at::cat(rows, 1).to(device_), training_);  // [B, M]
  Tensor total = at::zeros({}, logits.options());
  int64_t begin = 0;
  for (const int64_t width : widths) {
    const Tensor level = logits.narrow(1, begin, width);
    if (options_.loss == "softmax") {
      total = total + (at::logsumexp(level, 1) - level.select(1, 0)).mean();
    } else {
      total = total + (at::softplus(level).sum(1) - level.select(1, 0)).mean();
    }
    begin += width;
  }
  return total / static_cast<double>(widths.size());
}

// ---- learning the tree ----------------------------------------------------------------------------------------------

void Tdm::learn_tree(Reporter& reporter) {
  const int64_t last = tree_.depth() - 1;  // a leaf's score does not depend on its place
  Progress progress(reporter, "learn tree", last, "levels");
  for (int64_t level = 0; level < last;) {
    const int64_t gap = std::min(options_.gap, last - level);
    Matrix liking(tree_.num_items(), int64_t{1} << gap);
    constexpr int64_t kBatch = 512;
    for (int64_t begin = 0; begin < windows_.size(); begin += kBatch)
      add_likings(begin, std::min(begin + kBatch, windows_.size()), level, gap, liking);
    tree_ = tree_.dealt(level, gap, liking);
    level += gap;
    progress.set(level);
  }
}

void Tdm::add_likings(int64_t begin, int64_t end, int64_t level, int64_t gap, Matrix& liking) const {
  const c10::InferenceMode inference;
  const int64_t batch = end - begin, width = (int64_t{2} << gap) - 2;  // descendants 1 to gap levels below
  std::vector<std::span<const ItemId>> histories;
  Tensor rows = at::empty({batch, width}, at::kLong);
  int64_t* row = rows.data_ptr<int64_t>();
  for (int64_t e = begin; e < end; ++e) {
    histories.push_back(history_of(e));
    const int64_t v = tree_.node_of(answer_of(e), level);
    for (int64_t below = 1; below <= gap; ++below) {
      for (int64_t p = 0; p < int64_t{1} << below; ++p) *row++ = row_of(level + below, (v << below) + p);
    }
  }
  const Tensor logits = network_.score(network_.read(history_rows(histories), false), rows.to(device_), false);
  // Of a softmax the logit is enough: the sum over its level is the same for all choices.
  const Tensor gains = (options_.loss == "bce" ? at::log_sigmoid(logits) : logits).to(at::kCPU).contiguous();
  std::vector<float> sum(static_cast<size_t>(width));  // along the path to each descendant
  for (int64_t b = 0; b < batch; ++b) {
    const float* gain = gains.data_ptr<float>() + b * width;
    for (int64_t n = 0; n < width; ++n)
      sum[static_cast<size_t>(n)] = gain[n] + (n < 2 ? 0.0f : sum[static_cast<size_t>(n / 2 - 1)]);
    const auto out = liking.row(index(answer_of(begin + b)));
    const size_t deepest = sum.size() - out.size();
    for (size_t p = 0; p < out.size(); ++p) out[p] += sum[deepest + p];
  }
}

// ---- answers --------------------------------------------------------------------------------------------------------

/// Which nodes hold an item that one request allows.
class AllowedNodes {
 public:
  AllowedNodes(const ItemTree& tree, const Request& request, const Trie* trie) : tree_(tree) {
    const Allowance allowed(request, trie, tree.num_items());
    if (request.filter == nullptr && request.exclude.empty()) return;
    before_.push_back(0);
    for (const ItemId item : tree.leaves()) before_.push_back(before_.back() + (allowed(item) ? 1 : 0));
  }
  bool operator()(int64_t level, int64_t v) const {
    const int64_t begin = tree_.begin(level, v), end = tree_.end(level, v);
    return before_.empty() ? begin < end : before_[static_cast<size_t>(begin)] < before_[static_cast<size_t>(end)];
  }

 private:
  const ItemTree& tree_;
  std::vector<int32_t> before_;  // allowed leaves before each place; empty: all are
};

std::vector<Results> Tdm::recommend(std::span<const Request> requests) const {
  std::vector<Results> results(requests.size());
  const int64_t batch = options_.search == "scan" ? 4 : 64;
  for_each_batch(requests, batch, device_.is_cpu(),
                 [&](std::span<const size_t> places) { answer(requests, places, results); });
  return results;
}

void Tdm::answer(std::span<const Request> requests, std::span<const size_t> places,
                 std::vector<Results>& results) const {
  const c10::InferenceMode inference;
  struct Node {
    float score;
    int64_t v;
  };
  std::vector<std::span<const ItemId>> histories;
  std::vector<AllowedNodes> allowed;
  std::vector<std::vector<Node>> beams(places.size(), {{0, 0}});
  for (const size_t i : places) {
    histories.push_back(requests[i].history);
    allowed.emplace_back(tree_, requests[i], trie_);
  }
  const Network::Context context = network_.read(history_rows(histories), false);
  const int64_t depth = tree_.depth();
  const bool scan = options_.search == "scan";
  for (int64_t level = 1; level <= depth; ++level) {
    size_t width = 1;
    bool choose = level == depth;
    for (size_t b = 0; b < places.size(); ++b) {
      std::vector<Node> children;
      for (const Node& node : beams[b]) {
        for (const int64_t v : {2 * node.v, 2 * node.v + 1}) {
          if (allowed[b](level, v)) children.push_back({0, v});
        }
      }
      beams[b] = std::move(children);
      width = std::max(width, beams[b].size());
      choose = choose || (!scan && beams[b].size() > beam_of(requests[places[b]]));
    }
    if (!choose) continue;  // every node may stay
    Tensor rows = at::full({static_cast<int64_t>(places.size()), static_cast<int64_t>(width)}, padding(), at::kLong);
    for (size_t b = 0; b < places.size(); ++b) {
      int64_t* row = rows.data_ptr<int64_t>() + b * width;
      for (const Node& node : beams[b])
        *row++ = level < depth ? row_of(level, node.v) : first_item() + index(item_of(node.v));
    }
    const Tensor scores = network_.score(context, rows.to(device_), false).to(at::kCPU).contiguous();
    for (size_t b = 0; b < places.size(); ++b) {
      const float* score = scores.data_ptr<float>() + b * width;
      for (Node& node : beams[b]) node.score = *score++;
      if (level == depth) continue;
      std::stable_sort(beams[b].begin(), beams[b].end(),
                       [](const Node& x, const Node& y) { return x.score > y.score; });
      beams[b].resize(std::min(beams[b].size(), beam_of(requests[places[b]])));
      std::sort(beams[b].begin(), beams[b].end(), [](const Node& x, const Node& y) { return x.v < y.v; });
    }
  }
  for (size_t b = 0; b < places.size(); ++b) {
    std::vector<std::pair<float, ItemId>> found;
    for (const Node& node : beams[b]) found.emplace_back(-node.score, item_of(node.v));
    std::sort(found.begin(), found.end());
    found.resize(std::min(found.size(), static_cast<size_t>(std::max<int64_t>(requests[places[b]].k, 0))));
    for (const auto& [negated, item] : found) {
      results[places[b]].items.push_back(item);
      results[places[b]].scores.push_back(-negated);
    }
  }
}

}  // namespace

MethodInfo info() {
  return method_info<Options, Tdm>("tdm",
                                   "beam search down a learned tree of items, nodes scored by an attention network",
                                   "Zhu et al., Learning Tree-based Deep Model for Recommender Systems, KDD 2018, "
                                   "arXiv:1801.02294; Zhu et al., JTM, "
                                   "NeurIPS 2019, arXiv:1902.07565",
                                   "vectors", {"beam", "search"});
}

}  // namespace tessera::methods::tdm
