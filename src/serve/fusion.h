#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/options.h"
#include "lexical/lexical_query.h"
#include "methods/families.h"

namespace tessera::serve {

/// How what was asked for and what a person wants are put together.
struct FusionOptions {
  std::string fusion = "rrf";
  double rrf_k = 60;
  double lexical_weight = 1.0, personal_weight = 1.0;

  template <class F>
  void fields(F& f) {
    f("fusion", fusion, "rrf: by ranks; linear: by scores; learned: linear with the weights of `tessera fusion RUN`",
      one_of({"rrf", "linear", "learned"}));
    f("rrf_k", rrf_k, "rrf: how little the first ranks stand out", range(0, 10000));
    f("lexical_weight", lexical_weight, "weight of the text's score or rank", range(0, 1000));
    f("personal_weight", personal_weight, "weight of the model's score or rank, times the request's personalize",
      range(0, 1000));
  }
};

/// A hit and where its score comes from. Ranks start at 1; 0: not among those ranked by this part.
struct FusedHit {
  ItemId item{};
  double score = 0;
  double lexical_score = 0, personal_score = 0;  ///< BM25; log-probability in nats, or the method's own
  int64_t lexical_rank = 0, personal_rank = 0;
};

/// Puts two rankings of the same matches together, best first; ties go to the lower item.
///   rrf     w_l / (k + rank_l) + p w_p / (k + rank_p)
///           Cormack, Clarke and Buettcher, Reciprocal rank fusion, SIGIR 2009
///   linear  w_l bm25 / max(bm25) + p w_p (s - min s) / (max s - min s)
/// A hit that one part did not rank gets nothing from it.
/// @param personalize  p, in [0, 1]
std::vector<FusedHit> fuse(std::span<const LexicalHit> lexical, const Results& personal, double personalize,
                           const FusionOptions& options);

}  // namespace tessera::serve
