#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"
#include "http/json.h"
#include "http/url.h"
#include "serve/clock.h"
#include "serve/face.h"
#include "serve/face_gorse.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRows = "feedback";
constexpr const char* kByItem = "feedback_by_item";
constexpr size_t kFeedbackAtOnce = 10'000, kUsersAtOnce = 10'000, kScan = 1000;
constexpr char kNul = '\0';

std::string key_of_three(const std::string& a, const std::string& b, const std::string& c) {
  return a + kNul + b + kNul + c;
}

std::string row_key(const Json& row) {
  return key_of_three(row.at("UserId").get<std::string>(), row.at("ItemId").get<std::string>(),
                      row.at("FeedbackType").get<std::string>());
}

/// Calls `each` with every key and value that begins with the prefix.
void each_of_prefix(Store& store, const char* collection, const std::string& prefix,
                    const std::function<void(const StoreEntry&)>& each) {
  std::string after = prefix;
  while (true) {
    const auto entries = store.scan(collection, after, kScan);
    for (const StoreEntry& entry : entries) {
      if (entry.key.compare(0, prefix.size(), prefix) != 0) return;
      each(entry);
    }
    if (entries.size() < kScan) return;
    after = entries.back().key;
  }
}

/// The row that a feedback makes of the one that is there.
Json merged_row(const Json* old, const nlohmann::json& feedback, const Event& event, bool overwrite, bool duplicate) {
  double value = event.value;
  if (old != nullptr && !overwrite) value = old->at("Value").get<double>() + (duplicate ? 0 : value);
  const std::string time = format_time(event.time);
  const nlohmann::json comment = feedback.value("Comment", nlohmann::json());
  return {{"FeedbackType", feedback.at("FeedbackType")},
          {"UserId", event.user},
          {"ItemId", event.item},
          {"Value", value},
          {"Timestamp", old != nullptr && !overwrite ? old->at("Timestamp").get<std::string>() : time},
          {"Updated", time},
          {"Comment", comment.is_string() ? comment : nlohmann::json("")}};
}

std::string gorse_id(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  TESSERA_CHECK(found != json.end() && found->is_string() && !found->get_ref<const std::string&>().empty() &&
                    found->get_ref<const std::string&>().size() <= 512,
                data, "{} must be a string of 1 to 512 bytes", name);
  return found->get<std::string>();
}

// ---- users: in the store's `users`, {"labels":..., "comment":...} among the attributes

Json user_to_gorse(const std::string& id, const nlohmann::json& attributes) {
  return {{"UserId", id},
          {"Labels", attributes.value("labels", nlohmann::json())},
          {"Comment", attributes.value("comment", "")}};
}

/// @param whole  what is not said is taken away
void put_gorse_user(Service& service, WriteBatch& batch, const std::string& id, const nlohmann::json& json,
                    bool whole) {
  TESSERA_CHECK(id.find('\x01') == std::string::npos && id.find(kNul) == std::string::npos, data,
                "UserId holds a control byte that no id may");
  const auto stored = service.store().get("users", id);
  nlohmann::json attributes = stored ? nlohmann::json::parse(*stored) : nlohmann::json::object();
  const auto take = [&](const char* theirs, const char* ours) {
    const auto found = json.find(theirs);
    if (found != json.end() && !found->is_null()) {
      attributes[ours] = *found;
    } else if (whole) {
      attributes.erase(ours);
    }
  };
  take("Labels", "labels");
  take("Comment", "comment");
  TESSERA_CHECK(!attributes.contains("comment") || attributes["comment"].is_string(), data, "Comment must be a string");
  batch.put("users", id, to_line(attributes));
}

HttpResponse gorse_rows(int64_t n) {
  return json_response(Json{{"RowAffected", n}});
}

HttpResponse insert_users(Service& service, const HttpRequest& request) {
  WriteBatch batch;
  const auto users = body_objects(request, kUsersAtOnce);
  for (const nlohmann::json& user : users) put_gorse_user(service, batch, gorse_id(user, "UserId"), user, true);
  if (!users.empty()) service.store().commit(batch);
  return gorse_rows(static_cast<int64_t>(users.size()));
}

HttpResponse patch_gorse_user(Service& service, const HttpRequest& request) {
  WriteBatch batch;
  put_gorse_user(service, batch, std::string(request.path_parameters.get("user")), parse_json(request.body), false);
  service.store().commit(batch);
  return gorse_rows(1);
}

