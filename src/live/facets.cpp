#include "live/facets.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "live/columns.h"

namespace tessera::live {

namespace {

constexpr int64_t kMaxFacetValues = 1000;
constexpr size_t kMaxQueryBytes = 200;

/// What facet_query asks of one field.
struct FacetQuery {
  std::string prefix;  ///< folded; empty: every value
  bool matches(const std::string& folded) const {
    if (folded.starts_with(prefix)) return true;
    if (folded.find(prefix) == std::string::npos) return false;
    const auto words = words_of_folded(folded);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return word.starts_with(prefix); });
  }
};

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

/// The value with <mark> around the first part of it that folds to the prefix and starts where a word does.
std::string highlight(const std::string& value, const std::string& prefix) {
  if (prefix.empty()) return value;
  for (size_t begin = 0; begin < value.size(); ++begin) {
    const bool word_start = begin == 0 || !std::isalnum(static_cast<unsigned char>(value[begin - 1]));
    if (!word_start || !starts_character(value[begin]) || value[begin] == ' ') continue;
    const size_t furthest = std::min(value.size(), begin + 4 * prefix.size());
    if (!fold(std::string_view(value).substr(begin, furthest - begin)).starts_with(prefix)) continue;
    for (size_t end = begin + 1; end <= furthest; ++end) {
      if (end < value.size() && !starts_character(value[end])) continue;
      if (fold(std::string_view(value).substr(begin, end - begin)) != prefix) continue;
      return fmt::format("{}<mark>{}</mark>{}", value.substr(0, begin), value.substr(begin, end - begin),
                         value.substr(end));
    }
  }
  return value;
}

template <class T, class Before>
void keep_first(std::vector<T>& values, int64_t count, Before&& before) {
  const auto n = std::min(values.size(), static_cast<size_t>(count));
  std::partial_sort(values.begin(), values.begin() + static_cast<ptrdiff_t>(n), values.end(), before);
  values.resize(n);
}

/// [dictionary size] items of the set with each text.
std::vector<int64_t> count_codes(const TextColumn& column, const ItemSet& set) {
  std::vector<int64_t> counts;
  {
    const std::shared_lock lock(column.dictionary->mutex);
    counts.resize(column.dictionary->size(), 0);
  }
  set.for_each([&](ItemId item) {
    const TextPart& part = *column.parts[static_cast<size_t>(index(item)) / kChunkSlots];
    const size_t i = static_cast<size_t>(index(item)) % kChunkSlots;
    const size_t begin = part.offsets.empty() ? i : part.offsets[i];
    const size_t end = part.offsets.empty() ? i + 1 : part.offsets[i + 1];
    for (size_t c = begin; c < end; ++c) {
      if ((part.codes[c] & TextPart::kFilterOnly) == 0) ++counts[part.codes[c]];
    }
  });
  counts[0] = 0;
  return counts;
}

void count_texts(const CatalogueView& view, const FacetField& facet, const ItemSet& set, const FacetQuery& query,
                 int64_t max_values, FacetCounts& result) {
  const TextColumn& column = text_column(view, facet.field);
  const std::vector<int64_t> counts = count_codes(column, set);
  const std::shared_lock lock(column.dictionary->mutex);
  const Dictionary& dictionary = *column.dictionary;
  std::vector<uint32_t> codes;
  for (uint32_t code = 1; code < counts.size(); ++code) {
    if (counts[code] > 0 && (query.prefix.empty() || query.matches(dictionary[code].folded))) codes.push_back(code);
  }
  result.total_values = static_cast<int64_t>(codes.size());
  keep_first(codes, max_values, [&](uint32_t a, uint32_t b) {
    if (facet.order == FacetField::Order::descending) return dictionary[a].folded > dictionary[b].folded;
    if (facet.order == FacetField::Order::count && counts[a] != counts[b]) return counts[a] > counts[b];
    return dictionary[a].folded < dictionary[b].folded;
  });
  for (const uint32_t code : codes) {
    const std::string& shown = dictionary[code].shown;
    result.counts.push_back({shown, counts[code], highlight(shown, query.prefix)});
  }
}

std::string number_label(const Field& field, double value) {
  if (field.kind == FieldKind::available) return value != 0 ? "true" : "false";
  return fmt::format("{}", value);
}

/// Calls f(value) for the numbers of the set that are known.
template <class F>
void for_each_number(const NumberColumn& column, const ItemSet& set, F&& f) {
  set.for_each([&](ItemId item) {
    const auto i = static_cast<size_t>(index(item));
    const double value = column.parts[i / kChunkSlots]->values[i % kChunkSlots];
    if (!std::isnan(value)) f(value);
  });
}

