#include "decode/engine.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <mutex>

#include "base/error.h"
#include "decode/engine_worker.h"

namespace tessera {

namespace {

// Requests that a thread carries together: enough rows that weights read from memory are used often, few enough that
// their activations stay in the second cache.
constexpr int64_t kRequestsTogether = 4;

void check_fit(const EngineEncoder& encoder, const EngineDecoder& decoder) {
  const T5Options &source = encoder.t5.options(), &own = decoder.t5.options();
  const auto levels = static_cast<int64_t>(decoder.heads.size());
  TESSERA_CHECK(source.model_dim == own.model_dim && source.heads == own.heads && source.head_dim == own.head_dim,
                shape, "engine: a decoder of {} with {} heads of {} behind an encoder of {} with {} heads of {}",
                own.model_dim, own.heads, own.head_dim, source.model_dim, source.heads, source.head_dim);
  TESSERA_CHECK(levels > 0 && levels <= engine::kMostSteps && decoder.level_begin.size() == decoder.heads.size() &&
                    !decoder.t5.decoder_layers().empty(),
                shape, "engine: {} levels (1 to {} are built) with {} places in the embedding, {} decoder layers",
                levels, engine::kMostSteps, decoder.level_begin.size(), decoder.t5.decoder_layers().size());
  for (int64_t level = 0; level < levels; ++level) {
    const at::Tensor& head = decoder.heads[static_cast<size_t>(level)];
    const int64_t begin = decoder.level_begin[static_cast<size_t>(level)], num_tokens = decoder.embedding.size(0);
    const bool read = !decoder.by_node || level + 1 < levels;
    TESSERA_CHECK(head.size(1) == own.model_dim && begin >= 0 && (!read || begin + head.size(0) <= num_tokens), shape,
                  "engine: level {} has {} codes from token {} on, the embedding {} tokens", level, head.size(0), begin,
                  num_tokens);
  }
}

/// Runs body(counter, me) on so many threads at once; what they throw goes to `failure`.
template <class Body>
void run_threads(int64_t threads, engine::Failure& failure, const Body& body) {
  std::atomic<int64_t> next{0};
  if (threads <= 1) {
    if (threads == 1) body(next, 0);
    return;
  }
#pragma omp parallel num_threads(static_cast <int>(threads))
  {
    try {
      // OMP_THREAD_LIMIT may give fewer; who counts on the others must not wait for them.
      TESSERA_CHECK(omp_get_num_threads() == threads, internal, "engine: {} threads of {} wanted (OMP_THREAD_LIMIT?)",
                    omp_get_num_threads(), threads);
      body(next, omp_get_thread_num());
    } catch (...) {
      failure.report(std::current_exception());
    }
  }
  failure.check();
}

}  // namespace

class Engine::Impl {
 public:
  virtual ~Impl() = default;
  virtual EngineAnswers answer(std::span<const EngineQuestions> requests, std::span<const Trie* const> tries,
                               const BeamOptions& options, const EngineFollowUp& follow_up) = 0;
  virtual bool bf16() const = 0;
  virtual int64_t weight_bytes() const = 0;
};

template <class T>
class Engine::ImplOf : public Impl {
 public:
  ImplOf(const EngineEncoder& encoder, const std::vector<EngineDecoder>& decoders) : encoder_(encoder) {
    for (const EngineDecoder& decoder : decoders) decoders_.emplace_back(decoder, encoder);
  }

  EngineAnswers answer(std::span<const EngineQuestions> requests, std::span<const Trie* const> tries,
                       const BeamOptions& options, const EngineFollowUp& follow_up) override {
    check(requests, tries);
    EngineAnswers answers;
    answers.first.resize(requests.size() * decoders_.size());
    if (follow_up) answers.follow_ups.resize(answers.first.size());
    const engine::Batch batch{requests, 0, tries, options, follow_up, answers.first, answers.follow_ups};
    const auto count = static_cast<int64_t>(requests.size());
    const int64_t threads = omp_in_parallel() ? 1 : std::max(1, at::get_num_threads());
    // Whole rounds of requests that each thread answers alone, then the rest by all together.
    const int64_t alone = threads == 1 ? count : count / threads * threads;
    answer_alone(batch.part(0, static_cast<size_t>(alone)), threads);
    if (alone < count)
      answer_together(batch.part(static_cast<size_t>(alone), static_cast<size_t>(count - alone)),
                      static_cast<int>(threads));
    return answers;
  }

  bool bf16() const override { return sizeof(T) == 2; }
  int64_t weight_bytes() const override {
    int64_t sum = encoder_.bytes();
    for (const auto& decoder : decoders_) sum += decoder.bytes();
    return sum;
  }

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
    if (idle_.empty()) return {new Worker(encoder_, decoders_), GiveBack{this}};
    Worker* worker = idle_.back().release();
    idle_.pop_back();
    return {worker, GiveBack{this}};
  }

