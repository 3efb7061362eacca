// The documented calls of gorse's REST API, and what its clients send.
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "faces/faces_fixture.h"
#include "serve/face_gorse.h"

namespace tessera {
namespace {

class GorseFace : public test::FacesTest {
 protected:
  /// The feedback of the documentation's first example, about items of ours.
  static Json stars(const std::string& user, int first = 0) {
    Json list = Json::array();
    for (int i = 0; i < 5; ++i)
      list.push_back({{"FeedbackType", "star"},
                      {"UserId", user},
                      {"ItemId", item(first + i).id},
                      {"Timestamp", "2022-02-2" + std::to_string(4 + i)}});
    return list;
  }
  static std::set<std::string> ids(const Json& list) {
    std::set<std::string> out;
    for (const Json& one : list) out.insert(one.is_string() ? one.get<std::string>() : one.at("Id").get<std::string>());
    return out;
  }
};

TEST_F(GorseFace, TheFirstExampleOfTheDocumentation) {
  EXPECT_EQ(json(200, "POST", "/api/feedback", stars("bob")), Json({{"RowAffected", 5}}));
  const Json list = get("/api/recommend/bob?n=10");
  ASSERT_EQ(list.size(), 10u);
  const auto recommended = ids(list);
  EXPECT_EQ(recommended.size(), 10u);
  for (const Json& star : stars("bob")) EXPECT_FALSE(recommended.contains(star.at("ItemId")));
  const Json scored = json(200, "GET", "/api/recommend/bob/?n=10&offset=0", {}, header("X-API-Version", "2"));
  ASSERT_EQ(scored.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(scored[i].at("Id"), list[i]);
    EXPECT_TRUE(scored[i].at("Score").is_number());
    EXPECT_LE(scored[i].at("Score").get<double>(), scored[i - std::min<size_t>(i, 1)].at("Score").get<double>());
  }
  const Json tail = get("/api/recommend/bob?n=4&offset=6");
  EXPECT_EQ(tail, Json(list.begin() + 6, list.end()));
  const Json more = get("/api/collaborative-filtering/bob?n=2");
  EXPECT_EQ(ids(more), ids(Json(list.begin(), list.begin() + 2)));
}

TEST_F(GorseFace, CategoriesNarrowAndAllOfThemMustHold) {
  const std::string root = item(0).categories.at(0).at(0);
  const std::string leaf = item(0).categories.at(0).back();
  const auto encoded = [](std::string text) {
    for (size_t at; (at = text.find(' ')) != std::string::npos;) text.replace(at, 1, "%20");
    for (size_t at; (at = text.find('&')) != std::string::npos;) text.replace(at, 1, "%26");
    return text;
  };
  for (const std::string& target :
       {"/api/recommend/carl/" + encoded(leaf), "/api/recommend/carl?category=" + encoded(leaf),
        "/api/recommend/carl?category=" + encoded(leaf) + "&category=" + encoded(root), "/api/popular/" + encoded(leaf),
        "/api/latest/" + encoded(leaf)}) {
    const Json list = get(target);
    EXPECT_FALSE(list.empty()) << target;
    for (const std::string& id : ids(list)) {
      const Json found = get("/api/item/" + id);
      EXPECT_TRUE(std::count(found.at("Categories").begin(), found.at("Categories").end(), leaf)) << target;
    }
  }
  EXPECT_EQ(get("/api/recommend/carl?category=" + encoded(leaf) + "&category=nowhere"), Json::array());
  EXPECT_EQ(json(400, "GET", "/api/recommend/carl?category=a%60b").at("param"), "category");
}

TEST_F(GorseFace, WriteBackIsFeedback) {
  const Json list = get("/api/recommend/wendy?n=3&write-back-type=read&write-back-delay=0h10m0s");
  ASSERT_EQ(list.size(), 3u);
  const Json rows = get("/api/user/wendy/feedback/read");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].at("FeedbackType"), "read");
  const auto next = ids(get("/api/recommend/wendy?n=10"));
  for (const std::string& id : ids(list)) EXPECT_FALSE(next.contains(id)) << "what was read comes again";
  EXPECT_EQ(json(400, "GET", "/api/recommend/wendy?write-back-type=read&write-back-delay=soon").at("param"),
            "write-back-delay");
}

