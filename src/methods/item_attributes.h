#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <vector>

#include "data/catalogue.h"

namespace tessera {

/// What items have in common, as numbers: each name within a category path, the brand, and each attribute with its
/// value is one attribute. What a single item holds, or every item, tells nothing and is left out.
struct ItemAttributes {
  int64_t count = 0;             ///< attributes there are; may be 0
  std::vector<int64_t> offsets;  ///< num_items + 1
  std::vector<int64_t> ids;      ///< of item i: [offsets[i], offsets[i + 1]), ascending, within [0, count)

  int64_t num_items() const { return static_cast<int64_t>(offsets.size()) - 1; }
  /// @return [num_items + 1, A] int64 on the device: an item's attributes, then `count`; the last row is padding.
  /// A >= 1 is the most that an item has.
  at::Tensor padded(c10::Device device) const;
};

/// Numbers go by first appearance in the catalogue.
/// @param most  attributes kept of an item, the first ones
ItemAttributes item_attributes(const Catalogue& items, int64_t most = 32);

}  // namespace tessera
