#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "semid/semantic_ids.h"

namespace tessera {

/// All semantic IDs as a trie without pointers. Items are sorted by code; their place in that order is their
/// *position*. A node of depth d is the interval of positions that share d codes; nodes of one depth are numbered from
/// the left, and the children of a node are consecutive nodes of the next depth. Depth 0 has one node, the root; depth
/// levels() has the leaves. Items with equal codes share a leaf. Immutable; concurrent reads are safe.
class Trie {
 public:
  Trie() = default;
  explicit Trie(const SemanticIds& ids);

  int64_t levels() const { return static_cast<int64_t>(depths_.size()) - 1; }
  int64_t num_items() const { return static_cast<int64_t>(items_.size()); }
  int64_t num_nodes(int64_t depth) const { return static_cast<int64_t>(depths_[depth].first.size()) - 1; }
  int32_t level_size(int64_t level) const { return level_sizes_[level]; }

  /// Positions [first, second) below a node.
  std::pair<int32_t, int32_t> interval(int64_t depth, int32_t node) const {
    return {depths_[depth].first[node], depths_[depth].first[node + 1]};
  }
  /// Nodes [first, second) of depth + 1 that are its children; depth < levels().
  std::pair<int32_t, int32_t> children(int64_t depth, int32_t node) const {
    return {depths_[depth].child[node], depths_[depth].child[node + 1]};
  }
  /// The code on the edge into a node; depth >= 1.
  int32_t token(int64_t depth, int32_t node) const { return depths_[depth].token[node]; }

  // The same as whole columns, for the device: first [nodes+1], child [nodes+1], token [nodes].
  std::span<const int32_t> firsts(int64_t depth) const { return depths_[depth].first; }
  std::span<const int32_t> child_offsets(int64_t depth) const { return depths_[depth].child; }
  std::span<const int32_t> tokens(int64_t depth) const { return depths_[depth].token; }

  ItemId item_at(int32_t position) const { return items_[position]; }
  int32_t position_of(ItemId item) const { return positions_[static_cast<size_t>(index(item))]; }
  std::span<const ItemId> items_in_order() const { return items_; }
  /// The leaf node of an item.
  int32_t leaf_of(ItemId item) const { return leaf_of_position_[static_cast<size_t>(position_of(item))]; }

 private:
  struct Depth {
    std::vector<int32_t> first, child, token;
  };
  std::vector<int32_t> level_sizes_;
  std::vector<Depth> depths_;
  std::vector<ItemId> items_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> leaf_of_position_;
};

}  // namespace tessera
