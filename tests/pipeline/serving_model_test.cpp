// A finished run answers while its catalogue changes.
#include "pipeline/serving_model.h"

#include <gtest/gtest.h>

#include <set>

#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

using test::TemporaryFolder;

constexpr const char* kTiger = R"toml(
[embed]
name = "text-svd"
dim = 4
max_df = 1.0
[tokenize]
name = "rq-kmeans"
levels = 2
codebook_size = [4]
[retrieve]
name = "tiger"
model_dim = 16
heads = 2
head_dim = 8
ff_dim = 32
encoder_layers = 1
decoder_layers = 1
max_steps = 30
beam = 10
[evaluate]
resamples = 50
)toml";

/// A run over the tiny shop, trained, and opened to serve.
class ServingModelTest : public testing::Test {
 protected:
  /// The tiny shop with titles that tell items apart by shape and colour.
  static Dataset shop() {
    const Dataset tiny = test::tiny_dataset();
    Dataset data;
    data.name = tiny.name;
    for (Item item : tiny.items.items()) {
      const int i = static_cast<int>(data.items.size());
      item.title = "shape" + std::to_string(i % 4) + " colour" + std::to_string(i % 6);
      item.brand.clear();
      data.items.add(std::move(item));
    }
    data.users = tiny.users;
    data.log = tiny.log;
    return data;
  }
  std::shared_ptr<ServingModel> open(const std::string& name, const std::string& text) {
    Dataset data = shop();
    save_dataset(data, folder_ / "data");
    Recipe recipe = parse_recipe(text, name + ".toml");
    apply_set(recipe, "data=" + (folder_ / "data").string());
    apply_set(recipe, "name=" + name);
    resolve_recipe(recipe);
    tessera::Run(recipe, context()).up_to(Stage::train);
    return ServingModel::open(name, context());
  }
  RunContext context() const {
    RunContext context;
    context.runs = folder_ / "runs";
    return context;
  }
  static Results ask(const ServingModel& model, std::vector<ItemId> history, int64_t k,
                     const ItemFilter* filter = nullptr) {
    const auto items = model.items();
    Request request;
    request.history = history;
    request.k = k;
    request.filter = filter;
    return model.recommend({&request, 1}, *items).at(0);
  }
  TemporaryFolder folder_;
};

TEST_F(ServingModelTest, ANewItemIsAnsweredAtOnceAndStandsAmongItsLikes) {
  const auto model = open("tiger", kTiger);
  ASSERT_TRUE(model->takes_new_items());
  EXPECT_EQ(model->items()->size(), 24);
  Item item = model->dataset().items[ItemId{5}];
  item.id = "new";
  const std::pair<ItemId, Item> put{ItemId{24}, item};
  EXPECT_EQ(model->put_items({&put, 1}), 0);
  const auto items = model->items();
  ASSERT_EQ(items->size(), 25);
  // It reads as items 5 and 17 do, and stands beside them.
  EXPECT_EQ(items->ids.of(ItemId{24})[0], items->ids.of(ItemId{5})[0]);
  EXPECT_FALSE(std::ranges::equal(items->ids.of(ItemId{24}), items->ids.of(ItemId{5})));
  std::vector<uint64_t> only = {1ULL << 24};
  const ItemFilter filter = ItemFilter::from_bits(items->trie, only);
  EXPECT_EQ(ask(*model, {ItemId{1}, ItemId{24}}, 3, &filter).items, std::vector<ItemId>{ItemId{24}});
  EXPECT_EQ(ask(*model, {ItemId{1}}, 25).items.size(), 25u);
  // Nothing is nearer than they are. Others may be as near, but for rounding: the vectors are short.
  const Results likes = model->similar(ItemId{24}, 24, std::vector<uint64_t>{~0ULL >> 39});
  ASSERT_EQ(likes.items.size(), 24u);
  for (const ItemId like : {ItemId{5}, ItemId{17}}) {
    const auto place = std::find(likes.items.begin(), likes.items.end(), like) - likes.items.begin();
    EXPECT_NEAR(likes.scores[static_cast<size_t>(place)], likes.scores[0], 1e-4) << index(like);
  }
  EXPECT_LT(likes.scores.back(), likes.scores[0] - 0.1);
}

TEST_F(ServingModelTest, AnItemWhosePriceAloneChangesKeepsItsCodes) {
  const auto model = open("tiger", kTiger);
  std::vector<int32_t> before;
  for (const int32_t code : model->items()->ids.of(ItemId{3})) before.push_back(code);
  Item item = model->dataset().items[ItemId{3}];
  item.price = 999;
  item.available = false;
  const std::pair<ItemId, Item> put{ItemId{3}, item};
  model->put_items({&put, 1});
  EXPECT_TRUE(std::ranges::equal(model->items()->ids.of(ItemId{3}), before));
}

