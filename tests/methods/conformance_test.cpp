// What every method of the catalog promises, on a tiny world. A new line in catalog.def is tested here without a new
// test; methods too slow at their defaults have smaller options in `tiny_options`.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/array_file.h"
#include "base/error.h"
#include "methods/catalog.h"
#include "methods/tiny_world.h"

namespace tessera {
namespace {

nlohmann::json tiny_options(const std::string& name) {
  using nlohmann::json;
  static const std::map<std::string, json> table = {
      {"text-svd", {{"dim", 16}}},
      {"ppmi-svd", {{"dim", 16}}},
      {"concat", {{"parts", {"text-svd", "ppmi-svd"}}, {"text-svd", {{"dim", 8}}}, {"ppmi-svd", {{"dim", 8}}}}},
      {"din", {{"dim", 8}, {"negatives", 8}, {"max_epochs", 5}, {"batch_size", 64}, {"learning_rate", 0.01}}},
      {"item-table",
       {{"model",
         {{"name", "sasrec"},
          {"model_dim", 8},
          {"heads", 1},
          {"ff_dim", 16},
          {"layers", 1},
          {"max_epochs", 10},
          {"learning_rate", 0.005}}}}},
      {"rq-kmeans", {{"levels", 2}, {"codebook_size", {6, 4}}}},
      {"lightgcn", {{"dim", 16}, {"max_epochs", 40}, {"batch_size", 256}, {"learning_rate", 0.02}}},
      {"mf", {{"dim", 16}}},
      {"tdm",
       {{"dim", 16},
        {"hidden", {16}},
        {"max_history", 8},
        {"max_epochs", 8},
        {"batch_size", 32},
        {"learning_rate", 0.005},
        {"beam", 10},
        {"precision", "fp32"}}},
      {"recforest",
       {{"trees", 2},
        {"branches", 4},
        {"model_dim", 32},
        {"heads", 2},
        {"head_dim", 16},
        {"ff_dim", 64},
        {"decoder_layers", 1},
        {"max_history", 12},
        {"max_epochs", 14},
        {"batch_size", 32},
        {"precision", "fp32"},
        {"learning_rate", 0.005}}},
      {"sasrec",
       {{"model_dim", 16},
        {"heads", 1},
        {"ff_dim", 32},
        {"layers", 1},
        {"max_history", 12},
        {"negatives", 20},
        {"max_epochs", 30},
        {"batch_size", 32},
        {"learning_rate", 0.005}}},
      {"gru4rec",
       {{"model_dim", 32},
        {"max_history", 12},
        {"negatives", 30},
        {"max_epochs", 25},
        {"batch_size", 32},
        {"learning_rate", 0.01}}},
      {"caser", {{"model_dim", 16}, {"max_epochs", 15}, {"batch_size", 64}, {"learning_rate", 0.01}}},
      {"hgn", {{"model_dim", 32}, {"max_epochs", 25}, {"batch_size", 64}, {"learning_rate", 0.01}, {"targets", 1}}},
      {"bert4rec",
       {{"model_dim", 32},
        {"heads", 1},
        {"ff_dim", 32},
        {"layers", 1},
        {"max_history", 12},
        {"mask_rate", 0.3},
        {"last_rate", 0.5},
        {"max_epochs", 40},
        {"batch_size", 32},
        {"warmup_steps", 0},
        {"learning_rate", 0.005}}},
      {"fdsa",
       {{"model_dim", 16},
        {"heads", 1},
        {"ff_dim", 32},
        {"layers", 1},
        {"max_history", 12},
        {"loss", "softmax"},
        {"max_epochs", 20},
        {"batch_size", 32},
        {"learning_rate", 0.005}}},
      {"s3rec",
       {{"model_dim", 16},
        {"heads", 1},
        {"ff_dim", 32},
        {"layers", 1},
        {"dropout", 0.1},
        {"attention_dropout", 0.1},
        {"input_dropout", 0.1},
        {"max_history", 12},
        {"loss", "softmax"},
        {"pretrain_epochs", 5},
        {"max_epochs", 30},
        {"batch_size", 32},
        {"learning_rate", 0.005}}},
      {"tiger",
       {{"model_dim", 32},
        {"heads", 2},
        {"head_dim", 16},
        {"ff_dim", 64},
        {"encoder_layers", 1},
        {"decoder_layers", 1},
        {"max_history", 12},
        {"max_epochs", 40},
        {"batch_size", 32},
        {"precision", "fp32"},  // bfloat16 sums depend on the shape of a batch, so near-ties may swap
        {"learning_rate", 0.005}}},
      {"eager",
       {{"behaviour", {{"name", "ppmi-svd"}, {"dim", 16}}},
        {"semantic", {{"name", "text-svd"}, {"dim", 16}}},
        {"codes", {{"name", "balanced-kmeans"}, {"branching", 8}}},
        {"model_dim", 32},
        {"heads", 2},
        {"head_dim", 16},
        {"ff_dim", 64},
        {"decoder_layers", 1},
        {"max_history", 12},
        {"max_epochs", 20},
        {"batch_size", 32},
        {"precision", "fp32"},
        {"learning_rate", 0.005}}},
  };
  const auto found = table.find(name);
  return found == table.end() ? json::object() : found->second;
}

std::vector<std::string> names_of(const std::string& family) {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : catalog()) {
    if (entry.family == family) names.push_back(entry.info.name);
  }
  return names;
}

std::string printable(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

MethodContext quiet_context(uint64_t seed = 42) {
  return {seed, silent_reporter(), {}};
}

// ---- the catalog ----------------------------------------------------------------------------------------------------

TEST(Catalog, NamesAreUniqueAndDescribed) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const CatalogEntry& entry : catalog()) {
    EXPECT_TRUE(seen.insert({entry.family, entry.info.name}).second) << entry.info.name;
    EXPECT_FALSE(entry.info.summary.empty()) << entry.info.name;
    const nlohmann::json defaults = entry.info.defaults();
    EXPECT_TRUE(defaults.is_object()) << entry.info.name;
    for (const auto& [key, value] : defaults.items()) {
      EXPECT_NE(entry.info.help().find(key), std::string::npos) << entry.info.name << " has no help for " << key;
    }
    EXPECT_EQ(entry.family == "embed", static_cast<bool>(entry.info.make_embedder)) << entry.info.name;
    EXPECT_EQ(entry.family == "tokenize", static_cast<bool>(entry.info.make_tokenizer)) << entry.info.name;
    EXPECT_EQ(entry.family == "retrieve", static_cast<bool>(entry.info.make_retriever)) << entry.info.name;
  }
}

