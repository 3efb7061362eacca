#include "serve/face_gorse.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"
#include "http/json.h"
#include "serve/clock.h"
#include "serve/face.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kGorseItemsAtOnce = 100'000;

struct GorsePage {
  int64_t n, offset;
};

GorsePage gorse_page(const HttpRequest& request) {
  return {query_integer(request, "n", 0, 250).value_or(10), query_integer(request, "offset", 0, 9750).value_or(0)};
}

HttpResponse gorse_affected(int64_t n) {
  return json_response(Json{{"RowAffected", n}});
}

std::string path_of_request(const HttpRequest& request, const char* name) {
  return std::string(request.path_parameters.get(name));
}

// ---- items

HttpResponse insert_gorse_items(Service& service, const HttpRequest& request) {
  const auto view = service.shelf().view();
  std::vector<live::Change> changes;
  for (const nlohmann::json& json : body_objects(request, kGorseItemsAtOnce)) {
    try {
      const auto id = json.find("ItemId");
      const auto old = id != json.end() && id->is_string() ? view->find(id->get<std::string>()) : std::nullopt;
      changes.push_back(live::Change::put(item_of_gorse(json, old ? &view->item(*old) : nullptr)));
    } catch (const Error& error) {
      throw ProblemError({ProblemCode::unprocessable, fmt::format("item {}: {}", changes.size() + 1, error.what()),
                          fmt::format("[{}]", changes.size())});
    }
  }
  const auto n = static_cast<int64_t>(changes.size());
  service.shelf().apply(std::move(changes));
  return gorse_affected(n);
}

HttpResponse change_gorse_item(Service& service, const HttpRequest& request,
                               const std::function<Item(const Item&)>& change) {
  const std::string id = path_of_request(request, "item");
  if (!service.shelf().update(id, change))
    throw ProblemError({ProblemCode::not_found, "there is no item \"" + id + "\"", "item-id"});
  return gorse_affected(1);
}

HttpResponse patch_gorse_item(Service& service, const HttpRequest& request) {
  const nlohmann::json patch = parse_json(request.body);
  if (!patch.is_object()) throw ProblemError({ProblemCode::unprocessable, "the body is no JSON object", ""});
  return change_gorse_item(service, request, [&](const Item& old) { return patch_of_gorse(old, patch); });
}

HttpResponse add_category(Service& service, const HttpRequest& request) {
  const std::string name = path_of_request(request, "category");
  return change_gorse_item(service, request, [&](Item item) {
    const auto has = [&](const auto& path) { return std::find(path.begin(), path.end(), name) != path.end(); };
    if (std::none_of(item.categories.begin(), item.categories.end(), has)) item.categories.push_back({name});
    return item;
  });
}

HttpResponse remove_category(Service& service, const HttpRequest& request) {
  const std::string name = path_of_request(request, "category");
  return change_gorse_item(service, request, [&](Item item) {
    std::erase_if(item.categories,
                  [&](const auto& path) { return std::find(path.begin(), path.end(), name) != path.end(); });
    return item;
  });
}

HttpResponse get_gorse_item(Service& service, const HttpRequest& request) {
  const std::string id = path_of_request(request, "item");
  const auto view = service.shelf().view();
  const auto item = view->find(id);
  if (!item) throw ProblemError({ProblemCode::not_found, "there is no item \"" + id + "\"", "item-id"});
  return json_response(item_to_gorse(view->item(*item)));
}

HttpResponse delete_gorse_item(Service& service, const HttpRequest& request, GorseFeedback& feedback) {
  const std::string id = path_of_request(request, "item");
  const bool there = service.shelf().view()->find(id).has_value();
  std::vector<live::Change> changes;
  changes.push_back(live::Change::erase(id));
  if (there) service.shelf().apply(std::move(changes));
  feedback.erase_item(id);
  return gorse_affected(there ? 1 : 0);
}

