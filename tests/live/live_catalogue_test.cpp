#include "live/live_catalogue.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "base/error.h"
#include "base/random.h"
#include "live/filter.h"

namespace tessera::live {
namespace {

Item named(std::string id, double price = 1, std::string brand = "Acme") {
  Item item;
  item.id = std::move(id);
  item.title = "Title of " + item.id;
  item.price = price;
  item.brand = std::move(brand);
  return item;
}

TEST(LiveCatalogue, PutsErasesAndRevivesInTheSameSlot) {
  LiveCatalogue catalogue;
  const auto empty = catalogue.view();
  EXPECT_EQ(empty->size(), 0);
  EXPECT_EQ(empty->version(), 1);
  EXPECT_TRUE(empty->live().empty());

  auto applied = catalogue.apply({Change::put(named("a")), Change::put(named("b")), Change::erase("c")});
  EXPECT_EQ(applied[0].item, ItemId{0});
  EXPECT_FALSE(applied[0].was_live);
  EXPECT_EQ(applied[1].item, ItemId{1});
  EXPECT_EQ(applied[2].item, std::nullopt);
  const auto two = catalogue.view();
  EXPECT_EQ(two->version(), 2);
  EXPECT_EQ(two->num_live(), 2);
  EXPECT_EQ(two->item(ItemId{1}).title, "Title of b");

  applied = catalogue.apply({Change::erase("a")});
  EXPECT_TRUE(applied[0].was_live);
  const auto one = catalogue.view();
  EXPECT_EQ(one->size(), 2);
  EXPECT_EQ(one->num_live(), 1);
  EXPECT_EQ(one->find("a"), std::nullopt);
  EXPECT_EQ(one->find_slot("a"), ItemId{0});
  EXPECT_EQ(one->item(ItemId{0}).id, "a");
  EXPECT_EQ(one->item(ItemId{0}).title, "");
  EXPECT_EQ(two->find("a"), ItemId{0}) << "an old view stays as it was";
  EXPECT_EQ(two->item(ItemId{0}).title, "Title of a");

  applied = catalogue.apply({Change::put(named("a", 7))});
  EXPECT_EQ(applied[0].item, ItemId{0});
  EXPECT_FALSE(applied[0].was_live);
  EXPECT_EQ(catalogue.view()->item(ItemId{0}).price, 7);
  EXPECT_EQ(empty->find("a"), std::nullopt);
}

TEST(LiveCatalogue, OneBatchIsOneViewInOrder) {
  LiveCatalogue catalogue;
  const auto applied = catalogue.apply({Change::put(named("x", 1)), Change::put(named("x", 2)), Change::erase("x"),
                                        Change::erase("x"), Change::put(named("x", 3)), Change::put(named("y", 4))});
  EXPECT_EQ(catalogue.view()->version(), 2);
  EXPECT_EQ(catalogue.view()->num_live(), 2);
  EXPECT_EQ(catalogue.view()->item(*applied[4].item).price, 3);
  EXPECT_TRUE(applied[1].was_live);
  EXPECT_TRUE(applied[2].was_live);
  EXPECT_FALSE(applied[3].was_live);
  EXPECT_FALSE(applied[4].was_live);
  EXPECT_EQ(applied[0].item, applied[4].item);
}

TEST(LiveCatalogue, NothingToDoPublishesNothingAndBadChangesChangeNothing) {
  LiveCatalogue catalogue;
  catalogue.apply({Change::put(named("a"))});
  const auto before = catalogue.view();
  catalogue.apply({});
  catalogue.apply({Change::erase("b")});
  EXPECT_EQ(catalogue.view(), before);
  EXPECT_THROW(catalogue.apply({Change::put(named("b")), Change::put(named(""))}), Error);
  EXPECT_THROW(catalogue.apply({Change::erase("")}), Error);
  EXPECT_EQ(catalogue.view(), before);
  EXPECT_EQ(catalogue.view()->find_slot("b"), std::nullopt);
  EXPECT_THROW(before->item(ItemId{1}), Error);
  EXPECT_THROW(before->item(ItemId{-1}), Error);
}

TEST(LiveCatalogue, StartsFromACatalogueAndKnowsItsAttributes) {
  Catalogue start;
  for (int i = 0; i < 3000; ++i) {
    Item item = named("i" + std::to_string(i));
    if (i == 2500) item.attributes["colour"] = "red";
    start.add(item);
  }
  LiveCatalogue catalogue(start);
  const auto view = catalogue.view();
  EXPECT_EQ(view->size(), 3000);
  EXPECT_EQ(view->live().count(), 3000);
  EXPECT_EQ(view->find("i2999"), ItemId{2999});
  EXPECT_TRUE(view->has_attribute("colour"));
  Item item = named("new");
  item.attributes["size"] = "M";
  catalogue.apply({Change::put(item)});
  EXPECT_FALSE(view->has_attribute("size")) << "a later name is not of this view";
  EXPECT_EQ(catalogue.view()->attribute_names(), (std::vector<std::string>{"colour", "size"}));
}

TEST(LiveCatalogue, FollowsAModelThroughRandomChanges) {
  LiveCatalogue catalogue;
  std::map<std::string, double> model;  // live id -> price
  std::map<std::string, ItemId> slots;  // every id ever put
  Random random(5, "test.live.model");
  double next_price = 1;
  for (int round = 0; round < 300; ++round) {
    std::vector<Change> changes;
    std::vector<std::string> ids;
    for (uint64_t n = random.below(40); n > 0; --n) {
      ids.push_back("id" + std::to_string(random.below(3000)));
      if (random.chance(0.4)) {
        changes.push_back(Change::erase(ids.back()));
        model.erase(ids.back());
      } else {
        changes.push_back(Change::put(named(ids.back(), next_price)));
        model[ids.back()] = next_price++;
      }
    }
    const auto applied = catalogue.apply(std::move(changes));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!applied[i].item) continue;
      const auto [it, is_new] = slots.emplace(ids[i], *applied[i].item);
      ASSERT_EQ(it->second, *applied[i].item) << "an id keeps its slot";
    }
    const auto view = catalogue.view();
    ASSERT_EQ(view->size(), static_cast<int64_t>(slots.size()));
    ASSERT_EQ(view->num_live(), static_cast<int64_t>(model.size()));
    ASSERT_EQ(view->live().count(), view->num_live());
    for (const auto& [id, slot] : slots) {
      const auto it = model.find(id);
      ASSERT_EQ(view->is_live(slot), it != model.end());
      ASSERT_EQ(view->live().contains(slot), it != model.end());
      ASSERT_EQ(view->item(slot).id, id);
      ASSERT_EQ(view->find_slot(id), slot);
      if (it != model.end()) {
        ASSERT_EQ(view->item(slot).price, it->second);
      }
    }
  }
}