TEST_F(ServingModelTest, AnItemThatReadsLikeAnotherMovesToItAndBack) {
  const auto model = open("tiger", kTiger);
  const std::vector<int32_t> before(model->items()->ids.of(ItemId{3}).begin(), model->items()->ids.of(ItemId{3}).end());
  Item other = model->dataset().items[ItemId{7}];
  other.id = "i3";
  const std::pair<ItemId, Item> put{ItemId{3}, other};
  model->put_items({&put, 1});
  const std::pair<ItemId, Item> back{ItemId{3}, model->dataset().items[ItemId{3}]};
  model->put_items({&back, 1});
  const auto after = model->items()->ids.of(ItemId{3});
  EXPECT_TRUE(std::equal(after.begin(), after.end() - 1, before.begin()));
}

TEST_F(ServingModelTest, ItemsGetTheCodesAgainThatTheyHad) {
  // Three that read alike take the places of one bucket in the order of their coming; items 3 and 5 leave theirs.
  const auto first = open("tiger", kTiger);
  const auto like = [&](int of, const char* id) {
    Item item = first->dataset().items[ItemId{of}];
    item.id = id;
    return item;
  };
  const std::vector<std::pair<ItemId, Item>> puts = {{ItemId{24}, like(5, "a")},
                                                     {ItemId{3}, like(7, "i3")},
                                                     {ItemId{25}, like(5, "b")},
                                                     {ItemId{5}, like(3, "i5")},
                                                     {ItemId{26}, like(5, "c")}};
  for (auto put = puts.rbegin(); put != puts.rend(); ++put) first->put_items({&*put, 1});
  const auto codes_of = [](const ServingModel& model, ItemId item) {
    const auto items = model.items();
    const auto codes = items->ids.of(item);
    return std::vector<int32_t>(codes.begin(), codes.end());
  };
  std::vector<std::vector<int32_t>> before;
  for (const auto& [slot, item] : puts) before.push_back(codes_of(*first, slot));
  const auto second = ServingModel::open("tiger", context());
  before[2] = {99, 99, 99, 99};  // what cannot be is not taken
  EXPECT_EQ(second->put_items(puts, before), 0);
  std::set<std::vector<int32_t>> all;
  for (int slot = 0; slot < 27; ++slot) all.insert(codes_of(*second, ItemId{slot}));
  EXPECT_EQ(all.size(), 27u);
  for (const size_t i : {0, 1, 3, 4}) EXPECT_EQ(codes_of(*second, puts[i].first), before[i]) << i;
  EXPECT_EQ(first->place_key(puts[0].second), second->place_key(like(5, "z")));
  EXPECT_NE(first->place_key(puts[0].second), second->place_key(puts[1].second));
}

TEST_F(ServingModelTest, SlotsThatNobodyPutHaveAPlaceThatFiltersKeepOut) {
  const auto model = open("tiger", kTiger);
  Item item = model->dataset().items[ItemId{5}];
  item.id = "far";
  const std::pair<ItemId, Item> put{ItemId{30}, item};
  model->put_items({&put, 1});
  const auto items = model->items();
  EXPECT_EQ(items->size(), 31);
  const ItemFilter filter = ItemFilter::from_bits(items->trie, std::vector<uint64_t>{(1ULL << 24) - 1 + (1ULL << 30)});
  const Results all = ask(*model, {ItemId{1}}, 31, &filter);
  EXPECT_EQ(all.items.size(), 25u);
  for (const ItemId found : all.items) EXPECT_TRUE(index(found) < 24 || index(found) == 30);
}

TEST_F(ServingModelTest, AMethodWithoutIdsAnswersWhatItKnowsAndTakesFilters) {
  const auto model = open("cf", "[retrieve]\nname = \"item-cf\"\n[evaluate]\nresamples = 50\n");
  EXPECT_FALSE(model->takes_new_items());
  const std::pair<ItemId, Item> put{ItemId{24}, Item{}};
  EXPECT_EQ(model->put_items({&put, 1}), 0);
  const auto items = model->items();
  const ItemFilter filter = ItemFilter::from_bits(items->trie, std::vector<uint64_t>{0b101010});
  const Results found = ask(*model, {ItemId{0}, ItemId{24}}, 10, &filter);
  EXPECT_EQ(std::set<ItemId>(found.items.begin(), found.items.end()),
            (std::set<ItemId>{ItemId{1}, ItemId{3}, ItemId{5}}));
  EXPECT_TRUE(model->similar(ItemId{0}, 3, std::vector<uint64_t>{~0ULL}).items.empty());
}

TEST_F(ServingModelTest, NodesAreNamedByTheWordsThatMarkThem) {
  const auto model = open("tiger", kTiger);
  const auto items = model->items();
  int64_t named = 0;
  for (int32_t node = 0; node < items->trie.num_nodes(1); ++node) named += !model->node_words(*items, 1, node).empty();
  EXPECT_GT(named, 0);
}

}  // namespace
}  // namespace tessera
