#pragma once

#include <span>
#include <vector>

#include "decode/engine_decoder.h"
#include "decode/engine_encoder.h"

namespace tessera::engine {

/// Requests that are answered together, and where their answers go: request by request, of each all decoders. All is
/// borrowed and checked.
struct Batch {
  std::span<const EngineQuestions> requests;
  size_t first_request = 0;            ///< the caller's number of the first one
  std::span<const Trie* const> tries;  ///< by decoder
  const BeamOptions& options;
  const EngineFollowUp& follow_up;            ///< empty: none
  std::span<BeamAnswer> answers, follow_ups;  ///< the latter empty without follow_up

  /// Requests [begin, begin + size).
  Batch part(size_t begin, size_t size) const;
};

/// One batch on its way from sources to items, carried by one thread or by several. All threads share the encoder's
/// rows; then each group of them carries decoders of its own. Its memory is kept for the next batch.
template <class T>
class Worker {
 public:
  /// Weights are borrowed.
  Worker(const EncoderWeights<T>& encoder, const std::vector<DecoderWeights<T>>& decoders);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before run(), by one thread. @param groups  of the crew
  void prepare(const Batch& batch, int groups);

  /// Called by every thread of the crew with the same arguments; `me` is 0 .. crew.all().size() - 1.
  void run(const Batch& batch, Crew& crew, int me);

 private:
  void ask_further(const Batch& batch, size_t request);

  Encoding<T> encoding_;
  std::vector<Decoding<T>> decodings_;
  std::vector<Activations<T>> rows_;  ///< by group; the encoder's are those of group 0
  std::vector<BeamQuery> queries_;    ///< of the present searches: [requests, decoders]
};

extern template class Worker<float>;
extern template class Worker<c10::BFloat16>;

}  // namespace tessera::engine
