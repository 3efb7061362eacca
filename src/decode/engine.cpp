#include "decode/engine.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <exception>
#include <mutex>

#include "base/error.h"
#include "decode/engine_worker.h"

namespace tessera {

namespace {

constexpr int64_t kMostSteps = 16;
// Requests that a thread carries together: enough rows that weights read from memory are used often, few enough that
// their activations stay in the second cache.
constexpr int64_t kRequestsTogether = 4;

}  // namespace

class Engine::Impl {
 public:
  virtual ~Impl() = default;
  virtual std::vector<BeamAnswer> answer(std::span<const EngineRequest> requests, const Trie& trie,
                                         const BeamOptions& options) = 0;
  virtual bool bf16() const = 0;
  virtual int64_t weight_bytes() const = 0;
};

template <class T>
class Engine::ImplOf : public Impl {
 public:
  explicit ImplOf(const EngineModel& model) : weights_(model) {
    TESSERA_CHECK(weights_.levels <= kMostSteps, shape, "engine: {} levels, at most {} are built", weights_.levels,
                  kMostSteps);
  }

  std::vector<BeamAnswer> answer(std::span<const EngineRequest> requests, const Trie& trie,
                                 const BeamOptions& options) override {
    check(requests, trie);
    std::vector<BeamAnswer> answers(requests.size());
    const auto count = static_cast<int64_t>(requests.size());
    const int64_t threads = omp_in_parallel() ? 1 : std::max(1, at::get_num_threads());
    // Whole rounds of requests that each thread answers alone, then the rest by all together.
    const int64_t alone = threads == 1 ? count : count / threads * threads;
    const int64_t together = std::max<int64_t>(1, std::min(kRequestsTogether, alone / threads));
    const int64_t pieces = (alone + together - 1) / together;
    run_threads(std::min(threads, pieces), [&](std::atomic<int64_t>& next, int) {
      const auto worker = borrow();
      for (int64_t piece = next++; piece < pieces; piece = next++) {
        const int64_t begin = piece * together, size = std::min(together, alone - begin);
        engine::Team team(1);
        worker->prepare(requests.subspan(begin, size), trie, options, 1);
        worker->run(requests.subspan(begin, size), trie, options, std::span(answers).subspan(begin, size), team, 0);
      }
    });
    if (alone < count) {
      const auto worker = borrow();
      worker->prepare(requests.subspan(alone), trie, options, static_cast<int>(threads));
      engine::Team team(static_cast<int>(threads));
      run_threads(threads, [&](std::atomic<int64_t>&, int me) {
        try {
          worker->run(requests.subspan(alone), trie, options, std::span(answers).subspan(alone), team, me);
        } catch (...) {
          team.abandon();
          throw;
        }
      });
    }
    return answers;
  }

  bool bf16() const override { return sizeof(T) == 2; }
  int64_t weight_bytes() const override { return weights_.bytes(); }

 private:
  using Worker = engine::Worker<T>;
  struct GiveBack {
    ImplOf* owner;
    void operator()(Worker* worker) const {
      const std::lock_guard lock(owner->mutex_);
      owner->idle_.emplace_back(worker);
    }
  };

  /// A worker with the memory of earlier batches, if one is idle.
  std::unique_ptr<Worker, GiveBack> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {new Worker(weights_), GiveBack{this}};
    Worker* worker = idle_.back().release();
    idle_.pop_back();
    return {worker, GiveBack{this}};
  }

  /// Runs body(counter, me) on so many threads at once; the first exception is rethrown here.
  template <class Body>
  static void run_threads(int64_t threads, const Body& body) {
    std::atomic<int64_t> next{0};
    if (threads <= 1) {
      if (threads == 1) body(next, 0);
      return;
    }
    std::exception_ptr error;
    std::mutex error_mutex;
#pragma omp parallel num_threads(static_cast <int>(threads))
    {
      try {
        // OMP_THREAD_LIMIT may give fewer; who counts on the others must not wait for them.
        TESSERA_CHECK(omp_get_num_threads() == threads, internal, "engine: {} threads of {} wanted (OMP_THREAD_LIMIT?)",
                      omp_get_num_threads(), threads);
        body(next, omp_get_thread_num());
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
  }

  void check(std::span<const EngineRequest> requests, const Trie& trie) const {
    TESSERA_CHECK(trie.levels() == weights_.levels, shape, "engine: a trie of {} levels for a model of {}",
                  trie.levels(), weights_.levels);
    for (int64_t l = 0; l < weights_.levels; ++l) {
      const int64_t size = weights_.by_node ? trie.num_nodes(l + 1) : trie.level_size(l);
      TESSERA_CHECK(size == weights_.level_sizes[l], shape, "engine: level {} of the trie has {} {}, the model {}", l,
                    size, weights_.by_node ? "nodes" : "codes", weights_.level_sizes[l]);
    }
    for (const EngineRequest& request : requests) {
      const auto length = static_cast<int64_t>(request.tokens.size());
      TESSERA_CHECK(length >= 1 && length <= weights_.max_tokens, shape,
                    "engine: a source of {} tokens, wanted 1 to {}", length, weights_.max_tokens);
      for (const int32_t token : request.tokens)
        TESSERA_CHECK(token >= 0 && token < weights_.num_sources, shape, "engine: token {} of {}", token,
                      weights_.num_sources);
    }
  }

  engine::Weights<T> weights_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

Engine::Engine(const EngineModel& model, bool bf16) {
  if (bf16 && simd::kMultiplies<c10::BFloat16>) {
    impl_ = std::make_unique<ImplOf<c10::BFloat16>>(model);
  } else {
    impl_ = std::make_unique<ImplOf<float>>(model);
  }
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<BeamAnswer> Engine::answer(std::span<const EngineRequest> requests, const Trie& trie,
                                       const BeamOptions& options) const {
  return impl_->answer(requests, trie, options);
}

bool Engine::bf16() const {
  return impl_->bf16();
}

int64_t Engine::weight_bytes() const {
  return impl_->weight_bytes();
}

}  // namespace tessera
