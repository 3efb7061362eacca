#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace tessera {

/// Of every history a beginning of random length, of one item at least. Draws from ATen's generator.
std::vector<std::span<const ItemId>> random_beginnings(std::vector<std::span<const ItemId>> histories);

/// Which places of a batch are hidden from a model that learns to fill them. Every row with items has at least one.
/// Draws from ATen's generator, so seed_step() fixes it.
/// @param is_item    [B, S] float32: 1 for items, 0 for padding
/// @param mask_rate  chance of each item
/// @param last_rate  share of the rows in which the last item, and no other, is hidden
/// @return           [B, S] bool, false at padding
at::Tensor cloze_mask(const at::Tensor& is_item, double mask_rate, double last_rate);

/// One stretch of every row, cut out: a random one of one item to half of the row's.
struct Segments {
  at::Tensor without;  ///< [B, S] int64: the row with [mask] in the stretch
  at::Tensor alone;    ///< the stretch in its place, [mask] in the rest of the row
  at::Tensor other;    ///< the same with as many items, one after the other, from anywhere in the batch
};
/// @param items    [B, S] int64
/// @param is_item  [B, S] float32, as above
Segments cut_segments(const at::Tensor& items, const at::Tensor& is_item, int64_t mask_id);

}  // namespace tessera
