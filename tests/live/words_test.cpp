#include "live/words.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "text/normalise.h"
#include "text/tokenise.h"

namespace tessera::live {
namespace {

TEST(Words, TheShortRoadForAsciiEqualsTheLongOne) {
  Random random(6, "test.words");
  const std::string signs = "abzAZ019 .,;:'\"_-+/()&#@!?%$<>[]{}|\\^`~*=\t\n\r\v\f\x01\x7f";
  for (int n = 0; n < 30000; ++n) {
    std::string text;
    for (uint64_t k = random.below(12); k > 0; --k) text += signs[random.below(signs.size())];
    if (random.chance(0.1)) text += "é’ﬁ　";
    const std::string folded = fold(text);
    ASSERT_EQ(words_of_folded(folded), tokenise(text)) << '[' << text << ']';
    ASSERT_EQ(fold(folded), folded);
    ASSERT_EQ(folded, trimmed(normalise(trimmed(text))));
  }
}

TEST(Words, NumbersAreAllOfTheText) {
  EXPECT_EQ(parse_number("10"), 10);
  EXPECT_EQ(parse_number("-1.5e2"), -150);
  EXPECT_EQ(parse_number("+.5"), 0.5);
  for (const char* bad : {"", "+", "+-1", "1 ", " 1", "1cm", "inf", "nan", "1e999", "0x10", "--1", "."}) {
    EXPECT_TRUE(std::isnan(parse_number(bad))) << bad;
  }
}

}  // namespace
}  // namespace tessera::live
