#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "http/json.h"
#include "live/project.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kImportBytes = 256u << 20;
constexpr size_t kMaxLines = 1'000'000;

std::string id_of(const HttpRequest& request) {
  return std::string(request.path_parameters.get("id"));
}

[[noreturn]] void no_item(const std::string& id) {
  throw ProblemError({ProblemCode::not_found, "there is no item \"" + id + "\"", "id"});
}

HttpResponse get_item(Service& service, HttpRequest request) {
  narrow_by_key(request);
  const auto view = service.shelf().view();
  const std::string id = id_of(request);
  const auto item = view->find(id);
  if (!item) no_item(id);
  // A scoped key shows no item that it does not find either.
  if (const auto filter = query_string(request, "filter_by", 4096);
      filter && !request.identity.embedded_params.empty() && !service.shelf().sellable(*view, *filter)->contains(*item))
    no_item(id);
  const live::Projection projection =
      live::Projection::parse(query_string(request, "include_fields", 4096).value_or(""),
                              query_string(request, "exclude_fields", 4096).value_or(""));
  Json out = projection.project(view->item(*item));
  const auto model = service.models().active();
  const auto items = model->items();
  if (model->takes_new_items() && index(*item) < items->size()) out["semantic_id"] = items->ids.of(*item);
  return json_response(out);
}

HttpResponse put_item(Service& service, const HttpRequest& request) {
  nlohmann::json body = parse_body_object(request);
  const std::string id = id_of(request);
  if (body.contains("id") && body["id"] != id)
    throw ProblemError({ProblemCode::invalid_parameter, "the body's id is not that of the path; leave it out", "id"});
  body["id"] = id;
  std::vector<live::Change> changes;
  changes.push_back(live::Change::put(item_from_json(body)));
  const live::Applied applied = service.shelf().apply(std::move(changes)).at(0);
  return json_response(Json{{"id", id}, {"created", !applied.was_live}}, applied.was_live ? 200 : 201);
}

HttpResponse patch_item(Service& service, const HttpRequest& request) {
  const nlohmann::json patch = parse_body_object(request);
  const std::string id = id_of(request);
  const auto item = service.shelf().update(id, [&](const Item& old) { return live::merge_patch(old, patch); });
  if (!item) no_item(id);
  return json_response(live::Projection().project(*item));
}

HttpResponse erase_item(Service& service, const HttpRequest& request) {
  const std::string id = id_of(request);
  if (!service.shelf().view()->find(id)) no_item(id);
  std::vector<live::Change> changes;
  changes.push_back(live::Change::erase(id));
  service.shelf().apply(std::move(changes));
  return json_response(Json{{"id", id}, {"erased", true}});
}

/// One line of a bulk import: {"id":..., ...} puts, {"id":..., "_delete": true} erases.
live::Change change_of(std::string_view line) {
  nlohmann::json object = parse_object(line);
  const auto erase = object.find("_delete");
  if (erase == object.end() || *erase != true) {
    Item item = item_from_json(object);
    stored_text(item);  // so that a line that cannot be stored is told apart from the others
    return live::Change::put(std::move(item));
  }
  TESSERA_CHECK(object.contains("id") && object["id"].is_string(), data, "_delete needs the item's id");
  return live::Change::erase(object["id"].get<std::string>());
}

/// JSON lines in, a line of result for each out, as Typesense's import. Good lines are put although others are bad.
HttpResponse import_items(Service& service, const HttpRequest& request) {
  std::vector<live::Change> changes;
  std::vector<std::string> errors;  // "" where the line is good
  std::string_view rest = request.body;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (errors.size() == kMaxLines)
      throw ProblemError({ProblemCode::body_too_large, "more than 1,000,000 lines: send them in parts", ""});
    try {
      changes.push_back(change_of(line));
      errors.emplace_back();
    } catch (const Error& error) {
      errors.emplace_back(error.what());
    }
  }
  const auto applied = service.shelf().apply(std::move(changes));
  std::string body;
  size_t next = 0;
  for (const std::string& error : errors) {
    if (error.empty()) {
      const live::Applied& one = applied[next++];
      body += one.item || !one.was_live ? "{\"success\":true}\n" : "{\"success\":true,\"erased\":false}\n";
    } else {
      body += to_line({{"success", false}, {"error", error}, {"code", "invalid_item"}}) + "\n";
    }
  }
  return HttpResponse(200, std::move(body), "application/x-ndjson");
}

HttpResponse list_items(Service& service, const HttpRequest& request) {
  const auto view = service.shelf().view();
  const int64_t limit = query_integer(request, "limit", 1, 1000).value_or(100);
  const int64_t cursor = query_integer(request, "cursor", 0, INT32_MAX).value_or(0);
  Json items = Json::array();
  int64_t slot = cursor;
  for (; slot < view->size() && static_cast<int64_t>(items.size()) < limit; ++slot)
    if (view->is_live(ItemId{static_cast<int32_t>(slot)}))
      items.push_back(live::Projection().project(view->item(ItemId{static_cast<int32_t>(slot)})));
  Json out = {{"items", std::move(items)}, {"total", view->num_live()}};
  if (slot < view->size()) out["cursor"] = slot;
  return json_response(out);
}

}  // namespace

void add_item_routes(Service& service) {
  Router& router = service.router();
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&), size_t body_limit = 0) {
    router.add(
        {method, pattern, scope, summary,
         on_worker(service, [&service, handler](const HttpRequest& request) { return handler(service, request); }),
         body_limit, body_limit > 0 ? 600'000 : 0});
  };
  add("GET", "/v1/items", Scope::admin, "All items, page by page.", list_items);
  add("POST", "/v1/items/import", Scope::admin, "Puts and erases many items, a JSON line each; a result line each.",
      import_items, kImportBytes);
  add("GET", "/v1/items/{id}", Scope::search, "An item as it is now, and its semantic ID.",
      [](Service& s, const HttpRequest& r) { return get_item(s, r); });
  add("PUT", "/v1/items/{id}", Scope::admin, "Puts an item, new or in place of the old one.", put_item);
  add("PATCH", "/v1/items/{id}", Scope::admin, "Changes fields of an item (JSON merge patch).", patch_item);
  add("DELETE", "/v1/items/{id}", Scope::admin, "Erases an item: no answer holds it any more.", erase_item);
}

}  // namespace tessera::serve
