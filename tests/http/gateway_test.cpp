#include "http/gateway.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/temporary_folder.h"
#include "http/client.h"
#include "http/health.h"
#include "http/json.h"

namespace tessera {
namespace {

using nlohmann::json;

/// A whole service: routes for each scope, health, metrics, a log in memory.
class TestService {
 public:
  explicit TestService(GatewayOptions options = {}, std::string bind_address = "127.0.0.1") {
    add("GET", "/v1/search", Scope::search);
    add("POST", "/v1/search", Scope::search);
    add("POST", "/v1/events", Scope::events);
    add("PUT", "/v1/items/{id}", Scope::admin);
    add_health_routes(router, readiness);
    add_problem_routes(router);
    add_metrics_route(router, metrics, Scope::admin);
    log = std::make_unique<AccessLog>(make_callback_sink([this](std::string_view lines) { log_text += lines; }),
                                      AccessLog::Options{});
    options.bind_address = std::move(bind_address);
    gateway = std::make_unique<Gateway>(router, keys, metrics, *log, options);
    server = std::make_unique<HttpServer>(ServerOptions{}, gateway->handlers());
    server->start();
    add_server_metrics(metrics, server->counters());
  }
  ~TestService() { server->stop(std::chrono::milliseconds(0)); }

  HttpResponse send(std::string_view method, std::string_view target, const std::vector<NameValue>& fields = {},
                    std::string_view body = "") {
    HttpClient client({.port = server->port(), .timeout_ms = 10'000});
    HttpHeaders headers;
    for (const NameValue& field : fields) headers.add(field.name, field.value);
    return client.send(method, target, body, headers);
  }
  std::string key(ScopeSet scopes, double rate = 0, double burst = 0) {
    KeyWish wish;
    wish.scopes = scopes;
    wish.rate_per_second = rate;
    wish.burst = burst;
    return keys.create(wish).secret;
  }

  Readiness readiness;
  Router router;
  KeyRing keys;
  Metrics metrics;
  std::string log_text;
  std::unique_ptr<AccessLog> log;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<HttpServer> server;

 private:
  void add(const char* method, const char* pattern, Scope scope) {
    Route route;
    route.method = method;
    route.pattern = pattern;
    route.scope = scope;
    route.summary = "A test.";
    route.body_limit = 1000;
    route.handler = answer_with([](const HttpRequest& request) {
      return json_response(nlohmann::json{{"id", request.path_parameters.get("id")},
                                          {"key", request.identity.key_id},
                                          {"embedded", request.identity.embedded_params},
                                          {"target", request.target},
                                          {"has_key", !presented_key(request).empty()},
                                          {"body", request.body}});
    });
    router.add(std::move(route));
  }
};

TEST(Gateway, EveryRouteDeclaresItsScope) {
  TestService service;
  for (const Route* route : service.router.routes()) {
    if (route->scope == Scope::none) {
      EXPECT_EQ(route->method, "GET");
    }
    EXPECT_FALSE(route->summary.empty());
  }
}

TEST(Gateway, KeysOpenTheirScopesAlone) {
  TestService service;
  const std::string search = service.key({Scope::search}), events = service.key({Scope::events}),
                    admin = service.key({Scope::admin});
  const auto status = [&](const char* method, const char* target, const std::string& key) {
    return service.send(method, target, {{"Authorization", "Bearer " + key}}).status;
  };
  EXPECT_EQ(service.send("GET", "/v1/search").status, 401);
  EXPECT_EQ(service.send("GET", "/v1/search").headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(status("GET", "/v1/search", "tsk_wrong"), 401);
  EXPECT_EQ(status("GET", "/v1/search", search), 200);
  EXPECT_EQ(status("GET", "/v1/search", events), 403);
  EXPECT_EQ(status("POST", "/v1/events", events), 200);
  EXPECT_EQ(status("POST", "/v1/events", search), 403);
  EXPECT_EQ(status("PUT", "/v1/items/a%2Fb", events), 403);
  EXPECT_EQ(status("GET", "/metrics", search), 403);
  const HttpResponse item = service.send("PUT", "/v1/items/a%2Fb", {{"X-API-Key", admin}}, "{}");
  EXPECT_EQ(json::parse(item.body)["id"], "a/b");
  EXPECT_EQ(service.send("GET", "/v1/search", {{"X-TYPESENSE-API-KEY", search}}).status, 200);
  EXPECT_EQ(service.send("GET", "/v1/search?x-typesense-api-key=" + search).status, 200);
  EXPECT_EQ(service.send("GET", "/livez").status, 200) << "open to everybody";
  for (const HttpResponse& response : {service.send("GET", "/v1/search", {{"X-API-Key", search}}),
                                       service.send("GET", "/v1/search?x-typesense-api-key=" + search)}) {
    EXPECT_EQ(json::parse(response.body)["has_key"], false) << "no handler sees a key";
    EXPECT_EQ(response.body.find(search), std::string::npos);
  }
}

TEST(Gateway, NoSecretReachesTheLog) {
  TestService service;
  const std::string key = service.key({Scope::admin});
  service.send("GET", "/v1/search?x-typesense-api-key=" + key + "&q=1", {{"User-Agent", "me " + key}});
  service.send("GET", "/v1/search", {{"Authorization", "Bearer " + key}, {"X-Request-ID", key}});
  service.send("GET", "/v1/nothing/" + key, {{"X-API-Key", key + "wrong"}});
  service.send("GET", "/v1/search", {{"X-API-Key", "wrong-key-0123456789"}});
  service.send("GET", "/v1/search?x-typesense-api-key=wrong-key-0123456789");
  service.server->stop(std::chrono::milliseconds(1000));
  service.log->flush();
  EXPECT_EQ(std::count(service.log_text.begin(), service.log_text.end(), '\n'), 5) << service.log_text;
  EXPECT_EQ(service.log_text.find(key.substr(4)), std::string::npos);
  EXPECT_EQ(service.log_text.find("wrong-key"), std::string::npos);
  EXPECT_EQ(service.metrics.exposition().find(key.substr(4)), std::string::npos);
}

TEST(Gateway, OpenLoopbackIsForThisMachineAlone) {
  TestService service;
  EXPECT_EQ(service.send("PUT", "/v1/items/1").status, 200);
  const auto status = [&](const char* name, const char* value) {
    return service.send("PUT", "/v1/items/1", {{name, value}}).status;
  };
  EXPECT_EQ(status("Host", "localhost:8420"), 200);
  EXPECT_EQ(status("Host", "[::1]:8420"), 200);
  EXPECT_EQ(status("Host", "evil.example"), 403) << "a name that was rebound to this machine";
  EXPECT_EQ(status("Host", "127.0.0.1.evil.example"), 403);
  EXPECT_EQ(status("Origin", "https://evil.example"), 403);
  EXPECT_EQ(status("Origin", "null"), 403);
  EXPECT_EQ(status("Origin", "http://localhost:3000"), 200);
  service.key({Scope::search});
  EXPECT_EQ(service.send("PUT", "/v1/items/1").status, 401) << "the first key closes it";
  TestService reachable({}, "0.0.0.0");
  EXPECT_EQ(reachable.send("PUT", "/v1/items/1").status, 401);
  EXPECT_EQ(reachable.send("GET", "/livez").status, 200);
}

TEST(Gateway, LimitsRates) {
  GatewayOptions options;
  options.anonymous_rate_per_second = 0.01;
  options.anonymous_burst = 3;
  TestService service(options);
  const std::string key = service.key({Scope::search}, 0.01, 2), free = service.key({Scope::search});
  EXPECT_EQ(service.send("GET", "/v1/search", {{"X-API-Key", key}}).status, 200);
  EXPECT_EQ(service.send("GET", "/v1/search", {{"X-API-Key", key}}).status, 200);
  const HttpResponse limited = service.send("GET", "/v1/search", {{"X-API-Key", key}});
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.headers.get("Retry-After"), "100");
  EXPECT_EQ(json::parse(limited.body)["code"], "rate_limited");
  EXPECT_EQ(service.send("GET", "/v1/search", {{"X-API-Key", free}}).status, 200);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(service.send("GET", "/v1/search").status, 401);
  EXPECT_EQ(service.send("GET", "/v1/search").status, 429) << "guessing keys is limited, too";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(service.send("GET", "/livez").status, 200);
}

TEST(Gateway, LimitsBodiesByRoute) {
  TestService service;
  EXPECT_EQ(service.send("POST", "/v1/search", {}, std::string(1000, 'a')).status, 200);
  EXPECT_EQ(service.send("POST", "/v1/search", {}, std::string(1001, 'a')).status, 413);
}

TEST(Gateway, NamesPathsAndMethods) {
  TestService service;
  const HttpResponse missing = service.send("GET", "/v1/serach");
  EXPECT_EQ(missing.status, 404);
  const json problem = json::parse(missing.body);
  EXPECT_EQ(problem["code"], "route_not_found");
  EXPECT_EQ(problem["instance"], "/v1/serach");
  EXPECT_EQ(problem["message"], problem["detail"]);
  EXPECT_EQ(problem["request_id"], std::string(missing.headers.get("X-Request-ID")));
  EXPECT_EQ(service.send("GET", problem["type"].get<std::string>()).status, 200) << "the documentation it links to";
  const HttpResponse wrong = service.send("DELETE", "/v1/search");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD, POST, OPTIONS");
  const HttpResponse options = service.send("OPTIONS", "/v1/search");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.get("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(service.send("OPTIONS", "/nothing").status, 404);
  EXPECT_EQ(service.send("OPTIONS", "*").status, 204);
  EXPECT_EQ(service.send("HEAD", "/livez").status, 200);
  EXPECT_EQ(json::parse(service.send("GET", "/problems").body).size(), problem_table().size());
  EXPECT_EQ(service.send("GET", "/problems/none").status, 404);
}

TEST(Gateway, AnswersCrossOriginRequests) {
  GatewayOptions options;
  options.cors_origins = {"https://shop.example"};
  TestService service(options);
  const std::string key = service.key({Scope::search});
  const std::vector<NameValue> preflight{{"Origin", "https://shop.example"}, {"Access-Control-Request-Method", "POST"}};
  const HttpResponse allowed = service.send("OPTIONS", "/v1/search", preflight);
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.headers.get("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(allowed.headers.get("Vary"), "Origin");
  const std::string names = ", " + std::string(allowed.headers.get("Access-Control-Allow-Headers")) + ",";
  for (const char* name : {"X-API-Key", "X-API-Version", "X-TYPESENSE-API-KEY", "X-TYPESENSE-USER-ID", "Authorization",
                           "Content-Type", "X-Request-Id"})
    EXPECT_NE(names.find(fmt::format(", {},", name)), std::string::npos) << name << " in " << names;
  HttpResponse answer = service.send("GET", "/v1/search", {{"Origin", "https://shop.example"}, {"X-API-Key", key}});
  EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://shop.example");
  answer = service.send("GET", "/v1/search", {{"Origin", "https://shop.example"}});
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://shop.example") << "errors can be read, too";
  answer = service.send("GET", "/v1/search", {{"Origin", "https://evil.example"}, {"X-API-Key", key}});
  EXPECT_FALSE(answer.headers.has("Access-Control-Allow-Origin"));
  TestService without;
  EXPECT_FALSE(without.send("OPTIONS", "/v1/search", preflight).headers.has("Access-Control-Allow-Origin"));
}

TEST(Gateway, CountsEveryRequest) {
  TestService service;
  service.send("GET", "/v1/search?secret=1");
  service.send("GET", "/v1/unheard-of-path");
  service.send("PUT", "/v1/items/my-item");
  service.send("BREW", "/v1/search");
  const std::string last = "code=\"405\",method=\"other\",route=\"none\"} 1";
  std::string text;  // a request is counted once its answer has left, which is after the client has it
  for (int i = 0; i < 200 && text.find(last) == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    text = service.send("GET", "/metrics").body;
  }
  EXPECT_NE(text.find("tessera_http_requests_total{code=\"200\",method=\"GET\",route=\"/v1/search\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("code=\"404\",method=\"GET\",route=\"none\"} 1"), std::string::npos);
  EXPECT_NE(text.find(last), std::string::npos);
  EXPECT_NE(text.find("tessera_http_request_duration_seconds_count{route=\"/v1/items/{id}\"} 1"), std::string::npos);
  EXPECT_NE(text.find("tessera_http_connections "), std::string::npos);
  EXPECT_EQ(text.find("my-item"), std::string::npos);
  EXPECT_EQ(text.find("unheard-of"), std::string::npos);
}

TEST(Health, FollowsThePhase) {
  TestService service;
  service.key({Scope::admin});
  for (const ServerPhase phase :
       {ServerPhase::starting, ServerPhase::warming, ServerPhase::ready, ServerPhase::stopping}) {
    service.readiness.set(phase);
    const int wanted = phase == ServerPhase::ready ? 200 : 503;
    EXPECT_EQ(service.send("GET", "/livez").status, 200);
    EXPECT_EQ(service.send("GET", "/readyz").status, wanted);
    EXPECT_EQ(service.send("GET", "/readyz").body, std::string(to_string(phase)) + "\n");
    EXPECT_EQ(service.send("GET", "/healthz").status, wanted);
    const HttpResponse health = service.send("GET", "/health");
    EXPECT_EQ(health.status, wanted);
    EXPECT_EQ(json::parse(health.body)["ok"], phase == ServerPhase::ready);
  }
  service.readiness.set(ServerPhase::ready);
  service.readiness.set_resource_error(ResourceError::out_of_disk);
  EXPECT_EQ(json::parse(service.send("GET", "/health").body)["resource_error"], "OUT_OF_DISK");
  EXPECT_EQ(service.send("GET", "/readyz").status, 503);
}

}  // namespace
}  // namespace tessera
