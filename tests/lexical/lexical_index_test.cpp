#include "lexical/lexical_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "lexical/small_shop.h"
#include "text/tokenise.h"

namespace tessera {
namespace {

using test::expect_error;
using test::items_of;
using test::shop_item;
using test::small_shop;
using test::sorted;
using Items = std::vector<int32_t>;

class LexicalSearch : public testing::Test {
 protected:
  LexicalSearch() { index.apply_all(small_shop(), 1); }
  Items ask(const std::string& text) { return items_of(index.search({.text = text})); }
  LexicalIndex index;
};

TEST_F(LexicalSearch, WordsAreAllWantedAndTitlesCountMost) {
  EXPECT_EQ(ask("nail polish "), (Items{0, 1}));
  EXPECT_EQ(ask("red "), (Items{0, 3, 5, 1}));  // title and attribute, title, description, longer description
  EXPECT_EQ(ask("velora shoes "), Items{2});
  EXPECT_EQ(sorted(ask("sonar ")), (Items{6, 8}));
  EXPECT_EQ(sorted(ask("kitchen ")), (Items{4, 9}));
}

TEST_F(LexicalSearch, StemsCaseWidthAndAccentsAgree) {
  for (const char* text : {"shoe ", "SHOES ", "\uff33\uff28\uff2f\uff25 "}) EXPECT_EQ(ask(text), Items{2}) << text;
  EXPECT_EQ(ask("cafe "), Items{4});
  EXPECT_EQ(ask("CAFE\u0301 "), Items{4});
  EXPECT_EQ(ask("nail   POLISH "), ask("nail polish "));
}

TEST_F(LexicalSearch, PhrasesStandAsTheyAre) {
  EXPECT_EQ(ask("\"nail polish\""), (Items{0, 1}));
  EXPECT_EQ(ask("\"polish nail\""), Items{});
  EXPECT_EQ(ask("\u201cpolish remover\u201d"), Items{1});
  EXPECT_EQ(ask("\"remover lumo\""), Items{});  // a phrase does not reach from one field into the next
  EXPECT_EQ(ask("\"never ending"), Items{});
  EXPECT_EQ(ask("\"\" shoes "), Items{2});
}

TEST_F(LexicalSearch, MinusKeepsOut) {
  EXPECT_EQ(sorted(ask("polish -remover")), (Items{0, 7}));
  EXPECT_EQ(sorted(ask("polish -removers")), (Items{0, 7}));
  EXPECT_EQ(sorted(ask("polish -\"nail polish\"")), Items{7});
  EXPECT_EQ(ask("-red").size(), 6u);
  EXPECT_EQ(ask("t-shirt -"), ask("t-shirt"));
}

TEST_F(LexicalSearch, LastWordMayBeUnfinished) {
  EXPECT_EQ(ask("headph"), Items{6});
  EXPECT_EQ(sorted(ask("red run")), Items{3});
  EXPECT_EQ(index.search({.text = "headph", .prefix = false, .num_typos = 0}).found, 0);
  EXPECT_EQ(index.search({.text = "headph ", .num_typos = 0}).found, 0);
}

TEST_F(LexicalSearch, TyposAreCorrectedWithinLimits) {
  LexicalResult result = index.search({.text = "Wirless hedphones "});
  EXPECT_EQ(items_of(result), Items{6});
  EXPECT_EQ(result.corrected_query, "wireless headphones ");
  EXPECT_EQ(index.search({.text = "Wirless hedphones ", .num_typos = 0}).found, 0);
  EXPECT_EQ(index.search({.text = "hedphoens ", .num_typos = 1}).found, 0);
  EXPECT_EQ(index.search({.text = "rde "}).found, 0);  // three letters are too few to guess
  EXPECT_EQ(index.search({.text = "polish "}).corrected_query, "");
  result = index.search({.text = "runing wach", .limit = 1});
  EXPECT_EQ(items_of(result), Items{8});
}

TEST_F(LexicalSearch, WordsAreDroppedWhenTooFewMatch) {
  LexicalResult result = index.search({.text = "red wireless garden qqqqq "});
  EXPECT_GE(result.found, 1);
  EXPECT_EQ(std::set<std::string>(result.dropped_words.begin(), result.dropped_words.end()).count("qqqqq"), 1u);
  result = index.search({.text = "red wireless garden ", .drop_words = false});
  EXPECT_EQ(result.found, 0);
  EXPECT_TRUE(result.dropped_words.empty());
  result = index.search({.text = "red headphones "});
  EXPECT_EQ(result.dropped_words, std::vector<std::string>{"red"});  // the more usual one
  EXPECT_EQ(items_of(result), Items{6});
  EXPECT_EQ(index.search({.text = "shoes \"no such phrase\""}).found, 0);
}

TEST_F(LexicalSearch, StopWordsAreLeftOutUnlessAlone) {
  EXPECT_EQ(ask("shoes for men "), Items{2});
  EXPECT_EQ(ask("a chair in the garden "), Items{5});
  EXPECT_FALSE(ask("for ").empty());
  LexicalIndex plain({.stop_words = false});
  plain.apply_all(small_shop(), 1);
  EXPECT_EQ(plain.search({.text = "watch for ", .drop_words = false}).found, 0);
}

TEST_F(LexicalSearch, NoWordMatchesAll) {
  for (const char* text : {"", "*", " ... ", "\"\""}) {
    const LexicalResult result = index.search({.text = text, .limit = 3, .offset = 1, .all_matches = true});
    EXPECT_EQ(result.found, 10) << text;
    EXPECT_EQ(items_of(result), (Items{1, 2, 3})) << text;
    EXPECT_EQ(result.matches.size(), 10u);
    EXPECT_EQ(result.hits[0].score, 0);
  }
}

TEST_F(LexicalSearch, SynonymsOneWayAndBoth) {
  EXPECT_EQ(ask("sneakers "), Items{});
  index.set_synonyms({{"", {"Sneaker", "running shoes", "trainers"}}, {"cup", {"mug"}}});
  EXPECT_EQ(ask("sneakers "), Items{2});
  EXPECT_EQ(ask("velora trainer "), Items{2});
  EXPECT_EQ(ask("cup "), Items{4});
  EXPECT_EQ(ask("mug "), Items{4});
  Item cup = shop_item("10", "Cup");
  const LexicalChange change{ItemId{10}, &cup};
  index.apply({&change, 1}, 2);
  EXPECT_EQ(sorted(ask("cup ")), (Items{4, 10}));
  EXPECT_EQ(ask("mug "), Items{4});
  Item trainers = shop_item("11", "Trainers");
  const LexicalChange second{ItemId{11}, &trainers};
  index.apply({&second, 1}, 3);
  EXPECT_EQ(sorted(ask("running shoes ")), (Items{2, 11}));
  index.set_synonyms({});
  EXPECT_EQ(ask("sneakers "), Items{});
  expect_error(ErrorKind::data, "has no word", [&] { index.set_synonyms({{"", {"good", "!!"}}}); });
  expect_error(ErrorKind::data, "wanted at most 8", [&] { index.set_synonyms({{"a b c d e f g h i", {"x"}}}); });
}

TEST_F(LexicalSearch, ExplanationsAddUpToTheScore) {
  for (const char* text : {"red nail polish ", "run", "sport watc", "red", "\"nail polish\"", "kitchen cotton "}) {
    const LexicalResult result = index.search({.text = text, .explain = true});
    ASSERT_FALSE(result.hits.empty()) << text;
    for (const LexicalHit& hit : result.hits) {
      double sum = 0;
      for (const LexicalReason& reason : hit.why) sum += reason.weight;
      EXPECT_NEAR(sum, hit.score, 1e-9 + 1e-6 * hit.score) << text;
      EXPECT_FALSE(hit.why.empty());
    }
  }
  const LexicalResult result = index.search({.text = "red ", .limit = 1, .explain = true});
  ASSERT_EQ(result.hits[0].why.size(), 2u);
  EXPECT_EQ(result.hits[0].why[0].field, "title");
  EXPECT_EQ(result.hits[0].why[1].field, "attributes");
  EXPECT_NEAR(result.hits[0].why[0].weight, 2 * result.hits[0].why[1].weight, 1e-9);
}

TEST_F(LexicalSearch, LimitsAreChecked) {
  expect_error(ErrorKind::data, "at most 2048", [&] { index.search({.text = std::string(3000, 'a')}); });
  expect_error(ErrorKind::data, "negative", [&] { index.search({.text = "a", .limit = -1}); });
  expect_error(ErrorKind::data, "beyond result", [&] { index.search({.text = "a", .limit = 10, .offset = 10000}); });
  expect_error(ErrorKind::data, "beyond result",
               [&] { index.search({.text = "a", .offset = std::numeric_limits<int64_t>::max()}); });
  expect_error(ErrorKind::data, "0 to 2", [&] { index.search({.text = "a", .num_typos = 3}); });
  EXPECT_EQ(index.search({.text = "red ", .limit = 0}).found, 4);
  EXPECT_TRUE(index.search({.text = "red ", .limit = 1, .offset = 9999}).hits.empty());
  const LexicalChange bad{ItemId{-1}, nullptr};
  expect_error(ErrorKind::data, "no position", [&] { index.apply({&bad, 1}, 2); });
  Item large = shop_item("large", std::string(2 << 20, 'a'));
  const LexicalChange changes[] = {{ItemId{0}, nullptr}, {ItemId{11}, &large}};
  expect_error(ErrorKind::data, "title has", [&] { index.apply(changes, 2); });
  EXPECT_EQ(index.version(), 1);
  EXPECT_EQ(ask("nail polish "), (Items{0, 1}));  // the first change was taken back
}

TEST_F(LexicalSearch, UpdatesAreSeenAtOnce) {
  Item item = shop_item("0", "Green Nail File", "Lumo");
  Item other = shop_item("20", "Zebra Rug");
  const LexicalChange changes[] = {
      {ItemId{0}, &item}, {ItemId{1}, nullptr}, {ItemId{20}, &other}, {ItemId{15}, nullptr}};
  index.apply(changes, 7);
  EXPECT_EQ(index.version(), 7);
  EXPECT_EQ(ask("nail "), Items{0});
  EXPECT_EQ(index.search({.text = "nail polish ", .num_typos = 0, .drop_words = false}).found, 0);
  EXPECT_EQ(ask("zebra "), Items{20});
  EXPECT_EQ(index.search({.text = "zebras rgu "}).found, 1);
  EXPECT_EQ(index.search({.text = "removver "}).corrected_query, "");  // the word is gone from the dictionary too
  EXPECT_EQ(index.stats().items, 10);
  const LexicalChange twice[] = {{ItemId{20}, nullptr}, {ItemId{20}, &item}, {ItemId{0}, &item}, {ItemId{0}, nullptr}};
  index.apply(twice, 8);
  EXPECT_EQ(ask("nail "), Items{20});
}

TEST(LexicalIndex, EmptyIndexAnswers) {
  LexicalIndex index;
  EXPECT_EQ(index.search({.text = "red shoes"}).found, 0);
  EXPECT_EQ(index.search({.text = ""}).found, 0);
  EXPECT_EQ(index.search({.text = "-red \"a b\"", .all_matches = true}).matches.size(), 0u);
  index.apply({}, 3);
  EXPECT_EQ(index.version(), 3);
}

TEST(LexicalIndex, OptionsAreChecked) {
  expect_error(ErrorKind::config, "language 'klingon' has no stemmer",
               [] { LexicalIndex index({.language = "klingon"}); });
  expect_error(ErrorKind::config, "title", [] { LexicalIndex index({.title = 1000}); });
  expect_error(ErrorKind::config, "weight 0", [] {
    LexicalIndex index({.title = 0, .brand = 0, .categories = 0, .attributes = 0, .description = 0});
  });
}

TEST(LexicalIndex, FieldOfWeightZeroIsNotSearched) {
  LexicalIndex index({.description = 0});
  index.apply_all(small_shop(), 1);
  EXPECT_EQ(items_of(index.search({.text = "red "})), (Items{0, 3}));
}

TEST(LexicalIndex, GermanStems) {
  LexicalIndex index({.language = "german"});
  Catalogue shop;
  shop.add(shop_item("0", "Rote H\u00e4user aus Holz"));
  index.apply_all(shop, 1);
  EXPECT_EQ(index.search({.text = "haus holz rotes "}).found, 1);
}

TEST(LexicalIndex, Chinese) {
  LexicalIndex index({.language = "zh"});
  Catalogue shop;
  shop.add(shop_item("0", "\u7ea2\u8272\u7684\u6307\u7532\u6cb9", "Lumo"));  // red (particle) nail polish
  shop.add(shop_item("1", "\u6307\u7532\u526a\u5200", "Lumo"));              // nail scissors
  shop.add(shop_item("2", "\u8fd0\u52a8\u978b \u84dd\u8272", "Velora"));     // running shoes, blue
  shop.add(shop_item("3", "iPhone15\u624b\u673a\u58f3", "Nordo"));           // phone case
  index.apply_all(shop, 1);
  const auto ask = [&](const std::string& text) { return items_of(index.search({.text = text})); };
  EXPECT_EQ(ask("\u7ea2\u8272\u6307\u7532\u6cb9"), Items{0});  // across a word that the title has between
  EXPECT_EQ(sorted(ask("\u6307\u7532")), (Items{0, 1}));
  EXPECT_EQ(ask("\u978b"), Items{2});  // one letter, at the end of a word
  EXPECT_EQ(ask("\u624b\u673a\u58f3 iphone15"), Items{3});
  EXPECT_EQ(ask("\"\u6307\u7532\u6cb9\""), Items{0});
  EXPECT_EQ(ask("\"\u7ea2\u8272\u6307\u7532\""), Items{});
  EXPECT_EQ(sorted(ask("lumo -\u526a\u5200")), Items{0});
  EXPECT_EQ(ask("\u84dd\u8272\u7684\u8fd0\u52a8\u978b"), Items{2});
  index.set_synonyms({{"", {"\u7403\u978b", "\u8fd0\u52a8\u978b"}}});
  EXPECT_EQ(ask("\u7403\u978b"), Items{2});
  const LexicalResult result = index.search({.text = "\u6307\u7532\u6cb9", .explain = true});
  double sum = 0;
  for (const LexicalReason& reason : result.hits.at(0).why) sum += reason.weight;
  EXPECT_NEAR(sum, result.hits[0].score, 1e-9);
}

/// Items of random words over a small vocabulary, and which hold what.
struct RandomShop {
  Catalogue items;
  std::vector<std::set<std::string>> words;
  explicit RandomShop(int n, uint64_t seed = 1) {
    Random random(seed, "test.shop");
    for (int i = 0; i < n; ++i) {
      std::string text;
      for (uint64_t w = 1 + random.below(8); w > 0; --w) text += word(random) + " ";
      Item item = shop_item(std::to_string(i), text, "", random.chance(0.5) ? word(random) : "");
      std::set<std::string> own;
      for (const std::string& token : tokenise(item.title + " " + item.description)) own.insert(token);
      words.push_back(own);
      items.add(item);
    }
  }
  static std::string word(Random& random) { return "w" + std::to_string(random.below(30)) + "x"; }
};

TEST(LexicalIndex, FoundAndMatchesEqualBruteForce) {
  const RandomShop shop(700);
  LexicalIndex index({.language = "none"});
  index.apply_all(shop.items, 1);
  Random random(2, "test.queries");
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> wanted, unwanted;
    std::string text;
    for (uint64_t w = random.below(4); w > 0; --w) wanted.push_back(RandomShop::word(random));
    if (random.chance(0.4)) unwanted.push_back(RandomShop::word(random));
    for (const auto& word : wanted) text += word + " ";
    for (const auto& word : unwanted) text += "-" + word + " ";
    std::vector<uint64_t> bits(random.below(13));
    for (auto& word : bits) word = random.next_u64() & random.next_u64();
    const int modulus = 1 + static_cast<int>(random.below(4));
    LexicalQuery query;
    query.text = text;
    query.limit = 1 + static_cast<int64_t>(random.below(20));
    query.offset = static_cast<int64_t>(random.below(5));
    query.all_matches = true;
    query.drop_words = false;
    query.num_typos = 0;
    if (random.chance(0.6)) query.allowed_bits = bits;
    if (random.chance(0.4)) query.allowed = [&](ItemId item) { return tessera::index(item) % modulus == 0; };
    std::vector<ItemId> expected;
    for (int32_t i = 0; i < shop.items.size(); ++i) {
      const auto& own = shop.words[static_cast<size_t>(i)];
      bool match = true;
      for (const auto& word : wanted) match &= own.contains(word);
      for (const auto& word : unwanted) match &= !own.contains(word);
      if (query.allowed) match &= i % modulus == 0;
      if (query.allowed_bits) {
        match &= static_cast<size_t>(i) / 64 < bits.size() && (bits[static_cast<size_t>(i) / 64] >> (i % 64) & 1) != 0;
      }
      if (match) expected.push_back(ItemId{i});
    }
    const LexicalResult result = index.search(query);
    ASSERT_EQ(result.matches, expected) << text;
    ASSERT_EQ(result.found, static_cast<int64_t>(expected.size())) << text;
    const int64_t left = std::max<int64_t>(result.found - query.offset, 0);
    ASSERT_EQ(static_cast<int64_t>(result.hits.size()), std::min(left, query.limit)) << text;
    for (size_t h = 1; h < result.hits.size(); ++h) {
      const LexicalHit &a = result.hits[h - 1], &b = result.hits[h];
      ASSERT_TRUE(a.score > b.score || (a.score == b.score && a.item < b.item));
    }
  }
}

TEST(LexicalIndex, RandomUpdatesEqualAFreshIndex) {
  const RandomShop shop(300), other(300, 9);
  LexicalIndex index;
  index.apply_all(shop.items, 1);
  Random random(3, "test.updates");
  std::map<int32_t, const Item*> now;
  for (int32_t i = 0; i < 300; ++i) now[i] = &shop.items[ItemId{i}];
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<LexicalChange> changes;
    for (int c = 0; c < 10; ++c) {
      const auto i = static_cast<int32_t>(random.below(320));
      const Item* content = random.chance(0.3) ? nullptr : &other.items[ItemId{i % 300}];
      changes.push_back({ItemId{i}, content});
      if (content) now[i] = content;
      if (!content) now.erase(i);
    }
    index.apply(changes, batch + 2);
  }
  LexicalIndex fresh;
  std::vector<LexicalChange> all;
  for (const auto& [i, content] : now) all.push_back({ItemId{i}, content});
  fresh.apply(all, 1);
  EXPECT_EQ(index.stats().items, static_cast<int64_t>(now.size()));
  for (int w = 0; w < 30; ++w) {
    for (const std::string tail : {" ", " w3x ", "q "}) {
      const std::string text = "w" + std::to_string(w) + "x" + tail;
      const LexicalResult a = index.search({.text = text}), b = fresh.search({.text = text});
      ASSERT_EQ(items_of(a), items_of(b)) << text;
      ASSERT_EQ(a.found, b.found) << text;
      ASSERT_EQ(a.corrected_query, b.corrected_query) << text;
    }
  }
}

