#include "methods/content_index.h"

#include <gtest/gtest.h>

#include <string>

namespace tessera {
namespace {

/// Lamps and chairs in three colours.
Catalogue furniture() {
  Catalogue items;
  for (int i = 0; i < 60; ++i) {
    Item item;
    item.id = std::to_string(i);
    item.title = std::string(i % 2 == 0 ? "reading lamp" : "garden chair") + " model " + std::to_string(i / 6);
    item.brand = i % 2 == 0 ? "Lumen" : "Sitwell";
    item.attributes["colour"] = i % 3 == 0 ? "red" : i % 3 == 1 ? "blue" : "green";
    items.add(std::move(item));
  }
  return items;
}

Item new_lamp() {
  Item item;
  item.id = "new";
  item.title = "bright reading lamp";
  item.brand = "Lumen";
  item.attributes["colour"] = "red";
  return item;
}

TEST(ContentIndex, FindsWhatResembles) {
  const ContentIndex index(furniture());
  const auto found = index.nearest(new_lamp(), 5);
  ASSERT_EQ(found.size(), 5u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(tessera::index(found[i].first) % 6, 0) << "a red lamp";
    EXPECT_GT(found[i].second, 0.5f);
    EXPECT_LE(found[i].second, 1.0001f);
    EXPECT_LE(found[i].second, found[i - std::min<size_t>(i, 1)].second);
  }
}

TEST(ContentIndex, AnItemIsNearestToItselfUnlessLeftOut) {
  const Catalogue items = furniture();
  const ContentIndex index(items);
  const auto with = index.nearest(items[ItemId{7}], 1);
  EXPECT_NEAR(with.at(0).second, 1.0f, 1e-4);
  for (const auto& [item, similarity] : index.nearest(items[ItemId{7}], 60, ItemId{7})) EXPECT_NE(item, ItemId{7});
}

TEST(ContentIndex, ANewItemsVectorIsThatOfItsNeighbours) {
  const Catalogue items = furniture();
  const ContentIndex index(items);
  Matrix vectors(60, 2);
  for (int64_t i = 0; i < 60; ++i) vectors.row(i)[i % 2] = 1.0f;
  const std::vector<float> lamp = vector_by_content(index, vectors, new_lamp());
  EXPECT_GT(lamp[0], 0.9f);
  EXPECT_LT(lamp[1], 0.1f);
  Item alien;
  alien.title = "zzz";
  const std::vector<float> mean = vector_by_content(index, vectors, alien);
  EXPECT_NEAR(mean[0], 0.5f, 1e-5);
  EXPECT_NEAR(mean[1], 0.5f, 1e-5);
}

}  // namespace
}  // namespace tessera
