#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/filter.h"

namespace tessera::live {

/// Numbers from `low` on and below `high`, counted as one value.
struct FacetRange {
  std::string label;
  double low, high;
};

/// A field to count.
struct FacetField {
  Field field;
  std::string name;  ///< as the request writes it
  std::vector<FacetRange> ranges;
  enum class Order { count, ascending, descending } order = Order::count;
};

/// Reads Typesense's `facet_by`: names with commas between them, such as `brand,category.lvl0,price(0..10,10..50)`.
/// A number field takes ranges, `low..high` or `label:[low,high]`, one end of which may be left out; a text field
/// `(sort_by:_alpha:asc)` or `desc`, for values in the order of their folded text rather than of their counts.
/// Countable are brand, category, categories, category.lvlN, price, created_at, available and attributes.
/// @throws Error(data) with the field and what was wanted; for more than 50 fields, 100 ranges of one or 4096 bytes
std::vector<FacetField> parse_facet_by(std::string_view text);

struct FacetOptions {
  int64_t max_values = 10;  ///< of each field, 0 to 1000
  /// "field:prefix": the field's values only that start with the prefix, or one of whose words does (folded).
  std::string query;
  /// Counts of a field ignore the filter's own conditions on it (Filter::without): what a person could choose instead.
  /// Turn it off for clients that ask once for each field, such as InstantSearch.
  bool disjunctive = true;
  Deadline deadline = kNoDeadline;  ///< for the filters, as in Filter::evaluate
};

struct FacetValue {
  std::string value;
  int64_t count;
  std::string highlighted;  ///< value with <mark> around what the query matched; not escaped
};

struct FacetCounts {
  std::string field_name;
  std::vector<FacetValue> counts;  ///< descending by count, then ascending by value (numbers by size)
  int64_t total_values = 0;        ///< distinct values in all, those beyond max_values too
  /// Of number fields with at least one value.
  struct Stats {
    double min, max, avg, sum;
  };
  std::optional<Stats> stats;
};

/// Counts the values of the fields among the matches. An item counts once for each of its values; of `category` these
/// are the names of all levels. Of an attribute that was a list, its elements.
/// @param matches  what would match without the filter, e.g. all items a query found; the filter is applied here
/// @param cache    of the LiveCatalogue, or nullptr
/// @throws Error(data) for an unknown field, bad options or a query of more than 200 bytes, or as Filter::evaluate
std::vector<FacetCounts> count_facets(const CatalogueView& view, const std::vector<FacetField>& fields,
                                      const ItemSet& matches, const Filter& filter, const FacetOptions& options = {},
                                      FilterCache* cache = nullptr);

/// `facet_counts` of Typesense: [{field_name, counts: [{value, count, highlighted}], stats: {min, max, avg, sum,
/// total_values}}].
nlohmann::json to_json(const std::vector<FacetCounts>& facets);

}  // namespace tessera::live
