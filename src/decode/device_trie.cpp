#include "decode/device_trie.h"

#include <torch/torch.h>

#include <algorithm>
#include <span>

namespace tessera {

namespace {

at::Tensor to_device(std::span<const int32_t> column, c10::Device device) {
  return at::from_blob(const_cast<int32_t*>(column.data()), {static_cast<int64_t>(column.size())}, at::kInt)
      .to(at::kLong)
      .to(device);
}

}  // namespace

DeviceTrie::DeviceTrie(const Trie& trie, c10::Device device) : trie_(&trie) {
  for (int64_t depth = 0; depth <= trie.levels(); ++depth) {
    Depth d;
    if (depth < trie.levels()) {
      const at::Tensor offsets = to_device(trie.child_offsets(depth), device);
      d.child_begin = offsets.narrow(0, 0, trie.num_nodes(depth)).contiguous();
      d.child_count = offsets.diff().contiguous();
      for (int32_t node = 0; node < trie.num_nodes(depth); ++node) {
        const auto [first, last] = trie.children(depth, node);
        d.most_children = std::max<int64_t>(d.most_children, last - first);
      }
    }
    if (depth > 0) d.token = to_device(trie.tokens(depth), device);
    depths_.push_back(std::move(d));
  }
}

}  // namespace tessera
