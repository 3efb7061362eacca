#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"
#include "http/problem.h"
#include "serve/face_gorse.h"

namespace tessera::serve {

namespace {

constexpr const char* kNoTime = "0001-01-01T00:00:00Z";

const nlohmann::json* gorse_member(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::string gorse_text(const nlohmann::json& json, const char* name) {
  const nlohmann::json* value = gorse_member(json, name);
  if (value == nullptr) return {};
  if (value->is_number_integer()) return std::to_string(value->get<int64_t>());
  TESSERA_CHECK(value->is_string(), data, "{} must be a string, found {}", name, to_line(*value).substr(0, 60));
  return value->get<std::string>();
}

bool nests(const nlohmann::json& value) {
  return value.is_object() || (value.is_array() && std::any_of(value.begin(), value.end(),
                                                               [](const auto& part) { return part.is_structured(); }));
}

/// Labels as our attributes: texts and lists of texts stay what they are, what nests becomes its JSON text.
nlohmann::json attributes_of_labels(const nlohmann::json& labels) {
  nlohmann::json attributes = nlohmann::json::object();
  if (labels.is_object()) {
    for (const auto& [name, value] : labels.items())
      if (!name.empty() && !value.is_null()) attributes[name] = nests(value) ? nlohmann::json(to_line(value)) : value;
  } else if (!labels.empty()) {
    attributes["labels"] = nests(labels) ? nlohmann::json(to_line(labels)) : labels;
  }
  return attributes;
}

nlohmann::ordered_json label_of_text(const std::string& text) {
  if (!text.empty() && (text.front() == '{' || text.front() == '[')) {
    auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!parsed.is_discarded()) return parsed;
  }
  return text;
}

std::vector<std::vector<std::string>> paths_of(const nlohmann::json& categories) {
  TESSERA_CHECK(categories.is_array(), data, "Categories must be a list of names, found {}",
                to_line(categories).substr(0, 60));
  std::vector<std::vector<std::string>> paths;
  for (const nlohmann::json& name : categories) {
    TESSERA_CHECK(name.is_string(), data, "Categories must be a list of names, found {}",
                  to_line(categories).substr(0, 60));
    if (!name.get_ref<const std::string&>().empty()) paths.push_back({name.get<std::string>()});
  }
  return paths;
}

/// Names of all levels, each once.
std::vector<std::string> category_names(const Item& item) {
  std::vector<std::string> names;
  for (const auto& path : item.categories)
    for (const std::string& name : path)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

/// The members that are there, put over `item`.
void take_members(Item& item, const nlohmann::json& json) {
  if (const nlohmann::json* hidden = gorse_member(json, "IsHidden")) {
    TESSERA_CHECK(hidden->is_boolean(), data, "IsHidden must be true or false, found {}",
                  to_line(*hidden).substr(0, 60));
    item.available = !hidden->get<bool>();
  }
  if (const nlohmann::json* categories = gorse_member(json, "Categories")) {
    auto paths = paths_of(*categories);
    std::vector<std::string> names;
    for (const auto& path : paths) names.push_back(path[0]);
    if (names != category_names(item)) item.categories = std::move(paths);  // else they come back as they went out
  }
  if (gorse_member(json, "Timestamp") != nullptr) item.created_at = time_of_gorse(gorse_text(json, "Timestamp"));
  if (const nlohmann::json* labels = gorse_member(json, "Labels")) {
    const Item read = item_from_json({{"id", "x"}, {"attributes", attributes_of_labels(*labels)}});
    item.attributes = read.attributes;
  }
  if (gorse_member(json, "Comment") != nullptr) item.title = gorse_text(json, "Comment");
}

/// FNV-1a, to make an id of fixed length of a key of any.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

int64_t time_of_gorse(const std::string& text) {
  if (text.empty()) return 0;
  auto time = parse_time(text);
  if (!time) time = parse_time(text + "Z");
  TESSERA_CHECK(time, data, "Timestamp \"{}\" is not a time such as 2026-03-02T10:00:00Z", text.substr(0, 60));
  return *time < kMinTime + 86400 ? 0 : *time;
}

int64_t duration_of_gorse(const std::string& text) {
  const auto wrong = [&]() -> ProblemError {
    return ProblemError({ProblemCode::invalid_parameter,
                         "write-back-delay is \"" + text.substr(0, 60) + "\", wanted a duration such as 1h30m or 90s",
                         "write-back-delay"});
  };
  double seconds = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789.", at), text.size());
    const std::string number = text.substr(at, digits - at);
    if (number.empty() || number.size() > 12 || number.find_first_of("0123456789") == std::string::npos ||
        std::count(number.begin(), number.end(), '.') > 1)
      throw wrong();
    const size_t end = std::min(text.find_first_of("0123456789.", digits), text.size());
    const std::string unit = text.substr(digits, end - digits);
    const double scale = unit == "h" ? 3600 : unit == "m" ? 60 : unit == "s" ? 1 : unit == "ms" ? 1e-3 : 0;
    if (scale == 0) throw wrong();
    seconds += std::stod(number) * scale;
    at = end;
  }
  if (seconds > 366.0 * 86400) throw wrong();
  return std::llround(seconds);
}

Item item_of_gorse(const nlohmann::json& json, const Item* old) {
  Item item;
  if (old != nullptr) {  // what gorse has no name for
    item.description = old->description, item.brand = old->brand;
    item.price = old->price, item.image = old->image;
    item.categories = old->categories;
  }
  item.id = gorse_text(json, "ItemId");
  TESSERA_CHECK(!item.id.empty(), data, "an item needs an ItemId");
  TESSERA_CHECK(item.id.size() <= 512, data, "an ItemId has at most 512 bytes, found {}", item.id.size());
  take_members(item, json);
  if (gorse_member(json, "Categories") == nullptr) item.categories.clear();
  return item;
}

Item patch_of_gorse(const Item& old, const nlohmann::json& patch) {
  Item item = old;
  take_members(item, patch);
  return item;
}

nlohmann::ordered_json item_to_gorse(const Item& item) {
  nlohmann::ordered_json labels = nlohmann::ordered_json::object();
  for (const auto& [name, text] : item.attributes) labels[name] = label_of_text(text);
  return {{"ItemId", item.id},
          {"IsHidden", !item.available},
          {"Categories", category_names(item)},
          {"Timestamp", item.created_at == 0 ? kNoTime : format_time(item.created_at)},
          {"Labels", std::move(labels)},
          {"Comment", item.title}};
}

Event event_of_gorse(const nlohmann::json& feedback, int64_t now) {
  std::string action = gorse_text(feedback, "FeedbackType");
  TESSERA_CHECK(!action.empty(), data, "a feedback needs a FeedbackType");
  if (action == "buy") action = "order";
  if (action == "exposure" || action == "show") action = "impression";
  if (action == "rate") action = "rating";
  nlohmann::json json = {{"user", gorse_text(feedback, "UserId")},
                         {"item", gorse_text(feedback, "ItemId")},
                         {"action", action}};  // event_from_json knows more names
  const std::string stamp = gorse_text(feedback, "Timestamp");
  const int64_t time = time_of_gorse(stamp);
  if (time > 0) {
    json["time"] = time;
    const std::string key =
        fmt::format("{}\n{}\n{}\n{}", action, json["user"].get<std::string>(), json["item"].get<std::string>(), time);
    json["event_id"] = fmt::format("gorse-{:016x}{:08x}", hash_of(key), hash_of(key + "\n") & 0xffffffffU);
  }
  if (const nlohmann::json* value = gorse_member(feedback, "Value")) json["value"] = *value;
  return event_from_json(json, now);
}

}  // namespace tessera::serve
