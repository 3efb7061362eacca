#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "methods/catalog.h"
#include "methods/linear_algebra.h"
#include "methods/tiny_world.h"

namespace tessera {
namespace {

MethodContext embed_context() {
  return {42, silent_reporter(), {}};
}

Matrix run_embedder(const nlohmann::json& table) {
  return make_embedder(table)->embed(tiny_world().data, tiny_world().split, embed_context());
}

/// A sparse matrix of rank 3 with singular values 9, 4 and 1.
SparseMatrix rank_three(int64_t rows, int64_t cols) {
  Random random(1, "tests.svd");
  Matrix left(rows, 3), right(cols, 3);
  for (float& value : left.values) value = static_cast<float>(random.normal());
  for (float& value : right.values) value = static_cast<float>(random.normal());
  orthonormalise(left);
  orthonormalise(right);
  const std::vector<float> values{9, 4, 1};
  scale_columns(left, values, 1.0);
  const Matrix product = multiply(left, transpose(right));
  SparseMatrix matrix;
  matrix.rows = rows;
  matrix.cols = cols;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      matrix.columns.push_back(static_cast<int32_t>(j));
      matrix.values.push_back(product.row(i)[static_cast<size_t>(j)]);
    }
    matrix.offsets.push_back(static_cast<int64_t>(matrix.columns.size()));
  }
  return matrix;
}

TEST(LinearAlgebra, OrthonormaliseGivesTheFactorsOfTheInput) {
  Matrix columns(100, 7);
  Random random(2, "tests.qr");
  for (float& value : columns.values) value = static_cast<float>(random.normal());
  for (int64_t i = 0; i < 100; ++i) columns.row(i)[6] = columns.row(i)[0] + columns.row(i)[1];  // depends on the others
  const Matrix before = columns;
  const std::vector<double> r = orthonormalise(columns);
  const Matrix gram = multiply(transpose(columns), columns);
  for (int64_t i = 0; i < 7; ++i) {
    for (int64_t j = 0; j < 7; ++j) {
      EXPECT_NEAR(gram.row(i)[static_cast<size_t>(j)], i == j && i < 6 ? 1.0 : 0.0, 1e-5);
    }
  }
  for (int64_t i = 0; i < 100; ++i) {
    for (size_t j = 0; j < 7; ++j) {
      double sum = 0;
      for (size_t p = 0; p < 7; ++p) sum += columns.row(i)[p] * r[p * 7 + j];
      EXPECT_NEAR(sum, before.row(i)[j], 1e-4);
    }
  }
}

TEST(LinearAlgebra, SvdFindsKnownSingularValues) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{80, 50}, {50, 80}, {300, 20}}) {
    const Svd svd = randomised_svd(rank_three(rows, cols), 5, 10, 4, 7);
    EXPECT_NEAR(svd.values[0], 9, 1e-3);
    EXPECT_NEAR(svd.values[1], 4, 1e-3);
    EXPECT_NEAR(svd.values[2], 1, 1e-3);
    EXPECT_EQ(svd.values[3], 0);
    EXPECT_EQ(svd.left.row(0)[4], 0);
  }
}

TEST(LinearAlgebra, ResultsDoNotDependOnTheThreads) {
  const int before = num_threads();
  const SparseMatrix matrix = rank_three(700, 40);
  set_num_threads(1);
  const Svd one = randomised_svd(matrix, 3, 10, 3, 7);
  set_num_threads(3);
  const Svd three = randomised_svd(matrix, 3, 10, 3, 7);
  set_num_threads(before);
  EXPECT_EQ(one.left.values, three.left.values);
}

TEST(PpmiSvd, ItemsWithoutBehaviourGetZeroVectors) {
  Dataset data;
  for (int i = 0; i < 6; ++i) {
    Item item;
    item.id = std::to_string(i);
    data.items.add(std::move(item));
  }
  for (int32_t u = 0; u < 8; ++u) {
    data.users.add(std::to_string(u));
    for (int32_t t = 0; t < 5; ++t) data.log.add(UserId{u}, ItemId{(u + t) % 5}, TinyWorld::kClick, t);
  }
  data.log.sort();
  const Split split = make_split(data, {});
  const Matrix vectors = make_embedder({{"name", "ppmi-svd"}, {"dim", 3}})->embed(data, split, embed_context());
  for (const float value : vectors.row(5)) EXPECT_EQ(value, 0.0f);
  for (int64_t i = 0; i < 5; ++i) EXPECT_NE(vectors.row(i)[0], 0.0f);
}