TEST(LexicalIndex, DeadlineAndThrowingPredicateEndTheSearch) {
  const RandomShop shop(1000);
  LexicalIndex index;
  index.apply_all(shop.items, 1);
  LexicalQuery query;
  query.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  expect_error(ErrorKind::overload, "deadline", [&] { index.search(query); });
  query.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_EQ(index.search(query).found, 1000);
  query.allowed = [](ItemId) -> bool { throw Error(ErrorKind::internal, "mine"); };
  expect_error(ErrorKind::internal, "mine", [&] { index.search(query); });
  EXPECT_EQ(index.search({.text = "*"}).found, 1000);
}

TEST(LexicalIndex, SearchesGoOnDuringUpdates) {
  const RandomShop shop(200);
  LexicalIndex index;
  index.apply_all(shop.items, 1);
  std::atomic<bool> stop = false;
  std::atomic<int64_t> searches = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Random random(4, "test.threads", static_cast<uint64_t>(t));
      while (!stop) {
        // Every commit holds the pair of items with one marker: both are seen, or neither.
        const LexicalResult pair = index.search({.text = "marker", .all_matches = true});
        EXPECT_TRUE(pair.found == 0 || pair.found == 2) << pair.found;
        index.search({.text = RandomShop::word(random) + " " + RandomShop::word(random), .explain = true});
        ++searches;
      }
    });
  }
  for (int round = 0; round < 60 || searches < 30; ++round) {
    Item item = shop_item("m", "marker number" + std::to_string(round));
    const Item* content = round % 3 == 2 ? nullptr : &item;
    const LexicalChange changes[] = {{ItemId{7}, content}, {ItemId{150}, content}};
    index.apply(changes, round);
    if (round % 8 == 0) index.set_synonyms({{"", {"w1x", "marker" + std::to_string(round)}}});
    const LexicalResult seen = index.search({.text = "number" + std::to_string(round) + " ", .num_typos = 0});
    EXPECT_EQ(seen.found, content ? 2 : 0);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
}