Json gorse_item_page(const live::CatalogueView& view, const HttpRequest& request) {
  const int64_t n = query_integer(request, "n", 1, 1000).value_or(10);
  int64_t slot = request.query.get("cursor").empty() ? 0 : query_integer(request, "cursor", 0, INT32_MAX).value_or(0);
  Json items = Json::array();
  for (; slot < view.size() && static_cast<int64_t>(items.size()) < n; ++slot)
    if (view.is_live(ItemId{static_cast<int32_t>(slot)}))
      items.push_back(item_to_gorse(view.item(ItemId{static_cast<int32_t>(slot)})));
  return {{"Cursor", slot < view.size() ? std::to_string(slot) : ""}, {"Items", std::move(items)}};
}

// ---- recommendations

/// The categories of the path and of the query, all of which an item must have.
std::string category_filter(const HttpRequest& request) {
  std::string filter;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) filter += (filter.empty() ? "" : " && ") + ("category:=" + filter_value(name, "category"));
  };
  add(path_of_request(request, "category"));
  for (const NameValue& parameter : request.query.all())
    if (parameter.name == "category") add(parameter.value);
  return filter;
}

/// What a call asks, as an object of our own names; a scoped key narrows it.
nlohmann::json gorse_question(const HttpRequest& request, const GorsePage& page) {
  nlohmann::json object = {{"limit", page.n}, {"offset", page.offset}, {"seen_policy", "exclude"}};
  object["filter_by"] = category_filter(request);
  if (const auto user = query_string(request, "user-id", 512)) object["user_id"] = *user;
  narrow_by_key(request.identity, object);
  return object;
}

using GorseScore = std::function<double(const AnsweredHit&, const Item&)>;

Json scored(const Answer& answer, const GorseScore& score) {
  Json list = Json::array();
  for (const AnsweredHit& hit : answer.hits) {
    const Item& item = answer.view->item(hit.hit.item);
    list.push_back({{"Id", item.id}, {"Score", score(hit, item)}});
  }
  return list;
}

double answered_score(const AnsweredHit& hit, const Item&) {
  return hit.hit.score;
}

void reply_scored(Service& service, const HttpRequest& request, const nlohmann::json& object, Question::Kind kind,
                  const std::shared_ptr<Reply>& reply, GorseScore score) {
  reply_to_question(service, face_question(object, kind, request.start, service.options().deadline_ms), reply,
                    [score = std::move(score)](const Answer& answer, const Question&) {
                      return json_response(scored(answer, score));
                    });
}

/// @param with_scores  [{Id, Score}] whatever the header says
void gorse_recommend(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply,
                     const std::shared_ptr<GorseFeedback>& feedback, bool with_scores) {
  nlohmann::json object = gorse_question(request, gorse_page(request));
  if (!object.contains("user_id")) object["user_id"] = path_of_request(request, "user");
  const std::string user = object["user_id"];
  const std::string type = query_string(request, "write-back-type", 64).value_or("");
  const int64_t delay = duration_of_gorse(query_string(request, "write-back-delay", 64).value_or(""));
  if (!type.empty() && !request.identity.scopes.allows(Scope::events))
    throw ProblemError({ProblemCode::forbidden, "write-back-type writes feedback: the key needs the scope events too",
                        "write-back-type"});
  const bool scores = with_scores || request.headers.get("X-API-Version") == "2";
  reply_to_question(service,
                    face_question(object, Question::Kind::recommend, request.start, service.options().deadline_ms),
                    reply, [feedback, user, type, delay, scores](const Answer& answer, const Question&) {
                      Json list = scored(answer, answered_score);
                      if (!type.empty()) {
                        std::vector<nlohmann::json> rows;
                        for (const Json& one : list)
                          rows.push_back({{"FeedbackType", type},
                                          {"UserId", user},
                                          {"ItemId", one.at("Id")},
                                          {"Timestamp", format_time(seconds_now() + delay)}});
                        feedback->insert(rows, false);
                      }
                      if (!scores)
                        for (Json& one : list) one = one.at("Id");
                      return json_response(list);
                    });
}