HttpResponse get_gorse_user(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("user"));
  if (!service.behaviour().known(*service.models().active(), id))
    throw ProblemError({ProblemCode::not_found, "there is no user \"" + id + "\"", "user-id"});
  const auto stored = service.store().get("users", id);
  const nlohmann::json attributes = stored ? nlohmann::json::parse(*stored) : nlohmann::json::object();
  return json_response(user_to_gorse(id, attributes));
}

HttpResponse delete_gorse_user(Service& service, const HttpRequest& request) {
  const std::string id(request.path_parameters.get("user"));
  const bool known = service.behaviour().known(*service.models().active(), id);
  service.behaviour().forget(id);
  return gorse_rows(known ? 1 : 0);
}

/// Users of the dataset by number ("d12"), then those that only the store knows by id ("sID"), then those who only did
/// something ("hID").
HttpResponse list_gorse_users(Service& service, const HttpRequest& request) {
  const int64_t n = query_integer(request, "n", 1, 1000).value_or(10);
  std::string cursor = query_string(request, "cursor", 1024).value_or("");
  if (cursor.empty()) cursor = "d0";
  const auto model = service.models().active();
  const auto& users = model->dataset().users;
  Json out = Json::array();
  const auto add = [&](const std::string& id, const std::string& stored) {
    const nlohmann::json attributes = stored.empty() ? nlohmann::json::object() : nlohmann::json::parse(stored);
    out.push_back(user_to_gorse(id, attributes));
  };
  const auto full = [&] { return static_cast<int64_t>(out.size()) >= n; };
  if (cursor[0] == 'd') {
    HttpRequest number;
    number.query.add("cursor", cursor.substr(1));
    auto at = static_cast<size_t>(query_integer(number, "cursor", 0, INT32_MAX).value_or(0));
    for (; at < users.names().size() && !full(); ++at)
      if (const std::string& id = users.names()[at]; service.behaviour().known(*model, id))
        add(id, service.store().get("users", id).value_or(""));
    cursor = at < users.names().size() ? "d" + std::to_string(at) : "s";
  }
  for (bool more = cursor[0] == 's'; more && !full();) {
    const auto entries = service.store().scan("users", cursor.substr(1), static_cast<size_t>(n) - out.size());
    for (const StoreEntry& entry : entries)
      if (!users.find(entry.key)) add(entry.key, entry.value);
    more = !entries.empty();
    cursor = more ? "s" + entries.back().key : "h";
  }
  for (bool more = cursor[0] == 'h'; more && !full();) {
    const auto keys = service.store().list_keys("history", cursor.substr(1), static_cast<size_t>(n) - out.size());
    for (const std::string& key : keys)  // those of sessions begin with the byte 01
      if (key[0] != '\x01' && !users.find(key) && !service.store().get("users", key)) add(key, "");
    more = !keys.empty();
    cursor = more ? "h" + keys.back() : "";
  }
  return json_response(Json{{"Cursor", cursor}, {"Users", std::move(out)}});
}

}  // namespace

void GorseFeedback::insert(const std::vector<nlohmann::json>& feedback, bool overwrite) {
  if (feedback.empty()) return;
  std::vector<Event> events;
  const int64_t now = seconds_now();
  for (const nlohmann::json& one : feedback) {
    try {
      Event event = event_of_gorse(one, now);
      TESSERA_CHECK(!event.user.empty() && !event.item.empty(), data, "a feedback needs a UserId and an ItemId");
      TESSERA_CHECK(event.user.find(kNul) == std::string::npos && event.item.find(kNul) == std::string::npos, data,
                    "ids hold no NUL");
      events.push_back(std::move(event));
    } catch (const Error& error) {
      throw ProblemError({ProblemCode::unprocessable, fmt::format("feedback {}: {}", events.size() + 1, error.what()),
                          fmt::format("[{}]", events.size())});
    }
  }
  const std::lock_guard lock(writing_);
  const std::vector<bool> duplicates = service_.behaviour().record(events);
  for (size_t i = 0; i < events.size(); ++i)
    if (!duplicates[i]) service_.count(events[i]);
  std::map<std::string, Json> rows;
  for (size_t i = 0; i < events.size(); ++i) {
    const std::string key =
        key_of_three(events[i].user, events[i].item, feedback[i].at("FeedbackType").get<std::string>());
    if (!rows.contains(key))
      if (const auto stored = service_.store().get(kRows, key)) rows[key] = Json::parse(*stored);
    const auto old = rows.find(key);
    rows[key] =
        merged_row(old == rows.end() ? nullptr : &old->second, feedback[i], events[i], overwrite, duplicates[i]);
  }
  WriteBatch batch;
  for (const auto& [key, row] : rows) {
    batch.put(kRows, key, to_line(row));
    batch.put(kByItem, key_of_three(row.at("ItemId"), row.at("UserId"), row.at("FeedbackType")), "");
  }
  service_.store().commit(batch);
}

