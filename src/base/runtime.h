#pragma once

#include <cstdint>

namespace tessera {

/// Process-wide set-up, once, before any other thread: keeps large blocks inside the allocator instead of handing them
/// back to the kernel after each use (element-wise work above 32 MB runs 3-6x slower from page faults otherwise), and
/// sets the pool of parallel_for. @param threads  0: one a core
void init_runtime(int threads);

/// Peak resident memory of this process, in bytes.
int64_t peak_memory_bytes();

}  // namespace tessera
