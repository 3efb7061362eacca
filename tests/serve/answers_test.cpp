// Search, recommendation, similar items and suggestions over HTTP.
#include <atomic>
#include <set>
#include <stdexcept>

#include "serve/service_fixture.h"

namespace tessera {
namespace {

using test::Answered;
using test::item_of;
using test::Json;
using test::Served;

TEST(Answers, SearchFindsByTextAndFilters) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra lantern small", 5));
  shop->put("/v1/items/z2", item_of("zebra lantern large", 50));
  shop->put("/v1/items/z3", item_of("lantern", 7));
  const Answered both = shop->get("/v1/search?q=zebra%20lantern");
  ASSERT_EQ(both.status, 200);
  EXPECT_EQ(both.body["found"], 2);
  const auto ids = both.ids();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), (std::set<std::string>{"z1", "z2"}));
  EXPECT_FALSE(both.body["hits"][0]["highlights"].empty());
  EXPECT_EQ(shop->get("/v1/search?q=zebra&filter_by=price:%3C10").ids(), std::vector<std::string>{"z1"});
  EXPECT_EQ(shop->get("/v1/search?q=zebra&sort_by=price:desc").ids(), (std::vector<std::string>{"z2", "z1"}));
  EXPECT_EQ(shop->get("/v1/search?q=zebr").body["found"], 2);             // unfinished
  EXPECT_EQ(shop->get("/v1/search?q=zebar%20lantern").body["found"], 2);  // misspelt
  const Answered bad = shop->get("/v1/search?q=zebra&filter_by=price:%3C");
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.body["code"], "unprocessable");
}

TEST(Answers, ASearchForAnItemsTitleFindsIt) {
  Served shop;
  int first = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string title = shop.data().items[ItemId{i}].title;
    const Answered found = shop->post("/v1/search", {{"q", title}, {"limit", 5}});
    first += found.has(shop.item(i));
  }
  EXPECT_GE(first, 36);
}

TEST(Answers, PagesJoinToTheWholeAndReachItsEnd) {
  Served shop;
  std::vector<std::string> all;
  for (int page = 1; page <= 9; ++page) {
    const Answered found = shop->get("/v1/search?q=*&per_page=25&page=" + std::to_string(page));
    ASSERT_EQ(found.body["found"], 200);
    for (const std::string& id : found.ids()) all.push_back(id);
  }
  EXPECT_EQ(all.size(), 200u);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 200u);
  const Answered none = shop->get("/v1/search?q=*&limit=0");
  EXPECT_EQ(none.body["found"], 200);
  EXPECT_TRUE(none.ids().empty());
}

TEST(Answers, RecommendLeavesOutWhatIsSeenExcludedOrSoldOut) {
  Served shop;
  const std::string user = shop.user();
  const Answered history = shop->get("/v1/users/" + user + "?limit=50");
  ASSERT_EQ(history.status, 200);
  std::set<std::string> seen;
  for (const Json& one : history.body["history"]) seen.insert(one["item"]);
  ASSERT_FALSE(seen.empty());
  const Answered first = shop->get("/v1/recommend?user_id=" + user + "&limit=20");
  ASSERT_EQ(first.ids().size(), 20u);
  EXPECT_EQ(first.body["personalized"], true);
  for (const std::string& id : first.ids()) EXPECT_FALSE(seen.contains(id)) << id;
  const std::string out = first.ids()[0], excluded = first.ids()[1];
  EXPECT_EQ(shop->ask("PATCH", "/v1/items/" + out, R"({"available":false})").status, 200);
  const Answered second =
      shop->post("/v1/recommend", {{"user_id", user}, {"limit", 20}, {"exclude_ids", {excluded, "no such item"}}});
  EXPECT_EQ(second.ids().size(), 20u);
  EXPECT_FALSE(second.has(out));
  EXPECT_FALSE(second.has(excluded));
  const Answered with_seen =
      shop->post("/v1/recommend", {{"user_id", user}, {"limit", 199}, {"seen_policy", "include"}});
  EXPECT_EQ(with_seen.ids().size(), 199u);
}

