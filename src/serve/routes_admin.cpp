#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/options.h"
#include "http/json.h"
#include "serve/clock.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxAdminId = 512, kMaxSynonyms = 10'000, kMaxSynonymWords = 64, kMaxSynonymBytes = 256;

std::string admin_id(const HttpRequest& request, const char* what) {
  std::string id(request.path_parameters.get("id"));
  if (id.size() > kMaxAdminId)
    throw ProblemError({ProblemCode::invalid_parameter,
                        fmt::format("the id of a {} has {} bytes, at most {} are taken", what, id.size(), kMaxAdminId),
                        "id"});
  return id;
}

[[noreturn]] void not_there(const char* what, const std::string& id) {
  throw ProblemError({ProblemCode::not_found, fmt::format("there is no {} \"{}\"", what, id), "id"});
}

/// The body of a PUT: the id of the path, which the body may repeat.
nlohmann::json body_with_id(const HttpRequest& request, const std::string& id) {
  nlohmann::json body = parse_body_object(request);
  if (body.contains("id") && body["id"] != id)
    throw ProblemError({ProblemCode::invalid_parameter, "the body's id is not that of the path; leave it out", "id"});
  body["id"] = id;
  return body;
}

// Rules.

HttpResponse list_rules(Service& service, const HttpRequest&) {
  Json rules = Json::array();
  for (const live::Rule& rule : service.rules()->all()) rules.push_back(Json(live::to_json(rule)));
  return json_response(Json{{"rules", std::move(rules)}});
}

HttpResponse get_rule(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "rule");
  const auto rules = service.rules();
  const live::Rule* rule = rules->find(id);
  if (rule == nullptr) not_there("rule", id);
  return json_response(live::to_json(*rule));
}

HttpResponse put_rule(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "rule");
  live::Rule rule = live::rule_from_json(body_with_id(request, id));
  const bool is_new = service.rules()->find(id) == nullptr;
  const nlohmann::json out = live::to_json(rule);
  service.put_rule(std::move(rule));
  return json_response(out, is_new ? 201 : 200);
}

HttpResponse erase_rule(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "rule");
  if (!service.erase_rule(id)) not_there("rule", id);
  return json_response(Json{{"id", id}, {"erased", true}});
}

// Synonyms.

Json synonym_to_json(const std::string& id, const Synonym& synonym) {
  Json out = {{"id", id}};
  if (!synonym.root.empty()) out["root"] = synonym.root;
  out["synonyms"] = synonym.words;
  return out;
}

HttpResponse list_synonyms(Service& service, const HttpRequest&) {
  Json synonyms = Json::array();
  for (const auto& [id, synonym] : service.synonyms()) synonyms.push_back(synonym_to_json(id, synonym));
  return json_response(Json{{"synonyms", std::move(synonyms)}});
}

HttpResponse get_synonym(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "synonym");
  for (const auto& [other, synonym] : service.synonyms())
    if (other == id) return json_response(synonym_to_json(id, synonym));
  not_there("synonym", id);
}

HttpResponse put_synonym(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "synonym");
  const nlohmann::json body = body_with_id(request, id);
  refuse_unknown(body, {"id", "root", "synonyms"});
  Synonym synonym;
  synonym.root = optional_string(body, "root", kMaxSynonymBytes).value_or("");
  synonym.words =
      optional_strings(body, "synonyms", kMaxSynonymWords, kMaxSynonymBytes).value_or(std::vector<std::string>());
  const size_t wanted = synonym.root.empty() ? 2 : 1;
  if (synonym.words.size() < wanted)
    throw ProblemError({ProblemCode::missing_parameter,
                        fmt::format("\"synonyms\" must hold at least {} word{}", wanted,
                                    wanted == 1 ? "" : "s where there is no root"),
                        "synonyms"});
  const auto present = service.synonyms();
  const bool is_new = std::none_of(present.begin(), present.end(), [&](const auto& one) { return one.first == id; });
  if (is_new && present.size() >= kMaxSynonyms)
    throw ProblemError(
        {ProblemCode::conflict, fmt::format("there are {} synonyms already: erase some", present.size()), ""});
  service.put_synonym(id, synonym);
  return json_response(synonym_to_json(id, synonym), is_new ? 201 : 200);
}

