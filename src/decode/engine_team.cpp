#include "decode/engine_team.h"

#include <thread>

namespace tessera::engine {

void Failure::report(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (error_) return;
  error_ = std::move(error);
  failed_.store(true, std::memory_order_release);
}

void Team::meet() {
  if (size_ == 1) return;
  const int round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int64_t spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    failure_.check();
    if (spins > 20000) std::this_thread::yield();
  }
}

}  // namespace tessera::engine
