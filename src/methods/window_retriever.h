#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "methods/dense_retriever.h"

namespace tessera {

struct WindowOptions {
  int64_t model_dim = 50;
  int64_t length = 5;
  int64_t targets = 3;
  int64_t negatives = 1;
  ValidationOptions validation;
  TrainOptions train;

  WindowOptions() {
    train.optimizer = "adam";
    train.learning_rate = 1e-3;
    train.schedule = "constant";
    train.clip_norm = 0;
  }
  template <class F>
  void fields(F& f) {
    f("model_dim", model_dim, "width of items and people", range(2, 4096));
    f("length", length, "items of history that are read", range(1, 256));
    f("targets", targets, "following items that a window is trained to answer", range(1, 64));
    f("negatives", negatives, "random items for each answer", range(1, 1024));
    validation.fields(f);
    train.fields(f);
  }
};

/// A network that reads the last few items and who asks, and is trained on the few items that follow, against random
/// ones. An item j scores W_j s + b_j with a state s. A method gives the state (state_of) and the loss of scores.
class WindowRetriever : public DenseRetriever {
 protected:
  /// @param state_dim  length of a state
  WindowRetriever(std::string name, WindowOptions options, int64_t state_dim);

  const WindowOptions& options() const { return options_; }

  /// Makes the weights of the network itself; the tables of items, people and outputs are there.
  virtual void build_network(Parameters& weights) = 0;
  /// @param items  [B, L, d], zero where a history is shorter; @param real  [B, L, 1]: 1 where there is an item
  /// @param users  [B, d], zero where a person is not known; @return [B, state_dim] float32
  virtual at::Tensor state_of(const at::Tensor& items, const at::Tensor& real, const at::Tensor& users) const = 0;

  /// What is known of a batch's windows. T answers, and n * T random items, of which i is meant for answer i % T.
  struct Scored {
    at::Tensor answers, valid;  ///< [B, T]: scores; 1 where there is an answer
    at::Tensor random, counts;  ///< [B, n * T] likewise; 0 too where the random item is the answer
  };
  virtual at::Tensor window_loss(const Scored& scored) const = 0;

 private:
  void build(Parameters& weights, const RetrieveInputs& inputs) override;
  std::vector<Chunk> make_examples(const Split& split) const override;
  int64_t work(const Chunk&) const override { return 1; }
  at::Tensor loss_of(std::span<const Chunk> examples) override;
  at::Tensor scores(const Questions& questions) const override;
  at::Tensor states(const at::Tensor& items, const at::Tensor& users) const;
  at::Tensor score(const at::Tensor& states, const at::Tensor& items) const;

  WindowOptions options_;
  int64_t state_dim_ = 0, num_users_ = 0;
  at::Tensor item_, user_, output_, output_bias_;
};

}  // namespace tessera
