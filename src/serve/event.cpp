#include "serve/event.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"

namespace tessera::serve {

namespace {

constexpr size_t kMaxEventId = 512, kMaxEventQuery = 2048, kMaxEventAction = 64;

constexpr int64_t kMaxEventTime = 100'000'000'000;  ///< seconds, in the year 5138; a number above is of milliseconds

const nlohmann::json* member(const nlohmann::json& json, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = json.find(name);
    if (found != json.end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

/// A string, or a whole number as one: shops send ids both ways.
std::string text_of(const nlohmann::json* value, const char* name, size_t max_bytes) {
  if (value == nullptr) return {};
  if (value->is_number_integer()) return value->dump();  // of 64 bits, with or without a sign
  TESSERA_CHECK(value->is_string(), data, "{} must be a string, found {}", name, to_line(*value).substr(0, 60));
  std::string text = value->get<std::string>();
  TESSERA_CHECK(text.size() <= max_bytes, data, "{} has {} bytes, at most {} are taken", name, text.size(), max_bytes);
  return text;
}

int64_t time_of(const nlohmann::json* value, int64_t now) {
  if (value == nullptr) return now;
  if (value->is_number_integer()) {
    const auto seconds = value->get<int64_t>();
    TESSERA_CHECK(seconds >= 0 && seconds <= 1000 * kMaxEventTime, data,
                  "time is {}, wanted seconds (or milliseconds) since 1970 or an RFC 3339 time", seconds);
    return seconds > kMaxEventTime ? seconds / 1000 : seconds;
  }
  TESSERA_CHECK(value->is_string(), data, "time must be RFC 3339 text or seconds since 1970, found {}",
                to_line(*value).substr(0, 60));
  const auto parsed = parse_time(value->get<std::string>());
  TESSERA_CHECK(parsed, data, "time \"{}\" is not RFC 3339, such as 2026-03-02T10:00:00Z", value->get<std::string>());
  TESSERA_CHECK(*parsed >= 0 && *parsed <= kMaxEventTime, data, "time \"{}\" is not of the years 1970 to 5138",
                value->get<std::string>());
  return *parsed;
}

/// The names of other systems for what we name otherwise.
std::string known_action(std::string action) {
  if (action == "purchase" || action == "item_purchase" || action == "conversion") return "order";
  if (action == "add_to_cart") return "cart";
  if (action == "item_click" || action == "result_click") return "click";
  if (action == "item_hover" || action == "product_view" || action == "read") return "view";
  if (action == "query") return "search";
  return action;
}

}  // namespace

Event event_from_json(const nlohmann::json& json, int64_t now) {
  TESSERA_CHECK(json.is_object(), data, "an event must be a JSON object, found {}", to_line(json).substr(0, 60));
  Event event;
  event.id = text_of(member(json, {"event_id", "id"}), "event_id", 256);
  event.user = text_of(member(json, {"user", "user_id"}), "user", kMaxEventId);
  event.session = text_of(member(json, {"session", "session_id", "client_id"}), "session", kMaxEventId);
  event.action =
      known_action(text_of(member(json, {"action", "action_name", "event_type"}), "action", kMaxEventAction));
  event.query = text_of(member(json, {"query", "user_query"}), "query", kMaxEventQuery);
  event.query_id = text_of(member(json, {"query_id", "request"}), "query_id", kMaxEventId);
  event.time = time_of(member(json, {"time", "timestamp"}), now);
  const nlohmann::json* item = member(json, {"item", "item_id"});
  const nlohmann::json* position = member(json, {"position"});
  if (const nlohmann::json* attributes = member(json, {"event_attributes"});
      attributes != nullptr && attributes->is_object()) {
    if (const nlohmann::json* object = member(*attributes, {"object"});
        item == nullptr && object != nullptr && object->is_object())
      item = member(*object, {"object_id"});
    if (const nlohmann::json* place = member(*attributes, {"position"});
        position == nullptr && place != nullptr && place->is_object())
      position = member(*place, {"ordinal"});
  }
  event.item = text_of(item, "item", kMaxEventId);
  if (position != nullptr) {
    TESSERA_CHECK(
        position->is_number_integer() && position->get<int64_t>() >= 0 && position->get<int64_t>() <= 1'000'000, data,
        "position must be a whole number from 0 to 1000000, found {}", to_line(*position).substr(0, 60));
    event.position = position->get<int64_t>();
  }
  if (const nlohmann::json* value = member(json, {"value"})) {
    TESSERA_CHECK(value->is_number() && std::isfinite(value->get<double>()), data, "value must be a number, found {}",
                  to_line(*value).substr(0, 60));
    event.value = value->get<double>();
  }
  TESSERA_CHECK(!event.action.empty(), data, "an event needs an action, such as \"click\"");
  TESSERA_CHECK(!event.user.empty() || !event.session.empty(), data, "an event needs a user or a session");
  TESSERA_CHECK(!event.item.empty() || (event.action == "search" && !event.query.empty()), data,
                "an event needs an item (a search needs a query)");
  TESSERA_CHECK(event.user.find('\x01') == std::string::npos, data, "user holds the byte 01, which no id may");
  return event;
}

nlohmann::json event_to_json(const Event& event) {
  nlohmann::json json = {{"action", event.action}, {"time", event.time}};
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  put("event_id", event.id), put("user", event.user), put("session", event.session), put("item", event.item);
  put("query", event.query), put("query_id", event.query_id);
  if (event.position > 0) json["position"] = event.position;
  if (event.value != 0) json["value"] = event.value;
  return json;
}

}  // namespace tessera::serve
