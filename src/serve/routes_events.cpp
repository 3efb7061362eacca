#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "http/json.h"
#include "serve/clock.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxEvents = 10'000;

/// The events of a body: one object, an array of them, {"events": [...]}, or JSON lines.
std::vector<nlohmann::json> objects_of(const HttpRequest& request) {
  std::vector<nlohmann::json> objects;
  if (request.headers.get("Content-Type").find("ndjson") != std::string_view::npos) {
    std::string_view rest = request.body;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) objects.push_back(parse_json(line));
    }
  } else {
    nlohmann::json body = parse_json(request.body);
    if (body.is_object() && body.contains("events") && body["events"].is_array()) body = nlohmann::json(body["events"]);
    if (body.is_array()) {
      for (auto& one : body) objects.push_back(std::move(one));
    } else {
      objects.push_back(std::move(body));
    }
  }
  if (objects.size() > kMaxEvents)
    throw ProblemError({ProblemCode::body_too_large, "more than 10,000 events at once: send them in parts", "events"});
  return objects;
}

/// All events are taken or, where one is bad, none: the answer names it.
HttpResponse post_events(Service& service, const HttpRequest& request) {
  std::vector<Event> events;
  const int64_t now = seconds_now();
  for (const nlohmann::json& object : objects_of(request)) {
    try {
      events.push_back(event_from_json(object, now));
    } catch (const Error& error) {
      throw ProblemError({ProblemCode::unprocessable, fmt::format("event {}: {}", events.size() + 1, error.what()),
                          fmt::format("events[{}]", events.size())});
    }
  }
  const std::vector<bool> duplicates = service.behaviour().record(events);
  int64_t taken = 0, unknown = 0;
  const auto view = service.shelf().view();
  for (size_t i = 0; i < events.size(); ++i) {
    if (duplicates[i]) continue;
    ++taken;
    service.count(events[i]);
    if (!events[i].item.empty() && !view->find_slot(events[i].item)) ++unknown;
    if (!events[i].query.empty() && events[i].action != "impression")
      service.shelf().suggester().add_query(events[i].query, 1, now);
  }
  Json out = {{"accepted", taken}, {"duplicates", static_cast<int64_t>(events.size()) - taken}};
  if (unknown > 0) out["unknown_items"] = unknown;
  return json_response(out);
}

HttpResponse latest_events(Service& service, const HttpRequest& request) {
  const int64_t limit = query_integer(request, "limit", 1, 1000).value_or(50);
  Json events = Json::array();
  for (const ListEntry& entry : service.behaviour().latest(static_cast<size_t>(limit))) {
    Json event = Json::parse(entry.value);
    event["sequence"] = entry.sequence;
    events.push_back(std::move(event));
  }
  return json_response(Json{{"events", std::move(events)}, {"total", service.behaviour().num_events()}});
}

HttpResponse get_user(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("id"));
  const auto model = service.models().active();
  if (!service.behaviour().known(*model, id))
    throw ProblemError(
        {ProblemCode::not_found, "there is no user \"" + id + "\" and there are no events of one", "id"});
  const int64_t limit = query_integer(request, "limit", 1, 1000).value_or(50);
  const auto view = service.shelf().view();
  Json history = Json::array();
  for (const HistoryEntry& entry : service.behaviour().history(*model, id, "", static_cast<size_t>(limit))) {
    Json one = {{"item", entry.item}};
    if (!entry.action.empty()) one["action"] = entry.action, one["time"] = entry.time;
    if (const auto item = view->find(entry.item)) one["title"] = display_name(view->item(*item));
    history.push_back(std::move(one));
  }
  Json out = {{"id", id}, {"history", std::move(history)}};
  if (const auto attributes = service.store().get("users", id)) out["attributes"] = Json::parse(*attributes);
  return json_response(out);
}

/// Whether a text holds another, the case of ASCII letters aside.
bool holds(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  const auto alike = [&](char a, char b) { return lower(a) == lower(b); };
  return part.empty() || std::search(text.begin(), text.end(), part.begin(), part.end(), alike) != text.end();
}

HttpResponse list_users(Service& service, const HttpRequest& request) {
  const int64_t limit = query_integer(request, "limit", 1, 1000).value_or(100);
  const int64_t cursor = query_integer(request, "cursor", 0, INT32_MAX).value_or(0);
  const std::string_view wanted = request.query.get("q");
  const Dataset& data = service.models().active()->dataset();
  const auto& names = data.users.names();
  Json users = Json::array();
  int64_t at = cursor;
  for (; at < static_cast<int64_t>(names.size()) && static_cast<int64_t>(users.size()) < limit; ++at)
    if (holds(names[static_cast<size_t>(at)], wanted)) users.push_back({{"id", names[static_cast<size_t>(at)]}});
  Json out = {{"users", std::move(users)}, {"total", names.size()}};
  if (at < static_cast<int64_t>(names.size())) out["cursor"] = at;
  return json_response(out);
}

HttpResponse put_user(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("id"));
  nlohmann::json body = parse_body_object(request);
  service.store().commit(WriteBatch().put("users", id, to_line(body)));
  return json_response(Json{{"id", id}});
}

HttpResponse forget_user(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("id"));
  service.behaviour().forget(id);
  return json_response(Json{{"id", id}, {"forgotten", true}});
}

}  // namespace

void add_event_routes(Service& service) {
  Router& router = service.router();
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&)) {
    router.add({method, pattern, scope, summary, on_worker(service, [&service, handler](const HttpRequest& request) {
                  return handler(service, request);
                })});
  };
  add("POST", "/v1/events", Scope::events, "What people did: one event, a list, or JSON lines.", post_events);
  add("GET", "/v1/events", Scope::admin, "The newest events.", latest_events);
  add("GET", "/v1/users", Scope::admin, "Users of the dataset whose id holds q, page by page.", list_users);
  add("GET", "/v1/users/{id}", Scope::admin, "A person's history and attributes.", get_user);
  add("PUT", "/v1/users/{id}", Scope::admin, "Attributes of a person.", put_user);
  add("DELETE", "/v1/users/{id}", Scope::admin, "Forgets a person: events, attributes, history.", forget_user);
}

}  // namespace tessera::serve
