#include "methods/eager_losses.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/softmax.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;

Tensor eager_contrast(const Tensor& guess, const Tensor& items, const Tensor& vectors,
                      const EagerContrastOptions& options) {
  const Tensor wanted = vectors.index_select(0, items);  // [N, d_x]
  if (options.contrast == "smooth-l1") return at::smooth_l1_loss(guess, wanted);
  const Tensor random = at::randint(vectors.size(0), {options.negatives}, items.options());
  const Tensor negative = at::mm(guess, vectors.index_select(0, random).t()).to(at::kFloat);  // [N, negatives]
  const Tensor same = items.unsqueeze(1) == random.unsqueeze(0);
  const Tensor positive = (guess * wanted).sum(-1, true).to(at::kFloat);
  const Tensor logits = at::cat({positive, negative}, 1) / options.temperature;
  const Tensor never = at::cat({at::zeros_like(items).to(at::kBool).unsqueeze(1), same}, 1);
  return at::cross_entropy_loss(logits.masked_fill(never, kMasked), at::zeros_like(items));
}

Tensor choose_half(int64_t rows, int64_t levels, c10::Device device) {
  const int64_t half = std::max<int64_t>(1, levels / 2);
  const auto floats = at::TensorOptions(at::kFloat).device(device);
  const Tensor chosen = std::get<1>(at::rand({rows, levels}, floats).topk(half, 1));
  return at::zeros({rows, levels}, floats.dtype(at::kBool)).scatter_(1, chosen, true);
}

Tensor choose_rest(int64_t rows, int64_t levels, c10::Device device) {
  const auto integers = at::TensorOptions(at::kLong).device(device);
  return at::arange(levels, integers).unsqueeze(0) >= at::randint(levels, {rows, 1}, integers);
}

namespace {

/// Uniform below each of `counts`. @param counts  int64, above 0
Tensor random_below(const Tensor& counts) {
  const Tensor drawn = at::rand(counts.sizes(), counts.options().dtype(at::kDouble)).mul(counts).floor().to(at::kLong);
  return at::minimum(drawn, counts - 1);
}

}  // namespace

Tensor other_nodes(const EagerStream& stream, const Tensor& path) {
  std::vector<Tensor> others;
  for (int64_t l = 0; l < path.size(1); ++l) {
    const Tensor node = path.select(1, l);
    const auto [first, last] = stream.children(l, l == 0 ? at::zeros_like(node) : path.select(1, l - 1));
    const Tensor only = (last - first) == 1;
    const Tensor begin = first.masked_fill(only, 0), end = last.masked_fill(only, stream.trie().num_nodes(l + 1));
    // One of end - begin - 1 others; those from the true node on move up by one.
    const Tensor other = begin + random_below((end - begin - 1).clamp_min(1));
    others.push_back(at::minimum(other + (other >= node).to(at::kLong), end - 1));
  }
  return at::stack(others, 1);
}

Tensor other_path(const EagerStream& stream, const Tensor& path, const Tensor& replaced) {
  const Tensor sibling = other_nodes(stream, path);
  std::vector<Tensor> nodes;
  for (int64_t l = 0; l < path.size(1); ++l) {
    const Tensor wrong = replaced.select(1, l);
    Tensor node = at::where(wrong, sibling.select(1, l), path.select(1, l));
    if (l > 0) {
      const auto [first, last] = stream.children(l, nodes.back());
      node = at::where(replaced.select(1, l - 1), first + random_below(last - first), node);
    }
    nodes.push_back(node);
  }
  return at::stack(nodes, 1);
}

EagerTransfer::EagerTransfer(Parameters& p, const T5Options& sizes, const EagerStream& stream,
                             const EagerTransferOptions& options)
    : stream_(&stream), options_(options) {
  const int64_t d = sizes.model_dim;
  cls_ = p.normal("transfer.cls", {d}, 1.0);
  position_ = p.normal("transfer.position", {1 + stream.levels(), d}, 0.1);
  guide_ = p.normal("transfer.guide", {d, d}, 1.0 / std::sqrt(static_cast<double>(d)));
  if (options.reconstruct) mask_ = p.normal("transfer.mask", {d}, 1.0);
  if (options.recognise) judge_ = p.normal("transfer.judge", {d}, 1.0 / std::sqrt(static_cast<double>(d)));
  transformer_ = Transformer(p, {d, sizes.heads, sizes.ff_dim, 1, sizes.dropout, sizes.dropout}, "transfer.");
}

Tensor EagerTransfer::states(const Tensor& tokens, const Tensor& hidden, const Tensor& guide, bool training) const {
  Tensor codes = table_rows(stream_->tokens(), tokens);  // [N, L, d]
  if (hidden.defined()) codes = at::where(hidden.unsqueeze(-1), mask_, codes);
  const Tensor first = cls_.expand({tokens.size(0), 1, -1});
  const Tensor help = at::linear(guide, guide_).to(at::kFloat).unsqueeze(1);  // [N, 1, d]
  return transformer_.forward(at::cat({first, codes}, 1) + position_ + help, {}, training, 0);
}

Tensor EagerTransfer::chosen(const Tensor& path) const {
  return options_.hides == "rest" ? choose_rest(path.size(0), path.size(1), path.device())
                                  : choose_half(path.size(0), path.size(1), path.device());
}

Tensor EagerTransfer::reconstruction(const Tensor& states, const Tensor& path, const Tensor& hidden) const {
  Tensor total = at::zeros({}, states.options());
  for (int64_t l = 0; l < path.size(1); ++l) {
    const Tensor rows = hidden.select(1, l).nonzero().flatten();
    if (rows.size(0) == 0) continue;
    const Tensor state = states.select(1, 1 + l).index_select(0, rows) / options_.temperature;
    const Tensor node = path.select(1, l).index_select(0, rows);
    const Tensor parent = l == 0 ? Tensor() : path.select(1, l - 1).index_select(0, rows);
    total = total + stream_->node_loss(l, state, parent, node) * rows.size(0);
  }
  return total / hidden.sum();
}

Tensor EagerTransfer::loss(const Tensor& items, const Tensor& guide, bool training) const {
  const Tensor path = stream_->paths().index_select(0, items);  // [N, L]
  std::vector<int64_t> begins;
  for (int64_t l = 0; l < path.size(1); ++l) begins.push_back(stream_->level_begin(l));
  const Tensor begin = at::tensor(begins, path.options());
  const Tensor help = options_.detach ? guide.detach() : guide;
  Tensor total = at::zeros({}, guide.options());
  if (options_.reconstruct) {
    const Tensor hidden = chosen(path);
    total = total + reconstruction(states(path + begin, hidden, help, training).to(at::kFloat), path, hidden);
  }
  if (options_.recognise) {
    const Tensor replaced = chosen(path);
    const Tensor wrong = options_.hides == "rest" ? other_path(*stream_, path, replaced)
                                                  : at::where(replaced, other_nodes(*stream_, path), path);
    const Tensor tokens = at::cat({path + begin, wrong + begin}, 0);  // [2N, L]
    const Tensor scores =
        at::mv(states(tokens, {}, at::cat({help, help}, 0), training).select(1, 0).to(at::kFloat), judge_);
    const auto halves = scores.chunk(2);
    total = total + at::softplus(-halves[0]).mean() + at::softplus(halves[1]).mean();
  }
  return total;
}

}  // namespace tessera
