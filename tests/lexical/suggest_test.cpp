#include "lexical/suggest.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <thread>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "lexical/prefix_table.h"

namespace tessera {
namespace {

using test::expect_error;
using Texts = std::vector<std::string>;
constexpr int64_t kNow = 1767225600;
constexpr int64_t kDay = 86400;

Texts texts_of(const Suggestions& suggestions) {
  Texts texts;
  for (const QuerySuggestion& query : suggestions.queries) texts.push_back(query.text);
  return texts;
}

std::vector<int32_t> items_of(const Suggestions& suggestions) {
  std::vector<int32_t> items;
  for (const ItemSuggestion& item : suggestions.items) items.push_back(index(item.item));
  return items;
}

/// Levenshtein by the book: all of the table.
int32_t distance(const std::u32string& a, const std::u32string& b) {
  std::vector<std::vector<int32_t>> d(a.size() + 1, std::vector<int32_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = static_cast<int32_t>(i + j);
      } else {
        d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      }
    }
  }
  return d[a.size()][b.size()];
}

int32_t brute_prefix_distance(const std::u32string& prefix, const std::u32string& text) {
  int32_t best = 1000;
  for (size_t size = 0; size <= text.size(); ++size) best = std::min(best, distance(prefix, text.substr(0, size)));
  return best;
}

std::string random_key(Random& random, bool chinese) {
  static const Texts kLatin = {"a", "b", "ab", "c", " ", "\u00e9"},
                     kChinese = {"\u6307", "\u7532", "\u6cb9", "\u7ea2", "a", " "};
  const Texts& letters = chinese ? kChinese : kLatin;
  std::string key;
  for (uint64_t size = 1 + random.below(12); size > 0; --size) {
    const std::string& letter = letters[random.below(letters.size())];
    if (letter != " " || (!key.empty() && key.back() != ' ')) key += letter;
  }
  while (!key.empty() && key.back() == ' ') key.pop_back();
  return key.empty() ? "a" : key;
}

TEST(PrefixTable, DistancesEqualBruteForce) {
  Random random(1, "test.distance");
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_key(random, round % 2 == 0);
    const std::u32string prefix = code_points(random_key(random, round % 2 == 0));
    for (int32_t limit = 0; limit <= 2; ++limit) {
      ASSERT_EQ(prefix_distance(prefix, text, limit),
                std::min(brute_prefix_distance(prefix, code_points(text)), limit + 1));
    }
  }
}

TEST(PrefixTable, SearchEqualsBruteForce) {
  for (const bool every_word : {false, true}) {
    for (const bool chinese : {false, true}) {
      Random random(2, "test.table", every_word * 2 + chinese);
      PrefixTable table(every_word);
      struct Known {
        std::string key;
        float weight;
        int32_t slot;
      };
      std::map<int32_t, Known> known;
      int32_t next = 0;
      std::vector<PrefixTable::New> many;
      for (; next < 300; ++next) {
        many.push_back({random_key(random, chinese), static_cast<float>(random.below(50)), next});
        known[next] = {many.back().key, many.back().weight, -1};
      }
      const auto slots = table.add_all(many);
      for (int32_t i = 0; i < 300; ++i) known[i].slot = slots[static_cast<size_t>(i)];
      for (int round = 0; round < 1500; ++round) {
        const auto some = std::next(known.begin(), static_cast<std::ptrdiff_t>(random.below(known.size())));
        if (random.chance(0.5)) {
          Known fresh{random_key(random, chinese), static_cast<float>(random.below(50)), -1};
          fresh.slot = table.add(fresh.key, fresh.weight, next);
          known[next++] = fresh;
        } else if (random.chance(0.5)) {
          table.remove(some->second.slot);
          known.erase(some);
        } else {
          some->second.weight = static_cast<float>(random.below(50));
          table.set_weight(some->second.slot, some->second.weight);
        }
        ASSERT_EQ(table.size(), static_cast<int64_t>(known.size()));
        if (round % 9 != 0) continue;
        const std::string typed = random_key(random, chinese);
        const std::u32string prefix = code_points(typed);
        const auto max_edits = static_cast<int32_t>(random.below(3));
        const size_t limit = 1 + random.below(12);
        const auto accept = [&](int32_t payload) { return round % 18 == 0 || payload % 3 != 0; };
        std::vector<std::tuple<int32_t, float, int32_t>> expected;
        for (const auto& [payload, text] : known) {
          int32_t best = max_edits + 1;
          for (const uint16_t at : key_starts(text.key, every_word)) {
            const std::u32string points = code_points(text.key.substr(at));
            const int32_t edits = brute_prefix_distance(prefix, points);
            for (int32_t tier = edits; tier < best; ++tier) {
              if (!first_letter_is_right(prefix, tier) || points[0] == prefix[0]) best = tier;
            }
          }
          if (best <= max_edits && accept(payload)) expected.emplace_back(best, -text.weight, payload);
        }
        std::sort(expected.begin(), expected.end());
        if (expected.size() > limit) expected.resize(limit);
        std::vector<std::tuple<int32_t, float, int32_t>> got;
        for (const auto& match : table.search(typed, max_edits, limit, accept)) {
          got.emplace_back(match.edits, -match.weight, match.payload);
        }
        ASSERT_EQ(got, expected) << typed << " with " << max_edits;
      }
    }
  }
}