TEST(LexicalStore, OpensWhatItLeft) {
  test::TemporaryFolder folder;
  {
    LexicalIndex index({}, folder / "index");
    EXPECT_EQ(index.version(), 0);
    index.apply_all(small_shop(), 42);
    expect_error(ErrorKind::io, "in use by another process", [&] { LexicalIndex second({}, folder / "index"); });
    EXPECT_EQ(index.search({.text = "shoes "}).found, 1);
  }
  {
    LexicalIndex index({}, folder / "index");
    EXPECT_EQ(index.version(), 42);
    EXPECT_EQ(index.start_reason(), "");
    EXPECT_EQ(index.search({.text = "shoes "}).found, 1);
    EXPECT_EQ(index.search({.text = "shoos "}).corrected_query, "shoes ");
  }
  LexicalIndex index({.title = 5}, folder / "index");
  EXPECT_EQ(index.version(), 0);
  EXPECT_NE(index.start_reason().find("other options"), std::string::npos);
  EXPECT_EQ(index.search({.text = "shoes "}).found, 0);
}

TEST(LexicalStore, DistrustsACrashOfTheMachineAndDamage) {
  test::TemporaryFolder folder;
  const auto fill = [&] { LexicalIndex({}, folder.path()).apply_all(small_shop(), 5); };
  fill();
  test::put_bytes(folder / "state", "tessera-lexical 1 open another-boot\n");
  {
    LexicalIndex index({}, folder.path());
    EXPECT_EQ(index.version(), 0);
    EXPECT_NE(index.start_reason().find("machine stopped"), std::string::npos);
  }
  Random random(5, "test.damage");
  for (int round = 0; round < 10; ++round) {
    fill();
    for (const auto& entry : std::filesystem::directory_iterator(folder / "glass")) {
      if (entry.path().filename() == "flintlock" || random.chance(0.5)) continue;
      std::string bytes(random.chance(0.3) ? 0 : entry.file_size(), '\0');
      for (char& c : bytes) c = static_cast<char>(random.next_u32());
      test::put_bytes(entry.path(), bytes);
    }
    try {
      LexicalIndex index({}, folder.path());
      EXPECT_TRUE(index.version() == 0 || index.version() == 5);
      index.search({.text = "red shoes", .explain = true});
      index.apply_all(small_shop(), 6);
      index.search({.text = "red shoes"});
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::io) << error.what();
      std::filesystem::remove_all(folder / "glass");
    }
  }
}

