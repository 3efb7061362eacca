#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

/// Sets the pool's size for one test.
class Parallel : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(2); }
};

TEST_P(Parallel, EveryIndexOnceInChunksOfTheGrain) {
  for (const int64_t count : {0, 1, 2, 9, 10, 11, 99, 1000, 12'345}) {
    for (const int64_t grain : {1, 10, 100'000}) {
      std::vector<int> seen(static_cast<size_t>(count));
      std::mutex mutex;
      int64_t smallest = count;
      parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        const std::lock_guard lock(mutex);
        smallest = std::min(smallest, end - begin);
      });
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), count);
      EXPECT_GE(smallest, std::min(count, grain));
    }
  }
}

TEST_P(Parallel, NestedCallsRunSerially) {
  std::atomic<int64_t> sum{0};
  parallel_for(64, 1, [&](int64_t begin, int64_t end) {
    const auto outer = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) {
      parallel_for(10, 1, [&](int64_t b, int64_t e) {
        EXPECT_TRUE(GetParam() == 1 || outer == std::this_thread::get_id());
        sum += e - b;
      });
    }
  });
  EXPECT_EQ(sum, 640);
}

TEST_P(Parallel, FirstExceptionComesBackAndThePoolLives) {
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(parallel_for(100, 1,
                              [&](int64_t, int64_t end) {
                                if (end > 50) throw std::out_of_range("chunk");
                              }),
                 std::out_of_range);
    std::atomic<int64_t> sum{0};
    parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 100);
  }
}

TEST_P(Parallel, SeveralCallersAtOnce) {
  std::vector<std::thread> callers;
  std::vector<int64_t> sums(4);
  for (size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<int64_t> sum{0};
        parallel_for(37, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) sum += i;
        });
        sums[c] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const int64_t sum : sums) EXPECT_EQ(sum, 200 * 37 * 36 / 2);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, ::testing::Values(1, 2, 5));

TEST(ParallelPool, UsesMoreThanOneThread) {
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  std::atomic<int> inside{0};
  std::atomic<bool> met{false};
  parallel_for(12, 1, [&](int64_t, int64_t) {
    ++inside;
    for (int i = 0; i < 2000 && !met; ++i) {  // waits for a second thread, at most two seconds
      if (inside >= 2) met = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    --inside;
  });
  EXPECT_TRUE(met);
  set_num_threads(2);
}

TEST(ParallelPool, RefusesImpossibleNumbers) {
  test::expect_error(ErrorKind::config, "number of threads is 0", [] { set_num_threads(0); });
  test::expect_error(ErrorKind::internal, "grain 0", [] { parallel_for(1, 0, [](int64_t, int64_t) {}); });
  test::expect_error(ErrorKind::internal, "count -1", [] { parallel_for(-1, 1, [](int64_t, int64_t) {}); });
}

}  // namespace
}  // namespace tessera
