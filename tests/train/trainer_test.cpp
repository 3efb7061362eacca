#include "train/trainer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "regression_task.h"
#include "train/checkpoint.h"
#include "train/train_log.h"

namespace tessera {
namespace {

TrainSummary train(RegressionTask& task, const TrainOptions& options, const std::filesystem::path& folder = {},
                   uint64_t seed = 5) {
  return train_model(task, options, seed, silent_reporter(), "train test", folder);
}

using Values = std::vector<std::pair<std::string, double>>;

TEST(TrainerTest, AParameterLearnsAtTheRateThatItsTaskNames) {
  struct Rated : RegressionTask {
    double rate(const std::string& name) const override { return name == "w1" ? 0.0 : 1.0; }
  };
  Rated task;
  const at::Tensor w1 = task.w1().detach().clone(), all = task.flat();
  auto options = short_options();
  options.weight_decay = options.ema_decay = 0;  // the rate scales neither
  train(task, options);
  EXPECT_TRUE(at::equal(task.w1().detach(), w1));
  EXPECT_FALSE(at::equal(task.flat(), all));
}

TEST(TrainerTest, LearnsAndLeavesTheBestWeights) {
  RegressionTask task;
  const double before = task.validate().front().second;
  task.validated_in_training = false;  // it looks at calls of the trainer only
  auto options = short_options();
  options.max_epochs = 60;
  const auto summary = train(task, options);
  EXPECT_EQ(summary.stopped_by, "max_epochs");
  EXPECT_EQ(summary.steps, 60 * 7);
  EXPECT_DOUBLE_EQ(summary.epochs, 60);
  EXPECT_GT(summary.seconds, 0);
  EXPECT_FALSE(task.training());
  EXPECT_FALSE(task.validated_in_training);
  EXPECT_GT(summary.best_value, before / 3);
  EXPECT_NEAR(task.validate().front().second, summary.best_value, 1e-6);
}

TEST(TrainerTest, SameSeedSameWeights) {
  RegressionTask a, b, c;
  train(a, short_options());
  torch::manual_seed(123);
  train(b, short_options());
  train(c, short_options(), {}, 6);
  EXPECT_TRUE(torch::equal(a.flat(), b.flat()));
  EXPECT_FALSE(torch::equal(a.flat(), c.flat()));
}

TEST(TrainerTest, AccumulationEqualsABigBatch) {
  // One step an epoch, so that the order within the epoch does not matter; 103 examples leave a partial batch.
  TrainOptions options = short_options();
  options.ema_decay = 0;
  options.max_steps = 10;
  options.batch_size = 103;
  options.accumulate = 1;
  RegressionTask big(1, 0.0), small(1, 0.0);
  train(big, options);
  options.batch_size = 10;
  options.accumulate = 11;
  train(small, options);
  EXPECT_TRUE(torch::allclose(big.flat(), small.flat(), 1e-4, 1e-5));
}

TEST(TrainerTest, StepsStopTheTraining) {
  auto options = short_options();
  options.max_steps = 10;
  RegressionTask task;
  const auto summary = train(task, options);
  EXPECT_EQ(summary.steps, 10);
  EXPECT_EQ(summary.stopped_by, "max_steps");
  EXPECT_EQ(task.num_validations, 2);  // after the epoch of 7 steps, and at the end
}

TEST(TrainerTest, TheClockStopsTheTraining) {
  auto options = short_options();
  options.max_epochs = 1'000'000;
  options.max_minutes = 0.2 / 60;
  RegressionTask task;
  const auto summary = train(task, options);
  EXPECT_EQ(summary.stopped_by, "max_minutes");
  EXPECT_GE(summary.seconds, 0.2);
}

TEST(TrainerTest, EarlyStoppingKeepsTheBestWeights) {
  auto options = short_options();
  options.patience = 3;
  options.ema_decay = 0;
  RegressionTask task;
  at::Tensor at_best;
  task.validation = [&](int64_t number) {
    if (number == 4) at_best = task.flat();
    return Values{{"hit_rate", number == 4 ? 0.9 : 0.1 * static_cast<double>(std::min<int64_t>(number, 5))}};
  };
  const auto summary = train(task, options);
  EXPECT_EQ(summary.stopped_by, "patience");
  EXPECT_EQ(summary.steps, 7 * 7);
  EXPECT_EQ(summary.best_step, 4 * 7);
  EXPECT_DOUBLE_EQ(summary.best_value, 0.9);
  EXPECT_TRUE(torch::equal(task.flat(), at_best));
}

TEST(TrainerTest, WithoutValidationTheLastWeightsStay) {
  auto options = short_options();
  options.ema_decay = 0;
  options.max_steps = 20;
  RegressionTask task;
  task.validation = [](int64_t) { return Values{}; };
  const auto summary = train(task, options);
  EXPECT_EQ(summary.best_step, 0);
  EXPECT_EQ(summary.stopped_by, "max_steps");
}

TEST(TrainerTest, ValidationSeesTheAverageAndTrainingDoesNot) {
  auto options = short_options();
  options.ema_decay = 0;
  options.max_steps = 21;
  options.validate_every_epochs = 1.0 / 7;
  RegressionTask plain, averaged;
  std::vector<at::Tensor> seen, validated;
  plain.validation = [&](int64_t number) {
    seen.push_back(plain.flat());
    return Values{{"number", static_cast<double>(number)}};
  };
  train(plain, options);
  options.ema_decay = 0.8;
  averaged.validation = [&](int64_t number) {
    validated.push_back(averaged.flat());
    return Values{{"number", static_cast<double>(number)}};
  };
  train(averaged, options);
  ASSERT_EQ(seen.size(), 21u);
  ASSERT_EQ(validated.size(), 21u);
  at::Tensor average = RegressionTask().flat();
  for (size_t step = 0; step < seen.size(); ++step) {
    const double decay = std::min(0.8, (2.0 + static_cast<double>(step)) / (11.0 + static_cast<double>(step)));
    average = decay * average + (1 - decay) * seen[step];
    EXPECT_TRUE(torch::allclose(average, validated[step], 1e-4, 1e-6)) << step;
  }
  EXPECT_TRUE(torch::equal(averaged.flat(), validated.back()));
}

TEST(TrainerTest, ClippingBoundsTheGradient) {
  // After one step the first moment is (1 - beta1) times the clipped gradient.
  const auto first_moment_norm = [](double clip_norm) {
    TestFolder folder;
    auto options = short_options();
    options.max_steps = 1;
    options.clip_norm = clip_norm;
    options.ema_decay = 0;
    RegressionTask task;
    train(task, options, folder.path());
    const NamedTensors moments{
        {"first/w1", torch::empty({6, 16})}, {"first/b1", torch::empty({16})}, {"first/w2", torch::empty({16, 3})}};
    CheckpointFile(folder.path() / "checkpoint.safetensors").load(moments);
    double sum = 0;
    for (const auto& [name, tensor] : moments) sum += tensor.pow(2).sum().item<double>();
    return std::sqrt(sum) / 0.1;
  };
  EXPECT_NEAR(first_moment_norm(1e-3), 1e-3, 1e-7);
  const double whole = first_moment_norm(0);
  EXPECT_GT(whole, 1e-2);
  EXPECT_NEAR(first_moment_norm(1e3), whole, 1e-6);
}

TEST(TrainerTest, NonFiniteLossNamesTheStep) {
  auto options = short_options();
  options.accumulate = 1;
  RegressionTask task;
  task.before_loss = [&](int64_t number) {
    const torch::NoGradGuard no_grad;
    if (number == 9) task.w1()[2][3] = std::numeric_limits<float>::quiet_NaN();
  };
  const Error error = error_of([&] { train(task, options); });
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_NE(std::string(error.what()).find("step 9 "), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("weight 'w1'"), std::string::npos) << error.what();
}

TEST(TrainerTest, NonFiniteGradientNamesStepAndTensor) {
  auto options = short_options();
  options.accumulate = 1;
  RegressionTask task;
  const auto hook = task.w1().register_hook([&](const at::Tensor& gradient) {
    return task.num_losses == 5 ? gradient * std::numeric_limits<float>::infinity() : gradient;
  });
  const Error error = error_of([&] { train(task, options); });
  task.w1().remove_hook(hook);
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_NE(std::string(error.what()).find("step 5 "), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("gradient of 'w1'"), std::string::npos) << error.what();
  EXPECT_TRUE(task.flat().isfinite().all().item<bool>());  // stopped before the update
}

TEST(TrainerTest, NonFiniteValidationIsRefused) {
  RegressionTask task;
  task.validation = [](int64_t) { return Values{{"ndcg@10", std::nan("")}}; };
  const Error error = error_of([&] { train(task, short_options()); });
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_NE(std::string(error.what()).find("ndcg@10"), std::string::npos);
}

TEST(TrainerTest, ImpossibleOptionsAreRefused) {
  RegressionTask task;
  auto options = short_options();
  options.learning_rate = -1;
  EXPECT_EQ(error_of([&] { train(task, options); }).kind(), ErrorKind::config);
  options = short_options();
  options.schedule = "square";
  EXPECT_EQ(error_of([&] { train(task, options); }).kind(), ErrorKind::config);
  RegressionTask nothing(1, 0, 0);
  EXPECT_EQ(error_of([&] { train(nothing, short_options()); }).kind(), ErrorKind::data);
}

TEST(TrainerTest, Bfloat16Learns) {
  auto options = short_options();
  options.precision = "bf16";
  options.max_epochs = 60;
  RegressionTask task;
  const double before = task.validate().front().second;
  EXPECT_GT(train(task, options).best_value, before / 3);
  EXPECT_EQ(task.w1().scalar_type(), at::kFloat);
}

TEST(TrainerTest, ProgressTellsLossAndValidation) {
  struct Listener : Reporter {
    void report(const ProgressState& state) override { last = state; }
    int interval_ms() const override { return 0; }
    ProgressState last;
  } listener;
  RegressionTask task;
  train_model(task, short_options(), 5, listener, "train test", {});
  EXPECT_TRUE(listener.last.finished);
  EXPECT_EQ(listener.last.done, listener.last.total);
  for (const char* part : {"loss ", "lr ", "examples/s", "negative_loss "}) {
    EXPECT_NE(listener.last.note.find(part), std::string::npos) << listener.last.note;
  }
}

}  // namespace
}  // namespace tessera
