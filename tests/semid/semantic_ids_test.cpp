#include "semid/semantic_ids.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

namespace tessera {
namespace {

class SemanticIdsFile : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = std::filesystem::path(testing::TempDir()) / ("semantic_ids_" + name);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path file() const { return folder_ / "sids.safetensors"; }

  /// Writes codes as given, with whatever metadata, and expects that load refuses it with a message holding `part`.
  void expect_refused(std::vector<int32_t> codes, std::vector<int64_t> shape, const std::string& sizes,
                      const std::string& part) {
    write_safetensors(file(), {{"codes", view_of(std::span<const int32_t>(codes), std::move(shape))}},
                      {{"level_sizes", sizes}});
    expect_load_fails(part);
  }
  void expect_load_fails(const std::string& part) {
    try {
      load_semantic_ids(file());
      ADD_FAILURE() << "loaded; wanted an error with: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  std::filesystem::path folder_;
};

SemanticIds example() {
  SemanticIds ids;
  ids.level_sizes = {3, 2, 4};
  ids.codes = {0, 1, 3, 2, 0, 0, 1, 1, 1};
  ids.codebooks = {Matrix(3, 2), Matrix(2, 2)};
  ids.codebooks[1].values = {1, 2, 3, 4};
  ids.metadata = {{"method", "rq-kmeans"}};
  return ids;
}

TEST_F(SemanticIdsFile, RoundTrip) {
  const SemanticIds ids = example();
  save_semantic_ids(ids, file());
  const SemanticIds again = load_semantic_ids(file());
  EXPECT_EQ(again.level_sizes, ids.level_sizes);
  EXPECT_EQ(again.codes, ids.codes);
  EXPECT_EQ(again.metadata, ids.metadata);
  ASSERT_EQ(again.codebooks.size(), 2u);
  EXPECT_EQ(again.codebooks[1].values, ids.codebooks[1].values);
}

TEST_F(SemanticIdsFile, RefusesHostileFiles) {
  expect_refused({0, 1, 2, 3}, {2, 2}, "3,3", "item 1 holds code 3 at level 1");
  expect_refused({0, -1}, {1, 2}, "3,3", "code -1");
  expect_refused({0, 1, 2, 3}, {2, 2}, "3,3,3", "3 levels");
  expect_refused({0, 1}, {2}, "3", "dimensions");
  expect_refused({0, 1}, {1, 2}, "3,0", "positive");
  expect_refused({0, 1}, {1, 2}, "3,x", "positive");
  expect_refused({0, 1}, {1, 2}, "3;4", "comma");
  expect_refused({0, 1}, {1, 2}, "3,99999999999", "positive");
  write_file(file(), "not a tensor file");
  expect_load_fails("");
}

TEST_F(SemanticIdsFile, RefusesWrongTensors) {
  const std::vector<int32_t> codes{0, 1};
  const auto view = view_of(std::span<const int32_t>(codes), {1, 2});
  const std::vector<float> floats{0, 1};
  const std::map<std::string, std::string> sizes{{"level_sizes", "3,3"}};
  write_safetensors(file(), {{"codes", view}}, {});
  expect_load_fails("level_sizes");
  write_safetensors(file(), {{"codes", view_of(std::span<const float>(floats), {1, 2})}}, sizes);
  expect_load_fails("i32");
  write_safetensors(file(), {{"codes", view}, {"codebook.1", view_of(Matrix(3, 4))}}, sizes);
  expect_load_fails("codebook.0");
  write_safetensors(file(), {{"codes", view}, {"codebook.0", view_of(Matrix(4, 4))}}, sizes);
  expect_load_fails("4 rows");
  write_safetensors(
      file(), {{"codes", view}, {"codebook.0", view_of(Matrix(3, 4))}, {"codebook.1", view_of(Matrix(3, 5))}}, sizes);
  expect_load_fails("dimension 5");
}

TEST_F(SemanticIdsFile, TruncationAnywhereIsRefused) {
  save_semantic_ids(example(), file());
  const std::string whole = read_file(file());
  for (size_t length = 0; length < whole.size(); length += 1 + length / 16) {
    write_file(file(), std::string_view(whole).substr(0, length));
    EXPECT_THROW(load_semantic_ids(file()), Error) << length;
  }
}

TEST_F(SemanticIdsFile, SaveRefusesBrokenCodes) {
  SemanticIds ids = example();
  ids.codes[0] = 3;
  EXPECT_THROW(save_semantic_ids(ids, file()), Error);
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST(CollisionLevel, NumbersABucketInItemOrder) {
  SemanticIds ids{{2, 2}, {1, 1, 0, 0, 1, 1, 1, 1, 0, 0}, {}, {}};
  append_collision_level(ids);
  EXPECT_EQ(ids.level_sizes, (std::vector<int32_t>{2, 2, 3}));
  EXPECT_EQ(ids.codes, (std::vector<int32_t>{1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 0, 0, 1}));
}

TEST(CollisionLevel, MakesRandomCodesUnique) {
  SemanticIds ids;
  ids.level_sizes = {3, 3};
  Random random(1, "test.collisions");
  for (int i = 0; i < 400; ++i) ids.codes.push_back(static_cast<int32_t>(random.below(3)));
  append_collision_level(ids);
  std::set<std::vector<int32_t>> seen;
  for (int32_t i = 0; i < ids.num_items(); ++i) {
    seen.insert({ids.of(ItemId{i}).begin(), ids.of(ItemId{i}).end()});
  }
  EXPECT_EQ(seen.size(), 200u);
  SemanticIds none{{2}, {}, {}, {}};
  append_collision_level(none);
  EXPECT_EQ(none.level_sizes, (std::vector<int32_t>{2, 1}));
}

}  // namespace
}  // namespace tessera
