#include "live/fields.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/options.h"
#include "live/words.h"

namespace tessera::live {

namespace {

constexpr std::string_view kAttributePrefix = "attributes.";
constexpr std::string_view kLevelInfix = ".lvl";

constexpr std::array<std::pair<std::string_view, FieldKind>, 10> kOwnFields = {{{"id", FieldKind::id},
                                                                                {"title", FieldKind::title},
                                                                                {"description", FieldKind::description},
                                                                                {"brand", FieldKind::brand},
                                                                                {"category", FieldKind::category},
                                                                                {"categories", FieldKind::category},
                                                                                {"price", FieldKind::price},
                                                                                {"available", FieldKind::available},
                                                                                {"in_stock", FieldKind::available},
                                                                                {"created_at", FieldKind::created_at}}};

/// The level of "category.lvl2" or "categories.lvl2".
std::optional<int> level_of(std::string_view name) {
  const size_t infix = name.find(kLevelInfix);
  if (infix == std::string_view::npos) return std::nullopt;
  const std::string_view stem = name.substr(0, infix), level = name.substr(infix + kLevelInfix.size());
  if ((stem != "category" && stem != "categories") || level.size() != 1 || level[0] < '0' || level[0] > '9') {
    return std::nullopt;
  }
  return level[0] - '0';
}

}  // namespace

std::optional<Field> parse_field(std::string_view name) {
  if (name.empty() || name == kAttributePrefix) return std::nullopt;
  if (name.starts_with(kAttributePrefix)) {
    return Field{FieldKind::attribute, 0, std::string(name.substr(kAttributePrefix.size()))};
  }
  for (const auto& [own, kind] : kOwnFields) {
    if (name == own) return Field{kind, 0, ""};
  }
  if (const auto level = level_of(name)) return Field{FieldKind::category_level, *level, ""};
  return Field{FieldKind::attribute, 0, std::string(name)};
}

std::string to_string(const Field& field) {
  if (field.kind == FieldKind::attribute) return fmt::format("{}{}", kAttributePrefix, field.attribute);
  if (field.kind == FieldKind::category_level) return fmt::format("category{}{}", kLevelInfix, field.level);
  const auto* found =
      std::find_if(kOwnFields.begin(), kOwnFields.end(), [&](const auto& own) { return own.second == field.kind; });
  return std::string(found->first);
}

bool is_known(const Field& field, const CatalogueView& view) {
  return field.kind != FieldKind::attribute || view.has_attribute(field.attribute);
}

void fail_unknown(const Field& field, const CatalogueView& view, std::string_view where) {
  std::vector<std::string> names = view.attribute_names();
  for (const auto& own : kOwnFields) names.emplace_back(own.first);
  const std::string near = nearest(field.attribute, names);
  if (near.empty()) {
    fail(ErrorKind::data,
         "{}: there is no field {}; wanted one of id, title, description, brand, category, price, "
         "available, created_at or an attribute of the items",
         where, excerpt(field.attribute));
  }
  fail(ErrorKind::data, "{}: there is no field {}; did you mean '{}'?", where, excerpt(field.attribute), near);
}

}  // namespace tessera::live
