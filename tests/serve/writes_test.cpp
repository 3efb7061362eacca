// Items, events, people, rules and synonyms: what is written is in effect when the write is answered, and survives.
#include <set>

#include "base/file.h"
#include "data/time.h"
#include "serve/clock.h"
#include "serve/service_fixture.h"

namespace tessera {
namespace {

using test::Answered;
using test::Caller;
using test::item_of;
using test::Json;
using test::Served;

TEST(Writes, ANewItemIsFoundAndRecommendedWhenItsWriteIsAnswered) {
  Served shop;
  for (int i = 0; i < 10; ++i) {
    const std::string id = "new" + std::to_string(i);
    ASSERT_EQ(shop->put("/v1/items/" + id, item_of("zebra" + std::to_string(i))).status, 201);
    EXPECT_TRUE(shop->get("/v1/search?q=zebra" + std::to_string(i)).has(id));
    EXPECT_TRUE(shop->post("/v1/recommend", {{"user_id", shop.user()}, {"filter_by", "id:=" + id}}).has(id));
    EXPECT_TRUE(shop->get("/v1/items/" + id).body.contains("semantic_id"));
  }
  EXPECT_EQ(shop->put("/v1/items/new0", item_of("giraffe")).status, 200);
  EXPECT_FALSE(shop->get("/v1/search?q=zebra0&num_typos=0&prefix=false").has("new0"));
  EXPECT_TRUE(shop->get("/v1/search?q=giraffe").has("new0"));
}

TEST(Writes, AnEventChangesTheNextAnswerAndCountsOnce) {
  Served shop;
  const std::string item = shop.item(7);
  ASSERT_TRUE(
      shop->post("/v1/recommend", {{"user_id", "fresh"}, {"limit", 199}, {"seen_policy", "exclude"}}).has(item));
  const Json event = {{"event_id", "e1"}, {"user", "fresh"}, {"item", item}, {"action", "click"}};
  const Answered first = shop->post("/v1/events", event);
  ASSERT_EQ(first.status, 200);
  EXPECT_EQ(first.body["accepted"], 1);
  const Answered after = shop->post("/v1/recommend", {{"user_id", "fresh"}, {"limit", 199}});
  EXPECT_FALSE(after.has(item));
  EXPECT_EQ(after.body["personalized"], true);
  const Answered again = shop->post("/v1/events", Json::array({event, event}));
  EXPECT_EQ(again.body["accepted"], 0);
  EXPECT_EQ(again.body["duplicates"], 2);
  EXPECT_EQ(shop->get("/v1/users/fresh").body["history"].size(), 1u);
  EXPECT_EQ(shop->get("/v1/stats").body["events"], 1);
}

TEST(Writes, EventsAreTakenAllOrNone) {
  Served shop;
  const Json good = {{"user", "u"}, {"item", shop.item(1)}, {"action", "click"}};
  const Answered bad = shop->post("/v1/events", Json::array({good, {{"user", "u"}}}));
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.body["param"], "events[1]");
  EXPECT_EQ(shop->get("/v1/stats").body["events"], 0);
  const Answered lines =
      shop->ask("POST", "/v1/events", good.dump() + "\n" + good.dump() + "\n", "application/x-ndjson");
  EXPECT_EQ(lines.body["accepted"], 2);
  EXPECT_EQ(shop->post("/v1/events", {{"events", {good}}}).body["accepted"], 1);
  EXPECT_EQ(shop->get("/v1/events?limit=2").body["events"].size(), 2u);
  EXPECT_EQ(shop->post("/v1/events", {{"user", "u"}, {"item", "nothing"}, {"action", "click"}}).body["unknown_items"],
            1);
}

TEST(Writes, ASessionHasAHistoryOfItsOwn) {
  Served shop;
  shop->post("/v1/events", {{"session", "s1"}, {"item", shop.item(3)}, {"action", "view"}});
  EXPECT_FALSE(shop->get("/v1/recommend?limit=199&session_id=s1").has(shop.item(3)));
  EXPECT_TRUE(shop->get("/v1/recommend?limit=200&session_id=s2").has(shop.item(3)));
}

TEST(Writes, ABulkImportTellsGoodLinesFromBad) {
  Served shop;
  const std::string lines = R"({"id":"b1","title":"zebra one"})"
                            "\n"
                            R"({"id":"b2","title":)"
                            "\n\n"
                            R"({"title":"no id"})"
                            "\r\n"
                            R"({"id":"b3","title":"zebra three"})"
                            "\n"
                            R"({"id":"b1","_delete":true})"
                            "\n" +
                            Json({{"id", "b4"}, {"title", "x"}, {"description", std::string(2 << 20, 'a')}}).dump() +
                            "\n" + Json({{"id", std::string(600, 'i')}, {"title", "x"}}).dump();
  const Answered answered = shop->ask("POST", "/v1/items/import", lines, "application/x-ndjson");
  ASSERT_EQ(answered.status, 200);
  std::vector<bool> success;
  std::istringstream in(answered.raw.body);
  for (std::string line; std::getline(in, line);) success.push_back(Json::parse(line)["success"]);
  EXPECT_EQ(success, (std::vector<bool>{true, false, false, true, true, false, false}));
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"b3"});
  EXPECT_EQ(shop->get("/v1/items/b1").status, 404);
}

