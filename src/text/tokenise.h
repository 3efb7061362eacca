#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalise.h"

namespace tessera {

/// Splits text into words for matching by words (BM25, keyword queries). Holds its ICU objects, so make one and keep
/// it. Not thread-safe: one each thread. A build without ICU does what text/plain.h says.
class Tokeniser {
 public:
  explicit Tokeniser(const NormaliseOptions& options = {});
  ~Tokeniser();
  Tokeniser(Tokeniser&&) noexcept;
  Tokeniser& operator=(Tokeniser&&) noexcept;

  /// @return the normalised tokens in order, UTF-8:
  ///   words and numbers by Unicode's word boundaries ("don't", "3.5" and "mp3" are one token each); a run of Chinese,
  ///   Japanese or Korean letters as its overlapping pairs, or as itself when it is one letter alone. Space,
  ///   punctuation and symbols are dropped. Invalid UTF-8 is replaced, never an error.
  std::vector<std::string> tokenise(std::string_view utf8);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same with default options, through a tokeniser kept for each thread.
std::vector<std::string> tokenise(std::string_view utf8);

}  // namespace tessera
