#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string>

#include "base/options.h"

namespace tessera {

/// What teaches a state which item comes next.
///   bce              -log s(answer) - log(1 - s(one random item)): Kang and McAuley, ICDM 2018, eq. 6
///   sampled-softmax  cross-entropy over the answer and `negatives` uniform items shared by the batch
///   softmax          cross-entropy over the whole catalogue
struct ItemLoss {
  std::string loss = "softmax";
  int64_t negatives = 256;
  bool correct = false;
  double margin = 0.0;
  template <class F>
  void fields(F& f) {
    f("loss", loss, "training objective", one_of({"bce", "sampled-softmax", "softmax"}));
    f("negatives", negatives, "random items of sampled-softmax", range(1, 1 << 20));
    f("correct", correct,
      "sampled-softmax: log(items / negatives) more for each negative, so that it estimates softmax");
    f("margin", margin, "softmax: head start of the answer's logit; log(items / n) acts like n uncorrected negatives",
      range(0, 20));
  }

  /// Mean loss over the states. Draws from ATen's generator, so seed_step() fixes it.
  /// @param states   [M, d] float32
  /// @param table    [N, d] float32; an item's score is its row times the state
  /// @param answers  [M] int64
  /// @param bf16     softmax: products in bfloat16
  at::Tensor operator()(const at::Tensor& states, const at::Tensor& table, const at::Tensor& answers, bool bf16) const;
};

}  // namespace tessera
