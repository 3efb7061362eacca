#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "regression_task.h"
#include "train/checkpoint.h"
#include "train/train_log.h"
#include "train/trainer.h"

namespace tessera {
namespace {

constexpr const char* kChildVariable = "TESSERA_TEST_TRAIN_FOLDER";

TrainSummary train_in(RegressionTask& task, const TrainOptions& options, const std::filesystem::path& folder) {
  return train_model(task, options, 5, silent_reporter(), "train test", folder);
}

/// 56 steps in 8 epochs of 13 batches, with a checkpoint after every step.
TrainOptions resume_options() {
  TrainOptions options = short_options();
  options.max_epochs = 8;
  return options;
}

/// The log without what depends on the clock.
std::vector<std::string> comparable_log(const std::filesystem::path& folder) {
  const auto log = read_train_log(folder / "train.jsonl");
  std::vector<std::string> rows;
  for (const auto& point : log.points) {
    rows.push_back(
        fmt::format("{} {} {} {} {}", point.step, point.epoch, point.loss, point.learning_rate, point.gradient_norm));
  }
  for (const auto& point : log.validations) {
    rows.push_back(fmt::format("{} {} {}", point.step, point.epoch, point.values.at(0).second));
  }
  return rows;
}

/// Resumes what is in the folder and compares every part of the result with a training that was not interrupted.
void expect_same_end(const std::filesystem::path& resumed_folder, TrainOptions options) {
  options.checkpoint_every_minutes = 60;  // no part of what must be the same; the last one is written at the end
  TestFolder folder;
  RegressionTask whole, resumed;
  const auto expected = train_in(whole, options, folder.path());
  const auto found = train_in(resumed, options, resumed_folder);
  EXPECT_TRUE(torch::equal(whole.flat(), resumed.flat()));
  EXPECT_EQ(found.steps, expected.steps);
  EXPECT_EQ(found.best_step, expected.best_step);
  EXPECT_EQ(found.best_value, expected.best_value);
  EXPECT_EQ(found.stopped_by, expected.stopped_by);
  EXPECT_EQ(comparable_log(resumed_folder), comparable_log(folder.path()));
  const CheckpointFile a(folder.path() / "checkpoint.safetensors"), b(resumed_folder / "checkpoint.safetensors");
  for (const char* prefix : {"weight/", "first/", "second/", "average/", "best/"}) {
    NamedTensors left{{std::string(prefix) + "w1", torch::empty({6, 16})}};
    NamedTensors right{{std::string(prefix) + "w1", torch::empty({6, 16})}};
    a.load(left);
    b.load(right);
    EXPECT_TRUE(torch::equal(left[0].second, right[0].second)) << prefix;
  }
}

struct Interrupted : std::exception {};

/// Trains in `folder` until the loss of that number is asked for.
void train_until(int64_t loss_number, const TrainOptions& options, const std::filesystem::path& folder) {
  RegressionTask task;
  task.before_loss = [&](int64_t number) {
    if (number == loss_number) throw Interrupted();
  };
  EXPECT_THROW(train_in(task, options, folder), Interrupted);
}

TEST(ResumeTest, InterruptedTrainingEndsInTheSameWeights) {
  TestFolder folder;
  const auto options = resume_options();
  train_until(20, options, folder.path());
  train_until(62, options, folder.path());  // a second time, some epochs later
  expect_same_end(folder.path(), options);
}

TEST(ResumeTest, CheckpointMayBeOlderThanTheLog) {
  TestFolder folder, backup;
  const auto options = resume_options();
  train_until(40, options, folder.path());
  std::filesystem::copy(folder.path() / "checkpoint.safetensors", backup.path() / "old");
  train_until(62, options, folder.path());
  std::ofstream(folder.path() / "train.jsonl", std::ios::app) << R"({"step":999,"ep)";  // cut off by a kill
  std::filesystem::copy(backup.path() / "old", folder.path() / "checkpoint.safetensors",
                        std::filesystem::copy_options::overwrite_existing);
  expect_same_end(folder.path(), options);
}

/// The child of this test is this test again, with the folder in an environment variable.
TEST(ResumeTest, KilledTrainingEndsInTheSameWeights) {
  const auto options = resume_options();
  if (const char* child_folder = std::getenv(kChildVariable)) {
    RegressionTask task;
    task.before_loss = [](int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); };
    train_in(task, options, child_folder);
    return;
  }
  TestFolder folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setenv(kChildVariable, folder.path().c_str(), 1);
    ::execl("/proc/self/exe", "test_train", "--gtest_filter=ResumeTest.KilledTrainingEndsInTheSameWeights", nullptr);
    ::_exit(127);
  }
  const auto checkpoint = folder.path() / "checkpoint.safetensors";
  int64_t step = 0;
  for (int tries = 0; tries < 6000 && step < 10; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_EQ(::waitpid(child, nullptr, WNOHANG), 0) << "the child ended before it was killed";
    if (std::filesystem::exists(checkpoint)) step = CheckpointFile(checkpoint).state().step;
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ASSERT_GE(step, 10);
  const CheckpointFile left(checkpoint);
  EXPECT_TRUE(left.state().stopped_by.empty());
  expect_same_end(folder.path(), options);
}

