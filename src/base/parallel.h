#pragma once

#include <cstdint>
#include <functional>

namespace tessera {

/// Number of threads that parallel_for uses: set_num_threads() or else the cores of this machine.
int num_threads();
/// Sets the size of the pool; n >= 1. Not thread-safe: call it once at start-up.
void set_num_threads(int n);

/// Runs body(begin, end) over [0, count) in chunks of at least `grain`, on the shared pool, and waits.
/// The first exception thrown by a chunk is rethrown here. A call from inside a chunk runs serially.
/// Chunks are contiguous; which thread runs which is unspecified, so write results by index.
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace tessera
