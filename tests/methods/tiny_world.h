#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"
#include "data/split.h"
#include "methods/families.h"

namespace tessera {

/// 60 items, 200 users, built in memory: a world with strong sequential structure. Item i belongs to class i / 10;
/// after item i nearly always follows the next item of its class, and now and then a jump to another class. Its text
/// names its class and its place in it, so that embedders find the classes too.
struct TinyWorld {
  static constexpr int64_t kItems = 60;
  static constexpr int64_t kUsers = 200;
  static constexpr int64_t kClass = 10;

  Dataset data;
  Split split;
  Matrix vectors;   ///< [60, 8]: class centre and noise
  SemanticIds ids;  ///< three levels: class, place in the class, and a last one of a single code
  Trie trie;

  TinyWorld() {
    data.name = "tiny";
    Random random(11, "tests.tiny");
    static constexpr const char* kClasses[] = {"lipstick", "shampoo", "razor", "perfume", "towel", "candle"};
    for (int32_t i = 0; i < kItems; ++i) {
      Item item;
      item.id = "item" + std::to_string(i);
      item.title = std::string(kClasses[i / kClass]) + " number " + std::to_string(i % kClass);
      item.brand = i % 2 == 0 ? "Even" : "Odd";
      item.categories = {{"Shop", kClasses[i / kClass]}};
      data.items.add(std::move(item));
    }
    for (int32_t u = 0; u < kUsers; ++u) {
      data.users.add("user" + std::to_string(u));
      auto item = static_cast<int32_t>(random.below(kItems));
      const auto length = static_cast<int32_t>(6 + random.below(7));
      for (int32_t t = 0; t < length; ++t) {
        data.log.add(UserId{u}, ItemId{item}, kClick, t);
        item = random.chance(0.1) ? static_cast<int32_t>(random.below(kItems)) : next_of(item);
      }
    }
    data.log.sort();
    split = make_split(data, {});

    vectors = Matrix(kItems, 8);
    Matrix centres(kItems / kClass, 8);
    for (float& value : centres.values) value = static_cast<float>(random.normal());
    ids.level_sizes = {static_cast<int32_t>(kItems / kClass), static_cast<int32_t>(kClass), 1};
    for (int32_t i = 0; i < kItems; ++i) {
      for (size_t j = 0; j < 8; ++j) {
        vectors.row(i)[j] = centres.row(i / kClass)[j] + 0.1f * static_cast<float>(random.normal());
      }
      ids.codes.insert(ids.codes.end(), {i / static_cast<int32_t>(kClass), i % static_cast<int32_t>(kClass), 0});
    }
    trie = Trie(ids);
  }

  static constexpr uint8_t kClick = 2;  // after impression and view
  static int32_t next_of(int32_t item) {
    const auto size = static_cast<int32_t>(kClass);
    return item / size * size + (item + 1) % size;
  }
  RetrieveInputs inputs() const { return {data, split, &vectors, &ids, &trie}; }
};

/// Built once a test program.
inline const TinyWorld& tiny_world() {
  static const TinyWorld world;
  return world;
}

/// A folder of this process under the temporary folder, removed at the end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / fmt::format("tessera_methods_{}_{}", name, ::getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tessera
