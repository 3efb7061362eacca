// Swing and user-cf against their formulas, term by term, on a few short histories.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "methods/catalog.h"
#include "methods/short_histories.h"

namespace tessera {
namespace {

double shared(const std::set<int>& a, const std::set<int>& b) {
  return static_cast<double>(std::count_if(a.begin(), a.end(), [&](int item) { return b.count(item) > 0; }));
}

TEST(Swing, ScoresAreTheFormulas) {
  const ShortHistories world;
  const auto model = make_retriever({{"name", "swing"}, {"alpha", 0.5}});
  model->train(world.inputs(), {1, silent_reporter(), {}});
  for (int i = 0; i < world.kItems; ++i) {
    const std::vector<ItemId> history{ItemId{i}};
    const std::vector<Request> requests{{history, UserId{-1}, {}, nullptr, world.kItems}};
    const Results results = model->recommend(requests)[0];
    for (size_t place = 0; place < results.items.size(); ++place) {
      const int j = index(results.items[place]);
      double wanted = 0;
      for (size_t u = 0; u < world.sets.size(); ++u) {
        for (size_t v = u + 1; v < world.sets.size(); ++v) {
          const auto &a = world.sets[u], &b = world.sets[v];
          if (i == j || !a.count(i) || !a.count(j) || !b.count(i) || !b.count(j)) continue;
          wanted += 1 / std::sqrt(static_cast<double>(a.size() * b.size())) / (0.5 + shared(a, b));
        }
      }
      if (wanted > 0) {
        EXPECT_NEAR(results.scores[place], wanted, 1e-6) << i << " for " << j;
      } else {
        EXPECT_LT(results.scores[place], 0) << "an item without votes follows behind";
      }
    }
  }
}

TEST(UserCf, ScoresAreTheFormulas) {
  const ShortHistories world;
  const auto model = make_retriever(
      {{"name", "user-cf"}, {"neighbours", 3}, {"shrinkage", 2.0}, {"damping", 0.5}, {"before", 0.25}, {"decay", 0.8}});
  model->train(world.inputs(), {1, silent_reporter(), {}});
  const std::vector<ItemId> history{ItemId{2}, ItemId{0}, ItemId{3}, ItemId{0}};
  const UserId user{4};
  const Results results = model->recommend(std::vector<Request>{{history, user, {}, nullptr, world.kItems}})[0];

  const std::map<int, double> age{{0, 0}, {3, 1}, {2, 3}};  // of the newest visit
  std::vector<std::pair<double, int>> neighbours;
  for (int v = 0; v < static_cast<int>(world.sets.size()); ++v) {
    double overlap = 0;
    for (const auto& [item, n] : age) {
      double popularity = 0;
      for (const auto& set : world.sets) popularity += static_cast<double>(set.count(item));
      if (world.sets[static_cast<size_t>(v)].count(item)) overlap += std::pow(0.8, n) / std::sqrt(popularity);
    }
    const auto size = static_cast<double>(world.sets[static_cast<size_t>(v)].size());
    if (overlap > 0 && v != index(user)) neighbours.emplace_back(-overlap / (std::sqrt(3 * size) + 2), v);
  }
  std::sort(neighbours.begin(), neighbours.end());
  ASSERT_GT(neighbours.size(), 3u);
  std::map<int, double> wanted;
  for (size_t n = 0; n < 3; ++n) {
    const auto& other = world.histories[static_cast<size_t>(neighbours[n].second)];
    size_t last = 0;
    for (size_t p = 0; p < other.size(); ++p) last = age.count(other[p]) ? p : last;
    for (size_t p = 0; p < other.size(); ++p) {
      if (!age.count(other[p])) wanted[other[p]] -= neighbours[n].first * (p > last ? 1.0 : 0.25);
    }
  }
  for (size_t place = 0; place < results.items.size(); ++place) {
    const int j = index(results.items[place]);
    if (wanted.count(j)) {
      EXPECT_NEAR(results.scores[place], wanted[j], 1e-6) << j;
    } else {
      EXPECT_GE(place, wanted.size());
    }
  }
}

}  // namespace
}  // namespace tessera
