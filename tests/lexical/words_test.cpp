#include "lexical/words.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "lexical/query_parser.h"
#include "lexical/synonyms.h"
#include "text/tokenise.h"

namespace tessera {
namespace {

using Texts = std::vector<std::string>;

/// Text of any script, with signs, marks and broken bytes.
std::string random_text(Random& random) {
  static const Texts kParts = {"nail ",
                               "Don\u2019t",
                               "3.5mm",
                               "\u6307",
                               "\u7532",
                               "\u30e9\u30fc",
                               "\uff76\uff9e",
                               "\u338f",
                               "e\u0301",
                               "\u00c9",
                               " ",
                               ", ",
                               "\ud55c",
                               "\u1112\u1161\u11ab",
                               "\xff",
                               "\xe4\xbd",
                               "\u00ad",
                               "\U0001f469\u200d\U0001f4bb",
                               "-",
                               "\u0e01\u0e33",
                               "\n",
                               "stra\u00dfe",
                               "\ufb01",
                               "a",
                               "\u0301",
                               "\U00020000",
                               "\uff21"};
  std::string text;
  for (uint64_t p = random.below(14); p > 0; --p) text += kParts[random.below(kParts.size())];
  return text;
}

Texts pairs_and_words(const std::vector<TextUnit>& units) {
  Texts texts;
  for (const TextTerm& term : text_terms(units)) {
    if (!term.letter) texts.push_back(term.text);
  }
  return texts;
}

TEST(TextReader, TermsAreTheTokensOfTheHouse) {
  Random random(1, "test.words");
  TextReader plain(false), stripped(true);
  Tokeniser tokeniser({.fold_case = true, .strip_accents = true});
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(pairs_and_words(plain.units(text)), tokenise(text)) << text;
    ASSERT_EQ(pairs_and_words(stripped.units(text)), tokeniser.tokenise(text)) << text;
  }
}

TEST(TextReader, PlacedUnitsAreTheSameUnits) {
  Random random(2, "test.words");
  TextReader reader;
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random);
    const auto placed = reader.placed_units(text);
    const auto units = reader.units(text);
    ASSERT_EQ(pairs_and_words(placed), pairs_and_words(units)) << text;
    uint32_t last = 0;
    for (const TextUnit& unit : placed) {
      ASSERT_LT(unit.begin, unit.end);
      ASSERT_LE(unit.end, text.size());
      ASSERT_LE(last, unit.begin) << text;
      last = unit.begin;
    }
  }
}

TEST(TextReader, PlacesCoverWholeGraphemes) {
  TextReader reader;
  const std::string text = "Cafe\u0301 \uff33\uff28\uff2f\uff25 \u6307\u7532\u6cb9";
  const auto units = reader.placed_units(text);
  ASSERT_EQ(units.size(), 5u);
  EXPECT_EQ(units[0].text, "cafe");
  EXPECT_EQ(text.substr(units[0].begin, units[0].end - units[0].begin), "Cafe\u0301");
  EXPECT_EQ(units[1].text, "shoe");
  EXPECT_EQ(text.substr(units[1].begin, units[1].end - units[1].begin), "\uff33\uff28\uff2f\uff25");
  EXPECT_TRUE(units[2].cjk && !units[2].joined && units[3].joined && units[4].joined);
  EXPECT_TRUE(units[2].starts_word);
  EXPECT_FALSE(units[3].starts_word);
}

TEST(TextReader, LettersStandBesideTheirPairs) {
  TextReader reader;
  Texts texts;
  std::vector<int32_t> positions;
  for (const TextTerm& term : text_terms(reader.units("a \u6307\u7532\u6cb9 b"), 10)) {
    texts.push_back(term.text);
    positions.push_back(term.position);
  }
  EXPECT_EQ(texts, (Texts{"a", "\u6307", "\u6307\u7532", "\u7532", "\u7532\u6cb9", "\u6cb9", "b"}));
  EXPECT_EQ(positions, (std::vector<int32_t>{10, 11, 11, 12, 12, 12, 13}));
}

