#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "live/fields.h"
#include "live/hit.h"

namespace tessera::live {

struct SortKey {
  bool by_score = false;  ///< `_score`, also `_text_match`
  Field field;            ///< otherwise
  bool descending = false;
};

/// Reads `sort_by`: up to three of `field:asc` and `field:desc` with commas between them, such as
/// `price:asc,_score:desc,created_at:desc`. Fields: price, created_at, available, id, title, brand, attributes.
/// Empty text: no keys.
/// @throws Error(data) with what was found and wanted
std::vector<SortKey> parse_sort_by(std::string_view text);

/// Puts hits in order: by the keys; then, or without any, by score, descending; then by ItemId. Numbers by size, texts
/// by their folded form, byte by byte; of an attribute those texts that are numbers come, by size, before the others.
/// A missing value comes last in both directions. A score that is NaN counts as the lowest.
/// @param limit  hits after the first so many of the order are dropped, which is faster than ordering all
/// @throws Error(data) for a field that no item ever had
void sort_hits(std::vector<Hit>& hits, const std::vector<SortKey>& keys, const CatalogueView& view,
               size_t limit = SIZE_MAX);

}  // namespace tessera::live
