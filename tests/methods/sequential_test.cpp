// What the conformance tests cannot see of networks that read histories: a model that looks at its answers while it
// trains, a weight that never learns, rows that are shifted against their padding.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/array_file.h"
#include "methods/catalog.h"
#include "methods/history_batch.h"
#include "methods/item_attributes.h"
#include "methods/tiny_world.h"
#include "nn/softmax.h"
#include "train/train_log.h"

namespace tessera {
namespace {

using nlohmann::json;

/// 1,500 people whose items are drawn at random: whoever predicts the next one has seen it.
struct NoiseWorld {
  static constexpr int64_t kItems = 60;
  Dataset data;
  Split split;
  Matrix vectors{kItems, 8};
  SemanticIds ids;  ///< two levels
  Trie trie;
  NoiseWorld() {
    Random random(5, "tests.noise");
    for (int32_t i = 0; i < kItems; ++i) {
      Item item;
      item.id = "item" + std::to_string(i);
      item.brand = "brand" + std::to_string(i / 2);
      data.items.add(std::move(item));
    }
    for (int32_t u = 0; u < 1500; ++u) {
      data.users.add("user" + std::to_string(u));
      for (int32_t t = 0; t < 12; ++t)
        data.log.add(UserId{u}, ItemId{static_cast<int32_t>(random.below(kItems))}, TinyWorld::kClick, t);
    }
    data.log.sort();
    split = make_split(data, {});
    for (float& value : vectors.values) value = static_cast<float>(random.normal());
    ids.level_sizes = {6, 10};
    for (int32_t i = 0; i < kItems; ++i) ids.codes.insert(ids.codes.end(), {i / 10, i % 10});
    trie = Trie(ids);
  }
  RetrieveInputs inputs() const { return {data, split, &vectors, &ids, &trie}; }
};

const NoiseWorld& noise_world() {
  static const NoiseWorld world;
  return world;
}

struct Trial {
  std::string method;
  json options;
  double blind_loss;  ///< of the best that knows nothing

