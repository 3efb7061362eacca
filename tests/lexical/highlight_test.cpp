#include "lexical/highlight.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "lexical/small_shop.h"

namespace tessera {
namespace {

using Tokens = std::vector<std::string>;

MatchedTerms words(Tokens list) {
  MatchedTerms terms;
  terms.words = std::move(list);
  return terms;
}

std::string snippet(std::string_view text, const MatchedTerms& terms, HighlightOptions options = {}) {
  options.pre = "[";
  options.post = "]";
  Highlighter highlighter({});
  const auto found = highlighter.highlight(text, terms, options);
  return found ? found->snippet : "none";
}

TEST(Highlight, MarksWordsStemsAndPrefixes) {
  MatchedTerms terms = words({"red"});
  terms.stems = {"polish"};
  terms.prefixes = {"remo"};
  EXPECT_EQ(snippet("Red, polishes & Remover (polished)", terms), "[Red], [polishes] &amp; [Remover] ([polished])");
  EXPECT_EQ(snippet("nothing here", terms), "none");
  EXPECT_EQ(snippet("", terms), "none");
}

TEST(Highlight, WidthAndMarksStayWhole) {
  EXPECT_EQ(snippet("Un Cafe\u0301 noir", words({"cafe"})), "Un [Cafe\u0301] noir");
  EXPECT_EQ(snippet("\uff33\uff28\uff2f\uff25!", words({"shoe"})), "[\uff33\uff28\uff2f\uff25]!");
  EXPECT_EQ(snippet("a \ufb01le", words({"file"})), "a [\ufb01le]");
}

TEST(Highlight, CjkRunsAndOverlaps) {
  MatchedTerms terms;
  terms.letters = {{"\u6307", "\u7532"}, {"\u7532", "\u6cb9"}};
  EXPECT_EQ(snippet("\u7ea2\u6307\u7532\u6cb9\u3002\u6307\u7532\u526a", terms),
            "\u7ea2[\u6307\u7532\u6cb9]\u3002[\u6307\u7532]\u526a");
  EXPECT_EQ(snippet("\u6307\u3001\u7532", terms), "none");  // not beside each other
  EXPECT_EQ(snippet("\u624b\u673a\u58f3", words({"\u673a\u58f3"})), "\u624b[\u673a\u58f3]");
  EXPECT_EQ(snippet("\u338f", words({"kg"})), "[\u338f]");  // one sign, two letters
}

TEST(Highlight, EscapesTheTextOnly) {
  EXPECT_EQ(snippet("<b>\"red\" & 'blue'</b>", words({"red"})),
            "&lt;b&gt;&quot;[red]&quot; &amp; &#39;blue&#39;&lt;/b&gt;");
  EXPECT_EQ(snippet("<red>", words({"red"}), {.escape_html = false}), "<[red]>");
  Highlighter highlighter({});
  const auto found = highlighter.highlight("<red>", words({"red"}));
  EXPECT_EQ(found->snippet, "&lt;<mark>red</mark>&gt;");
  EXPECT_EQ(found->matched_tokens, Tokens{"red"});
}

TEST(Highlight, TheWindowHoldsTheMostDifferentMatches) {
  std::string text = "red red red";
  for (int i = 0; i < 50; ++i) text += " w" + std::to_string(i);
  text += " red nail";
  for (int i = 0; i < 50; ++i) text += " v" + std::to_string(i);
  EXPECT_EQ(snippet(text, words({"red", "nail"}), {.window = 6}), "\u2026w48 w49 [red] [nail] v0 v1\u2026");
  EXPECT_EQ(snippet("a b c red", words({"red"}), {.window = 2}), "\u2026c [red]");
  EXPECT_EQ(snippet("red b c d", words({"red"}), {.window = 2}), "[red] b\u2026");
  EXPECT_EQ(snippet("a red c", words({"red"}), {.window = 1}), "\u2026[red]\u2026");
  test::expect_error(ErrorKind::data, "window", [] { snippet("a", words({"a"}), {.window = 0}); });
}

TEST(Highlight, TokensComeOnceAsTheyStand) {
  Highlighter highlighter({});
  MatchedTerms terms;
  terms.stems = {"shoe"};
  const auto found = highlighter.highlight("Shoes shoe Shoes & SHOE", terms);
  EXPECT_EQ(found->matched_tokens, (Tokens{"Shoes", "shoe", "SHOE"}));
}

TEST(Highlight, AnyBytesGiveValidTextAndLoseNothing) {
  Random random(3, "test.highlight");
  Highlighter highlighter({});
  const Tokens parts = {"red",     "Red ",     "\u6307", "\u7532", "\xff",
                        "e\u0301", " ",        "<",      "\u0301", "\U0001f469\u200d\U0001f4bb",
                        "\u338f",  "\xe6\x8c", "shoe",   "\uff21", "\n"};
  MatchedTerms terms = words({"red", "\u6307\u7532", "a"});
  terms.letters = {{"\u7532"}};
  terms.prefixes = {"sh"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint64_t p = random.below(16); p > 0; --p) text += parts[random.below(parts.size())];
    HighlightOptions options{.pre = "\x01", .post = "\x02", .window = 1000, .escape_html = false};
    const auto whole = highlighter.highlight(text, terms, options);
    if (!whole) continue;
    std::string unmarked;
    int open = 0;
    for (const char c : whole->snippet) {
      if (c == '\x01') ++open;
      if (c == '\x02') --open;
      ASSERT_TRUE(open == 0 || open == 1);
      if (c != '\x01' && c != '\x02') unmarked += c;
    }
    ASSERT_EQ(unmarked, valid_utf8(text));
    options.window = 1 + static_cast<int64_t>(random.below(4));
    const auto part = highlighter.highlight(text, terms, options);
    ASSERT_TRUE(part);
    ASSERT_EQ(valid_utf8(part->snippet), part->snippet);
    ASSERT_FALSE(part->matched_tokens.empty());
  }
}

TEST(Highlight, LongTextsAreLookedAtInTheirStart) {
  std::string text(70000, ' ');
  text += "red";
  EXPECT_EQ(snippet(text, words({"red"})), "none");
}

TEST(Highlight, MarksWhatASearchFound) {
  LexicalIndex index;
  const Catalogue shop = test::small_shop();
  index.apply_all(shop, 1);
  Highlighter highlighter(index.options());
  const auto marked = [&](const std::string& text) {
    const LexicalResult result = index.search({.text = text});
    Tokens out;
    for (const Highlight& h :
         highlighter.highlight(shop[result.hits.at(0).item], result.terms, {.pre = "[", .post = "]"})) {
      out.push_back(h.field + ": " + h.snippet);
    }
    return out;
  };
  EXPECT_EQ(marked("wirless headph"),
            (Tokens{"title: [Wireless] [Headphones]", "description: Noise cancelling [headphones]."}));
  EXPECT_EQ(marked("red lumo "), (Tokens{"title: [Red] Nail Polish", "brand: [Lumo]", "attributes: [red]"}));
  EXPECT_EQ(marked("\"nail polish\" red "), (Tokens{"title: [Red] [Nail] [Polish]", "attributes: [red]"}));
  index.set_synonyms({{"sneakers", {"running shoes"}}});
  EXPECT_EQ(marked("sneakers ").front(), "title: [Running] [Shoes]");
}

}  // namespace
}  // namespace tessera
