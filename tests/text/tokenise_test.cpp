#include "text/tokenise.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

#if TESSERA_WITH_ICU

using Tokens = std::vector<std::string>;

TEST(Tokenise, WordsAndNumbers) {
  EXPECT_EQ(tokenise("The Quick-Brown fox, isn't it? 3.5mm & 1,000"),
            (Tokens{"the", "quick", "brown", "fox", "isn't", "it", "3.5mm", "1,000"}));
  EXPECT_EQ(tokenise("don\u2019t"), Tokens{"don't"});
  EXPECT_EQ(tokenise("\u041f\u0440\u0438\u0432\u0435\u0442, \u039a\u03cc\u03c3\u03bc\u03b5"),
            (Tokens{"\u043f\u0440\u0438\u0432\u0435\u0442", "\u03ba\u03cc\u03c3\u03bc\u03b5"}));
  EXPECT_EQ(tokenise(""), Tokens{});
  EXPECT_EQ(tokenise(" ... \u2014 !\n"), Tokens{});
  EXPECT_EQ(tokenise("\U0001f600"), Tokens{});
}

TEST(Tokenise, LettersWithoutSpacesComeInPairs) {
  EXPECT_EQ(tokenise("\u6771\u4eac\u90fd"), (Tokens{"\u6771\u4eac", "\u4eac\u90fd"}));
  EXPECT_EQ(tokenise("\u72ac"), Tokens{"\u72ac"});
  EXPECT_EQ(tokenise("\u72ac\u3001\u732b"), (Tokens{"\u72ac", "\u732b"}));
  EXPECT_EQ(tokenise("iPhone15\u30d7\u30ed Max"), (Tokens{"iphone15", "\u30d7\u30ed", "max"}));
  EXPECT_EQ(tokenise("\u30e9\u30fc\u30e1\u30f3"), (Tokens{"\u30e9\u30fc", "\u30fc\u30e1", "\u30e1\u30f3"}));
  EXPECT_EQ(tokenise("\ud55c\uad6d\uc5b4 \ucc45"), (Tokens{"\ud55c\uad6d", "\uad6d\uc5b4", "\ucc45"}));
  EXPECT_EQ(tokenise("\U00020000\U00020001\u4eac"), (Tokens{"\U00020000\U00020001", "\U00020001\u4eac"}));
}

TEST(Tokenise, OptionsReachTheText) {
  Tokeniser tokeniser({.fold_case = false, .strip_accents = true});
  EXPECT_EQ(tokeniser.tokenise("Caf\u00e9 Noir"), (Tokens{"Cafe", "Noir"}));
  Tokeniser moved(std::move(tokeniser));
  EXPECT_EQ(moved.tokenise("\u00c9t\u00e9"), Tokens{"Ete"});
}

TEST(Tokenise, AnyBytesGiveValidTokens) {
  Random random(1, "bytes");
  Tokeniser tokeniser;
  for (int round = 0; round < 2000; ++round) {
    std::string text(random.below(60), '\0');
    for (char& c : text) c = static_cast<char>(random.chance(0.5) ? random.next_u32() : 0xE0 + random.below(16));
    for (const std::string& token : tokeniser.tokenise(text)) {
      EXPECT_FALSE(token.empty());
      EXPECT_EQ(normalise(token, {.fold_case = false}).find('\0'), std::string::npos);
    }
  }
}

#else

TEST(Tokenise, WithoutIcuTakesPlainWords) {
  EXPECT_EQ(tokenise("A Soft-Brush"), (std::vector<std::string>{"a", "soft", "brush"}));
}

#endif

}  // namespace
}  // namespace tessera