TEST(Concat, WeightsSetTheLengthOfEachPart) {
  const Matrix vectors = run_embedder({{"name", "concat"},
                                       {"parts", {"text-svd", "ppmi-svd"}},
                                       {"weights", {2.0, 0.5}},
                                       {"text-svd", {{"dim", 4}}},
                                       {"ppmi-svd", {{"dim", 6}}}});
  ASSERT_EQ(vectors.cols, 10);
  double text = 0, behaviour = 0;
  for (size_t j = 0; j < 10; ++j) (j < 4 ? text : behaviour) += vectors.row(7)[j] * vectors.row(7)[j];
  EXPECT_NEAR(text, 4.0, 1e-4);
  EXPECT_NEAR(behaviour, 0.25, 1e-4);
  EXPECT_EQ(run_embedder({{"name", "concat"}, {"parts", {"text-svd"}}, {"pca_dim", 3}}).cols, 3);
}

TEST(Concat, RefusesWhatCannotBe) {
  using nlohmann::json;
  const json parts = json::array({"text-svd", "ppmi-svd"});
  EXPECT_THROW(make_embedder({{"name", "concat"}}), Error);
  EXPECT_THROW(make_embedder({{"name", "concat"}, {"parts", parts}, {"weights", json::array({1.0})}}), Error);
  EXPECT_THROW(make_embedder({{"name", "concat"}, {"parts", parts}, {"text-svdd", {{"dim", 3}}}}), Error);
  EXPECT_THROW(make_embedder({{"name", "concat"}, {"parts", parts}, {"text-svd", {{"dimm", 3}}}}), Error);
  EXPECT_THROW(make_embedder({{"name", "concat"}, {"parts", json::array({"text-svd", "text-svd"})}}), Error);
  EXPECT_THROW(make_embedder({{"name", "concat"}, {"parts", json::array({"nothing"})}}), Error);
}

TEST(FileVectors, ReordersByNames) {
  const TemporaryFolder folder("file_names");
  Matrix rows(61, 1);
  std::string names;
  for (int i = 60; i >= 0; --i) {  // reversed, and one item of another catalogue
    rows.row(60 - i)[0] = static_cast<float>(i);
    names += "item" + std::to_string(i) + "\n";
  }
  write_safetensors(folder.path() / "v.safetensors", {{"vectors", view_of(rows)}}, {});
  write_file(folder.path() / "names.txt", names);
  nlohmann::json table = {{"name", "file"},
                          {"path", (folder.path() / "v.safetensors").string()},
                          {"ids", (folder.path() / "names.txt").string()}};
  const Matrix vectors = run_embedder(table);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(vectors.row(i)[0], static_cast<float>(i));
  table["tensor"] = "none";
  EXPECT_THROW(run_embedder(table), Error);
}

TEST(FileVectors, RefusesBadFiles) {
  const TemporaryFolder folder("file_bad");
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  Matrix wrong_rows(59, 2), not_finite(60, 2);
  not_finite.row(31)[1] = NAN;
  write_npy(path("rows.npy"), view_of(wrong_rows));
  write_npy(path("nan.npy"), view_of(not_finite));
  write_npy(path("fine.npy"), view_of(Matrix(60, 2)));
  write_file(path("short.txt"), "item0\nitem1\n");
  write_file(path("odd.csv"), "1,2\n");
  const auto refuse = [&](nlohmann::json table, const std::string& part) {
    table["name"] = "file";
    try {
      run_embedder(table);
      ADD_FAILURE() << "no error with: " << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refuse(nlohmann::json::object(), "path");
  refuse({{"path", path("rows.npy")}}, "59 rows");
  refuse({{"path", path("nan.npy")}}, "31");
  refuse({{"path", path("none.npy")}}, "none.npy");
  refuse({{"path", path("odd.csv")}}, ".safetensors");
  refuse({{"path", path("fine.npy")}, {"ids", path("short.txt")}}, "names 2 rows");
}

}  // namespace
}  // namespace tessera
