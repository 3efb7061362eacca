#include "serve/face_typesense.h"

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "http/json.h"
#include "live/filter.h"
#include "serve/face.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"
#include "serve/service.h"

namespace tessera::serve {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxSearches = 50;

/// One search: who asks, what they sent, and what became of it.
struct TypesenseSearch {
  Identity identity;
  TypesenseParameters parameters;
};

/// The parameters of the query string, which all searches of a request share.
TypesenseParameters query_parameters(const HttpRequest& request) {
  TypesenseParameters parameters;
  for (const NameValue& parameter : request.query.all())
    if (parameter.name != "x-typesense-api-key" && !parameters.contains(parameter.name))
      parameters[parameter.name] = parameter.value;
  if (const auto user = request.headers.get("X-TYPESENSE-USER-ID"); !user.empty())
    parameters.try_emplace("x-typesense-user-id", user);
  return parameters;
}

/// What a scoped key says comes over what the caller sent; its filter is one more condition.
void narrow_search(TypesenseSearch& search) {
  if (search.identity.embedded_params.empty()) return;
  TypesenseParameters embedded;
  take_parameters(nlohmann::json::parse(search.identity.embedded_params), embedded);
  for (const auto& [name, value] : embedded) {
    std::string& own = search.parameters[name];
    own = name == "filter_by" ? both_filters(own, value) : value;
  }
}

/// A whole number that grows with the text's score, as Typesense's is.
int64_t text_match(const AnsweredHit& hit) {
  return std::llround(std::max(0.0, hit.parts.lexical_score) * 1e6);
}

Json highlights_of(const AnsweredHit& hit, const TypesenseParameters& parameters, Json& by_field) {
  Json list = Json::array();
  for (const Highlight& highlight : hit.highlights) {
    if (!wants_highlight(parameters, highlight.field)) continue;
    list.push_back(
        {{"field", highlight.field}, {"matched_tokens", highlight.matched_tokens}, {"snippet", highlight.snippet}});
    // An object or a list is marked there as a whole; the object by field wants one entry for each part of it.
    if (highlight.field == "attributes" || highlight.field == "categories") continue;
    by_field[highlight.field] = {{"matched_tokens", highlight.matched_tokens}, {"snippet", highlight.snippet}};
  }
  return list;
}

Json typesense_hit(const AnsweredHit& hit, const Answer& answer, const live::Projection& projection,
                   const TypesenseParameters& parameters, bool has_text) {
  Json one = {{"document", document_of(projection, answer.view->item(hit.hit.item))}};
  Json by_field = Json::object();
  Json highlights = highlights_of(hit, parameters, by_field);
  std::set<std::string> tokens;
  for (const Highlight& highlight : hit.highlights)
    tokens.insert(highlight.matched_tokens.begin(), highlight.matched_tokens.end());
  one["highlight"] = std::move(by_field);
  one["highlights"] = std::move(highlights);
  if (has_text) {
    one["text_match"] = text_match(hit);
    one["text_match_info"] = {{"fields_matched", hit.highlights.size()},
                              {"num_tokens_dropped", answer.dropped_words.size()},
                              {"score", std::to_string(text_match(hit))},
                              {"tokens_matched", tokens.size()}};
  }
  if (hit.hit.pinned) one["curated"] = true;
  one["score"] = hit.hit.score;
  return one;
}

Json typesense_answer(const Answer& answer, const Question& question, const TypesenseParameters& parameters) {
  const live::Projection projection = live::Projection::parse(question.include_fields, question.exclude_fields);
  const bool has_text = question.q.find_first_not_of(" *") != std::string::npos;
  Json facets = Json::array();
  for (auto& facet : live::to_json(answer.facets)) {
    facet["sampled"] = false;
    facets.push_back(Json(std::move(facet)));
  }
  Json hits = Json::array();
  for (const AnsweredHit& hit : answer.hits)
    hits.push_back(typesense_hit(hit, answer, projection, parameters, has_text));
  Json out = {{"facet_counts", std::move(facets)}, {"found", answer.found}, {"hits", std::move(hits)}};
  out["out_of"] = answer.out_of;
  out["page"] = question.limit > 0 ? question.offset / question.limit + 1 : 1;
  out["request_params"] = {
      {"collection_name", "items"}, {"first_q", question.q}, {"per_page", question.limit}, {"q", question.q}};
  out["search_cutoff"] = answer.degraded == Degraded::deadline;
  out["search_time_ms"] = std::llround(answer.milliseconds);
  out["query_id"] = answer.query_id;  // from here on: of our own
  out["model_version"] = answer.model_version;
  out["personalized"] = answer.personal;
  out["degraded"] = answer.degraded != Degraded::no;
  return out;
}

/// Asks; `done` gets the answer as Typesense gives it, or the exception.
void ask_typesense(Service& service, TypesenseSearch search, Clock::time_point start,
                   const std::function<void(Json, std::exception_ptr)>& done) {
  try {
    narrow_search(search);
    const nlohmann::json object = question_of_typesense(search.parameters, *service.shelf().view());
    const auto question =
        std::make_shared<Question>(face_question(object, Question::Kind::search, start, service.options().deadline_ms));
    const auto parameters = std::make_shared<TypesenseParameters>(std::move(search.parameters));
    answer_question(service.answer_parts(), *question,
                    [&service, question, parameters, done](const Answer& answer, std::exception_ptr error) {
                      Json out;
                      try {
                        if (error) std::rethrow_exception(error);
                        service.count(answer);
                        out = typesense_answer(answer, *question, *parameters);
                      } catch (...) {
                        return done({}, std::current_exception());
                      }
                      done(std::move(out), nullptr);
                    });
  } catch (...) {
    done({}, std::current_exception());
  }
}

void search_documents(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  check_collection(service, request.path_parameters.get("collection"));
  ask_typesense(service, {request.identity, query_parameters(request)}, request.start,
                [reply](const Json& answer, std::exception_ptr error) {
                  reply->send_result([&] {
                    if (error) std::rethrow_exception(error);
                    return json_response(answer);
                  });
                });
}

/// An error in the place of a result.
Json typesense_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    const Problem problem = problem_of(e);
    return {{"code", problem.status()},
            {"error", problem.detail.empty() ? info_of(problem.code).title : problem.detail},
            {"problem", problem.name()}};
  }
}

