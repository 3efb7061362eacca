// The inference engine at the shape of the usual PyTorch port of TIGER (d 128, 4 + 4 layers, 6 heads of 64, ff 1024,
// 4 x 256 codes, histories of 20 items, 50 beams), with random weights: what an answer costs as the catalogue grows and
// filters act, beside the rate of bare matrix products in the same run. FLOP of an answer are counted from the shapes.
#include <benchmark/benchmark.h>
#include <omp.h>
#include <torch/torch.h>

#include <map>
#include <memory>

#include "base/random.h"
#include "base/runtime.h"
#include "decode/engine.h"
#include "nn/device.h"
#include "nn/panels.h"

namespace tessera {
namespace {

constexpr int64_t kLevels = 4, kCodes = 256, kHistory = 20, kBeam = 50;

/// 2 x multiply-adds of one answer: what the encoder and the decoder of the engine multiply, attention included.
double flop_of_an_answer(const T5Options& t5) {
  const double d = static_cast<double>(t5.model_dim), inner = static_cast<double>(t5.heads * t5.head_dim);
  const double ff = 2 * d * static_cast<double>(t5.ff_dim), source = 1 + kHistory * kLevels;
  const double rows = 1 + (kLevels - 1) * kBeam, layers = static_cast<double>(t5.encoder_layers);
  const double encoder = layers * (inner * d + ff + 2 * source * inner) + (layers - 1) * 3 * inner * d;
  const double cross = layers * 2 * inner * d;
  const double decoder = layers * (inner * d + 2 * inner * d + ff + 2 * source * inner) + (layers - 1) * 3 * inner * d +
                         static_cast<double>(kCodes) * d;
  return 2 * (source * (encoder + cross) + rows * decoder);
}

struct World {
  T5Options sizes;
  Parameters parameters{1, at::kCPU};
  T5 t5{parameters, sizes, ""};
  at::Tensor embedding = parameters.normal("embedding", {kLevels * kCodes + 2, sizes.model_dim}, 1.0);
  std::vector<at::Tensor> heads;
  std::vector<int64_t> begin;
  std::unique_ptr<Engine> engine;
  World() {
    init_runtime(0);
    init_torch(0);
    for (int64_t l = 0; l < kLevels; ++l) {
      heads.push_back(parameters.normal("head" + std::to_string(l), {kCodes, sizes.model_dim}, 0.1));
      begin.push_back(l * kCodes);
    }
    const EngineEncoder encoder{t5, embedding, 1 + kHistory * kLevels};
    const EngineDecoder decoder{t5, embedding, heads, begin, kLevels * kCodes};
    engine = std::make_unique<Engine>(encoder, std::vector{decoder}, use_bf16("auto", at::kCPU));
  }
};

World& world() {
  static World made;
  return made;
}

const Trie& trie_of(int64_t items) {
  static std::map<int64_t, Trie> made;
  const auto found = made.find(items);
  if (found != made.end()) return found->second;
  SemanticIds ids;
  ids.level_sizes.assign(kLevels, kCodes);
  Random random(static_cast<uint64_t>(items), "bench.engine");
  ids.codes.reserve(static_cast<size_t>(items * kLevels));
  for (int64_t i = 0; i < items * kLevels; ++i) ids.codes.push_back(static_cast<int32_t>(random.below(kCodes)));
  return made.emplace(items, Trie(ids)).first->second;
}

/// @param state.range  requests at once, items of the catalogue, one in so many items allowed (1: all)
void answer(benchmark::State& state) {
  const int64_t batch = state.range(0), items = state.range(1), one_in = state.range(2);
  const Trie& trie = trie_of(items);
  Random random(7, "bench.engine.requests");
  std::vector<uint64_t> bits(static_cast<size_t>(items) / 64 + 1, 0);
  for (int64_t i = 0; i < items; ++i)
    if (random.below(static_cast<uint64_t>(one_in)) == 0) bits[i / 64] |= 1ULL << (i % 64);
  const ItemFilter filter = ItemFilter::from_bits(trie, bits);
  std::vector<std::vector<int32_t>> sources(static_cast<size_t>(batch));
  std::vector<EngineRequest> requests;
  for (auto& source : sources) {
    source.push_back(kLevels * kCodes + 1);
    for (int64_t i = 0; i < kHistory * kLevels; ++i)
      source.push_back(static_cast<int32_t>(i % kLevels * kCodes + static_cast<int64_t>(random.below(kCodes))));
    requests.push_back({source, {kBeam, one_in == 1 ? nullptr : &filter, {}}});
  }
  for (auto _ : state) {
    const auto answers = world().engine->answer(requests, trie, {kBeam, false});
    if (answers.back().items.size() != kBeam) state.SkipWithError("wanted 50 items");
  }
  state.counters["GFLOP/s"] = benchmark::Counter(flop_of_an_answer(world().sizes) * static_cast<double>(batch) / 1e9,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

/// The ceiling: products of 200 rows that stay in the cache, on all threads at once.
template <class T>
void products(benchmark::State& state) {
  if (!simd::kMultiplies<T>) return state.SkipWithError("no instructions for this type");
  world();
  constexpr int64_t kRows = 200, kInner = 128, kColumns = 1024;
  for (auto _ : state) {
#pragma omp parallel
    {
      const at::Tensor weight = at::ones({kColumns, kInner});
      std::vector<T> a(kRows * kInner + 64, static_cast<T>(0.5f)), b(kInner * kColumns + 64);
      std::vector<T> c(kRows * kColumns + 64);
      const auto panels = simd::pack_columns<T>(weight.data_ptr<float>(), kInner, kInner, kColumns, b.data());
      for (int i = 0; i < 100; ++i)
        simd::multiply(a.data(), kInner, kRows, panels, [&](int64_t row, int64_t column, simd::Floats v) {
          simd::store_floats(c.data() + row * kColumns + column, v);
        });
      benchmark::DoNotOptimize(c.data());
    }
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2.0 * kRows * kInner * kColumns * 100 / 1e9 * omp_get_max_threads(),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(products<c10::BFloat16>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(products<float>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(answer)
    ->ArgNames({"batch", "items", "one_in"})
    ->Args({1, 10'000, 1})
    ->Args({1, 100'000, 1})
    ->Args({1, 1'000'000, 1})
    ->Args({1, 1'000'000, 2})
    ->Args({1, 1'000'000, 1000})
    ->Args({32, 10'000, 1})
    ->Args({32, 100'000, 1})
    ->Args({32, 1'000'000, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera
