#include "live/sort.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "live/words.h"

namespace tessera::live {

namespace {

constexpr size_t kMaxSortKeys = 3;

/// A value to compare: by rank, then number, then text. The rank is 0 for numbers, 1 for texts, 2 for no value.
struct SortValue {
  int rank = 2;
  double number = 0;
  std::string text;
};

SortValue number_value(double number) {
  if (std::isnan(number)) return {};
  return {0, number, ""};
}

SortValue text_value(const std::string& text, bool may_be_number) {
  SortValue value{1, 0, fold(text)};
  if (value.text.empty()) return {};
  const double number = may_be_number ? parse_number(value.text) : std::numeric_limits<double>::quiet_NaN();
  return std::isnan(number) ? value : SortValue{0, number, ""};
}

SortValue sort_value(const SortKey& key, const Hit& hit, const CatalogueView& view) {
  if (key.by_score) return number_value(hit.score);
  const Item& item = view.item(hit.item);
  switch (key.field.kind) {
    case FieldKind::price:
      return number_value(item.price);
    case FieldKind::created_at:
      return item.created_at == 0 ? SortValue{} : number_value(static_cast<double>(item.created_at));
    case FieldKind::available:
      return number_value(item.available ? 1 : 0);
    case FieldKind::id:
      return {1, 0, item.id};
    case FieldKind::title:
      return text_value(item.title, false);
    case FieldKind::brand:
      return text_value(item.brand, false);
    default: {
      const auto it = item.attributes.find(key.field.attribute);
      return it == item.attributes.end() ? SortValue{} : text_value(it->second, true);
    }
  }
}

/// Negative: a first; positive: b first; 0: equal.
int compare(const SortValue& a, const SortValue& b, bool descending) {
  if (a.rank != b.rank) {
    const bool any_missing = std::max(a.rank, b.rank) == 2;
    return (a.rank < b.rank) == (any_missing || !descending) ? -1 : 1;
  }
  int order = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  if (order == 0) order = a.text.compare(b.text);
  return descending ? -order : order;
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
                  "sort_by: found '{}', wanted a field, ':' and asc or desc", part);
    SortKey& key = keys.emplace_back();
    key.descending = direction == "desc";
    const std::string_view name = trimmed(part.substr(0, colon));
    key.by_score = name == "_score" || name == "_text_match";
    if (key.by_score) continue;
    const auto field = parse_field(name);
    const bool sortable = field && field->kind != FieldKind::description && field->kind != FieldKind::category &&
                          field->kind != FieldKind::category_level;
    TESSERA_CHECK(sortable, data,
                  "sort_by: found '{}', wanted _score, price, created_at, available, id, title, brand or an attribute",
                  part);
    key.field = *field;
  }
  TESSERA_CHECK(keys.size() <= kMaxSortKeys, data, "sort_by: found {} keys, wanted at most {}", keys.size(),
                kMaxSortKeys);
  return keys;
}

void sort_hits(std::vector<Hit>& hits, const std::vector<SortKey>& keys, const CatalogueView& view) {
  for (const SortKey& key : keys) {
    if (!key.by_score && !is_known(key.field, view)) fail_unknown(key.field, view, "sort_by");
  }
  std::vector<SortValue> values;  // [hits, keys]
  values.reserve(hits.size() * keys.size());
  for (const Hit& hit : hits) {
    for (const SortKey& key : keys) values.push_back(sort_value(key, hit, view));
  }
  const auto score = [](const Hit& hit) {
    return std::isnan(hit.score) ? -std::numeric_limits<double>::infinity() : hit.score;
  };
  std::vector<size_t> order(hits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t k = 0; k < keys.size(); ++k) {
      const int sign = compare(values[a * keys.size() + k], values[b * keys.size() + k], keys[k].descending);
      if (sign != 0) return sign < 0;
    }
    if (score(hits[a]) != score(hits[b])) return score(hits[a]) > score(hits[b]);
    return hits[a].item < hits[b].item;
  });
  std::vector<Hit> sorted;
  sorted.reserve(hits.size());
  for (const size_t i : order) sorted.push_back(hits[i]);
  hits = std::move(sorted);
}

}  // namespace tessera::live