void count_numbers(const CatalogueView& view, const FacetField& facet, const ItemSet& set, const FacetQuery& query,
                   int64_t max_values, FacetCounts& result) {
  const NumberColumn& column = number_column(view, facet.field);
  FacetCounts::Stats stats{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0, 0};
  int64_t num_values = 0;
  std::unordered_map<double, int64_t> counts;
  std::vector<int64_t> in_range(facet.ranges.size(), 0);
  for_each_number(column, set, [&](double value) {
    stats.min = std::min(stats.min, value);
    stats.max = std::max(stats.max, value);
    stats.sum += value;
    ++num_values;
    if (facet.ranges.empty()) ++counts[value];
    for (size_t r = 0; r < in_range.size(); ++r) {
      if (value >= facet.ranges[r].low && value < facet.ranges[r].high) ++in_range[r];
    }
  });
  if (facet.field.is_number() && num_values > 0) {
    stats.avg = stats.sum / static_cast<double>(num_values);
    result.stats = stats;
  }
  struct Value {
    double order;
    std::string label;
    int64_t count;
  };
  std::vector<Value> values;
  for (const auto& [value, count] : counts) values.push_back({value, "", count});
  for (size_t r = 0; r < in_range.size(); ++r) {
    if (in_range[r] > 0) values.push_back({static_cast<double>(r), facet.ranges[r].label, in_range[r]});
  }
  if (!query.prefix.empty()) {
    std::erase_if(values, [&](const Value& value) {
      return !query.matches(fold(value.label.empty() ? number_label(facet.field, value.order) : value.label));
    });
  }
  result.total_values = static_cast<int64_t>(values.size());
  keep_first(values, max_values, [&](const Value& a, const Value& b) {
    if (facet.order == FacetField::Order::descending) return a.order > b.order;
    if (facet.order == FacetField::Order::count && a.count != b.count) return a.count > b.count;
    return a.order < b.order;
  });
  for (Value& value : values) {
    if (value.label.empty()) value.label = number_label(facet.field, value.order);
    result.counts.push_back({value.label, value.count, highlight(value.label, query.prefix)});
  }
}

/// Field and prefix of a facet_query.
std::pair<std::optional<Field>, FacetQuery> parse_facet_query(std::string_view text,
                                                              const std::vector<FacetField>& fields) {
  if (trimmed(text).empty()) return {};
  TESSERA_CHECK(text.size() <= kMaxQueryBytes, data, "facet_query: {} bytes of text, wanted at most {}", text.size(),
                kMaxQueryBytes);
  const size_t colon = text.find(':');
  const auto field = parse_field(trimmed(text.substr(0, colon)));
  TESSERA_CHECK(field && colon != std::string_view::npos, data,
                "facet_query: found {}, wanted the name of a field, ':' and a prefix", excerpt(text));
  const bool counted =
      std::any_of(fields.begin(), fields.end(), [&](const FacetField& facet) { return facet.field == *field; });
  TESSERA_CHECK(counted, data, "facet_query: the field {} is not in facet_by", excerpt(to_string(*field)));
  return {field, {fold(text.substr(colon + 1))}};
}

}  // namespace

std::vector<FacetCounts> count_facets(const CatalogueView& view, const std::vector<FacetField>& fields,
                                      const ItemSet& matches, const Filter& filter, const FacetOptions& options,
                                      FilterCache* cache) {
  TESSERA_CHECK(options.max_values >= 0 && options.max_values <= kMaxFacetValues, data,
                "max_facet_values: found {}, wanted 0 to {}", options.max_values, kMaxFacetValues);
  const auto [query_field, query] = parse_facet_query(options.query, fields);
  const auto filtered = [&](const Filter& some) {
    return matches &
           (cache != nullptr ? *cache->evaluate(some, view, options.deadline) : some.evaluate(view, options.deadline));
  };
  for (const FacetField& facet : fields) {
    if (!is_known(facet.field, view)) fail_unknown(facet.field, view, "facet_by");
  }
  std::vector<FacetCounts> results;
  std::optional<ItemSet> all_conditions;
  for (const FacetField& facet : fields) {
    const Filter others = options.disjunctive ? filter.without(facet.field) : filter;
    const bool is_whole = others.text() == filter.text();
    if (is_whole && !all_conditions) all_conditions = filtered(filter);
    const ItemSet own_set = is_whole ? ItemSet() : filtered(others);
    const ItemSet& set = is_whole ? *all_conditions : own_set;
    const FacetQuery own_query = query_field && *query_field == facet.field ? query : FacetQuery{};
    FacetCounts& result = results.emplace_back();
    result.field_name = facet.name;
    const bool numbers = facet.field.is_number() || facet.field.kind == FieldKind::available;
    (numbers ? count_numbers : count_texts)(view, facet, set, own_query, options.max_values, result);
  }
  return results;
}

nlohmann::json to_json(const std::vector<FacetCounts>& facets) {
  nlohmann::json list = nlohmann::json::array();
  for (const FacetCounts& facet : facets) {
    nlohmann::json counts = nlohmann::json::array();
    for (const FacetValue& value : facet.counts) {
      counts.push_back({{"value", value.value}, {"count", value.count}, {"highlighted", value.highlighted}});
    }
    nlohmann::json stats = {{"total_values", facet.total_values}};
    if (facet.stats) {
      stats.update(
          {{"min", facet.stats->min}, {"max", facet.stats->max}, {"avg", facet.stats->avg}, {"sum", facet.stats->sum}});
    }
    list.push_back({{"field_name", facet.field_name}, {"counts", std::move(counts)}, {"stats", std::move(stats)}});
  }
  return list;
}

}  // namespace tessera::live
