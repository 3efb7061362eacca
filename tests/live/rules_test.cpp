#include "live/rules.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"

namespace tessera::live {
namespace {

Rule rule(const std::string& text) {
  return rule_from_json(nlohmann::json::parse(text));
}

TEST(Rules, AreReadCheckedAndWrittenBack) {
  const auto full = nlohmann::json::parse(R"({"id":"summer","query":"Sun cream","match":"contains","scene":"search",
      "pins":[{"item":"a","position":2}],"hides":["b"],"boosts":[{"filter":"brand:=Nivea","factor":1.5,"add":-2.0}],
      "from":"2026-06-01T00:00:00Z","until":"2026-09-01T00:00:00Z","enabled":false})");
  EXPECT_EQ(to_json(rule_from_json(full)), full);
  const auto small = nlohmann::json::parse(R"({"id":"x","hides":["b"]})");
  EXPECT_EQ(to_json(rule_from_json(small)), small);
  for (const std::string bad : {R"([])",
                                R"({"hides":["b"]})",
                                R"({"id":"","hides":["b"]})",
                                R"({"id":"x"})",
                                R"({"id":"x","hides":"b"})",
                                R"({"id":"x","hides":[""]})",
                                R"({"id":"x","hides":["b","b"],"pins":[{"item":"b","position":1}]})",
                                R"({"id":"x","pins":[{"item":"b"}]})",
                                R"({"id":"x","pins":[{"item":"b","position":0}]})",
                                R"({"id":"x","pins":[{"item":"b","position":1001}]})",
                                R"({"id":"x","pins":[{"item":"b","position":1.5}]})",
                                R"({"id":"x","pins":[{"item":"b","position":1},{"item":"b","position":2}]})",
                                R"({"id":"x","boosts":[{"factor":2}]})",
                                R"({"id":"x","boosts":[{"filter":"price:<"}]})",
                                R"({"id":"x","boosts":[{"filter":"price:<5","factor":0}]})",
                                R"({"id":"x","boosts":[{"filter":"price:<5","factor":"2"}]})",
                                R"({"id":"x","hides":["b"],"match":"fuzzy"})",
                                R"({"id":"x","hides":["b"],"query":"!!"})",
                                R"({"id":"x","hides":["b"],"from":"soon"})",
                                R"({"id":"x","hides":["b"],"from":5,"until":5})",
                                R"({"id":"x","hides":["b"],"enabled":1})",
                                R"({"id":"x","hide":["b"]})",
                                R"({"id":7,"hides":["b"]})"}) {
    EXPECT_THROW(rule(bad), Error) << bad;
  }
}

TEST(Rules, AreActiveByQuerySceneAndTime) {
  Rules rules;
  rules.put(rule(R"({"id":"c","hides":["x"]})"));
  rules.put(rule(R"({"id":"a","query":"red shoes","hides":["x"]})"));
  rules.put(rule(R"({"id":"b","query":"Shoes","match":"contains","scene":"home","hides":["x"]})"));
  rules.put(rule(R"({"id":"d","from":10,"until":20,"hides":["x"]})"));
  rules.put(rule(R"({"id":"e","enabled":false,"hides":["x"]})"));
  const auto active = [&](std::string_view query, std::string_view scene, int64_t now) {
    std::string ids;
    for (const Rule* found : rules.active(query, scene, now)) ids += found->id;
    return ids;
  };
  EXPECT_EQ(active("", "", 0), "c");
  EXPECT_EQ(active("RED  shoes!", "", 10), "acd");
  EXPECT_EQ(active("red shoes", "home", 20), "abc");
  EXPECT_EQ(active("big red shoes", "home", 19), "bcd");
  EXPECT_EQ(active("shoestring", "home", 0), "c");
  rules.put(rule(R"({"id":"c","enabled":false,"hides":["x"]})"));
  EXPECT_EQ(active("", "", 0), "");
  EXPECT_EQ(rules.all().size(), 5);
  EXPECT_NE(rules.find("a"), nullptr);
  EXPECT_TRUE(rules.erase("a"));
  EXPECT_FALSE(rules.erase("a"));
  EXPECT_EQ(rules.find("a"), nullptr);
}

class ApplyRules : public testing::Test {
 protected:
  ApplyRules() {
    for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
      Item item;
      item.id = id;
      item.brand = item.id < "c" ? "low" : "high";
      catalogue.apply({Change::put(item)});
    }
    catalogue.apply({Change::erase("f")});
  }
  /// a 4, b 3, c 2, d 1 and the rules; e is live but no hit, f is deleted.
  std::string applied(const std::vector<std::string>& texts, const ApplyOptions& options = {}) {
    Rules rules;
    for (const std::string& text : texts) rules.put(rule(text));
    hits = {{ItemId{0}, 4}, {ItemId{1}, 3}, {ItemId{2}, 2}, {ItemId{3}, 1}};
    apply_rules(rules.active("", "", 0), hits, *catalogue.view(), options);
    std::string ids;
    for (const Hit& hit : hits) ids += catalogue.view()->item(hit.item).id;
    return ids;
  }
  LiveCatalogue catalogue;
  std::vector<Hit> hits;
};

