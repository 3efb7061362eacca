#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "live/live_catalogue.h"

namespace tessera::live {

/// What a field of an item is, as filters, facets and orders name it.
enum class FieldKind {
  id,
  title,
  description,
  brand,
  category,        ///< `category`, `categories`: names of all levels, and paths from the root joined with " > "
  category_level,  ///< `category.lvl0`, `category.lvl1` ("A > B"), ...: the first level + 1 names of each path, joined
  price,
  available,  ///< also `in_stock`
  created_at,
  attribute  ///< `attributes.x`, or `x` where no other field has that name
};

struct Field {
  FieldKind kind = FieldKind::attribute;
  int level = 0;          ///< of category_level
  std::string attribute;  ///< name of it
  bool is_number() const { return kind == FieldKind::price || kind == FieldKind::created_at; }
  friend bool operator==(const Field&, const Field&) = default;
};

/// Every name is a field: one that is none of the item's own is an attribute's.
/// @return nothing for an empty name
std::optional<Field> parse_field(std::string_view name);

/// Its name in full: "category.lvl1", "attributes.colour".
std::string to_string(const Field& field);

/// Whether the catalogue can have such a field: all but attributes that no item ever had.
bool is_known(const Field& field, const CatalogueView& view);

/// Raises what to say about a field that is not known. @param where  e.g. "sort_by"
/// @throws Error(data) naming the nearest field there is
[[noreturn]] void fail_unknown(const Field& field, const CatalogueView& view, std::string_view where);

/// Between the names of a path.
constexpr std::string_view kPathSeparator = " > ";
/// Between the values of an attribute that was given as a list (data/item_json.h).
constexpr std::string_view kListSeparator = ", ";

}  // namespace tessera::live
