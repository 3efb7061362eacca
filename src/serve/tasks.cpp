#include "serve/tasks.h"

#include <exception>

#include "base/error.h"
#include "serve/clock.h"

namespace tessera::serve {

namespace {

constexpr size_t kRemembered = 1000, kWaiting = 100;

}  // namespace

const char* to_string(TaskInfo::State state) {
  switch (state) {
    case TaskInfo::State::enqueued:
      return "enqueued";
    case TaskInfo::State::processing:
      return "processing";
    case TaskInfo::State::succeeded:
      return "succeeded";
    case TaskInfo::State::failed:
      return "failed";
  }
  return "";
}

Tasks::Tasks() : thread_([this] { run(); }) {}

Tasks::~Tasks() {
  stop();
}

TaskInfo Tasks::enqueue(const std::string& kind, const std::string& subject, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  TESSERA_CHECK(!stopping_ && waiting_.size() < kWaiting, overload, "{} tasks wait already", waiting_.size());
  TaskInfo task{std::to_string(next_++), kind, subject, TaskInfo::State::enqueued, "", seconds_now(), 0, 0};
  all_.push_back(task);
  if (all_.size() > kRemembered) all_.pop_front();
  waiting_.emplace_back(task.id, std::move(work));
  wake_.notify_one();
  return task;
}

TaskInfo* Tasks::info(const std::string& id) {
  for (TaskInfo& task : all_)
    if (task.id == id) return &task;
  return nullptr;
}

std::optional<TaskInfo> Tasks::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const TaskInfo& task : all_)
    if (task.id == id) return task;
  return std::nullopt;
}

std::vector<TaskInfo> Tasks::list() const {
  const std::lock_guard lock(mutex_);
  return {all_.rbegin(), all_.rend()};
}

void Tasks::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Tasks::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto [id, work] = std::move(waiting_.front());
    waiting_.pop_front();
    if (TaskInfo* task = info(id)) {
      task->started_at = seconds_now();
      task->state = TaskInfo::State::processing;
    }
    std::string error;
    if (stopping_) {
      error = "the service stopped before this began";
    } else {
      lock.unlock();
      try {
        work();
      } catch (const std::exception& thrown) {
        error = thrown.what();
      }
      work = nullptr;
      lock.lock();
    }
    if (TaskInfo* task = info(id)) {
      task->finished_at = seconds_now();
      task->error = error;
      task->state = error.empty() ? TaskInfo::State::succeeded : TaskInfo::State::failed;
    }
  }
}

}  // namespace tessera::serve
