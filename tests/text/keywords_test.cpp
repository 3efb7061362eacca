#include "text/keywords.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

using Matches = std::vector<KeywordMatch>;
using Words = std::vector<std::string>;

bool ends_first_then_longest(const KeywordMatch& a, const KeywordMatch& b) {
  return std::tie(a.end, a.begin, a.keyword) < std::tie(b.end, b.begin, b.keyword);
}

/// Every keyword tried at every place.
Matches naive_all(const Words& words, std::string_view text) {
  Matches matches;
  for (size_t at = 0; at < text.size(); ++at) {
    for (size_t w = 0; w < words.size(); ++w) {
      if (text.substr(at).starts_with(words[w])) matches.push_back({static_cast<int32_t>(w), at, at + words[w].size()});
    }
  }
  std::sort(matches.begin(), matches.end(), ends_first_then_longest);
  return matches;
}

/// At every place the longest keyword, then on behind it.
Matches naive_longest(const Words& words, std::string_view text) {
  Matches matches;
  for (size_t at = 0; at < text.size();) {
    KeywordMatch best;
    for (size_t w = 0; w < words.size(); ++w) {
      const size_t end = at + words[w].size();
      if (text.substr(at).starts_with(words[w]) && end > best.end) best = {static_cast<int32_t>(w), at, end};
    }
    if (best.end > 0) matches.push_back(best);
    at = best.end > 0 ? best.end : at + 1;
  }
  return matches;
}

TEST(Keywords, TheTextbookExample) {
  const Words words{"he", "she", "his", "hers"};
  const KeywordAutomaton automaton(words);
  EXPECT_EQ(automaton.find_all("ushers"), (Matches{{1, 1, 4}, {0, 2, 4}, {3, 2, 6}}));
  EXPECT_EQ(automaton.find_longest("ushers his"), (Matches{{1, 1, 4}, {2, 7, 10}}));
  EXPECT_TRUE(automaton.find_all("").empty());
  EXPECT_TRUE(automaton.find_longest("").empty());
}

TEST(Keywords, EqualKeywordsAndNone) {
  const Words words{"a", "b", "a"};
  const KeywordAutomaton automaton(words);
  EXPECT_EQ(automaton.find_all("a"), (Matches{{0, 0, 1}, {2, 0, 1}}));
  EXPECT_EQ(automaton.find_longest("ab"), (Matches{{0, 0, 1}, {1, 1, 2}}));
  const KeywordAutomaton none{Words{}};
  EXPECT_TRUE(none.find_all("abc").empty());
  EXPECT_TRUE(none.find_longest("abc").empty());
}

TEST(Keywords, AnEmptyKeywordIsRefused) {
  const Words words{"a", ""};
  try {
    KeywordAutomaton automaton(words);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_STREQ(error.what(), "keyword 1 is empty");
  }
}

TEST(Keywords, ALongMatchThatFailsGivesTheShortOnesInside) {
  const KeywordAutomaton automaton(Words{"ab", "abcabcx", "ca", "c"});
  EXPECT_EQ(automaton.find_longest("abcabcy"), naive_longest({"ab", "abcabcx", "ca", "c"}, "abcabcy"));
}

TEST(Keywords, AgreesWithNaiveSearchOnRandomText) {
  Random random(1, "keywords");
  for (int round = 0; round < 3000; ++round) {
    const uint64_t letters = 1 + random.below(4);
    const auto random_text = [&](uint64_t longest) {
      std::string text(random.below(longest + 1), '\0');
      for (char& c : text) c = static_cast<char>(0xFE + random.below(letters));  // wraps over 0
      return text;
    };
    Words words;
    for (uint64_t w = random.below(12); w > 0; --w) {
      words.push_back(random_text(6));
      if (words.back().empty()) words.pop_back();
    }
    const KeywordAutomaton automaton(words);
    const std::string text = random_text(40);
    ASSERT_EQ(automaton.find_all(text), naive_all(words, text)) << "round " << round;
    ASSERT_EQ(automaton.find_longest(text), naive_longest(words, text)) << "round " << round;
  }
}

}  // namespace
}  // namespace tessera
