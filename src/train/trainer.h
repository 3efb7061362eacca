#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/progress.h"

namespace tessera {

/// What a method hands to the trainer. The trainer owns the loop; the task owns the model.
class TrainTask {
 public:
  virtual ~TrainTask() = default;
  /// Every trainable tensor by name; the same names in the same order at each call.
  virtual std::vector<std::pair<std::string, at::Tensor>> parameters() = 0;
  /// The learning rate of a parameter, as a multiple of the schedule's.
  virtual double rate(const std::string& /*parameter*/) const { return 1; }
  /// What parameters mean beside their names and shapes, such as which codes a table has rows for: a checkpoint of
  /// another fingerprint is not resumed.
  virtual std::string fingerprint() const { return ""; }
  virtual void set_training(bool on) = 0;
  virtual int64_t num_examples() const = 0;
  /// Work of one example (history length); batches are filled from examples of like length. Constant: no bucketing.
  virtual int64_t length(int64_t /*example*/) const { return 1; }
  /// How many answers the example has; the loss of a batch is a mean over them.
  virtual int64_t answers(int64_t /*example*/) const { return 1; }
  /// Mean loss of a batch, a scalar with gradient. @param examples  indices below num_examples()
  virtual at::Tensor loss(std::span<const int64_t> examples) = 0;
  /// Quality on validation data, higher is better, with any other numbers to log. Runs without gradient.
  /// The first entry is the one that selects. Empty: nothing to validate on, the last weights are kept.
  virtual std::vector<std::pair<std::string, double>> validate() = 0;
};

struct TrainOptions {
  int64_t batch_size = 256;
  std::string batch_by = "answers";
  int64_t accumulate = 1;
  int64_t max_epochs = 100;
  int64_t max_steps = 0;
  double max_minutes = 0;
  std::string optimizer = "adamw";
  double learning_rate = 1e-3;
  double weight_decay = 0.0;
  double beta1 = 0.9, beta2 = 0.999;
  std::string schedule = "cosine";
  int64_t warmup_steps = 0;
  double clip_norm = 1.0;
  std::string precision = "auto";
  std::string device = "auto";
  double validate_every_epochs = 1.0;
  int64_t patience = 10;
  double checkpoint_every_minutes = 2.0;
  double ema_decay = 0.0;

  template <class F>
  void fields(F& f) {
    f("batch_size", batch_size, "examples a step", range(1, 1 << 20));
    f("batch_by", batch_by,
      "examples: every batch has batch_size of them, so a step of short histories has few answers; answers: batches of "
      "about as many answers each, and of batch_size examples on average",
      one_of({"examples", "answers"}));
    f("accumulate", accumulate, "batches whose gradients are added up before a step", range(1, 1024));
    f("max_epochs", max_epochs, "passes over the examples", range(1, 1e6));
    f("max_steps", max_steps, "optimiser steps at most; 0: no limit", at_least(0));
    f("max_minutes", max_minutes, "minutes of training at most; 0: no limit. The schedule then follows the clock",
      at_least(0));
    f("optimizer", optimizer, "update rule", one_of({"adamw", "adam"}));
    f("learning_rate", learning_rate, "peak learning rate", range(0, 10));
    f("weight_decay", weight_decay,
      "of matrices: adamw decays them by themselves; adam adds it to the gradient, where .01 can be all that is "
      "learned",
      range(0, 10));
    f("beta1", beta1, "first moment's decay", range(0, 0.9999));
    f("beta2", beta2, "second moment's decay", range(0, 0.999999));
    f("schedule", schedule, "shape of the learning rate after warm-up",
      one_of({"constant", "cosine", "linear", "inverse-sqrt"}));
    f("warmup_steps", warmup_steps, "steps of linear warm-up", at_least(0));
    f("clip_norm", clip_norm, "largest norm of the whole gradient; 0: no clipping", at_least(0));
    f("precision", precision, "bf16 runs matrix products in bfloat16; auto: where the machine is faster so",
      one_of({"auto", "fp32", "bf16"}));
    f("device", device, "where to train", one_of({"auto", "cpu", "cuda"}));
    f("validate_every_epochs", validate_every_epochs, "epochs between validations", range(0.001, 1e6));
    f("patience", patience, "validations without a better one before training stops; 0: never stop early", at_least(0));
    f("checkpoint_every_minutes", checkpoint_every_minutes, "minutes between checkpoints; 0: none", at_least(0));
    f("ema_decay", ema_decay, "decay of the averaged weights that are validated and kept; 0: the weights themselves",
      range(0, 0.99999));
  }
};

struct TrainSummary {
  int64_t steps = 0;
  double epochs = 0;
  double seconds = 0;     ///< of training, over all resumed parts, validations excluded
  double best_value = 0;  ///< of the selecting validation number
  int64_t best_step = 0;
  std::string stopped_by;  ///< "patience", "max_epochs", "max_steps", "max_minutes"
};

/// Trains until a limit or until validation stops improving; leaves the best weights (averaged ones with ema_decay) in
/// the task's parameters, and the task out of training mode. Order, dropout and sampling of step s depend on (seed, s)
/// alone, so a run that is killed and resumed from its checkpoint ends in the same weights as one that was not
/// (max_minutes excepted). The model must be on its device; options.device is for the task that puts it there.
/// @param folder  gets train.jsonl (one JSON object a validation or 50 steps, see train_log.h) and
///                checkpoint.safetensors; empty: neither. A checkpoint found there is resumed; that of a complete
///                training gives its result at once, and may be removed when the weights have been saved.
/// @throws Error(data) naming step and tensor when a loss or gradient is not finite
/// @throws Error(config) naming the key, if the checkpoint was written with other options, seed, examples or shapes
/// @throws Error(corrupt) if the checkpoint is damaged
TrainSummary train_model(TrainTask& task, const TrainOptions& options, uint64_t seed, Reporter& reporter,
                         const std::string& label, const std::filesystem::path& folder);

}  // namespace tessera
