#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>

#include "decode/context_search.h"
#include "decode/device_trie.h"

namespace tessera {

/// The live beams of a batch at one depth of the trie, best first.
struct Beams {
  at::Tensor nodes;    ///< [B, W] int64
  at::Tensor scores;   ///< [B, W] float32: log-probability so far; kNoBeam: none here
  at::Tensor tokens;   ///< [B, W] int64: the code each beam took last
  at::Tensor parents;  ///< [B, W] int64: the beam of the step before that each one extends
};

/// What an extension by one level may use.
struct ExtendOptions {
  int64_t width = 50;        ///< beams kept
  bool renormalise = false;  ///< probabilities over the allowed codes instead of the whole level
};

/// Extends every beam by the children of its node and keeps the best of each context, by tensor operations alone: for
/// any device. Of beams with equal scores any may be kept.
/// @param depth    of the nodes that `beams` stand at
/// @param logits   [B, W, level_size] float32
/// @param allowed  [B, nodes of depth + 1] bool; undefined: every node is allowed
/// @return         at most `width` beams a context, best first
Beams extend(const Beams& beams, const DeviceTrie& trie, int64_t depth, const at::Tensor& logits,
             const at::Tensor& allowed, const ExtendOptions& options);

}  // namespace tessera
