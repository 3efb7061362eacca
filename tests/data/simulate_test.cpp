#include "data/simulate/simulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "data/simulate/item_model.h"
#include "data/simulate/lexicon.h"
#include "data/simulate/picture.h"
#include "data/simulate/session.h"

#ifdef TESSERA_WITH_COMPRESSION
#include <zlib.h>
#endif

namespace tessera {
namespace {

namespace fs = std::filesystem;

SimulateOptions small_options() {
  SimulateOptions options;
  options.items = 1200;
  options.users = 500;
  options.days = 30;
  options.ceiling_users = 150;
  options.picture_size = 16;
  return options;
}

/// One shop for the tests that only look.
const SimulatedShop& small_shop() {
  static const SimulatedShop shop = simulate_shop(small_options(), silent_reporter());
  return shop;
}

/// Everything that a shop says, as one number of 128 bits.
std::string hash_of(const SimulatedShop& shop) {
  ContentHash hash;
  const auto add_column = [&](const auto& column) {
    const auto bytes = std::as_bytes(std::span(column));
    hash.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  for (const Item& item : shop.data.items.items()) {
    hash.add(item.title + item.description + item.brand + std::to_string(item.price) + std::to_string(item.created_at));
  }
  for (const std::string& query : shop.data.log.queries.names()) hash.add(query);
  for (const std::string& picture : shop.pictures) hash.add(picture);
  for (const std::string& user : shop.data.user_attributes) hash.add(user);
  const BehaviourLog& log = shop.data.log;
  add_column(log.user);
  add_column(log.item);
  add_column(log.action);
  add_column(log.time);
  add_column(log.query);
  add_column(log.request);
  add_column(log.position);
  add_column(log.scene);
  add_column(shop.pixels.values);
  hash.add(shop.truth);
  return hash.hex();
}

/// Clicks by impressions for each position.
std::vector<double> click_rates(const BehaviourLog& log) {
  std::vector<double> shown(20), clicked(20);
  for (int64_t e = 0; e < log.size(); ++e) {
    const auto row = static_cast<size_t>(e);
    const auto position = static_cast<size_t>(log.position[row]);
    const std::string& action = log.actions.name(log.action[row]);
    if (action == "impression") ++shown[position];
    if (action == "click") ++clicked[position];
  }
  for (size_t p = 0; p < shown.size(); ++p) clicked[p] /= std::max(1.0, shown[p]);
  return clicked;
}

double mean_of(const std::vector<double>& values, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return sum / static_cast<double>(end - begin);
}

bool has_han(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0xE4 && byte <= 0xE9;  // first byte of U+4E00 to U+9FFF in UTF-8
  });
}

TEST(Simulate, SameSeedSameShopForAnyNumberOfThreads) {
  SimulateOptions options = small_options();
  options.users = 120;
  options.ceiling_users = 20;
  const int threads = num_threads();
  set_num_threads(1);
  const std::string one = hash_of(simulate_shop(options, silent_reporter()));
  set_num_threads(2);
  const std::string two = hash_of(simulate_shop(options, silent_reporter()));
  set_num_threads(threads);
  EXPECT_EQ(one, two);
  options.seed = 43;
  EXPECT_NE(one, hash_of(simulate_shop(options, silent_reporter())));
}

TEST(Simulate, EveryEventFitsTheCatalogueAndTheClock) {
  const SimulatedShop& shop = small_shop();
  const BehaviourLog& log = shop.data.log;
  ASSERT_GT(log.size(), 10000);
  std::set<std::pair<int32_t, int32_t>> shown;  // request, item
  for (int64_t e = 0; e < log.size(); ++e) {
    const auto row = static_cast<size_t>(e);
    ASSERT_LT(index(log.item[row]), shop.data.items.size());
    ASSERT_LE(shop.data.items[log.item[row]].created_at, log.time[row]) << "an item is shown before it arrives";
    if (row > 0 && log.user[row] == log.user[row - 1]) {
      ASSERT_LE(log.time[row - 1], log.time[row]);
    }
    ASSERT_GE(log.position[row], 0);
    ASSERT_LT(log.position[row], 20);
    const bool search = log.scenes.name(log.scene[row]) == "search";
    ASSERT_EQ(search, log.query[row] >= 0);
    const std::string& action = log.actions.name(log.action[row]);
    const auto key = std::make_pair(log.request[row], index(log.item[row]));
    if (action == "impression") {
      ASSERT_TRUE(shown.insert(key).second) << "twice on one page";
    } else {
      ASSERT_TRUE(shown.contains(key)) << action << " on something that was not shown";
    }
    ASSERT_EQ(std::isnan(log.value[row]), action != "cart" && action != "order");
  }
}

TEST(Simulate, ItemsArriveOverTime) {
  int64_t old = 0;
  const SimulatedShop& shop = small_shop();
  for (const Item& item : shop.data.items.items()) old += item.created_at < shop::kFirstDay ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(old) / static_cast<double>(shop.data.items.size()), 0.7, 0.05);
}

