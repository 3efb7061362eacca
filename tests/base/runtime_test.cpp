#include "base/runtime.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

#include "base/parallel.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

TEST(Runtime, SetsThePool) {
  const int before = num_threads();
  init_runtime(3);
  EXPECT_EQ(num_threads(), 3);
  init_runtime(0);
  EXPECT_GE(num_threads(), 1);
  set_num_threads(before);
  test::expect_error(ErrorKind::config, "number of threads is -1", [] { init_runtime(-1); });
}

TEST(Runtime, PeakMemoryGrowsWithUse) {
  const int64_t before = peak_memory_bytes();
  EXPECT_GT(before, 1 << 20);
  std::vector<char> block(static_cast<size_t>(before) + (64 << 20), 1);
  EXPECT_GE(peak_memory_bytes(), static_cast<int64_t>(block.size()));
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Runtime, LargeBlocksAreKept) {
  init_runtime(num_threads());
  const auto page_faults_of_a_large_block = [] {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    { std::vector<char> block(128 << 20, 1); }
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
  };
  page_faults_of_a_large_block();
  EXPECT_LT(page_faults_of_a_large_block(), 3000);  // 32768 if the block were mapped anew
}
#endif

TEST(Errors, KindsHaveNames) {
  EXPECT_STREQ(to_string(ErrorKind::config), "config");
  EXPECT_STREQ(to_string(ErrorKind::internal), "internal");
  test::expect_error(ErrorKind::shape, "found 3, wanted 4",
                     [] { TESSERA_CHECK(1 == 2, shape, "found {}, wanted {}", 3, 4); });
}

}  // namespace
}  // namespace tessera
