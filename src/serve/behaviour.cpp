#include "serve/behaviour.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"

namespace tessera::serve {

namespace {

constexpr size_t kMaxEventId = 512, kMaxEventQuery = 2048, kMaxEventAction = 64;

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
  if (value->is_number_integer()) return std::to_string(value->get<int64_t>());
  TESSERA_CHECK(value->is_string(), data, "{} must be a string, found {}", name, to_line(*value).substr(0, 60));
  std::string text = value->get<std::string>();
  TESSERA_CHECK(text.size() <= max_bytes, data, "{} has {} bytes, at most {} are taken", name, text.size(), max_bytes);
  return text;
}

int64_t time_of(const nlohmann::json* value, int64_t now) {
  if (value == nullptr) return now;
  if (value->is_number_integer()) {
    const auto seconds = value->get<int64_t>();
    TESSERA_CHECK(seconds >= 0 && seconds < 10'000'000'000'000, data,
                  "time is {}, wanted seconds (or milliseconds) since 1970 or an RFC 3339 time", seconds);
    return seconds > 100'000'000'000 ? seconds / 1000 : seconds;
  }
  TESSERA_CHECK(value->is_string(), data, "time must be RFC 3339 text or seconds since 1970, found {}",
                to_line(*value).substr(0, 60));
  const auto parsed = parse_time(value->get<std::string>());
  TESSERA_CHECK(parsed, data, "time \"{}\" is not RFC 3339, such as 2026-03-02T10:00:00Z", value->get<std::string>());
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

bool makes_history(const Event& event) {
  return !event.item.empty() && event.action != "impression" && event.action != "search";
}

/// Names of lists are short, so sessions share the list of users behind a byte that no id has.
std::string session_key(const std::string& session) {
  return std::string("\x01") + session;
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

std::vector<bool> Behaviour::record(const std::vector<Event>& events) {
  WriteBatch batch;
  std::vector<size_t> operation;  // the first one of each event
  for (const Event& event : events) {
    operation.push_back(batch.size());
    if (!event.id.empty()) batch.begin_once("events", "", event.id);
    batch.append("events", "", to_line(event_to_json(event)));
    if (makes_history(event)) {
      const std::string line =
          to_line(nlohmann::json{{"item", event.item}, {"action", event.action}, {"time", event.time}});
      if (!event.user.empty()) batch.append("history", event.user, line, keep_);
      if (!event.session.empty()) batch.append("history", session_key(event.session), line, keep_);
    }
    if (!event.id.empty()) batch.end_once();
  }
  const CommitResult result = store_.commit(batch);
  std::vector<bool> duplicates;
  for (const size_t at : operation) duplicates.push_back(result.operations.at(at).duplicate);
  return duplicates;
}

bool Behaviour::forgotten(const std::string& user) const {
  return !user.empty() && store_.get("forgotten", user).has_value();
}

std::vector<HistoryEntry> Behaviour::history(const ServingModel& model, const std::string& user,
                                             const std::string& session, size_t n) const {
  std::vector<HistoryEntry> out;
  const auto read = [&](const std::string& key) {
    for (const ListEntry& entry : store_.tail("history", key, n)) {
      const nlohmann::json json = parse_object(entry.value);
      out.push_back({json.at("item").get<std::string>(), json.at("action").get<std::string>(),
                     json.at("time").get<int64_t>(), entry.sequence});
    }
  };
  if (!user.empty()) {
    read(user);
    const Dataset& data = model.dataset();
    const auto number = data.users.find(user);
    if (number && out.size() < n && !forgotten(user)) {
      const auto old = model.split().all.of(UserId{*number});
      const auto last = old.last(std::min(old.size(), n - out.size()));
      std::vector<HistoryEntry> before;
      for (const ItemId item : last) before.push_back({data.items[item].id, "", 0, 0});
      out.insert(out.begin(), before.begin(), before.end());
    }
  }
  if (!session.empty()) read(session_key(session));
  if (out.size() > n) out.erase(out.begin(), out.end() - static_cast<int64_t>(n));
  return out;
}

std::vector<ItemId> Behaviour::history_items(const ServingModel& model, const live::CatalogueView& view,
                                             const std::string& user, const std::string& session, size_t n) const {
  std::vector<ItemId> items;
  for (const HistoryEntry& entry : history(model, user, session, n))
    if (const auto item = view.find_slot(entry.item)) items.push_back(*item);
  return items;
}

bool Behaviour::known(const ServingModel& model, const std::string& user) const {
  if (store_.extent("history", user).next > 1) return true;
  if (store_.get("users", user)) return true;
  if (forgotten(user)) return false;
  return model.dataset().users.find(user).has_value();
}

std::vector<ListEntry> Behaviour::latest(size_t n) const {
  std::vector<ListEntry> entries = store_.tail("events", "", n);
  std::erase_if(entries, [&](const ListEntry& entry) {
    const std::string user = parse_object(entry.value).value("user", "");
    const auto mark = user.empty() ? std::nullopt : store_.get("forgotten", user);
    return mark && entry.sequence < std::stoull(*mark);
  });
  return entries;
}

void Behaviour::forget(const std::string& user) {
  // Each in a step of its own: over a cluster they may lie on different machines. The mark comes first.
  store_.commit(WriteBatch().put("forgotten", user, std::to_string(store_.extent("events", "").next)));
  store_.commit(WriteBatch().erase("users", user));
  store_.commit(WriteBatch().erase_list("history", user));
  WriteBatch rows;  // of the gorse face: `feedback` by (user, item, type), `feedback_by_item` by (item, user, type)
  const std::string prefix = user + '\0';
  for (std::string after = prefix;;) {
    const auto entries = store_.scan("feedback", after, 1000);
    for (const StoreEntry& entry : entries) {
      if (entry.key.compare(0, prefix.size(), prefix) != 0) break;
      const size_t end = entry.key.find('\0', prefix.size());
      rows.erase("feedback", entry.key);
      rows.erase("feedback_by_item",
                 entry.key.substr(prefix.size(), end - prefix.size()) + '\0' + user + entry.key.substr(end));
    }
    if (entries.size() < 1000 || entries.back().key.compare(0, prefix.size(), prefix) != 0) break;
    after = entries.back().key;
  }
  if (!rows.empty()) store_.commit(rows);
}

}  // namespace tessera::serve
