#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "semid/quality.h"

namespace tessera {
namespace {

/// 500 points around 20 centres.
Matrix clustered_points() {
  Matrix points(500, 12), centres(20, 12);
  Random random(5, "tests.rq");
  for (float& value : centres.values) value = static_cast<float>(3 * random.normal());
  for (int64_t i = 0; i < points.rows; ++i) {
    for (size_t j = 0; j < 12; ++j)
      points.row(i)[j] = centres.row(i % 20)[j] + static_cast<float>(0.3 * random.normal());
  }
  return points;
}

SemanticIds run_rq_kmeans(nlohmann::json options, const Matrix& points, uint64_t seed = 42) {
  options["name"] = "rq-kmeans";
  return make_tokenizer(options)->fit(points, {seed, silent_reporter(), {}});
}

TEST(RqKmeans, ErrorFallsLevelByLevel) {
  const Matrix points = clustered_points();
  for (const char* init : {"k-means++", "random"}) {
    const SemanticIds ids = run_rq_kmeans({{"levels", 4}, {"codebook_size", {16}}, {"init", init}}, points);
    const QualityReport report = measure_quality(ids, &points);
    double before = 1.0;
    for (int64_t l = 0; l < 4; ++l) {
      const double error = *report.levels[static_cast<size_t>(l)].reconstruction_error;
      EXPECT_LT(error, before) << init << " level " << l;
      before = error;
      EXPECT_EQ(report.levels[static_cast<size_t>(l)].used, 16) << "no code may be empty";
    }
  }
}

TEST(RqKmeans, ACodeIsTheNearestCentreOfTheResidual) {
  const Matrix points = clustered_points();
  const SemanticIds ids = run_rq_kmeans({{"levels", 2}, {"codebook_size", {20, 8}}, {"collision", "none"}}, points);
  EXPECT_EQ(ids.level_sizes, (std::vector<int32_t>{20, 8}));
  for (int32_t i = 0; i < 500; ++i) {
    std::vector<float> residual(points.row(i).begin(), points.row(i).end());
    for (size_t l = 0; l < 2; ++l) {
      const auto distance = [&](int64_t k) {
        double sum = 0;
        for (size_t j = 0; j < 12; ++j) {
          const double d = residual[j] - ids.codebooks[l].row(k)[j];
          sum += d * d;
        }
        return sum;
      };
      const int32_t code = ids.of(ItemId{i})[l];
      for (int64_t k = 0; k < ids.level_sizes[l]; ++k) EXPECT_LE(distance(code), distance(k) + 1e-3);
      for (size_t j = 0; j < 12; ++j) residual[j] -= ids.codebooks[l].row(code)[j];
    }
  }
}

TEST(RqKmeans, ResultsDoNotDependOnTheThreads) {
  const int before = num_threads();
  const Matrix points = clustered_points();
  set_num_threads(1);
  const SemanticIds one = run_rq_kmeans({{"codebook_size", {32}}}, points);
  set_num_threads(3);
  const SemanticIds three = run_rq_kmeans({{"codebook_size", {32}}}, points);
  set_num_threads(before);
  EXPECT_EQ(one.codes, three.codes);
  EXPECT_EQ(one.codebooks[2].values, three.codebooks[2].values);
  EXPECT_NE(one.codes, run_rq_kmeans({{"codebook_size", {32}}}, points, 43).codes);
}

TEST(RqKmeans, BalanceCapsClusters) {
  const Matrix points = clustered_points();
  const SemanticIds ids =
      run_rq_kmeans({{"levels", 2}, {"codebook_size", {10}}, {"balance", 1.2}, {"collision", "none"}}, points);
  for (size_t l = 0; l < 2; ++l) {
    std::vector<int> sizes(10);
    for (int32_t i = 0; i < 500; ++i) ++sizes[static_cast<size_t>(ids.of(ItemId{i})[l])];
    EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 60);
  }
}

TEST(RqKmeans, MoreRestartsAreNeverWorse) {
  const Matrix points = clustered_points();
  const auto error = [&](int64_t restarts) {
    const SemanticIds ids =
        run_rq_kmeans({{"levels", 1}, {"codebook_size", {20}}, {"init", "random"}, {"restarts", restarts}}, points);
    return *measure_quality(ids, &points).levels[0].reconstruction_error;
  };
  EXPECT_LE(error(6), error(1) + 1e-9);
}

TEST(RqKmeans, RefusesOptionsThatDoNotFit) {
  EXPECT_THROW(run_rq_kmeans({{"levels", 3}, {"codebook_size", {8, 8}}}, clustered_points()), Error);
  EXPECT_THROW(run_rq_kmeans({{"balance", 0.5}}, clustered_points()), Error);
  EXPECT_THROW(run_rq_kmeans({{"levels", 0}}, clustered_points()), Error);
  EXPECT_THROW(run_rq_kmeans({{"init", "best"}}, clustered_points()), Error);
  EXPECT_THROW(run_rq_kmeans({{"collision", "hash"}}, clustered_points()), Error);
}

}  // namespace
}  // namespace tessera