TEST(Writes, AnItemThatSomePartCannotTakeIsRefusedWhole) {
  Served shop;
  Json item = item_of("zebra");
  item["description"] = std::string(2 << 20, 'a');
  EXPECT_EQ(shop->put("/v1/items/big", item).status, 422);
  EXPECT_EQ(shop->get("/v1/items/big").status, 404);
  shop->put("/v1/items/small", item_of("zebra"));
  EXPECT_EQ(shop->ask("PATCH", "/v1/items/small", Json({{"description", std::string(2 << 20, 'a')}}).dump()).status,
            422);
  EXPECT_EQ(shop->put("/v1/items/" + std::string(600, 'i'), item_of("zebra")).status, 422);
  EXPECT_EQ(shop->put("/v1/items/a", {{"id", "b"}, {"title", "x"}}).status, 400);
  shop.restart();
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"small"});
}

TEST(Writes, APatchChangesWhatItNames) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra", 10));
  const Answered patched = shop->ask("PATCH", "/v1/items/z1", R"({"price":3,"attributes":{"size":"L"}})");
  ASSERT_EQ(patched.status, 200);
  EXPECT_EQ(patched.body["price"], 3);
  EXPECT_EQ(patched.body["title"], "zebra");
  EXPECT_EQ(shop->get("/v1/search?q=zebra&filter_by=price:%3C4%20%26%26%20size:=L").ids(),
            std::vector<std::string>{"z1"});
  EXPECT_EQ(shop->ask("PATCH", "/v1/items/none", "{}").status, 404);
  EXPECT_EQ(shop->ask("PATCH", "/v1/items/z1", R"({"pirce":3})").status, 422);
}

TEST(Writes, PeopleAreListedByAPartOfTheirId) {
  Served shop;
  std::string part = shop.user();
  const std::string lower = part;
  for (char& c : part) c = static_cast<char>(std::toupper(c));
  ASSERT_NE(part, lower) << "an id without letters shows nothing";
  const Json all = shop->get("/v1/users?limit=1000").body["users"];
  const Json found = shop->get("/v1/users?limit=1000&q=" + part).body["users"];
  Json wanted = Json::array();
  for (const Json& user : all)
    if (user["id"].get<std::string>().find(lower) != std::string::npos) wanted.push_back(user);
  EXPECT_EQ(found, wanted);
  EXPECT_FALSE(found.empty());
  EXPECT_LT(found.size(), all.size());
  EXPECT_TRUE(shop->get("/v1/users?q=nobody-at-all").body["users"].empty());
}

