#include "methods/cloze.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "methods/history_batch.h"

namespace tessera {
namespace {

constexpr int64_t kItems = 1000, kPadding = kItems, kMask = kItems + 1;

/// Rows of 1 to 8 different items, padded on the left.
HistoryBatch some_rows(int64_t rows) {
  std::vector<std::vector<ItemId>> histories;
  int32_t next = 0;
  for (int64_t b = 0; b < rows; ++b) {
    histories.emplace_back();
    for (int64_t i = 0; i <= b % 8; ++i) histories.back().push_back(ItemId{next++ % static_cast<int32_t>(kItems)});
  }
  const std::vector<std::span<const ItemId>> spans(histories.begin(), histories.end());
  return pad_histories(spans, kItems, Padding::left, at::kCPU);
}

TEST(Cloze, EveryRowHidesItemsOnlyAndAtLeastOne) {
  at::manual_seed(1);
  const HistoryBatch batch = some_rows(800);
  const at::Tensor items = is_item(batch), hidden = cloze_mask(items, 0.3, 0.0);
  EXPECT_EQ((hidden & (items == 0)).sum().item<int64_t>(), 0);
  EXPECT_GE(hidden.sum(1).min().item<int64_t>(), 1);
  const at::Tensor longest = hidden.slice(0, 7, 800, 8).to(at::kFloat);  // rows of eight items
  EXPECT_NEAR(longest.mean().item<double>(), 0.3, 0.06);
}

TEST(Cloze, LastRateHidesTheLastItemAlone) {
  at::manual_seed(1);
  const HistoryBatch batch = some_rows(80);
  const at::Tensor hidden = cloze_mask(is_item(batch), 0.5, 1.0);
  EXPECT_TRUE(hidden.select(1, -1).all().item<bool>());
  EXPECT_EQ(hidden.sum().item<int64_t>(), 80);
}

TEST(Cloze, AHiddenItemIsNotInWhatIsRead) {
  at::manual_seed(2);
  const HistoryBatch batch = some_rows(80);
  const at::Tensor hidden = cloze_mask(is_item(batch), 0.5, 0.1);
  const at::Tensor read = batch.items.masked_fill(hidden, kMask);
  for (int64_t b = 0; b < 80; ++b) {
    for (int64_t i = batch.begin[b]; i < batch.end[b]; ++i) {
      if (hidden[b][i].item<bool>()) {
        EXPECT_EQ((read[b] == batch.items[b][i]).sum().item<int64_t>(), 0);
      }
    }
  }
}

TEST(Cloze, BeginningsHaveEveryLengthEquallyOften) {
  const std::vector<ItemId> items{ItemId{5}, ItemId{3}, ItemId{8}, ItemId{1}};
  const std::vector<std::span<const ItemId>> histories(4000, items);
  at::manual_seed(1);
  std::vector<int64_t> lengths(5);
  for (const auto& part : random_beginnings(histories)) {
    ASSERT_EQ(part.data(), items.data());
    ++lengths.at(part.size());
  }
  EXPECT_EQ(lengths[0], 0);
  for (size_t size = 1; size <= 4; ++size) EXPECT_NEAR(lengths[size], 1000, 5 * 27.4) << size;  // 5 standard deviations
}

TEST(Cloze, SegmentsAreAStretchAndTheRest) {
  at::manual_seed(3);
  const HistoryBatch batch = some_rows(400);
  const Segments cut = cut_segments(batch.items, is_item(batch), kMask);
  int64_t longest = 0;
  for (int64_t b = 0; b < 400; ++b) {
    int64_t length = 0, runs = 0;
    bool before = false;
    for (int64_t i = 0; i < batch.width(); ++i) {
      const auto item = batch.items[b][i].item<int64_t>(), without = cut.without[b][i].item<int64_t>();
      const auto alone = cut.alone[b][i].item<int64_t>(), other = cut.other[b][i].item<int64_t>();
      if (item == kPadding) {
        ASSERT_TRUE(without == kPadding && alone == kPadding && other == kPadding);
        continue;
      }
      const bool inside = without == kMask;
      ASSERT_EQ(alone, inside ? item : kMask);  // an item is in the stretch or in the rest, never in both
      ASSERT_EQ(without, inside ? kMask : item);
      ASSERT_EQ(other == kMask, !inside);
      ASSERT_TRUE(other == kMask || other < kItems);
      length += inside;
      runs += inside && !before;
      before = inside;
    }
    ASSERT_EQ(runs, 1);
    ASSERT_LE(length, std::max<int64_t>(1, (b % 8 + 1) / 2));
    longest = std::max(longest, length);
  }
  EXPECT_EQ(longest, 4);
}

}  // namespace
}  // namespace tessera
