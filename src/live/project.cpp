#include "live/project.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/options.h"
#include "data/item_json.h"
#include "live/words.h"

namespace tessera::live {

namespace {

constexpr size_t kMaxProjectedNames = 100;
constexpr std::string_view kAttributes = "attributes";

std::vector<std::string> parse_names(std::string_view text, std::string_view option) {
  std::vector<std::string> names;
  if (trimmed(text).empty()) return names;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    TESSERA_CHECK(!name.empty(), data, "{}: found {}, wanted names with commas between them", option, excerpt(text));
    names.emplace_back(name == "in_stock" ? "available" : name == "category" ? "categories" : name);
  }
  TESSERA_CHECK(names.size() <= kMaxProjectedNames, data, "{}: found {} names, wanted at most {}", option, names.size(),
                kMaxProjectedNames);
  return names;
}

bool names_match(const std::vector<std::string>& names, std::string_view field) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return name.ends_with('*') ? field.starts_with(name.substr(0, name.size() - 1)) : name == field;
  });
}

}  // namespace

Projection Projection::parse(std::string_view include_fields, std::string_view exclude_fields) {
  Projection projection;
  projection.include_ = parse_names(include_fields, "include_fields");
  projection.exclude_ = parse_names(exclude_fields, "exclude_fields");
  return projection;
}

nlohmann::ordered_json Projection::project(const Item& item) const {
  auto document = nlohmann::ordered_json::parse(item_to_json(item));
  if (include_.empty() && exclude_.empty()) return document;
  const auto shown = [&](std::string_view field) {
    return (include_.empty() || names_match(include_, field)) && !names_match(exclude_, field);
  };
  nlohmann::ordered_json result = nlohmann::ordered_json::object();
  for (const auto& [name, value] : document.items()) {
    if (name != kAttributes) {
      if (shown(name)) result[name] = value;
      continue;
    }
    if (names_match(exclude_, kAttributes)) continue;
    const bool all = include_.empty() || names_match(include_, kAttributes);
    nlohmann::ordered_json attributes = nlohmann::ordered_json::object();
    for (const auto& [attribute, text] : value.items()) {
      const std::string path = fmt::format("{}.{}", kAttributes, attribute);
      if ((all || names_match(include_, path)) && !names_match(exclude_, path)) attributes[attribute] = text;
    }
    if (!attributes.empty()) result[name] = std::move(attributes);
  }
  return result;
}

Item merge_patch(const Item& item, const nlohmann::json& patch) {
  TESSERA_CHECK(patch.is_object(), data, "a patch must be a JSON object, found {}", excerpt(to_line(patch)));
  static const std::vector<std::string> kNames = {"id",    "title",      "description", "brand",      "categories",
                                                  "price", "attributes", "available",   "created_at", "image"};
  for (const auto& [name, value] : patch.items()) {
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) continue;
    const std::string near = nearest(name, kNames);
    fail(ErrorKind::data, "an item has no field {}{}", excerpt(name),
         near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  nlohmann::json document = nlohmann::json::parse(item_to_json(item));
  document.merge_patch(patch);
  Item patched = item_from_json(document);
  TESSERA_CHECK(patched.id == item.id, data, "a patch cannot change the id: found {}, the item is {}",
                excerpt(patched.id), excerpt(item.id));
  return patched;
}

}  // namespace tessera::live
