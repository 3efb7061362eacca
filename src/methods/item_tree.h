#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/matrix.h"

namespace tessera {

/// A complete binary tree whose leaves are the items, told by the order of its leaves alone: node v of level l, of
/// 2^l, holds the leaves [ceil(v N / 2^l), ceil((v + 1) N / 2^l)) of N, so that the nodes of a level differ by one
/// item at most, and the nodes 2v and 2v + 1 of the next level share out what node v holds. At the last level a node
/// holds one leaf or none. The root is level 0.
class ItemTree {
 public:
  ItemTree() = default;
  /// @param leaves  every item once. @throws Error(data) otherwise
  explicit ItemTree(std::vector<ItemId> leaves);

  int64_t num_items() const { return static_cast<int64_t>(leaves_.size()); }
  int64_t depth() const { return depth_; }  ///< of the leaves; at least 1
  std::span<const ItemId> leaves() const { return leaves_; }
  /// First leaf at or behind node v of a level; v = 2^level: num_items().
  int64_t begin(int64_t level, int64_t v) const { return (v * num_items() + (int64_t{1} << level) - 1) >> level; }
  int64_t end(int64_t level, int64_t v) const { return begin(level, v + 1); }
  /// The node of a level that holds the item.
  int64_t node_of(ItemId item, int64_t level) const {
    return (int64_t{place_[static_cast<size_t>(index(item))]} << level) / num_items();
  }

  /// The items below each node of `level` are dealt out anew to its descendants `gap` levels below; each descendant
  /// gets as many as it holds. The greedy assignment of JTM, arXiv:1902.07565, alg. 2, with its rebalancing: items
  /// ask for their descendants in falling order of liking, and one that is full keeps those that gain most by it.
  /// @param liking  [num_items, 2^gap]: what an item gains below each descendant of its node
  ItemTree dealt(int64_t level, int64_t gap, const Matrix& liking) const;

 private:
  std::vector<ItemId> leaves_;
  std::vector<int32_t> place_;  // by item, its place among the leaves
  int64_t depth_ = 0;
};

/// Halves the items again and again by 2-means, equal halves each time: near leaves are near vectors.
/// @param vectors  [num_items, dim]. @return every item once, in the order of an ItemTree's leaves
std::vector<ItemId> two_means_order(const Matrix& vectors, uint64_t seed);

}  // namespace tessera
