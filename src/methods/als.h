#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// Weighted least squares of implicit feedback. Hu, Koren and Volinsky, Collaborative filtering for implicit feedback
/// datasets, ICDM 2008, eq. 3 to 5: preference 1 with confidence 1 + alpha r for what was had, 0 with confidence 1 for
/// everything else.
struct AlsOptions {
  double alpha = 40.0;
  double regularisation = 0.1;
  double frequency_power =
      0.0;               ///< regularisation x (entries of the row)^power, Rendle et al., arXiv:2110.14037, sec. 3
  int64_t cg_steps = 0;  ///< conjugate gradient steps from the present row; 0: exact, by Cholesky
};

/// Solves rows of one side while the other side is fixed:
///   x = (F^T F + sum alpha r f f^T + lambda I)^-1 sum (1 + alpha r) f
/// Concurrent solve() calls are safe. Results do not depend on the number of threads.
class AlsSolver {
 public:
  /// @param factors  [n, d] of the fixed side, borrowed
  AlsSolver(const Matrix& factors, const AlsOptions& options);
  /// @param columns, values  which rows of `factors` were had, and r of each
  /// @param x                [d]; start of conjugate gradients, overwritten. No entries: 0
  void solve(std::span<const int32_t> columns, std::span<const float> values, std::span<float> x) const;

 private:
  void solve_exactly(std::span<const int32_t> columns, std::span<const float> values, float lambda, float* x) const;
  void descend(std::span<const int32_t> columns, std::span<const float> values, float lambda, float* x) const;

  const Matrix& factors_;
  AlsOptions options_;
  Matrix gram_;  // [d, d]
};

/// One half sweep: solves every row of `rows` on all threads. @param had  [rows.rows, fixed.rows]
void als_sweep(const SparseMatrix& had, const Matrix& fixed, const AlsOptions& options, Matrix& rows);

}  // namespace tessera
