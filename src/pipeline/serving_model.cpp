#include "pipeline/serving_model.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "methods/catalog.h"
#include "methods/content_index.h"
#include "semid/assign.h"
#include "text/tokenise.h"

namespace tessera {

namespace {

/// A number for every item: what a filter's positions mean to a method without semantic IDs.
SemanticIds numbered(int64_t items) {
  SemanticIds ids;
  ids.level_sizes = {static_cast<int32_t>(std::max<int64_t>(1, items))};
  ids.codes.resize(static_cast<size_t>(items));
  std::iota(ids.codes.begin(), ids.codes.end(), 0);
  return ids;
}

float length_of(std::span<const float> v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return static_cast<float>(std::sqrt(sum));
}

float dot_of(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

using Vector = std::shared_ptr<const std::vector<float>>;

}  // namespace

struct ServingModel::State {
  std::unique_ptr<Run> run;
  const Dataset* dataset = nullptr;
  const Split* split = nullptr;
  const Matrix* vectors = nullptr;
  std::vector<float> lengths;  ///< of the vectors
  std::unique_ptr<ModelItems> trained;
  std::unique_ptr<Retriever> retriever;
  bool new_items = false;

  // Used by put_items() alone.
  std::once_flag content_asked;
  std::shared_future<std::shared_ptr<const ContentIndex>> content;
  std::unique_ptr<CodeAssigner> assigner;

  mutable std::mutex mutex;  ///< guards the two below, for as long as a pointer is copied
  std::shared_ptr<const ModelItems> items;
  std::shared_ptr<const std::unordered_map<int32_t, Vector>> changed_vectors;
};

ServingModel::ServingModel() : state_(std::make_unique<State>()) {}
ServingModel::~ServingModel() = default;

std::shared_ptr<ServingModel> ServingModel::open(const std::string& name, RunContext context) {
  auto model = std::shared_ptr<ServingModel>(new ServingModel());
  State& state = *model->state_;
  state.run = Run::open(name, std::move(context));
  Run& run = *state.run;
  TESSERA_CHECK(run.recipe().has("retrieve"), data,
                "the recipe of run {} has no section [retrieve]: nothing can answer", name);
  const StageRecord& trained = run.record(Stage::train);
  model->name_ = run.recipe().run().name;
  model->method_ = run.recipe().section("retrieve").at("name").get<std::string>();
  model->version_ = model->name_ + "-" + trained.hash.substr(0, 8);
  state.dataset = &run.dataset();
  state.split = &run.split();
  state.vectors = run.vectors();
  if (state.vectors != nullptr)
    for (int64_t i = 0; i < state.vectors->rows; ++i) state.lengths.push_back(length_of(state.vectors->row(i)));
  SemanticIds ids = run.ids() != nullptr ? *run.ids() : numbered(state.dataset->items.size());
  Trie trie(ids);
  state.trained = std::make_unique<ModelItems>(ModelItems{std::move(ids), std::move(trie)});
  state.retriever = make_retriever(run.recipe().section("retrieve"));
  state.retriever->load(trained.folder, {*state.dataset, *state.split, state.vectors,
                                         run.ids() != nullptr ? &state.trained->ids : nullptr, &state.trained->trie});
  state.items = std::make_shared<ModelItems>(*state.trained);
  state.changed_vectors = std::make_shared<const std::unordered_map<int32_t, Vector>>();
  state.new_items = state.retriever->takes_new_items() && state.vectors != nullptr && run.ids() != nullptr &&
                    !run.ids()->codebooks.empty();
  if (state.new_items) state.assigner = std::make_unique<CodeAssigner>(state.trained->ids);
  return model;
}

void ServingModel::prepare_new_items() const {
  if (!state_->new_items) return;
  std::call_once(state_->content_asked, [&state = *state_] {
    state.content = std::async(std::launch::async, [data = state.dataset] {
                      return std::make_shared<const ContentIndex>(data->items);
                    }).share();
  });
}

const Dataset& ServingModel::dataset() const {
  return *state_->dataset;
}

const Split& ServingModel::split() const {
  return *state_->split;
}

const nlohmann::json& ServingModel::recipe() const {
  return state_->run->recipe().tree;
}

std::map<std::string, double> ServingModel::facts() const {
  return state_->retriever->facts();
}

bool ServingModel::takes_new_items() const {
  return state_->new_items;
}

std::shared_ptr<const ModelItems> ServingModel::items() const {
  const std::lock_guard lock(state_->mutex);
  return state_->items;
}

std::vector<float> ServingModel::vector_of(ItemId slot, const Item& item) const {
  const Dataset& data = *state_->dataset;
  const bool old = index(slot) < data.items.size();
  // What the text does not tell leaves an item where it is: its price, its stock, its picture.
  if (old && item_features(item, {}) == item_features(data.items[slot], {})) {
    const auto row = state_->vectors->row(index(slot));
    return {row.begin(), row.end()};
  }
  prepare_new_items();
  return vector_by_content(*state_->content.get(), *state_->vectors, item, 12, old ? slot : ItemId{-1});
}

/// The next state of the items in the making.
struct ServingModel::Placing {
  const ServingModel& model;
  SemanticIds ids;
  std::shared_ptr<std::unordered_map<int32_t, Vector>> vectors;
  int64_t shared = 0;

