#include "serve/batcher.h"

#include <exception>
#include <utility>

namespace tessera::serve {

const char* to_string(Degraded degraded) {
  switch (degraded) {
    case Degraded::no:
      return "no";
    case Degraded::small_beam:
      return "small_beam";
    case Degraded::queue_full:
      return "queue_full";
    case Degraded::deadline:
      return "deadline";
    case Degraded::model_failed:
      return "model_failed";
  }
  return "";
}

HistogramFamily stage_seconds(Metrics& metrics) {
  return metrics.histograms("stage_duration_seconds", "time of one stage of a request",
                            {{"stage", {"lexical", "filter", "generate", "rank", "facets", "hydrate"}}},
                            Metrics::stage_seconds());
}

Batcher::Batcher(const BatcherOptions& options, Metrics& metrics, const HistogramFamily& stages)
    : options_(options),
      batch_size_(metrics.histogram("generation_batch_size", "questions that the model answered together",
                                    {1, 2, 4, 8, 16, 32, 64})),
      seconds_(stages.at({"generate"})),
      thread_([this] { work(); }) {
  metrics.gauge_from("queue_depth", "questions that wait for the model",
                     [this] { return static_cast<double>(waiting()); });
}

Batcher::~Batcher() {
  stop();
}

void Batcher::submit(Generation generation) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && static_cast<int64_t>(waiting_.size()) < options_.max_waiting) {
      waiting_.emplace_back(Clock::now(), std::move(generation));
      wake_.notify_one();
      return;
    }
  }
  generation.done({}, Degraded::queue_full);
}

size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::string Batcher::take_error() {
  const std::lock_guard lock(mutex_);
  return std::exchange(error_, "");
}

void Batcher::ask_through(Ask ask) {
  const std::lock_guard lock(mutex_);
  ask_ = std::make_shared<const Ask>(std::move(ask));
}

void Batcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto now = Clock::now();
    const bool hurry = static_cast<int64_t>(waiting_.size()) >= options_.hurry_from ||
                       now - waiting_.front().first >= std::chrono::milliseconds(options_.hurry_ms);
    std::deque<Generation> batch, late, tired;
    // One batch speaks to one model with one state of its items; the others wait for the next.
    while (!waiting_.empty() && static_cast<int64_t>(batch.size()) < options_.max_batch) {
      Generation& next = waiting_.front().second;
      if (stopping_ || next.deadline <= now) {
        late.push_back(std::move(next));
      } else if (now - waiting_.front().first >= std::chrono::milliseconds(options_.max_wait_ms)) {
        tired.push_back(std::move(next));
      } else if (batch.empty() || (batch.front().model == next.model && batch.front().items == next.items)) {
        batch.push_back(std::move(next));
      } else {
        break;
      }
      waiting_.pop_front();
    }
    const std::shared_ptr<const Ask> ask = ask_;
    lock.unlock();
    for (Generation& generation : late) generation.done({}, Degraded::deadline);
    for (Generation& generation : tired) generation.done({}, Degraded::queue_full);
    if (!batch.empty()) answer(std::move(batch), hurry, ask.get());
    lock.lock();
  }
}

void Batcher::answer(std::deque<Generation> batch, bool hurry, const Ask* ask) {
  std::vector<Request> requests;
  for (const Generation& generation : batch) {
    Request request;
    request.history = generation.history;
    request.exclude = generation.exclude;
    request.user = generation.user;
    request.filter = generation.filter.get();
    request.k = generation.k;
    if (hurry) request.beam = options_.small_beam;
    requests.push_back(request);
  }
  const auto start = Clock::now();
  std::vector<Results> results;
  bool failed = false;
  try {
    const ServingModel& model = *batch.front().model;
    const ModelItems& items = *batch.front().items;
    results = ask != nullptr ? (*ask)(model, requests, items) : model.recommend(requests, items);
  } catch (const std::exception& error) {
    failed = true;
    const std::lock_guard lock(mutex_);
    error_ = error.what();
  }
  seconds_.observe(std::chrono::duration<double>(Clock::now() - start).count());
  batch_size_.observe(static_cast<double>(batch.size()));
  for (size_t i = 0; i < batch.size(); ++i) {
    if (failed) {
      batch[i].done({}, Degraded::model_failed);
    } else {
      batch[i].done(std::move(results[i]), hurry ? Degraded::small_beam : Degraded::no);
    }
  }
}

}  // namespace tessera::serve
