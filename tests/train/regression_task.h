#pragma once

#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "train/trainer.h"

namespace tessera {

/// y = tanh(x W1 + b1) W2 with noise, and dropout so that a step draws random numbers. The world is fixed; the initial
/// weights follow from the seed.
class RegressionTask : public TrainTask {
 public:
  explicit RegressionTask(uint64_t seed = 1, double dropout = 0.1, int64_t num_examples = 103) : dropout_(dropout) {
    torch::manual_seed(99);
    x_ = torch::randn({num_examples, 6});
    y_ = torch::tanh(x_.mm(torch::randn({6, 3}))) + 0.1 * torch::randn({num_examples, 3});
    torch::manual_seed(seed);
    w1_ = (0.3 * torch::randn({6, 16})).requires_grad_();
    b1_ = torch::zeros({16}).requires_grad_();
    w2_ = (0.3 * torch::randn({16, 3})).requires_grad_();
  }
  std::vector<std::pair<std::string, at::Tensor>> parameters() override {
    return {{"w1", w1_}, {"b1", b1_}, {"w2", w2_}};
  }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return x_.size(0); }
  int64_t length(int64_t example) const override { return 1 + example % 7; }
  at::Tensor loss(std::span<const int64_t> examples) override {
    ++num_losses;
    if (before_loss) before_loss(num_losses);
    const auto rows = torch::tensor(at::ArrayRef<int64_t>(examples.data(), examples.size()));
    return (predict(x_.index_select(0, rows)) - y_.index_select(0, rows)).pow(2).mean();
  }
  std::vector<std::pair<std::string, double>> validate() override {
    ++num_validations;
    validated_in_training = validated_in_training || training_ || torch::GradMode::is_enabled();
    if (validation) return validation(num_validations);
    return {{"negative_loss", -(predict(x_) - y_).pow(2).mean().item<double>()}, {"count", 1.0}};
  }

  /// All weights as one vector.
  at::Tensor flat() const { return torch::cat({w1_.flatten(), b1_, w2_.flatten()}).detach().clone(); }
  at::Tensor& w1() { return w1_; }
  bool training() const { return training_; }

  std::function<void(int64_t loss_number)> before_loss;
  std::function<std::vector<std::pair<std::string, double>>(int64_t validation_number)> validation;
  int64_t num_losses = 0, num_validations = 0;
  bool validated_in_training = false;

 private:
  at::Tensor predict(const at::Tensor& x) {
    return torch::dropout(torch::tanh(x.mm(w1_) + b1_), dropout_, training_).mm(w2_);
  }

  double dropout_;
  bool training_ = false;
  at::Tensor x_, y_, w1_, b1_, w2_;
};

/// Options of a short training with everything that has state: accumulation, averaging, warm-up, validation.
inline TrainOptions short_options() {
  TrainOptions options;
  options.batch_size = 8;
  options.accumulate = 2;
  options.max_epochs = 20;  // of 7 steps
  options.learning_rate = 0.02;
  options.weight_decay = 0.01;
  options.warmup_steps = 10;
  options.ema_decay = 0.9;
  options.precision = "fp32";
  options.device = "cpu";
  options.patience = 0;
  options.checkpoint_every_minutes = 1e-9;  // after every step
  return options;
}

/// A folder of this test that is removed at its end.
class TestFolder {
 public:
  TestFolder() {
    std::string name = std::filesystem::temp_directory_path() / "tessera-train-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Message and kind of the Error that a call throws; kind internal and no message if it throws none.
inline Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::internal, ""};
}

}  // namespace tessera
