// Keys and scopes, the table of routes against its documentation, models, options and counts.
#include <fstream>

#include "http/crypto.h"
#include "serve/service_fixture.h"

namespace tessera {
namespace {

using test::Answered;
using test::Caller;
using test::expect_error;
using test::item_of;
using test::Json;
using test::Served;
using test::TinyRuns;

/// A route's pattern with names filled in.
std::string filled(std::string pattern) {
  for (size_t open = pattern.find('{'); open != std::string::npos; open = pattern.find('{'))
    pattern.replace(open, pattern.find('}') - open + 1, "x");
  return pattern;
}

TEST(Access, EveryRouteRefusesWhoMayNotOnceAKeyExists) {
  Served shop;
  const Answered weak = shop->post("/v1/keys", {{"scopes", {"search"}}});
  EXPECT_EQ(weak.status, 409);
  EXPECT_NE(weak.body["detail"].get<std::string>().find("admin"), std::string::npos);
  EXPECT_EQ(shop->post("/v1/keys", {{"scopes", {"admin"}}, {"expires_at", 9999999999}}).status, 409);
  const Answered admin = shop->post("/v1/keys", {{"name", "boss"}, {"scopes", {"admin"}}});
  ASSERT_EQ(admin.status, 201);
  EXPECT_EQ(shop->get("/v1/rules").status, 401);
  shop.use_key(admin.body["secret"]);
  const Answered search = shop->post("/v1/keys", {{"scopes", {"search"}}});
  const Answered events = shop->post("/v1/keys", {{"scopes", {"events"}}});
  Caller nobody(shop.service().port()), stranger = shop.caller("tsk_0123456789012345678901234567890123456789012"),
                                        searcher = shop.caller(search.body["secret"]),
                                        sender = shop.caller(events.body["secret"]);
  int checked = 0;
  for (const Route* route : shop.service().router().routes()) {
    if (route->scope == Scope::none) continue;
    const std::string target = filled(route->pattern), body = route->method == "GET" ? "" : "{}";
    SCOPED_TRACE(route->method + " " + target);
    const Answered unknown = nobody.ask(route->method, target, body);
    EXPECT_EQ(unknown.status, 401);
    EXPECT_EQ(stranger.ask(route->method, target, body).status, 401);
    const int by_search = searcher.ask(route->method, target, body).status;
    EXPECT_EQ(by_search == 403, route->scope != Scope::search) << by_search;
    const int by_events = sender.ask(route->method, target, body).status;
    EXPECT_EQ(by_events == 403, route->scope != Scope::events) << by_events;
    ++checked;
  }
  EXPECT_GT(checked, 40);
}

TEST(Access, AKeyIsShownOnceChangedAndErased) {
  Served shop;
  const Answered made = shop->post("/v1/keys", {{"name", "boss"}, {"scopes", {"admin"}}});
  shop.use_key(made.body["secret"]);
  const std::string id = made.body["id"];
  const Answered read = shop->get("/v1/keys/" + id);
  EXPECT_EQ(read.body["name"], "boss");
  for (const char* secret : {"secret", "signing_key", "hash"}) EXPECT_FALSE(read.body.contains(secret));
  // The last admin key stays.
  EXPECT_EQ(shop->ask("DELETE", "/v1/keys/" + id).status, 409);
  EXPECT_EQ(shop->ask("PATCH", "/v1/keys/" + id, R"({"disabled":true})").status, 409);
  EXPECT_EQ(shop->ask("PATCH", "/v1/keys/" + id, R"({"scopes":["search"]})").status, 409);
  EXPECT_EQ(shop->ask("PATCH", "/v1/keys/" + id, R"({"name":"chief"})").body["name"], "chief");
  const Answered other = shop->post("/v1/keys", {{"scopes", {"search", "events"}}});
  const std::string second = other.body["id"];
  Caller caller = shop.caller(other.body["secret"]);
  EXPECT_EQ(caller.get("/v1/search").status, 200);
  EXPECT_EQ(shop->ask("PATCH", "/v1/keys/" + second, R"({"disabled":true})").status, 200);
  EXPECT_EQ(caller.get("/v1/search").status, 401);
  EXPECT_EQ(shop->ask("DELETE", "/v1/keys/" + second).status, 200);
  EXPECT_EQ(shop->get("/v1/keys/" + second).status, 404);
  EXPECT_EQ(shop->post("/v1/keys", {{"scopes", {"all"}}}).status, 400);
  EXPECT_EQ(shop->post("/v1/keys", Json::object()).status, 400);
  EXPECT_EQ(shop->get("/v1/keys").body["keys"].size(), 1u);
}

TEST(Access, AScopedKeyKeepsItsFilter) {
  Served shop;
  Json cheap = item_of("zebra cheap", 5), dear = item_of("zebra dear", 500);
  shop->put("/v1/items/cheap", cheap), shop->put("/v1/items/dear", dear);
  const Answered admin = shop->post("/v1/keys", {{"scopes", {"admin"}}});
  shop.use_key(admin.body["secret"]);
  const Answered parent = shop->post("/v1/keys", {{"scopes", {"search"}}});
  const std::string signing = parent.body["signing_key"];
  const std::string parameters = R"({"filter_by":"price:<10","exclude_fields":"attributes","expires_at":4000000000})";
  const std::string scoped =
      base64_encode(base64_encode(hmac_sha256(signing, parameters)) + signing.substr(0, 4) + parameters);
  Caller caller = shop.caller(scoped);
  EXPECT_EQ(caller.get("/v1/search?q=zebra").ids(), std::vector<std::string>{"cheap"});
  // The caller's filter is one more condition, wherever it is asked.
  EXPECT_EQ(caller.get("/v1/search?q=zebra&filter_by=price:%3E1").ids(), std::vector<std::string>{"cheap"});
  for (const char* target :
       {"/v1/search?q=zebra&filter_by=price:%3E100", "/v1/recommend?filter_by=price:%3E100",
        "/v1/similar/cheap?filter_by=price:%3E100", "/v1/search?q=zebra&filter_by=price:%3E100&filter_by=price:%3E50"})
    EXPECT_TRUE(caller.get(target).ids().empty()) << target;
  EXPECT_TRUE(caller.get("/v1/suggest?q=zebra&items=50&filter_by=price:%3E100").body["items"].empty());
  EXPECT_TRUE(caller.post("/v1/search", {{"q", "zebra"}, {"filter_by", "price:>100"}}).ids().empty());
  EXPECT_EQ(caller.post("/v1/search", {{"q", "zebra"}, {"filter_by", "price:>100) || (price:>0"}}).status, 422);
  EXPECT_EQ(caller.post("/v1/search", {{"q", "zebra"}, {"filter_by", ""}}).ids(), std::vector<std::string>{"cheap"});
  EXPECT_FALSE(caller.get("/v1/recommend?limit=250").has("dear"));
  EXPECT_FALSE(caller.get("/v1/similar/cheap?limit=250&filter_by=").has("dear"));
  const Json suggested = caller.get("/v1/suggest?q=zebra&items=50").body["items"];
  for (const Json& item : suggested) EXPECT_EQ(item["id"], "cheap");
  EXPECT_EQ(caller.get("/v1/items/dear").status, 404);
  EXPECT_EQ(caller.get("/v1/items/cheap").status, 200);
  EXPECT_FALSE(caller.get("/v1/items/cheap").body.contains("attributes"));
  EXPECT_EQ(caller.get("/v1/keys").status, 403);
}

TEST(Access, AnAddressForOthersNeedsAKey) {
  test::TemporaryFolder state;
  serve::ServeOptions options;
  options.listen = "0.0.0.0:0";
  options.state = (state / "s").string();
  serve::Service service("tiger", TinyRuns::get().context(), options);
  expect_error(ErrorKind::config, "API key", [&] { service.start(); });
}

TEST(Access, AListenAddressThatIsNoneIsRefused) {
  for (const char* listen : {"8420", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":80"}) {
    serve::ServeOptions options;
    options.listen = listen;
    expect_error(ErrorKind::config, "ADDRESS:PORT",
                 [&] { serve::Service service("tiger", TinyRuns::get().context(), options); });
  }
}

/// "GET /v1/search" -> scope, as docs/openapi.yaml has it. Reads the keys of `paths:` and `x-scope`, nothing else.
std::map<std::string, std::string> documented_routes() {
  std::ifstream in(std::string(TESSERA_SOURCE_DIR) + "/docs/openapi.yaml");
  std::map<std::string, std::string> routes;
  std::string path, operation;
  bool in_paths = false;
  for (std::string line; std::getline(in, line);) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line[indent] == '#') continue;
    if (indent == 0) in_paths = line == "paths:";
    if (!in_paths) continue;
    const bool key = line.back() == ':';
    if (indent == 2 && key) path = line.substr(2, line.size() - 3);
    if (indent == 4 && key) {
      operation = line.substr(4, line.size() - 5);
      for (char& c : operation) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      operation += " " + path;
      routes[operation] = "";
    }
    if (indent == 6 && line.compare(6, 9, "x-scope: ") == 0) routes[operation] = line.substr(15);
  }
  return routes;
}