  std::string label() const { return method + (options.contains("block") ? "_post_norm" : ""); }
};

void PrintTo(const Trial& trial, std::ostream* out) {
  *out << trial.label();
}

json small(json options) {
  options.update({{"batch_size", 64}, {"learning_rate", 0.01}, {"validate_every_epochs", 1000}, {"precision", "fp32"}});
  return options;
}
json transformer(json options) {
  options.update({{"model_dim", 16}, {"heads", 1}, {"ff_dim", 32}, {"layers", 2}, {"max_history", 12}});
  return small(options);
}

/// Encoder and decoder; the loss is the mean over two levels of codes. All answers of a history are decoded at once,
/// each behind a mask of its own.
json generator(json options) {
  options.update({{"head_dim", 16}, {"encoder_layers", 1}, {"decoder_layers", 1}, {"table_rate", 1}});
  options.update({{"warmup_steps", 0}, {"recency", true}, {"batch_by", "answers"}});
  options = transformer(std::move(options));
  options.erase("layers");
  return options;
}

std::vector<Trial> trials() {
  const double uniform = std::log(static_cast<double>(NoiseWorld::kItems)), coin = std::log(2.0);
  const json codes{{"name", "ppmi-svd"}, {"dim", 8}};
  return {{"sasrec", transformer({{"loss", "softmax"}}), uniform},
          {"sasrec", transformer({{"loss", "softmax"}, {"block", "post-norm"}}), uniform},
          {"gru4rec", small({{"model_dim", 16}, {"max_history", 12}, {"layers", 2}, {"loss", "softmax"}}), uniform},
          {"fdsa", transformer({{"loss", "softmax"}}), uniform},
          {"s3rec", transformer({{"loss", "softmax"}, {"pretrain_epochs", 0}}), uniform},
          {"bert4rec", transformer({{"warmup_steps", 0}}), uniform},
          {"hgn", small({{"model_dim", 16}, {"weight_decay", 0}}), coin},
          {"caser", small({{"model_dim", 16}, {"weight_decay", 0}}), 2 * coin},
          {"tiger", generator({}), uniform / 2},
          {"recforest", generator({{"trees", 2}, {"branches", 8}}), uniform / 2},
          {"eager",
           generator({{"streams", "two-behaviour"},
                      {"behaviour", codes},
                      {"codes", {{"branching", 8}}},
                      {"contrast", "none"},
                      {"reconstruct", false},
                      {"recognise", false}}),
           uniform}};
}

class Sequential : public testing::TestWithParam<Trial> {
 protected:
  /// @return the folder's log
  static TrainLog train(const RetrieveInputs& inputs, json options, int64_t steps,
                        const std::filesystem::path& folder) {
    options["name"] = GetParam().method;
    options["max_steps"] = steps;
    const auto retriever = make_retriever(options);
    retriever->train(inputs, {42, silent_reporter(), folder});
    retriever->save(folder);
    return read_train_log(folder / "train.jsonl");
  }
};

TEST_P(Sequential, NoAnswerIsSeenBeforeItIsAsked) {
  const TemporaryFolder folder("noise_" + GetParam().label());
  json options = GetParam().options;
  for (const char* rate : {"dropout", "attention_dropout", "input_dropout"}) {
    if (find_method("retrieve", GetParam().method).defaults().contains(rate)) options[rate] = 0.0;
  }
  const TrainLog log = train(noise_world().inputs(), options, 100, folder.path());
  ASSERT_FALSE(log.points.empty());
  EXPECT_GT(log.points.back().loss, 0.93 * GetParam().blind_loss);
}

TEST_P(Sequential, EveryWeightLearns) {
  const TemporaryFolder one("one_" + GetParam().label()), more("more_" + GetParam().label());
  json options = GetParam().options;
  if (GetParam().method == "s3rec") options["pretrain_epochs"] = 1;
  if (GetParam().method == "eager")
    options.update({{"contrast", "smooth-l1"}, {"reconstruct", true}, {"recognise", true}});
  train(tiny_world().inputs(), options, 1, one.path());
  train(tiny_world().inputs(), options, 12, more.path());
  const SafetensorsFile a(one.path() / "model.safetensors"), b(more.path() / "model.safetensors");
  for (const auto& [name, view] : a.tensors()) {
    const auto x = view.as<float>(), y = b.at(name).as<float>();
    EXPECT_FALSE(std::equal(x.begin(), x.end(), y.begin())) << name << " stays as it was";
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Sequential, testing::ValuesIn(trials()),
                         [](const auto& one) { return one.param.label(); });

TEST(HistoryBatch, MasksAndPlacesFollowThePadding) {
  const std::vector<ItemId> a{ItemId{4}, ItemId{2}, ItemId{7}}, b{ItemId{5}};
  const std::vector<std::span<const ItemId>> histories{a, b, {}};
  const HistoryBatch left = pad_histories(histories, 9, Padding::left, at::kCPU);
  const HistoryBatch right = pad_histories(histories, 9, Padding::right, at::kCPU);
  EXPECT_TRUE(at::equal(left.items, at::tensor({4, 2, 7, 9, 9, 5, 9, 9, 9}, at::kLong).view({3, 3})));
  EXPECT_TRUE(at::equal(right.items, at::tensor({4, 2, 7, 5, 9, 9, 9, 9, 9}, at::kLong).view({3, 3})));
  EXPECT_TRUE(at::equal(last_places(left), at::tensor({2, 5, 8}, at::kLong)));
  EXPECT_TRUE(at::equal(last_places(right), at::tensor({2, 3, 6}, at::kLong)));
  EXPECT_TRUE(at::equal(is_item(left), (left.items != 9).to(at::kFloat)));
  EXPECT_TRUE(at::equal(is_item(right), (right.items != 9).to(at::kFloat)));
  const at::Tensor causal = causal_mask(left) == 0, seen = padding_mask(left) == 0;
  EXPECT_TRUE(at::equal(causal[0], at::ones({3, 3}, at::kBool).tril()));
  EXPECT_TRUE(at::equal(causal[1][2], at::tensor({0, 0, 1}) == 1));
  EXPECT_TRUE(at::equal(seen[1][0], at::tensor({0, 0, 1}) == 1));
  EXPECT_TRUE(seen[2].all().item<bool>());  // a row of padding sees itself, so that no softmax is empty
}

TEST(Chunks, EveryAnswerHasAsMuchBeforeItAsIsAskedFor) {
  const Split& split = noise_world().split;  // ten training items each
  for (const auto& [longest, shortest] : {std::pair(3, 0), std::pair(4, 1), std::pair(4, 3), std::pair(5, 5)}) {
    std::vector<int64_t> asked(split.all.items.size(), 0);
    for (const Chunk& chunk : make_chunks(split, longest, shortest)) {
      EXPECT_LE(chunk.size(), longest + 1);
      EXPECT_GE(chunk.first_target - chunk.begin, shortest) << "max_history " << longest;
      for (int64_t t = chunk.first_target; t < chunk.end; ++t) ++asked[static_cast<size_t>(t)];
    }
    for (int64_t u = 0; u < split.all.num_users(); ++u) {
      const int64_t first = split.all.offsets[static_cast<size_t>(u)], last = split.train_end[static_cast<size_t>(u)];
      for (int64_t t = first; t < last; ++t)
        ASSERT_EQ(asked[static_cast<size_t>(t)], t >= first + shortest ? 1 : 0) << "max_history " << longest;
    }
  }
  EXPECT_THROW(make_chunks(split, 4, 5), Error);
}

TEST(HistoryBatch, ChunksAskForEveryItemAfterTheFirst) {
  const Split& split = tiny_world().split;
  const auto chunks = make_chunks(split, 5);
  for (const Padding padding : {Padding::left, Padding::right}) {
    const ChunkBatch batch = read_chunks(split, std::span(chunks).first(20), TinyWorld::kItems, padding, at::kCPU);
    const at::Tensor before = batch.read.items.flatten().index_select(0, batch.places);
    int64_t next = 0;
    for (size_t c = 0; c < 20; ++c) {
      for (int64_t t = chunks[c].first_target; t < chunks[c].end; ++t, ++next) {
        ASSERT_EQ(batch.answers[next].item<int64_t>(), index(split.all.items[static_cast<size_t>(t)]));
        ASSERT_EQ(before[next].item<int64_t>(), index(split.all.items[static_cast<size_t>(t - 1)]));
      }
    }
    EXPECT_EQ(next, batch.answers.size(0));
  }
}

TEST(HistoryBatch, WindowsStayWithinTheTrainingItemsOfOnePerson) {
  const Split& split = tiny_world().split;
  const auto windows = make_target_windows(split, 4, 3);
  for (const Chunk& w : windows) {
    const auto u = static_cast<size_t>(index(w.user));
    EXPECT_TRUE(w.begin >= split.all.offsets[u] && w.end <= split.train_end[u]);
    EXPECT_TRUE(w.begin < w.first_target && w.first_target < w.end);
    EXPECT_LE(w.first_target - w.begin, 4);
    EXPECT_LE(w.end - w.first_target, 3);
  }
  const WindowBatch batch = read_windows(split, std::span(windows).first(30), TinyWorld::kItems, 4, 3, at::kCPU);
  for (int64_t b = 0; b < 30; ++b) {
    const Chunk& w = windows[static_cast<size_t>(b)];
    EXPECT_EQ(batch.items[b][3].item<int64_t>(), index(split.all.items[static_cast<size_t>(w.first_target - 1)]));
    EXPECT_EQ(batch.answers[b][0].item<int64_t>(), index(split.all.items[static_cast<size_t>(w.first_target)]));
    EXPECT_EQ(batch.valid[b].sum().item<double>(), static_cast<double>(w.end - w.first_target));
  }
}

TEST(ItemAttributes, TellSomeItemsFromOthers) {
  Catalogue items;
  const auto add = [&](const char* id, const char* brand, std::vector<std::vector<std::string>> categories) {
    Item item;
    item.id = id;
    item.brand = brand;
    item.categories = std::move(categories);
    items.add(std::move(item));
  };
  add("a", "Acme", {{"Shop", "Soap"}, {"Shop", "Gifts", "Soap"}});
  add("b", "Other", {{"Shop", "Soap"}});
  add("c", "Acme", {{"Shop", "Towels"}});
  const ItemAttributes attributes = item_attributes(items);
  EXPECT_EQ(attributes.count, 2);  // Acme and Soap: Shop is everywhere, the others are of one item
  EXPECT_TRUE(at::equal(attributes.padded(at::kCPU), at::tensor({0, 1, 1, 2, 0, 2, 2, 2}, at::kLong).view({4, 2})));
}

}  // namespace
}  // namespace tessera
