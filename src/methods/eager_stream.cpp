#include "methods/eager_stream.h"

#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "nn/block_cross_entropy.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;

namespace {

/// One encoded batch: a beam stands at a node, its logits are those of the node's children.
class EagerSteps : public StepModel {
 public:
  EagerSteps(const EagerStream& stream, const T5& decoder, const Tensor& memory, const Tensor& cross_mask)
      : stream_(stream), beams_(decoder, memory, cross_mask, stream.levels()), batch_(memory.size(0)) {
    for (int64_t l = 0; l < stream.levels(); ++l) heads_.push_back(stream.head(l));
  }

  int64_t batch() const override { return batch_; }
  c10::Device device() const override { return stream_.tokens().device(); }

  Tensor step(int64_t level, const Tensor& codes, const Tensor& parents) override {
    const auto integers = at::TensorOptions(at::kLong).device(device());
    Tensor tokens = at::full({batch_, 1}, EagerStream::kBos, integers);
    if (level == 0) {
      nodes_ = at::zeros({batch_, 1}, integers);
    } else {
      nodes_ = child(level - 1, nodes_.gather(1, parents), codes);
      tokens = nodes_ + stream_.level_begin(level - 1);
    }
    const int64_t width = nodes_.size(1);
    const Tensor x = stream_.tokens().detach().index_select(0, tokens.flatten()).view({batch_, width, -1});
    const Tensor h = beams_.step(x, parents).to(at::kFloat);  // [B, W, d]
    const auto [rows, live] = slots(level, nodes_);           // [B, W, M]
    const Tensor block = heads_[level].index_select(0, rows.flatten()).view({batch_ * width, rows.size(2), -1});
    const Tensor scores = at::bmm(block, h.view({batch_ * width, -1, 1})).view(rows.sizes());
    const Tensor code = stream_.device_trie().depth(level + 1).token.index_select(0, rows.flatten()).view(rows.sizes());
    // Slots behind the last child repeat rows of others: they write nothing, into a column behind the codes.
    const int64_t size = stream_.trie().level_size(level);
    const Tensor place = at::where(live, code, at::full_like(code, size));
    return at::full({batch_, width, size + 1}, kMasked, scores.options()).scatter_(2, place, scores).narrow(2, 0, size);
  }

 private:
  /// The rows that nodes' children have among those of the next depth, as many columns as the widest has.
  std::pair<Tensor, Tensor> slots(int64_t depth, const Tensor& nodes) const {
    const DeviceTrie::Depth &from = stream_.device_trie().depth(depth), &to = stream_.device_trie().depth(depth + 1);
    const Tensor slot = at::arange(from.most_children, nodes.options());
    const Tensor begin = from.child_begin.index_select(0, nodes.flatten()).view(nodes.sizes()).unsqueeze(-1);
    const Tensor count = from.child_count.index_select(0, nodes.flatten()).view(nodes.sizes()).unsqueeze(-1);
    return {(begin + slot).clamp_max(to.token.size(0) - 1), slot < count};
  }

  Tensor child(int64_t depth, const Tensor& nodes, const Tensor& codes) const {
    const auto [rows, live] = slots(depth, nodes);
    const Tensor code = stream_.device_trie().depth(depth + 1).token.index_select(0, rows.flatten()).view(rows.sizes());
    const Tensor found = (code == codes.unsqueeze(-1)).logical_and(live).to(at::kInt).argmax(-1, true);
    return rows.gather(2, found).squeeze(2);
  }

  const EagerStream& stream_;
  T5Beams beams_;
  int64_t batch_;
  std::vector<Tensor> heads_;
  Tensor nodes_;  ///< [B, W]: where the beams stand
};

}  // namespace

