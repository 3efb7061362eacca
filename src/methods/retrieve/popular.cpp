// The most popular items for everybody: the floor of floors.
//
//   score(i) = number of training events, or with half_life_days > 0 the sum of 2^(-age / half life), age counted from
//   the newest training event.
#include <algorithm>
#include <cmath>

#include "base/array_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "methods/catalog.h"
#include "methods/top_k.h"

namespace tessera::methods::popular {

namespace {

struct Options {
  double half_life_days = 0.0;
  template <class F>
  void fields(F& f) {
    f("half_life_days", half_life_days, "an event counts half after so many days; 0: all count alike", at_least(0));
  }
};

class Popular : public Retriever {
 public:
  explicit Popular(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext&) override {
    trie_ = inputs.trie;
    scores_.assign(inputs.split.train_counts.begin(), inputs.split.train_counts.end());
    scores_.resize(static_cast<size_t>(inputs.data.items.size()), 0.0f);
    if (options_.half_life_days > 0) count_with_decay(inputs.split);
    make_order();
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    std::vector<Results> answers(requests.size());
    parallel_for(static_cast<int64_t>(requests.size()), 64, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) answers[static_cast<size_t>(r)] = answer(requests[static_cast<size_t>(r)]);
    });
    return answers;
  }

  int64_t batch_size() const override { return 4096; }

  void save(const std::filesystem::path& folder) const override {
    write_safetensors(folder / "model.safetensors",
                      {{"scores", view_of(std::span<const float>(scores_), {static_cast<int64_t>(scores_.size())})}},
                      {{"method", "popular"}});
  }

  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    const auto path = folder / "model.safetensors";
    const SafetensorsFile source(path);
    const auto scores = source.at("scores").as<float>();
    TESSERA_CHECK(static_cast<int64_t>(scores.size()) == inputs.data.items.size(), shape,
                  "{} was trained on {} items, the catalogue has {}", path.string(), scores.size(),
                  inputs.data.items.size());
    TESSERA_CHECK(std::all_of(scores.begin(), scores.end(), [](float s) { return std::isfinite(s); }), corrupt,
                  "{}: `scores` holds a value that is not finite", path.string());
    trie_ = inputs.trie;
    scores_.assign(scores.begin(), scores.end());
    make_order();
  }

 private:
  void count_with_decay(const Split& split) {
    int64_t newest = 0;
    const auto for_each_event = [&](const auto& visit) {
      for (size_t u = 0; u < split.train_end.size(); ++u) {
        for (int64_t e = split.all.offsets[u]; e < split.train_end[u]; ++e) {
          visit(split.all.items[static_cast<size_t>(e)], split.all.times[static_cast<size_t>(e)]);
        }
      }
    };
    for_each_event([&](ItemId, int64_t time) { newest = std::max(newest, time); });
    std::vector<double> sums(scores_.size(), 0.0);
    for_each_event([&](ItemId item, int64_t time) {
      const double days = static_cast<double>(newest - time) / 86400.0;
      sums[static_cast<size_t>(index(item))] += std::exp2(-days / options_.half_life_days);
    });
    scores_.assign(sums.begin(), sums.end());
  }

  void make_order() {
    order_.resize(scores_.size());
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = ItemId{static_cast<int32_t>(i)};
    std::stable_sort(order_.begin(), order_.end(), [&](ItemId a, ItemId b) {
      return scores_[static_cast<size_t>(index(a))] > scores_[static_cast<size_t>(index(b))];
    });
  }

  Results answer(const Request& request) const {
    const Allowance allowed(request, trie_, static_cast<int64_t>(scores_.size()));
    Results results;
    for (const ItemId item : order_) {
      if (static_cast<int64_t>(results.items.size()) >= request.k) break;
      if (!allowed(item)) continue;
      results.items.push_back(item);
      results.scores.push_back(scores_[static_cast<size_t>(index(item))]);
    }
    return results;
  }

  Options options_;
  const Trie* trie_ = nullptr;
  std::vector<float> scores_;
  std::vector<ItemId> order_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Popular>("popular", "the most popular items of the training period, for everybody", "",
                                       "");
}

}  // namespace tessera::methods::popular
