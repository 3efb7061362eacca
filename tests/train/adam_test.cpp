#include "train/adam.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace tessera {
namespace {

/// A matrix over several chunks, a bias, a scalar-like tensor: odd sizes on purpose.
NamedTensors make_parameters(c10::Device device = c10::kCPU) {
  torch::manual_seed(7);
  NamedTensors result;
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"matrix", {331, 211}}, {"bias", {37}}, {"one", {1}}}) {
    result.emplace_back(name, torch::randn(shape).to(device).requires_grad_());
  }
  return result;
}

void set_gradients(const NamedTensors& parameters, int64_t step) {
  torch::manual_seed(100 + step);
  for (const auto& [name, tensor] : parameters) {
    at::Tensor target = tensor;
    target.mutable_grad() = torch::randn(tensor.sizes()).to(tensor.device());
  }
}

/// Largest difference to torch::optim after 20 steps of a varying rate, relative for weights above 1: rounding of a
/// weight of 4 alone is 2e-7 a step.
template <class Reference, class Options>
double difference_to(const Adam::Settings& settings, Options options, c10::Device device = c10::kCPU) {
  const auto ours = make_parameters(device), theirs = make_parameters(device);
  std::vector<at::Tensor> matrices, others;
  for (const auto& [name, tensor] : theirs) (tensor.dim() >= 2 ? matrices : others).push_back(tensor);
  Options plain = options;
  plain.weight_decay(0);
  Reference reference({torch::optim::OptimizerParamGroup(matrices, std::make_unique<Options>(options)),
                       torch::optim::OptimizerParamGroup(others, std::make_unique<Options>(plain))},
                      options);
  Adam adam(ours, settings);
  for (int64_t step = 0; step < 20; ++step) {
    set_gradients(ours, step);
    set_gradients(theirs, step);
    const double rate = 0.01 / static_cast<double>(1 + step);
    for (auto& group : reference.param_groups()) static_cast<Options&>(group.options()).lr(rate);
    reference.step();
    adam.step(rate);
  }
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const at::Tensor reference_value = theirs[i].second.detach();
    const at::Tensor difference = (ours[i].second.detach() - reference_value).abs();
    worst = std::max(worst, (difference / reference_value.abs().clamp_min(1)).max().item<double>());
  }
  return worst;
}

Adam::Settings decayed(bool decoupled, bool fused) {
  Adam::Settings settings;
  settings.decoupled = decoupled;
  settings.weight_decay = 0.1;
  settings.fused = fused;
  return settings;
}

TEST(AdamTest, AdamWEqualsTorch) {
  const auto options = torch::optim::AdamWOptions(1e-3).weight_decay(0.1);
  for (const bool fused : {true, false}) {
    EXPECT_LT(difference_to<torch::optim::AdamW>(decayed(true, fused), options), 1e-6) << "fused " << fused;
  }
}

TEST(AdamTest, AdamEqualsTorch) {
  const auto options = torch::optim::AdamOptions(1e-3).weight_decay(0.1);
  for (const bool fused : {true, false}) {
    EXPECT_LT(difference_to<torch::optim::Adam>(decayed(false, fused), options), 1e-6) << "fused " << fused;
  }
}

TEST(AdamGpu, AdamWEqualsTorch) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  const auto options = torch::optim::AdamWOptions(1e-3).weight_decay(0.1);
  EXPECT_LT(difference_to<torch::optim::AdamW>(decayed(true, true), options, c10::Device(c10::kCUDA, 0)), 1e-6);
}

TEST(AdamTest, ThreadsDoNotChangeTheResult) {
  const int before = at::get_num_threads();
  std::vector<at::Tensor> results;
  std::vector<double> norms;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const auto parameters = make_parameters();
    Adam adam(parameters, {});
    set_gradients(parameters, 1);
    norms.push_back(adam.gradient_norm());
    adam.step(0.1, 0.5);
    results.push_back(parameters[0].second.detach());
  }
  at::set_num_threads(before);
  EXPECT_TRUE(torch::equal(results[0], results[1]));
  EXPECT_TRUE(torch::equal(results[0], results[2]));
  EXPECT_EQ(norms[0], norms[1]);
  EXPECT_EQ(norms[0], norms[2]);
}