int64_t GorseFeedback::erase(const std::string& user, const std::string& item, const std::string& type) {
  const std::lock_guard lock(writing_);
  const Json rows = of_user(user, item, type);
  WriteBatch batch;
  for (const Json& row : rows) {
    batch.erase(kRows, row_key(row));
    batch.erase(kByItem, key_of_three(item, user, row.at("FeedbackType")));
  }
  if (rows.empty()) return 0;
  // The history without them. An event that comes between these two steps from elsewhere is lost from the history, not
  // from the log of events.
  std::vector<std::string> actions;
  for (const Json& row : rows) actions.push_back(event_of_gorse(nlohmann::json(row), 0).action);
  const auto history = service_.store().tail("history", user, static_cast<size_t>(service_.options().history));
  batch.erase_list("history", user);
  for (const ListEntry& entry : history) {
    const nlohmann::json event = parse_object(entry.value);
    const bool gone = event.at("item") == item &&
                      std::find(actions.begin(), actions.end(), event.at("action").get<std::string>()) != actions.end();
    if (!gone) batch.append("history", user, entry.value);
  }
  service_.store().commit(batch);
  return static_cast<int64_t>(rows.size());
}

void GorseFeedback::erase_item(const std::string& item) {
  const std::lock_guard lock(writing_);
  WriteBatch batch;
  each_of_prefix(service_.store(), kByItem, item + kNul, [&](const StoreEntry& entry) {
    const size_t first = entry.key.find(kNul), second = entry.key.find(kNul, first + 1);
    batch.erase(kByItem, entry.key);
    batch.erase(kRows,
                key_of_three(entry.key.substr(first + 1, second - first - 1), item, entry.key.substr(second + 1)));
  });
  if (!batch.empty()) service_.store().commit(batch);
}

Json GorseFeedback::of_user(const std::string& user, const std::string& item, const std::string& type) {
  Json rows = Json::array();
  std::string prefix = user + kNul;
  if (!item.empty()) prefix += item + kNul;
  each_of_prefix(service_.store(), kRows, prefix, [&](const StoreEntry& entry) {
    Json row = Json::parse(entry.value);
    if (type.empty() || row.at("FeedbackType") == type) rows.push_back(std::move(row));
  });
  return rows;
}

Json GorseFeedback::of_item(const std::string& item, const std::string& type) {
  Json rows = Json::array();
  each_of_prefix(service_.store(), kByItem, item + kNul, [&](const StoreEntry& entry) {
    const size_t first = entry.key.find(kNul), second = entry.key.find(kNul, first + 1);
    const std::string its_type = entry.key.substr(second + 1);
    if (!type.empty() && its_type != type) return;
    if (const auto row =
            service_.store().get(kRows, key_of_three(entry.key.substr(first + 1, second - first - 1), item, its_type)))
      rows.push_back(Json::parse(*row));
  });
  return rows;
}

Json GorseFeedback::page(const std::string& cursor, int64_t n, const std::string& type) {
  Json rows = Json::array();
  const auto decoded = percent_decode(cursor);
  if (!decoded) throw ProblemError({ProblemCode::invalid_parameter, "cursor is none that was given out", "cursor"});
  std::string after = *decoded;
  bool more = true;
  while (more && static_cast<int64_t>(rows.size()) < n) {
    const auto entries = service_.store().scan(kRows, after, kScan);
    more = entries.size() == kScan;
    for (const StoreEntry& entry : entries) {
      if (static_cast<int64_t>(rows.size()) == n) {
        more = true;
        break;
      }
      after = entry.key;
      Json row = Json::parse(entry.value);
      if (type.empty() || row.at("FeedbackType") == type) rows.push_back(std::move(row));
    }
  }
  return {{"Cursor", more ? percent_encode(after) : ""}, {"Feedback", std::move(rows)}};
}

