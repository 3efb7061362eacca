#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "methods/families.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// A vector for each user and each item whose dot products are the scores: what factorisations and graph embeddings
/// end in. Concurrent answers are safe.
class FactorModel {
 public:
  /// Makes the vector of somebody from a history that is not empty. @param vector  [dim], zeros
  using FoldIn = std::function<void(std::span<const ItemId> history, std::span<float> vector)>;

  FactorModel() = default;
  /// @param users         [num_users, dim]; a row of zeros: nothing is known of this user
  /// @param items         [num_items, dim]
  /// @param train_counts  by item: who has no vector and no history is answered by popularity; shorter: zeros follow
  FactorModel(Matrix users, Matrix items, std::vector<int64_t> train_counts);

  /// @param trie     to read filters with; may be null
  /// @param always   everybody's vector is made from the history of the request; false: of unknown users only
  std::vector<Results> answer(std::span<const Request> requests, const Trie* trie, bool always,
                              const FoldIn& fold_in) const;

  const Matrix& users() const { return users_; }
  const Matrix& items() const { return items_; }
  int64_t num_parameters() const { return static_cast<int64_t>(users_.values.size() + items_.values.size()); }

  /// `model.safetensors` in the folder.
  void save(const std::filesystem::path& folder, const std::string& method) const;
  /// @throws Error(corrupt | io | shape)
  static FactorModel load(const std::filesystem::path& folder, const RetrieveInputs& inputs);

 private:
  Matrix users_, items_;
  std::optional<PackedMatrix> packed_;  // items transposed: [dim, num_items]
  std::vector<ItemId> order_;
};

/// Adds the mean of the items' rows to the vector.
void add_mean_row(const Matrix& items, std::span<const ItemId> history, std::span<float> vector);

}  // namespace tessera
