#include "base/runtime.h"

#ifdef TESSERA_WITH_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "base/parallel.h"

namespace tessera {

void init_runtime(int threads) {
  TESSERA_CHECK(threads >= 0, config, "number of threads is {}, wanted 0 (one a core) or more", threads);
#ifdef TESSERA_WITH_TCMALLOC
  MallocExtension::instance()->SetMemoryReleaseRate(0);
#elif defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);         // large blocks come from the heap, where free() keeps them
  mallopt(M_TRIM_THRESHOLD, -1);  // the top of the heap is never handed back
  mallopt(M_TOP_PAD, 64 << 20);   // and grows in large steps
  mallopt(M_ARENA_MAX, 1);        // other arenas hold 64 MB at most and map larger blocks whatever M_MMAP_MAX says
#endif
  set_num_threads(threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace tessera