/// The searches of a body, each with the parameters of the query string below its own.
/// @throws ProblemError for what concerns all of them
std::vector<nlohmann::json> searches_of(const HttpRequest& request) {
  const nlohmann::json body = parse_json(request.body);  // of any content type: browsers send text/plain
  if (!body.is_object()) throw ProblemError({ProblemCode::unprocessable, "the body is no JSON object", ""});
  if (body.value("union", nlohmann::json()) == true)
    throw ProblemError({ProblemCode::not_implemented,
                        "`union` is not supported here: ask the searches without it and merge their hits", "union"});
  const nlohmann::json* searches = optional_array(body, "searches", 1000);
  if (searches == nullptr)
    throw ProblemError({ProblemCode::missing_parameter, "Missing `searches` array.", "searches"});
  size_t most = kMaxSearches;
  TypesenseParameters common = query_parameters(request);
  if (!request.identity.embedded_params.empty())
    take_parameters(nlohmann::json::parse(request.identity.embedded_params), common);
  if (const auto limit = common.find("limit_multi_searches"); limit != common.end()) {
    HttpRequest number;
    number.query.add("limit_multi_searches", limit->second);
    most = static_cast<size_t>(query_integer(number, "limit_multi_searches", 1, 250).value_or(kMaxSearches));
  }
  if (searches->size() > most)
    throw ProblemError({ProblemCode::invalid_parameter,
                        fmt::format("Number of multi searches exceeds `limit_multi_searches` ({})", most), "searches"});
  return searches->get<std::vector<nlohmann::json>>();
}

TypesenseSearch one_search(Service& service, const HttpRequest& request, const nlohmann::json& object) {
  if (!object.is_object())
    throw ProblemError({ProblemCode::unprocessable, "an element of `searches` is no JSON object", "searches"});
  TypesenseSearch search{request.identity, query_parameters(request)};
  take_parameters(object, search.parameters);
  if (const auto key = object.find("x-typesense-api-key"); key != object.end() && key->is_string()) {
    const auto verified = service.keys().verify(key->get_ref<const std::string&>());
    if (!verified || !verified->identity.scopes.allows(Scope::search))
      throw ProblemError({ProblemCode::unauthorized, "the search's own `x-typesense-api-key` may not search", ""});
    search.identity = verified->identity;
  }
  check_collection(service, search.parameters.contains("collection") ? search.parameters["collection"] : "");
  return search;
}

/// The results of one request, filled from several threads; the last one sends.
struct MultiSearch {
  std::shared_ptr<Reply> reply;
  std::vector<Json> results;
  std::atomic<size_t> waiting;
  MultiSearch(std::shared_ptr<Reply> to, size_t n) : reply(std::move(to)), results(n), waiting(n) {}
  void done(size_t i, Json result) {
    results[i] = std::move(result);
    if (--waiting > 0) return;
    reply->send_result([&] { return json_response(Json{{"results", std::move(results)}}); });
  }
};

void multi_search(Service& service, const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  const std::vector<nlohmann::json> searches = searches_of(request);
  if (searches.empty()) {
    reply->send(json_response(Json{{"results", Json::array()}}));
    return;
  }
  const auto all = std::make_shared<MultiSearch>(reply, searches.size());
  for (size_t i = 0; i < searches.size(); ++i) {
    try {
      ask_typesense(service, one_search(service, request, searches[i]), request.start,
                    [all, i](Json answer, std::exception_ptr error) {
                      all->done(i, error ? typesense_error(error) : std::move(answer));
                    });
    } catch (const Error&) {  // of this search alone: ask_typesense does not throw
      all->done(i, typesense_error(std::current_exception()));
    }
  }
}

}  // namespace

void check_collection(Service& service, std::string_view name) {
  if (name != "items" && (name.empty() || name != service.models().active()->dataset().name))
    throw ProblemError(
        {ProblemCode::not_found,
         "Collection not found: there is one, `items`; found \"" + std::string(name.substr(0, 60)) + "\"",
         "collection"});
}

void add_typesense_routes(Service& service) {
  const auto add = [&](const char* method, const char* pattern, const char* summary,
                       void (*handler)(Service&, const HttpRequest&, const std::shared_ptr<Reply>&)) {
    service.router().add(
        {method, pattern, Scope::search, summary,
         on_worker_later(service, [&service, handler](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
           handler(service, request, reply);
         })});
  };
  add("GET", "/collections/{collection}/documents/search", "Typesense: items that match a text.", search_documents);
  add("POST", "/multi_search", "Typesense: several searches at once.", multi_search);
  add_typesense_documents(service);
}

}  // namespace tessera::serve
