#include "nn/t5.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "nn/softmax.h"

namespace tessera {
namespace {

using at::Tensor;

T5Options small_options() {
  T5Options options;
  options.model_dim = 24;
  options.heads = 3;
  options.head_dim = 8;
  options.ff_dim = 32;
  options.encoder_layers = 2;
  options.decoder_layers = 2;
  options.recency = false;
  return options;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Keys from `visible` on are hidden.
Tensor hide_from(int64_t visible, int64_t keys) {
  Tensor mask = torch::zeros({1, 1, keys});
  mask.slice(2, visible).fill_(kMasked);
  return mask;
}

TEST(T5, BucketsAreThoseOfThePaper) {
  // HF T5, bidirectional, 32 buckets, distance 128: relative position = key - query.
  const Tensor both = relative_buckets(200, 200, true, 32, 128);
  EXPECT_EQ(both[0][0].item<int64_t>(), 0);
  EXPECT_EQ(both[7][0].item<int64_t>(), 7);
  EXPECT_EQ(both[8][0].item<int64_t>(), 8);
  EXPECT_EQ(both[0][1].item<int64_t>(), 17);
  EXPECT_EQ(both[0][199].item<int64_t>(), 31);
  EXPECT_EQ(both[199][0].item<int64_t>(), 15);
  const Tensor causal = relative_buckets(200, 200, false, 32, 128);
  EXPECT_EQ(causal[15][0].item<int64_t>(), 15);
  EXPECT_EQ(causal[0][15].item<int64_t>(), 0);
  EXPECT_EQ(causal[199][0].item<int64_t>(), 31);
}

TEST(T5, PaddingBehindTheMaskChangesNothing) {
  const torch::NoGradGuard no_grad;
  Parameters parameters(1, at::kCPU);
  const T5 model(parameters, small_options(), "");
  torch::manual_seed(2);
  const Tensor x = torch::randn({1, 9, 24});
  const Tensor alone = model.encode(x.slice(1, 0, 5), hide_from(5, 5), false);
  const Tensor padded = model.encode(x, hide_from(5, 9), false).slice(1, 0, 5);
  EXPECT_LT(largest_difference(alone, padded), 1e-5);
}

TEST(T5, DecoderIsCausalAndSequencesOfAContextAreIndependent) {
  const torch::NoGradGuard no_grad;
  Parameters parameters(1, at::kCPU);
  const T5 model(parameters, small_options(), "");
  torch::manual_seed(3);
  const Tensor memory = model.encode(torch::randn({2, 6, 24}), {}, false), y = torch::randn({2, 3, 4, 24});
  const Tensor mask = torch::zeros({2, 1, 6});
  const Tensor whole = model.decode(y, memory, mask, false);
  Tensor changed = y.clone();
  changed.select(2, 3).add_(1.0);  // the last token
  changed.select(1, 2).add_(1.0);  // the last sequence
  const Tensor other = model.decode(changed, memory, mask, false);
  EXPECT_LT(largest_difference(whole.slice(1, 0, 2).slice(2, 0, 3), other.slice(1, 0, 2).slice(2, 0, 3)), 1e-5);
  EXPECT_GT(largest_difference(whole, other), 1e-2);
}

/// A decoder with recency whose numbers are not those of the start.
T5 with_recency(Parameters& parameters) {
  T5Options options = small_options();
  options.recency = true;
  const T5 model(parameters, options, "");
  const torch::NoGradGuard no_grad;
  torch::manual_seed(8);
  model.recency_bias().add_(torch::randn(model.recency_bias().sizes()));
  return model;
}

void expect_beam_steps_equal_teacher_forcing(const T5& model) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  const Tensor memory = model.encode(torch::randn({2, 5, 24}), {}, false),
               mask = hide_from(4, 5).expand({2, 1, 5}).contiguous();
  // Three beams that branch: each one's tokens are read off its ancestors.
  const Tensor first = torch::randn({2, 1, 24}), second = torch::randn({2, 3, 24}), third = torch::randn({2, 3, 24});
  const Tensor parents = at::tensor({2, 0, 0, 1, 1, 2}, at::kLong).view({2, 3});
  T5Beams beams(model, memory, mask, 3);
  const Tensor a = beams.step(first, {});
  const Tensor b = beams.step(second, at::zeros({2, 3}, at::kLong));
  const Tensor c = beams.step(third, parents);
  const Tensor chosen = second.gather(1, parents.unsqueeze(-1).expand({-1, -1, 24}));
  const Tensor y = at::stack({first.expand({2, 3, 24}), chosen, third}, 2);
  const Tensor wanted = model.decode(y, memory, mask, false);
  EXPECT_LT(largest_difference(c, wanted.select(2, 2)), 1e-4);
  EXPECT_LT(largest_difference(a.squeeze(1), wanted.select(2, 0).select(1, 0)), 1e-4);
  EXPECT_LT(largest_difference(b.gather(1, parents.unsqueeze(-1).expand({-1, -1, 24})), wanted.select(2, 1)), 1e-4);
}

TEST(T5, BeamStepsEqualTeacherForcing) {
  Parameters plain(4, at::kCPU), recent(4, at::kCPU);
  expect_beam_steps_equal_teacher_forcing(T5(plain, small_options(), ""));
  expect_beam_steps_equal_teacher_forcing(with_recency(recent));
}

TEST(T5, RecencyCountsFromTheEndOfWhatASequenceSees) {
  const torch::NoGradGuard no_grad;
  Parameters parameters(4, at::kCPU);
  const T5 model = with_recency(parameters);
  const Tensor memory = torch::randn({2, 5, 24}), y = torch::randn({2, 3, 4, 24});
  // Sequence p sees the first p + 2 tokens; alone it is the same, whatever stands behind.
  Tensor mask = torch::zeros({1, 3, 5});
  for (int64_t p = 0; p < 3; ++p) mask[0][p].slice(0, p + 2).fill_(kMasked);
  const Tensor together = model.decode(y, memory, mask, false);
  for (int64_t p = 0; p < 3; ++p) {
    const Tensor one = y.narrow(1, p, 1), seen = memory.narrow(1, 0, p + 2);
    const Tensor alone = model.decode(one, seen, torch::zeros({1, 1, p + 2}), false);
    EXPECT_LT(largest_difference(together.narrow(1, p, 1), alone), 1e-5);
    const Tensor padded = model.decode(one, memory, mask.narrow(1, p, 1).expand({2, 1, 5}).contiguous(), false);
    EXPECT_LT(largest_difference(padded, alone), 1e-5) << "a mask a context";
  }
  const Tensor swapped = memory.index_select(1, at::tensor({0, 1, 3, 2, 4}, at::kLong));
  EXPECT_GT(largest_difference(model.decode(y, swapped, mask, false).select(1, 2), together.select(1, 2)), 1e-2);
  Parameters plain(4, at::kCPU);
  const T5 blind(plain, small_options(), "");
  EXPECT_LT(largest_difference(blind.decode(y, swapped, mask, false).select(1, 2),
                               blind.decode(y, memory, mask, false).select(1, 2)),
            1e-5)
      << "without it, order is nothing to cross-attention";
}

TEST(T5, RecencyIsLearned) {
  Parameters parameters(4, at::kCPU);
  const T5 model = with_recency(parameters);
  Tensor mask = torch::zeros({1, 3, 5});
  for (int64_t p = 0; p < 3; ++p) mask[0][p].slice(0, p + 2).fill_(kMasked);
  const Tensor memory = torch::randn({2, 5, 24}), y = torch::randn({2, 3, 4, 24}), weight = torch::randn({24});
  const auto value = [&] { return at::matmul(model.decode(y, memory, mask, false), weight).sum(); };
  value().backward();
  const Tensor gradient = model.recency_bias().grad();
  const torch::NoGradGuard no_grad;
  for (const int64_t bucket : {0, 1, 3}) {
    const double step = 1e-2, wanted = gradient[bucket][1].item<double>();
    model.recency_bias()[bucket][1] += step;
    const double above = value().item<double>();
    model.recency_bias()[bucket][1] -= 2 * step;
    const double below = value().item<double>();
    model.recency_bias()[bucket][1] += step;
    EXPECT_NEAR((above - below) / (2 * step), wanted, 2e-2 * std::abs(wanted) + 2e-2) << bucket;
  }
  EXPECT_EQ(gradient[5].abs().max().item<double>(), 0.0) << "nothing is so far back";
}

TEST(T5, Bfloat16CopyStaysNear) {
  const torch::NoGradGuard no_grad;
  Parameters parameters(6, at::kCPU);
  const T5 model(parameters, small_options(), ""), low = model.cast(at::kBFloat16);
  torch::manual_seed(7);
  const Tensor x = torch::randn({3, 10, 24});
  const Tensor a = model.encode(x, {}, false), b = low.encode(x, {}, false).to(at::kFloat);
  EXPECT_LT(((a - b).norm() / a.norm()).item<double>(), 3e-2);
}

TEST(Parameters, SaveAndLoadAndRefuseOtherShapes) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "parameters_test.safetensors";
  Parameters a(1, at::kCPU), b(2, at::kCPU), other(1, at::kCPU);
  const Tensor w = a.normal("w", {4, 3}, 1.0);
  a.save(file, {{"method", "test"}});
  const Tensor copy = b.normal("w", {4, 3}, 1.0);
  EXPECT_FALSE(at::equal(w, copy));
  EXPECT_EQ(b.load(file).at("method"), "test");
  EXPECT_TRUE(at::equal(w, copy));
  other.normal("w", {3, 4}, 1.0);
  EXPECT_THROW(other.load(file), Error);
  Parameters more(1, at::kCPU);
  more.normal("w", {4, 3}, 1.0);
  more.constant("b", {3}, 0);
  EXPECT_THROW(more.load(file), Error);
  write_file(file, "not tensors");
  EXPECT_THROW(b.load(file), Error);
  std::filesystem::remove(file);
}

TEST(Parameters, ValuesComeFromSeedAndNameAlone) {
  Parameters a(1, at::kCPU), b(1, at::kCPU);
  a.normal("x", {5}, 1.0);
  const Tensor first = a.normal("y", {5}, 1.0), second = b.normal("y", {5}, 1.0);
  EXPECT_TRUE(at::equal(first, second));
}

}  // namespace
}  // namespace tessera
