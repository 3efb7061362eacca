#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"

namespace tessera {
namespace {

thread_local bool inside_chunk = false;

/// One call of parallel_for. It lives on the caller's stack: the caller returns only when no worker holds it.
/// Every member but `body`, `count` and `num_chunks` is guarded by the pool's mutex.
struct ParallelJob {
  const std::function<void(int64_t, int64_t)>& body;
  int64_t count;
  int64_t num_chunks;
  int64_t next_chunk = 0;
  int num_workers = 0;  ///< threads inside a chunk now
  std::exception_ptr error;

  /// Chunk sizes differ by one at most, so none is smaller than the grain.
  int64_t begin_of(int64_t chunk) const { return chunk * (count / num_chunks) + std::min(chunk, count % num_chunks); }
};

class ThreadPool {
 public:
  ThreadPool() : size_(std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}
  ~ThreadPool() { stop(); }

  int size() const { return size_.load(std::memory_order_relaxed); }

  void resize(int size) {
    stop();
    size_ = size;
  }

  void run(ParallelJob& job) {
    std::unique_lock lock(mutex_);
    start();
    jobs_.push_back(&job);
    work_.notify_all();
    while (run_chunk(job, lock)) {
    }
    idle_.wait(lock, [&] { return job.num_workers == 0; });
  }

 private:
  /// Takes one chunk of the job and runs it without the lock. @return false if none is left
  bool run_chunk(ParallelJob& job, std::unique_lock<std::mutex>& lock) {
    if (job.next_chunk == job.num_chunks) return false;
    const int64_t chunk = job.next_chunk++;
    if (job.next_chunk == job.num_chunks) drop(job);
    ++job.num_workers;
    lock.unlock();
    std::exception_ptr error;
    inside_chunk = true;
    try {
      job.body(job.begin_of(chunk), job.begin_of(chunk + 1));
    } catch (...) {
      error = std::current_exception();
    }
    inside_chunk = false;
    lock.lock();
    if (error && !job.error) {
      job.error = error;
      if (job.next_chunk != job.num_chunks) drop(job);
      job.next_chunk = job.num_chunks;
    }
    error = nullptr;
    const bool more = job.next_chunk != job.num_chunks;
    if (--job.num_workers == 0 && !more) idle_.notify_all();  // from here on the job may be gone
    return more;
  }

  void drop(ParallelJob& job) { jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job)); }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      run_chunk(*jobs_.front(), lock);
    }
  }

  void start() {
    while (static_cast<int>(threads_.size()) + 1 < size()) threads_.emplace_back([this] { work(); });
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    stopping_ = false;
  }

  std::mutex mutex_;
  std::condition_variable work_, idle_;
  std::deque<ParallelJob*> jobs_;  ///< those with chunks left
  std::vector<std::thread> threads_;
  std::atomic<int> size_;
  bool stopping_ = false;
};

ThreadPool& thread_pool() {
  static ThreadPool pool;
  return pool;
}

}  // namespace

int num_threads() {
  return thread_pool().size();
}

void set_num_threads(int n) {
  TESSERA_CHECK(n >= 1 && n <= 4096, config, "number of threads is {}, wanted 1 to 4096", n);
  thread_pool().resize(n);
}

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body) {
  TESSERA_CHECK(count >= 0 && grain >= 1, internal, "parallel_for: count {} and grain {}, wanted >= 0 and >= 1", count,
                grain);
  if (count == 0) return;
  constexpr int64_t kChunksPerThread = 4;  // enough to even out chunks of unequal cost
  const int size = inside_chunk ? 1 : num_threads();
  const int64_t num_chunks = std::min(count / grain, size * kChunksPerThread);
  if (size == 1 || num_chunks <= 1) {
    body(0, count);
    return;
  }
  ParallelJob job{body, count, num_chunks, 0, 0, nullptr};
  thread_pool().run(job);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace tessera
