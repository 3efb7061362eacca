#pragma once

#include <chrono>
#include <cstdint>

namespace tessera::serve {

/// What requests and batches are timed by.
using Clock = std::chrono::steady_clock;

/// Seconds since 1970 UTC.
inline int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace tessera::serve