TEST(LexicalStore, TakesNoForeignFolder) {
  test::TemporaryFolder folder;
  test::put_bytes(folder / "precious.txt", "data");
  expect_error(ErrorKind::config, "precious.txt", [&] { LexicalIndex index({}, folder.path()); });
  EXPECT_TRUE(std::filesystem::exists(folder / "precious.txt"));
  expect_error(ErrorKind::io, "text index", [&] { LexicalIndex index({}, folder / "precious.txt"); });
}

TEST(LexicalQueryText, AnyBytesAreAnswered) {
  LexicalIndex index;
  index.apply_all(small_shop(), 1);
  index.set_synonyms({{"", {"red", "nail polish"}}});
  Random random(6, "test.bytes");
  const std::vector<std::string> parts = {
      "red",  "\"", "-",      " ",      "nail",   "\u201c",   "\u6307\u7532", "*",  "\xff",   "\u0301", "Z",
      "zred", ":",  "\u3000", "polish", "\u338f", "\xf0\x9f", "\0",           "OR", "NEAR/2", "(",      "~"};
  for (int round = 0; round < 1500; ++round) {
    std::string text;
    for (uint64_t p = random.below(10); p > 0; --p) text += parts[random.below(parts.size())];
    const LexicalResult result = index.search({.text = text, .all_matches = true, .explain = true});
    ASSERT_EQ(result.found, static_cast<int64_t>(result.matches.size())) << text;
  }
}

}  // namespace
}  // namespace tessera