TEST(Writes, APersonIsForgotten) {
  Served shop;
  const std::string user = shop.user();
  shop->put("/v1/users/" + user, {{"age", 40}});
  shop->post("/v1/events", {{"user", user}, {"item", shop.item(1)}, {"action", "click"}});
  ASSERT_FALSE(shop->get("/v1/users/" + user).body["history"].empty());
  EXPECT_EQ(shop->ask("DELETE", "/v1/users/" + user).status, 200);
  EXPECT_EQ(shop->get("/v1/users/" + user).status, 404);
  EXPECT_EQ(shop->get("/v1/recommend?user_id=" + user + "&limit=200").ids().size(), 200u);
  EXPECT_TRUE(shop->get("/v1/events").body["events"].empty());
  // Attributes put later do not bring the old history back; new events are a new history.
  shop->put("/v1/users/" + user, {{"age", 41}});
  EXPECT_TRUE(shop->get("/v1/users/" + user).body["history"].empty());
  shop->post("/v1/events", {{"user", user}, {"item", shop.item(2)}, {"action", "click"}});
  shop.restart();
  EXPECT_EQ(shop->get("/v1/users/" + user).body["history"].size(), 1u);
  EXPECT_EQ(shop->get("/v1/events").body["events"].size(), 1u);
}

TEST(Writes, RulesPinHideAndBoostWithinTheirTime) {
  Served shop;
  for (int i = 1; i <= 4; ++i) shop->put("/v1/items/z" + std::to_string(i), item_of("zebra", 10 * i));
  const Json pin = Json::parse(R"({"query":"zebra","pins":[{"item":"z4","position":1}],"hides":["z2"]})");
  EXPECT_EQ(shop->put("/v1/rules/r1", pin).status, 201);
  EXPECT_EQ(shop->put("/v1/rules/r1", pin).status, 200);
  const Answered pinned = shop->get("/v1/search?q=zebra");
  ASSERT_FALSE(pinned.ids().empty());
  EXPECT_EQ(pinned.ids().front(), "z4");
  EXPECT_FALSE(pinned.has("z2"));
  EXPECT_EQ(pinned.body["found"], 3);
  EXPECT_EQ(shop->get("/v1/search?q=zebra&hidden_hits=z4").body["found"], 2);  // what a caller hides is not pinned
  const int64_t now = serve::seconds_now();
  Json timed = pin;
  timed["until"] = format_time(now - 10);
  shop->put("/v1/rules/r1", timed);
  EXPECT_TRUE(shop->get("/v1/search?q=zebra").has("z2"));
  timed["until"] = format_time(now + 1000);
  timed["from"] = format_time(now - 1000);
  shop->put("/v1/rules/r1", timed);
  EXPECT_FALSE(shop->get("/v1/search?q=zebra").has("z2"));
  EXPECT_EQ(shop->ask("DELETE", "/v1/rules/r1").status, 200);
  EXPECT_EQ(shop->ask("DELETE", "/v1/rules/r1").status, 404);
  shop->ask("PUT", "/v1/rules/r2", R"({"boosts":[{"filter":"price:=30","factor":100}]})");
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids().at(0), "z3");
  EXPECT_EQ(shop->ask("PUT", "/v1/rules/r3", R"({"boosts":[{"filter":"price:"}]})").status, 422);
  EXPECT_EQ(shop->put("/v1/rules/r3", {{"id", "r4"}, {"hides", {"a"}}}).status, 400);
  EXPECT_EQ(shop->get("/v1/rules").body["rules"].size(), 1u);
}

TEST(Writes, AHiddenItemLeavesItsPlaceToAnother) {
  Served shop;
  const Answered before = shop->get("/v1/recommend?limit=10&user_id=" + shop.user());
  const auto ids = before.ids();
  ASSERT_EQ(ids.size(), 10u);
  shop->put("/v1/rules/hide", {{"scene", "recommend"}, {"hides", {ids[0], ids[1], ids[2]}}});
  const Answered after = shop->get("/v1/recommend?limit=10&user_id=" + shop.user());
  EXPECT_EQ(after.ids().size(), 10u);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(after.has(ids[static_cast<size_t>(i)]));
}