HttpResponse erase_synonym(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "synonym");
  if (!service.erase_synonym(id)) not_there("synonym", id);
  return json_response(Json{{"id", id}, {"erased", true}});
}

// Keys. Changes are taken one at a time, so that the check for the last admin key holds.

bool stays_admin(const ScopeSet& scopes, int64_t expires_at, bool disabled) {
  const auto names = scopes.names();
  return !disabled && expires_at == 0 && std::find(names.begin(), names.end(), "admin") != names.end();
}

/// Whether an admin key that does not expire is left beside this one.
bool another_admin(Service& service, const std::string& id) {
  for (const KeyRecord& record : service.keys().list())
    if (record.id != id && stays_admin(record.scopes, record.expires_at, record.disabled)) return true;
  return false;
}

[[noreturn]] void last_admin() {
  throw ProblemError({ProblemCode::conflict,
                      "this is the last admin key that is valid for ever: without one nobody could change the service; "
                      "create another first",
                      "id"});
}

HttpResponse create_key(Service& service, const HttpRequest& request) {
  const KeyWish wish = key_wish_from_json(parse_body_object(request));
  const std::lock_guard lock(service.changing_keys());
  if (service.keys().empty() && !stays_admin(wish.scopes, wish.expires_at, wish.disabled))
    throw ProblemError({ProblemCode::conflict,
                        "the first key ends the time in which this machine may do everything without a key, so it "
                        "must have the scope admin, not expire and not be disabled",
                        "scopes"});
  const NewKey key = service.keys().create(wish);
  nlohmann::json out = key_to_public_json(key.record);
  out["secret"] = key.secret;
  out["signing_key"] = key.signing_key;
  HttpResponse response = json_response(out, 201);
  response.headers.add("Cache-Control", "no-store");
  return response;
}

HttpResponse list_keys(Service& service, const HttpRequest&) {
  Json keys = Json::array();
  for (const KeyRecord& record : service.keys().list()) keys.push_back(Json(key_to_public_json(record)));
  return json_response(Json{{"keys", std::move(keys)}});
}

HttpResponse get_key(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "key");
  const auto record = service.keys().find(id);
  if (!record) not_there("key", id);
  return json_response(key_to_public_json(*record));
}

HttpResponse patch_key(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "key");
  const nlohmann::json body = parse_body_object(request);
  const std::lock_guard lock(service.changing_keys());
  const auto record = service.keys().find(id);
  if (!record) not_there("key", id);
  KeyWish wish;
  wish.name = record->name;
  wish.scopes = record->scopes;
  wish.expires_at = record->expires_at;
  wish.rate_per_second = record->rate_per_second;
  wish.burst = record->burst;
  wish.disabled = record->disabled;
  wish = key_wish_from_json(body, wish);
  if (stays_admin(record->scopes, record->expires_at, record->disabled) &&
      !stays_admin(wish.scopes, wish.expires_at, wish.disabled) && !another_admin(service, id))
    last_admin();
  if (!service.keys().update(id, wish)) not_there("key", id);
  return json_response(key_to_public_json(service.keys().find(id).value_or(*record)));
}

HttpResponse erase_key(Service& service, const HttpRequest& request) {
  const std::string id = admin_id(request, "key");
  const std::lock_guard lock(service.changing_keys());
  const auto record = service.keys().find(id);
  if (!record) not_there("key", id);
  if (stays_admin(record->scopes, record->expires_at, record->disabled) && !another_admin(service, id)) last_admin();
  if (!service.keys().remove(id)) not_there("key", id);
  return json_response(Json{{"id", id}, {"erased", true}});
}

// What the service is set to, and how it fares.

