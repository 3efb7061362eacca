#pragma once

#include <ATen/core/TensorBody.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/chunks.h"
#include "methods/families.h"
#include "methods/validation.h"
#include "nn/parameters.h"
#include "train/trainer.h"

namespace tessera {

/// A network that reads a history (and perhaps who asks) and scores every item of the catalogue at once. This class is
/// what all of them share: training through the trainer, batches of requests, filters and exclusions, files, facts. A
/// method gives its weights (build), the loss of some examples (loss_of) and the scores of some questions (scores).
class DenseRetriever : public Retriever, protected TrainTask {
 public:
  void train(const RetrieveInputs& inputs, const MethodContext& context) override;
  std::vector<Results> recommend(std::span<const Request> requests) const override;
  int64_t batch_size() const override { return 8192; }
  void save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override;
  std::map<std::string, double> facts() const override;

 protected:
  struct Settings {
    std::string name;         ///< of the method
    int64_t max_history = 1;  ///< items of a history that are read, the latest
    ValidationOptions validation;
    TrainOptions train;
  };
  struct Questions {
    std::vector<std::span<const ItemId>> histories;  ///< oldest first, at most max_history items; may be empty
    std::vector<UserId> users;                       ///< -1: not known
  };

  /// @throws Error(config | unsupported) for a device that is not there
  explicit DenseRetriever(Settings settings);

  /// Makes the weights. Called once, before anything else.
  virtual void build(Parameters& weights, const RetrieveInputs& inputs) = 0;
  /// What is trained on; an example is handed to loss_of() as it is given here. By default every training item after a
  /// user's first is an answer once, in chunks of max_history + 1 items.
  virtual std::vector<Chunk> make_examples(const Split& split) const;
  /// What comes before the training itself.
  virtual void pretrain(const RetrieveInputs& /*inputs*/, const MethodContext& /*context*/) {}
  /// Mean loss of a batch, a scalar with gradient. Whatever it draws comes from ATen's generators.
  virtual at::Tensor loss_of(std::span<const Chunk> examples) = 0;
  /// @return [B, N] float32, without gradient; concurrent calls must be safe
  virtual at::Tensor scores(const Questions& questions) const = 0;
  /// Work of an example, see TrainTask::length.
  virtual int64_t work(const Chunk& example) const { return example.size(); }

  c10::Device device() const { return device_; }
  bool bf16() const;  ///< whether matrix products of the training run in bfloat16
  bool is_training() const { return training_; }
  int64_t num_items() const { return num_items_; }
  const Split& split() const { return *split_; }  ///< only while training
  const Parameters& weights() const { return *weights_; }

 private:
  void prepare(const RetrieveInputs& inputs, uint64_t seed);

  std::vector<std::pair<std::string, at::Tensor>> parameters() override { return weights_->all(); }
  void set_training(bool on) override { training_ = on; }
  int64_t num_examples() const override { return static_cast<int64_t>(examples_.size()); }
  int64_t length(int64_t example) const override { return work(examples_[static_cast<size_t>(example)]); }
  int64_t answers(int64_t example) const override { return examples_[static_cast<size_t>(example)].answers(); }
  at::Tensor loss(std::span<const int64_t> examples) override;
  std::vector<std::pair<std::string, double>> validate() override;

  Settings settings_;
  c10::Device device_;
  bool training_ = false;
  int64_t num_items_ = 0;
  const Split* split_ = nullptr;  ///< while training
  const Trie* trie_ = nullptr;    ///< to read request filters, which speak of trie positions
  std::optional<Parameters> weights_;
  std::vector<Chunk> examples_;
  std::optional<Validation> validation_;  ///< while training
  TrainSummary summary_;
};

}  // namespace tessera