TEST_F(GorseFace, FeedbackAddsUpIsReplacedListedAndTakenBack) {
  const std::string id = item(7).id;
  Json one = {{"FeedbackType", "play"}, {"UserId", "dora"},  {"ItemId", id},
              {"Value", 2.5},           {"Comment", "loud"}, {"Timestamp", "2024-05-01T10:00:00Z"}};
  json(200, "POST", "/api/feedback", Json::array({one}));
  one["Timestamp"] = "2024-05-02T10:00:00Z";
  json(200, "POST", "/api/feedback", Json::array({one}));
  json(200, "POST", "/api/feedback", Json::array({one}));  // sent again: the same event
  Json row = get("/api/feedback/play/dora/" + id);
  EXPECT_EQ(row, Json({{"FeedbackType", "play"},
                       {"UserId", "dora"},
                       {"ItemId", id},
                       {"Value", 5.0},
                       {"Timestamp", "2024-05-01T10:00:00Z"},
                       {"Updated", "2024-05-02T10:00:00Z"},
                       {"Comment", "loud"}}));
  one["Value"] = 1, one["Timestamp"] = "2024-05-03T10:00:00Z";
  EXPECT_EQ(json(200, "PUT", "/api/feedback", Json::array({one})).at("RowAffected"), 1);
  row = get("/api/feedback/play/dora/" + id);
  EXPECT_EQ(row.at("Value"), 1.0);
  EXPECT_EQ(row.at("Timestamp"), "2024-05-03T10:00:00Z");
  one["FeedbackType"] = "like";
  json(200, "POST", "/api/feedback", Json::array({one}));
  EXPECT_EQ(get("/api/feedback/dora/" + id).size(), 2u);
  EXPECT_EQ(get("/api/user/dora/feedback").size(), 2u);
  EXPECT_EQ(get("/api/user/dora/feedback/like").size(), 1u);
  EXPECT_EQ(get("/api/item/" + id + "/feedback/play").size(), 1u);
  EXPECT_EQ(get("/v1/users/dora").at("history").size(), 4u) << "each is an event";
  EXPECT_EQ(json(200, "DELETE", "/api/feedback/like/dora/" + id).at("RowAffected"), 1);
  EXPECT_EQ(get("/v1/users/dora").at("history").size(), 3u) << "taken back, it moves nothing any more";
  EXPECT_EQ(json(200, "DELETE", "/api/feedback/dora/" + id).at("RowAffected"), 1);
  EXPECT_EQ(json(200, "DELETE", "/api/feedback/dora/" + id).at("RowAffected"), 0);
  EXPECT_EQ(get("/api/item/" + id + "/feedback/play"), Json::array());
  json(404, "GET", "/api/feedback/play/dora/" + id);
}

TEST_F(GorseFace, FeedbackIsCountedAsEvents) {
  const auto count = [&] {
    const std::string text = call("GET", "/metrics").body, name = "tessera_events_ingested_total{action=\"click\"} ";
    const size_t at = text.find(name);
    return at == std::string::npos ? 0.0 : std::stod(text.substr(at + name.size()));
  };
  const double before = count();
  const Json rows = Json::array({{{"FeedbackType", "click"},
                                  {"UserId", "counted"},
                                  {"ItemId", item(1).id},
                                  {"Timestamp", "2026-01-01T00:00:00Z"}},
                                 {{"FeedbackType", "click"},
                                  {"UserId", "counted"},
                                  {"ItemId", item(2).id},
                                  {"Timestamp", "2026-01-01T00:00:00Z"}}});
  json(200, "POST", "/api/feedback", rows);
  EXPECT_EQ(count(), before + 2);
  json(200, "PUT", "/api/feedback", rows);  // the same events again
  EXPECT_EQ(count(), before + 2);
}

TEST_F(GorseFace, FeedbackIsListedPageByPage) {
  json(200, "POST", "/api/feedback", stars("p1"));
  json(200, "POST", "/api/feedback", stars("p2", 10));
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  do {
    const Json page = get("/api/feedback/star?n=3&cursor=" + [&] {
      std::string out;
      for (const char c : cursor) out += c == '%' ? std::string("%25") : std::string(1, c);
      return out;
    }());
    for (const Json& row : page.at("Feedback"))
      EXPECT_TRUE(seen.insert(row.at("UserId").get<std::string>() + "/" + row.at("ItemId").get<std::string>()).second);
    cursor = page.at("Cursor");
  } while (!cursor.empty() && ++pages < 100);
  EXPECT_GE(seen.size(), 10u);
}

TEST_F(GorseFace, BadFeedbackIsNamedAndNothingOfItIsTaken) {
  Json list = stars("eve");
  list[3].erase("ItemId");
  const Json problem = json(422, "POST", "/api/feedback", list);
  EXPECT_EQ(problem.at("param"), "[3]");
  EXPECT_EQ(get("/api/user/eve/feedback"), Json::array());
  list = stars("eve");
  list[1]["Timestamp"] = "yesterday";
  json(422, "POST", "/api/feedback", list);
  json(422, "POST", "/api/feedback", Json::array({1}));
  EXPECT_EQ(call("POST", "/api/feedback", "[{").status, 400);
}

