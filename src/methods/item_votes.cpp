#include "methods/item_votes.h"

#include <algorithm>
#include <cmath>

#include "base/array_file.h"
#include "base/error.h"
#include "base/parallel.h"

namespace tessera {

Results VoteBox::take(int64_t k, const Allowance& allowed, std::span<const ItemId> order) {
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  compact_.clear();
  for (const int32_t j : touched_) {
    compact_.push_back(score_[static_cast<size_t>(j)]);
    score_[static_cast<size_t>(j)] = 0;
  }
  const auto item_of = [&](ItemId place) { return ItemId{touched_[static_cast<size_t>(index(place))]}; };
  Results results = top_k(compact_, k, [&](ItemId place) { return allowed(item_of(place)); });
  for (ItemId& item : results.items) item = item_of(item);
  touched_.clear();
  fill_up(results, k, order, allowed);
  return results;
}

void check_history_item(ItemId item, int64_t num_items) {
  TESSERA_CHECK(index(item) >= 0 && index(item) < num_items, data, "a history holds item {}, the catalogue has {}",
                index(item), num_items);
}

ItemVotes::ItemVotes(SparseMatrix votes, std::vector<int64_t> train_counts)
    : votes_(std::move(votes)), counts_(std::move(train_counts)) {
  counts_.resize(static_cast<size_t>(votes_.rows), 0);
  order_ = popularity_order(counts_);
}

std::vector<Results> ItemVotes::answer(std::span<const Request> requests, const VoterOptions& options,
                                       const Trie* trie) const {
  std::vector<Results> answers(requests.size());
  parallel_for(static_cast<int64_t>(requests.size()), 16, [&](int64_t first, int64_t last) {
    VoteBox box(votes_.rows);
    for (int64_t r = first; r < last; ++r) {
      const Request& request = requests[static_cast<size_t>(r)];
      for_each_voter(request.history, options, votes_.rows, [&](int32_t item, float weight) {
        for (int64_t e = votes_.begin(item); e < votes_.end(item); ++e) {
          box.add(votes_.columns[static_cast<size_t>(e)], weight * votes_.values[static_cast<size_t>(e)]);
        }
      });
      answers[static_cast<size_t>(r)] = box.take(request.k, Allowance(request, trie, votes_.rows), order_);
    }
  });
  return answers;
}

void ItemVotes::save(const std::filesystem::path& folder, const std::string& method) const {
  const auto size = [](const auto& values) { return std::vector<int64_t>{static_cast<int64_t>(values.size())}; };
  write_safetensors(folder / "model.safetensors",
                    {{"offsets", view_of(std::span<const int64_t>(votes_.offsets), size(votes_.offsets))},
                     {"columns", view_of(std::span<const int32_t>(votes_.columns), size(votes_.columns))},
                     {"values", view_of(std::span<const float>(votes_.values), size(votes_.values))},
                     {"train_counts", view_of(std::span<const int64_t>(counts_), size(counts_))}},
                    {{"method", method}});
}

ItemVotes ItemVotes::load(const std::filesystem::path& folder, int64_t num_items) {
  const auto path = folder / "model.safetensors";
  const std::string where = path.string();
  const SafetensorsFile source(path);
  const auto offsets = source.at("offsets").as<int64_t>();
  const auto columns = source.at("columns").as<int32_t>();
  const auto values = source.at("values").as<float>();
  const auto counts = source.at("train_counts").as<int64_t>();
  TESSERA_CHECK(
      static_cast<int64_t>(offsets.size()) == num_items + 1 && static_cast<int64_t>(counts.size()) == num_items, shape,
      "{} was trained on {} items, the catalogue has {}", where, static_cast<int64_t>(offsets.size()) - 1, num_items);
  TESSERA_CHECK(offsets.front() == 0 && offsets.back() == static_cast<int64_t>(columns.size()) &&
                    std::is_sorted(offsets.begin(), offsets.end()) && columns.size() == values.size(),
                corrupt, "{}: offsets, columns and values do not fit each other", where);
  TESSERA_CHECK(std::all_of(columns.begin(), columns.end(), [&](int32_t c) { return c >= 0 && c < num_items; }),
                corrupt, "{}: `columns` names an item that is not one of {}", where, num_items);
  TESSERA_CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }), corrupt,
                "{}: `values` holds a value that is not finite", where);
  SparseMatrix votes;
  votes.rows = votes.cols = num_items;
  votes.offsets.assign(offsets.begin(), offsets.end());
  votes.columns.assign(columns.begin(), columns.end());
  votes.values.assign(values.begin(), values.end());
  return ItemVotes(std::move(votes), {counts.begin(), counts.end()});
}

}  // namespace tessera
