#include "data/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/array_file.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "data/item_json.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::add_clicks;
using test::empty_dataset;
using test::error_of;

Dataset full_dataset() {
  Dataset dataset = empty_dataset(3, 2);
  Item item;
  item.id = "B01";
  item.title = "Nagellack \xC3\xA4";
  item.description = "line\nbreak \"quoted\"";
  item.brand = "OPI";
  item.categories = {{"Beauty", "Nails"}, {"Gifts"}};
  item.price = 9.99;
  item.attributes = {{"colour", "red"}};
  item.available = false;
  item.created_at = 1772445600;
  item.image = "images/B01.png";
  dataset.items.add(item);
  dataset.user_attributes = {R"({"age":31})", ""};
  add_clicks(dataset, {{1, 0, 5}, {0, 3, 9}, {0, 2, 4}});
  dataset.log.query = {-1, dataset.log.queries.add("red nail polish"), -1};
  dataset.log.request = {0, 1, -1};
  dataset.log.position = {-1, 3, 0};
  dataset.log.value = {1.5f, std::nanf(""), 2.0f};
  dataset.log.scene = {-1, static_cast<int16_t>(dataset.log.scenes.add("home")), -1};
  dataset.provenance = R"({"importer":"test"})";
  return dataset;
}

TEST(Dataset, SavedIsLoaded) {
  const test::TemporaryFolder folder;
  Dataset saved = full_dataset();
  save_dataset(saved, folder.path() / "d");
  const Dataset loaded = load_dataset(folder.path() / "d");
  EXPECT_EQ(loaded.name, "small");
  EXPECT_EQ(loaded.content_hash, saved.content_hash);
  EXPECT_EQ(loaded.content_hash.size(), 32u);
  EXPECT_EQ(loaded.provenance, saved.provenance);
  EXPECT_EQ(loaded.users.names(), saved.users.names());
  EXPECT_EQ(loaded.user_attributes, saved.user_attributes);
  ASSERT_EQ(loaded.items.size(), 4);
  const Item& item = loaded.items[loaded.items.at("B01")];
  EXPECT_EQ(item_to_json(item), item_to_json(saved.items[ItemId{3}]));
  EXPECT_EQ(item.price, 9.99);
  EXPECT_FALSE(item.available);
  EXPECT_TRUE(std::isnan(loaded.items[ItemId{0}].price));
  EXPECT_EQ(loaded.log.user, (std::vector<UserId>{UserId{0}, UserId{0}, UserId{1}}));
  EXPECT_EQ(loaded.log.item, (std::vector<ItemId>{ItemId{2}, ItemId{3}, ItemId{0}}));
  EXPECT_EQ(loaded.log.time, (std::vector<int64_t>{4, 9, 5}));
  EXPECT_EQ(loaded.log.request, (std::vector<int32_t>{-1, 1, 0}));
  EXPECT_EQ(loaded.log.position, (std::vector<int32_t>{0, 3, -1}));
  EXPECT_EQ(loaded.log.scene, (std::vector<int16_t>{-1, 0, -1}));
  EXPECT_EQ(loaded.log.value[0], 2.0f);
  EXPECT_TRUE(std::isnan(loaded.log.value[1]));
  EXPECT_EQ(loaded.log.queries.names(), saved.log.queries.names());
  EXPECT_EQ(loaded.log.scenes.names(), saved.log.scenes.names());
}

TEST(Dataset, HashDependsOnContentAlone) {
  const test::TemporaryFolder folder;
  Dataset a = full_dataset(), b = full_dataset(), c = full_dataset();
  b.provenance = R"({"importer":"other"})";
  c.log.time[0] += 1;
  save_dataset(a, folder.path() / "a");
  save_dataset(b, folder.path() / "b");
  save_dataset(c, folder.path() / "c");
  EXPECT_EQ(a.content_hash, b.content_hash);
  EXPECT_NE(a.content_hash, c.content_hash);
}