TEST(Simulate, HigherPlacesGetMoreClicksBecauseOfTheBias) {
  SimulateOptions options = small_options();
  options.pictures = false;
  options.ceiling_users = 0;
  options.position_bias = 1;
  const auto biased = click_rates(simulate_shop(options, silent_reporter()).data.log);
  options.position_bias = 0;
  const auto fair = click_rates(simulate_shop(options, silent_reporter()).data.log);
  const double with = mean_of(biased, 0, 2) / mean_of(biased, 5, 10);
  const double without = mean_of(fair, 0, 2) / mean_of(fair, 5, 10);
  EXPECT_GT(with, 2 * without);
  EXPECT_GT(without, 0.8) << "the logging ranker puts better things first";
}

TEST(Simulate, ClickRateRisesWithTrueUtility) {
  SimulateOptions options = small_options();
  options.drift = 1;  // tastes stay what they were on the first day
  const shop::Lexicon lexicon = shop::make_lexicon("en", 42);
  const shop::ShopItems items = make_items(lexicon, options);
  const shop::World world{lexicon, items, options, {}, {}};
  std::vector<std::pair<double, bool>> shown;
  for (uint64_t u = 0; u < 400; ++u) {
    const shop::User user = make_user(world, u);
    shop::UserState state;
    state.taste = user.home;
    const shop::UserLog log = simulate_user(world, u);
    std::set<std::pair<int32_t, int32_t>> clicks;
    for (const shop::ShopEvent& e : log.events) {
      if (e.action == 2) clicks.emplace(e.request, e.item);
    }
    for (const shop::ShopEvent& e : log.events) {
      if (e.action != 0) continue;
      shown.emplace_back(base_utility(world, user, state, e.item), clicks.contains({e.request, e.item}));
    }
  }
  std::sort(shown.begin(), shown.end());
  std::array<double, 4> rate{};
  for (size_t i = 0; i < shown.size(); ++i) rate[i * rate.size() / shown.size()] += shown[i].second ? 1 : 0;
  for (size_t b = 1; b < rate.size(); ++b) EXPECT_GT(rate[b], 1.15 * rate[b - 1]) << "quarter " << b;
}

TEST(Simulate, PopularityIsZipf) {
  const SimulatedShop& shop = small_shop();
  std::vector<double> sorted = shop.popularity;
  std::sort(sorted.rbegin(), sorted.rend());
  const double slope = (std::log(sorted[999]) - std::log(sorted[0])) / std::log(1000.0);
  EXPECT_NEAR(slope, -0.8, 1e-6);

  // And the clicks lean the same way: the tenth of the items with the highest popularity takes far more than a tenth.
  std::vector<size_t> order(shop.popularity.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return shop.popularity[a] > shop.popularity[b]; });
  std::vector<bool> head(order.size());
  for (size_t i = 0; i < order.size() / 10; ++i) head[order[i]] = true;
  double clicks = 0, head_clicks = 0;
  for (size_t e = 0; e < shop.data.log.item.size(); ++e) {
    if (shop.data.log.action[e] != 2) continue;
    ++clicks;
    head_clicks += head[static_cast<size_t>(index(shop.data.log.item[e]))] ? 1 : 0;
  }
  EXPECT_GT(head_clicks / clicks, 0.2);
}

TEST(Simulate, KnowingMoreRanksBetter) {
  std::map<std::string, double> hr;
  for (const Ceiling& c : small_shop().ceilings) {
    hr[c.name] = c.hr10;
    EXPECT_LE(c.ndcg10, c.hr10);
  }
  EXPECT_GT(hr["need"], hr["taste"]);
  EXPECT_GT(hr["state"], hr["taste"]);
  EXPECT_GT(hr["need"], 3 * hr["popular"]);
  EXPECT_GT(hr["state"], 2 * hr["popular"]);
  const auto truth = nlohmann::json::parse(small_shop().truth);
  EXPECT_EQ(truth["ceiling"]["rankers"][0]["hr@10"], hr["need"]);
  EXPECT_TRUE(truth["utility"].contains("taste"));
}

