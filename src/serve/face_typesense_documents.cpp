#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "data/item_json.h"
#include "data/time.h"
#include "http/json.h"
#include "live/filter.h"
#include "serve/face.h"
#include "serve/face_typesense.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kDocumentBytes = 256u << 20;
constexpr size_t kMaxDocuments = 1'000'000;

enum class Action { create, upsert, update, emplace };

Action action_of(const HttpRequest& request) {
  const std::string text = query_string(request, "action", 16).value_or("create");
  if (text == "create") return Action::create;
  if (text == "upsert") return Action::upsert;
  if (text == "update") return Action::update;
  if (text == "emplace") return Action::emplace;
  throw ProblemError({ProblemCode::invalid_parameter,
                      "Parameter `action` must be a create|update|upsert|emplace; found \"" + text + "\"", "action"});
}

std::string document_id(const HttpRequest& request) {
  return std::string(request.path_parameters.get("id"));
}

[[noreturn]] void no_document(const std::string& id) {
  throw ProblemError({ProblemCode::not_found, "Could not find a document with id: " + id.substr(0, 512), "id"});
}

Json whole_document(const Item& item) {
  return document_of(live::Projection(), item);
}

/// The item that a document makes, over `old` where there is one.
Item item_of_document(nlohmann::json document, Action action, const Item* old) {
  TESSERA_CHECK(document.is_object(), data, "Document must be a JSON object.");
  if (!document.contains("id") && (action == Action::create || action == Action::upsert))
    document["id"] = new_query_id();  // as Typesense, which makes one up
  TESSERA_CHECK(document.contains("id"), data, "a document to update needs its id");
  const nlohmann::json json = item_json_of_document(std::move(document));
  const nlohmann::json& id = json["id"];
  TESSERA_CHECK(id.is_number_integer() || (id.is_string() && id.get_ref<const std::string&>().size() <= 512), data,
                "Document's `id` field should be a string of at most 512 bytes.");
  if (action == Action::create && old != nullptr)
    throw ProblemError({ProblemCode::conflict, "A document with id " + old->id + " already exists.", "id"});
  if (action == Action::update && old == nullptr) no_document(id.is_string() ? id.get<std::string>() : id.dump());
  const bool merges = old != nullptr && (action == Action::update || action == Action::emplace);
  return merges ? live::merge_patch(*old, json) : item_from_json(json);
}

std::string id_of_document(const nlohmann::json& document) {
  const auto id = document.is_object() ? document.find("id") : document.end();
  if (!document.is_object() || id == document.end()) return {};
  return id->is_string() ? id->get<std::string>() : to_line(*id);
}

HttpResponse post_document(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const Action action = action_of(request);
  nlohmann::json document = parse_json(request.body);
  const std::string id = id_of_document(document);
  const auto view = service.shelf().view();
  const auto slot = id.empty() ? std::nullopt : view->find(id);
  Item item = item_of_document(std::move(document), action, slot ? &view->item(*slot) : nullptr);
  const Json out = whole_document(item);
  std::vector<live::Change> changes;
  changes.push_back(live::Change::put(std::move(item)));
  service.shelf().apply(std::move(changes));
  return json_response(out, slot ? 200 : 201);
}

HttpResponse get_document(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const auto view = service.shelf().view();
  const auto item = view->find(document_id(request));
  if (!item) no_document(document_id(request));
  return json_response(whole_document(view->item(*item)));
}

HttpResponse patch_document(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const nlohmann::json body = parse_json(request.body);
  if (!body.is_object()) throw ProblemError({ProblemCode::unprocessable, "Document must be a JSON object.", ""});
  const nlohmann::json patch = item_json_of_document(body);
  const auto item =
      service.shelf().update(document_id(request), [&](const Item& old) { return live::merge_patch(old, patch); });
  if (!item) no_document(document_id(request));
  return json_response(whole_document(*item));
}

HttpResponse delete_document(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const std::string id = document_id(request);
  const auto view = service.shelf().view();
  const auto item = view->find(id);
  if (!item) no_document(id);
  std::vector<live::Change> changes;
  changes.push_back(live::Change::erase(id));
  service.shelf().apply(std::move(changes));
  return json_response(whole_document(view->item(*item)));
}

HttpResponse delete_documents(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const std::string filter = query_string(request, "filter_by", 4096).value_or("");
  if (live::Filter::parse(filter).accepts_all())
    throw ProblemError({ProblemCode::missing_parameter, "Parameter `filter_by` must be provided.", "filter_by"});
  const auto view = service.shelf().view();
  std::vector<live::Change> changes;
  live::Filter::parse(filter).evaluate(*view, request.deadline).for_each([&](ItemId item) {
    changes.push_back(live::Change::erase(view->item(item).id));
  });
  const size_t n = changes.size();
  if (n > 0) service.shelf().apply(std::move(changes));
  return json_response(Json{{"num_deleted", n}});
}

/// A line's result, as Typesense writes it.
struct ImportLine {
  std::string id, error;
  int code = 0;
};

/// Typesense's bulk import. Documents of one import see those before them; a write that comes from elsewhere between
/// the reading of an old document and the end of the import is lost for `update` and `emplace`.
class Import {
 public:
  Import(std::shared_ptr<const live::CatalogueView> view, Action action) : view_(std::move(view)), action_(action) {}

  ImportLine add(std::string_view line) {
    ImportLine result;
    try {
      nlohmann::json document = parse_object(line);
      const std::string id = id_of_document(document);
      Item item = item_of_document(std::move(document), action_, find(id));
      result.id = item.id;
      at_[item.id] = changes_.size();
      changes_.push_back(live::Change::put(std::move(item)));
    } catch (const std::exception& error) {
      const Problem problem = problem_of(error);
      result.error = problem.detail;
      result.code = problem.status() == 422 ? 400 : problem.status();
    }
    return result;
  }
  std::vector<live::Change> take() { return std::move(changes_); }

