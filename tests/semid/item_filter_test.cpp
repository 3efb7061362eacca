#include "semid/item_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

Trie random_trie(int64_t num_items) {
  SemanticIds ids;
  ids.level_sizes = {8, 8, 8};
  Random random(3, "test.filter");
  for (int64_t i = 0; i < num_items * 3; ++i) ids.codes.push_back(static_cast<int32_t>(random.below(8)));
  return Trie(ids);
}

void expect_equal(const ItemFilter& filter, const std::set<int32_t>& wanted, int32_t num_items) {
  ASSERT_EQ(filter.size(), static_cast<int64_t>(wanted.size()));
  for (int32_t p = 0; p < num_items; ++p) ASSERT_EQ(filter.allows(p), wanted.count(p) == 1) << p;
  Random random(9, "test.filter.ranges");
  for (int trial = 0; trial < 50; ++trial) {
    const auto begin = static_cast<int32_t>(random.below(static_cast<uint64_t>(num_items) + 1));
    const auto end = static_cast<int32_t>(random.below(static_cast<uint64_t>(num_items) + 1));
    std::vector<int32_t> inside;
    for (const int32_t p : wanted) {
      if (p >= begin && p < end) inside.push_back(p);
    }
    ASSERT_EQ(filter.positions(begin, end), inside);
    ASSERT_EQ(filter.count(begin, end), static_cast<int64_t>(inside.size()));
  }
}

TEST(ItemFilter, AllowAndForbidEqualASet) {
  for (const int32_t num_items : {1, 50, 3000, 70000}) {  // the last is large enough for the sparse form
    const Trie trie = random_trie(num_items);
    for (const double share : {0.0, 0.01, 0.5, 1.0}) {
      Random random(static_cast<uint64_t>(share * 100), "test.filter.items");
      std::vector<ItemId> items;
      std::set<int32_t> inside, outside;
      for (int32_t p = 0; p < num_items; ++p) outside.insert(p);
      for (int32_t i = 0; i < num_items; ++i) {
        if (!random.chance(share)) continue;
        items.push_back(ItemId{i});
        items.push_back(ItemId{i});  // duplicates are harmless
        inside.insert(trie.position_of(ItemId{i}));
        outside.erase(trie.position_of(ItemId{i}));
      }
      random.shuffle(std::span(items));
      expect_equal(ItemFilter::allow(trie, items), inside, num_items);
      expect_equal(ItemFilter::forbid(trie, items), outside, num_items);
    }
  }
}

TEST(ItemFilter, PositionsOutsideTheTrieAreNeverAllowed) {
  const Trie trie = random_trie(10);
  const ItemFilter all = ItemFilter::forbid(trie, {});
  EXPECT_FALSE(all.allows(-1));
  EXPECT_FALSE(all.allows(10));
  EXPECT_EQ(all.count(-5, 100), 10);
  EXPECT_EQ(all.positions(-5, 100).size(), 10u);
  EXPECT_EQ(all.count(7, 3), 0);
}

TEST(ItemFilter, RefusesUnknownItems) {
  const Trie trie = random_trie(10);
  const std::vector<ItemId> too_high{ItemId{10}}, negative{ItemId{-1}};
  EXPECT_THROW(ItemFilter::allow(trie, too_high), Error);
  EXPECT_THROW(ItemFilter::forbid(trie, negative), Error);
}

}  // namespace
}  // namespace tessera

namespace tessera {
namespace {

TEST(ItemFilter, FromBitsEqualsFromAList) {
  for (const int64_t items : {1, 63, 64, 65, 1000, 80000}) {
    SemanticIds ids;
    ids.level_sizes = {97, 89, 83};
    Random random(static_cast<uint64_t>(items), "from.bits");
    for (int64_t i = 0; i < items * 3; ++i)
      ids.codes.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(ids.level_sizes[i % 3]))));
    const Trie trie(ids);
    for (const uint64_t one_in : {2, 100}) {
      std::vector<ItemId> list;
      std::vector<uint64_t> words(static_cast<size_t>(items) / 64 + 3, 0);
      words.back() = ~0ULL;  // items that the trie does not have
      for (int32_t i = 0; i < items; ++i) {
        if (random.below(one_in) != 0) continue;
        list.push_back(ItemId{i});
        words[static_cast<size_t>(i) / 64] |= 1ULL << (i % 64);
      }
      const ItemFilter wanted = ItemFilter::allow(trie, list), found = ItemFilter::from_bits(trie, words);
      EXPECT_EQ(found.size(), wanted.size());
      EXPECT_EQ(found.positions(0, static_cast<int32_t>(items)), wanted.positions(0, static_cast<int32_t>(items)));
    }
  }
}

}  // namespace
}  // namespace tessera