TEST(Simulate, ItemsSayWhatTheyAre) {
  const SimulatedShop& shop = small_shop();
  std::set<std::string> titles;
  for (const Item& item : shop.data.items.items()) {
    EXPECT_EQ(item.title.rfind(item.brand, 0), 0U) << item.title;
    EXPECT_EQ(item.attributes.size(), 18U);
    ASSERT_EQ(item.categories.size(), 1U);
    EXPECT_EQ(item.categories[0].size(), 3U);
    EXPECT_GT(item.price, 0);
    EXPECT_FALSE(item.description.empty());
    EXPECT_FALSE(has_han(item.title + item.description)) << item.title;
    titles.insert(item.title);
  }
  EXPECT_GT(static_cast<double>(titles.size()), 0.97 * static_cast<double>(shop.data.items.size()));
}

TEST(Simulate, QueriesHaveOneToFourWordsAndSomeMistakes) {
  const shop::Lexicon lexicon = shop::make_lexicon("en", 42);
  const SimulateOptions options = small_options();
  const shop::ShopItems items = make_items(lexicon, options);
  const shop::World world{lexicon, items, options, {}, {}};
  const std::vector<double> affinity(lexicon.leaves.size(), 1.0);
  const shop::User user = make_user(world, 1);
  shop::UserState state;
  state.taste = user.home;
  std::map<shop::Query::Scope, int> scopes;
  std::map<int64_t, int> lengths;
  int misspelt = 0;
  for (uint64_t n = 0; n < 3000; ++n) {
    Random random(1, "test", n);
    state.last_click = n % 2 == 0 ? -1 : static_cast<int32_t>(n % 1000);
    const shop::Query query = write_query(world, draw_need(world, user, state, affinity, random), random);
    const int64_t words = 1 + std::count(query.text.begin(), query.text.end(), ' ');
    ASSERT_LE(words, 4) << query.text;
    ASSERT_FALSE(query.text.empty());
    ++lengths[words];
    ++scopes[query.scope];
    misspelt += query.misspelt ? 1 : 0;
  }
  EXPECT_EQ(lengths.size(), 4U);
  EXPECT_EQ(scopes.size(), 4U) << "leaf, group, department and brand queries all occur";
  EXPECT_GT(misspelt, 100);
  EXPECT_LT(misspelt, 900);
}

TEST(Simulate, ChineseShopSpeaksChinese) {
  SimulateOptions options = small_options();
  options.language = "zh";
  options.users = 100;
  options.ceiling_users = 0;
  options.pictures = false;
  const SimulatedShop shop = simulate_shop(options, silent_reporter());
  for (const Item& item : shop.data.items.items()) {
    ASSERT_TRUE(has_han(item.title)) << item.title;
    ASSERT_TRUE(has_han(item.description));
    ASSERT_TRUE(has_han(item.categories[0][2]));
  }
  int64_t han = 0;
  for (const std::string& query : shop.data.log.queries.names()) han += has_han(query) ? 1 : 0;
  EXPECT_GT(han, shop.data.log.queries.size() * 95 / 100);
  EXPECT_TRUE(shop.pictures.empty());
}

TEST(Simulate, PicturesArePngAndShowTheColour) {
  const SimulatedShop& shop = small_shop();
  ASSERT_EQ(static_cast<int64_t>(shop.pictures.size()), shop.data.items.size());
  for (const std::string& png : shop.pictures) {
    ASSERT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
    ASSERT_EQ(png.substr(12, 4), "IHDR");
    ASSERT_EQ(png[19], 16);
    ASSERT_EQ(png.substr(png.size() - 8, 4), "IEND");
  }
  for (const float x : shop.pixels.values) {
    ASSERT_GE(x, 0.0F);
    ASSERT_LE(x, 1.0F);
  }
  // Black things are darker than white ones where the thing is.
  double black = 0, white = 0, num_black = 0, num_white = 0;
  for (int64_t i = 0; i < shop.data.items.size(); ++i) {
    const std::string& colour = shop.data.items[static_cast<ItemId>(i)].attributes.at("colour");
    double sum = 0;
    for (const size_t cell : {27U, 28U, 35U, 36U}) sum += shop.pixels.row(i)[cell * 3];  // red in the middle of 8 x 8
    (colour == "black" ? black : white) += colour == "black" || colour == "white" ? sum : 0;
    num_black += colour == "black" ? 1 : 0;
    num_white += colour == "white" ? 1 : 0;
  }
  ASSERT_GT(num_black * num_white, 0);
  EXPECT_LT(black / num_black, 0.85 * white / num_white);
}