TEST(Catalog, AnUnknownNameIsAnsweredWithTheNearest) {
  try {
    make_tokenizer({{"name", "rq-kmean"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_NE(std::string(error.what()).find("did you mean 'rq-kmeans'"), std::string::npos) << error.what();
  }
  EXPECT_THROW(make_embedder(nlohmann::json::object()), Error);
  EXPECT_THROW(make_retriever({{"name", 3}}), Error);
}

TEST(Catalog, AnUnknownOptionIsAnsweredWithTheNearest) {
  for (const CatalogEntry& entry : catalog()) {
    const auto make = [&](const nlohmann::json& options) {
      if (entry.info.make_embedder) entry.info.make_embedder(options);
      if (entry.info.make_tokenizer) entry.info.make_tokenizer(options);
      if (entry.info.make_retriever) entry.info.make_retriever(options);
    };
    const nlohmann::json defaults = entry.info.defaults();
    ASSERT_FALSE(defaults.empty()) << entry.info.name;
    std::string real;
    for (const auto& [key, value] : defaults.items()) {
      if (key.size() > real.size()) real = key;
    }
    nlohmann::json options = tiny_options(entry.info.name);
    options[real + "x"] = 1;
    try {
      make(options);
      ADD_FAILURE() << entry.info.name << " took the option " << real << "x";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
      EXPECT_NE(std::string(error.what()).find(real), std::string::npos) << error.what();
    }
  }
}

// ---- embed ----------------------------------------------------------------------------------------------------------

class EmbedderConformance : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Embedder> make() const {
    nlohmann::json options = tiny_options(GetParam());
    if (GetParam() == "file") {
      write_npy(folder_.path() / "vectors.npy", view_of(tiny_world().vectors));
      options["path"] = (folder_.path() / "vectors.npy").string();
    }
    options["name"] = GetParam();
    return make_embedder(options);
  }
  TemporaryFolder folder_{"embed"};
};

TEST_P(EmbedderConformance, GivesFiniteVectorsThatKnowTheClasses) {
  const TinyWorld& world = tiny_world();
  const Matrix vectors = make()->embed(world.data, world.split, quiet_context());
  ASSERT_EQ(vectors.rows, TinyWorld::kItems);
  ASSERT_GE(vectors.cols, 1);
  double same = 0, other = 0;
  int64_t num_same = 0, num_other = 0;
  for (int64_t a = 0; a < vectors.rows; ++a) {
    for (const float value : vectors.row(a)) ASSERT_TRUE(std::isfinite(value));
    for (int64_t b = 0; b < a; ++b) {
      double dot = 0, aa = 0, bb = 0;
      for (int64_t j = 0; j < vectors.cols; ++j) {
        const double x = vectors.row(a)[static_cast<size_t>(j)], y = vectors.row(b)[static_cast<size_t>(j)];
        dot += x * y, aa += x * x, bb += y * y;
      }
      const double cosine = aa * bb > 0 ? dot / std::sqrt(aa * bb) : 0;
      (a / TinyWorld::kClass == b / TinyWorld::kClass ? same : other) += cosine;
      ++(a / TinyWorld::kClass == b / TinyWorld::kClass ? num_same : num_other);
    }
  }
  EXPECT_GT(same / static_cast<double>(num_same), other / static_cast<double>(num_other) + 0.05);
}

TEST_P(EmbedderConformance, SameSeedSameVectors) {
  const TinyWorld& world = tiny_world();
  EXPECT_EQ(make()->embed(world.data, world.split, quiet_context()).values,
            make()->embed(world.data, world.split, quiet_context()).values);
}

INSTANTIATE_TEST_SUITE_P(Catalog, EmbedderConformance, testing::ValuesIn(names_of("embed")), printable);

// ---- tokenize -------------------------------------------------------------------------------------------------------

class TokenizerConformance : public testing::TestWithParam<std::string> {
 protected:
  SemanticIds fit(const Matrix& vectors) const {
    nlohmann::json options = tiny_options(GetParam());
    options["name"] = GetParam();
    return make_tokenizer(options)->fit(vectors, quiet_context());
  }
};

TEST_P(TokenizerConformance, GivesValidIdsThatSurviveAFile) {
  const TemporaryFolder folder("tokenize");
  const SemanticIds ids = fit(tiny_world().vectors);
  ASSERT_EQ(ids.num_items(), TinyWorld::kItems);
  save_semantic_ids(ids, folder.path() / "sids.safetensors");
  const SemanticIds again = load_semantic_ids(folder.path() / "sids.safetensors");
  EXPECT_EQ(again.codes, ids.codes);
  EXPECT_EQ(again.level_sizes, ids.level_sizes);
  EXPECT_FALSE(ids.metadata.empty());
  EXPECT_EQ(Trie(ids).num_nodes(ids.levels()), TinyWorld::kItems) << "collisions are told apart";
}

TEST_P(TokenizerConformance, SameSeedSameIds) {
  EXPECT_EQ(fit(tiny_world().vectors).codes, fit(tiny_world().vectors).codes);
}

TEST_P(TokenizerConformance, OneItemAndEqualItemsAreNoProblem) {
  EXPECT_EQ(fit(Matrix(1, 4)).num_items(), 1);
  const SemanticIds equal = fit(Matrix(30, 4));
  EXPECT_EQ(Trie(equal).num_nodes(equal.levels()), 30);
  EXPECT_THROW(fit(Matrix(0, 4)), Error);
}

INSTANTIATE_TEST_SUITE_P(Catalog, TokenizerConformance, testing::ValuesIn(names_of("tokenize")), printable);

// ---- retrieve -------------------------------------------------------------------------------------------------------

/// Training is the slow part, so each retriever is trained once a suite.
class RetrieverConformance : public testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<Retriever> make(const std::string& name) {
    nlohmann::json options = tiny_options(name);
    options["name"] = name;
    return make_retriever(options);
  }
  static std::unique_ptr<Retriever> train(const std::string& name) {
    auto retriever = make(name);
    const TemporaryFolder folder("train_" + name);
    retriever->train(tiny_world().inputs(), {42, silent_reporter(), folder.path()});
    return retriever;
  }
  static const Retriever& trained(const std::string& name) {
    static std::map<std::string, std::unique_ptr<Retriever>> cache;
    auto& retriever = cache[name];
    if (!retriever) retriever = train(name);
    return *retriever;
  }
  const Retriever& trained() const { return trained(GetParam()); }

  static std::vector<Request> test_requests(int64_t k) {
    std::vector<Request> requests;
    for (const Case& c : tiny_world().split.test) {
      requests.push_back({tiny_world().split.history(c), c.user, {}, nullptr, k});
    }
    return requests;
  }
  static void expect_sound(const Results& results, int64_t wanted) {
    ASSERT_EQ(static_cast<int64_t>(results.items.size()), wanted);
    ASSERT_EQ(results.scores.size(), results.items.size());
    std::set<ItemId> seen;
    for (size_t i = 0; i < results.items.size(); ++i) {
      EXPECT_TRUE(index(results.items[i]) >= 0 && index(results.items[i]) < TinyWorld::kItems);
      EXPECT_TRUE(seen.insert(results.items[i]).second) << "item " << index(results.items[i]) << " twice";
      EXPECT_TRUE(std::isfinite(results.scores[i]));
      if (i > 0) {
        EXPECT_GE(results.scores[i - 1], results.scores[i]);
      }
    }
  }
};

TEST_P(RetrieverConformance, BeatsRandom) {
  const auto requests = test_requests(10);
  const auto answers = trained().recommend(requests);
  ASSERT_EQ(answers.size(), requests.size());
  double hits = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    expect_sound(answers[i], 10);
    hits += static_cast<double>(
        std::count(answers[i].items.begin(), answers[i].items.end(), tiny_world().split.test[i].target));
  }
  // Random: 10 of 60. What reads the history sees the next item nine times in ten; what knows people by what they had
  // in training knows their classes, but not where they went since.
  const bool by_user = GetParam() == "mf" || GetParam() == "lightgcn";
  const double wanted = GetParam() == "popular" ? 10.0 / 60.0 : by_user ? 0.4 : 0.6;
  EXPECT_GT(hits / static_cast<double>(answers.size()), wanted);
}

