// The tree over items: its nodes, and dealing items anew.

#include "methods/item_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

ItemTree shuffled_tree(int64_t num_items) {
  std::vector<ItemId> leaves;
  for (int32_t i = 0; i < num_items; ++i) leaves.push_back(ItemId{i});
  Random(7, "tests.leaves").shuffle(std::span(leaves));
  return ItemTree(leaves);
}

TEST(ItemTree, ANodeHoldsWhatItsChildrenHold) {
  for (const int64_t num_items : {1, 2, 3, 8, 13, 60}) {
    const ItemTree tree = shuffled_tree(num_items);
    EXPECT_GE(int64_t{1} << tree.depth(), num_items);
    for (int64_t level = 0; level <= tree.depth(); ++level) {
      const int64_t nodes = int64_t{1} << level;
      EXPECT_EQ(tree.begin(level, 0), 0);
      EXPECT_EQ(tree.end(level, nodes - 1), num_items);
      for (int64_t v = 0; v < nodes; ++v) {
        const int64_t size = tree.end(level, v) - tree.begin(level, v);
        EXPECT_LE(std::abs(static_cast<double>(size) - static_cast<double>(num_items) / static_cast<double>(nodes)), 1);
        for (int64_t n = tree.begin(level, v); n < tree.end(level, v); ++n)
          EXPECT_EQ(tree.node_of(tree.leaves()[static_cast<size_t>(n)], level), v);
        if (level == tree.depth()) continue;
        EXPECT_EQ(tree.begin(level, v), tree.begin(level + 1, 2 * v));
        EXPECT_EQ(tree.end(level, v), tree.end(level + 1, 2 * v + 1));
      }
    }
  }
}

TEST(ItemTree, DealtItemsStayBelowTheirNodeAndNoneIsLost) {
  const ItemTree tree = shuffled_tree(60);
  Matrix liking(60, 4);
  Random random(8, "tests.liking");
  for (float& value : liking.values) value = static_cast<float>(random.normal());
  for (const int64_t level : {0, 2, 4}) {
    const ItemTree dealt = tree.dealt(level, 2, liking);  // its constructor refuses a leaf that is missing or twice
    for (const ItemId item : tree.leaves()) EXPECT_EQ(dealt.node_of(item, level), tree.node_of(item, level));
  }
}

TEST(ItemTree, ItemsGoWhereTheyGainMost) {
  const ItemTree tree = shuffled_tree(8);
  Matrix liking(8, 2);
  for (int32_t i = 0; i < 8; ++i) liking.row(i)[static_cast<size_t>(i % 2)] = 1;
  const ItemTree dealt = tree.dealt(0, 1, liking);
  for (int32_t i = 0; i < 8; ++i) EXPECT_EQ(dealt.node_of(ItemId{i}, 1), i % 2);

  // All want the left half; the four that want it most get it, however large their numbers are.
  for (int32_t i = 0; i < 8; ++i)
    liking.row(i)[0] = static_cast<float>(-100 * i), liking.row(i)[1] = liking.row(i)[0] - static_cast<float>(8 - i);
  const ItemTree crowded = tree.dealt(0, 1, liking);
  for (int32_t i = 0; i < 8; ++i) EXPECT_EQ(crowded.node_of(ItemId{i}, 1), i < 4 ? 0 : 1);
}

TEST(ItemTree, TwoMeansPutLikeVectorsSideBySide) {
  Matrix vectors(40, 3);
  Random random(9, "tests.vectors");
  for (int64_t i = 0; i < 40; ++i) {
    for (float& value : vectors.row(i)) value = static_cast<float>(0.1 * random.normal());
    vectors.row(i)[0] += i % 2 == 0 ? 5.0f : -5.0f;
  }
  const ItemTree tree(two_means_order(vectors, 1));
  for (int32_t i = 0; i < 40; ++i) EXPECT_EQ(tree.node_of(ItemId{i}, 1), tree.node_of(ItemId{i % 2}, 1));
  EXPECT_EQ(two_means_order(vectors, 1), two_means_order(vectors, 1));
}

TEST(ItemTree, LeavesThatAreNotTheItemsAreRefused) {
  EXPECT_THROW(ItemTree(std::vector<ItemId>{}), Error);
  EXPECT_THROW(ItemTree({ItemId{0}, ItemId{0}}), Error);
  EXPECT_THROW(ItemTree({ItemId{0}, ItemId{2}}), Error);
}

}  // namespace
}  // namespace tessera