void gorse_session(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  nlohmann::json object = gorse_question(request, gorse_page(request));
  std::vector<std::pair<int64_t, std::string>> events;
  for (const nlohmann::json& feedback : body_objects(request, 1000)) {
    nlohmann::json known = feedback;
    known["UserId"] = "session";  // gorse lets it be left out
    const Event event = event_of_gorse(known, 0);
    events.emplace_back(event.time, event.item);
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  object.erase("user_id");
  object["history"] = nlohmann::json::array();
  for (const auto& [time, item] : events) object["history"].push_back(item);
  reply_scored(service, request, object, Question::Kind::recommend, reply, answered_score);
}

void gorse_latest(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  nlohmann::json object = gorse_question(request, gorse_page(request));
  object["sort_by"] = "created_at:desc";
  object["personalize"] = 0;
  reply_scored(service, request, object, Question::Kind::search, reply,
               [](const AnsweredHit&, const Item& item) { return static_cast<double>(item.created_at); });
}

void gorse_popular(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  nlohmann::json object = gorse_question(request, gorse_page(request));
  object["personalize"] = 0;
  reply_scored(service, request, object, Question::Kind::search, reply, answered_score);
}

void gorse_unpersonal(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  const std::string name = path_of_request(request, "name");
  if (name == "latest") return gorse_latest(service, request, reply);
  if (name == "popular") return gorse_popular(service, request, reply);
  throw ProblemError(
      {ProblemCode::not_found, "there is no list \"" + name + "\"; there are latest and popular", "name"});
}

HttpResponse gorse_neighbors(Service& service, const HttpRequest& request) {
  const GorsePage page = gorse_page(request);
  const nlohmann::json object = gorse_question(request, page);
  const auto view = service.shelf().view();
  const auto item = view->find(path_of_request(request, "item"));
  Json list = Json::array();
  if (!item || page.n == 0) return json_response(list);
  const auto allowed = service.shelf().sellable(*view, object.at("filter_by").get<std::string>());
  const auto model = service.models().active();
  const Results found = model->similar(*item, page.offset + page.n, allowed->words());
  for (size_t i = static_cast<size_t>(page.offset); i < found.items.size(); ++i)
    list.push_back({{"Id", view->item(found.items[i]).id}, {"Score", found.scores[i]}});
  return json_response(list);
}

void gorse_items(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  const std::string q = query_string(request, "q", 2048).value_or("");
  if (q.empty()) {
    reply->send(json_response(gorse_item_page(*service.shelf().view(), request)));
    return;
  }
  nlohmann::json object = {{"q", q}, {"limit", gorse_page(request).n}, {"personalize", 0}};
  narrow_by_key(request.identity, object);
  reply_to_question(service,
                    face_question(object, Question::Kind::search, request.start, service.options().deadline_ms), reply,
                    [](const Answer& answer, const Question&) {
                      Json items = Json::array();
                      for (const AnsweredHit& hit : answer.hits)
                        items.push_back(item_to_gorse(answer.view->item(hit.hit.item)));
                      return json_response(Json{{"Cursor", ""}, {"Items", std::move(items)}});
                    });
}

HttpResponse gorse_health(bool ready) {
  return json_response(Json{{"Ready", ready},
                            {"DataStoreError", nullptr},
                            {"CacheStoreError", nullptr},
                            {"DataStoreConnected", ready},
                            {"CacheStoreConnected", ready}});
}

void add_gorse_items(Service& service, const std::shared_ptr<GorseFeedback>& feedback) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&)) {
    service.router().add(
        {method, pattern, scope, summary,
         on_worker(service, [&service, handler](const HttpRequest& request) { return handler(service, request); })});
  };
  add("POST", "/api/item", Scope::admin, "gorse: puts an item.", insert_gorse_items);
  add("POST", "/api/items", Scope::admin, "gorse: puts items.", insert_gorse_items);
  add("GET", "/api/item/{item}", Scope::search, "gorse: an item.", get_gorse_item);
  add("PATCH", "/api/item/{item}", Scope::admin, "gorse: changes an item.", patch_gorse_item);
  add("PUT", "/api/item/{item}/category/{category}", Scope::admin, "gorse: adds a category.", add_category);
  add("DELETE", "/api/item/{item}/category/{category}", Scope::admin, "gorse: takes a category away.", remove_category);
  service.router().add({"DELETE", "/api/item/{item}", Scope::admin, "gorse: erases an item and its feedback.",
                        on_worker(service, [&service, feedback](const HttpRequest& request) {
                          return delete_gorse_item(service, request, *feedback);
                        })});
  for (const char* pattern :
       {"/api/item/{item}/neighbors", "/api/item/{item}/neighbors/{category}", "/api/item-to-item/{name}/{item}"})
    add("GET", pattern, Scope::search, "gorse: items like an item.", gorse_neighbors);
}

}  // namespace

