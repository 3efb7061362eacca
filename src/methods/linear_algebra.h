#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace tessera {

// Dense and sparse products for the methods that fit vectors and codebooks. Every result is the same for any number of
// threads: each element is summed in one order that depends on the shapes only.

/// Rows of (column, value) pairs: row r has entries [offsets[r], offsets[r + 1]), columns ascending within a row.
struct SparseMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<int64_t> offsets{0};  ///< rows + 1
  std::vector<int32_t> columns;
  std::vector<float> values;

  int64_t begin(int64_t row) const { return offsets[static_cast<size_t>(row)]; }
  int64_t end(int64_t row) const { return offsets[static_cast<size_t>(row) + 1]; }
  int64_t num_entries() const { return static_cast<int64_t>(columns.size()); }
};

SparseMatrix transpose(const SparseMatrix& matrix);

/// sparse [n, m] x dense [m, k] -> [n, k]
Matrix multiply(const SparseMatrix& a, const Matrix& b);
/// [n, d] x [d, k] -> [n, k]
Matrix multiply(const Matrix& a, const Matrix& b);
Matrix transpose(const Matrix& matrix);

/// The right-hand side of many products, laid out for the multiply kernel: panels of 32 columns, zero-padded.
class PackedMatrix {
 public:
  /// @param b  [d, k]; `transposed` takes [k, d] instead
  explicit PackedMatrix(const Matrix& b, bool transposed = false);
  int64_t depth() const { return depth_; }
  int64_t padded_cols() const { return num_panels_ * kPanel; }
  /// out = a x b on the calling thread. a [rows, depth], out [rows, padded_cols], both row-major without gaps.
  void multiply(const float* a, int64_t rows, float* out) const;

  static constexpr int64_t kPanel = 32;

 private:
  int64_t depth_ = 0;
  int64_t num_panels_ = 0;
  std::vector<float> values_;  // [panel][depth][32]
};

/// Makes the columns orthonormal in place (Cholesky QR, twice); columns that depend on earlier ones become zero.
/// @return R [cols, cols], upper triangular, row-major: old = new x R
std::vector<double> orthonormalise(Matrix& columns);

/// Truncated singular value decomposition A ~ left x diag(values) x right^T.
struct Svd {
  Matrix left;                ///< [rows, dim]; each column's largest entry by magnitude is positive
  std::vector<float> values;  ///< [dim], descending
};

/// Randomised subspace iteration. Halko, Martinsson, Tropp: Finding structure with randomness, arXiv:0909.4061,
/// alg. 4.4.
/// @param dim  wanted rank; where the matrix has less, the last columns and values are zero
Svd randomised_svd(const SparseMatrix& matrix, int64_t dim, int64_t oversampling, int64_t power_iterations,
                   uint64_t seed);

/// Multiplies column j by values[j]^power; columns whose value is 0 become zero.
void scale_columns(Matrix& matrix, std::span<const float> values, double power);

/// Scales every row to length 1; zero rows stay zero.
void normalise_rows(Matrix& matrix);

}  // namespace tessera
