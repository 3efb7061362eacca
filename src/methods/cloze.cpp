#include "methods/cloze.h"

#include <torch/torch.h>

namespace tessera {

using at::Tensor;

std::vector<std::span<const ItemId>> random_beginnings(std::vector<std::span<const ItemId>> histories) {
  const Tensor draws = at::rand({static_cast<int64_t>(histories.size())}, at::kDouble);
  for (size_t row = 0; row < histories.size(); ++row) {
    const auto size = static_cast<double>(histories[row].size());
    const double length = 1 + std::floor(draws.data_ptr<double>()[row] * size);
    histories[row] = histories[row].first(static_cast<size_t>(std::min(length, size)));
  }
  return histories;
}

Tensor cloze_mask(const Tensor& is_item, double mask_rate, double last_rate) {
  const Tensor real = is_item > 0;
  const Tensor draw = at::rand(is_item.sizes(), is_item.options()).masked_fill(~real, 2.0);
  const Tensor lowest = std::get<0>(draw.min(1, true));  // hidden whatever the rate, so that no row is without answer
  const Tensor some = (draw < mask_rate) | (draw == lowest);
  const Tensor count = is_item.cumsum(1);
  const Tensor last = count == is_item.sum(1, true);
  const Tensor alone = at::rand({is_item.size(0), 1}, is_item.options()) < last_rate;
  return at::where(alone, last, some) & real;
}

Segments cut_segments(const Tensor& items, const Tensor& is_item, int64_t mask_id) {
  const Tensor real = is_item > 0, size = is_item.sum(1, true);  // [B, 1]
  const auto draw = [&] { return at::rand({items.size(0), 1}, is_item.options()); };
  const Tensor length = (1 + at::floor(draw() * at::floor(size / 2))).minimum((size / 2).floor().clamp_min(1));
  const Tensor start = at::floor(draw() * (size - length + 1)).minimum(size - length);
  const Tensor place = is_item.cumsum(1) - 1;  // 0-based within the row's items
  const Tensor inside = (place >= start) & (place < start + length) & real;
  const Tensor stream = items.masked_select(real);  // all items of the batch, row after row
  const Tensor offset = at::floor(draw() * static_cast<double>(stream.size(0)));
  const Tensor from = (offset + place.clamp_min(0)).to(at::kLong).remainder(stream.size(0));  // [B, S]
  const Tensor strangers = stream.index_select(0, from.flatten()).view_as(items);
  return {items.masked_fill(inside, mask_id), items.masked_fill(real & ~inside, mask_id),
          at::where(real, strangers, items).masked_fill(real & ~inside, mask_id)};
}

}  // namespace tessera