TEST_P(RetrieverConformance, SameSeedSameAnswers) {
  const auto again = train(GetParam());
  const auto requests = test_requests(10);
  const auto one = trained().recommend(requests), two = again->recommend(requests);
  for (size_t i = 0; i < requests.size(); ++i) ASSERT_EQ(one[i].items, two[i].items);
}

TEST_P(RetrieverConformance, SaveAndLoadGiveTheSameAnswers) {
  const TemporaryFolder folder("save_" + GetParam());
  trained().save(folder.path());
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "model.safetensors"));
  const auto loaded = make(GetParam());
  loaded->load(folder.path(), tiny_world().inputs());
  const auto requests = test_requests(10);
  const auto one = trained().recommend(requests), two = loaded->recommend(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(one[i].items, two[i].items);
    ASSERT_EQ(one[i].scores, two[i].scores);
  }
}

TEST_P(RetrieverConformance, LoadRefusesWhatIsNotThere) {
  const TemporaryFolder folder("none_" + GetParam());
  EXPECT_THROW(make(GetParam())->load(folder.path(), tiny_world().inputs()), Error);
}

TEST_P(RetrieverConformance, ExcludedItemsAreNeverAnswered) {
  auto requests = test_requests(20);
  for (Request& request : requests) request.exclude = request.history;
  const auto answers = trained().recommend(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    expect_sound(answers[i], 20);
    for (const ItemId item : answers[i].items) {
      ASSERT_EQ(std::count(requests[i].history.begin(), requests[i].history.end(), item), 0);
    }
  }
}