TEST(Suggest, QueriesByPopularity) {
  Suggester suggester;
  for (const auto& [text, weight] : std::map<std::string, double>{{"nail polish", 5},
                                                                  {"nail file", 9},
                                                                  {"nailgun", 2},
                                                                  {"red nails", 50},
                                                                  {"\u6307\u7532\u6cb9", 3},
                                                                  {"\u6307\u7532\u526a", 4}}) {
    EXPECT_TRUE(suggester.add_query(text, weight, kNow));
  }
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nai"})), (Texts{"nail file", "nail polish", "nailgun"}));
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "NAIL ", .fuzzy = false})), (Texts{"nail file", "nail polish"}));
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nail p", .fuzzy = false})), Texts{"nail polish"});
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "\u6307"})), (Texts{"\u6307\u7532\u526a", "\u6307\u7532\u6cb9"}));
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nail p"})).front(), "nail polish");
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "neal"})), Texts{});  // two edits at four letters
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nsil"})).size(), 3u);
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nsil", .fuzzy = false})), Texts{});
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nsil polsih"})), Texts{});
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "nal polsh"})), Texts{"nail polish"});
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "  "})), Texts{});
  EXPECT_EQ(suggester.suggest({.prefix = "nail", .max_queries = 1}).queries.size(), 1u);
}

TEST(Suggest, FormsOfOneQueryAreCountedTogether) {
  Suggester suggester;
  suggester.add_query("Nail Polish", 1, kNow);
  suggester.add_query(" nail\n\npolish ", 1, kNow);
  suggester.add_query("\uff4eail polish!", 1, kNow);
  const auto found = suggester.suggest({.prefix = "nail"}).queries;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].text, "Nail Polish");
  EXPECT_NEAR(found[0].weight, 3, 1e-4);
  EXPECT_TRUE(suggester.remove_query("NAIL POLISH"));
  EXPECT_FALSE(suggester.remove_query("NAIL POLISH"));
  EXPECT_TRUE(suggester.suggest({.prefix = "nail"}).queries.empty());
}

TEST(Suggest, OldQueriesFade) {
  Suggester suggester({.half_life_days = 7});
  suggester.add_query("shoes old", 4, kNow);
  suggester.add_query("shoes new", 1.5, kNow + 14 * kDay);
  const auto found = suggester.suggest({.prefix = "sho"}).queries;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "shoes new");
  EXPECT_NEAR(found[1].weight, 1, 1e-4);
  suggester.add_query("shoes old", 1, kNow);  // late events count as of their time
  EXPECT_NEAR(suggester.suggest({.prefix = "shoes o"}).queries[0].weight, 1.25, 1e-4);
  suggester.add_query("far", 1, kNow + 100 * 365 * kDay);
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "shoes"})), (Texts{"shoes new", "shoes old"}));
}

TEST(Suggest, ForgetsTheLeastAsked) {
  Suggester suggester({.max_queries = 100});
  for (int i = 0; i < 1000; ++i) suggester.add_query("query " + std::to_string(i), i == 3 ? 1000 : 1 + i, kNow);
  EXPECT_LE(suggester.num_queries(), 100);
  EXPECT_GE(suggester.num_queries(), 90);
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "query", .max_queries = 3})),
            (Texts{"query 3", "query 999", "query 998"}));
  EXPECT_EQ(suggester.suggest({.prefix = "query 500", .fuzzy = false}).queries.size(), 0u);
}

TEST(Suggest, BadQueriesAreLeftOut) {
  Suggester suggester({.max_letters = 10});
  EXPECT_FALSE(suggester.add_query("", 1, kNow));
  EXPECT_FALSE(suggester.add_query("?!", 1, kNow));
  EXPECT_FALSE(suggester.add_query("abcdefghijk", 1, kNow));
  EXPECT_FALSE(suggester.add_query(std::string(1 << 20, 'a'), 1, kNow));
  EXPECT_TRUE(suggester.add_query("ab\xff", 1, kNow));
  EXPECT_EQ(texts_of(suggester.suggest({.prefix = "ab"})), Texts{"ab\ufffd"});
  for (const double weight : {0.0, -1.0, std::nan(""), double{INFINITY}}) {
    expect_error(ErrorKind::data, "weight", [&] { suggester.add_query("a", weight, kNow); });
  }
  expect_error(ErrorKind::data, "wanted 0 to 100", [&] { suggester.suggest({.prefix = "a", .max_queries = 101}); });
  expect_error(ErrorKind::config, "max_queries", [] { Suggester({.max_queries = 1}); });
}