void add_gorse_people(Service& service, const std::shared_ptr<GorseFeedback>& feedback) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* summary,
                       std::function<HttpResponse(const HttpRequest&)> make) {
    service.router().add({method, pattern, scope, summary, on_worker(service, std::move(make))});
  };
  const auto user = [&](const char* method, const char* pattern, const char* summary,
                        HttpResponse (*handler)(Service&, const HttpRequest&)) {
    add(method, pattern, Scope::admin, summary,
        [&service, handler](const HttpRequest& request) { return handler(service, request); });
  };
  user("POST", "/api/user", "gorse: puts a user.", insert_users);
  user("POST", "/api/users", "gorse: puts users.", insert_users);
  user("GET", "/api/users", "gorse: users, page by page.", list_gorse_users);
  user("GET", "/api/user/{user}", "gorse: a user.", get_gorse_user);
  user("PATCH", "/api/user/{user}", "gorse: changes a user's labels or comment.", patch_gorse_user);
  user("DELETE", "/api/user/{user}", "gorse: forgets a user.", delete_gorse_user);

  const auto path = [](const HttpRequest& request, const char* name) {
    return std::string(request.path_parameters.get(name));
  };
  const auto insert = [feedback](bool overwrite) {
    return [feedback, overwrite](const HttpRequest& request) {
      const auto rows = body_objects(request, kFeedbackAtOnce);
      feedback->insert(rows, overwrite);
      return gorse_rows(static_cast<int64_t>(rows.size()));
    };
  };
  add("POST", "/api/feedback", Scope::events, "gorse: feedback; values add up.", insert(false));
  add("PUT", "/api/feedback", Scope::events, "gorse: feedback in place of what was there.", insert(true));
  const auto page = [feedback, path](const HttpRequest& request) {
    return json_response(feedback->page(query_string(request, "cursor", 8192).value_or(""),
                                        query_integer(request, "n", 1, 1000).value_or(10), path(request, "type")));
  };
  add("GET", "/api/feedback", Scope::admin, "gorse: feedback, page by page.", page);
  add("GET", "/api/feedback/{type}", Scope::admin, "gorse: feedback of a type, page by page.", page);
  add("GET", "/api/feedback/{user}/{item}", Scope::admin, "gorse: feedback of a user about an item.",
      [feedback, path](const HttpRequest& request) {
        return json_response(feedback->of_user(path(request, "user"), path(request, "item"), ""));
      });
  add("GET", "/api/feedback/{type}/{user}/{item}", Scope::admin, "gorse: one feedback.",
      [feedback, path](const HttpRequest& request) {
        const Json rows = feedback->of_user(path(request, "user"), path(request, "item"), path(request, "type"));
        if (rows.empty()) throw ProblemError({ProblemCode::not_found, "there is no such feedback", ""});
        return json_response(rows[0]);
      });
  const auto erase = [feedback, path](const HttpRequest& request) {
    return gorse_rows(feedback->erase(path(request, "user"), path(request, "item"), path(request, "type")));
  };
  add("DELETE", "/api/feedback/{user}/{item}", Scope::admin, "gorse: takes feedback of a user about an item back.",
      erase);
  add("DELETE", "/api/feedback/{type}/{user}/{item}", Scope::admin, "gorse: takes one feedback back.", erase);
  const auto of_user = [feedback, path](const HttpRequest& request) {
    return json_response(feedback->of_user(path(request, "user"), "", path(request, "type")));
  };
  add("GET", "/api/user/{user}/feedback", Scope::admin, "gorse: feedback of a user.", of_user);
  add("GET", "/api/user/{user}/feedback/{type}", Scope::admin, "gorse: feedback of a user, of a type.", of_user);
  const auto of_item = [feedback, path](const HttpRequest& request) {
    return json_response(feedback->of_item(path(request, "item"), path(request, "type")));
  };
  add("GET", "/api/item/{item}/feedback", Scope::admin, "gorse: feedback about an item.", of_item);
  add("GET", "/api/item/{item}/feedback/{type}", Scope::admin, "gorse: feedback about an item, of a type.", of_item);
}

}  // namespace tessera::serve