TEST(Answers, AFilterThatLeavesAFewAnswersExactlyThese) {
  Served shop;
  std::string filter = "id:[";
  for (const int i : {3, 50, 77, 120, 199}) filter += (i > 3 ? "," : "") + shop.item(i);
  const Answered found =
      shop->post("/v1/recommend", {{"user_id", shop.user()}, {"filter_by", filter + "]"}, {"seen_policy", "include"}});
  std::set<std::string> wanted;
  for (const int i : {3, 50, 77, 120, 199}) wanted.insert(shop.item(i));
  const auto got = found.ids();
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()), wanted);
  EXPECT_EQ(found.body["found"], 5);
}

TEST(Answers, NobodyIsAnsweredWithoutAHistory) {
  Served shop;
  EXPECT_EQ(shop->get("/v1/recommend?limit=5").ids().size(), 5u);
  EXPECT_EQ(shop->get("/v1/recommend?limit=5&user_id=nobody%20knows").ids().size(), 5u);
  const Answered plain = shop->get("/v1/recommend?limit=5&personalize=0&user_id=" + shop.user());
  EXPECT_EQ(plain.body["personalized"], false);
}

TEST(Answers, FacetsCountWhatTheirOwnFilterKeepsOut) {
  Served shop;
  for (int i = 0; i < 4; ++i) {
    Json item = item_of("zebra lantern");
    item["brand"] = i < 3 ? "Ash" : "Birch";
    shop->put("/v1/items/z" + std::to_string(i), item);
  }
  const Answered found = shop->get("/v1/search?q=zebra&facet_by=brand&filter_by=brand:=Birch");
  EXPECT_EQ(found.body["found"], 1);
  std::map<std::string, int> counts;
  for (const Json& count : found.body["facet_counts"][0]["counts"]) counts[count["value"]] = count["count"];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"Ash", 3}, {"Birch", 1}}));
}

TEST(Answers, AnExplanationHoldsWordsPathAndEvents) {
  Served shop;
  const Answered searched = shop->post(
      "/v1/search", {{"q", shop.data().items[ItemId{4}].title}, {"user_id", shop.user()}, {"explain", true}});
  ASSERT_FALSE(searched.ids().empty());
  const Json& why = searched.body["hits"][0]["explain"];
  EXPECT_FALSE(why["words"].empty());
  EXPECT_FALSE(why["semantic_id"].empty());
  EXPECT_TRUE(why["semantic_id"][0].contains("code"));
  const Answered wanted = shop->post("/v1/recommend", {{"user_id", shop.user()}, {"explain", true}, {"limit", 10}});
  bool because = false;
  for (const Json& hit : wanted.body["hits"]) because |= !hit["explain"]["because"].empty();
  EXPECT_TRUE(because);
  EXPECT_FALSE(wanted.body["hits"][0]["explain"]["semantic_id"].empty());
  EXPECT_FALSE(shop->get("/v1/recommend?limit=1").body["hits"][0].contains("explain"));
}

TEST(Answers, SimilarItemsAreAllowedOnes) {
  Served shop;
  const Answered found = shop->get("/v1/similar/" + shop.item(0) + "?limit=5");
  EXPECT_EQ(found.ids().size(), 5u);
  EXPECT_FALSE(found.has(shop.item(0)));
  const std::string only = shop.item(9);
  EXPECT_EQ(shop->get("/v1/similar/" + shop.item(0) + "?filter_by=id:=" + only).ids(), std::vector<std::string>{only});
  const Answered none = shop->get("/v1/similar/nothing");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.body["param"], "item_id");
}

TEST(Answers, SuggestionsKnowItemsAndQueriesOfEvents) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra lantern"));
  shop->post("/v1/events", {{"user", "u"}, {"action", "search"}, {"query", "zebra crossing"}});
  const Answered found = shop->get("/v1/suggest?q=zeb");
  ASSERT_EQ(found.status, 200);
  ASSERT_EQ(found.body["items"].size(), 1u);
  EXPECT_EQ(found.body["items"][0]["id"], "z1");
  ASSERT_EQ(found.body["queries"].size(), 1u);
  EXPECT_EQ(found.body["queries"][0]["query"], "zebra crossing");
  shop->ask("DELETE", "/v1/items/z1");
  EXPECT_TRUE(shop->get("/v1/suggest?q=zeb").body["items"].empty());
}