void add_gorse_routes(Service& service) {
  const auto feedback = std::make_shared<GorseFeedback>(service);
  const auto later = [&](const char* method, const std::string& pattern, Scope scope, const char* summary,
                         void (*handler)(Service&, const HttpRequest&, const std::shared_ptr<Reply>&)) {
    service.router().add(
        {method, pattern, scope, summary,
         on_worker_later(service, [&service, handler](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
           handler(service, request, reply);
         })});
  };
  const auto recommend = [&](const std::string& pattern, const char* summary, bool scores) {
    service.router().add({"GET", pattern, Scope::search, summary,
                          on_worker_later(service, [&service, feedback, scores](const HttpRequest& request,
                                                                                const std::shared_ptr<Reply>& reply) {
                            gorse_recommend(service, request, reply, feedback, scores);
                          })});
  };
  add_gorse_people(service, feedback);
  add_gorse_items(service, feedback);
  later("GET", "/api/items", Scope::admin, "gorse: items, page by page, or those that match a text.", gorse_items);
  for (const std::string category : {"", "/{category}"}) {
    recommend("/api/recommend/{user}" + category, "gorse: what a user may want.", false);
    recommend("/api/collaborative-filtering/{user}" + category, "gorse: the same, with scores.", true);
    recommend("/api/intermediate/recommend/{user}" + category, "gorse: the same, with scores.", true);
    later("POST", "/api/session/recommend" + category, Scope::search, "gorse: what comes next in a session.",
          gorse_session);
    later("GET", "/api/latest" + category, Scope::search, "gorse: the newest items.", gorse_latest);
    later("GET", "/api/popular" + category, Scope::search, "gorse: what most people take.", gorse_popular);
  }
  later("GET", "/api/non-personalized/{name}", Scope::search, "gorse: the lists latest and popular.", gorse_unpersonal);
  const auto no_neighbours = on_worker(service, [](const HttpRequest&) -> HttpResponse {
    throw ProblemError({ProblemCode::not_implemented,
                        "people are not compared with each other here: there are no neighbours of a user", ""});
  });
  for (const char* pattern : {"/api/user/{user}/neighbors", "/api/user-to-user/{name}/{user}"})
    service.router().add({"GET", pattern, Scope::search, "gorse: not there; answers 501.", no_neighbours});
  const auto health = [&](const char* pattern, const char* summary, bool live) {
    service.router().add({"GET", pattern, Scope::none, summary, answer_with([&service, live](const HttpRequest&) {
                            const bool ready = service.readiness().ready();
                            if (!live && !ready)
                              throw ProblemError({ProblemCode::not_ready, "the service is not ready", ""});
                            return gorse_health(ready);
                          }),
                          0, 0, true});
  };
  health("/api/health/live", "gorse: whether the process answers.", true);
  health("/api/health/ready", "gorse: whether the service is ready.", false);
}

}  // namespace tessera::serve
