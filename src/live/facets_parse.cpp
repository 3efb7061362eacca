#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "live/facets.h"

namespace tessera::live {

namespace {

constexpr size_t kMaxFacetFields = 50;
constexpr size_t kMaxFacetRanges = 100;
constexpr size_t kMaxFacetBytes = 4096;

/// Cuts at the signs that stand outside of parentheses and brackets.
std::vector<std::string_view> cut_outside(std::string_view text, char sign) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (text[i] == '(' || text[i] == '[')) ++depth;
    if (i < text.size() && (text[i] == ')' || text[i] == ']')) --depth;
    if (i == text.size() || (text[i] == sign && depth == 0)) {
      parts.push_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  return parts;
}

double range_end(std::string_view text, double open, std::string_view range) {
  text = trimmed(text);
  if (text.empty()) return open;
  const double value = parse_number(text);
  TESSERA_CHECK(!std::isnan(value), data, "facet_by: {} is no range, wanted low..high or label:[low,high]",
                excerpt(range));
  return value;
}

FacetRange parse_range(std::string_view text) {
  std::string_view label = text, ends = text;
  std::string_view between = "..";
  if (text.ends_with(']')) {
    const size_t bracket = text.rfind('[');
    const size_t colon = bracket == std::string_view::npos ? bracket : text.substr(0, bracket).rfind(':');
    TESSERA_CHECK(colon != std::string_view::npos && trimmed(text.substr(colon + 1, bracket - colon - 1)).empty(), data,
                  "facet_by: {} is no range, wanted low..high or label:[low,high]", excerpt(text));
    label = trimmed(text.substr(0, colon));
    ends = text.substr(bracket + 1, text.size() - bracket - 2);
    between = ",";
  }
  const size_t middle = ends.find(between);
  TESSERA_CHECK(middle != std::string_view::npos && !label.empty(), data,
                "facet_by: {} is no range, wanted low..high or label:[low,high]", excerpt(text));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  FacetRange range{std::string(label), range_end(ends.substr(0, middle), -kInfinity, text),
                   range_end(ends.substr(middle + between.size()), kInfinity, text)};
  TESSERA_CHECK(range.low < range.high, data, "facet_by: the range {} is empty, wanted low below high", excerpt(text));
  return range;
}

bool is_countable(const Field& field) {
  return field.kind != FieldKind::id && field.kind != FieldKind::title && field.kind != FieldKind::description;
}

void parse_facet_arguments(std::string_view inside, FacetField& facet) {
  if (inside.starts_with("sort_by")) {
    const std::string_view order = trimmed(inside.substr(inside.find(':') + 1));
    TESSERA_CHECK(!facet.field.is_number() && (order == "_alpha:asc" || order == "_alpha:desc"), data,
                  "facet_by: found {} in {}, wanted sort_by:_alpha:asc or desc, on a text field", excerpt(inside),
                  excerpt(facet.name));
    facet.order = order.ends_with(":asc") ? FacetField::Order::ascending : FacetField::Order::descending;
    return;
  }
  TESSERA_CHECK(facet.field.is_number(), data, "facet_by: found ranges ({}) for {}, which is not a number field",
                inside, facet.name);
  for (const std::string_view range : cut_outside(inside, ',')) facet.ranges.push_back(parse_range(range));
  TESSERA_CHECK(facet.ranges.size() <= kMaxFacetRanges, data, "facet_by: {} ranges of {}, wanted at most {}",
                facet.ranges.size(), excerpt(facet.name), kMaxFacetRanges);
}

}  // namespace

std::vector<FacetField> parse_facet_by(std::string_view text) {
  std::vector<FacetField> fields;
  if (trimmed(text).empty()) return fields;
  TESSERA_CHECK(text.size() <= kMaxFacetBytes, data, "facet_by: {} bytes of text, wanted at most {}", text.size(),
                kMaxFacetBytes);
  const auto parts = cut_outside(text, ',');
  TESSERA_CHECK(parts.size() <= kMaxFacetFields, data, "facet_by: {} fields, wanted at most {}", parts.size(),
                kMaxFacetFields);
  for (const std::string_view part : parts) {
    FacetField& facet = fields.emplace_back();
    const size_t open = part.find('(');
    facet.name = trimmed(part.substr(0, open));
    const auto field = parse_field(facet.name);
    TESSERA_CHECK(field, data, "facet_by: found {}, wanted field names with commas between them", excerpt(text));
    TESSERA_CHECK(is_countable(*field), data,
                  "facet_by: {} cannot be counted; wanted brand, category, category.lvlN, price, created_at, available "
                  "or an attribute",
                  excerpt(facet.name));
    facet.field = *field;
    if (open == std::string_view::npos) continue;
    TESSERA_CHECK(part.ends_with(')'), data, "facet_by: found {}, wanted a ')' at its end", excerpt(part));
    parse_facet_arguments(trimmed(part.substr(open + 1, part.size() - open - 2)), facet);
  }
  return fields;
}

}  // namespace tessera::live