TEST(Writes, SynonymsFindEachOther) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra"));
  shop->put("/v1/items/q1", item_of("quagga"));
  EXPECT_EQ(shop->put("/v1/synonyms/s1", {{"synonyms", {"zebra", "quagga"}}}).status, 201);
  EXPECT_EQ(shop->get("/v1/search?q=quagga").body["found"], 2);
  EXPECT_EQ(shop->put("/v1/synonyms/s1", {{"root", "quagga"}, {"synonyms", {"zebra"}}}).status, 200);
  EXPECT_EQ(shop->get("/v1/search?q=quagga").body["found"], 2);
  EXPECT_EQ(shop->get("/v1/search?q=zebra").body["found"], 1);
  EXPECT_EQ(shop->get("/v1/synonyms/s1").body["root"], "quagga");
  for (const Json& bad : {Json{{"synonyms", {"one"}}}, Json{{"synonyms", Json::array()}}, Json::object(),
                          Json{{"synonyms", {"a", "b"}}, {"rot", "c"}}, Json{{"synonyms", "a"}}})
    EXPECT_EQ(shop->put("/v1/synonyms/s2", bad).status, 400) << bad.dump();
  EXPECT_EQ(shop->put("/v1/synonyms/s2", {{"synonyms", {"a", ""}}}).status, 422);
  EXPECT_EQ(shop->ask("DELETE", "/v1/synonyms/s1").status, 200);
  EXPECT_EQ(shop->get("/v1/search?q=quagga").body["found"], 1);
  EXPECT_EQ(shop->get("/v1/synonyms/s1").status, 404);
}

TEST(Writes, StateSurvivesARestart) {
  Served shop;
  const std::string user = shop.user();
  shop->put("/v1/items/z1", item_of("zebra"));
  shop->ask("DELETE", "/v1/items/" + shop.item(5));
  shop->ask("PATCH", "/v1/items/" + shop.item(6), R"({"available":false})");
  shop->post("/v1/events", {{"event_id", "e"}, {"user", user}, {"item", "z1"}, {"action", "order"}});
  shop->put("/v1/rules/r1", {{"query", "zebra"}, {"hides", {"z9"}}});
  shop->put("/v1/synonyms/s1", {{"synonyms", {"zebra", "quagga"}}});
  const Answered key = shop->post("/v1/keys", {{"name", "boss"}, {"scopes", {"admin"}}});
  ASSERT_EQ(key.status, 201);
  shop.use_key(key.body["secret"]);
  const Json before = shop->get("/v1/recommend?limit=50&user_id=" + user).body["hits"];
  shop.restart();
  EXPECT_EQ(shop->get("/v1/recommend?limit=50&user_id=" + user).body["hits"], before);
  EXPECT_TRUE(shop->get("/v1/search?q=quagga").has("z1"));
  EXPECT_EQ(shop->get("/v1/items/" + shop.item(5)).status, 404);
  EXPECT_EQ(shop->get("/v1/items/" + shop.item(6)).body["available"], false);
  EXPECT_EQ(shop->get("/v1/rules").body["rules"].size(), 1u);
  EXPECT_EQ(shop->get("/v1/keys").body["keys"].size(), 1u);
  const Json history = shop->get("/v1/users/" + user).body["history"];
  EXPECT_EQ(history.back()["item"], "z1");
  EXPECT_EQ(shop->post("/v1/events", {{"event_id", "e"}, {"user", user}, {"item", "z1"}, {"action", "order"}})
                .body["duplicates"],
            1);
  Caller nobody(shop.service().port());
  EXPECT_EQ(nobody.get("/v1/rules").status, 401);
}

TEST(Writes, NewItemsAreFoundUnderTheirOwnTextsAfterARestart) {
  Served shop;  // ids in another order than their writes; one that is gone in between
  const std::vector<std::pair<std::string, std::string>> written = {
      {"z", "zebra"}, {"m", "okapi"}, {"a", "giraffe"}, {"q", "quagga"}, {"b", "tapir"}};
  for (const auto& [id, title] : written) ASSERT_EQ(shop->put("/v1/items/" + id, item_of(title)).status, 201);
  EXPECT_EQ(shop->ask("DELETE", "/v1/items/m").status, 200);
  for (int start = 0; start < 3; ++start) {
    for (const auto& [id, title] : written) {
      const auto wanted = id == "m" ? std::vector<std::string>{} : std::vector<std::string>{id};
      EXPECT_EQ(shop->get("/v1/search?num_typos=0&q=" + title).ids(), wanted) << start;
    }
    shop->put("/v1/items/n" + std::to_string(9 - start), item_of("newcomer" + std::to_string(start)));
    shop.restart();
    EXPECT_EQ(shop->get("/v1/search?num_typos=0&prefix=false&q=newcomer" + std::to_string(start)).ids(),
              std::vector<std::string>{"n" + std::to_string(9 - start)});
  }
}