TEST(Dataset, SaveRefusesBrokenColumns) {
  const test::TemporaryFolder folder;
  Dataset dataset = full_dataset();
  dataset.log.item[1] = ItemId{4};
  EXPECT_EQ(error_of([&] { save_dataset(dataset, folder.path() / "d"); }).first, "data");
  dataset = full_dataset();
  dataset.log.value.pop_back();
  EXPECT_EQ(error_of([&] { save_dataset(dataset, folder.path() / "d"); }).first, "data");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Dataset, SaveReplacesNothingButDatasets) {
  const test::TemporaryFolder folder;
  Dataset dataset = full_dataset();
  fs::create_directory(folder / "d");
  save_dataset(dataset, folder / "d");
  save_dataset(dataset, folder / "d");
  fs::create_directory(folder / "photos");
  test::put_bytes(folder / "photos/a.jpg", "x");
  for (const char* name : {"photos", "photos/a.jpg"}) {
    test::expect_error(ErrorKind::io, "not replaced", [&] { save_dataset(dataset, folder / name); });
  }
  EXPECT_TRUE(fs::exists(folder / "photos/a.jpg"));
}

/// A good folder that each test spoils in one place.
class HostileFolder : public ::testing::Test {
 protected:
  HostileFolder() : path_(folder_.path() / "d") {
    Dataset dataset = full_dataset();
    save_dataset(dataset, path_);
  }
  template <class T>
  void write_column(const char* name, DType type, const std::vector<T>& values, std::vector<int64_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
    write_npy(path_ / "events" / name, ArrayView{type, shape, std::as_bytes(std::span(values))});
  }
  void write_text(const char* name, const std::string& text) { std::ofstream(path_ / name, std::ios::binary) << text; }
  void edit_info(const std::function<void(nlohmann::json&)>& edit) {
    auto info = nlohmann::json::parse(read_file(path_ / "dataset.json"));
    edit(info);
    write_text("dataset.json", info.dump());
  }
  void expect_refused(const std::string& kind, const std::string& part) {
    const auto [found_kind, message] = error_of([&] { load_dataset(path_); });
    EXPECT_EQ(found_kind, kind) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  test::TemporaryFolder folder_;
  fs::path path_;
};

TEST_F(HostileFolder, MissingFiles) {
  for (const char* name : {"events/scene.npy", "users.jsonl"}) {
    fs::remove(path_ / name);
    expect_refused("io", name);
  }
  fs::remove(path_ / "dataset.json");
  expect_refused("io", "not a dataset folder");
}

TEST_F(HostileFolder, TruncatedColumn) {
  fs::resize_file(path_ / "events/time.npy", fs::file_size(path_ / "events/time.npy") - 3);
  expect_refused("corrupt", "time.npy");
}

TEST_F(HostileFolder, ColumnOfAnotherType) {
  write_column<int64_t>("user.npy", DType::i64, {0, 0, 1});
  expect_refused("corrupt", "user.npy");
}

TEST_F(HostileFolder, ColumnOfAnotherLengthOrShape) {
  write_column<int32_t>("item.npy", DType::i32, {2, 3, 0, 1});
  expect_refused("corrupt", "holds 4 events");
  write_column<int32_t>("item.npy", DType::i32, {2, 3, 0}, {3, 1});
  expect_refused("corrupt", "2-dimensional");
}

TEST_F(HostileFolder, NumbersOutOfRange) {
  write_column<int32_t>("item.npy", DType::i32, {2, 4, 0});
  expect_refused("data", "item 4");
  write_column<int32_t>("item.npy", DType::i32, {2, -1, 0});
  expect_refused("data", "item -1");
}

TEST_F(HostileFolder, OtherColumnsOutOfRange) {
  write_column<uint8_t>("action.npy", DType::u8, {2, 200, 2});
  expect_refused("data", "action 200");
  write_column<uint8_t>("action.npy", DType::u8, {2, 2, 2});
  write_column<int32_t>("query.npy", DType::i32, {-1, 1, -1});
  expect_refused("data", "query 1");
  write_column<int32_t>("query.npy", DType::i32, {-1, 0, -1});
  write_column<int32_t>("position.npy", DType::i32, {-2, 0, -1});
  expect_refused("data", "position -2");
  write_column<int32_t>("position.npy", DType::i32, {-1, 0, -1});
  write_column<float>("value.npy", DType::f32, {0, INFINITY, 0});
  expect_refused("data", "infinite");
  write_column<float>("value.npy", DType::f32, {0, 0, 0});
  write_column<int64_t>("time.npy", DType::i64, {4, INT64_MAX, 5});
  expect_refused("data", "time");
}

TEST_F(HostileFolder, OutOfOrder) {
  write_column<int64_t>("time.npy", DType::i64, {9, 4, 5});
  expect_refused("corrupt", "out of order");
  write_column<int64_t>("time.npy", DType::i64, {4, 9, 5});
  write_column<int32_t>("user.npy", DType::i32, {0, 1, 0});
  expect_refused("corrupt", "out of order");
}

TEST_F(HostileFolder, ChangedContent) {
  write_column<int64_t>("time.npy", DType::i64, {3, 9, 5});
  expect_refused("corrupt", "have changed");
}

TEST_F(HostileFolder, SpoiledTables) {
  const std::string items = read_file(path_ / "items.jsonl");
  write_text("items.jsonl", items + "{\"id\": \"B01\"}\n");
  expect_refused("corrupt", "listed twice");
  write_text("items.jsonl", items + "{\"id\": ");
  expect_refused("corrupt", "items.jsonl:5");
  write_text("items.jsonl", items + "{\"id\": \"x\", \"price\": -1}\n");
  expect_refused("corrupt", "price");
  write_text("items.jsonl", items + "{\"id\": \"x\", \"image\": \"../../etc/passwd\"}\n");
  expect_refused("corrupt", "image");
  write_text("items.jsonl", items + "{\"id\": \"x\"}\n");
  expect_refused("corrupt", "holds 5 items");
  write_text("items.jsonl", items);
  write_text("users.jsonl", "{\"user\": \"u0\"}\n{\"user\": \"u0\"}\n");
  expect_refused("corrupt", "users.jsonl:2");
}

TEST_F(HostileFolder, SpoiledInfo) {
  edit_info([](nlohmann::json& info) { info["version"] = 99; });
  expect_refused("unsupported", "schema version 99");
  edit_info([](nlohmann::json& info) { info["version"] = 1, info["counts"]["events"] = int64_t{1} << 62; });
  expect_refused("corrupt", "not credible");
  edit_info([](nlohmann::json& info) { info["counts"]["events"] = -3; });
  expect_refused("corrupt", "counts.events");
  edit_info([](nlohmann::json& info) { info["counts"]["events"] = 3, info["actions"] = 7; });
  expect_refused("corrupt", "actions");
  edit_info([](nlohmann::json& info) { info["schema"] = "something"; });
  expect_refused("corrupt", "no Tessera dataset");
  write_text("dataset.json", std::string(100000, '['));
  expect_refused("corrupt", "dataset.json");
}

TEST(Catalogue, FindsAndNamesItems) {
  Catalogue catalogue;
  Item item;
  item.id = "B0012";
  EXPECT_EQ(display_name(item), "B0012");
  item.attributes = {{"colour", "red"}, {"size", "S"}};
  EXPECT_EQ(display_name(item), "red S");
  item.title = "Lamp";
  EXPECT_EQ(display_name(item), "Lamp");
  catalogue.add(item);
  EXPECT_EQ(catalogue.find("B0012"), ItemId{0});
  EXPECT_EQ(catalogue.find("x"), std::nullopt);
  EXPECT_EQ(error_of([&] { catalogue.add(item); }).first, "data");
  EXPECT_EQ(catalogue.size(), 1);
  EXPECT_NE(error_of([&] { catalogue.at("B0013"); }).second.find("did you mean 'B0012'"), std::string::npos);
  EXPECT_EQ(error_of([&] { catalogue.add(Item{}); }).first, "data");
}

}  // namespace
}  // namespace tessera
