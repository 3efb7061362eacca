#include "semid/assign.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

/// Codebooks on a grid: level 0 has the tens, level 1 the ones.
SemanticIds grid_ids(bool collisions) {
  SemanticIds ids;
  ids.level_sizes = {10, 10};
  ids.codebooks = {Matrix(10, 1), Matrix(10, 1)};
  for (int64_t c = 0; c < 10; ++c) {
    ids.codebooks[0].row(c)[0] = static_cast<float>(10 * c);
    ids.codebooks[1].row(c)[0] = static_cast<float>(c) - 4.5f;
  }
  for (int32_t value = 0; value < 30; ++value) {
    ids.codes.push_back(value / 10);
    ids.codes.push_back(value % 10);
  }
  if (collisions) append_collision_level(ids);
  return ids;
}

TEST(CodeAssigner, TakesTheNearestCodes) {
  CodeAssigner assigner(grid_ids(false));
  std::vector<int32_t> codes(2);
  const std::vector<float> vector = {42.4f};
  EXPECT_TRUE(assigner.assign(vector, codes));
  EXPECT_EQ(codes, (std::vector<int32_t>{4, 7}));  // 40, then 2.4 is nearest to 2.5
}

TEST(CodeAssigner, GivesEveryItemAFreePlaceWhileThereIsOne) {
  SemanticIds ids = grid_ids(true);
  ids.level_sizes[2] = 3;  // three items a bucket
  CodeAssigner assigner(ids);
  std::set<std::vector<int32_t>> all;
  for (int32_t i = 0; i < ids.num_items(); ++i) all.insert({ids.of(ItemId{i}).begin(), ids.of(ItemId{i}).end()});
  const std::vector<float> vector = {5.0f};
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<int32_t> codes(3);
    ASSERT_TRUE(assigner.assign(vector, codes));
    EXPECT_TRUE(all.insert(codes).second) << "a place was given twice";
    EXPECT_LT(codes[2], 3);
  }
}

TEST(CodeAssigner, APlaceGivenBackIsTheNextOneTaken) {
  CodeAssigner assigner(grid_ids(true));
  std::vector<int32_t> first(3), second(3);
  const std::vector<float> vector = {99.0f};
  ASSERT_TRUE(assigner.assign(vector, first));
  assigner.release(first);
  ASSERT_TRUE(assigner.assign(vector, second));
  EXPECT_EQ(first, second);
}

TEST(CodeAssigner, TakesAPlaceByItsCodesIfItIsFree) {
  CodeAssigner assigner(grid_ids(true));
  std::vector<int32_t> codes(3), other(3);
  const std::vector<float> vector = {99.0f};
  ASSERT_TRUE(assigner.assign(vector, codes));
  EXPECT_FALSE(assigner.take(codes));
  assigner.release(codes);
  EXPECT_TRUE(assigner.take(codes));
  ASSERT_TRUE(assigner.assign(vector, other));
  EXPECT_NE(codes, other);
  for (const auto& bad : {std::vector<int32_t>{9, 9}, {9, 9, -1}, {10, 0, 0}, {0, 0, 1000}})
    EXPECT_FALSE(assigner.take(bad));
  CodeAssigner shared(grid_ids(false));  // without a level for collisions nothing is ever taken
  EXPECT_TRUE(shared.take(std::vector<int32_t>{0, 0}));
}

TEST(CodeAssigner, SaysWhenAllPlacesNearbyAreTaken) {
  CodeAssigner assigner(grid_ids(true));  // one item a bucket
  std::vector<int32_t> codes(3);
  const std::vector<float> vector = {50.0f};
  int given = 0;
  while (assigner.assign(vector, codes, 4) && given < 100) ++given;
  EXPECT_GE(given, 4);
  EXPECT_LT(given, 100);
  EXPECT_EQ(codes[2], 0);
}

TEST(CodeAssigner, RefusesIdsWithoutCodebooksAndOtherSizes) {
  SemanticIds bare = grid_ids(false);
  bare.codebooks.clear();
  EXPECT_THROW(CodeAssigner{bare}, Error);
  CodeAssigner assigner(grid_ids(false));
  std::vector<int32_t> codes(2);
  EXPECT_THROW(assigner.assign(std::vector<float>{1, 2}, codes), Error);
}

}  // namespace
}  // namespace tessera
