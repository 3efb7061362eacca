#include "methods/cooccurrence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"

namespace tessera {

namespace {

/// Calls visit(from, to, weight) for every weighted pair of the training histories.
template <class Visit>
void for_each_pair(const Split& split, const CooccurrenceOptions& options, Visit&& visit) {
  std::vector<float> forward, backward;
  for (int64_t d = 1; d <= options.window; ++d) {
    forward.push_back(static_cast<float>(std::pow(static_cast<double>(d), -options.power)));
    backward.push_back(static_cast<float>(forward.back() * options.backward));
  }
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const auto history = split.train_history(UserId{static_cast<int32_t>(u)});
    for (size_t i = 0; i < history.size(); ++i) {
      const size_t last = std::min(history.size() - 1, i + static_cast<size_t>(options.window));
      for (size_t j = i + 1; j <= last; ++j) {
        if (history[i] == history[j]) continue;
        visit(index(history[i]), index(history[j]), forward[j - i - 1]);
        if (options.backward > 0) visit(index(history[j]), index(history[i]), backward[j - i - 1]);
      }
    }
  }
}

}  // namespace

SparseMatrix cooccurrence(const Split& split, int64_t num_items, const CooccurrenceOptions& options) {
  // Pairs grouped by their first item in order of arrival, then each row is summed alone.
  std::vector<int64_t> starts(static_cast<size_t>(num_items) + 1, 0);
  for_each_pair(split, options, [&](int32_t from, int32_t, float) { ++starts[static_cast<size_t>(from) + 1]; });
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  struct Pair {
    int32_t to;
    float weight;
  };
  std::vector<Pair> pairs(static_cast<size_t>(starts.back()));
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  for_each_pair(split, options, [&](int32_t from, int32_t to, float weight) {
    pairs[static_cast<size_t>(next[static_cast<size_t>(from)]++)] = {to, weight};
  });

  std::vector<int64_t> merged(static_cast<size_t>(num_items));  // entries left in each row
  parallel_for(num_items, 64, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const auto begin = pairs.begin() + starts[static_cast<size_t>(row)];
      const auto end = pairs.begin() + starts[static_cast<size_t>(row) + 1];
      std::stable_sort(begin, end, [](const Pair& a, const Pair& b) { return a.to < b.to; });
      auto out = begin;
      for (auto it = begin; it != end; ++it) {
        if (out != begin && (out - 1)->to == it->to) {
          (out - 1)->weight += it->weight;
        } else {
          *out++ = *it;
        }
      }
      merged[static_cast<size_t>(row)] = out - begin;
    }
  });
  SparseMatrix result;
  result.rows = result.cols = num_items;
  for (int64_t row = 0; row < num_items; ++row) {
    const int64_t begin = starts[static_cast<size_t>(row)];
    for (int64_t e = begin; e < begin + merged[static_cast<size_t>(row)]; ++e) {
      result.columns.push_back(pairs[static_cast<size_t>(e)].to);
      result.values.push_back(pairs[static_cast<size_t>(e)].weight);
    }
    result.offsets.push_back(static_cast<int64_t>(result.columns.size()));
  }
  return result;
}

}  // namespace tessera
