#include "data/simulate/session.h"

#include <algorithm>
#include <cmath>

#include "data/behaviour.h"

namespace tessera::shop {
namespace {

constexpr uint8_t kImpressionAction = 0, kClickAction = 2, kCartAction = 3, kOrderAction = 4;  // as in BehaviourLog

/// Logging ranker.
constexpr float kPopularityWeight = 0.55F, kRelevanceWeight = 1.1F, kNoise = 1.0F;

/// Hours of the day, by how much people shop in them.
constexpr std::array<double, 24> kHours = {1.2, .6,  .3,  .2,  .2,  .3,  .8,  1.6, 2.2, 2.4, 2.6, 2.8,
                                           3.2, 2.8, 2.5, 2.4, 2.5, 2.8, 3.2, 3.8, 4.5, 4.6, 3.6, 2.2};

/// About N(0, 1), from one word: the sum of four bytes.
float rough_normal(Random& random) {
  const uint32_t word = random.next_u32();
  const uint32_t sum = (word & 0xFFU) + (word >> 8 & 0xFFU) + (word >> 16 & 0xFFU) + (word >> 24);
  return (static_cast<float>(sum) - 510.0F) / 147.8F;
}

/// Adds up to `count` random members of a list, or all of it when that is not more.
void sample_into(std::span<const int32_t> list, size_t count, Random& random, std::vector<int32_t>& out) {
  if (list.size() <= count) {
    out.insert(out.end(), list.begin(), list.end());
    return;
  }
  for (size_t i = 0; i < count; ++i) out.push_back(list[random.below(list.size())]);
}

/// What could be on the page: whole leaves, samples of wider lists. Never the whole catalogue.
std::vector<int32_t> candidates(const World& world, Scene scene, const Query& query, const Need& need,
                                const UserState& state, int64_t time, Random& random) {
  const ShopItems& shop = world.shop;
  std::vector<int32_t> out;
  const auto add_list = [&](const std::vector<int32_t>& list, size_t limit) {
    sample_into(shop.on_sale(list, time), limit, random, out);
  };
  constexpr size_t kWhole = 4000, kSample = 600;
  if (scene == kSearch) {
    const auto target = static_cast<size_t>(query.target);
    switch (query.scope) {
      case Query::Scope::leaf:
        add_list(shop.by_leaf[target], kWhole);
        break;
      case Query::Scope::group:
        add_list(shop.by_group[target], kSample);
        break;
      case Query::Scope::department:
        add_list(shop.by_department[target], kSample);
        break;
      case Query::Scope::brand:
        add_list(shop.by_brand[target], kSample);
        break;
    }
  } else if (scene == kBrowse) {
    add_list(shop.by_leaf[static_cast<size_t>(need.leaf)], kWhole);
  } else {
    // The feed knows the last click, what goes with it, and what sells.
    for (int i = 0; i < 100; ++i) {
      const auto item = static_cast<int32_t>(shop.popular.draw(random));
      if (shop[item].created_at <= time) out.push_back(item);
    }
    if (state.last_click >= 0) {
      const int leaf = shop[state.last_click].leaf;
      add_list(shop.by_leaf[static_cast<size_t>(leaf)], 200);
      for (const int l : world.lexicon.leaves[static_cast<size_t>(leaf)].complements) {
        add_list(shop.by_leaf[static_cast<size_t>(l)], 100);
      }
      add_list(shop.by_brand[static_cast<size_t>(shop[state.last_click].brand)], 100);
    }
  }
  if (out.size() < 10) add_list(shop.by_time, 30);  // a thin leaf of a small shop
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

class UserSimulation {
 public:
  UserSimulation(const World& world, uint64_t number)
      : world_(world),
        random_(static_cast<uint64_t>(world.options.seed), "shop.log", number),
        user_(make_user(world, number)) {
    state_.taste = user_.home;
  }

  UserLog run() {
    const std::vector<int64_t> starts = session_starts();
    int64_t last_day = -1;
    for (const int64_t start : starts) {
      const int64_t day = (start - kFirstDay) / kDay;
      drift_to(state_, day, world_.options.drift, random_);
      if (day != last_day) affinity_ = leaf_affinity(world_, user_, state_.taste);
      last_day = day;
      session(std::max(start, clock_ + 60));
    }
    log_.num_sessions = static_cast<int64_t>(starts.size());
    return std::move(log_);
  }

 private:
  std::vector<int64_t> session_starts() {
    std::vector<int64_t> starts;
    const auto days = static_cast<uint64_t>(world_.options.days);
    double left = user_.rate;
    for (left -= random_.exponential(); left > 0; left -= random_.exponential()) {
      const auto day = static_cast<int64_t>(random_.below(days));
      const auto hour = static_cast<int64_t>(random_.weighted(kHours));
      starts.push_back(kFirstDay + day * kDay + hour * 3600 + static_cast<int64_t>(random_.below(3600)));
    }
    std::sort(starts.begin(), starts.end());
    return starts;
  }

  void session(int64_t start) {
    clock_ = start;
    before_ = state_;
    clicked_now_.clear();
    bought_now_ = -1;
    const Need need = draw_need(world_, user_, state_, affinity_, random_);
    const Scene scene = draw_scene(random_);
    Query query;
    if (scene == kSearch) query = write_query(world_, need, random_);
    std::vector<int32_t> shown;
    for (int page = 0; page < 4; ++page) {
      const size_t clicks_before = clicked_now_.size();
      const Page results = make_page(world_, scene, query, need, before_, clock_, shown, random_);
      if (results.items.empty()) break;
      const bool satisfied = look_at(results, need);
      shown.insert(shown.end(), results.items.begin(), results.items.end());
      const bool clicked = clicked_now_.size() > clicks_before;
      if (satisfied || !random_.chance(clicked ? 0.35 : 0.5)) break;
      clock_ += 5 + static_cast<int64_t>(random_.below(30));
      // Nothing found: another wording, and the list starts again.
      if (scene == kSearch && !clicked && random_.chance(0.5)) {
        query = write_query(world_, need, random_);
        shown.clear();
      }
    }
    if (!clicked_now_.empty()) {
      state_.last_click = clicked_now_.back();
      state_.last_bought = bought_now_;
    }
  }

  /// @return whether something was ordered
  bool look_at(const Page& page, const Need& need) {
    const int32_t request = log_.num_requests++;
    int32_t query = -1;
    if (page.scene == kSearch) {
      query = static_cast<int32_t>(log_.queries.size());
      log_.queries.push_back(page.query.text);
    }
    const auto add = [&](size_t position, uint8_t action) {
      log_.events.push_back({page.items[position], request, query, clock_, action, static_cast<int8_t>(page.scene),
                             static_cast<int16_t>(position)});
    };
    for (size_t p = 0; p < page.items.size(); ++p) add(p, kImpressionAction);
    bool ordered = false;
    for (size_t p = 0; p < page.items.size(); ++p) {
      if (!random_.chance(examination(world_, p))) continue;
      clock_ += 1 + static_cast<int64_t>(random_.below(4));
      const int32_t item = page.items[p];
      const double u = base_utility(world_, user_, state_, item) + need_utility(world_, need, item);
      if (!random_.chance(sigmoid(u))) continue;
      add(p, kClickAction);
      click(item, need);
      clock_ += 10 + static_cast<int64_t>(random_.below(50));
      const UtilityModel& m = world_.utility;
      if (!random_.chance(sigmoid(m.cart + m.cart_slope * u))) continue;
      add(p, kCartAction);
      bought_now_ = item;
      clock_ += 15 + static_cast<int64_t>(random_.below(100));
      if (!random_.chance(sigmoid(m.order + m.order_slope * u))) continue;
      add(p, kOrderAction);
      state_.bought.push_back(item);
      ordered = true;
    }
    return ordered;
  }

  void click(int32_t item, const Need& need) {
    if (world_.options.ceiling_users > 0) log_.last = {item, clock_, need, before_, clicked_now_};
    clicked_now_.push_back(item);
    state_.clicked.push_back(item);
  }

  const World& world_;
  Random random_;
  User user_;
  UserState state_, before_;
  std::vector<double> affinity_;
  std::vector<int32_t> clicked_now_;
  int32_t bought_now_ = -1;
  int64_t clock_ = 0;
  UserLog log_;
};

}  // namespace

const char* scene_name(int scene) {
  constexpr std::array<const char*, kNumScenes> kNames = {"search", "browse", "recommend"};
  return kNames[static_cast<size_t>(scene)];
}

Page make_page(const World& world, Scene scene, const Query& query, const Need& need, const UserState& state,
               int64_t time, const std::vector<int32_t>& shown, Random& random) {
  const std::vector<int32_t> found = candidates(world, scene, query, need, state, time, random);
  const size_t size = scene == kSearch ? 20 : scene == kBrowse ? 16 : 10;
  std::vector<std::pair<float, int32_t>> ranked;
  ranked.reserve(found.size());
  const int last_brand = state.last_click >= 0 ? world.shop[state.last_click].brand : -1;
  for (const int32_t number : found) {
    const ShopItem& item = world.shop[number];
    float score = kPopularityWeight * item.popularity + kNoise * rough_normal(random);
    for (const int value : query.understood) {
      const int attribute = world.lexicon.values[static_cast<size_t>(value)].attribute;
      if (item.value[static_cast<size_t>(attribute)] == value) score += kRelevanceWeight;
    }
    if (scene == kRecommend && item.brand == last_brand) score += kRelevanceWeight;
    ranked.emplace_back(-score, number);
  }
  if (!shown.empty()) {
    std::erase_if(ranked,
                  [&](const auto& r) { return std::find(shown.begin(), shown.end(), r.second) != shown.end(); });
  }
  const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(std::min(size, ranked.size()));
  std::partial_sort(ranked.begin(), end, ranked.end());
  Page page;
  page.scene = scene;
  page.query = query;
  for (auto it = ranked.begin(); it != end; ++it) page.items.push_back(it->second);
  return page;
}

double examination(const World& world, size_t position) {
  return std::pow(static_cast<double>(position + 1), -world.options.position_bias);
}

Scene draw_scene(Random& random) {
  const double u = random.uniform();
  return u < 0.5 ? kSearch : u < 0.8 ? kBrowse : kRecommend;
}

UserLog simulate_user(const World& world, uint64_t number) {
  return UserSimulation(world, number).run();
}

}  // namespace tessera::shop
