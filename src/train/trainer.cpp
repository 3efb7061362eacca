#include "train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nn/device.h"
#include "train/adam.h"
#include "train/batch_order.h"
#include "train/checkpoint.h"
#include "train/schedule.h"
#include "train/train_log.h"

namespace tessera {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kStepsPerLogLine = 50;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TrainOptions validated(TrainOptions options) {
  const auto list = list_options(options);
  list.assign(list.dump(), "[train]");
  return options;
}

NamedTensors with_prefix(const std::string& prefix, const NamedTensors& names, const std::vector<at::Tensor>& tensors) {
  NamedTensors result;
  for (size_t i = 0; i < names.size(); ++i) result.emplace_back(prefix + names[i].first, tensors[i]);
  return result;
}

class Training {
 public:
  Training(TrainTask& task, const TrainOptions& options, uint64_t seed, const std::filesystem::path& folder);
  TrainSummary run(Reporter& reporter, const std::string& label);

 private:
  struct StepResult {
    double loss, learning_rate, gradient_norm;
    int64_t examples;
  };

  nlohmann::json identity() const;
  void resume();
  void save() const;
  NamedTensors stored_tensors() const;
  void advance();
  StepResult train_step();
  [[noreturn]] void fail_not_finite(int64_t step, double loss, double norm) const;
  void update_average();
  void log_step(const StepResult& result);
  void validate();
  void stop_at_limit();
  double clock_fraction() const;
  double epoch() const { return static_cast<double>(state_.step) / static_cast<double>(steps_per_epoch_); }
  std::vector<at::Tensor> weights() const;
  static void copy_all(const std::vector<at::Tensor>& from, const std::vector<at::Tensor>& to);
  void show(Progress& progress) const;

  TrainTask& task_;
  TrainOptions options_;
  uint64_t seed_;
  std::filesystem::path folder_;
  NamedTensors parameters_;
  c10::Device device_;
  bool bf16_;
  BatchOrder order_;
  Adam adam_;
  int64_t steps_per_epoch_, total_steps_, steps_per_validation_;
  Schedule schedule_;
  std::vector<at::Tensor> average_, best_;  ///< empty: not used, none yet
  TrainState state_;
  TrainLogWriter log_;
  Clock::time_point last_save_ = Clock::now();
  int64_t window_examples_ = 0;  ///< since the last line of the log
  double window_seconds_ = 0;
  StepResult last_{};
  double examples_per_second_ = 0;
  std::string validation_note_;
};

Adam::Settings adam_settings(const TrainOptions& options, const TrainTask& task, const NamedTensors& parameters) {
  Adam::Settings settings;
  settings.decoupled = options.optimizer == "adamw";
  settings.beta1 = options.beta1;
  settings.beta2 = options.beta2;
  settings.weight_decay = options.weight_decay;
  for (const auto& [name, tensor] : parameters) settings.rates.push_back(task.rate(name));
  return settings;
}

c10::Device device_of(const NamedTensors& parameters) {
  TESSERA_CHECK(!parameters.empty(), internal, "the model has no parameter to train");
  return parameters.front().second.device();
}

Training::Training(TrainTask& task, const TrainOptions& options, uint64_t seed, const std::filesystem::path& folder)
    : task_(task),
      options_(validated(options)),
      seed_(seed),
      folder_(folder),
      parameters_(task.parameters()),
      device_(device_of(parameters_)),
      bf16_(use_bf16(options.precision, device_)),
      order_(
          task.num_examples(), options_.batch_size, seed, [&](int64_t example) { return task.length(example); },
          options_.batch_by == "answers" ? [&](int64_t example) { return task.answers(example); }
                                         : BatchOrder::OfExample{}),
      adam_(parameters_, adam_settings(options_, task, parameters_)) {
  steps_per_epoch_ = (order_.num_batches() + options_.accumulate - 1) / options_.accumulate;
  total_steps_ = options_.max_epochs * steps_per_epoch_;
  if (options_.max_steps > 0) total_steps_ = std::min(total_steps_, options_.max_steps);
  steps_per_validation_ =
      std::max<int64_t>(1, std::llround(options_.validate_every_epochs * static_cast<double>(steps_per_epoch_)));
  schedule_ = {options_.schedule, options_.learning_rate, options_.warmup_steps, total_steps_};
  if (options_.ema_decay > 0) {
    for (const auto& weight : weights()) average_.push_back(weight.clone());
  }
}

/// The parameters, detached: their storage without their gradient.
std::vector<at::Tensor> Training::weights() const {
  std::vector<at::Tensor> result;
  for (const auto& [name, tensor] : parameters_) result.push_back(tensor.detach());
  return result;
}

void Training::copy_all(const std::vector<at::Tensor>& from, const std::vector<at::Tensor>& to) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < from.size(); ++i) {
    at::Tensor target = to[i];
    target.copy_(from[i]);
  }
}

