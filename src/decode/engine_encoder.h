#pragma once

#include <span>

#include "decode/engine_attention.h"

namespace tessera::engine {

/// The encoder at work on one batch of sources.
template <class T>
class Encoding {
 public:
  explicit Encoding(const EncoderWeights<T>& weights) : w_(weights) {}

  /// Called by every member with the same requests, which are checked. Afterwards contexts() may be read.
  void run(std::span<const EngineQuestions> requests, const Member<T>& member);

  const Contexts<T>& contexts() const { return contexts_; }

 private:
  void prepare(std::span<const EngineQuestions> requests, const Member<T>& member);
  void read_tokens(std::span<const EngineQuestions> requests, Range rows, const Member<T>& member);
  void attention(size_t layer, Range rows, const Member<T>& member);

  const EncoderWeights<T>& w_;
  Contexts<T> contexts_;
  Buffer<T> packed_;  ///< keys and values of a layer
};

extern template class Encoding<float>;
extern template class Encoding<c10::BFloat16>;

}  // namespace tessera::engine
