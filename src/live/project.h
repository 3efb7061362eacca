#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "data/catalogue.h"

namespace tessera::live {

/// Which fields of an item an answer shows.
class Projection {
 public:
  Projection() = default;  ///< all of them
  /// Reads `include_fields` and `exclude_fields`: names with commas between them. A name is a field as data/item_json.h
  /// writes it, `attributes.x`, or either with a `*` at its end; `in_stock` is `available`, `category` is `categories`.
  /// An empty list includes all and excludes nothing; what both name is left out. Names that the item has not are none
  /// of its fields and show nothing.
  /// @throws Error(data) for a name that is empty or more than 100 names
  static Projection parse(std::string_view include_fields, std::string_view exclude_fields);

  /// The item as a JSON object, its fields in the order, and of the types, of data/item_json.h.
  nlohmann::ordered_json project(const Item& item) const;

 private:
  std::vector<std::string> include_, exclude_;
};

/// The item after a JSON merge patch (RFC 7396) of its JSON form: members replace, null removes, objects merge.
/// @param patch  an object. It cannot change the id
/// @throws Error(data) as item_from_json, or for such a patch; for fields that an item does not have
Item merge_patch(const Item& item, const nlohmann::json& patch);

}  // namespace tessera::live