  struct One {
    int32_t slot;
    std::shared_ptr<const std::vector<float>> vector;
    bool moves;  ///< it cannot stay where it is
    bool home;   ///< it reads as it did in training
  };

  std::span<int32_t> codes(int32_t slot) {
    const auto levels = static_cast<size_t>(ids.levels());
    return {ids.codes.data() + static_cast<size_t>(slot) * levels, levels};
  }
  /// Finds the item's vector, and gives its place back if that is another now.
  One release(ItemId item, const Item& content) {
    State& state = *model.state_;
    One one{index(item), std::make_shared<const std::vector<float>>(model.vector_of(item, content)), true, false};
    const auto levels = static_cast<size_t>(ids.levels()), at = static_cast<size_t>(one.slot) * levels;
    const bool known = at < ids.codes.size();
    while (ids.codes.size() < at + levels)
      ids.codes.insert(ids.codes.end(), ids.codes.begin(), ids.codes.begin() + static_cast<int64_t>(levels));
    const auto present = vectors->find(one.slot);
    const bool trained = index(item) < state.dataset->items.size();
    one.home = trained && std::ranges::equal(*one.vector, state.vectors->row(one.slot));
    const bool same = present != vectors->end() ? *present->second == *one.vector : one.home;
    one.moves = !(known && same);
    if (one.moves && known && (trained || present != vectors->end())) state.assigner->release(codes(one.slot));
    return one;
  }
  bool take(const One& one, std::span<const int32_t> before) {
    if (before.empty() || !model.state_->assigner->take(before)) return false;
    std::copy(before.begin(), before.end(), codes(one.slot).begin());
    (*vectors)[one.slot] = one.vector;
    return true;
  }
  void assign(const One& one) {
    if (one.home && take(one, model.state_->trained->ids.of(ItemId{one.slot}))) return;
    if (!model.state_->assigner->assign(*one.vector, codes(one.slot))) ++shared;
    (*vectors)[one.slot] = one.vector;
  }
};

int64_t ServingModel::put_items(std::span<const std::pair<ItemId, Item>> changed,
                                std::span<const std::vector<int32_t>> before) {
  State& state = *state_;
  if (!state.new_items || changed.empty()) return 0;
  TESSERA_CHECK(before.empty() || before.size() == changed.size(), shape, "{} items were put with the codes of {}",
                changed.size(), before.size());
  Placing next{*this, items()->ids, std::make_shared<std::unordered_map<int32_t, Vector>>()};
  {
    const std::lock_guard lock(state.mutex);
    *next.vectors = *state.changed_vectors;
  }
  if (before.empty()) {
    for (const auto& [slot, item] : changed)
      if (const auto one = next.release(slot, item); one.moves) next.assign(one);
  } else {  // all places that are left are free before any is taken, and taken before others are chosen
    std::vector<Placing::One> all;
    for (const auto& [slot, item] : changed) all.push_back(next.release(slot, item));
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].moves) all[i].moves = !next.take(all[i], before[i]);
    for (const auto& one : all)
      if (one.moves) next.assign(one);
  }
  auto made = std::make_shared<ModelItems>();
  made->trie = Trie(next.ids);
  made->ids = std::move(next.ids);
  const std::lock_guard lock(state.mutex);
  state.items = std::move(made);
  state.changed_vectors = std::move(next.vectors);
  return next.shared;
}

std::string ServingModel::place_key(const Item& item) const {
  ContentHash hash;
  for (const auto& [feature, weight] : item_features(item, {})) hash.add(fmt::format("{:x}:{} ", feature, weight));
  return version_ + " " + hash.hex();
}

