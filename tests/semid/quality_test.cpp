#include "semid/quality.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

TEST(Quality, UniformCodes) {
  // 16 items, every pair of 4 x 4 codes once.
  SemanticIds ids;
  ids.level_sizes = {4, 4};
  for (int32_t a = 0; a < 4; ++a) {
    for (int32_t b = 0; b < 4; ++b) ids.codes.insert(ids.codes.end(), {a, b});
  }
  const QualityReport report = measure_quality(ids);
  EXPECT_EQ(report.distinct, 16);
  EXPECT_DOUBLE_EQ(report.icr, 1.0);
  EXPECT_DOUBLE_EQ(report.collision_rate, 0.0);
  EXPECT_DOUBLE_EQ(report.cur_fair, 1.0);
  EXPECT_EQ(report.largest_bucket, 1);
  for (const LevelQuality& level : report.levels) {
    EXPECT_DOUBLE_EQ(level.utilisation, 1.0);
    EXPECT_NEAR(level.entropy, std::log(4.0), 1e-12);
    EXPECT_NEAR(level.conditional_entropy, std::log(4.0), 1e-12);
    EXPECT_NEAR(level.normalised_entropy, 1.0, 1e-12);
    EXPECT_NEAR(level.perplexity, 4.0, 1e-12);
    EXPECT_NEAR(level.gini, 0.0, 1e-12);
  }
}

TEST(Quality, HandMadeCounts) {
  // Level 0 counts: 3, 1, 0, 0. Buckets: {00: 2, 01: 1, 10: 1}.
  SemanticIds ids{{4, 2}, {0, 0, 0, 1, 1, 0, 0, 0}, {}, {}};
  const QualityReport report = measure_quality(ids);
  EXPECT_EQ(report.distinct, 3);
  EXPECT_EQ(report.largest_bucket, 2);
  EXPECT_DOUBLE_EQ(report.icr, 0.5);
  EXPECT_DOUBLE_EQ(report.duplicate_rate, 0.25);
  EXPECT_DOUBLE_EQ(report.cur_total, 3.0 / 8.0);
  EXPECT_DOUBLE_EQ(report.cur_fair, 0.75);
  const LevelQuality& level = report.levels[0];
  EXPECT_EQ(level.used, 2);
  EXPECT_DOUBLE_EQ(level.utilisation, 0.5);
  EXPECT_NEAR(level.gini, (-3 * 0 + -1 * 0 + 1 * 1 + 3 * 3) / 16.0, 1e-12);
  EXPECT_NEAR(level.gini_used, (-1 * 1 + 1 * 3) / 8.0, 1e-12);
  const double h0 = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  const double joint = -(0.5 * std::log(0.5) + 2 * 0.25 * std::log(0.25));
  EXPECT_NEAR(level.entropy, h0, 1e-12);
  EXPECT_NEAR(report.levels[1].conditional_entropy, joint - h0, 1e-12);
}

TEST(Quality, AnAppendedLevelDoesNotHideCollisions) {
  SemanticIds ids{{2}, {0, 0, 1}, {Matrix(2, 1)}, {}};
  append_collision_level(ids);
  const QualityReport report = measure_quality(ids);
  EXPECT_EQ(report.semantic_levels, 1);
  EXPECT_EQ(report.levels.size(), 2u);
  EXPECT_NEAR(report.collision_rate, 2.0 / 3.0, 1e-12);
}

TEST(Quality, ReconstructionErrorAndDequantise) {
  SemanticIds ids{{2, 2}, {0, 1, 1, 0}, {Matrix(2, 1), Matrix(2, 1)}, {}};
  ids.codebooks[0].values = {1, 3};
  ids.codebooks[1].values = {0.5, -1};
  Matrix vectors(2, 1);
  vectors.values = {0, 4};  // residuals after level 0: -1, 1; after level 1: 0, 0.5
  const QualityReport report = measure_quality(ids, &vectors);
  EXPECT_NEAR(*report.levels[0].reconstruction_error, 2.0 / 16.0, 1e-12);
  EXPECT_NEAR(*report.levels[1].reconstruction_error, 0.25 / 16.0, 1e-12);
  EXPECT_EQ(dequantise(ids, 2).values, (std::vector<float>{0, 3.5}));
  EXPECT_THROW(dequantise(ids, 3), Error);
  const Matrix wrong(3, 1);
  EXPECT_THROW(measure_quality(ids, &wrong), Error);
}

TEST(Quality, EmbeddingHitRate) {
  Matrix vectors(4, 2);
  vectors.values = {1, 0, 2, 0.1f, 0, 3, 0, 0};
  using Pairs = std::vector<ItemPair>;
  EXPECT_EQ(embedding_hit_rate(vectors, Pairs{{ItemId{0}, ItemId{1}}}, 1), 1.0);
  EXPECT_EQ(embedding_hit_rate(vectors, Pairs{{ItemId{1}, ItemId{2}}}, 1), 0.0);
  EXPECT_EQ(embedding_hit_rate(vectors, Pairs{{ItemId{1}, ItemId{2}}, {ItemId{1}, ItemId{0}}}, 2), 1.0);
  EXPECT_EQ(embedding_hit_rate(vectors, Pairs{{ItemId{0}, ItemId{3}}}, 4), 0.0);  // a zero vector is near nothing
  EXPECT_EQ(embedding_hit_rate(vectors, Pairs{}, 1), 0.0);
  EXPECT_THROW(embedding_hit_rate(vectors, Pairs{{ItemId{0}, ItemId{4}}}, 1), Error);
}

TEST(Quality, PairsAreTheValidationCases) {
  Split split;
  split.all.offsets = {0, 3, 6};
  for (const int32_t item : {0, 1, 2, 3, 3, 4}) split.all.items.push_back(ItemId{item});
  split.valid = {{UserId{0}, 0, 2, ItemId{2}}, {UserId{1}, 3, 5, ItemId{4}}};
  EXPECT_EQ(held_out_pairs(split, 10, 1).size(), 2u);
  EXPECT_EQ(held_out_pairs(split, 1, 1).size(), 1u);
  EXPECT_EQ(held_out_pairs(split, 10, 1), held_out_pairs(split, 10, 1));
}

TEST(Quality, JsonHoldsEverything) {
  SemanticIds ids{{2}, {0, 0, 1}, {Matrix(2, 1)}, {}};
  QualityReport report = measure_quality(ids);
  auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json.at("num_items"), 3);
  EXPECT_EQ(json.at("levels").size(), 1u);
  EXPECT_FALSE(json.contains("hit_rate"));
  report.hit_rate = 0.25;
  report.hit_rate_k = 10;
  json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json.at("hit_rate"), 0.25);
  EXPECT_EQ(json.at("hit_rate_k"), 10);
}

}  // namespace
}  // namespace tessera
