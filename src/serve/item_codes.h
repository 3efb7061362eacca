#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/serving_model.h"
#include "store/store.h"

namespace tessera::serve {

/// The semantic IDs that a model gave to new and changed items, durable in the store (collection `item_codes`), so that
/// a start gives each item its own again. They are those of the model that answered last. Not thread-safe.
class ItemCodes {
 public:
  using Items = std::span<const std::pair<ItemId, Item>>;

  /// @param store  borrowed
  explicit ItemCodes(Store& store) : store_(store) { reload(); }
  /// Reads all of them again.
  void reload();

  /// What each item had with this model and the text that it has now; empty: nothing.
  /// @return [items.size()], as ServingModel::put_items() takes it
  std::vector<std::vector<int32_t>> of(const ServingModel& model, Items items) const;

  /// Keeps the codes that the model gave to items now, and forgets those of items that are erased. Durable on return;
  /// where nothing is new, nothing is written. @throws Error(io)
  void keep(const ServingModel& model, Items items, std::span<const std::string> erased);

 private:
  Store& store_;
  std::unordered_map<std::string, std::string> lines_;  ///< by item id, as they are stored
};

}  // namespace tessera::serve
