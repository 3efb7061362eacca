// One update of 5M parameters in 60 tensors (a small TIGER) by our fused Adam and by torch::optim::AdamW, clipping
// included. The two results are compared before anything is timed.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "base/runtime.h"
#include "nn/device.h"
#include "train/adam.h"

namespace tessera {
namespace {

NamedTensors make_weights() {
  static const bool ready = [] {
    init_runtime(0);
    init_torch(0);
    return true;
  }();
  benchmark::DoNotOptimize(ready);
  torch::manual_seed(1);
  NamedTensors result;
  result.emplace_back("embedding", torch::randn({12000, 128}).requires_grad_());
  for (int layer = 0; layer < 26; ++layer) {
    result.emplace_back("matrix" + std::to_string(layer), torch::randn({128, 1024}).requires_grad_());
    result.emplace_back("norm" + std::to_string(layer), torch::randn({128}).requires_grad_());
  }
  for (auto& [name, tensor] : result) tensor.mutable_grad() = torch::randn(tensor.sizes());
  return result;
}

std::vector<at::Tensor> tensors_of(const NamedTensors& weights) {
  std::vector<at::Tensor> result;
  for (const auto& [name, tensor] : weights) result.push_back(tensor);
  return result;
}

void ours_step(Adam& adam) {
  const double norm = adam.gradient_norm();
  adam.step(1e-3, std::min(1.0, 1.0 / (norm + 1e-6)));
}

void torch_step(torch::optim::AdamW& optimizer, const std::vector<at::Tensor>& weights) {
  torch::nn::utils::clip_grad_norm_(weights, 1.0);
  optimizer.step();
}

void fused(benchmark::State& state) {
  const auto weights = make_weights(), reference = make_weights();
  Adam adam(weights, {});
  torch::optim::AdamW optimizer(tensors_of(reference), torch::optim::AdamWOptions(1e-3).weight_decay(0));
  ours_step(adam);
  torch_step(optimizer, tensors_of(reference));
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!torch::allclose(weights[i].second, reference[i].second, 1e-5, 1e-6)) state.SkipWithError("results differ");
  }
  for (auto _ : state) ours_step(adam);
}

void torch_optim(benchmark::State& state) {
  const auto weights = make_weights();
  torch::optim::AdamW optimizer(tensors_of(weights), torch::optim::AdamWOptions(1e-3).weight_decay(0));
  for (auto _ : state) torch_step(optimizer, tensors_of(weights));
}

BENCHMARK(fused)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(torch_optim)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace tessera
