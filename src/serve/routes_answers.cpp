#include <nlohmann/json.hpp>

#include "http/json.h"
#include "live/project.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

HttpHandler question_handler(Service& service, Question::Kind kind) {
  return on_worker_later(service, [&service, kind](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
    reply_to_question(
        service, question_from(request, kind, service.options().deadline_ms), reply,
        [](const Answer& answer, const Question& question) { return json_response(to_json(answer, question)); });
  });
}

HttpResponse similar(Service& service, HttpRequest request) {
  // Before the key's own parameters, of which some are for other routes.
  refuse_unknown_query(request, {"limit", "filter_by", "include_fields", "exclude_fields"});
  narrow_by_key(request);
  const std::string id(request.path_parameters.get("item_id"));
  const auto view = service.shelf().view();
  const auto item = view->find(id);
  if (!item) throw ProblemError({ProblemCode::not_found, "there is no item \"" + id + "\"", "item_id"});
  const int64_t k = query_integer(request, "limit", 1, 250).value_or(10);
  const std::string filter = query_string(request, "filter_by", 4096).value_or("");
  const live::Projection projection =
      live::Projection::parse(query_string(request, "include_fields", 4096).value_or(""),
                              query_string(request, "exclude_fields", 4096).value_or(""));
  const auto allowed = service.shelf().sellable(*view, filter);
  const auto model = service.models().active();
  Results results = model->similar(*item, k, allowed->words());
  if (results.items.empty()) {  // no vectors: what somebody wants who saw just this item
    const auto items = model->items();
    Request asked;
    asked.history = {&*item, 1};
    asked.exclude = asked.history;
    asked.k = k;
    const auto only = service.shelf().filter_for(items, allowed);
    asked.filter = only.get();
    results = model->recommend({&asked, 1}, *items).at(0);
  }
  Json hits = Json::array();
  for (size_t i = 0; i < results.items.size(); ++i)
    hits.push_back({{"document", projection.project(view->item(results.items[i]))}, {"score", results.scores[i]}});
  return json_response(Json{{"item_id", id},
                            {"hits", std::move(hits)},
                            {"query_id", new_query_id()},
                            {"model_version", model->version()},
                            {"degraded", false}});
}

HttpResponse suggest(Service& service, HttpRequest request) {
  refuse_unknown_query(request, {"q", "queries", "items", "fuzzy", "filter_by"});
  narrow_by_key(request);
  SuggestRequest asked;
  asked.prefix = query_string(request, "q", 256).value_or("");
  asked.max_queries = query_integer(request, "queries", 0, 100).value_or(5);
  asked.max_items = query_integer(request, "items", 0, 100).value_or(5);
  asked.fuzzy = query_bool(request, "fuzzy").value_or(true);
  const auto view = service.shelf().view();
  const auto allowed = service.shelf().sellable(*view, query_string(request, "filter_by", 4096).value_or(""));
  asked.allowed = [&](ItemId item) { return allowed->contains(item); };
  const Suggestions found = service.shelf().suggester().suggest(asked);
  Json queries = Json::array(), items = Json::array();
  for (const QuerySuggestion& query : found.queries)
    queries.push_back({{"query", query.text}, {"weight", query.weight}, {"edits", query.edits}});
  for (const ItemSuggestion& item : found.items)
    items.push_back(
        {{"id", view->item(item.item).id}, {"title", display_name(view->item(item.item))}, {"edits", item.edits}});
  return json_response(
      Json{{"queries", std::move(queries)}, {"items", std::move(items)}, {"query_id", new_query_id()}});
}

}  // namespace

void add_answer_routes(Service& service) {
  Router& router = service.router();
  const auto search = question_handler(service, Question::Kind::search);
  const auto recommend = question_handler(service, Question::Kind::recommend);
  router.add({"GET", "/v1/search", Scope::search, "Items that match a text, in the order for this person.", search});
  router.add({"POST", "/v1/search", Scope::search, "The same, with the parameters as a JSON body.", search});
  router.add({"GET", "/v1/recommend", Scope::search, "What this person may want next.", recommend});
  router.add({"POST", "/v1/recommend", Scope::search, "The same, with the parameters as a JSON body.", recommend});
  router.add({"GET", "/v1/similar/{item_id}", Scope::search, "Items like an item.",
              on_worker(service, [&service](const HttpRequest& request) { return similar(service, request); })});
  router.add({"GET", "/v1/suggest", Scope::search, "Past queries and items that begin like this text.",
              on_worker(service, [&service](const HttpRequest& request) { return suggest(service, request); })});
}

}  // namespace tessera::serve