TEST_F(ApplyRules, HidesAndPins) {
  EXPECT_EQ(applied({}), "abcd");
  EXPECT_EQ(applied({R"({"id":"1","hides":["b","f","nobody"]})"}), "acd");
  EXPECT_EQ(applied({R"({"id":"1","pins":[{"item":"e","position":1},{"item":"d","position":3}]})"}), "eadbc");
  EXPECT_TRUE(hits[0].pinned);
  EXPECT_EQ(hits[0].score, 0);
  EXPECT_EQ(hits[2].score, 1);
  EXPECT_FALSE(hits[1].pinned);
  EXPECT_EQ(applied({R"({"id":"1","pins":[{"item":"a","position":900}]})"}), "bcda") << "beyond the end: at the end";
  EXPECT_EQ(applied({R"({"id":"1","pins":[{"item":"f","position":1},{"item":"nobody","position":2}]})"}), "abcd");
  EXPECT_EQ(
      applied({R"({"id":"2","pins":[{"item":"d","position":1}]})", R"({"id":"1","pins":[{"item":"c","position":1}]})"}),
      "cdab");
  EXPECT_EQ(
      applied({R"({"id":"1","pins":[{"item":"d","position":2}]})", R"({"id":"2","pins":[{"item":"d","position":1}]})"}),
      "adbc");
  EXPECT_EQ(applied({R"({"id":"1","pins":[{"item":"d","position":1}]})", R"({"id":"2","hides":["d"]})"}), "abc");
}

TEST_F(ApplyRules, PinsMayHaveToPassTheFilter) {
  const ItemSet allowed = ItemSet::of(std::vector<ItemId>{ItemId{0}, ItemId{3}}, 6);
  ApplyOptions options;
  options.allowed = &allowed;
  EXPECT_EQ(applied({R"({"id":"1","pins":[{"item":"e","position":1},{"item":"d","position":2}]})"}, options), "adbc");
}

TEST_F(ApplyRules, BoostsChangeScoresAndOrder) {
  const std::string boost = R"({"id":"1","boosts":[{"filter":"brand:=high","factor":3,"add":1}]})";
  EXPECT_EQ(applied({boost}), "cadb");
  EXPECT_EQ(hits[0].score, 7);
  ApplyOptions options;
  options.reorder = false;
  FilterCache cache;
  options.cache = &cache;
  EXPECT_EQ(applied({boost}, options), "abcd");
  EXPECT_EQ(hits[2].score, 7);
  EXPECT_EQ(cache.size(), 1);
  EXPECT_EQ(applied({R"({"id":"1","boosts":[{"filter":"nothing:=high","factor":3}]})"}), "abcd")
      << "an unknown field boosts nothing";
  std::vector<Hit> logs = {{ItemId{0}, -1}, {ItemId{2}, -2}};
  const Rule halved = rule(R"({"id":"1","boosts":[{"filter":"brand:=high","factor":4}]})");
  apply_rules({&halved}, logs, *catalogue.view());
  EXPECT_EQ(logs[0].item, ItemId{2});
  EXPECT_EQ(logs[0].score, -0.5);
}

TEST_F(ApplyRules, RandomRulesKeepTheirPromises) {
  Random random(8, "test.rules");
  for (int n = 0; n < 500; ++n) {
    std::vector<Rule> rules;
    std::vector<const Rule*> active;
    for (uint64_t r = random.below(4); r > 0; --r) {
      Rule& some = rules.emplace_back();
      for (uint64_t k = random.below(4); k > 0; --k) {
        some.pins.push_back(
            {std::string(1, static_cast<char>('a' + random.below(7))), 1 + static_cast<int64_t>(random.below(7))});
      }
      if (random.chance(0.5)) some.hides.push_back(std::string(1, static_cast<char>('a' + random.below(7))));
    }
    for (const Rule& some : rules) active.push_back(&some);
    std::vector<Hit> some = {{ItemId{0}, 4}, {ItemId{1}, 3}, {ItemId{2}, 2}, {ItemId{3}, 1}};
    apply_rules(active, some, *catalogue.view());
    std::set<std::string> seen;
    std::string others;
    for (const Hit& hit : some) {
      const std::string& id = catalogue.view()->item(hit.item).id;
      ASSERT_TRUE(seen.insert(id).second) << "twice: " << id;
      ASSERT_TRUE(catalogue.view()->is_live(hit.item));
      if (!hit.pinned) others += id;
    }
    ASSERT_TRUE(std::is_sorted(others.begin(), others.end())) << "what is not pinned keeps its order";
    for (const Rule& one : rules) {
      for (const std::string& id : one.hides) ASSERT_FALSE(seen.contains(id));
    }
  }
}

}  // namespace
}  // namespace tessera::live
