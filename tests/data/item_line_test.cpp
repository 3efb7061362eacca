// item_from_line says what item_from_json says, of lines of every form.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/item_json.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

/// What a reader makes of a line: the item written again, or its error.
template <class Read>
std::string told(const Read& read) {
  std::string text;
  const auto [kind, message] = test::error_of([&] { text = item_to_json(read()); });
  return text.empty() ? "error: " + message : text;
}

std::string by_schema(const std::string& line) {
  return told([&] { return item_from_json(parse_object(line)); });
}
std::string by_line(const std::string& line) {
  return told([&] { return item_from_line(line); });
}

const char* const kFull =
    R"({"id":"B01","title":"Nagellack \u00e4 \"x\"","description":"a\nb","brand":"OPI","categories":[["Beauty","Nails"],["Gifts"]],)"
    R"("price":9.99,"attributes":{"colour":"red","size":"1 ml"},"available":false,"created_at":"2026-03-01T00:00:00Z","image":"images/B01.png"})";

TEST(ItemLine, EveryFieldIsRead) {
  const Item item = item_from_line(kFull);
  EXPECT_EQ(item.id, "B01");
  EXPECT_EQ(item.title, "Nagellack \xC3\xA4 \"x\"");
  EXPECT_EQ(item.description, "a\nb");
  EXPECT_EQ(item.brand, "OPI");
  EXPECT_EQ(item.categories, (std::vector<std::vector<std::string>>{{"Beauty", "Nails"}, {"Gifts"}}));
  EXPECT_EQ(item.price, 9.99);
  EXPECT_EQ(item.attributes, (std::map<std::string, std::string>{{"colour", "red"}, {"size", "1 ml"}}));
  EXPECT_FALSE(item.available);
  EXPECT_EQ(item.created_at, 1772323200);
  EXPECT_EQ(item.image, "images/B01.png");
}

TEST(ItemLine, IsWhatTheSchemaSays) {
  const char* const lines[] = {
      kFull,
      R"({"id":"a"})",
      R"({"id":7})",
      R"({"id":""})",
      R"({"id":null})",
      R"({"title":"x"})",
      "{}",
      "",
      "[]",
      "{",
      "7",
      R"({"id":"a","id":"b"})",
      R"({"id":"a","title":"x","title":null})",
      R"({"id":"a","title":5})",
      R"({"id":"a","price":5})",
      R"({"id":"a","price":-5})",
      R"({"id":"a","price":-0.0})",
      R"({"id":"a","price":1e400})",
      R"({"id":"a","price":"5"})",
      R"({"id":"a","price":123456789012345678901234567890})",
      R"({"id":"a","price":0.1e1})",
      R"({"id":"a","categories":[]})",
      R"({"id":"a","categories":["x","y"]})",
      R"({"id":"a","categories":[[]]})",
      R"({"id":"a","categories":[["x"],[]]})",
      R"({"id":"a","categories":[["x"],"y"]})",
      R"({"id":"a","categories":"x"})",
      R"({"id":"a","categories":[["x",null]]})",
      R"({"id":"a","attributes":{"k":1,"l":2.50,"m":true,"n":["a",1],"o":null}})",
      R"({"id":"a","attributes":{"k":"x","k":"y"}})",
      R"({"id":"a","attributes":{"k":{}}})",
      R"({"id":"a","attributes":[]})",
      R"({"id":"a","available":true})",
      R"({"id":"a","available":1})",
      R"({"id":"a","created_at":1772323200})",
      R"({"id":"a","created_at":"yesterday"})",
      R"({"id":"a","created_at":"1970-01-01T00:00:00Z"})",
      R"({"id":"a","image":"../x.png"})",
      R"({"id":"a","image":"/x.png"})",
      R"({"id":"a","image":"a..b.png"})",
      R"({"id":"a","image":""})",
      R"({"id":"a","other":{"deep":[1,2,{"x":[]}]}})",
      R"({"id":"a"} x)",
      R"({"id":"a"}{"id":"b"})",
      R"(  { "id" : "a" }  )",
      "\xEF\xBB\xBF{\"id\":\"a\"}",
      R"({"\u0069d":"a"})",
      R"({"id":"a","title":"\ud83d\ude00"})",
      R"({"id":"a","title":"\ud83d"})",
      R"({"id":"a","title":"\uDE00"})",
      R"({"id":"a","title":"\u0000x"})",
      "{\"id\":\"a\",\"title\":\"\xFF\"}",
      "{\"id\":\"a\",\"title\":\"a\tb\"}",
      R"({"id":"a","title":"\x"})",
      R"({"id":"a",})",
      R"({'id':'a'})",
      R"({"id":"a","price":NaN})",
      R"({"id":"a","price":01})",
  };
  for (const char* const line : lines) EXPECT_EQ(by_line(line), by_schema(line)) << line;
  std::string deep = R"({"id":"a","other":)" + std::string(2000, '[') + std::string(2000, ']') + "}";
  EXPECT_EQ(by_line(deep), by_schema(deep));
}

TEST(ItemLine, DamagedLinesAreToldAlike) {
  const std::string full = kFull;
  for (size_t at = 0; at < full.size(); ++at) {
    EXPECT_EQ(by_line(full.substr(0, at)), by_schema(full.substr(0, at)));
    for (const char put : {'"', '\\', '{', ']', ',', '0', '\x80', '\0'}) {
      std::string line = full;
      line[at] = put;
      EXPECT_EQ(by_line(line), by_schema(line)) << line;
    }
  }
}

}  // namespace
}  // namespace tessera
