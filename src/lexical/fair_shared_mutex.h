#pragma once

#include <mutex>
#include <shared_mutex>

namespace tessera {

/// A std::shared_mutex that readers cannot keep from a writer for ever: who waits for it alone holds up new readers.
class FairSharedMutex {
 public:
  void lock() {
    const std::lock_guard turn(gate_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }
  void lock_shared() {
    const std::lock_guard turn(gate_);
    mutex_.lock_shared();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::mutex gate_;
  std::shared_mutex mutex_;
};

}  // namespace tessera
