#include "live/sort.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "live/columns.h"
#include "live/words.h"

namespace tessera::live {

namespace {

constexpr size_t kMaxSortKeys = 3;

/// The values of one key for all hits, to compare by rank, then number, then text.
struct SortColumn {
  static constexpr uint8_t kNumber = 0, kText = 1, kMissing = 2;
  bool descending;
  std::vector<uint8_t> ranks;
  std::vector<double> numbers;
  std::vector<std::string> texts;  ///< empty for number fields

  void add_number(double number) {
    ranks.push_back(std::isnan(number) ? kMissing : kNumber);
    numbers.push_back(number);
  }
  void add_text(std::string text, bool may_be_number) {
    const double number = may_be_number ? parse_number(text) : std::numeric_limits<double>::quiet_NaN();
    ranks.push_back(!std::isnan(number) ? kNumber : text.empty() ? kMissing : kText);
    numbers.push_back(number);
    texts.push_back(std::move(text));
  }
  /// Negative: a first; positive: b first; 0: equal.
  int compare(size_t a, size_t b) const {
    if (ranks[a] == kMissing || ranks[b] == kMissing) return (ranks[a] == kMissing) - (ranks[b] == kMissing);
    int order = ranks[a] - ranks[b];
    if (order == 0 && ranks[a] == kNumber) order = (numbers[a] > numbers[b]) - (numbers[a] < numbers[b]);
    if (order == 0 && ranks[a] == kText) order = texts[a].compare(texts[b]);
    return descending ? -order : order;
  }
};

void add_text_of(const Item& item, const Field& field, SortColumn& column) {
  if (field.kind == FieldKind::id) return column.add_text(item.id, false);
  if (field.kind == FieldKind::title) return column.add_text(fold(item.title), false);
  if (field.kind == FieldKind::brand) return column.add_text(fold(item.brand), false);
  const auto it = item.attributes.find(field.attribute);
  column.add_text(it == item.attributes.end() ? "" : fold(it->second), true);
}

SortColumn sort_column(const SortKey& key, const std::vector<Hit>& hits, const CatalogueView& view) {
  SortColumn column{key.descending, {}, {}, {}};
  column.ranks.reserve(hits.size());
  column.numbers.reserve(hits.size());
  if (key.by_score) {
    for (const Hit& hit : hits) column.add_number(hit.score);
  } else if (key.field.is_number() || key.field.kind == FieldKind::available) {
    const NumberColumn& numbers = number_column(view, key.field);
    for (const Hit& hit : hits) {
      const auto i = static_cast<size_t>(index(hit.item));
      column.add_number(numbers.parts.at(i / kChunkSlots)->values[i % kChunkSlots]);
    }
  } else {
    for (const Hit& hit : hits) add_text_of(view.item(hit.item), key.field, column);
  }
  return column;
}

}  // namespace

std::vector<SortKey> parse_sort_by(std::string_view text) {
  std::vector<SortKey> keys;
  if (trimmed(text).empty()) return keys;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    const size_t colon = part.rfind(':');
    const std::string_view direction = colon == std::string_view::npos ? "" : trimmed(part.substr(colon + 1));
    TESSERA_CHECK(direction == "asc" || direction == "desc", data,
                  "sort_by: found {}, wanted a field, ':' and asc or desc", excerpt(part));
    SortKey& key = keys.emplace_back();
    key.descending = direction == "desc";
    const std::string_view name = trimmed(part.substr(0, colon));
    key.by_score = name == "_score" || name == "_text_match";
    if (key.by_score) continue;
    const auto field = parse_field(name);
    const bool sortable = field && field->kind != FieldKind::description && field->kind != FieldKind::category &&
                          field->kind != FieldKind::category_level;
    TESSERA_CHECK(sortable, data,
                  "sort_by: found {}, wanted _score, price, created_at, available, id, title, brand or an attribute",
                  excerpt(part));
    key.field = *field;
  }
  TESSERA_CHECK(keys.size() <= kMaxSortKeys, data, "sort_by: found {} keys, wanted at most {}", keys.size(),
                kMaxSortKeys);
  return keys;
}

void sort_hits(std::vector<Hit>& hits, const std::vector<SortKey>& keys, const CatalogueView& view, size_t limit) {
  std::vector<SortColumn> columns;
  for (const SortKey& key : keys) {
    if (!key.by_score && !is_known(key.field, view)) fail_unknown(key.field, view, "sort_by");
    columns.push_back(sort_column(key, hits, view));
  }
  const auto score = [](const Hit& hit) {
    return std::isnan(hit.score) ? -std::numeric_limits<double>::infinity() : hit.score;
  };
  const auto before = [&](size_t a, size_t b) {
    for (const SortColumn& column : columns) {
      if (const int order = column.compare(a, b); order != 0) return order < 0;
    }
    if (score(hits[a]) != score(hits[b])) return score(hits[a]) > score(hits[b]);
    return hits[a].item < hits[b].item;
  };
  std::vector<size_t> order(hits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto end = order.begin() + static_cast<ptrdiff_t>(std::min(limit, order.size()));
  std::partial_sort(order.begin(), end, order.end(), before);
  std::vector<Hit> sorted;
  sorted.reserve(static_cast<size_t>(end - order.begin()));
  for (auto it = order.begin(); it != end; ++it) sorted.push_back(hits[*it]);
  hits = std::move(sorted);
}

}  // namespace tessera::live
