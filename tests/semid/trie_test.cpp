#include "semid/trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

SemanticIds random_ids(int64_t num_items, std::vector<int32_t> sizes, uint64_t seed) {
  SemanticIds ids;
  ids.level_sizes = std::move(sizes);
  Random random(seed, "test.trie");
  for (int64_t i = 0; i < num_items; ++i) {
    for (const int32_t size : ids.level_sizes) {
      ids.codes.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(size))));
    }
  }
  return ids;
}

std::vector<int32_t> prefix(const SemanticIds& ids, ItemId item, int64_t depth) {
  const auto codes = ids.of(item).first(static_cast<size_t>(depth));
  return {codes.begin(), codes.end()};
}

/// Every property of the trie, against sets of prefixes.
void expect_trie_of(const SemanticIds& ids) {
  const Trie trie(ids);
  ASSERT_EQ(trie.levels(), ids.levels());
  ASSERT_EQ(trie.num_items(), ids.num_items());
  for (int32_t p = 0; p < trie.num_items(); ++p) {
    ASSERT_EQ(trie.position_of(trie.item_at(p)), p);
    if (p == 0) continue;
    const auto now = prefix(ids, trie.item_at(p), ids.levels());
    const auto before = prefix(ids, trie.item_at(p - 1), ids.levels());
    ASSERT_TRUE(before < now || (before == now && trie.item_at(p - 1) < trie.item_at(p)));
  }
  for (int64_t d = 0; d <= ids.levels(); ++d) {
    std::set<std::vector<int32_t>> prefixes;
    for (int32_t i = 0; i < ids.num_items(); ++i) prefixes.insert(prefix(ids, ItemId{i}, d));
    if (d == 0) prefixes.insert(std::vector<int32_t>{});
    ASSERT_EQ(trie.num_nodes(d), static_cast<int64_t>(prefixes.size()));
    ASSERT_EQ(static_cast<int64_t>(trie.tokens(d).size()), trie.num_nodes(d));
    int32_t end = 0, child_end = 0, node = 0;
    for (const auto& wanted : prefixes) {  // sets ascend, as nodes do
      const auto [first, last] = trie.interval(d, node);
      ASSERT_EQ(first, end);
      ASSERT_TRUE(d == 0 || last > first);
      for (int32_t p = first; p < last; ++p) ASSERT_EQ(prefix(ids, trie.item_at(p), d), wanted);
      if (d > 0) {
        ASSERT_EQ(trie.token(d, node), wanted.back());
      }
      end = last;
      if (d < ids.levels()) {
        const auto [child, child_last] = trie.children(d, node);
        ASSERT_EQ(child, child_end);
        for (int32_t c = child; c < child_last; ++c) {
          ASSERT_GE(trie.interval(d + 1, c).first, first);
          ASSERT_LE(trie.interval(d + 1, c).second, last);
        }
        child_end = child_last;
      } else {
        for (int32_t p = first; p < last; ++p) ASSERT_EQ(trie.leaf_of(trie.item_at(p)), node);
      }
      ++node;
    }
    ASSERT_EQ(end, trie.num_items());
    if (d < ids.levels()) {
      ASSERT_EQ(child_end, trie.num_nodes(d + 1));
    }
  }
}

TEST(Trie, EqualsBruteForceOnRandomCodes) {
  uint64_t seed = 0;
  for (const auto& sizes : std::vector<std::vector<int32_t>>{{4, 4, 4}, {1, 2, 1}, {300}, {2, 1000, 3, 7}, {5, 5}}) {
    for (const int64_t num_items : {0, 1, 2, 17, 400}) expect_trie_of(random_ids(num_items, sizes, ++seed));
  }
}

TEST(Trie, SortsCodesBeyondSixteenBits) {
  expect_trie_of(random_ids(300, {70000, 3}, 5));
  expect_trie_of(random_ids(300, {2, 2000000000}, 6));
}

TEST(Trie, EqualCodesShareALeafInItemOrder) {
  SemanticIds ids{{2, 2}, {1, 0, 0, 1, 1, 0, 1, 0}, {}, {}};
  const Trie trie(ids);
  EXPECT_EQ(trie.num_nodes(2), 2);
  EXPECT_EQ(trie.interval(2, 1), (std::pair<int32_t, int32_t>{1, 4}));
  EXPECT_EQ(trie.item_at(1), ItemId{0});
  EXPECT_EQ(trie.item_at(3), ItemId{3});
  EXPECT_EQ(trie.leaf_of(ItemId{2}), 1);
}

TEST(Trie, RefusesCodesOutsideTheirLevel) {
  EXPECT_THROW(Trie(SemanticIds{{2, 2}, {0, 2}, {}, {}}), Error);
  EXPECT_THROW(Trie(SemanticIds{{2, 2}, {-1, 0}, {}, {}}), Error);
  EXPECT_THROW(Trie(SemanticIds{{2, 2}, {0, 0, 1}, {}, {}}), Error);
  EXPECT_THROW(Trie(SemanticIds{}), Error);
}

}  // namespace
}  // namespace tessera
