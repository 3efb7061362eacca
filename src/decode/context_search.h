#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/ids.h"
#include "semid/item_filter.h"
#include "semid/trie.h"

namespace tessera {

/// The score of a place where no beam is.
inline constexpr float kNoBeam = -std::numeric_limits<float>::infinity();

struct BeamOptions {
  int64_t beam = 50;         ///< beams kept a context; raised to the largest k asked for
  bool renormalise = false;  ///< false: p(code) over the whole level, so that scores are likelihoods (mask after
                             ///< softmax); true: over the codes the trie and filter allow (mask before). Handbook 1.5.
};

/// What one context of a batch may be answered with.
struct BeamQuery {
  int64_t k = 10;
  const ItemFilter* filter = nullptr;    ///< null: all items
  std::span<const ItemId> exclude = {};  ///< never answered
  int64_t beam = 0;                      ///< 0: that of the options

  /// Beams that are kept for this query.
  int64_t width(int64_t usual) const { return std::max(beam > 0 ? beam : usual, k); }
};

struct BeamAnswer {
  std::vector<ItemId> items;  ///< best first; ties go to the lower item
  std::vector<float> scores;  ///< log-probability of the item's codes, in nats
};

/// Which items a query allows, asked for intervals of trie positions. Cheap to make: nothing is marked in advance, so
/// the cost of a search does not grow with the catalogue.
class AllowedItems {
 public:
  AllowedItems() = default;
  AllowedItems(const Trie& trie, const BeamQuery& query);
  bool everything() const { return filter_ == nullptr && excluded_.empty(); }
  /// Whether [first, last) holds an allowed position.
  bool any(int32_t first, int32_t last) const;

 private:
  const ItemFilter* filter_ = nullptr;
  std::vector<int32_t> excluded_;  ///< positions, ascending
};

/// The constrained beam search of one context on the CPU: live beams are nodes of the trie that hold an allowed item,
/// so min(k, allowed) items come back. Who computes the logits is nothing to it. Ties go to the earlier beam, then to
/// the lower code. Reusable: start() forgets everything but its memory.
class ContextSearch {
 public:
  /// @param trie, query  borrowed until the answer is taken; @param width  beams kept, at least query.k
  void start(const Trie& trie, const BeamQuery& query, int64_t width, bool renormalise);

  int64_t width() const {
    return static_cast<int64_t>(beams_.size());
  }  ///< live beams; 1 at the start, 0: nothing allowed
  int64_t depth() const { return depth_; }
  bool finished() const { return depth_ == trie_->levels(); }
  int32_t token(int64_t beam) const { return beams_[static_cast<size_t>(beam)].token; }    ///< the code it took last
  int32_t node(int64_t beam) const { return beams_[static_cast<size_t>(beam)].node; }      ///< of the trie, at depth()
  int32_t parent(int64_t beam) const { return beams_[static_cast<size_t>(beam)].parent; }  ///< the beam it extends

  /// Extends every beam by the children of its node and keeps the best.
  /// @param logits  of beam w at logits + w * stride: one for each code of the level; NaN never wins
  /// @param totals  [width()] log(sum(exp(logits))) of each beam over the whole level
  void extend(const float* logits, int64_t stride, const float* totals);

  /// Once finished: the items, those that share a code in item order.
  BeamAnswer answer() const;

 private:
  struct Beam {
    float score;
    int32_t parent, node, token;
  };
  static bool before(const Beam& a, const Beam& b);
  float renormalised(const Beam& beam, const float* logits) const;
  void keep(const Beam& beam);

  const Trie* trie_ = nullptr;
  AllowedItems allowed_;
  int64_t k_ = 0, depth_ = 0;
  size_t width_ = 0;
  bool renormalise_ = false;
  std::vector<Beam> beams_, next_;
};

/// log(sum(exp(row))) over `size` values.
float log_sum_exp(const float* row, int64_t size);

/// Sorts by score, ties by item, and keeps k.
BeamAnswer ranked(std::vector<std::pair<float, ItemId>> found, int64_t k);

}  // namespace tessera
