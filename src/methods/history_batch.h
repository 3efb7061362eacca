#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "data/chunks.h"
#include "data/split.h"

namespace tessera {

/// Histories of different length side by side, one a row.
struct HistoryBatch {
  at::Tensor items;                 ///< [B, S] int64 on the device; padding is the number of items
  std::vector<int64_t> begin, end;  ///< [B] the columns of a row that hold items

  int64_t rows() const { return items.size(0); }
  int64_t width() const { return items.size(1); }
};

/// Where the padding goes. A transformer wants it before the items, so that the last column is everybody's last item; a
/// recurrent network wants it behind them, where nothing sees it.
enum class Padding { left, right };

/// @param width  columns; 0: as many as the longest history has, at least one
HistoryBatch pad_histories(std::span<const std::span<const ItemId>> histories, int64_t num_items, Padding padding,
                           c10::Device device, int64_t width = 0);

/// What an item may look at: itself and what stands before it in its row. Padding sees padding, so no row is empty.
/// @return [B, S, S] float32 for the attention scores: 0 or kMasked
at::Tensor causal_mask(const HistoryBatch& batch);

/// Every item of the row may be looked at, padding may not (except in a row that is all padding).
/// @return [B, 1, S] float32 likewise
at::Tensor padding_mask(const HistoryBatch& batch);

/// @return [B, S] float32: 1 for items, 0 for padding
at::Tensor is_item(const HistoryBatch& batch);

/// The last item's place in the flattened batch, [B] int64 within [0, B * S); of an empty history, some padding's.
at::Tensor last_places(const HistoryBatch& batch);

/// A batch of chunks as a causal model trains on them: it reads all items but the last and answers at many places.
struct ChunkBatch {
  HistoryBatch read;
  at::Tensor places;   ///< [M] int64, ascending: where in the flattened batch an answer is due
  at::Tensor answers;  ///< [M] int64, the items
};
ChunkBatch read_chunks(const Split& split, std::span<const Chunk> chunks, int64_t num_items, Padding padding,
                       c10::Device device);

/// A batch of windows: `length` items before, `targets` items from the first answer on.
struct WindowBatch {
  at::Tensor items;    ///< [B, length] int64, padded on the left with the number of items
  at::Tensor users;    ///< [B] int64
  at::Tensor answers;  ///< [B, targets] int64; 0 where there is none
  at::Tensor valid;    ///< [B, targets] float32: 1 where there is an answer
};
WindowBatch read_windows(const Split& split, std::span<const Chunk> windows, int64_t num_items, int64_t length,
                         int64_t targets, c10::Device device);

/// One window for every training item but the first of each user: it and up to `targets - 1` after it are the answers,
/// up to `length` before it are read.
std::vector<Chunk> make_target_windows(const Split& split, int64_t length, int64_t targets);

}  // namespace tessera
