#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "base/options.h"
#include "http/metrics.h"
#include "serve/generation.h"

namespace tessera::serve {

/// stage_duration_seconds, labelled by the stage of a request.
HistogramFamily stage_seconds(Metrics& metrics);

struct BatcherOptions {
  int64_t max_batch = 16;     ///< questions answered together
  int64_t max_waiting = 128;  ///< more are answered without the model
  int64_t small_beam = 8;     ///< beams when others wait
  int64_t hurry_from = 24;    ///< waiting questions from which on the small beam is used
  int64_t hurry_ms = 40;      ///< or the longest wait from which on it is
  int64_t max_wait_ms = 150;  ///< who has waited so long is answered without the model

  template <class F>
  void fields(F& f) {
    f("max_batch", max_batch, "questions that the model answers together", range(1, 1024));
    f("max_waiting", max_waiting, "questions that wait for the model; more are answered without it", range(1, 100000));
    f("small_beam", small_beam, "beams of an answer while others wait", range(1, 4096));
    f("hurry_from", hurry_from, "waiting questions from which on the small beam is used", range(1, 100000));
    f("hurry_ms", hurry_ms, "longest wait from which on the small beam is used, milliseconds", range(1, 60000));
    f("max_wait_ms", max_wait_ms, "wait for the model after which a question is answered without it, milliseconds",
      range(1, 60000));
  }
};

/// The one thread that asks the model. Questions that came while it worked are answered together, so the batch grows
/// with the load by itself. When too many wait, it answers with fewer beams first, then not at all: degraded, never
/// stuck.
class Batcher {
 public:
  /// @param metrics  borrowed; gets queue_depth and generation_batch_size; @param stages  gets generate
  Batcher(const BatcherOptions& options, Metrics& metrics, const HistogramFamily& stages);
  ~Batcher();

  /// Never blocks and never throws; `done` is called in any case, at once if the question cannot wait.
  void submit(Generation generation);
  size_t waiting() const;
  /// What the model threw last, for the log; "" if nothing. Clears it.
  std::string take_error();
  /// Asks `ask` in place of the model's recommend() from now on: for tests of what happens when a model throws.
  using Ask =
      std::function<std::vector<Results>(const ServingModel&, std::span<const Request>, const ModelItems& items)>;
  void ask_through(Ask ask);
  /// Answers what waits without the model, and joins.
  void stop();

 private:
  void work();
  void answer(std::deque<Generation> batch, bool hurry, const Ask* ask);

  const BatcherOptions options_;
  MetricHistogram batch_size_, seconds_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<Clock::time_point, Generation>> waiting_;
  bool stopping_ = false;
  std::string error_;
  std::shared_ptr<const Ask> ask_;  ///< null: the model's recommend()
  std::thread thread_;
};

}  // namespace tessera::serve
