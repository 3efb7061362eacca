#include "live/project.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "live/shop.h"

namespace tessera::live {
namespace {

Item example() {
  return item_from_json(nlohmann::json::parse(
      R"({"id":"B01","title":"Polish","brand":"Essie","categories":[["Beauty","Nails"]],"price":9.5,
          "attributes":{"colour":"red","size":"M"},"available":false,"created_at":"2026-03-01T00:00:00Z"})"));
}

std::string shown(std::string_view include, std::string_view exclude) {
  return Projection::parse(include, exclude).project(example()).dump();
}

TEST(Project, ShowsWhatIsIncludedAndNotExcluded) {
  EXPECT_EQ(shown("", ""), item_to_json(example()));
  EXPECT_EQ(shown("price, id", ""), R"({"id":"B01","price":9.5})");
  EXPECT_EQ(shown("id,attributes.colour", ""), R"({"id":"B01","attributes":{"colour":"red"}})");
  EXPECT_EQ(shown("attributes", "attributes.size"), R"({"attributes":{"colour":"red"}})");
  EXPECT_EQ(shown("", "attributes,categories,created_at,title"),
            R"({"id":"B01","brand":"Essie","price":9.5,"available":false})");
  EXPECT_EQ(shown("category,in_stock", ""), R"({"categories":[["Beauty","Nails"]],"available":false})");
  EXPECT_EQ(shown("attr*", "attributes.c*"), R"({"attributes":{"size":"M"}})");
  EXPECT_EQ(shown("attributes.s*,nothing", ""), R"({"attributes":{"size":"M"}})");
  EXPECT_EQ(shown("nothing", ""), "{}");
  EXPECT_EQ(shown("*", "*"), "{}");
  EXPECT_THROW(shown("id,,price", ""), Error);
  EXPECT_THROW(shown("", "id,"), Error);
}

TEST(MergePatch, ReplacesRemovesAndMerges) {
  const auto patched = [](const char* patch) { return merge_patch(example(), nlohmann::json::parse(patch)); };
  EXPECT_EQ(item_to_json(patched("{}")), item_to_json(example()));
  EXPECT_EQ(patched(R"({"price":4})").price, 4);
  EXPECT_TRUE(std::isnan(patched(R"({"price":null})").price));
  EXPECT_TRUE(patched(R"({"available":null})").available);
  EXPECT_EQ(patched(R"({"attributes":{"colour":null,"fit":"slim"}})").attributes,
            (std::map<std::string, std::string>{{"fit", "slim"}, {"size", "M"}}));
  EXPECT_TRUE(patched(R"({"attributes":null})").attributes.empty());
  EXPECT_EQ(patched(R"({"categories":["Shoes"]})").categories, (std::vector<std::vector<std::string>>{{"Shoes"}}));
  EXPECT_EQ(patched(R"({"id":"B01"})").id, "B01");
  for (const char* bad : {R"({"id":"B02"})", R"({"id":null})", R"({"price":-1})", R"({"price":"4"})", R"({"pric":4})",
                          "[]", "4", R"({"attributes":"x"})", R"({"created_at":"soon"})"}) {
    EXPECT_THROW(patched(bad), Error) << bad;
  }
}

TEST(MergePatch, AnEmptyPatchKeepsRandomItems) {
  Random random(4, "test.patch");
  for (int n = 0; n < 300; ++n) {
    const Item item = random_item("x", random);
    EXPECT_EQ(item_to_json(merge_patch(item, nlohmann::json::object())), item_to_json(item));
  }
}

}  // namespace
}  // namespace tessera::live
