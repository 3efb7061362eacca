#include "data/simulate/ceiling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/parallel.h"

namespace tessera::shop {
namespace {

constexpr size_t kNeedDraws = 1500;  // needs drawn from the user's state
constexpr size_t kPageDraws = 150;   // pages rendered for those needs that fit

/// Rank of an item by score among the items on sale; ties count half.
double rank_of(const World& world, const std::vector<double>& scores, int32_t item, int64_t time) {
  const double mine = scores[static_cast<size_t>(item)];
  double better = 0, equal = 0;
  for (const int32_t i : world.shop.on_sale(world.shop.by_time, time)) {
    const double score = scores[static_cast<size_t>(i)];
    better += score > mine ? 1 : 0;
    equal += score == mine ? 1 : 0;
  }
  return 1 + better + (equal - 1) / 2;
}

/// Scores of one case by the four rankers, in the order of the result.
class CaseRanker {
 public:
  CaseRanker(const World& world, const CeilingCase& one)
      : world_(world),
        last_(one.last),
        random_(static_cast<uint64_t>(world.options.seed), "shop.ceiling", one.user),
        user_(make_user(world, one.user)),
        state_(last_.before),
        affinity_(leaf_affinity(world, user_, state_.taste)) {
    state_.clicked.insert(state_.clicked.end(), last_.clicked_now.begin(), last_.clicked_now.end());
  }

  std::array<double, 4> ranks() {
    std::vector<double> base(world_.shop.items.size()), scores(base.size());
    for (const int32_t i : on_sale()) base[at(i)] = base_utility(world_, user_, state_, i);
    std::array<double, 4> ranks{};
    for (const int32_t i : on_sale()) scores[at(i)] = base[at(i)] + need_utility(world_, last_.need, i);
    ranks[0] = rank(scores);
    for (const int32_t i : on_sale()) {
      scores[at(i)] = base[at(i)] + std::log(affinity_[static_cast<size_t>(world_.shop[i].leaf)]);
    }
    ranks[1] = rank(scores);
    std::fill(scores.begin(), scores.end(), 0.0);
    expect_clicks(scores);
    ranks[2] = rank(scores);
    ranks[3] = rank(world_.shop.popularity);
    return ranks;
  }

 private:
  static size_t at(int32_t i) { return static_cast<size_t>(i); }
  std::span<const int32_t> on_sale() const { return world_.shop.on_sale(world_.shop.by_time, last_.time); }
  double rank(const std::vector<double>& scores) const { return rank_of(world_, scores, last_.item, last_.time); }

  /// Draws needs from the state, weighs them by the session's clicks so far, renders pages for a sample of them, and
  /// adds up the probability of a click on each item: the next click's distribution, up to sampling.
  void expect_clicks(std::vector<double>& scores) {
    std::vector<Need> needs;
    std::vector<double> weights;
    for (size_t d = 0; d < kNeedDraws; ++d) {
      needs.push_back(draw_need(world_, user_, last_.before, affinity_, random_));
      double weight = 1;
      for (const int32_t i : last_.clicked_now) {
        weight *= sigmoid(base_utility(world_, user_, last_.before, i) + need_utility(world_, needs.back(), i));
      }
      weights.push_back(weight);
    }
    const Cumulative sample(weights);
    const std::vector<int32_t> none;
    for (size_t d = 0; d < kPageDraws; ++d) {
      const Need& need = needs[sample.draw(random_)];
      const Scene scene = draw_scene(random_);
      const Query query = scene == kSearch ? write_query(world_, need, random_) : Query{};
      const Page page = make_page(world_, scene, query, need, last_.before, last_.time, none, random_);
      for (size_t p = 0; p < page.items.size(); ++p) {
        const double u = base_utility(world_, user_, state_, page.items[p]) + need_utility(world_, need, page.items[p]);
        scores[at(page.items[p])] += examination(world_, p) * sigmoid(u);
      }
    }
  }

  const World& world_;
  const LastClick& last_;
  Random random_;
  User user_;
  UserState state_;
  std::vector<double> affinity_;
};

}  // namespace

std::vector<Ceiling> measure_ceilings(const World& world, const std::vector<CeilingCase>& cases) {
  std::vector<std::array<double, 4>> ranks(cases.size());
  parallel_for(static_cast<int64_t>(cases.size()), 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      ranks[static_cast<size_t>(c)] = CaseRanker(world, cases[static_cast<size_t>(c)]).ranks();
    }
  });
  std::vector<Ceiling> ceilings = {
      {"need", "true expected utility given the session's need and the user's taste, over all items on sale"},
      {"taste", "true utility of the user's taste, budget and leaf preferences, the need unknown"},
      {"state",
       "expected clicks of the next page given all that the user did and likes and the logging ranker's habits, the "
       "need "
       "unknown but for the session's earlier clicks: what a recommender of logged clicks can reach at best, up to "
       "sampling"},
      {"popular", "true base popularity: no knowledge of the user"}};
  for (size_t r = 0; r < ceilings.size(); ++r) {
    for (const auto& rank : ranks) {
      if (rank[r] > 10) continue;
      ceilings[r].hr10 += 1;
      ceilings[r].ndcg10 += 1 / std::log2(1 + rank[r]);
    }
    ceilings[r].hr10 /= std::max<double>(1, static_cast<double>(ranks.size()));
    ceilings[r].ndcg10 /= std::max<double>(1, static_cast<double>(ranks.size()));
  }
  return ceilings;
}

}  // namespace tessera::shop
