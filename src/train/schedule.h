#pragma once

#include <cstdint>
#include <string>

namespace tessera {

/// Learning rate over the steps of a training.
struct Schedule {
  std::string shape = "cosine";  ///< "constant", "cosine", "linear" or "inverse-sqrt"
  double peak = 1e-3;
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;

  /// Rate of one step: linear from peak / warmup_steps up to the peak at step `warmup_steps`, then by shape. cosine and
  /// linear fall from the peak towards 0 at `total_steps`; inverse-sqrt is peak * sqrt(warmup_steps / step).
  /// @param step   1-based
  /// @param clock  fraction of the allowed time that is used, 0 without a time limit; cosine and linear follow it where
  ///               it is ahead of the steps
  double rate(int64_t step, double clock = 0) const;
};

}  // namespace tessera
