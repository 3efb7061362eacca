#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/negative_sampler.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// The (user, item) pairs of implicit feedback as training examples, with items the user did not have beside them.
class PairExamples {
 public:
  /// @param had  [num_users, num_items], see interactions(); borrowed
  PairExamples(const SparseMatrix& had, const NegativeSamplerOptions& options, std::span<const int64_t> train_counts,
               uint64_t seed);

  int64_t size() const { return static_cast<int64_t>(user_.size()); }
  struct Batch {
    at::Tensor users, positives;  ///< [B] int64 on the CPU
    at::Tensor negatives;         ///< [B, n] int64
  };
  /// Negatives are drawn by torch's generator, which a training seeds by (seed, step).
  Batch batch(std::span<const int64_t> examples, int64_t num_negatives) const;

 private:
  std::vector<int64_t> offsets_;
  std::vector<ItemId> items_;  ///< by user, ascending: the positives of its examples
  std::vector<int32_t> user_;  ///< of each example
  NegativeSampler sampler_;
};

/// Bayesian personalised ranking: mean of -ln sigmoid(positive - negative). Rendle et al., UAI 2009, sec. 4.1.
/// @param positive  [B]; @param negative  [B, n]
at::Tensor bpr_loss(const at::Tensor& positive, const at::Tensor& negative);

}  // namespace tessera
