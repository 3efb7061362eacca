#include "methods/history_batch.h"

#include <torch/torch.h>

#include <algorithm>

#include "nn/softmax.h"

namespace tessera {

using at::Tensor;

HistoryBatch pad_histories(std::span<const std::span<const ItemId>> histories, int64_t num_items, Padding padding,
                           c10::Device device, int64_t width) {
  size_t longest = 1;
  for (const auto& history : histories) longest = std::max(longest, history.size());
  if (width == 0) width = static_cast<int64_t>(longest);
  HistoryBatch batch;
  const Tensor items = at::full({static_cast<int64_t>(histories.size()), width}, num_items, at::kLong);
  int64_t* row = items.data_ptr<int64_t>();
  for (const auto& history : histories) {
    const int64_t begin = padding == Padding::left ? width - static_cast<int64_t>(history.size()) : 0;
    std::transform(history.begin(), history.end(), row + begin, [](ItemId item) { return index(item); });
    batch.begin.push_back(begin);
    batch.end.push_back(begin + static_cast<int64_t>(history.size()));
    row += width;
  }
  batch.items = items.to(device);
  return batch;
}

Tensor causal_mask(const HistoryBatch& batch) {
  const int64_t rows = batch.rows(), width = batch.width();
  const Tensor mask = at::full({rows, width, width}, kMasked, at::kFloat);
  float* row = mask.data_ptr<float>();
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t q = 0; q < width; ++q, row += width) std::fill(row + std::min(q, batch.begin[b]), row + q + 1, 0.0f);
  }
  return mask.to(batch.items.device());
}

Tensor padding_mask(const HistoryBatch& batch) {
  const int64_t rows = batch.rows(), width = batch.width();
  const Tensor mask = at::full({rows, 1, width}, kMasked, at::kFloat);
  float* row = mask.data_ptr<float>();
  for (int64_t b = 0; b < rows; ++b, row += width) {
    const bool empty = batch.begin[b] == batch.end[b];
    std::fill(row + (empty ? 0 : batch.begin[b]), row + (empty ? width : batch.end[b]), 0.0f);
  }
  return mask.to(batch.items.device());
}

Tensor is_item(const HistoryBatch& batch) {
  const Tensor result = at::zeros({batch.rows(), batch.width()}, at::kFloat);
  float* row = result.data_ptr<float>();
  for (int64_t b = 0; b < batch.rows(); ++b, row += batch.width())
    std::fill(row + batch.begin[b], row + batch.end[b], 1.0f);
  return result.to(batch.items.device());
}

Tensor last_places(const HistoryBatch& batch) {
  std::vector<int64_t> places;
  for (int64_t b = 0; b < batch.rows(); ++b)
    places.push_back(b * batch.width() + std::max<int64_t>(batch.end[b] - 1, 0));
  return at::tensor(places).to(batch.items.device());
}

ChunkBatch read_chunks(const Split& split, std::span<const Chunk> chunks, int64_t num_items, Padding padding,
                       c10::Device device) {
  std::vector<std::span<const ItemId>> histories;
  for (const Chunk& chunk : chunks)
    histories.push_back(
        std::span(split.all.items).subspan(static_cast<size_t>(chunk.begin), static_cast<size_t>(chunk.size() - 1)));
  ChunkBatch batch{pad_histories(histories, num_items, padding, device), {}, {}};
  std::vector<int64_t> places, answers;
  for (size_t b = 0; b < chunks.size(); ++b) {
    const Chunk& chunk = chunks[b];
    const int64_t first = static_cast<int64_t>(b) * batch.read.width() + batch.read.begin[b];
    for (int64_t t = chunk.first_target; t < chunk.end; ++t) {
      places.push_back(first + (t - 1 - chunk.begin));
      answers.push_back(index(split.all.items[static_cast<size_t>(t)]));
    }
  }
  batch.places = at::tensor(places).to(device);
  batch.answers = at::tensor(answers).to(device);
  return batch;
}

WindowBatch read_windows(const Split& split, std::span<const Chunk> windows, int64_t num_items, int64_t length,
                         int64_t targets, c10::Device device) {
  const auto rows = static_cast<int64_t>(windows.size());
  std::vector<std::span<const ItemId>> histories;
  std::vector<int64_t> users;
  const Tensor answers = at::zeros({rows, targets}, at::kLong), valid = at::zeros({rows, targets}, at::kFloat);
  for (int64_t b = 0; b < rows; ++b) {
    const Chunk& window = windows[static_cast<size_t>(b)];
    histories.push_back(
        std::span(split.all.items)
            .subspan(static_cast<size_t>(window.begin), static_cast<size_t>(window.first_target - window.begin)));
    users.push_back(index(window.user));
    for (int64_t t = window.first_target; t < window.end; ++t) {
      const int64_t place = b * targets + t - window.first_target;
      answers.data_ptr<int64_t>()[place] = index(split.all.items[static_cast<size_t>(t)]);
      valid.data_ptr<float>()[place] = 1;
    }
  }
  return {pad_histories(histories, num_items, Padding::left, device, length).items, at::tensor(users).to(device),
          answers.to(device), valid.to(device)};
}

std::vector<Chunk> make_target_windows(const Split& split, int64_t length, int64_t targets) {
  std::vector<Chunk> windows;
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const int64_t first = split.all.offsets[static_cast<size_t>(u)], last = split.train_end[static_cast<size_t>(u)];
    for (int64_t t = first + 1; t < last; ++t)
      windows.push_back({UserId{static_cast<int32_t>(u)}, std::max(first, t - length), std::min(last, t + targets), t});
  }
  return windows;
}

}  // namespace tessera
