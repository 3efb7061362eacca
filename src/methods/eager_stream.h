#pragma once

#include <ATen/core/TensorBody.h>

#include <memory>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "decode/device_trie.h"
#include "decode/engine.h"
#include "decode/step_model.h"
#include "nn/parameters.h"
#include "nn/t5.h"
#include "semid/semantic_ids.h"

namespace tessera {

/// One of EAGER's code sets with the decoder that writes it. Its tokens are BOS, the summary token, then the nodes of
/// the code tree depth by depth: a code is one token behind each prefix ("prefix-aware vocabulary"), and its
/// probability is among the children that its prefix has. Outputs are tied to the token table, scaled by d^-1/2.
class EagerStream {
 public:
  static constexpr int64_t kBos = 0, kSummary = 1;

  /// @param ids  every item with codes of its own
  EagerStream(std::string name, SemanticIds ids, c10::Device device);

  /// Creates the weights; names start with the stream's. @param sizes  of the whole network
  void make_weights(Parameters& parameters, const T5Options& sizes);

  /// The answers' codes by teacher forcing, for `sequences` histories of each of B contexts.
  /// @param memory    [B, S, d]; @param cross_mask  [B or 1, 1 or P, S]
  /// @param rows      [N] int64: those of the B * P sequences that have an answer; @param items  [N] int64
  /// @param summary   whether the summary token is read too
  struct Decoded {
    at::Tensor loss;     ///< mean over levels of the mean cross-entropy
    at::Tensor summary;  ///< [N, d] float32: the state of the summary token, or undefined
  };
  Decoded decode(const at::Tensor& memory, const at::Tensor& cross_mask, const at::Tensor& rows,
                 const at::Tensor& items, int64_t sequences, bool summary, bool training) const;

  /// For inference by tensors. @param memory  of one batch; the stream outlives it
  std::unique_ptr<StepModel> steps(const T5& decoder, const at::Tensor& memory, const at::Tensor& cross_mask) const;

  /// For an engine that is made while the stream lives.
  EngineDecoder engine_decoder() const;

  const std::string& name() const { return name_; }
  const SemanticIds& ids() const { return ids_; }
  const Trie& trie() const { return *trie_; }
  const DeviceTrie& device_trie() const { return *device_trie_; }
  const T5& decoder() const { return decoder_; }
  const at::Tensor& tokens() const { return tokens_; }  ///< [num_tokens, d]
  const at::Tensor& paths() const { return paths_; }    ///< [N, L] int64: the node of an item at depths 1 .. L
  int64_t levels() const { return ids_.levels(); }
  int64_t level_begin(int64_t level) const { return level_begin_[static_cast<size_t>(level)]; }

  /// [n] begin and end of the children of nodes of a depth, as nodes of the next one.
  std::pair<at::Tensor, at::Tensor> children(int64_t depth, const at::Tensor& nodes) const;
  /// Mean cross-entropy of nodes among their siblings. @param states  [n, d] float32
  /// @param parents  [n] nodes of the level above; of level 0 none. @param nodes  [n]
  at::Tensor node_loss(int64_t level, const at::Tensor& states, const at::Tensor& parents,
                       const at::Tensor& nodes) const;
  /// [nodes, d] output rows of a level, scaled, without gradient.
  at::Tensor head(int64_t level) const;

 private:
  double scale() const;  ///< of the outputs

  std::string name_;
  SemanticIds ids_;
  std::unique_ptr<Trie> trie_;
  std::unique_ptr<DeviceTrie> device_trie_;
  std::vector<int64_t> level_begin_;
  int64_t num_tokens_ = 0;
  at::Tensor paths_, tokens_;
  T5 decoder_;
};

}  // namespace tessera
