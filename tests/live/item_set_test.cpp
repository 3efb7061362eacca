#include "live/item_set.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/random.h"
#include "semid/item_filter.h"
#include "semid/trie.h"

namespace tessera::live {
namespace {

ItemSet random_set(Random& random, int64_t slots, std::set<int32_t>& model) {
  ItemSet set(slots);
  for (int32_t i = 0; i < slots; ++i) {
    if (!random.chance(0.4)) continue;
    set.add(ItemId{i});
    model.insert(i);
  }
  return set;
}

TEST(ItemSet, EqualsASetOfNumbers) {
  Random random(2, "test.item_set");
  for (int n = 0; n < 200; ++n) {
    const auto slots_a = static_cast<int64_t>(random.below(200)), slots_b = static_cast<int64_t>(random.below(200));
    std::set<int32_t> a, b;
    const ItemSet set_a = random_set(random, slots_a, a), set_b = random_set(random, slots_b, b);
    const ItemSet both = set_a & set_b, either = set_a | set_b, rest = set_a - set_b, none = ~set_a;
    for (int32_t i = -1; i < 210; ++i) {
      ASSERT_EQ(set_a.contains(ItemId{i}), a.contains(i));
      ASSERT_EQ(both.contains(ItemId{i}), a.contains(i) && b.contains(i));
      ASSERT_EQ(either.contains(ItemId{i}), a.contains(i) || b.contains(i));
      ASSERT_EQ(rest.contains(ItemId{i}), a.contains(i) && !b.contains(i));
      ASSERT_EQ(none.contains(ItemId{i}), i >= 0 && i < slots_a && !a.contains(i));
    }
    ASSERT_EQ(set_a.count(), static_cast<int64_t>(a.size()));
    ASSERT_EQ(set_a.empty(), a.empty());
    ASSERT_EQ(both.slots(), std::max(slots_a, slots_b));
    std::vector<ItemId> below;
    for (const int32_t i : a) {
      if (i < 100) below.push_back(ItemId{i});
    }
    ASSERT_EQ(set_a.items(100), below);
    ASSERT_EQ(ItemSet::of(set_a.items(), slots_a), set_a);
  }
}

TEST(ItemSet, BecomesTheFilterOfATrieThatKnowsFewerItems) {
  SemanticIds ids;
  ids.level_sizes = {4, 4};
  for (int i = 0; i < 20; ++i) ids.codes.push_back(i * 7 % 4);
  const Trie trie(ids);  // ten items; the catalogue has got more since
  const ItemSet set = ItemSet::of(std::vector<ItemId>{ItemId{3}, ItemId{9}, ItemId{10}, ItemId{40}}, 50);
  const ItemFilter filter = ItemFilter::allow(trie, set.items(trie.num_items()));
  EXPECT_EQ(filter.size(), 2);
  EXPECT_TRUE(filter.allows(trie.position_of(ItemId{9})));
}

TEST(ItemSet, ChecksItsBounds) {
  ItemSet set(65);
  set.add(ItemId{64});
  EXPECT_THROW(set.add(ItemId{65}), Error);
  EXPECT_THROW(set.add(ItemId{-1}), Error);
  set.remove(ItemId{65});
  set.remove(ItemId{-1});
  set.remove(ItemId{64});
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(ItemSet::all(65).count(), 65);
  EXPECT_EQ(ItemSet().count(), 0);
}

}  // namespace
}  // namespace tessera::live