/// What a resumed training must have in common with the one that wrote the checkpoint.
nlohmann::json Training::identity() const {
  TrainOptions copy = options_;
  nlohmann::json result = list_options(copy).dump();
  result.erase("checkpoint_every_minutes");
  result["seed"] = seed_;
  result["num_examples"] = task_.num_examples();
  if (const std::string fingerprint = task_.fingerprint(); !fingerprint.empty()) result["fingerprint"] = fingerprint;
  for (const auto& [name, tensor] : parameters_) {
    result["shape of " + name] = tensor.sizes().vec();
    if (task_.rate(name) != 1) result["rate of " + name] = task_.rate(name);
  }
  return result;
}

NamedTensors Training::stored_tensors() const {
  NamedTensors result = with_prefix("weight/", parameters_, weights());
  const auto add = [&](const std::string& prefix, const std::vector<at::Tensor>& tensors) {
    const auto named = with_prefix(prefix, parameters_, tensors);
    result.insert(result.end(), named.begin(), named.end());
  };
  Adam& adam = const_cast<Adam&>(adam_);
  add("first/", adam.first_moments());
  add("second/", adam.second_moments());
  if (!average_.empty()) add("average/", average_);
  if (!best_.empty()) add("best/", best_);
  return result;
}

void Training::resume() {
  if (folder_.empty()) return;
  std::filesystem::create_directories(folder_);
  const auto path = folder_ / "checkpoint.safetensors";
  if (std::filesystem::exists(path)) {
    const CheckpointFile file(path);
    file.check_identity(identity());
    state_ = file.state();
    if (state_.best_step > 0) {
      for (const auto& weight : weights()) best_.push_back(at::empty_like(weight));
    }
    file.load(stored_tensors());
    adam_.set_num_steps(state_.step);
  }
  log_ = TrainLogWriter(folder_ / "train.jsonl", state_.step);
}

void Training::save() const {
  write_checkpoint(folder_ / "checkpoint.safetensors", identity(), state_, stored_tensors());
}

double Training::clock_fraction() const {
  return options_.max_minutes > 0 ? std::min(1.0, state_.seconds / (60 * options_.max_minutes)) : 0;
}

TrainSummary Training::run(Reporter& reporter, const std::string& label) {
  resume();
  const bool saves = !folder_.empty() && options_.checkpoint_every_minutes > 0;
  const bool was_complete = !state_.stopped_by.empty();
  const int64_t first_step = state_.step;
  // With a time limit the bar counts seconds, which is what is left to wait for; a resumed run counts what is left.
  const bool by_clock = options_.max_minutes > 0;
  const double first_second = state_.seconds;
  Progress progress(reporter, first_step > 0 ? fmt::format("{} (resumed at step {})", label, first_step) : label,
                    by_clock ? std::llround(60 * options_.max_minutes - first_second) : total_steps_ - first_step,
                    by_clock ? "s" : "steps");
  task_.set_training(true);
  while (state_.stopped_by.empty()) {
    stop_at_limit();
    if (state_.stopped_by.empty()) {
      advance();
      if (state_.step % steps_per_validation_ == 0) validate();
    } else if (state_.last_validation != state_.step) {
      validate();
    }
    show(progress);
    progress.set(by_clock ? static_cast<int64_t>(state_.seconds - first_second) : state_.step - first_step);
    if (saves && seconds_since(last_save_) >= 60 * options_.checkpoint_every_minutes) {
      save();
      last_save_ = Clock::now();
    }
  }
  if (saves && !was_complete) save();
  if (!best_.empty()) {
    copy_all(best_, weights());
  } else if (!average_.empty()) {
    copy_all(average_, weights());
  }
  adam_.zero_grad();
  task_.set_training(false);
  progress.finish();
  return {state_.step, epoch(), state_.seconds, state_.best_value, state_.best_step, state_.stopped_by};
}

void Training::stop_at_limit() {
  if (state_.step >= total_steps_) {
    state_.stopped_by = total_steps_ == options_.max_steps ? "max_steps" : "max_epochs";
  } else if (options_.max_minutes > 0 && clock_fraction() >= 1) {
    state_.stopped_by = "max_minutes";
  }
}

/// One step with its book-keeping.
void Training::advance() {
  const auto start = Clock::now();
  last_ = train_step();
  const double spent = seconds_since(start);
  ++state_.step;
  state_.seconds += spent;
  state_.loss_sum += last_.loss;
  ++state_.loss_steps;
  window_examples_ += last_.examples;
  window_seconds_ += spent;
  examples_per_second_ = static_cast<double>(window_examples_) / std::max(1e-9, window_seconds_);
  if (state_.step % kStepsPerLogLine == 0) log_step(last_);
}