TEST(LiveCatalogue, ReadersSeeWholeBatchesWhileAWriterWrites) {
  // Every batch gives all of a pair of items the same price and brand: no reader may see half of one.
  LiveCatalogue catalogue;
  std::vector<Change> first;
  for (int i = 0; i < 2000; ++i) first.push_back(Change::put(named("i" + std::to_string(i), 0, "b0")));
  catalogue.apply(std::move(first));
  std::atomic<bool> done = false;
  std::atomic<int64_t> reads = 0;
  const auto read = [&] {
    FilterCache cache(8);
    while (!done || reads == 0) {
      const auto view = catalogue.view();
      const double price = view->item(*view->find("i0")).price;
      ASSERT_EQ(view->item(*view->find("i1999")).price, price);
      const auto text = fmt::format("price:={} && brand:=b{}", price, price);
      ASSERT_TRUE(cache.evaluate(Filter::parse(text), *view)->contains(*view->find("i1999"))) << text;
      const ItemSet others = Filter::parse("!(id:[i0,i1999]) && brand:*").evaluate(*view);
      ASSERT_EQ(others.count(), view->num_live() - 2);
      ++reads;
    }
  };
  std::thread reader_a(read), reader_b(read);
  for (int round = 1; round <= 150; ++round) {
    std::vector<Change> batch;
    const std::string brand = "b" + std::to_string(round);
    batch.push_back(Change::put(named("i0", round, brand)));
    batch.push_back(Change::put(named("new" + std::to_string(round), round, brand)));
    if (round > 1) batch.push_back(Change::erase("new" + std::to_string(round - 1)));
    batch.push_back(Change::put(named("i1999", round, brand)));
    catalogue.apply(std::move(batch));
  }
  done = true;
  reader_a.join();
  reader_b.join();
  EXPECT_GT(reads, 0);
}

}  // namespace
}  // namespace tessera::live
