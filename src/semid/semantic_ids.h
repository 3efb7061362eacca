#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/matrix.h"

namespace tessera {

/// A semantic ID for every item: `levels` small integers, from coarse to fine.
struct SemanticIds {
  std::vector<int32_t> level_sizes;  ///< codes of level l are in [0, level_sizes[l])
  std::vector<int32_t> codes;        ///< [num_items, levels], row-major
  std::vector<Matrix>
      codebooks;  ///< [level_sizes[l], dim] each; fewer than levels when the last level only tells collisions apart
  std::map<std::string, std::string> metadata;  ///< method, options, hash of the vectors

  int64_t levels() const { return static_cast<int64_t>(level_sizes.size()); }
  int64_t num_items() const { return levels() == 0 ? 0 : static_cast<int64_t>(codes.size()) / levels(); }
  std::span<const int32_t> of(ItemId item) const {
    return std::span(codes).subspan(static_cast<size_t>(index(item)) * level_sizes.size(), level_sizes.size());
  }
};

/// Adds a last level that tells items with equal codes apart: the n-th item of a bucket (in item order) gets n.
/// Its size is that of the largest bucket. Paper: TIGER, arXiv:2305.05065, sec. 3.1.
void append_collision_level(SemanticIds& ids);

/// `codes` i32 [num_items, levels], `codebook.<l>` f32, metadata.
void save_semantic_ids(const SemanticIds& ids, const std::filesystem::path& file);
/// @throws Error(io | corrupt), e.g. a code outside its level
SemanticIds load_semantic_ids(const std::filesystem::path& file);

}  // namespace tessera
