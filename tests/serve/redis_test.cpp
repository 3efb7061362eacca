// The service over a real redis-server: what is written is in effect at once, survives both, and an absent Redis is a
// problem that ends with its absence.
#include "serve/service_fixture.h"
#include "store/redis_server.h"

namespace tessera {
namespace {

using test::Answered;
using test::item_of;
using test::Json;
using test::redis_program;
using test::RedisServer;
using test::Served;

class ServiceOverRedis : public testing::Test {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << "redis-server is not installed: tools/setup.sh does it";
    server_ = std::make_unique<RedisServer>(std::vector<std::string>{"--appendonly", "yes", "--appendfsync", "always"});
    shop_ = std::make_unique<Served>([this](serve::ServeOptions& options) { options.state = server_->url(); });
  }
  void TearDown() override { shop_.reset(), server_.reset(); }
  Served& shop() { return *shop_; }

  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<Served> shop_;
};

TEST_F(ServiceOverRedis, WhatIsWrittenIsInEffectAndSurvivesTheServiceAndRedis) {
  const Json stats = shop()->get("/v1/stats").body["store"];
  EXPECT_EQ(stats["backend"], "redis");
  EXPECT_TRUE(stats.value("warnings", Json::array()).empty()) << stats.dump();
  const std::string user = shop().user(), sold = shop().item(5);
  ASSERT_EQ(shop()->put("/v1/items/z1", item_of("zebra")).status, 201);
  EXPECT_TRUE(shop()->get("/v1/search?q=zebra").has("z1"));
  EXPECT_EQ(shop()->ask("DELETE", "/v1/items/" + sold).status, 200);
  const Json event = {{"event_id", "e"}, {"user", user}, {"item", "z1"}, {"action", "order"}};
  EXPECT_EQ(shop()->post("/v1/events", event).body["accepted"], 1);
  EXPECT_FALSE(shop()->get("/v1/recommend?limit=199&user_id=" + user).has("z1"));
  shop()->put("/v1/synonyms/s1", {{"synonyms", {"zebra", "quagga"}}});
  shop()->put("/v1/rules/r1", {{"query", "zebra"}, {"hides", {shop().item(6)}}});
  const Answered key = shop()->post("/v1/keys", {{"name", "boss"}, {"scopes", {"admin"}}});
  ASSERT_EQ(key.status, 201);
  shop().use_key(key.body["secret"]);
  const Json before = shop()->get("/v1/recommend?limit=50&user_id=" + user).body["hits"];
  for (const bool kill_redis : {false, true}) {
    SCOPED_TRACE(kill_redis ? "after a kill of Redis" : "after a restart");
    if (kill_redis) {
      shop().close();
      server_->stop(SIGKILL);
      server_->start();
      shop().open();
    } else {
      shop().restart();
    }
    EXPECT_EQ(shop()->get("/v1/recommend?limit=50&user_id=" + user).body["hits"], before);
    EXPECT_TRUE(shop()->get("/v1/search?q=quagga").has("z1"));
    EXPECT_EQ(shop()->get("/v1/items/" + sold).status, 404);
    EXPECT_EQ(shop()->post("/v1/events", event).body["duplicates"], 1);
    EXPECT_EQ(shop()->get("/v1/rules").body["rules"].size(), 1u);
    EXPECT_EQ(shop().caller("tsk_none").get("/v1/rules").status, 401);
  }
}

TEST_F(ServiceOverRedis, SnapshotsAreRedisOwnAffair) {
  EXPECT_EQ(shop()->get("/v1/snapshots").status, 501);
  EXPECT_EQ(shop()->post("/v1/snapshots", {{"name", "a"}}).status, 501);
  EXPECT_EQ(shop()->ask("POST", "/v1/snapshots/a:restore").status, 501);
}

TEST_F(ServiceOverRedis, AnAbsentRedisIsAProblemWhileItLasts) {
  ASSERT_EQ(shop()->put("/v1/items/z1", item_of("zebra")).status, 201);
  server_->stop(SIGKILL);
  for (const Answered& refused : {shop()->put("/v1/items/z2", item_of("zebra")),
                                  shop()->post("/v1/events", {{"user", "u"}, {"item", "z1"}, {"action", "click"}})}) {
    EXPECT_GE(refused.status, 500) << refused.body.dump();
    EXPECT_TRUE(refused.body.contains("code")) << refused.body.dump();
  }
  EXPECT_EQ(shop()->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"z1"});  // of memory
  server_->start();
  EXPECT_EQ(shop()->put("/v1/items/z2", item_of("zebra")).status, 201);
  EXPECT_EQ(shop()->get("/v1/search?q=zebra").body["found"], 2);
}

TEST(ServiceOverRedisClusterSlow, ItemsEventsAndRulesAreWrittenAndSurviveARestart) {
  if (redis_program().empty()) GTEST_SKIP() << "redis-server is not installed: tools/setup.sh does it";
  test::RedisCluster cluster;
  Served shop([&](serve::ServeOptions& options) { options.state = cluster.url(); });
  for (const char* id : {"z", "a"}) ASSERT_EQ(shop->put(std::string("/v1/items/") + id, item_of("zebra")).status, 201);
  EXPECT_EQ(shop->ask("DELETE", "/v1/items/a").status, 200);
  EXPECT_EQ(shop->post("/v1/events", {{"user", "u"}, {"item", "z"}, {"action", "click"}}).body["accepted"], 1);
  EXPECT_EQ(shop->put("/v1/rules/r1", {{"query", "nothing"}, {"hides", {"a"}}}).status, 201);
  const Json codes = shop->get("/v1/items/z").body["semantic_id"];
  shop.restart();
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"z"});
  EXPECT_EQ(shop->get("/v1/items/z").body["semantic_id"], codes);
  EXPECT_EQ(shop->get("/v1/users/u").body["history"].size(), 1u);
  EXPECT_EQ(shop->get("/v1/rules").body["rules"].size(), 1u);
}

}  // namespace
}  // namespace tessera