TEST(AdamTest, GradientScaleEqualsScaledGradients) {
  const auto a = make_parameters(), b = make_parameters();
  Adam scaled(a, {}), plain(b, {});
  set_gradients(a, 3);
  set_gradients(b, 3);
  for (const auto& [name, tensor] : b) tensor.grad().mul_(0.25);
  scaled.step(0.01, 0.25);
  plain.step(0.01);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::allclose(a[i].second, b[i].second, 0, 1e-7));
}

TEST(AdamTest, ATensorOfARateIsUpdatedAsIfAllHadIt) {
  for (const bool fused : {true, false}) {
    const auto a = make_parameters(), b = make_parameters();
    Adam::Settings settings;
    settings.fused = fused;
    Adam plain(b, settings);
    settings.rates.assign(a.size(), 1.0);
    settings.rates[0] = 3;
    Adam rated(a, settings);
    const auto before = b[0].second.detach().clone();
    for (int step = 0; step < 3; ++step) {
      set_gradients(a, step);
      set_gradients(b, step);
      rated.step(0.01);
      plain.step(0.01);
    }
    const at::Tensor moved = a[0].second.detach() - before, once = b[0].second.detach() - before;
    EXPECT_TRUE(torch::allclose(moved, once * 3, 1e-4, 1e-6)) << "fused " << fused;
    for (size_t i = 1; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << "fused " << fused;
    settings.rates.pop_back();
    EXPECT_THROW(Adam(a, settings), Error);
  }
}

TEST(AdamTest, NormIsOverAllTensors) {
  for (const bool fused : {true, false}) {
    const auto parameters = make_parameters();
    Adam::Settings settings;
    settings.fused = fused;
    Adam adam(parameters, settings);
    EXPECT_EQ(adam.gradient_norm(), 0);
    set_gradients(parameters, 5);
    double sum = 0;
    for (const auto& [name, tensor] : parameters) sum += tensor.grad().to(at::kDouble).pow(2).sum().item<double>();
    EXPECT_NEAR(adam.gradient_norm(), std::sqrt(sum), 1e-5 * std::sqrt(sum));
    EXPECT_EQ(adam.bad_gradient(), "");
    parameters[1].second.grad()[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(std::isfinite(adam.gradient_norm()));
    EXPECT_EQ(adam.bad_gradient(), "bias");
  }
}

TEST(AdamTest, TensorsWithoutGradientStay) {
  const auto parameters = make_parameters();
  const auto before = parameters[1].second.detach().clone();
  Adam adam(parameters, decayed(true, true));
  set_gradients(parameters, 5);
  at::Tensor bias = parameters[1].second;
  bias.mutable_grad() = at::Tensor();
  adam.step(0.1);
  EXPECT_TRUE(torch::equal(before, parameters[1].second.detach()));
  EXPECT_EQ(adam.first_moments()[1].abs().sum().item<double>(), 0);
}

TEST(AdamTest, StridedGradientsAreRead) {
  auto a = torch::ones({64, 3}).requires_grad_(), b = torch::ones({64, 3}).requires_grad_();
  a.mutable_grad() = torch::arange(192).to(at::kFloat).view({3, 64}).t();
  b.mutable_grad() = a.grad().contiguous();
  Adam strided({{"a", a}}, {}), dense({{"b", b}}, {});
  EXPECT_EQ(strided.gradient_norm(), dense.gradient_norm());
  strided.step(0.1);
  dense.step(0.1);
  EXPECT_TRUE(torch::equal(a.detach(), b.detach()));
}

TEST(AdamTest, ParametersThatCannotBeUpdatedAreRefused) {
  const auto refuse = [](const at::Tensor& tensor) { EXPECT_THROW(Adam({{"x", tensor}}, {}), Error); };
  refuse(torch::ones({3}));
  refuse(torch::ones({3}, at::kDouble).requires_grad_());
  refuse(torch::ones({3, 4}).t().requires_grad_());
  refuse(torch::ones({3}).requires_grad_() * 2);
  refuse(at::Tensor());
}

}  // namespace
}  // namespace tessera