/// "redis://user:secret@host" -> "redis://***@host"
std::string without_password(std::string url) {
  const size_t scheme = url.find("://"), at = url.rfind('@');
  if (scheme != std::string::npos && at != std::string::npos && at > scheme)
    url.replace(scheme + 3, at - scheme - 3, "***");
  return url;
}

HttpResponse get_config(Service& service, const HttpRequest&) {
  ServeOptions options = service.options();
  options.state = without_password(options.state);
  options.slow_ms = service.access_log().slow_ms();
  return json_response(list_options(options).dump());
}

HttpResponse set_config(Service& service, const HttpRequest& request) {
  const nlohmann::json body = parse_body_object(request);
  refuse_unknown(body, {"slow_ms"});
  service.access_log().set_slow_ms(static_cast<int>(require_integer(body, "slow_ms", -1, 1'000'000'000)));
  return get_config(service, request);
}

HttpResponse get_stats(Service& service, const HttpRequest&) {
  const auto model = service.models().active();
  const StoreFacts facts = service.store().facts();
  Json store = {{"backend", facts.backend},
                {"commits", facts.commits},
                {"operations", facts.operations},
                {"duplicates", facts.duplicates},
                {"failed_commits", facts.failed_commits},
                {"syncs", facts.syncs},
                {"sync_seconds", facts.sync_seconds},
                {"disk_bytes", facts.disk_bytes},
                {"memory_bytes", facts.memory_bytes},
                {"num_keys", facts.num_keys},
                {"warnings", facts.warnings}};
  return json_response(
      Json{{"items", service.shelf().view()->num_live()},
           {"users", model->dataset().users.size()},
           {"events", service.behaviour().num_events()},
           {"rules", service.rules()->all().size()},
           {"synonyms", service.synonyms().size()},
           {"keys", service.keys().list().size()},
           {"model", {{"version", model->version()}, {"method", model->method()}}},
           {"phase", to_string(service.readiness().phase())},
           {"uptime_seconds", service.uptime_seconds()},
           {"waiting", {{"workers", service.workers().waiting()}, {"model", service.batcher().waiting()}}},
           {"store", std::move(store)}});
}

}  // namespace

void add_admin_routes(Service& service) {
  const auto add = [&](const char* method, const char* pattern, const char* summary,
                       HttpResponse (*handler)(Service&, const HttpRequest&)) {
    service.router().add(
        {method, pattern, Scope::admin, summary,
         on_worker(service, [&service, handler](const HttpRequest& request) { return handler(service, request); })});
  };
  add("GET", "/v1/rules", "All merchandising rules.", list_rules);
  add("GET", "/v1/rules/{id}", "One rule.", get_rule);
  add("PUT", "/v1/rules/{id}", "Puts a rule: pins, hides and boosts for a query, a scene, a time.", put_rule);
  add("DELETE", "/v1/rules/{id}", "Erases a rule.", erase_rule);
  add("GET", "/v1/synonyms", "All synonyms.", list_synonyms);
  add("GET", "/v1/synonyms/{id}", "One set of synonyms.", get_synonym);
  add("PUT", "/v1/synonyms/{id}", "Puts a set of synonyms: words that find each other.", put_synonym);
  add("DELETE", "/v1/synonyms/{id}", "Erases a set of synonyms.", erase_synonym);
  add("POST", "/v1/keys", "Creates a key; its secret is shown this once.", create_key);
  add("GET", "/v1/keys", "All keys, without secrets.", list_keys);
  add("GET", "/v1/keys/{id}", "One key, without its secret.", get_key);
  add("PATCH", "/v1/keys/{id}", "Changes name, scopes, expiry, rate or state of a key.", patch_key);
  add("DELETE", "/v1/keys/{id}", "Erases a key: it opens nothing from now on.", erase_key);
  add("GET", "/v1/config", "The options in force, without secrets.", get_config);
  add("POST", "/v1/config", "Changes an option that can change while the service runs: slow_ms.", set_config);
  add("GET", "/v1/stats", "Counts, the model, the queues and the store, at a glance.", get_stats);
}

}  // namespace tessera::serve