TEST(TextReader, KeysAgree) {
  TextReader reader;
  EXPECT_EQ(reader.key("  Nail\t\tPolish! "), "nail polish");
  EXPECT_EQ(reader.key("\uff2e\uff21\uff29\uff2c \uff30olish"), "nail polish");
  EXPECT_EQ(reader.key("T-Shirt"), "t shirt");
  EXPECT_EQ(reader.key("Caf\u00e9"), "cafe");
  EXPECT_EQ(reader.key("\u6307\u7532\u3001\u6cb9"), "\u6307\u7532 \u6cb9");
  EXPECT_EQ(reader.key(" ...\u0301! "), "");
  EXPECT_EQ(reader.key("\xff\xfe"), "");
}

TEST(TextReader, LongWordsAreCutAtACharacter) {
  TextReader reader;
  std::string word;
  for (int i = 0; i < 50; ++i) word += "\u0436";
  const auto units = reader.units(word + "a " + std::string(300, 'x'));
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].text.size(), 64u);
  EXPECT_EQ(units[1].text, std::string(64, 'x'));
  EXPECT_EQ(valid_utf8(units[0].text), units[0].text);
}

TEST(ValidUtf8, ReplacesWhatIsNot) {
  EXPECT_EQ(valid_utf8("a\u00e9\u6307"), "a\u00e9\u6307");
  EXPECT_EQ(valid_utf8("a\xff\xe4z"), "a\ufffd\ufffdz");
}

TEST(ParseQuery, ReadsItsParts) {
  TextReader reader;
  WordForms forms("en", true);
  const ParsedQuery query = parse_query("Red -\"dark blue\" \"nail  Polish\" the t-shirts -old sho", reader, forms);
  Texts words;
  for (const QueryWord& word : query.words) words.push_back(word.text);
  EXPECT_EQ(words, (Texts{"red", "t", "shirts", "sho"}));
  EXPECT_EQ(query.words[2].stem, "shirt");
  EXPECT_TRUE(query.unfinished);
  ASSERT_EQ(query.phrases.size(), 1u);
  EXPECT_EQ(query.phrases[0].size(), 2u);
  ASSERT_EQ(query.excluded.size(), 2u);
  EXPECT_EQ(query.excluded[1][0].text, "old");
  EXPECT_FALSE(parse_query("shoes the", reader, forms).unfinished);
  EXPECT_EQ(parse_query("the", reader, forms).words.size(), 1u);
}

TEST(ParseQuery, ChineseWordsAndBridges) {
  TextReader reader;
  WordForms forms("zh", true);
  const ParsedQuery query = parse_query("\u7ea2\u8272\u7684\u8fd0\u52a8\u978b", reader, forms);
  ASSERT_GE(query.words.size(), 2u);
  EXPECT_EQ(query.words[0].text, "\u7ea2\u8272");
  for (const QueryWord& word : query.words) EXPECT_NE(word.text, "\u7684");
  EXPECT_EQ(query.bridges.size() + 1, 3u + (query.words.size() - 2));
}

TEST(ParseQuery, LongQueriesAreBounded) {
  TextReader reader;
  WordForms forms("none", false);
  std::string text;
  for (int i = 0; i < 500; ++i) text += "w" + std::to_string(i) + " ";
  EXPECT_EQ(parse_query(text, reader, forms).words.size(), 32u);
}

TEST(Synonyms, LongestFromTheLeft) {
  SynonymTable table;
  table.add({"a"}, {"x"});
  table.add({"a", "b"}, {"y"});
  table.add({"a", "b"}, {"y"});
  table.add({"b"}, {"b"});
  const auto found = table.find({"c", "a", "b", "b", "a"});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].begin, 1u);
  EXPECT_EQ(found[0].end, 3u);
  EXPECT_EQ(*found[0].alternatives, std::vector<Texts>{{"y"}});
  EXPECT_EQ(found[1].begin, 4u);
}

}  // namespace
}  // namespace tessera
