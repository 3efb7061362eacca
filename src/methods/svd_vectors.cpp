#include "methods/svd_vectors.h"

#include <algorithm>

namespace tessera {

Matrix svd_vectors(const SparseMatrix& matrix, const SvdVectorOptions& options, uint64_t seed) {
  Svd svd = randomised_svd(matrix, options.dim, options.oversampling, options.power_iterations, seed);
  scale_columns(svd.left, svd.values, options.power);
  for (int64_t i = 0; i < matrix.rows; ++i) {  // rounding must not give a direction to items of which nothing is known
    if (matrix.begin(i) == matrix.end(i)) std::fill(svd.left.row(i).begin(), svd.left.row(i).end(), 0.0f);
  }
  if (options.normalise) normalise_rows(svd.left);
  return std::move(svd.left);
}

}  // namespace tessera
