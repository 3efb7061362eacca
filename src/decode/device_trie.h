#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <vector>

#include "semid/trie.h"

namespace tessera {

/// The trie's columns on a device. Immutable; shared by all searches there.
class DeviceTrie {
 public:
  struct Depth {
    at::Tensor child_begin, child_count;  ///< [nodes] int64, for depth < levels
    at::Tensor token;                     ///< [nodes] int64, for depth > 0
    int64_t most_children = 0;
  };

  /// @param trie  borrowed; must outlive this
  DeviceTrie(const Trie& trie, c10::Device device);
  const Trie& trie() const { return *trie_; }
  const Depth& depth(int64_t depth) const { return depths_[static_cast<size_t>(depth)]; }

 private:
  const Trie* trie_;
  std::vector<Depth> depths_;
};

}  // namespace tessera
