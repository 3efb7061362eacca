#include "decode/extend.h"

#include <torch/torch.h>

#include <algorithm>

namespace tessera {

using at::Tensor;

Beams extend(const Beams& beams, const DeviceTrie& trie, int64_t depth, const Tensor& logits, const Tensor& allowed,
             const ExtendOptions& options) {
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

}  // namespace tessera
