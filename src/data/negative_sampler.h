#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/options.h"
#include "base/random.h"

namespace tessera {

/// Draws numbers in proportion to weights in constant time (Walker 1977, built as in Vose 1991).
class AliasTable {
 public:
  /// @param weights  finite, >= 0, at least one > 0. @throws Error(data)
  explicit AliasTable(std::span<const double> weights);
  int64_t size() const { return static_cast<int64_t>(threshold_.size()); }
  int64_t draw(Random& random) const;

 private:
  std::vector<double> threshold_;  ///< chance that a column keeps its own number
  std::vector<int32_t> alias_;
};

struct NegativeSamplerOptions {
  std::string kind = "uniform";
  double alpha = 0.75;
  template <class F>
  void fields(F& f) {
    f("kind", kind, "what negatives are drawn by", one_of({"uniform", "popularity"}));
    f("alpha", alpha, "popularity: exponent of the training count of an item", range(0, 4));
  }
};

/// Draws items that are not the answer. What is drawn depends on nothing but (seed, step, row), so the order and number
/// of threads do not matter. Immutable; concurrent use is safe.
class NegativeSampler {
 public:
  /// @param train_counts  training events by item (Split::train_counts); an item without any is drawn by "uniform"
  /// alone
  /// @throws Error(config | data)
  NegativeSampler(const NegativeSamplerOptions& options, std::span<const int64_t> train_counts, uint64_t seed);

  int64_t num_items() const { return static_cast<int64_t>(log_q_.size()); }
  /// Fills `negatives` with items, drawn with repetition, none of which is in `positives`.
  /// @param positives  ascending
  /// @param step, row  name the draw: training step and row of its batch
  /// @throws Error(data) if there is nothing to draw beside the positives
  void sample(std::span<const ItemId> positives, int64_t step, int64_t row, std::span<ItemId> negatives) const;
  /// ln of the chance that one draw is this item, before positives are excluded (-inf: never). Subtract it from an
  /// item's logit in a sampled softmax.
  float log_q(ItemId item) const { return log_q_[static_cast<size_t>(index(item))]; }

 private:
  ItemId draw(Random& random) const;

  std::vector<AliasTable> table_;  ///< none: uniform
  std::vector<float> log_q_;
  uint64_t seed_;
};

/// ln of the chance that a batch's negative is the item, where the other answers of the batch serve as negatives: the
/// item's share of all training answers. An item without training events gets the value of one event, so that it stays
/// finite. Paper: Yi et al., Sampling-bias-corrected neural modeling (RecSys'19), with counts in place of the streaming
/// estimate.
/// @return [num_items] in nats
/// @throws Error(data) if there are no training events
std::vector<float> in_batch_log_q(std::span<const int64_t> train_counts);

/// [batch, batch] mask, row-major: 1 where the answer of column j may serve as a negative of row i, 0 on the diagonal
/// and where it is the same item as row i's answer.
std::vector<uint8_t> in_batch_mask(std::span<const ItemId> answers);

}  // namespace tessera
