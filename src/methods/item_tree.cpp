#include "methods/item_tree.h"

#include <numeric>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"

namespace tessera {

ItemTree::ItemTree(std::vector<ItemId> leaves) : leaves_(std::move(leaves)), place_(leaves_.size(), -1), depth_(1) {
  TESSERA_CHECK(!leaves_.empty(), data, "a tree needs at least one item");
  while ((int64_t{1} << depth_) < num_items()) ++depth_;
  for (size_t n = 0; n < leaves_.size(); ++n) {
    const int32_t item = index(leaves_[n]);
    TESSERA_CHECK(item >= 0 && item < num_items() && place_[static_cast<size_t>(item)] == -1, data,
                  "leaf {} of a tree over {} items holds item {}: not one of them, or already at another leaf", n,
                  num_items(), item);
    place_[static_cast<size_t>(item)] = static_cast<int32_t>(n);
  }
}

namespace {

/// Deals items to places: each place keeps those that gain most there, the others ask for their next one.
/// @return by place, its items in rising order
std::vector<std::vector<ItemId>> deal(std::span<const ItemId> items, std::span<const int64_t> room,
                                      const Matrix& liking) {
  struct Claim {
    float gain;
    ItemId item;
    bool operator<(const Claim& other) const { return gain != other.gain ? gain < other.gain : item > other.item; }
  };
  const auto gain = [&](ItemId item, int32_t place) {
    const auto row = liking.row(index(item));
    const float mean = std::accumulate(row.begin(), row.end(), 0.0f) / static_cast<float>(row.size());
    return row[static_cast<size_t>(place)] - mean;
  };
  std::vector<std::set<Claim>> held(room.size());
  for (const ItemId item : items) {
    std::vector<int32_t> wishes(room.size());
    std::iota(wishes.begin(), wishes.end(), 0);
    ItemId asking = item;
    // The item, or whom it pushes out, asks on until a place has room; a place that is full never gets room again.
    while (true) {
      int32_t best = -1;
      for (const int32_t place : wishes) {
        const auto& there = held[static_cast<size_t>(place)];
        const bool full = static_cast<int64_t>(there.size()) >= room[static_cast<size_t>(place)];
        const bool takes = !full || (!there.empty() && *there.begin() < Claim{gain(asking, place), asking});
        if (takes && (best < 0 || gain(asking, place) > gain(asking, best))) best = place;
      }
      auto& there = held[static_cast<size_t>(best)];
      there.insert({gain(asking, best), asking});
      if (static_cast<int64_t>(there.size()) <= room[static_cast<size_t>(best)]) break;
      asking = there.begin()->item;
      there.erase(there.begin());
    }
  }
  std::vector<std::vector<ItemId>> out(room.size());
  for (size_t place = 0; place < room.size(); ++place) {
    for (const Claim& claim : held[place]) out[place].push_back(claim.item);
    std::sort(out[place].begin(), out[place].end());
  }
  return out;
}

}  // namespace

ItemTree ItemTree::dealt(int64_t level, int64_t gap, const Matrix& liking) const {
  const int64_t places = int64_t{1} << gap;
  TESSERA_CHECK(level >= 0 && gap >= 1 && level + gap <= depth_, internal, "dealing levels {} to {} of a tree of {}",
                level, level + gap, depth_);
  TESSERA_CHECK(liking.rows == num_items() && liking.cols == places, shape, "liking is [{}, {}], wanted [{}, {}]",
                liking.rows, liking.cols, num_items(), places);
  std::vector<ItemId> leaves(leaves_.size());
  parallel_for(int64_t{1} << level, 1, [&](int64_t first, int64_t last) {
    for (int64_t v = first; v < last; ++v) {
      std::vector<int64_t> room;
      for (int64_t p = 0; p < places; ++p)
        room.push_back(end(level + gap, v * places + p) - begin(level + gap, v * places + p));
      auto out = leaves.begin() + begin(level, v);
      std::vector<ItemId> items(leaves_.begin() + begin(level, v), leaves_.begin() + end(level, v));
      std::sort(items.begin(), items.end());
      for (const auto& part : deal(items, room, liking)) out = std::copy(part.begin(), part.end(), out);
    }
  });
  return ItemTree(std::move(leaves));
}

namespace {

/// Sorts the items so that the first `left` of them are the nearer to one centre, the others to another.
void split_by_two_means(std::span<ItemId> items, int64_t left, const Matrix& vectors, Random random) {
  const auto size = static_cast<int64_t>(items.size());
  const auto dim = static_cast<size_t>(vectors.cols);
  std::vector<double> axis(dim);  // from one centre to the other
  const size_t a = random.below(items.size()), b = (a + 1 + random.below(items.size() - 1)) % items.size();
  for (size_t j = 0; j < dim; ++j) axis[j] = vectors.row(index(items[b]))[j] - vectors.row(index(items[a]))[j];
  std::vector<std::pair<double, ItemId>> along(items.size());
  for (int round = 0; round < 10; ++round) {
    for (size_t n = 0; n < items.size(); ++n) {
      const auto row = vectors.row(index(items[n]));
      along[n] = {std::inner_product(row.begin(), row.end(), axis.begin(), 0.0), items[n]};
    }
    std::sort(along.begin(), along.end());
    std::fill(axis.begin(), axis.end(), 0.0);
    for (int64_t n = 0; n < size; ++n) {
      items[static_cast<size_t>(n)] = along[static_cast<size_t>(n)].second;
      const double share = n < left ? -1.0 / static_cast<double>(left) : 1.0 / static_cast<double>(size - left);
      const auto row = vectors.row(index(items[static_cast<size_t>(n)]));
      for (size_t j = 0; j < dim; ++j) axis[j] += share * row[j];
    }
  }
}

}  // namespace

std::vector<ItemId> two_means_order(const Matrix& vectors, uint64_t seed) {
  std::vector<ItemId> order(static_cast<size_t>(vectors.rows));
  for (size_t i = 0; i < order.size(); ++i) order[i] = ItemId{static_cast<int32_t>(i)};
  const ItemTree shape(order);  // only its node boundaries are used
  for (int64_t level = 0; level < shape.depth(); ++level) {
    parallel_for(int64_t{1} << level, 1, [&](int64_t first, int64_t last) {
      for (int64_t v = first; v < last; ++v) {
        const int64_t begin = shape.begin(level, v), size = shape.end(level, v) - begin;
        const int64_t left = shape.end(level + 1, 2 * v) - begin;
        if (left <= 0 || left >= size) continue;
        split_by_two_means(std::span(order).subspan(static_cast<size_t>(begin), static_cast<size_t>(size)), left,
                           vectors, Random(seed, "tree", static_cast<uint64_t>((int64_t{1} << level) + v)));
      }
    });
  }
  return order;
}

}  // namespace tessera