TEST(Suggest, SavedQueriesComeBack) {
  Suggester first, second;
  for (int i = 0; i < 50; ++i) first.add_query("query " + std::to_string(i % 20), 1 + i, kNow + i * kDay);
  EXPECT_EQ(second.add_queries(first.queries(kNow + 60 * kDay), kNow + 60 * kDay), 20);
  const auto a = first.suggest({.prefix = "query", .max_queries = 20}).queries;
  const auto b = second.suggest({.prefix = "query", .max_queries = 20}).queries;
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].text, b[i].text);
  EXPECT_EQ(second.add_queries({{"Query 1", 5, 0}, {"new", 1, 0}, {"NEW", 2, 0}, {"", 1, 0}}, kNow + 60 * kDay), 3);
  EXPECT_EQ(second.num_queries(), 21);
  EXPECT_NEAR(second.suggest({.prefix = "new"}).queries[0].weight, 3, 1e-3);
}

TEST(Suggest, ItemsByAnyWordOfTheirTitle) {
  Suggester suggester;
  suggester.put_items({{ItemId{0}, "Red Nail Polish", 1},
                       {ItemId{1}, "Nail File", 5},
                       {ItemId{2}, "\u7ea2\u8272\u6307\u7532\u6cb9", 1}});
  suggester.put_item({ItemId{7}, "Nailgun", 3});
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "nail"})), (std::vector<int32_t>{1, 7, 0}));
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "\u6307\u7532"})), std::vector<int32_t>{2});
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "polsh"})), std::vector<int32_t>{0});
  suggester.set_popularity(ItemId{0}, 10);
  suggester.set_popularity(ItemId{99}, 10);
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "nail"})), (std::vector<int32_t>{0, 1, 7}));
  suggester.put_item({ItemId{1}, "Glass File", 5});
  suggester.erase_item(ItemId{7});
  suggester.erase_item(ItemId{70});
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "nail"})), std::vector<int32_t>{0});
  EXPECT_EQ(items_of(suggester.suggest({.prefix = "glas"})), std::vector<int32_t>{1});
  EXPECT_EQ(suggester.num_items(), 3);
  expect_error(ErrorKind::data, "no position", [&] { suggester.put_item({ItemId{-1}, "a", 1}); });
  expect_error(ErrorKind::data, "popularity", [&] { suggester.put_item({ItemId{1}, "a", std::nan("")}); });
  expect_error(ErrorKind::data, "twice", [&] { suggester.put_items({{ItemId{5}, "a", 1}, {ItemId{5}, "b", 1}}); });
}

TEST(Suggest, ItemsForAPerson) {
  Suggester suggester;
  for (int32_t i = 0; i < 20; ++i) suggester.put_item({ItemId{i}, "shoe " + std::to_string(i), static_cast<double>(i)});
  SuggestRequest request{.prefix = "shoe", .max_items = 3};
  EXPECT_EQ(items_of(suggester.suggest(request)), (std::vector<int32_t>{19, 18, 17}));
  request.allowed = [](ItemId item) { return index(item) % 2 == 0; };
  EXPECT_EQ(items_of(suggester.suggest(request)), (std::vector<int32_t>{18, 16, 14}));
  request.score = [](ItemId item) { return -static_cast<double>(index(item)); };
  EXPECT_EQ(items_of(suggester.suggest(request)), (std::vector<int32_t>{0, 2, 4}));
}

TEST(Suggest, SearchesGoOnDuringChanges) {
  Suggester suggester({.max_queries = 300});
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        for (const QuerySuggestion& query : suggester.suggest({.prefix = "query"}).queries) {
          EXPECT_TRUE(query.text.starts_with("query")) << query.text;
        }
        suggester.queries(kNow);
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    suggester.add_query("query " + std::to_string(i % 700), 1, kNow + i);
    suggester.put_item({ItemId{i % 600}, "query item " + std::to_string(i), static_cast<double>(i % 7)});
    if (i % 5 == 0) suggester.remove_query("query " + std::to_string(i % 90));
    if (i % 7 == 0) suggester.erase_item(ItemId{i % 50});
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_LE(suggester.num_queries(), 300);
}

}  // namespace
}  // namespace tessera
