#include "http/health.h"

#include <nlohmann/json.hpp>

namespace tessera {
namespace {

HttpResponse plain_text(int status, const char* text) {
  HttpResponse response(status, std::string(text) + "\n", "text/plain; charset=utf-8");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

HttpResponse typesense_health(const Readiness& readiness) {
  const bool ready = readiness.ready();
  nlohmann::json body{{"ok", ready}};
  if (readiness.resource_error() == ResourceError::out_of_disk) body["resource_error"] = "OUT_OF_DISK";
  if (readiness.resource_error() == ResourceError::out_of_memory) body["resource_error"] = "OUT_OF_MEMORY";
  HttpResponse response(ready ? 200 : 503, body.dump());
  response.headers.add("Cache-Control", "no-store");
  return response;
}

Route health_route(const char* pattern, const char* summary, std::function<HttpResponse()> make) {
  Route route;
  route.method = "GET";
  route.pattern = pattern;
  route.scope = Scope::none;
  route.summary = summary;
  route.handler = answer_with([make = std::move(make)](const HttpRequest&) { return make(); });
  route.even_when_overloaded = true;
  return route;
}

HttpResponse problem_page(const HttpRequest& request) {
  const std::string_view name = request.path_parameters.get("code");
  for (const ProblemInfo& info : problem_table()) {
    if (name != info.name) continue;
    return HttpResponse(
        200,
        nlohmann::ordered_json{{"code", info.name}, {"status", info.status}, {"title", info.title}, {"help", info.help}}
            .dump());
  }
  return Problem{ProblemCode::not_found, "There is no problem of this code; GET /problems lists all.", "code", 0};
}

}  // namespace

const char* to_string(ServerPhase phase) {
  switch (phase) {
    case ServerPhase::starting:
      return "starting";
    case ServerPhase::warming:
      return "warming";
    case ServerPhase::ready:
      return "ready";
    case ServerPhase::stopping:
      return "stopping";
  }
  return "unknown";
}

void add_health_routes(Router& router, const Readiness& readiness) {
  const auto ready = [&readiness] {
    const bool resources = readiness.resource_error() == ResourceError::none;
    return plain_text(readiness.ready() ? 200 : 503, resources ? to_string(readiness.phase()) : "out of resources");
  };
  router.add(health_route("/livez", "Whether the process answers.", [] { return plain_text(200, "alive"); }));
  router.add(health_route("/readyz", "Whether the service takes requests.", ready));
  router.add(health_route("/healthz", "The same as /readyz.", ready));
  router.add(health_route("/health", "The same, as Typesense answers it.",
                          [&readiness] { return typesense_health(readiness); }));
}

void add_problem_routes(Router& router) {
  router.add(health_route("/problems", "All problems that answers can name.",
                          [] { return HttpResponse(200, problem_table_json()); }));
  Route page = health_route("/problems/{code}", "What one problem means.", [] { return HttpResponse(); });
  page.handler = answer_with(problem_page);
  router.add(std::move(page));
}

}  // namespace tessera