TEST_P(RetrieverConformance, AFilterThatLeavesSevenItemsGivesThoseSeven) {
  const std::vector<ItemId> allowed{ItemId{3}, ItemId{14}, ItemId{15}, ItemId{26}, ItemId{35}, ItemId{48}, ItemId{59}};
  const ItemFilter filter = ItemFilter::allow(tiny_world().trie, allowed);
  auto requests = test_requests(7);
  requests.resize(20);
  for (Request& request : requests) request.filter = &filter;
  for (Results& results : trained().recommend(requests)) {
    expect_sound(results, 7);
    std::sort(results.items.begin(), results.items.end());
    EXPECT_EQ(results.items, allowed);
  }
  for (Request& request : requests) request.exclude = std::span(allowed).first(3), request.k = 10;
  for (const Results& results : trained().recommend(requests)) expect_sound(results, 4);
}

TEST_P(RetrieverConformance, AnEmptyHistoryIsAnswered) {
  const std::vector<Request> requests(3);
  for (const Results& results : trained().recommend(requests)) expect_sound(results, 10);
  EXPECT_TRUE(trained().recommend({}).empty());
}

TEST_P(RetrieverConformance, KMayBeTheWholeCatalogueOrMore) {
  auto requests = test_requests(TinyWorld::kItems + 5);
  requests.resize(3);
  for (const Results& results : trained().recommend(requests)) expect_sound(results, TinyWorld::kItems);
}

TEST_P(RetrieverConformance, AnswersDoNotDependOnTheBatch) {
  auto requests = test_requests(10);
  requests.resize(12);
  const auto together = trained().recommend(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(trained().recommend(std::span(requests).subspan(i, 1))[0].items, together[i].items);
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, RetrieverConformance, testing::ValuesIn(names_of("retrieve")), printable);

}  // namespace
}  // namespace tessera
