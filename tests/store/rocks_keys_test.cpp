#include "store/rocks_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera::rocks {
namespace {

using test::expect_error;

std::string awkward_key(Random& random) {
  static constexpr char kBytes[] = {'\0', '\x01', '\x02', 'a', '\xfe', '\xff'};
  std::string key(random.below(5), '\0');
  for (char& c : key) c = kBytes[random.below(sizeof kBytes)];
  return key;
}

/// For RocksDB's order: by unsigned bytes.
std::vector<unsigned char> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

TEST(RocksKeys, KeysSortByNameKeyAndNumberAndNoneMeetAnother) {
  Random random(3, "test.store.keys");
  for (int i = 0; i < 20000; ++i) {
    const std::string names[] = {"a", "aa"};
    const std::tuple left{names[random.below(2)], awkward_key(random), random.below(3) * 255};
    const std::tuple right{names[random.below(2)], awkward_key(random), random.below(3) * 255};
    const auto entry = [](const auto& t) {
      return numbered(list_prefix('e', std::get<0>(t), std::get<1>(t)), std::get<2>(t));
    };
    const auto bytes = [](const auto& t) {
      return std::tuple{std::get<0>(t), bytes_of(std::get<1>(t)), std::get<2>(t)};
    };
    EXPECT_EQ(bytes_of(entry(left)) < bytes_of(entry(right)), bytes(left) < bytes(right));
    const std::string prefix = list_prefix('e', std::get<0>(left), std::get<1>(left));
    const bool inside = entry(right) >= prefix && entry(right) < prefix_end(prefix);
    EXPECT_EQ(inside, std::get<0>(left) == std::get<0>(right) && std::get<1>(left) == std::get<1>(right));
    EXPECT_EQ(number_of(entry(left), prefix), std::get<2>(left));
  }
}

TEST(RocksKeys, DamagedHeadsAndKeysAreRefused) {
  const ListHead head{3, 9, 1, 4};
  const ListHead same = ListHead::decode(head.encode());
  EXPECT_EQ(same.first, 3u);
  EXPECT_EQ(same.next, 9u);
  EXPECT_EQ(same.next_id, 4u);
  for (const size_t size : {0u, 31u, 33u}) {
    expect_error(ErrorKind::corrupt, "wanted 32", [&] { ListHead::decode(std::string(size, '\x01')); });
  }
  expect_error(ErrorKind::corrupt, "9..3", [] { ListHead::decode(ListHead{9, 3, 1, 1}.encode()); });
  expect_error(ErrorKind::corrupt, "ids 0..", [] { ListHead::decode(ListHead{1, 1, 0, 1}.encode()); });
  expect_error(ErrorKind::corrupt, "wanted", [] { number_of("abc", "ab"); });
}

}  // namespace
}  // namespace tessera::rocks
