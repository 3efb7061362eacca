// Lines as item_to_json writes them are read by simdjson, without a tree of JSON values (docs/results.md: restarts);
// all others and every error by item_from_json, which alone knows the schema.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/item_json.h"
#ifdef TESSERA_WITH_SIMDJSON
#include <simdjson.h>

#include "data/time.h"
#endif

namespace tessera {

namespace {

#ifdef TESSERA_WITH_SIMDJSON

using Value = simdjson::dom::element;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

template <class T>
bool read(Value value, T& result) {
  return value.get(result) == simdjson::SUCCESS;
}

bool read(Value value, std::string& text) {
  std::string_view view;
  if (!read(value, view)) return false;
  text = view;
  return true;
}

bool read(Value value, std::vector<std::string>& path) {
  simdjson::dom::array names;
  if (!read(value, names) || names.size() == 0) return false;
  for (const Value name : names) {
    if (!read(name, path.emplace_back())) return false;
  }
  return true;
}

bool read(Value value, std::vector<std::vector<std::string>>& paths) {
  simdjson::dom::array array;
  if (!read(value, array)) return false;
  for (const Value path : array) {
    if (!read(path, paths.emplace_back())) return false;
  }
  return true;
}

bool read(Value value, std::map<std::string, std::string>& attributes) {
  simdjson::dom::object object;
  if (!read(value, object)) return false;
  for (const auto [name, part] : object) {
    std::string text;
    if (!read(part, text) || !attributes.emplace(name, std::move(text)).second) return false;
  }
  return true;
}

bool read_time(Value value, int64_t& time) {
  std::string text;
  if (!read(value, text)) return false;
  const auto parsed = parse_time(text);
  time = parsed.value_or(0);
  return parsed.has_value();
}

bool read_field(std::string_view name, Value value, Item& item) {
  if (name == "id") return read(value, item.id) && !item.id.empty();
  if (name == "title") return read(value, item.title);
  if (name == "description") return read(value, item.description);
  if (name == "brand") return read(value, item.brand);
  if (name == "categories") return read(value, item.categories);
  if (name == "price") return read(value, item.price) && item.price >= 0;
  if (name == "attributes") return read(value, item.attributes);
  if (name == "available") return read(value, item.available);
  if (name == "created_at") return read_time(value, item.created_at);
  if (name == "image") return read(value, item.image) && !item.image.starts_with('/') && !has(item.image, "..");
  return false;
}

/// @return false, with an item half read, where a line is of another form, or wrong
bool read_plain(std::string_view line, Item& item) {
  // simdjson 3.0 takes half a surrogate pair.
  if (has(line, "\\ud") || has(line, "\\uD")) return false;
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object row;
  if (parser.parse(line.data(), line.size()).get(row) != simdjson::SUCCESS) return false;
  std::vector<std::string_view> seen;
  for (const auto [name, value] : row) {
    if (std::find(seen.begin(), seen.end(), name) != seen.end() || !read_field(name, value, item)) return false;
    seen.push_back(name);
  }
  return !item.id.empty();
}

#else

bool read_plain(std::string_view, Item&) {
  return false;
}

#endif

}  // namespace

Item item_from_line(std::string_view line) {
  Item item;
  if (read_plain(line, item)) return item;
  return item_from_json(parse_object(line));
}

}  // namespace tessera
