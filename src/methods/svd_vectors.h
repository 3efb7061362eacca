#pragma once

#include <cstdint>

#include "base/options.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// How a sparse matrix of items becomes vectors.
struct SvdVectorOptions {
  int64_t dim = 128;
  double power = 1.0;
  bool normalise = true;
  int64_t oversampling = 16;
  int64_t power_iterations = 5;
  template <class F>
  void fields(F& f) {
    f("dim", dim, "length of the vectors", range(1, 4096));
    f("power", power, "exponent of the singular values: 0 whitens, 1 keeps them", range(0, 2));
    f("normalise", normalise, "scale vectors to length 1 (zero vectors stay zero)");
    f("oversampling", oversampling, "extra dimensions of the randomised SVD", range(0, 1000));
    f("power_iterations", power_iterations, "subspace iterations of the randomised SVD", range(0, 100));
  }
};

/// U S^power of the matrix, one row an item; items whose row is empty get zero vectors. @return [rows, dim]
Matrix svd_vectors(const SparseMatrix& matrix, const SvdVectorOptions& options, uint64_t seed);

}  // namespace tessera
