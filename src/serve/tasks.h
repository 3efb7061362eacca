#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tessera::serve {

/// A long piece of work that a request started and did not wait for.
struct TaskInfo {
  std::string id, kind, subject;
  enum class State { enqueued, processing, succeeded, failed } state = State::enqueued;
  std::string error;                                         ///< of a failed one
  int64_t enqueued_at = 0, started_at = 0, finished_at = 0;  ///< seconds since 1970 UTC; 0: not yet
};
const char* to_string(TaskInfo::State state);

/// One thread that does such work in order. The last thousand tasks are remembered. Thread-safe.
class Tasks {
 public:
  Tasks();
  ~Tasks();  ///< finishes the task in work; those that wait fail
  /// @param work  may throw: the message becomes the task's error
  /// @throws Error(overload) when a hundred wait
  TaskInfo enqueue(const std::string& kind, const std::string& subject, std::function<void()> work);
  std::optional<TaskInfo> find(const std::string& id) const;
  std::vector<TaskInfo> list() const;  ///< the newest first
  void stop();

 private:
  void run();
  TaskInfo* info(const std::string& id);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<TaskInfo> all_;
  std::deque<std::pair<std::string, std::function<void()>>> waiting_;
  uint64_t next_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tessera::serve