TEST(Answers, GetAndPostSayTheSame) {
  Served shop;
  const std::string user = shop.user();
  const Answered by_get =
      shop->get("/v1/search?q=" + std::string("a") + "&user_id=" + user +
                "&limit=7&offset=2&num_typos=1&explain=false&hidden_hits=" + shop.item(1) + "," + shop.item(2));
  const Answered by_post = shop->post("/v1/search", {{"q", "a"},
                                                     {"user_id", user},
                                                     {"limit", 7},
                                                     {"offset", 2},
                                                     {"num_typos", 1},
                                                     {"explain", false},
                                                     {"hidden_hits", {shop.item(1), shop.item(2)}}});
  ASSERT_EQ(by_get.status, 200);
  EXPECT_EQ(by_get.body["hits"], by_post.body["hits"]);
  EXPECT_EQ(by_get.body["found"], by_post.body["found"]);
}

TEST(Answers, AParameterThatIsNotThereIsNamedWithTheNearest) {
  Served shop;
  for (const Answered& answered : {shop->get("/v1/search?filterby=x"), shop->post("/v1/search", {{"filterby", "x"}}),
                                   shop->get("/v1/similar/" + shop.item(0) + "?filterby=x"),
                                   shop->get("/v1/suggest?q=a&filterby=x"), shop->get("/v1/recommend?filterby=x")}) {
    EXPECT_EQ(answered.status, 400);
    EXPECT_EQ(answered.body["code"], "unknown_parameter");
    EXPECT_NE(answered.body["detail"].get<std::string>().find("filter_by"), std::string::npos);
    EXPECT_EQ(answered.raw.content_type.find("application/problem+json"), 0u);
    EXPECT_TRUE(answered.body.contains("request_id"));
  }
}

TEST(Answers, AModelThatFailsLeavesTextAndPopularity) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra lantern"));
  std::atomic<int> asked{0};
  shop.service().batcher().ask_through([&](const ServingModel&, std::span<const Request>, const ModelItems&) {
    if (++asked > 0) throw std::runtime_error("xyzzy");
    return std::vector<Results>();
  });
  const std::string user = shop.user();
  const Answered found = shop->get("/v1/search?q=zebra%20lantern&explain=true&user_id=" + user),
                 wanted = shop->get("/v1/recommend?limit=150&user_id=" + user);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(found.ids(), std::vector<std::string>{"z1"});
  EXPECT_EQ(wanted.ids().size(), 150u);
  for (const Answered& answered : {found, wanted}) {
    EXPECT_EQ(answered.status, 200);
    EXPECT_EQ(answered.body["degraded"], true);
    EXPECT_EQ(answered.body["degraded_reason"], "model_failed");
    EXPECT_EQ(answered.body["personalized"], false);
    EXPECT_EQ(answered.raw.body.find("xyzzy"), std::string::npos);  // that is for the log alone
  }
  EXPECT_NE(shop.logged().find("the model failed: xyzzy"), std::string::npos) << shop.logged();
  EXPECT_NE(shop->get("/metrics").raw.body.find("tessera_degraded_responses_total{reason=\"model_failed\"} 2"),
            std::string::npos);
  shop.service().batcher().ask_through([](const ServingModel& model, std::span<const Request> requests,
                                          const ModelItems& items) { return model.recommend(requests, items); });
  const Answered again = shop->get("/v1/recommend?limit=20&user_id=" + user);
  EXPECT_EQ(again.body["degraded"], false);
  EXPECT_EQ(again.body["personalized"], true);
}

TEST(Answers, LimitsOfAQuestionAreKept) {
  Served shop;
  for (const char* query : {"limit=251", "limit=-1", "limit=x", "page=0", "page=2&offset=3", "num_typos=3",
                            "personalize=1.5", "explain=perhaps", "seen_policy=never", "pinned_hits=a",
                            "pinned_hits=a:0", "offset=9999&limit=2", "max_facet_values=1001", "search_cutoff_ms=0"}) {
    const Answered answered = shop->get(std::string("/v1/search?q=a&") + query);
    EXPECT_EQ(answered.status, 400) << query << answered.body.dump();
    EXPECT_TRUE(answered.body.contains("param")) << query;
  }
  EXPECT_EQ(shop->get("/v1/search?q=" + std::string(2049, 'a')).status, 400);
  EXPECT_EQ(shop->get("/v1/recommend?q=a").status, 400);
  EXPECT_EQ(shop->post("/v1/search", Json::array()).status, 400);
  EXPECT_EQ(shop->ask("POST", "/v1/search", "{\"q\":").body["code"], "malformed_json");
  EXPECT_EQ(shop->get("/v1/serch").body["code"], "route_not_found");
}

}  // namespace
}  // namespace tessera