TEST_F(GorseFace, ItemsAreInsertedReadChangedAndDeleted) {
  const Json sent = {{"ItemId", "gorse-io:gorse"},
                     {"IsHidden", false},
                     {"Categories", {"go", "recommender"}},
                     {"Timestamp", "2022-01-13T00:00:00Z"},
                     {"Labels", {{"topics", "search"}, {"stars", 9000}, {"nested", {{"a", {1, 2}}}}}},
                     {"Comment", "A recommender system engine"}};
  EXPECT_EQ(json(200, "POST", "/api/item", sent), Json({{"RowAffected", 1}}));
  Json read = get("/api/item/gorse-io:gorse");
  Json wanted = sent;
  wanted["Labels"]["stars"] = "9000";
  EXPECT_EQ(read, wanted);
  EXPECT_EQ(get("/api/items?q=recommender%20engine&n=5").at("Items").at(0).at("ItemId"), "gorse-io:gorse");
  // As PyGorse sends a patch: what is not to be changed is null.
  json(200, "PATCH", "/api/item/gorse-io:gorse",
       {{"Categories", nullptr},
        {"Comment", "changed"},
        {"IsHidden", true},
        {"Labels", nullptr},
        {"Timestamp", nullptr}});
  read = get("/api/item/gorse-io:gorse");
  EXPECT_EQ(read.at("Comment"), "changed");
  EXPECT_EQ(read.at("IsHidden"), true);
  EXPECT_EQ(read.at("Categories"), sent.at("Categories"));
  EXPECT_EQ(get("/v1/items/gorse-io:gorse").at("available"), false);
  json(200, "PUT", "/api/item/gorse-io:gorse/category/new");
  json(200, "DELETE", "/api/item/gorse-io:gorse/category/go");
  EXPECT_EQ(get("/api/item/gorse-io:gorse").at("Categories"), Json({"recommender", "new"}));
  EXPECT_EQ(json(200, "DELETE", "/api/item/gorse-io:gorse").at("RowAffected"), 1);
  EXPECT_EQ(json(200, "DELETE", "/api/item/gorse-io:gorse").at("RowAffected"), 0);
  json(404, "GET", "/api/item/gorse-io:gorse");
  json(404, "PATCH", "/api/item/gorse-io:gorse", {{"Comment", "x"}});
}

TEST_F(GorseFace, AnOverwrittenItemKeepsWhatGorseHasNoNameFor) {
  const std::string id = item(3).id;
  const Json before = get("/v1/items/" + id);
  Json theirs = get("/api/item/" + id);
  json(200, "POST", "/api/items", Json::array({theirs}));
  Json after = get("/v1/items/" + id);
  for (const char* name : {"title", "description", "brand", "price", "categories", "created_at"})
    EXPECT_EQ(after.value(name, Json()), before.value(name, Json())) << name;
}

TEST_F(GorseFace, ItemsAndUsersAreListedPageByPage) {
  std::set<std::string> seen;
  std::string cursor;
  do {
    const Json page = get("/api/items?n=30&cursor=" + cursor);
    for (const Json& one : page.at("Items")) EXPECT_TRUE(seen.insert(one.at("ItemId")).second);
    cursor = page.at("Cursor");
  } while (!cursor.empty());
  EXPECT_EQ(static_cast<int64_t>(seen.size()), service_->shelf().view()->num_live());
  json(200, "POST", "/api/feedback", stars("zoe-who-only-acted"));
  json(200, "POST", "/api/users", Json::array({{{"UserId", "stored"}, {"Labels", {"a"}}}}));
  seen.clear();
  cursor.clear();
  do {
    const Json page = get("/api/users?n=25&cursor=" + cursor);
    for (const Json& one : page.at("Users")) EXPECT_TRUE(seen.insert(one.at("UserId")).second) << one;
    cursor = page.at("Cursor");
  } while (!cursor.empty());
  for (const char* id : {"zoe-who-only-acted", "stored"}) EXPECT_TRUE(seen.contains(id)) << id;
  EXPECT_TRUE(seen.contains(service_->models().active()->dataset().users.names()[5]));
}

