#include "http/url.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace tessera {
namespace {

std::string random_text(Random& random, size_t max_size) {
  std::string text(random.below(max_size + 1), '\0');
  for (char& c : text) c = static_cast<char>(random.chance(0.5) ? random.below(256) : "%&=+?/tsk_41"[random.below(12)]);
  return text;
}

TEST(Url, EncodesAndDecodes) {
  EXPECT_EQ(percent_decode("a%2Fb%20c+d"), "a/b c+d");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%4g"), std::nullopt);
  EXPECT_EQ(percent_encode("a/b ü~"), "a%2Fb%20%C3%BC~");
  Random random(1, "url");
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_text(random, 40);
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
    percent_decode(text);
    mask_target(text);
    split_target(text);
  }
}

TEST(Url, KnowsUtf8) {
  for (const char* good : {"", "a", "ü", "€", "😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) EXPECT_TRUE(is_utf8(good));
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xFF", "a\xC3(", "\xF0\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(Url, ParsesQueries) {
  const HttpParameters query = parse_query("q=red+shoes&q=2&empty=&flag&&%C3%BC=%26");
  ASSERT_EQ(query.all().size(), 5u);
  EXPECT_EQ(query.get("q"), "red shoes");
  EXPECT_EQ(query.find("empty"), "");
  EXPECT_EQ(query.find("flag"), "");
  EXPECT_EQ(query.find("none"), std::nullopt);
  EXPECT_EQ(query.get("ü"), "&");
  for (const char* bad : {"a=%f", "a=%FF", "%zz=1", "a=%00"}) EXPECT_THROW(parse_query(bad), ProblemError) << bad;
  EXPECT_EQ(parse_query("a&b&c", 3).all().size(), 3u);
  EXPECT_THROW(parse_query("a&b&c&d", 3), ProblemError);
}

TEST(Url, SplitsTargets) {
  EXPECT_EQ(split_target("/a?b=c")->path, "/a");
  EXPECT_EQ(split_target("/a?b=c?d")->query, "b=c?d");
  EXPECT_EQ(split_target("http://host:80/a?b")->path, "/a");
  EXPECT_EQ(split_target("*")->path, "*");
  for (const char* bad : {"", "a", "http://host", "ftp://host/a", "http:/a", "/a#b", "javascript://x/y"}) {
    EXPECT_FALSE(split_target(bad)) << bad;
  }
}

TEST(Url, MasksSecrets) {
  EXPECT_EQ(mask_target("/a?q=x&x-typesense-api-key=abc&page=2"), "/a?q=x&x-typesense-api-key=***&page=2");
  EXPECT_EQ(mask_target("/a?X%2DTYPESENSE-API%2dKEY=abc"), "/a?X%2DTYPESENSE-API%2dKEY=***");
  EXPECT_EQ(mask_target("/a?access_token=abc&Password=1"), "/a?access_token=***&Password=***");
  EXPECT_EQ(mask_target("/v1/keys/tsk_AbC-1_2/x?q=tsk_zzz"), "/v1/keys/tsk_***/x?q=tsk_***");
  EXPECT_EQ(mask_target("/a\n\x01?b"), "/a\?\?\?b");
  EXPECT_EQ(mask_keys("agent tsk_abcDEF end"), "agent tsk_*** end");
}

}  // namespace
}  // namespace tessera