TEST(Access, TheDocumentationHasEveryRouteAndNoOther) {
  Served shop;
  auto documented = documented_routes();
  ASSERT_FALSE(documented.empty());
  for (const Route* route : shop.service().router().routes()) {
    const bool ours = route->pattern.starts_with("/v1/");
    const bool health = route->pattern == "/livez" || route->pattern == "/readyz" || route->pattern == "/healthz" ||
                        route->pattern == "/health" || route->pattern == "/metrics";
    if (!ours && !health) continue;
    const std::string name = route->method + " " + route->pattern;
    const auto found = documented.find(name);
    EXPECT_NE(found, documented.end()) << name << " is not in docs/openapi.yaml";
    if (found == documented.end()) continue;
    EXPECT_EQ(found->second, to_string(route->scope)) << name;
    documented.erase(found);
  }
  for (const auto& [name, scope] : documented)
    ADD_FAILURE() << "docs/openapi.yaml has " << name << ", which is no route";
}

TEST(Access, ModelsAreListedActivatedAndRolledBack) {
  Served shop;
  const Answered models = shop->get("/v1/models");
  EXPECT_EQ(models.body["active"]["name"], "tiger");
  EXPECT_EQ(models.body["active"]["method"], "tiger");
  EXPECT_TRUE(models.body["previous"].is_null());
  EXPECT_EQ(models.body["runs"].size(), 2u);
  EXPECT_EQ(shop->ask("POST", "/v1/models:rollback").status, 409);
  EXPECT_EQ(shop->ask("POST", "/v1/models/tigre:activate").status, 404);
  for (const char* bad : {"..%2F..%2Fetc", "%2Ftmp", ".cache", "a%00b", "..%2Ftiger"})
    EXPECT_EQ(shop->ask("POST", std::string("/v1/models/") + bad + ":activate").status, 400) << bad;
  const Json done = shop.wait_for(shop->ask("POST", "/v1/models/tiger2:activate"));
  EXPECT_EQ(done["state"], "succeeded") << done.dump();
  EXPECT_EQ(shop->get("/v1/models").body["active"]["name"], "tiger2");
  EXPECT_EQ(shop->get("/v1/models").body["previous"]["name"], "tiger");
  const std::string version = shop->get("/v1/recommend").body["model_version"];
  EXPECT_NE(shop->get("/metrics").raw.body.find(version), std::string::npos);
  EXPECT_EQ(shop.wait_for(shop->ask("POST", "/v1/models:rollback"))["state"], "succeeded");
  EXPECT_EQ(shop->get("/v1/models").body["active"]["name"], "tiger");
  EXPECT_EQ(shop->get("/v1/tasks").body["tasks"].size(), 2u);
  EXPECT_EQ(shop->get("/v1/tasks/99").status, 404);
}

