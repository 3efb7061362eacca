#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "decode/context_search.h"
#include "nn/t5.h"
#include "semid/trie.h"

namespace tessera {

/// A trained generator as the engine takes it. Borrowed while the engine is made; it keeps copies of its own.
struct EngineModel {
  const T5& t5;
  const at::Tensor& embedding;           ///< [tokens, d] of encoder and decoder
  const std::vector<at::Tensor>& heads;  ///< by level: [level_size, d], or [nodes of depth level + 1, d] if by_node
  std::vector<int64_t> level_begin;      ///< by level: the token of its code 0, or of its node 0
  int64_t start_of_answer = 0;           ///< the decoder's first token
  int64_t max_tokens = 81;               ///< longest source
  int64_t causal_group = 0;  ///< 0: every source token sees all; else the first sees itself, and of those behind
                             ///< it each group of so many sees what is before its end
  const at::Tensor* source = nullptr;  ///< [source tokens, d] of the encoder, where it has a table of its own
  bool by_node = false;  ///< tokens are nodes of the trie instead of codes: a code means what its prefix makes of it,
                         ///< and the softmax is over the children that exist. Tokens of the last level are not read
};

/// One question: the source tokens, and what the answer may be.
struct EngineRequest {
  std::span<const int32_t> tokens;  ///< at least one, below the rows of the encoder's table
  BeamQuery query;
};

/// The inference of T5-style generators on a CPU: weights are packed once (bfloat16 where the machine multiplies it,
/// else float32), there is no autograd and no padding, and in steady state nothing is allocated. A thread carries a few
/// requests from source to items by itself, so that threads do not wait for each other; when there are fewer requests
/// than threads, all threads share the rows of one.
///
/// What does not depend on the context is computed beforehand: the first layer's queries, keys and values of every
/// token. Scores equal those of the training path up to rounding: tests/decode/engine_test.cpp says how closely.
///
/// Immutable; concurrent calls are safe.
class Engine {
 public:
  /// @param bf16  products in bfloat16 with float32 sums; ignored where this build has no instructions for it
  /// @throws Error(shape) if heads, levels and embedding do not fit together
  Engine(const EngineModel& model, bool bf16);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// Constrained beam search for every request.
  /// @param trie  its level sizes, or numbers of nodes, are those of the heads
  /// @throws Error(shape) for a source that is empty or too long, or a token outside its table
  std::vector<BeamAnswer> answer(std::span<const EngineRequest> requests, const Trie& trie,
                                 const BeamOptions& options) const;

  bool bf16() const;
  int64_t weight_bytes() const;

 private:
  class Impl;
  template <class T>
  class ImplOf;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
