#pragma once

#include <vector>

#include "decode/context_search.h"
#include "decode/engine_attention.h"

namespace tessera::engine {

inline constexpr int64_t kMostSteps = 16;  ///< levels of a decoder, at most

/// What one decoder is asked: the query of request i stands at queries[i * step], its answer goes to answers[i * step].
struct Asked {
  const BeamQuery* queries;  ///< k = 0: this request is not asked, and its answer is left as it is
  BeamAnswer* answers;
  size_t step;
};

/// One decoder at work on a batch of contexts: read() once, then any number of searches.
///
/// Its rows are the live beams of all requests that are asked, one after the other. All calls are made by every member
/// of a team with the same arguments.
template <class T>
class Decoding {
 public:
  /// All are borrowed.
  Decoding(const DecoderWeights<T>& weights, const EncoderWeights<T>& encoder, const Contexts<T>& contexts)
      : w_(weights),
        embedding_(weights.own_embedding.stride == 0 ? encoder.embedding : weights.own_embedding),
        contexts_(contexts) {}

  /// Keys and values of the contexts, for all later searches in them.
  void read(const Member<T>& member);

  /// Beam search for those that are asked; answers are written by whoever finishes them.
  void search(const Asked& asked, const Trie& trie, const BeamOptions& options, const Member<T>& member);

 private:
  struct Search {
    size_t request;
    int64_t beam_begin, beam_width;  ///< of its beams at this step
    ContextSearch beams;
  };

  void prepare(const Asked& asked, const Trie& trie, const BeamOptions& options, const Member<T>& member);
  void place_beams(int64_t step);
  void decode_step(int64_t step, const Member<T>& member);
  void own_attention(size_t layer, int64_t step, Range rows, Activations<T>& a);
  void cross_attention(size_t layer, Range rows, const Member<T>& member);
  void score_children(int64_t step, Range rows, const Activations<T>& a);
  int64_t inner() const { return w_.sizes.heads * w_.sizes.head_dim; }

  const DecoderWeights<T>& w_;
  const Rows<float>& embedding_;
  const Contexts<T>& contexts_;
  const Trie* trie_ = nullptr;
  std::vector<Search> searches_;  ///< the first num_searches_ are of this batch
  size_t num_searches_ = 0;
  int64_t beam_rows_ = 0, logit_stride_ = 0;

  Buffer<float> logits_, totals_;
  std::vector<Buffer<T>> cross_;                 ///< by layer: packed keys and values of every context and head
  std::vector<std::vector<Buffer<T>>> history_;  ///< by layer and step: [rows, q | k | v]
  std::vector<std::vector<int32_t>> tokens_;     ///< by step: of each row
  std::vector<std::vector<int32_t>> ancestors_;  ///< by step: the row there that each present row descends from
  std::vector<int32_t> next_ancestors_;
};

extern template class Decoding<float>;
extern template class Decoding<c10::BFloat16>;

}  // namespace tessera::engine
