#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "methods/families.h"
#include "methods/linear_algebra.h"
#include "methods/top_k.h"

namespace tessera {

/// Scores of one request that only some items get. Reusable: only what was touched is cleared. Not thread-safe.
class VoteBox {
 public:
  explicit VoteBox(int64_t num_items) : score_(static_cast<size_t>(num_items), 0.0f) {}
  void add(int32_t item, float weight) {
    float& score = score_[static_cast<size_t>(item)];
    if (score == 0) touched_.push_back(item);
    score += weight;
  }
  /// The k best allowed items that got votes, then those of `order` up to k; empties the box.
  Results take(int64_t k, const Allowance& allowed, std::span<const ItemId> order);

 private:
  std::vector<float> score_;  // [num_items]
  std::vector<int32_t> touched_;
  std::vector<float> compact_;
};

/// Which items of a history vote, and how much.
struct VoterOptions {
  int64_t last_n = 10;
  double decay = 0.7;
  template <class F>
  void fields(F& f) {
    f("last_n", last_n, "items of the history that vote", range(1, 10000));
    f("decay", decay, "weight of an item relative to the one after it", range(0, 1));
  }
};

/// Calls visit(item, weight) for the last items of a history, newest first: weight decay^age.
/// @throws Error(data) for an item that is not one of num_items
template <class Visit>
void for_each_voter(std::span<const ItemId> history, const VoterOptions& options, int64_t num_items, Visit&& visit);

/// What each item votes for: the model of item-to-item methods. Items without votes follow by popularity.
class ItemVotes {
 public:
  ItemVotes() = default;
  /// @param votes  [num_items, num_items], row: the voter; @param train_counts  [num_items], shorter: zeros follow
  ItemVotes(SparseMatrix votes, std::vector<int64_t> train_counts);

  int64_t num_entries() const { return votes_.num_entries(); }
  const SparseMatrix& votes() const { return votes_; }
  std::span<const ItemId> order() const { return order_; }  ///< by falling popularity
  /// score(j) = sum over voters i of weight(i) votes(i, j). @param trie  to read filters with; may be null
  std::vector<Results> answer(std::span<const Request> requests, const VoterOptions& options, const Trie* trie) const;

  /// `model.safetensors` in the folder.
  void save(const std::filesystem::path& folder, const std::string& method) const;
  /// @throws Error(corrupt | io | shape)
  static ItemVotes load(const std::filesystem::path& folder, int64_t num_items);

 private:
  SparseMatrix votes_;
  std::vector<int64_t> counts_;
  std::vector<ItemId> order_;
};

/// @throws Error(data) naming the item unless 0 <= item < num_items
void check_history_item(ItemId item, int64_t num_items);

template <class Visit>
void for_each_voter(std::span<const ItemId> history, const VoterOptions& options, int64_t num_items, Visit&& visit) {
  float weight = 1;
  const auto length = static_cast<int64_t>(history.size());
  for (int64_t h = length - 1; h >= std::max<int64_t>(length - options.last_n, 0); --h) {
    const ItemId item = history[static_cast<size_t>(h)];
    check_history_item(item, num_items);
    visit(index(item), weight);
    weight *= static_cast<float>(options.decay);
  }
}

}  // namespace tessera