TEST(Writes, SemanticIdsOfNewItemsStayOverARestart) {
  Served shop;
  // They read alike, so they share a bucket, in the order of their writes, which is not that of their ids.
  const std::vector<std::string> ids = {"z", "y", "x", "w", "v"};
  for (const std::string& id : ids) ASSERT_EQ(shop->put("/v1/items/" + id, item_of("zebra lantern")).status, 201);
  shop->ask("DELETE", "/v1/items/y");
  Json moved = shop->get("/v1/items/" + shop.item(3)).body;
  moved["title"] = "zebra lantern", moved["brand"] = "Quibble";
  moved.erase("semantic_id");
  EXPECT_EQ(shop->put("/v1/items/" + shop.item(3), moved).status, 200);
  EXPECT_EQ(shop->ask("PATCH", "/v1/items/x", R"({"price":3})").status, 200);
  const auto codes = [&] {
    std::map<std::string, Json> of;
    for (const char* id : {"z", "x", "w", "v"}) of[id] = shop->get(std::string("/v1/items/") + id).body["semantic_id"];
    of["base"] = shop->get("/v1/items/" + shop.item(3)).body["semantic_id"];
    return of;
  };
  const auto before = codes();
  std::set<Json> all;
  for (const auto& [id, code] : before) EXPECT_TRUE(all.insert(code).second) << id;
  for (int start = 0; start < 2; ++start) {
    shop.restart();
    EXPECT_EQ(codes(), before);
  }
  EXPECT_EQ(shop.wait_for(shop->ask("POST", "/v1/models/tiger2:activate"))["state"], "succeeded");
  EXPECT_EQ(shop.wait_for(shop->ask("POST", "/v1/models:rollback"))["state"], "succeeded");
  EXPECT_EQ(codes(), before);
  shop.restart();
  EXPECT_EQ(codes(), before);
}

TEST(Writes, ASnapshotIsPutBackAtAStart) {
  bool restore = false;
  Served shop([&](serve::ServeOptions& options) { options.restore = restore ? "before" : ""; });
  shop->put("/v1/items/z1", item_of("zebra"));
  EXPECT_EQ(shop.wait_for(shop->post("/v1/snapshots", {{"name", "before"}}))["state"], "succeeded");
  EXPECT_EQ(shop->post("/v1/snapshots", {{"name", "before"}}).status, 409);
  EXPECT_EQ(shop->post("/v1/snapshots", {{"name", "../x"}}).status, 422);
  ASSERT_EQ(shop->get("/v1/snapshots").body["snapshots"].size(), 1u);
  EXPECT_EQ(shop->get("/v1/snapshots").body["snapshots"][0]["name"], "before");
  shop->put("/v1/items/z2", item_of("zebra"));
  restore = true;
  shop.restart();
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"z1"});
  EXPECT_EQ(shop->ask("DELETE", "/v1/snapshots/before").status, 200);
  EXPECT_EQ(shop->ask("DELETE", "/v1/snapshots/before").status, 404);
}

