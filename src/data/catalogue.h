#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace tessera {

/// One product, as in `items.jsonl` (architecture, section 4).
struct Item {
  std::string id;  ///< the shop's own name of it; unique
  std::string title;
  std::string description;
  std::string brand;
  std::vector<std::vector<std::string>> categories;         ///< paths, from the root down
  double price = std::numeric_limits<double>::quiet_NaN();  ///< NaN: unknown
  std::map<std::string, std::string> attributes;
  bool available = true;
  int64_t created_at = 0;  ///< seconds since 1970 UTC; 0: unknown
  std::string image;       ///< path relative to the dataset folder, or ""
};

/// What to call an item in front of people: title, or else its attributes' text, or else its id.
std::string display_name(const Item& item);

/// The items of a dataset; an ItemId is a position here. Immutable once filled; concurrent reads are safe.
class Catalogue {
 public:
  /// @throws Error(data) if the id is empty or already there
  ItemId add(Item item);
  int64_t size() const { return static_cast<int64_t>(items_.size()); }
  const Item& operator[](ItemId id) const { return items_[static_cast<size_t>(index(id))]; }
  const std::vector<Item>& items() const { return items_; }
  std::optional<ItemId> find(std::string_view id) const;
  /// @throws Error(data) naming the id (and a near one, if any)
  ItemId at(std::string_view id) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::vector<Item> items_;
  std::unordered_map<std::string, ItemId, Hash, std::equal_to<>> by_id_;
};

}  // namespace tessera