TEST_F(GorseFace, UsersAreInsertedReadChangedAndForgotten) {
  const Json sent = {{"UserId", "frank"}, {"Labels", {{"gender", "m"}, {"age", 30}}}, {"Comment", "a friend"}};
  EXPECT_EQ(json(200, "POST", "/api/user", sent), Json({{"RowAffected", 1}}));
  EXPECT_EQ(get("/api/user/frank"), sent);
  json(200, "PATCH", "/api/user/frank", {{"Comment", "a good friend"}});
  EXPECT_EQ(get("/api/user/frank").at("Comment"), "a good friend");
  EXPECT_EQ(get("/api/user/frank").at("Labels"), sent.at("Labels"));
  json(200, "POST", "/api/feedback", stars("frank"));
  EXPECT_EQ(json(200, "DELETE", "/api/user/frank").at("RowAffected"), 1);
  json(404, "GET", "/api/user/frank");
  EXPECT_EQ(get("/api/user/frank/feedback"), Json::array());
  json(200, "POST", "/api/user", sent);
  // Of the dataset: a new row does not bring the dataset's history back.
  const std::string old = service_->models().active()->dataset().users.names()[9];
  json(200, "DELETE", "/api/user/" + old);
  json(404, "GET", "/api/user/" + old);
  json(200, "POST", "/api/user", {{"UserId", old}});
  EXPECT_EQ(get("/v1/users/" + old).at("history"), Json::array());
  json(200, "DELETE", "/api/user/" + old);
}

TEST_F(GorseFace, SessionsNeighboursLatestAndPopular) {
  Json session = stars("");
  for (Json& one : session) one.erase("UserId");
  const Json next = json(200, "POST", "/api/session/recommend?n=3", session);
  ASSERT_EQ(next.size(), 3u);
  for (const Json& star : session) EXPECT_FALSE(ids(next).contains(star.at("ItemId")));
  const std::string id = item(0).id;
  const Json near = get("/api/item/" + id + "/neighbors?n=4&offset=0");
  ASSERT_EQ(near.size(), 4u);
  EXPECT_FALSE(ids(near).contains(id));
  EXPECT_EQ(get("/api/item/" + id + "/neighbors/?n=2&offset=2"), Json(near.begin() + 2, near.end()));
  EXPECT_EQ(get("/api/item-to-item/neighbors/" + id + "?n=4"), near);
  EXPECT_EQ(get("/api/item/nothing/neighbors"), Json::array());
  const Json latest = get("/api/latest?n=20");
  ASSERT_EQ(latest.size(), 20u);
  for (size_t i = 1; i < latest.size(); ++i)
    EXPECT_LE(latest[i].at("Score").get<double>(), latest[i - 1].at("Score").get<double>());
  const Json popular = get("/api/popular?n=5");
  ASSERT_EQ(popular.size(), 5u);
  EXPECT_EQ(get("/api/non-personalized/popular?n=5"), popular);
  json(404, "GET", "/api/non-personalized/other");
  json(200, "POST", "/api/feedback",
       Json::array({{{"FeedbackType", "read"}, {"UserId", "gina"}, {"ItemId", popular[0].at("Id")}}}));
  EXPECT_FALSE(ids(get("/api/popular?n=5&user-id=gina")).contains(popular[0].at("Id")));
  EXPECT_EQ(json(501, "GET", "/api/user/gina/neighbors").at("code"), "not_implemented");
}

TEST_F(GorseFace, HealthNeedsNoKey) {
  for (const char* target : {"/api/health/live", "/api/health/ready"})
    EXPECT_EQ(get(target), Json({{"Ready", true},
                                 {"DataStoreError", nullptr},
                                 {"CacheStoreError", nullptr},
                                 {"DataStoreConnected", true},
                                 {"CacheStoreConnected", true}}));
}

TEST_F(GorseFace, WrongNumbersAreNamed) {
  EXPECT_EQ(json(400, "GET", "/api/recommend/bob?n=ten").at("param"), "n");
  EXPECT_EQ(json(400, "GET", "/api/recommend/bob?n=-1").at("param"), "n");
  EXPECT_EQ(json(400, "GET", "/api/latest?offset=x").at("param"), "offset");
  EXPECT_EQ(json(400, "GET", "/api/items?cursor=zzz").at("param"), "cursor");
}

TEST(GorseShapes, DurationsAreThoseOfGo) {
  EXPECT_EQ(serve::duration_of_gorse(""), 0);
  EXPECT_EQ(serve::duration_of_gorse("0h0m0s"), 0);
  EXPECT_EQ(serve::duration_of_gorse("1h2m3s"), 3723);
  EXPECT_EQ(serve::duration_of_gorse("1.5h"), 5400);
  for (const char* bad : {"1", "h", "1d", "1h2", "..h", "99999999h", "-1h", "1e9s"})
    EXPECT_THROW(serve::duration_of_gorse(bad), Error) << bad;
}

TEST(GorseShapes, TimesWithoutAZoneAreUtc) {
  EXPECT_EQ(serve::time_of_gorse("1970-01-01 00:00:10"), 10);
  EXPECT_EQ(serve::time_of_gorse("1970-01-02"), 86400);
  EXPECT_EQ(serve::time_of_gorse("0001-01-01T00:00:00Z"), 0);
  EXPECT_THROW(serve::time_of_gorse("soon"), Error);
}

}  // namespace
}  // namespace tessera
