#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "semid/trie.h"

namespace tessera {
namespace {

Matrix random_points(int64_t rows, int64_t cols) {
  Matrix points(rows, cols);
  Random random(5, "tests.balanced", static_cast<uint64_t>(rows));
  for (float& value : points.values) value = static_cast<float>(random.normal());
  return points;
}

SemanticIds run_balanced(nlohmann::json options, const Matrix& points, uint64_t seed = 42) {
  options["name"] = "balanced-kmeans";
  return make_tokenizer(options)->fit(points, {seed, silent_reporter(), {}});
}

/// By prefix of `depth` codes: items below it.
std::map<std::vector<int32_t>, int> sizes_at(const SemanticIds& ids, size_t depth) {
  std::map<std::vector<int32_t>, int> sizes;
  for (int32_t i = 0; i < ids.num_items(); ++i) {
    const auto codes = ids.of(ItemId{i}).first(depth);
    ++sizes[{codes.begin(), codes.end()}];
  }
  return sizes;
}

TEST(BalancedKmeans, ClustersDifferByOneItemAndEveryItemHasALeaf) {
  for (const int64_t items : {1, 7, 8, 9, 64, 65, 500, 512}) {
    const SemanticIds ids = run_balanced({{"branching", 8}}, random_points(items, 6));
    EXPECT_EQ(ids.levels(), items <= 8 ? 1 : (items <= 64 ? 2 : 3));
    for (size_t depth = 1; depth <= static_cast<size_t>(ids.levels()); ++depth) {
      int least = 1 << 30, most = 0;
      std::map<std::vector<int32_t>, std::pair<int, int>> by_parent;
      for (const auto& [prefix, size] : sizes_at(ids, depth)) {
        auto& [low, high] = by_parent.try_emplace({prefix.begin(), prefix.end() - 1}, size, size).first->second;
        low = std::min(low, size), high = std::max(high, size);
        least = std::min(least, size), most = std::max(most, size);
      }
      for (const auto& [parent, ends] : by_parent) EXPECT_LE(ends.second - ends.first, 1);
      EXPECT_LE(most, (items + (int64_t{1} << (3 * depth)) - 1) >> (3 * depth));
    }
    EXPECT_EQ(Trie(ids).num_nodes(ids.levels()), items);
  }
}

/// Sorting all pairs, as the handbook says it.
std::vector<int32_t> greedy_by_sorting(const Matrix& points, const Matrix& centres) {
  struct Pair {
    double distance;
    int64_t point, centre;
  };
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < points.rows; ++i)
    for (int64_t k = 0; k < centres.rows; ++k) {
      double sum = 0;
      for (size_t j = 0; j < static_cast<size_t>(points.cols); ++j) {
        const double d = points.row(i)[j] - centres.row(k)[j];
        sum += d * d;
      }
      pairs.push_back({sum, i, k});
    }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.distance < b.distance; });
  std::vector<int32_t> code(static_cast<size_t>(points.rows), -1);
  std::vector<int64_t> size(static_cast<size_t>(centres.rows), 0);
  const int64_t least = points.rows / centres.rows;
  int64_t larger = points.rows % centres.rows;
  for (const Pair& pair : pairs) {
    int64_t& now = size[static_cast<size_t>(pair.centre)];
    if (code[static_cast<size_t>(pair.point)] >= 0 || now > least || (now == least && larger == 0)) continue;
    if (now++ == least) --larger;
    code[static_cast<size_t>(pair.point)] = static_cast<int32_t>(pair.centre);
  }
  return code;
}

TEST(BalancedKmeans, AtAFixedPointTheAssignmentIsTheGreedyOneOfAllSortedPairs) {
  const Matrix points = random_points(23, 3);
  const SemanticIds ids = run_balanced({{"branching", 5}, {"iterations", 1000}}, points);
  Matrix centres(5, 3);
  std::vector<int32_t> found, count(5, 0);
  for (int32_t i = 0; i < 23; ++i) {
    found.push_back(ids.of(ItemId{i})[0]);
    ++count[static_cast<size_t>(found.back())];
    for (size_t j = 0; j < 3; ++j) centres.row(found.back())[j] += points.row(i)[j];
  }
  for (int64_t k = 0; k < 5; ++k)
    for (float& value : centres.row(k)) value /= static_cast<float>(count[static_cast<size_t>(k)]);
  EXPECT_EQ(found, greedy_by_sorting(points, centres));
}

TEST(BalancedKmeans, FindsTheObviousPairs) {
  Matrix points(6, 1);
  points.values = {0.0f, 10.0f, 0.1f, 20.0f, 10.1f, 20.1f};
  const SemanticIds ids = run_balanced({{"branching", 3}}, points);
  for (const auto& [a, b] : {std::pair{0, 2}, {1, 4}, {3, 5}})
    EXPECT_EQ(ids.of(ItemId{a})[0], ids.of(ItemId{b})[0]) << a << " and " << b;
}

TEST(BalancedKmeans, ResultsDoNotDependOnTheThreads) {
  const int before = num_threads();
  const Matrix points = random_points(700, 8);
  set_num_threads(1);
  const SemanticIds one = run_balanced({{"branching", 9}}, points);
  set_num_threads(3);
  const SemanticIds three = run_balanced({{"branching", 9}}, points);
  set_num_threads(before);
  EXPECT_EQ(one.codes, three.codes);
  EXPECT_EQ(one.levels(), 3);
  EXPECT_NE(one.codes, run_balanced({{"branching", 9}}, points, 43).codes);
}

TEST(BalancedKmeans, TooFewLeavesAreRefusedOrToldApart) {
  const Matrix points = random_points(30, 4);
  try {
    run_balanced({{"branching", 5}, {"depth", 2}}, points);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_NE(std::string(error.what()).find("wanted depth = 3"), std::string::npos) << error.what();
  }
  const SemanticIds told = run_balanced({{"branching", 5}, {"depth", 2}, {"collision", "append"}}, points);
  EXPECT_EQ(told.level_sizes, (std::vector<int32_t>{5, 5, 2}));
  EXPECT_EQ(Trie(told).num_nodes(3), 30);
  EXPECT_EQ(run_balanced({{"branching", 5}, {"depth", 4}}, points).levels(), 4);
}

TEST(BalancedKmeans, PlainClustersFollowTheDensity) {
  Matrix points(60, 1);
  for (int64_t i = 0; i < 60; ++i) points.values[static_cast<size_t>(i)] = (i < 50 ? 0.0f : 100.0f) + 0.01f * i;
  const SemanticIds ids =
      run_balanced({{"branching", 2}, {"depth", 1}, {"balanced", false}, {"collision", "append"}}, points);
  const auto sizes = sizes_at(ids, 1);
  EXPECT_EQ(std::max(sizes.begin()->second, sizes.rbegin()->second), 50);
  EXPECT_THROW(run_balanced({{"branching", 2}, {"depth", 6}, {"balanced", false}}, points), Error);
}

}  // namespace
}  // namespace tessera