TEST(ResumeTest, CompleteTrainingIsNotRepeated) {
  TestFolder folder;
  RegressionTask first, second;
  const auto expected = train_in(first, resume_options(), folder.path());
  const auto log = read_file(folder.path() / "train.jsonl");
  const auto found = train_in(second, resume_options(), folder.path());
  EXPECT_EQ(second.num_losses, 0);
  EXPECT_EQ(second.num_validations, 0);
  EXPECT_TRUE(torch::equal(first.flat(), second.flat()));
  EXPECT_EQ(found.stopped_by, expected.stopped_by);
  EXPECT_EQ(found.seconds, expected.seconds);
  EXPECT_EQ(read_file(folder.path() / "train.jsonl"), log);
}

TEST(ResumeTest, OtherOptionsAreRefused) {
  TestFolder folder;
  auto options = resume_options();
  train_until(40, options, folder.path());
  options.learning_rate = 0.5;
  RegressionTask task;
  const auto before = task.flat();
  const Error error = error_of([&] { train_in(task, options, folder.path()); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  for (const char* part : {"checkpoint.safetensors", "learning_rate", "0.02", "0.5", "remove"}) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_TRUE(torch::equal(task.flat(), before));
  options = resume_options();
  const Error seed = error_of([&] { train_model(task, options, 6, silent_reporter(), "t", folder.path()); });
  EXPECT_NE(std::string(seed.what()).find("seed"), std::string::npos);
  RegressionTask larger(1, 0.1, 104);
  const Error examples = error_of([&] { train_in(larger, options, folder.path()); });
  EXPECT_NE(std::string(examples.what()).find("num_examples"), std::string::npos);
}

TEST(ResumeTest, AnotherFingerprintIsRefused) {
  struct Task : RegressionTask {
    std::string fingerprint() const override { return codes; }
    std::string codes = "one";
  };
  TestFolder folder;
  Task first, same, other;
  train_in(first, resume_options(), folder.path());
  train_in(same, resume_options(), folder.path());
  EXPECT_TRUE(torch::equal(same.flat(), first.flat()));
  other.codes = "two";
  const Error error = error_of([&] { train_in(other, resume_options(), folder.path()); });
  EXPECT_NE(std::string(error.what()).find("fingerprint"), std::string::npos) << error.what();
}

TEST(ResumeTest, TimeBetweenCheckpointsMayChange) {
  TestFolder folder;
  auto options = resume_options();
  train_until(40, options, folder.path());
  options.checkpoint_every_minutes = 5;
  RegressionTask task;
  train_in(task, options, folder.path());
  EXPECT_LT(task.num_losses, 90);  // of 104 for the whole
}

TEST(ResumeTest, DamagedCheckpointIsRefused) {
  TestFolder folder;
  const auto options = resume_options();
  train_until(40, options, folder.path());
  const auto path = folder.path() / "checkpoint.safetensors";
  const std::string good = read_file(path);
  const auto refuse = [&](const std::string& bytes) {
    write_file(path, bytes);
    RegressionTask task;
    const auto before = task.flat();
    const Error error = error_of([&] { train_in(task, options, folder.path()); });
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
    EXPECT_NE(std::string(error.what()).find("checkpoint.safetensors"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("remove the file"), std::string::npos) << error.what();
    EXPECT_TRUE(torch::equal(task.flat(), before));
    EXPECT_EQ(task.num_losses, 0);
  };
  std::string flipped = good;
  flipped[flipped.size() - 100] ^= 1;
  refuse(flipped);
  refuse(good.substr(0, good.size() / 2));
  refuse("");
  std::string renamed = good;
  renamed.replace(renamed.find("tessera.checkpoint.1"), 20, "tessera.checkpoint.9");
  refuse(renamed);
  write_file(path, good);
  RegressionTask task;
  EXPECT_NO_THROW(train_in(task, options, folder.path()));
}

TEST(ResumeTest, NoCheckpointWhenSwitchedOff) {
  TestFolder folder;
  auto options = resume_options();
  options.checkpoint_every_minutes = 0;
  RegressionTask task;
  train_in(task, options, folder.path());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "checkpoint.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "train.jsonl"));
}

}  // namespace
}  // namespace tessera
