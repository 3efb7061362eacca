#include "decode/extend.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/simd.h"

namespace tessera {

using at::Tensor;

namespace {

/// log(sum(exp(row))), every value finite.
float log_sum_exp(const float* row, int64_t size) {
  float largest = row[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < size; ++i) largest = row[i] > largest ? row[i] : largest;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < size; ++i) sum += simd::exp_nonpositive(row[i] - largest);
  return largest + std::log(sum);
}

struct Candidate {
  float score;
  int32_t parent;
  int64_t node;
};

/// Best first; of equals the one that was found first.
bool before(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.parent != b.parent ? a.parent < b.parent : a.node < b.node;
}

/// One context of extend().
class ContextExtender {
 public:
  ContextExtender(const DeviceTrie::Depth& from, const DeviceTrie::Depth& to, int64_t width, bool renormalise)
      : begin_(from.child_begin.data_ptr<int64_t>()),
        count_(from.child_count.data_ptr<int64_t>()),
        token_(to.token.data_ptr<int64_t>()),
        width_(static_cast<size_t>(width)),
        renormalise_(renormalise) {}

  /// Adds the children of one beam. @param allowed  row of the context, or null
  void add(int32_t parent, int64_t node, float score, const float* logits, int64_t level_size, const bool* allowed) {
    if (score == kNoBeam) return;
    const int64_t first = begin_[node], last = first + count_[node];
    if (renormalise_) {
      codes_.clear();
      for (int64_t child = first; child < last; ++child)
        if (allowed == nullptr || allowed[child]) codes_.push_back(logits[token_[child]]);
      if (codes_.empty()) return;
      score -= log_sum_exp(codes_.data(), static_cast<int64_t>(codes_.size()));
    } else {
      score -= log_sum_exp(logits, level_size);
    }
    for (int64_t child = first; child < last; ++child) {
      if (allowed != nullptr && !allowed[child]) continue;
      keep({score + logits[token_[child]], parent, child});
    }
  }

  /// The beams kept, best first; forgets them.
  std::vector<Candidate> take() {
    std::sort(heap_.begin(), heap_.end(), before);
    return std::move(heap_);
  }

 private:
  void keep(const Candidate& candidate) {
    if (!(candidate.score > kNoBeam)) return;  // also NaN, which has no place in an order
    if (heap_.size() == width_) {
      if (!before(candidate, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.back() = candidate;
    } else {
      heap_.push_back(candidate);
    }
    std::push_heap(heap_.begin(), heap_.end(), before);  // the worst on top
  }

  const int64_t *begin_, *count_, *token_;
  size_t width_;
  bool renormalise_;
  std::vector<float> codes_;
  std::vector<Candidate> heap_;
};

Beams extend_on_cpu(const Beams& beams, const DeviceTrie& trie, int64_t depth, const Tensor& logits_in,
                    const Tensor& allowed, const ExtendOptions& options) {
  const Tensor logits = logits_in.contiguous();
  const int64_t batch = logits.size(0), width = logits.size(1), level_size = logits.size(2);
  const DeviceTrie::Depth &from = trie.depth(depth), &to = trie.depth(depth + 1);
  const auto* nodes = beams.nodes.data_ptr<int64_t>();
  const auto* scores = beams.scores.data_ptr<float>();
  std::vector<std::vector<Candidate>> kept(static_cast<size_t>(batch));
  at::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      ContextExtender context(from, to, options.width, options.renormalise);
      const bool* row = allowed.defined() ? allowed.data_ptr<bool>() + b * allowed.size(1) : nullptr;
      for (int64_t w = 0; w < width; ++w) {
        const int64_t at = b * width + w;
        context.add(static_cast<int32_t>(w), nodes[at], scores[at], logits.data_ptr<float>() + at * level_size,
                    level_size, row);
      }
      kept[b] = context.take();
    }
  });
  size_t widest = 1;
  for (const auto& list : kept) widest = std::max(widest, list.size());
  const auto wide = static_cast<int64_t>(widest);
  Beams next{at::zeros({batch, wide}, at::kLong), at::full({batch, wide}, kNoBeam, at::kFloat),
             at::zeros({batch, wide}, at::kLong), at::zeros({batch, wide}, at::kLong)};
  const int64_t* token = to.token.data_ptr<int64_t>();
  for (int64_t b = 0; b < batch; ++b) {
    int64_t at = b * wide;
    for (const Candidate& candidate : kept[b]) {
      next.nodes.data_ptr<int64_t>()[at] = candidate.node;
      next.scores.data_ptr<float>()[at] = candidate.score;
      next.tokens.data_ptr<int64_t>()[at] = token[candidate.node];
      next.parents.data_ptr<int64_t>()[at] = candidate.parent;
      ++at;
    }
  }
  return next;
}

}  // namespace

Beams extend_by_tensors(const Beams& beams, const DeviceTrie& trie, int64_t depth, const Tensor& logits,
                        const Tensor& allowed, const ExtendOptions& options) {
  const DeviceTrie::Depth &from = trie.depth(depth), &to = trie.depth(depth + 1);
  const int64_t batch = beams.nodes.size(0), width = beams.nodes.size(1), slots = from.most_children;
  const Tensor flat = beams.nodes.flatten();
  const Tensor slot = at::arange(slots, beams.nodes.options());  // [M]
  const Tensor begin = from.child_begin.index_select(0, flat).view({batch, width, 1});
  const Tensor count = from.child_count.index_select(0, flat).view({batch, width, 1});
  Tensor live = slot < count;                                           // [B, W, M]
  const Tensor child = (begin + slot).clamp_max(to.token.size(0) - 1);  // [B, W, M]
  if (allowed.defined()) live = live.logical_and(allowed.gather(1, child.flatten(1)).view(live.sizes()));
  live = live.logical_and((beams.scores > kNoBeam).unsqueeze(-1));
  const Tensor code = to.token.index_select(0, child.flatten()).view(child.sizes());  // [B, W, M]
  Tensor gain;
  if (options.renormalise) {
    gain = at::log_softmax(logits.gather(2, code).masked_fill(live.logical_not(), kNoBeam), -1);
  } else {
    gain = at::log_softmax(logits, -1).gather(2, code);
  }
  const Tensor total = (gain + beams.scores.unsqueeze(-1)).masked_fill(live.logical_not(), kNoBeam).flatten(1);
  const auto [best, place] = total.topk(std::min(options.width, total.size(1)), -1, true, true);  // [B, W']
  return {child.flatten(1).gather(1, place), best, code.flatten(1).gather(1, place), place.div(slots, "floor")};
}

Beams extend(const Beams& beams, const DeviceTrie& trie, int64_t depth, const Tensor& logits, const Tensor& allowed,
             const ExtendOptions& options) {
  return (logits.is_cpu() ? extend_on_cpu : extend_by_tensors)(beams, trie, depth, logits, allowed, options);
}

}  // namespace tessera
