#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "decode/context_search.h"
#include "nn/t5.h"
#include "semid/trie.h"

namespace tessera {

/// A trained encoder as the engine takes it. Borrowed while the engine is made; it keeps copies of its own.
struct EngineEncoder {
  const T5& t5;              ///< its encoder layers are read
  at::Tensor table;          ///< [source tokens, d]
  int64_t max_tokens = 81;   ///< longest source
  int64_t causal_group = 0;  ///< 0: every source token sees all; else the first sees itself, and of those behind
                             ///< it each group of so many sees what is before its end
};

/// A trained decoder behind it; likewise.
struct EngineDecoder {
  const T5& t5;                      ///< its decoder layers are read
  at::Tensor embedding;              ///< [tokens, d]; kept once where it is the encoder's table
  std::vector<at::Tensor> heads;     ///< by level: [level_size, d], or [nodes of depth level + 1, d] if by_node
  std::vector<int64_t> level_begin;  ///< by level: the token of its code 0, or of its node 0
  int64_t start_of_answer = 0;       ///< the first token
  bool by_node = false;  ///< tokens are nodes of the trie instead of codes: a code means what its prefix makes of it,
                         ///< and the softmax is over the children that exist. Tokens of the last level are not read
};

/// One question to the only decoder: the source tokens, and what the answer may be.
struct EngineRequest {
  std::span<const int32_t> tokens;  ///< at least one, below the rows of the encoder's table
  BeamQuery query;
};

/// One question to each of several decoders.
struct EngineQuestions {
  std::span<const int32_t> tokens;
  std::span<const BeamQuery> queries;  ///< by decoder; k = 0: it is not asked
};

/// By request, of each all decoders: answer [request * decoders + decoder]. Empty for those that were not asked.
struct EngineAnswers {
  std::vector<BeamAnswer> first;
  std::vector<BeamAnswer> follow_ups;
};

/// Asks the decoders again about a request's source, now that all of them have answered. Called once a request, by any
/// thread, for several requests at a time; must start no threads of its own. What it throws reaches answer()'s caller.
/// @param request  its place in the batch; @param answers  by decoder
/// @param queries  by decoder, with k = 0; what they point to outlives answer()
using EngineFollowUp =
    std::function<void(size_t request, std::span<const BeamAnswer> answers, std::span<BeamQuery> queries)>;

/// The inference of T5-style generators on a CPU, of one encoder and one or more decoders that read it: weights are
/// packed once (bfloat16 where the machine multiplies it, else float32), there is no autograd and no padding, and in
/// steady state nothing is allocated. A thread carries a few requests from source to items by itself, through all
/// decoders, so that threads do not wait for each other; when there are fewer requests than threads, all threads share
/// the rows of one in the encoder, and then the decoders, or the rows of each.
///
/// What does not depend on the context is computed beforehand: the first layer's queries, keys and values of every
/// token. Scores equal those of the training path up to rounding: tests/decode/engine_test.cpp says how closely. They
/// do not depend, to the bit, on the other requests, on the other decoders or on the threads.
///
/// Immutable; concurrent calls are safe.
class Engine {
 public:
  /// @param decoders  at least one
  /// @param bf16      products in bfloat16 with float32 sums; ignored where this build has no instructions for it
  /// @throws Error(shape) if encoder and decoders, or a decoder's heads, levels and embedding, do not fit together
  Engine(const EngineEncoder& encoder, const std::vector<EngineDecoder>& decoders, bool bf16);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// Constrained beam search for every request, where there is one decoder.
  /// @param trie  its level sizes, or numbers of nodes, are those of the heads
  /// @throws Error(shape) for a source that is empty or too long, or a token outside its table
  std::vector<BeamAnswer> answer(std::span<const EngineRequest> requests, const Trie& trie,
                                 const BeamOptions& options) const;

  /// Constrained beam search for every request in every decoder; then, of a source that stays encoded, what
  /// `follow_up` asks for.
  /// @param tries      by decoder
  /// @param follow_up  may be empty
  /// @throws Error(shape) likewise, and for other numbers of queries or tries than decoders
  EngineAnswers answer(std::span<const EngineQuestions> requests, std::span<const Trie* const> tries,
                       const BeamOptions& options, const EngineFollowUp& follow_up = {}) const;

  bool bf16() const;
  int64_t weight_bytes() const;

 private:
  class Impl;
  template <class T>
  class ImplOf;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