#ifdef TESSERA_WITH_COMPRESSION
TEST(Simulate, PngHoldsThePixels) {
  std::vector<uint8_t> rgb(8 * 8 * 3);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint8_t>(i * 7);
  const std::string png = shop::encode_png(rgb, 8);
  const size_t at = png.find("IDAT");
  std::array<Bytef, 8 * 25> raw{};
  uLongf size = raw.size();
  ASSERT_EQ(
      uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(png.data()) + at + 4, png.size() - at - 4 - 16),
      Z_OK);
  ASSERT_EQ(size, raw.size());
  for (size_t y = 0; y < 8; ++y) {
    EXPECT_EQ(raw[y * 25], 0);
    EXPECT_TRUE(std::equal(rgb.begin() + static_cast<std::ptrdiff_t>(y * 24),
                           rgb.begin() + static_cast<std::ptrdiff_t>((y + 1) * 24), raw.begin() + y * 25 + 1));
  }
  EXPECT_EQ(static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>("IEND"), 4)), 0xAE426082U);
  EXPECT_EQ(png.substr(png.size() - 4), "\xAE\x42\x60\x82");
}
#endif

TEST(Simulate, SavedShopIsADatasetWithPictures) {
  SimulateOptions options = small_options();
  options.items = 120;
  options.users = 40;
  options.ceiling_users = 10;
  SimulatedShop shop = simulate_shop(options, silent_reporter());
  const fs::path parent = fs::path(testing::TempDir()) / "tessera_simulate_test";
  fs::remove_all(parent);
  const fs::path folder = parent / "shop";
  for (int twice = 0; twice < 2; ++twice) {
    save_shop(shop, folder);
    const Dataset loaded = load_dataset(folder);
    EXPECT_EQ(loaded.items.size(), 120);
    EXPECT_EQ(loaded.log.size(), shop.data.log.size());
    EXPECT_EQ(loaded.content_hash, shop.data.content_hash);
    for (const Item& item : loaded.items.items()) {
      ASSERT_EQ(read_file(folder / item.image), shop.pictures[static_cast<size_t>(index(loaded.items.at(item.id)))]);
    }
  }
  const NpyFile pixels(folder / "vectors" / "pixels.npy");
  EXPECT_EQ(pixels.array().shape, (std::vector<int64_t>{120, 192}));
  EXPECT_EQ(read_file(folder / "truth.json"), shop.truth);
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), fs::directory_iterator()), 1) << "nothing else is left";

  write_file(parent / "file", "in the way");
  EXPECT_THROW(save_shop(shop, parent / "file" / "shop"), Error);
  EXPECT_THROW(save_shop(shop, parent / "file"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), fs::directory_iterator()), 2);
  fs::remove_all(parent);
}

TEST(Simulate, RefusesOptionsOutOfRange) {
  const auto kind_of = [](auto change) {
    SimulateOptions options = small_options();
    change(options);
    try {
      (void)simulate_shop(options, silent_reporter());
    } catch (const Error& error) {
      return std::string(to_string(error.kind()));
    }
    return std::string("none");
  };
  EXPECT_EQ(kind_of([](SimulateOptions& o) { o.items = 3; }), "config");
  EXPECT_EQ(kind_of([](SimulateOptions& o) { o.users = 0; }), "config");
  EXPECT_EQ(kind_of([](SimulateOptions& o) { o.language = "fr"; }), "config");
  EXPECT_EQ(kind_of([](SimulateOptions& o) { o.drift = std::nan(""); }), "config");
}

TEST(Simulate, ASmallestShopWorks) {
  SimulateOptions options;
  options.items = 100;
  options.users = 3;
  options.days = 1;
  options.initial_share = 0.05;
  options.picture_size = 8;
  const SimulatedShop shop = simulate_shop(options, silent_reporter());
  EXPECT_EQ(shop.data.items.size(), 100);
}

}  // namespace
}  // namespace tessera
