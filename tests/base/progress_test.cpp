#include "base/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace tessera {
namespace {

class Recorder : public Reporter {
 public:
  explicit Recorder(int interval_ms) : interval_ms_(interval_ms) {}
  void report(const ProgressState& state) override { states.push_back(state); }
  int interval_ms() const override { return interval_ms_; }
  std::vector<ProgressState> states;

 private:
  int interval_ms_;
};

TEST(Progress, ReportsEachStepWithoutIntervalAndTheEndOnce) {
  Recorder recorder(0);
  {
    Progress progress(recorder, "train tiger", 3, "steps");
    progress.add();
    progress.note("loss 3.21");
    progress.set(3);
    progress.finish();
    progress.finish();
    progress.add();
  }
  ASSERT_EQ(recorder.states.size(), 3u);
  EXPECT_EQ(recorder.states[0].done, 1);
  EXPECT_EQ(recorder.states[1].note, "loss 3.21");
  EXPECT_EQ(recorder.states[1].total, 3);
  EXPECT_FALSE(recorder.states[1].finished);
  EXPECT_TRUE(recorder.states[2].finished);
  EXPECT_EQ(recorder.states[2].label, "train tiger");
}

TEST(Progress, KeepsToTheInterval) {
  Recorder recorder(60'000);
  {
    Progress progress(recorder, "read", 0, "rows");
    for (int i = 0; i < 1000; ++i) progress.add();
  }
  ASSERT_EQ(recorder.states.size(), 1u);
  EXPECT_EQ(recorder.states[0].done, 1000);
  EXPECT_TRUE(recorder.states[0].finished);
}

TEST(Progress, AReporterThatThrowsDoesNotEndTheProgram) {
  class Broken : public Reporter {
   public:
    void report(const ProgressState&) override { throw std::runtime_error("closed"); }
  } broken;
  { Progress progress(broken, "read", 0, "rows"); }
  SUCCEED();
}

TEST(Progress, StderrLineAndBar) {
  testing::internal::CaptureStderr();
  {
    Progress progress(stderr_reporter(false), "read log", 10, "rows");
    progress.add(10);
  }
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(line.starts_with("read log: 10/10 rows")) << line;
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);

  testing::internal::CaptureStderr();
  ProgressState state{"train", "steps", 25, 100, 5, "loss 2", false};
  stderr_reporter(true).report(state);
  const std::string bar = testing::internal::GetCapturedStderr();
  EXPECT_NE(bar.find(" 25% 25/100 steps, 5 steps/s, ETA 15s"), std::string::npos) << bar;
  EXPECT_EQ(bar.find('\n'), std::string::npos);
}

TEST(Progress, NumbersForPeople) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(7), "7");
  EXPECT_EQ(human_count(0.25), "0.25");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(3200), "3.2k");
  EXPECT_EQ(human_count(12'101), "12.1k");
  EXPECT_EQ(human_count(100'000), "100k");
  EXPECT_EQ(human_count(999'999), "1M");
  EXPECT_EQ(human_count(1'250'000), "1.25M");
  EXPECT_EQ(human_count(-1500), "-1.5k");
  EXPECT_EQ(human_count(std::nan("")), "?");
  EXPECT_EQ(human_duration(0.42), "0.4s");
  EXPECT_EQ(human_duration(12), "12s");
  EXPECT_EQ(human_duration(59.7), "1m 00s");
  EXPECT_EQ(human_duration(252), "4m 12s");
  EXPECT_EQ(human_duration(3780), "1h 03m");
  EXPECT_EQ(human_duration(100'000), "1d 03h");
  EXPECT_EQ(human_duration(-1), "0.0s");
  EXPECT_EQ(human_duration(HUGE_VAL), "?");
}

}  // namespace
}  // namespace tessera