  /// Each thread takes a few requests at a time.
  void answer_alone(const engine::Batch& batch, int64_t threads) {
    const auto count = static_cast<int64_t>(batch.requests.size());
    const int64_t together = std::max<int64_t>(1, std::min(kRequestsTogether, count / threads));
    const int64_t pieces = (count + together - 1) / together;
    engine::Failure failure;
    run_threads(std::min(threads, pieces), failure, [&](std::atomic<int64_t>& next, int) {
      const auto worker = borrow();
      for (int64_t piece = next++; piece < pieces; piece = next++) {
        failure.check();  // the answers of the others are lost already
        const int64_t begin = piece * together, size = std::min(together, count - begin);
        const engine::Batch part = batch.part(static_cast<size_t>(begin), static_cast<size_t>(size));
        engine::Crew crew(1, 1, failure);
        worker->prepare(part, 1);
        worker->run(part, crew, 0);
      }
    });
  }

  /// All threads carry the same requests.
  void answer_together(const engine::Batch& batch, int threads) {
    engine::Failure failure;
    engine::Crew crew(threads, std::min(threads, static_cast<int>(decoders_.size())), failure);
    const auto worker = borrow();
    worker->prepare(batch, crew.num_groups());
    run_threads(threads, failure, [&](std::atomic<int64_t>&, int me) { worker->run(batch, crew, me); });
  }

  void check(std::span<const EngineQuestions> requests, std::span<const Trie* const> tries) const {
    TESSERA_CHECK(tries.size() == decoders_.size(), shape, "engine: {} tries for {} decoders", tries.size(),
                  decoders_.size());
    for (size_t d = 0; d < tries.size(); ++d) check_trie(*tries[d], decoders_[d]);
    for (const EngineQuestions& request : requests) {
      const auto length = static_cast<int64_t>(request.tokens.size());
      TESSERA_CHECK(request.queries.size() == decoders_.size(), shape, "engine: {} queries for {} decoders",
                    request.queries.size(), decoders_.size());
      TESSERA_CHECK(length >= 1 && length <= encoder_.max_tokens, shape,
                    "engine: a source of {} tokens, wanted 1 to {}", length, encoder_.max_tokens);
      for (const int32_t token : request.tokens)
        TESSERA_CHECK(token >= 0 && token < encoder_.num_tokens, shape, "engine: token {} of {}", token,
                      encoder_.num_tokens);
    }
  }

  static void check_trie(const Trie& trie, const engine::DecoderWeights<T>& decoder) {
    TESSERA_CHECK(trie.levels() == decoder.levels, shape, "engine: a trie of {} levels for a model of {}",
                  trie.levels(), decoder.levels);
    for (int64_t l = 0; l < decoder.levels; ++l) {
      const int64_t size = decoder.by_node ? trie.num_nodes(l + 1) : trie.level_size(l);
      TESSERA_CHECK(size == decoder.level_sizes[l], shape, "engine: level {} of the trie has {} {}, the model {}", l,
                    size, decoder.by_node ? "nodes" : "codes", decoder.level_sizes[l]);
    }
  }

  engine::EncoderWeights<T> encoder_;
  std::vector<engine::DecoderWeights<T>> decoders_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

Engine::Engine(const EngineEncoder& encoder, const std::vector<EngineDecoder>& decoders, bool bf16) {
  TESSERA_CHECK(!decoders.empty() && !encoder.t5.encoder_layers().empty(), shape,
                "engine: {} encoder layers and {} decoders", encoder.t5.encoder_layers().size(), decoders.size());
  for (const EngineDecoder& decoder : decoders) check_fit(encoder, decoder);
  if (bf16 && simd::kMultiplies<c10::BFloat16>) {
    impl_ = std::make_unique<ImplOf<c10::BFloat16>>(encoder, decoders);
  } else {
    impl_ = std::make_unique<ImplOf<float>>(encoder, decoders);
  }
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<BeamAnswer> Engine::answer(std::span<const EngineRequest> requests, const Trie& trie,
                                       const BeamOptions& options) const {
  std::vector<EngineQuestions> questions;
  questions.reserve(requests.size());
  for (const EngineRequest& request : requests) questions.push_back({request.tokens, {&request.query, 1}});
  const Trie* const only = &trie;
  return impl_->answer(questions, {&only, 1}, options, {}).first;
}

EngineAnswers Engine::answer(std::span<const EngineQuestions> requests, std::span<const Trie* const> tries,
                             const BeamOptions& options, const EngineFollowUp& follow_up) const {
  return impl_->answer(requests, tries, options, follow_up);
}

bool Engine::bf16() const {
  return impl_->bf16();
}

int64_t Engine::weight_bytes() const {
  return impl_->weight_bytes();
}

}  // namespace tessera