EagerStream::EagerStream(std::string name, SemanticIds ids, c10::Device device)
    : name_(std::move(name)), ids_(std::move(ids)), trie_(std::make_unique<Trie>(ids_)) {
  device_trie_ = std::make_unique<DeviceTrie>(*trie_, device);
  TESSERA_CHECK(trie_->num_nodes(levels()) == ids_.num_items(), data,
                "eager: {} items have only {} different {} codes; wanted one each", ids_.num_items(),
                trie_->num_nodes(levels()), name_);
  num_tokens_ = kSummary + 1;
  Tensor paths = at::empty({ids_.num_items(), levels()}, at::kLong);
  for (int64_t depth = 1; depth <= levels(); ++depth) {
    level_begin_.push_back(num_tokens_);
    num_tokens_ += trie_->num_nodes(depth);
    for (int32_t node = 0; node < trie_->num_nodes(depth); ++node) {
      const auto [first, last] = trie_->interval(depth, node);
      for (int32_t position = first; position < last; ++position)
        paths.data_ptr<int64_t>()[index(trie_->item_at(position)) * levels() + depth - 1] = node;
    }
  }
  paths_ = paths.to(device);
}

void EagerStream::make_weights(Parameters& parameters, const T5Options& sizes) {
  T5Options decoder = sizes;
  decoder.encoder_layers = 0;
  tokens_ = parameters.normal(name_ + ".tokens", {num_tokens_, sizes.model_dim}, 1.0);
  decoder_ = T5(parameters, decoder, name_ + ".");
}

double EagerStream::scale() const {
  return 1.0 / std::sqrt(static_cast<double>(tokens_.size(1)));
}

Tensor EagerStream::head(int64_t level) const {
  return tokens_.detach().narrow(0, level_begin(level), trie_->num_nodes(level + 1)) * scale();
}

Tensor EagerStream::node_loss(int64_t level, const Tensor& states, const Tensor& parents, const Tensor& nodes) const {
  const Tensor h = states * scale();
  if (level == 0) {
    const Tensor all = at::arange(level_begin(0), level_begin(0) + trie_->num_nodes(1), nodes.options());
    return at::cross_entropy_loss(at::linear(h, table_rows(tokens_, all)).to(at::kFloat), nodes);
  }
  const auto [first, last] = children(level, parents);
  const int64_t begin = level_begin(level);
  return block_cross_entropy(h, tokens_, first + begin, last + begin, nodes + begin);
}

std::pair<Tensor, Tensor> EagerStream::children(int64_t depth, const Tensor& nodes) const {
  const DeviceTrie::Depth& from = device_trie_->depth(depth);
  const Tensor begin = from.child_begin.index_select(0, nodes);
  return {begin, begin + from.child_count.index_select(0, nodes)};
}

EagerStream::Decoded EagerStream::decode(const Tensor& memory, const Tensor& cross_mask, const Tensor& rows,
                                         const Tensor& items, int64_t sequences, bool summary, bool training) const {
  const int64_t batch = memory.size(0), length = summary ? levels() + 2 : levels();
  const Tensor path = paths_.index_select(0, items);  // [N, L]
  Tensor input = at::full({batch * sequences, length}, kBos, path.options());
  for (int64_t l = 0; l + 1 < length && l < levels(); ++l)
    input.select(1, l + 1).index_copy_(0, rows, path.select(1, l) + level_begin(l));
  if (summary) input.select(1, length - 1).fill_(kSummary);
  const Tensor y = table_rows(tokens_, input).view({batch, sequences, length, -1});
  const Tensor h = decoder_.decode(y, memory, cross_mask, training)
                       .view({batch * sequences, length, -1})
                       .index_select(0, rows)
                       .to(at::kFloat);  // [N, length, d]
  Decoded out;
  for (int64_t l = 0; l < levels(); ++l) {
    const Tensor parent = l == 0 ? Tensor() : path.select(1, l - 1);
    const Tensor loss = node_loss(l, h.select(1, l), parent, path.select(1, l));
    out.loss = out.loss.defined() ? out.loss + loss : loss;
  }
  out.loss = out.loss / levels();
  if (summary) out.summary = h.select(1, length - 1);
  return out;
}

std::unique_ptr<StepModel> EagerStream::steps(const T5& decoder, const Tensor& memory, const Tensor& cross_mask) const {
  return std::make_unique<EagerSteps>(*this, decoder, memory, cross_mask);
}

EngineDecoder EagerStream::engine_decoder() const {
  std::vector<Tensor> heads;
  for (int64_t l = 0; l < levels(); ++l) heads.push_back(head(l));
  const Tensor read = tokens_.detach().narrow(0, 0, level_begin(levels() - 1));  // leaves are written only
  return {decoder_, read, std::move(heads), level_begin_, kBos, true};
}

}  // namespace tessera