Training::StepResult Training::train_step() {
  const int64_t step = state_.step;  // 0-based
  order_.start_epoch(step / steps_per_epoch_);
  const int64_t first = step % steps_per_epoch_ * options_.accumulate;
  const int64_t last = std::min(order_.num_batches(), first + options_.accumulate);
  int64_t examples = 0;
  for (int64_t b = first; b < last; ++b) examples += static_cast<int64_t>(order_.batch(b).size());

  adam_.zero_grad();
  at::Tensor total;
  for (int64_t b = first; b < last; ++b) {
    const auto batch = order_.batch(b);
    seed_step(seed_, step * options_.accumulate + (b - first), device_);
    at::Tensor loss;
    {
      const AutocastScope autocast(bf16_, device_);
      loss = task_.loss(batch);
    }
    TESSERA_CHECK(loss.defined() && loss.dim() == 0 && loss.requires_grad(), internal,
                  "the loss of step {} is not a scalar with gradient", step + 1);
    // Batches weigh by their size, so that the sum is the mean over all examples of the step.
    loss = loss.to(at::kFloat) * (static_cast<double>(batch.size()) / static_cast<double>(examples));
    loss.backward();
    total = total.defined() ? total + loss.detach() : loss.detach();
  }
  const double norm = adam_.gradient_norm();  // waits for the device, so that reading the loss after it costs nothing
  const double loss = total.item<double>();
  if (!std::isfinite(loss) || !std::isfinite(norm)) fail_not_finite(step + 1, loss, norm);

  const double rate = schedule_.rate(step + 1, clock_fraction());
  const double scale = options_.clip_norm > 0 ? std::min(1.0, options_.clip_norm / (norm + 1e-6)) : 1.0;
  adam_.step(rate, scale);
  adam_.zero_grad();
  if (!average_.empty()) update_average();
  return {loss, rate, norm, examples};
}

void Training::fail_not_finite(int64_t step, double loss, double norm) const {
  constexpr const char* remedy = "lower learning_rate or clip_norm, lengthen warmup_steps, or set precision = \"fp32\"";
  for (const auto& [name, tensor] : parameters_) {
    TESSERA_CHECK(at::isfinite(tensor.detach()).all().item<bool>(), data,
                  "step {} (epoch {:.2f}): weight '{}' is not finite (loss {}); {}", step, epoch(), name, loss, remedy);
  }
  const std::string name = adam_.bad_gradient();
  const std::string where = name.empty() ? "of all tensors together" : "of '" + name + "'";
  TESSERA_CHECK(std::isfinite(loss), data, "step {} (epoch {:.2f}): the loss is {}, the gradient {} is not finite; {}",
                step, epoch(), loss, where, remedy);
  fail(ErrorKind::data, "step {} (epoch {:.2f}): the gradient {} is not finite (norm {}, loss {}); {}", step, epoch(),
       where, norm, loss, remedy);
}

/// The average forgets its start faster at first, when the weights still move far.
void Training::update_average() {
  const torch::NoGradGuard no_grad;
  const auto steps = static_cast<double>(adam_.num_steps());
  const double decay = std::min(options_.ema_decay, (1 + steps) / (10 + steps));
  at::_foreach_mul_(average_, decay);
  at::_foreach_add_(average_, weights(), 1 - decay);
}

void Training::log_step(const StepResult& result) {
  log_.write(TrainPoint{state_.step, epoch(), state_.loss_sum / static_cast<double>(state_.loss_steps),
                        result.learning_rate, result.gradient_norm, examples_per_second_, state_.seconds});
  state_.loss_sum = 0;
  state_.loss_steps = 0;
  window_examples_ = 0;
  window_seconds_ = 0;
}

void Training::validate() {
  std::vector<at::Tensor> trained;
  if (!average_.empty()) {
    for (const auto& weight : weights()) trained.push_back(weight.clone());
    copy_all(average_, weights());
  }
  task_.set_training(false);
  std::vector<std::pair<std::string, double>> values;
  {
    const torch::NoGradGuard no_grad;
    values = task_.validate();
  }
  task_.set_training(true);
  state_.last_validation = state_.step;
  if (!values.empty()) {
    const auto& [name, value] = values.front();
    TESSERA_CHECK(std::isfinite(value), data, "step {}: validation gives {} = {}, which cannot be compared",
                  state_.step, name, value);
    if (state_.best_step == 0 || value > state_.best_value) {
      state_.best_step = state_.step;
      state_.best_value = value;
      state_.since_best = 0;
      if (best_.empty()) {
        for (const auto& weight : weights()) best_.push_back(at::empty_like(weight));
      }
      copy_all(weights(), best_);
    } else if (++state_.since_best >= options_.patience && options_.patience > 0 && state_.stopped_by.empty()) {
      state_.stopped_by = "patience";
    }
    log_.write(ValidationPoint{state_.step, epoch(), state_.seconds, values});
    validation_note_ = fmt::format(", {} {:.4f} (best {:.4f})", name, value, state_.best_value);
  }
  if (!trained.empty()) copy_all(trained, weights());
}

void Training::show(Progress& progress) const {
  if (last_.examples == 0) return;
  progress.note(fmt::format("epoch {:.2f}, loss {:.4f}, lr {:.2e}, {} examples/s{}", epoch(), last_.loss,
                            last_.learning_rate, human_count(examples_per_second_), validation_note_));
}

}  // namespace

TrainSummary train_model(TrainTask& task, const TrainOptions& options, uint64_t seed, Reporter& reporter,
                         const std::string& label, const std::filesystem::path& folder) {
  return Training(task, options, seed, folder).run(reporter, label);
}

}  // namespace tessera
