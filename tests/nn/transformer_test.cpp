#include "nn/transformer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/error.h"

namespace tessera {
namespace {

using at::Tensor;

constexpr int64_t kDim = 8, kHeads = 2, kInner = 12;

/// A layer of random weights and libtorch's modules that hold the same ones.
struct LayerPair {
  Parameters parameters{3, at::kCPU};
  Transformer ours;
  torch::nn::TransformerEncoderLayer theirs{nullptr};
  Tensor norm, shift;

  explicit LayerPair(const std::string& block) {
    const torch::NoGradGuard no_grad;
    ours = Transformer(parameters, {kDim, kHeads, kInner, 1, 0.5, 0.5, block}, "");
    torch::manual_seed(4);
    std::map<std::string, Tensor> w;
    for (auto& [name, tensor] : parameters.all()) w[name] = tensor.copy_(torch::randn_like(tensor) * 0.5);
    theirs = torch::nn::TransformerEncoderLayer(
        torch::nn::TransformerEncoderLayerOptions(kDim, kHeads).dim_feedforward(kInner).activation(torch::kGELU));
    theirs->eval();
    theirs->self_attn->in_proj_weight.copy_(w["layer.0.qkv"]);
    theirs->self_attn->in_proj_bias.copy_(w["layer.0.qkv_bias"]);
    theirs->self_attn->out_proj->weight.copy_(w["layer.0.out"]);
    theirs->self_attn->out_proj->bias.copy_(w["layer.0.out_bias"]);
    theirs->linear1->weight.copy_(w["layer.0.in"]);
    theirs->linear1->bias.copy_(w["layer.0.in_bias"]);
    theirs->linear2->weight.copy_(w["layer.0.down"]);
    theirs->linear2->bias.copy_(w["layer.0.down_bias"]);
    theirs->norm1->weight.copy_(w["layer.0.norm1"]);
    theirs->norm1->bias.copy_(w["layer.0.shift1"]);
    theirs->norm2->weight.copy_(w["layer.0.norm2"]);
    theirs->norm2->bias.copy_(w["layer.0.shift2"]);
    norm = w["norm"], shift = w["shift"];
  }
};

/// [S, S] 0 where a place may look, kMasked's like where it must not.
Tensor causal(int64_t length) {
  return at::triu(at::full({length, length}, -1e9), 1);
}

TEST(Transformer, PostNormIsTheEncoderLayerOfLibtorch) {
  const torch::NoGradGuard no_grad;
  LayerPair pair("post-norm");
  const Tensor x = torch::randn({3, 5, kDim}), mask = causal(5);
  const Tensor read = at::layer_norm(x, {kDim}, pair.norm, pair.shift);
  const Tensor expected = pair.theirs->forward(read.transpose(0, 1), mask).transpose(0, 1);
  EXPECT_TRUE(at::allclose(pair.ours.forward(x, mask.unsqueeze(0), false, 0.5), expected, 1e-5, 1e-5));
}

TEST(Transformer, PreNormReadsNormedAndAddsRaw) {
  const torch::NoGradGuard no_grad;
  LayerPair pair("pre-norm");
  auto& layer = *pair.theirs;
  Tensor x = torch::randn({3, 5, kDim});
  const Tensor mask = causal(5), input = x;
  const Tensor read = layer.norm1(x).transpose(0, 1);
  x = x + std::get<0>(layer.self_attn->forward(read, read, read, {}, true, mask)).transpose(0, 1);
  x = x + layer.linear2(at::relu(layer.linear1(layer.norm2(x))));
  const Tensor expected = at::layer_norm(x, {kDim}, pair.norm, pair.shift);
  EXPECT_TRUE(at::allclose(pair.ours.forward(input, mask.unsqueeze(0), false, 0.5), expected, 1e-5, 1e-5));
}

TEST(Transformer, TrainingDropsOfTheInputToo) {
  const torch::NoGradGuard no_grad;
  for (const char* block : {"pre-norm", "post-norm"}) {
    Parameters parameters(3, at::kCPU);
    const Transformer network(parameters, {kDim, kHeads, kInner, 1, 0, 0, block}, "");
    const Tensor x = torch::randn({2, 4, kDim});
    const Tensor plain = network.forward(x, {}, false, 0.9);
    EXPECT_TRUE(at::allclose(network.forward(x, {}, true, 0), plain, 1e-5, 1e-5)) << block;
    EXPECT_FALSE(at::allclose(network.forward(x, {}, true, 0.9), plain, 1e-2, 1e-2)) << block;
  }
}

TEST(Transformer, RefusesAWidthThatHeadsDoNotDivide) {
  Parameters parameters(3, at::kCPU);
  EXPECT_THROW(Transformer(parameters, {10, 4, 8, 1, 0, 0, "pre-norm"}, ""), Error);
}

}  // namespace
}  // namespace tessera
