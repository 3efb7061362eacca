#include "text/plain.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace tessera {
namespace {

using Words = std::vector<std::string>;

TEST(PlainText, WordsAndNumbers) {
  const auto words = [](std::string_view text) { return plain::words(plain::normalise(text, true)); };
  EXPECT_EQ(words("The Quick-Brown fox, isn't it? 3.5mm & 1,000"),
            (Words{"the", "quick", "brown", "fox", "isn't", "it", "3.5mm", "1,000"}));
  EXPECT_EQ(words("caf\u00e9 noir"), (Words{"caf\u00e9", "noir"}));
  EXPECT_EQ(words("brush\u2014set \u2122 4\u00d7"), (Words{"brush", "set", "4\u00d7"}));
  EXPECT_EQ(words("end. Start,"), (Words{"end", "start"}));
  EXPECT_EQ(words(" ... !\n"), Words{});
  EXPECT_EQ(words("\u72ac\u3001\u732b"), (Words{"\u72ac", "\u732b"}));
}

TEST(PlainText, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(plain::normalise("a\xff"
                             "B",
                             true),
            "a\uFFFDb");
  EXPECT_EQ(plain::normalise("\xed\xa0\x80", true), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(plain::normalise("\xe2\x82", true), "\uFFFD\uFFFD");            // cut off
  EXPECT_EQ(plain::normalise("AB", false), "AB");
}

TEST(PlainText, AnyBytesAreRead) {
  Random random(3, "plain");
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint64_t n = random.below(40); n > 0; --n) bytes += static_cast<char>(random.below(256));
    const std::string once = plain::normalise(bytes, true);
    EXPECT_EQ(plain::normalise(once, true), once);
    for (const std::string& word : plain::words(once)) EXPECT_FALSE(word.empty());
  }
}

}  // namespace
}  // namespace tessera