 private:
  const Item* find(const std::string& id) const {
    if (const auto found = at_.find(id); found != at_.end()) return &std::get<Item>(changes_[found->second].what);
    const auto slot = id.empty() ? std::nullopt : view_->find(id);
    return slot ? &view_->item(*slot) : nullptr;
  }

  std::shared_ptr<const live::CatalogueView> view_;
  Action action_;
  std::vector<live::Change> changes_;
  std::unordered_map<std::string, size_t> at_;  ///< by id: its latest change
};

/// Lines have no end behind the last one: clients split at the ends and parse every part.
HttpResponse import_documents(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const bool with_id = query_bool(request, "return_id").value_or(false),
             with_document = query_bool(request, "return_doc").value_or(false);
  Import import(service.shelf().view(), action_of(request));
  std::string out;
  size_t lines = 0;
  std::string_view rest = request.body;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (++lines > kMaxDocuments)
      throw ProblemError({ProblemCode::body_too_large, "more than 1,000,000 lines: send them in parts", ""});
    const ImportLine result = import.add(line);
    Json one = {{"success", result.error.empty()}};
    if (!result.error.empty()) one["code"] = result.code, one["error"] = result.error;
    if (with_document || !result.error.empty()) one["document"] = std::string(line);
    if (with_id && !result.id.empty()) one["id"] = result.id;
    out += (out.empty() ? "" : "\n") + one.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  service.shelf().apply(import.take());
  return HttpResponse(200, std::move(out), "text/plain; charset=utf-8");
}

HttpResponse export_documents(Service& service, const HttpRequest& request) {
  check_collection(service, request.path_parameters.get("collection"));
  const auto view = service.shelf().view();
  const live::Filter filter = live::Filter::parse(query_string(request, "filter_by", 4096).value_or(""));
  const live::Projection projection =
      live::Projection::parse(projected_fields(query_string(request, "include_fields", 4096).value_or("")),
                              projected_fields(query_string(request, "exclude_fields", 4096).value_or("")));
  std::string out;
  filter.evaluate(*view, request.deadline).for_each([&](ItemId item) {
    if (out.size() > kDocumentBytes)
      throw ProblemError({ProblemCode::unprocessable, "more than 256 MiB: export in parts, with filter_by", ""});
    out += (out.empty() ? "" : "\n") +
           document_of(projection, view->item(item)).dump(-1, ' ', false, Json::error_handler_t::replace);
  });
  return HttpResponse(200, std::move(out), "text/plain; charset=utf-8");
}

Json field_of_schema(const std::string& name, const char* type, bool facet, bool sort) {
  return {{"name", name},  {"type", type}, {"facet", facet}, {"optional", true},
          {"index", true}, {"sort", sort}, {"infix", false}, {"locale", ""}};
}

Json collection_json(Service& service) {
  const auto view = service.shelf().view();
  Json fields = Json::array();
  fields.push_back(field_of_schema("title", "string", false, true));
  fields.push_back(field_of_schema("description", "string", false, false));
  fields.push_back(field_of_schema("brand", "string", true, true));
  fields.push_back(field_of_schema("categories", "string[]", true, false));
  fields.push_back(field_of_schema("price", "float", true, true));
  fields.push_back(field_of_schema("available", "bool", true, true));
  fields.push_back(field_of_schema("created_at", "string", true, true));
  for (const std::string& name : view->attribute_names()) {
    const auto field = live::parse_field(name);
    const bool plain = field && field->kind == live::FieldKind::attribute;
    fields.push_back(field_of_schema(plain ? name : "attributes." + name, "string", true, true));
  }
  return {{"name", "items"},
          {"num_documents", view->num_live()},
          {"fields", std::move(fields)},
          {"default_sorting_field", ""},
          {"enable_nested_fields", true},
          {"symbols_to_index", Json::array()},
          {"token_separators", Json::array()}};
}

}  // namespace

void add_typesense_documents(Service& service) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&), size_t body_limit = 0) {
    service.router().add(
        {method, pattern, scope, summary,
         on_worker(service, [&service, handler](const HttpRequest& request) { return handler(service, request); }),
         body_limit, body_limit > 0 ? 600'000 : 0});
  };
  add("GET", "/collections", Scope::search, "Typesense: the collections; there is one.",
      [](Service& s, const HttpRequest&) { return json_response(Json::array({collection_json(s)})); });
  add("GET", "/collections/{collection}", Scope::search, "Typesense: the collection and its fields.",
      [](Service& s, const HttpRequest& request) {
        check_collection(s, request.path_parameters.get("collection"));
        return json_response(collection_json(s));
      });
  add("POST", "/collections/{collection}/documents", Scope::admin, "Typesense: puts a document.", post_document);
  add("DELETE", "/collections/{collection}/documents", Scope::admin, "Typesense: erases documents by a filter.",
      delete_documents);
  add("POST", "/collections/{collection}/documents/import", Scope::admin,
      "Typesense: puts documents, a JSON line each; a result line each.", import_documents, kDocumentBytes);
  add("GET", "/collections/{collection}/documents/export", Scope::admin, "Typesense: all documents, a JSON line each.",
      export_documents);
  add("GET", "/collections/{collection}/documents/{id}", Scope::search, "Typesense: a document.", get_document);
  add("PATCH", "/collections/{collection}/documents/{id}", Scope::admin, "Typesense: changes fields of a document.",
      patch_document);
  add("DELETE", "/collections/{collection}/documents/{id}", Scope::admin, "Typesense: erases a document.",
      delete_document);
}

}  // namespace tessera::serve