TEST(Access, OptionsAreShownWithoutSecretsAndOneChanges) {
  Served shop;
  const Answered config = shop->get("/v1/config");
  EXPECT_EQ(config.body["slow_ms"], 500);
  EXPECT_EQ(config.body["fusion"], "rrf");
  EXPECT_EQ(shop->post("/v1/config", {{"slow_ms", 20}}).body["slow_ms"], 20);
  EXPECT_EQ(shop.service().access_log().slow_ms(), 20);
  EXPECT_EQ(shop->post("/v1/config", {{"workers", 2}}).body["code"], "unknown_parameter");
  EXPECT_EQ(shop->post("/v1/config", {{"slow_ms", "x"}}).status, 400);
  const Answered stats = shop->get("/v1/stats");
  EXPECT_EQ(stats.body["items"], 200);
  EXPECT_EQ(stats.body["store"]["backend"], "rocksdb");
  EXPECT_EQ(stats.body["phase"], "ready");
}

TEST(Access, HealthIsOpenAndMetricsTellOfRequests) {
  Served shop;
  EXPECT_EQ(shop->get("/readyz").status, 200);
  EXPECT_EQ(shop->get("/health").body["ok"], true);
  shop->get("/v1/recommend?user_id=" + shop.user());
  const std::string text = shop->get("/metrics").raw.body;
  for (const char* name : {"tessera_http_requests_total{", "tessera_http_request_duration_seconds_bucket",
                           "tessera_stage_duration_seconds", "tessera_queue_depth", "tessera_items 200",
                           "tessera_model_info{", "tessera_wal_fsync_duration_seconds"})
    EXPECT_NE(text.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace tessera
