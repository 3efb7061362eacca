#include "methods/kmeans.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "methods/linear_algebra.h"

namespace tessera {

namespace {

constexpr int64_t kBlockRows = 64;

float kmeans_dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::vector<float> squared_norms(const Matrix& rows) {
  std::vector<float> norms(static_cast<size_t>(rows.rows));
  for (int64_t i = 0; i < rows.rows; ++i) {
    norms[static_cast<size_t>(i)] = kmeans_dot(rows.row(i).data(), rows.row(i).data(), rows.cols);
  }
  return norms;
}

void for_each_distance(const Matrix& points, const Matrix& centres, const DistanceVisit& visit) {
  const PackedMatrix packed(centres, true);
  const std::vector<float> centre_norms = squared_norms(centres);
  parallel_for((points.rows + kBlockRows - 1) / kBlockRows, 1, [&](int64_t first, int64_t last) {
    std::vector<float> products(static_cast<size_t>(kBlockRows * packed.padded_cols()));
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlockRows, count = std::min(kBlockRows, points.rows - begin);
      packed.multiply(points.values.data() + begin * points.cols, count, products.data());
      for (int64_t i = 0; i < count; ++i) {
        float* row = products.data() + i * packed.padded_cols();
        for (int64_t k = 0; k < centres.rows; ++k) row[k] = centre_norms[static_cast<size_t>(k)] - 2.0f * row[k];
        visit(begin + i, std::span<const float>(row, static_cast<size_t>(centres.rows)));
      }
    }
  });
}

void assign_nearest(const Matrix& points, std::span<const float> norms, Clustering& found) {
  for_each_distance(points, found.centres, [&](int64_t i, std::span<const float> distances) {
    const auto best = std::min_element(distances.begin(), distances.end());
    found.code[static_cast<size_t>(i)] = static_cast<int32_t>(best - distances.begin());
    found.distance[static_cast<size_t>(i)] = std::max(norms[static_cast<size_t>(i)] + *best, 0.0f);
  });
}

void move_centres(const Matrix& points, Clustering& found) {
  const int64_t num_centres = found.centres.rows;
  std::vector<int64_t> starts(static_cast<size_t>(num_centres) + 1, 0);
  for (const int32_t code : found.code) ++starts[static_cast<size_t>(code) + 1];
  std::vector<int64_t> sizes(starts.begin() + 1, starts.end());
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<int64_t> members(found.code.size()), next(starts.begin(), starts.end() - 1);
  for (size_t i = 0; i < found.code.size(); ++i) {
    members[static_cast<size_t>(next[static_cast<size_t>(found.code[i])]++)] = static_cast<int64_t>(i);
  }
  parallel_for(num_centres, 4, [&](int64_t first, int64_t last) {
    std::vector<double> sum(static_cast<size_t>(points.cols));
    for (int64_t k = first; k < last; ++k) {
      const auto begin = starts[static_cast<size_t>(k)], end = starts[static_cast<size_t>(k) + 1];
      if (begin == end) continue;
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t m = begin; m < end; ++m) {
        const auto point = points.row(members[static_cast<size_t>(m)]);
#pragma omp simd
        for (size_t j = 0; j < sum.size(); ++j) sum[j] += point[j];
      }
      const auto centre = found.centres.row(k);
      for (size_t j = 0; j < sum.size(); ++j) centre[j] = static_cast<float>(sum[j] / static_cast<double>(end - begin));
    }
  });
  for (int64_t k = 0; k < num_centres; ++k) {
    if (sizes[static_cast<size_t>(k)] > 0) continue;
    const auto largest = std::max_element(sizes.begin(), sizes.end()) - sizes.begin();
    int64_t farthest = -1;
    for (size_t i = 0; i < found.code.size(); ++i) {
      if (found.code[i] != largest) continue;
      if (farthest < 0 || found.distance[i] > found.distance[static_cast<size_t>(farthest)]) {
        farthest = static_cast<int64_t>(i);
      }
    }
    if (farthest < 0 || found.distance[static_cast<size_t>(farthest)] == 0)
      return;  // fewer distinct points than centres
    std::copy_n(points.row(farthest).begin(), points.cols, found.centres.row(k).begin());
    found.code[static_cast<size_t>(farthest)] = static_cast<int32_t>(k);
    found.distance[static_cast<size_t>(farthest)] = 0;
    --sizes[static_cast<size_t>(largest)];
    ++sizes[static_cast<size_t>(k)];
  }
}

Matrix first_centres(const Matrix& points, std::span<const float> norms, int64_t num_centres, const std::string& init,
                     Random& random) {
  Matrix centres(num_centres, points.cols);
  const auto take = [&](int64_t k, int64_t point) {
    std::copy_n(points.row(point).begin(), points.cols, centres.row(k).begin());
  };
  if (init == "random") {
    std::vector<int64_t> order(static_cast<size_t>(points.rows));
    std::iota(order.begin(), order.end(), 0);
    random.shuffle(std::span(order));
    for (int64_t k = 0; k < num_centres; ++k) take(k, order[static_cast<size_t>(k % points.rows)]);
    return centres;
  }
  take(0, static_cast<int64_t>(random.below(static_cast<uint64_t>(points.rows))));
  std::vector<float> distance(norms.size(), std::numeric_limits<float>::infinity());
  for (int64_t k = 1; k < num_centres; ++k) {
    const float* centre = centres.row(k - 1).data();
    const float centre_norm = kmeans_dot(centre, centre, points.cols);
    parallel_for(points.rows, 1024, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const float d =
            norms[static_cast<size_t>(i)] + centre_norm - 2 * kmeans_dot(points.row(i).data(), centre, points.cols);
        // What is left of equal vectors is rounding: below this the point is the centre.
        const float floor = 1e-6f * norms[static_cast<size_t>(i)];
        distance[static_cast<size_t>(i)] = std::min(distance[static_cast<size_t>(i)], d <= floor ? 0.0f : d);
      }
    });
    double total = 0;
    for (const float d : distance) total += d;
    double left = random.uniform() * total;
    int64_t chosen = static_cast<int64_t>(random.below(static_cast<uint64_t>(points.rows)));
    for (int64_t i = 0; total > 0 && i < points.rows; ++i) {
      if (distance[static_cast<size_t>(i)] == 0) continue;
      chosen = i;
      left -= distance[static_cast<size_t>(i)];
      if (left < 0) break;
    }
    take(k, chosen);
  }
  return centres;
}

}  // namespace tessera
