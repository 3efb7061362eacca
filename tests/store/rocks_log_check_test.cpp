#include "store/rocks_log_check.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace tessera::rocks {
namespace {

TEST(RocksLogCheck, RandomBlocksAreReadToTheirEnd) {
  Random random(8, "test.store.blocks");
  for (int i = 0; i < 3000; ++i) {
    std::string block(random.below(300), '\0');
    for (char& c : block) c = static_cast<char>(random.below(4) == 0 ? random.below(256) : random.below(3));
    EXPECT_FALSE(hides_damage(block));  // no checksum holds by chance
  }
  EXPECT_FALSE(hides_damage(""));
  EXPECT_FALSE(hides_damage(std::string(32768, '\0')));
  EXPECT_FALSE(hides_damage(std::string(32768, '\xff')));
}

}  // namespace
}  // namespace tessera::rocks