TEST(Writes, ASnapshotIsPutBackWhileTheServiceAnswers) {
  Served shop;
  const std::string sold = shop.item(5), changed = shop.item(6), user = shop.user();
  const Json as_it_was = shop->get("/v1/items/" + changed).body;
  shop->put("/v1/items/z1", item_of("zebra"));
  shop->put("/v1/items/gone", item_of("quagga"));
  shop->ask("DELETE", "/v1/items/" + sold);
  shop->put("/v1/rules/r1", {{"query", "nothing"}, {"hides", {"a"}}});
  shop->put("/v1/synonyms/s1", {{"synonyms", {"zebra", "horse"}}});
  shop->post("/v1/events", {{"user", "u"}, {"item", "z1"}, {"action", "click"}});
  const Json codes = shop->get("/v1/items/z1").body["semantic_id"];
  EXPECT_EQ(shop.wait_for(shop->post("/v1/snapshots", {{"name", "before"}}))["state"], "succeeded");

  shop->put("/v1/items/a2", item_of("zebra"));
  shop->put("/v1/items/z1", item_of("giraffe"));
  shop->ask("DELETE", "/v1/items/gone");
  shop->ask("PATCH", "/v1/items/" + changed, R"({"title":"okapi"})");
  shop->put("/v1/items/" + sold, item_of("tapir"));
  shop->ask("DELETE", "/v1/rules/r1");
  shop->put("/v1/rules/r2", {{"query", "zebra"}, {"hides", {"z1"}}});
  shop->put("/v1/synonyms/s2", {{"synonyms", {"quagga", "horse"}}});
  shop->post("/v1/events", {{"user", "u"}, {"item", "a2"}, {"action", "click"}});
  const Answered key = shop->post("/v1/keys", {{"name", "boss"}, {"scopes", {"admin"}}});
  shop.use_key(key.body["secret"]);

  EXPECT_EQ(shop->ask("POST", "/v1/snapshots/none:restore").status, 404);
  EXPECT_EQ(shop.wait_for(shop->ask("POST", "/v1/snapshots/before:restore"))["state"], "succeeded");
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted ? "after a start" : "at once");
    if (restarted) shop.restart();
    EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"z1"});
    EXPECT_EQ(shop->get("/v1/search?q=horse").ids(), std::vector<std::string>{"z1"});
    EXPECT_EQ(shop->get("/v1/search?q=quagga").ids(), std::vector<std::string>{"gone"});
    for (const char* text : {"giraffe", "okapi", "tapir"})
      EXPECT_EQ(shop->get(std::string("/v1/search?num_typos=0&q=") + text).body["found"], 0) << text;
    EXPECT_EQ(shop->get("/v1/items/" + changed).body, as_it_was);
    EXPECT_EQ(shop->get("/v1/items/z1").body["semantic_id"], codes);
    EXPECT_EQ(shop->get("/v1/items/a2").status, 404);
    EXPECT_EQ(shop->get("/v1/items/" + sold).status, 404);
    EXPECT_EQ(shop->get("/v1/rules").body["rules"].size(), 1u);
    EXPECT_EQ(shop->get("/v1/synonyms").body["synonyms"].size(), 1u);
    EXPECT_EQ(shop->get("/v1/users/u").body["history"].size(), 1u);
    EXPECT_FALSE(shop->get("/v1/recommend?limit=250&user_id=" + user).has("a2"));
    EXPECT_EQ(shop->get("/v1/keys").body["keys"].size(), 1u);  // keys are those of now
    EXPECT_EQ(shop.caller("tsk_none").get("/v1/keys").status, 401);
  }
  // New items find places of their own.
  for (const char* id : {"a2", "b3"})
    EXPECT_EQ(shop->put(std::string("/v1/items/") + id, item_of("heron")).status, 201);
  shop.restart();
  EXPECT_EQ(shop->get("/v1/search?q=heron").body["found"], 2);
  EXPECT_EQ(shop->get("/v1/search?q=zebra").ids(), std::vector<std::string>{"z1"});
}

TEST(Writes, ADamagedSnapshotChangesNothing) {
  Served shop;
  shop->put("/v1/items/z1", item_of("zebra"));
  EXPECT_EQ(shop.wait_for(shop->post("/v1/snapshots", {{"name", "bad"}}))["state"], "succeeded");
  shop->put("/v1/items/z2", item_of("zebra"));
  for (const auto& file : std::filesystem::directory_iterator(shop.state() / "snapshots" / "bad" / "data"))
    if (file.path().extension() == ".sst") {
      std::string bytes = read_file(file.path());
      bytes[bytes.size() / 2] ^= 1;
      write_file(file.path(), bytes);  // under another inode: it was a link to a file of the store
    }
  const Json task = shop.wait_for(shop->ask("POST", "/v1/snapshots/bad:restore"));
  EXPECT_EQ(task["state"], "failed") << task.dump();
  EXPECT_FALSE(task.value("error", "").empty());
  EXPECT_EQ(shop->get("/v1/search?q=zebra").body["found"], 2);
  shop->put("/v1/items/z3", item_of("zebra"));
  shop.restart();
  EXPECT_EQ(shop->get("/v1/search?q=zebra").body["found"], 3);
}

}  // namespace
}  // namespace tessera