std::vector<Results> ServingModel::recommend(std::span<const Request> requests, const ModelItems& items) const {
  const int64_t known = state_->new_items ? items.size() : state_->dataset->items.size();
  std::vector<Request> asked(requests.begin(), requests.end());
  std::vector<std::vector<ItemId>> histories(requests.size()), excluded(requests.size());
  const auto keep = [&](std::span<const ItemId>& list, std::vector<ItemId>& copy) {
    const auto strange = [&](ItemId item) { return index(item) < 0 || index(item) >= known; };
    if (std::none_of(list.begin(), list.end(), strange)) return;
    std::copy_if(list.begin(), list.end(), std::back_inserter(copy), [&](ItemId item) { return !strange(item); });
    list = copy;
  };
  for (size_t i = 0; i < asked.size(); ++i) {
    keep(asked[i].history, histories[i]);
    keep(asked[i].exclude, excluded[i]);
    asked[i].k = std::min(asked[i].k, known);
  }
  if (state_->new_items) return state_->retriever->recommend_among(asked, items.ids, items.trie);
  return state_->retriever->recommend(asked);
}

Results ServingModel::similar(ItemId item, int64_t k, std::span<const uint64_t> allowed) const {
  Results results;
  const Matrix* vectors = state_->vectors;
  if (vectors == nullptr) return results;
  std::shared_ptr<const std::unordered_map<int32_t, Vector>> changed;
  {
    const std::lock_guard lock(state_->mutex);
    changed = state_->changed_vectors;
  }
  const auto vector = [&](int32_t slot) -> std::span<const float> {
    const auto found = changed->find(slot);
    if (found != changed->end()) return *found->second;
    return slot < vectors->rows ? vectors->row(slot) : std::span<const float>();
  };
  const std::span<const float> query = vector(index(item));
  if (query.empty()) return results;
  const float length = length_of(query);
  std::vector<std::pair<float, int32_t>> scored;
  for (size_t w = 0; w < allowed.size(); ++w) {
    for (uint64_t word = allowed[w]; word != 0; word &= word - 1) {
      const auto slot = static_cast<int32_t>(w * 64 + static_cast<size_t>(__builtin_ctzll(word)));
      const std::span<const float> other = vector(slot);
      if (slot == index(item) || other.empty()) continue;
      const bool old = slot < vectors->rows && other.data() == vectors->row(slot).data();
      const float lengths = length * (old ? state_->lengths[static_cast<size_t>(slot)] : length_of(other));
      scored.emplace_back(lengths > 0 ? -dot_of(query, other) / lengths : 0.0f, slot);
    }
  }
  const auto count = std::min<int64_t>(k, static_cast<int64_t>(scored.size()));
  std::partial_sort(scored.begin(), scored.begin() + count, scored.end());
  for (int64_t i = 0; i < count; ++i) {
    results.items.push_back(ItemId{scored[static_cast<size_t>(i)].second});
    results.scores.push_back(-scored[static_cast<size_t>(i)].first);
  }
  return results;
}

std::vector<std::string> ServingModel::node_words(const ModelItems& items, int64_t depth, int32_t node,
                                                  size_t count) const {
  // Every item of a small node, about 300 evenly spaced of a large one, and as many of its parent's.
  constexpr int32_t kSample = 300;
  const Catalogue& catalogue = state_->dataset->items;
  const auto tally = [&](std::pair<int32_t, int32_t> interval) {
    std::unordered_map<std::string, double> shares;
    const int32_t step = std::max(1, (interval.second - interval.first) / kSample);
    double total = 0;
    for (int32_t p = interval.first; p < interval.second; p += step) {
      const ItemId item = items.trie.item_at(p);
      if (index(item) >= catalogue.size()) continue;
      const Item& it = catalogue[item];
      std::set<std::string> words;
      for (const std::string& word : tokenise(it.title)) words.insert(word);
      if (!it.brand.empty()) words.insert(it.brand);
      for (const auto& path : it.categories)
        if (!path.empty()) words.insert(path.back());
      for (const std::string& word : words) shares[word] += 1;
      total += 1;
    }
    for (auto& [word, share] : shares) share /= std::max(total, 1.0);
    return shares;
  };
  if (depth <= 0) return {};
  const auto interval = items.trie.interval(depth, node);
  std::pair<int32_t, int32_t> parent = {0, static_cast<int32_t>(items.trie.num_items())};
  const auto firsts = items.trie.firsts(depth - 1);
  const auto above = std::upper_bound(firsts.begin(), firsts.end() - 1, interval.first) - firsts.begin() - 1;
  parent = items.trie.interval(depth - 1, static_cast<int32_t>(above));
  const auto inside = tally(interval), around = tally(parent);
  std::vector<std::pair<double, std::string>> marks;
  for (const auto& [word, share] : inside) {
    const auto found = around.find(word);
    const double beside = found == around.end() ? 0.0 : found->second;
    marks.emplace_back(-share * std::log((share + 0.01) / (beside + 0.01)), word);
  }
  std::sort(marks.begin(), marks.end());
  std::vector<std::string> words;
  for (const auto& [mark, word] : marks)
    if (words.size() < count && mark < 0) words.push_back(word);
  return words;
}

}  // namespace tessera
