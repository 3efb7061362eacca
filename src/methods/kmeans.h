#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/random.h"

namespace tessera {

// The steps of k-means that its kinds share. Results do not depend on the number of threads.

/// One clustering: centres, and for each point its centre and squared distance.
struct Clustering {
  Matrix centres;               ///< [K, d]
  std::vector<int32_t> code;    ///< by point: below K
  std::vector<float> distance;  ///< by point
  double error = 0;             ///< sum of the distances
};

/// Squared length of every row.
std::vector<float> squared_norms(const Matrix& rows);

/// Called with a point and |C|^2 - 2 x.C for each of the K centres.
using DistanceVisit = std::function<void(int64_t point, std::span<const float> distances)>;

/// Calls visit for every point, in parallel.
void for_each_distance(const Matrix& points, const Matrix& centres, const DistanceVisit& visit);

/// First centres: distant points (k-means++; Arthur and Vassilvitskii, SODA'07), or random ones.
/// @param norms  squared_norms(points); @param init  "k-means++" or "random"
Matrix first_centres(const Matrix& points, std::span<const float> norms, int64_t num_centres, const std::string& init,
                     Random& random);

/// Nearest centre of every point (ties: the lower one).
/// @param norms  squared_norms(points); @param found  code and distance have their sizes
void assign_nearest(const Matrix& points, std::span<const float> norms, Clustering& found);

/// Centres become the means of their points, in double, each in item order. A centre without points takes the farthest
/// point of the largest cluster.
void move_centres(const Matrix& points, Clustering& found);

}  // namespace tessera
