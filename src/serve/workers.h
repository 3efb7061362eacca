#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tessera::serve {

/// Threads for the work of requests, so that the threads of the network never wait. A bounded queue in front: work
/// beyond it is refused at once instead of late.
class Workers {
 public:
  /// @param threads  >= 1; @param max_waiting  tasks that wait at most
  Workers(int threads, size_t max_waiting);
  /// Finishes what was taken.
  ~Workers();

  /// @param task  must not throw
  /// @param urgent  goes on with a request that is in work already: never refused, and first in line
  /// @return false when the queue is full or stop() was called
  bool submit(std::function<void()> task, bool urgent = false);
  size_t waiting() const;
  /// Refuses new tasks, finishes those taken, joins. Urgent ones are taken until the last thread is done.
  void stop();

 private:
  void work();

  const size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tessera::serve
