#pragma once

#include <cstdint>

#include "data/split.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// How often items stand near each other in training histories.
struct CooccurrenceOptions {
  int64_t window = 3;     ///< pairs at distance 1 to window
  double power = 1.0;     ///< a pair at distance d counts d^-power
  double backward = 1.0;  ///< weight of (later, earlier) beside 1 for (earlier, later); 0: directed
};

/// @return [num_items, num_items], row: the item that is known; column: the item beside it. No diagonal.
/// Deterministic for any number of threads.
SparseMatrix cooccurrence(const Split& split, int64_t num_items, const CooccurrenceOptions& options);

}  // namespace tessera
