#include "data/item_json.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/time.h"

namespace tessera {

namespace {

using Json = nlohmann::json;

std::string shortened(const Json& value) {
  std::string text = to_line(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// The field, or nullptr when it is absent or null.
const Json* field(const Json& row, const char* name) {
  const auto it = row.find(name);
  return it == row.end() || it->is_null() ? nullptr : &*it;
}

std::string string_field(const Json& row, const char* name) {
  const Json* value = field(row, name);
  if (value == nullptr) return {};
  TESSERA_CHECK(value->is_string(), data, "{} must be a string, found {}", name, shortened(*value));
  return value->get<std::string>();
}

std::string id_field(const Json& row) {
  const Json* value = field(row, "id");
  TESSERA_CHECK(value != nullptr, data, "it has no id");
  if (value->is_number_integer()) return value->dump();
  TESSERA_CHECK(value->is_string() && !value->get_ref<const std::string&>().empty(), data,
                "id must be a string that is not empty, found {}", shortened(*value));
  return value->get<std::string>();
}

std::vector<std::string> path_of(const Json& value) {
  std::vector<std::string> path;
  for (const Json& name : value) {
    TESSERA_CHECK(name.is_string(), data, "categories must be lists of names, found {}", shortened(name));
    path.push_back(name.get<std::string>());
  }
  return path;
}

std::vector<std::vector<std::string>> categories_field(const Json& row) {
  const Json* value = field(row, "categories");
  if (value == nullptr || (value->is_array() && value->empty())) return {};
  TESSERA_CHECK(value->is_array(), data, "categories must be a list of paths, found {}", shortened(*value));
  if (value->front().is_string()) return {path_of(*value)};
  std::vector<std::vector<std::string>> paths;
  for (const Json& path : *value) {
    TESSERA_CHECK(path.is_array(), data, "categories must be a list of paths, found {}", shortened(*value));
    if (!path.empty()) paths.push_back(path_of(path));
  }
  return paths;
}

std::string attribute_value(const std::string& name, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  TESSERA_CHECK(value.is_array(), data, "attribute '{}' must be a string, number, boolean or list of them, found {}",
                name, shortened(value));
  std::string joined;
  for (const Json& part : value) {
    TESSERA_CHECK(part.is_primitive(), data, "attribute '{}' must not nest lists or objects, found {}", name,
                  shortened(part));
    if (part.is_null()) continue;
    if (!joined.empty()) joined += ", ";
    joined += attribute_value(name, part);
  }
  return joined;
}

std::map<std::string, std::string> attributes_field(const Json& row) {
  const Json* value = field(row, "attributes");
  if (value == nullptr) return {};
  TESSERA_CHECK(value->is_object(), data, "attributes must be an object, found {}", shortened(*value));
  std::map<std::string, std::string> attributes;
  for (const auto& [name, part] : value->items()) {
    if (!part.is_null()) attributes[name] = attribute_value(name, part);
  }
  return attributes;
}

double price_field(const Json& row) {
  const Json* value = field(row, "price");
  if (value == nullptr) return std::numeric_limits<double>::quiet_NaN();
  TESSERA_CHECK(value->is_number(), data, "price must be a number, found {}", shortened(*value));
  const double price = value->get<double>();
  TESSERA_CHECK(std::isfinite(price) && price >= 0, data, "price must be finite and not negative, found {}",
                shortened(*value));
  return price;
}

int64_t created_at_field(const Json& row) {
  const Json* value = field(row, "created_at");
  if (value == nullptr) return 0;
  TESSERA_CHECK(value->is_string() || value->is_number_integer(), data, "created_at must be a time, found {}",
                shortened(*value));
  const auto time = parse_time(value->is_string() ? value->get<std::string>() : value->dump());
  TESSERA_CHECK(time, data, "created_at must be a time such as 2026-03-01T00:00:00Z, found {}", shortened(*value));
  return *time;
}

std::string image_field(const Json& row) {
  const std::string image = string_field(row, "image");
  const std::filesystem::path path(image);
  bool inside = !path.is_absolute();
  for (const auto& part : path) inside = inside && part != "..";
  TESSERA_CHECK(inside, data, "image must be a path within the dataset folder, found '{}'", image);
  return image;
}

}  // namespace

Item item_from_json(const Json& row) {
  TESSERA_CHECK(row.is_object(), data, "an item must be a JSON object, found {}", shortened(row));
  Item item;
  item.id = id_field(row);
  item.title = string_field(row, "title");
  item.description = string_field(row, "description");
  item.brand = string_field(row, "brand");
  item.categories = categories_field(row);
  item.price = price_field(row);
  item.attributes = attributes_field(row);
  if (const Json* available = field(row, "available")) {
    TESSERA_CHECK(available->is_boolean(), data, "available must be true or false, found {}", shortened(*available));
    item.available = available->get<bool>();
  }
  item.created_at = created_at_field(row);
  item.image = image_field(row);
  return item;
}

std::string item_to_json(const Item& item) {
  nlohmann::ordered_json row;
  row["id"] = item.id;
  if (!item.title.empty()) row["title"] = item.title;
  if (!item.description.empty()) row["description"] = item.description;
  if (!item.brand.empty()) row["brand"] = item.brand;
  if (!item.categories.empty()) row["categories"] = item.categories;
  if (std::isfinite(item.price)) row["price"] = item.price;
  if (!item.attributes.empty()) row["attributes"] = item.attributes;
  if (!item.available) row["available"] = false;
  if (item.created_at != 0) row["created_at"] = format_time(item.created_at);
  if (!item.image.empty()) row["image"] = item.image;
  return row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parse_object(std::string_view text) {
  Json value;
  try {
    value = Json::parse(text);
  } catch (const Json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 9: ...": the number in brackets is of no use
    // here.
    std::string_view reason = e.what();
    if (const auto end = reason.find("] "); end != std::string_view::npos) reason.remove_prefix(end + 2);
    fail(ErrorKind::data, "not JSON: {}", reason);
  }
  TESSERA_CHECK(value.is_object(), data, "wanted a JSON object, found {}", shortened(value));
  return value;
}

}  // namespace tessera
