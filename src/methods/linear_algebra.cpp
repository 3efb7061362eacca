#include "methods/linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"

namespace tessera {

namespace {

/// Sixteen floats; loads and stores need no alignment.
typedef float Lane __attribute__((vector_size(64), aligned(4)));

constexpr int64_t kTileRows = 8;

/// A tile of `valid` rows by 32 columns. Missing rows are computed from the last one and thrown away, so that every
/// element takes the same path through the kernel.
void multiply_tile(const float* a, int64_t valid, int64_t depth, const float* panel, float* out, int64_t out_stride) {
  const float* rows[kTileRows];
  for (int64_t r = 0; r < kTileRows; ++r) rows[r] = a + std::min(r, valid - 1) * depth;
  Lane sums[kTileRows][2] = {};
  for (int64_t p = 0; p < depth; ++p) {
    const Lane left = *reinterpret_cast<const Lane*>(panel + p * PackedMatrix::kPanel);
    const Lane right = *reinterpret_cast<const Lane*>(panel + p * PackedMatrix::kPanel + 16);
#pragma GCC unroll 8
    for (int64_t r = 0; r < kTileRows; ++r) {
      const float x = rows[r][p];
      sums[r][0] += x * left;
      sums[r][1] += x * right;
    }
  }
  for (int64_t r = 0; r < valid; ++r) std::memcpy(out + r * out_stride, sums[r], sizeof(sums[r]));
}

/// columns^T columns in double, [cols, cols]: at most 64 partial sums, added in order.
std::vector<double> gram(const Matrix& columns) {
  const int64_t k = columns.cols;
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (columns.rows + kBlock - 1) / kBlock;
  const int64_t parts = std::clamp<int64_t>(blocks, 1, 64);
  std::vector<std::vector<double>> partial(static_cast<size_t>(parts), std::vector<double>(static_cast<size_t>(k * k)));
  parallel_for(parts, 1, [&](int64_t first, int64_t last) {
    std::vector<float> product;
    for (int64_t part = first; part < last; ++part) {
      for (int64_t block = blocks * part / parts; block < blocks * (part + 1) / parts; ++block) {
        const int64_t begin = block * kBlock, count = std::min(kBlock, columns.rows - begin);
        Matrix rows(count, k);
        std::copy_n(columns.values.begin() + begin * k, count * k, rows.values.begin());
        const Matrix left = transpose(rows);
        const PackedMatrix right(rows);
        product.resize(static_cast<size_t>(k * right.padded_cols()));
        right.multiply(left.values.data(), k, product.data());
        auto& sum = partial[static_cast<size_t>(part)];
        for (int64_t i = 0; i < k; ++i) {
#pragma omp simd
          for (int64_t j = 0; j < k; ++j) sum[i * k + j] += product[i * right.padded_cols() + j];
        }
      }
    }
  });
  for (size_t part = 1; part < partial.size(); ++part) {
    for (size_t i = 0; i < partial[0].size(); ++i) partial[0][i] += partial[part][i];
  }
  return std::move(partial[0]);
}

/// Upper Cholesky factor R of a Gram matrix, G = R^T R. A pivot within the rounding of the float products
/// gives a zero row.
std::vector<double> cholesky(const std::vector<double>& g, int64_t k) {
  std::vector<double> r(g.size(), 0.0);
  for (int64_t i = 0; i < k; ++i) {
    double pivot = g[i * k + i];
    for (int64_t p = 0; p < i; ++p) pivot -= r[p * k + i] * r[p * k + i];
    if (pivot <= 1e-6 * g[i * k + i] || pivot <= 1e-30) continue;
    const double root = std::sqrt(pivot);
    r[i * k + i] = root;
    for (int64_t j = i + 1; j < k; ++j) r[i * k + j] = g[i * k + j];
    for (int64_t p = 0; p < i; ++p) {
      const double factor = r[p * k + i];
      if (factor == 0) continue;
      for (int64_t j = i + 1; j < k; ++j) r[i * k + j] -= factor * r[p * k + j];
    }
    for (int64_t j = i + 1; j < k; ++j) r[i * k + j] /= root;
  }
  return r;
}

/// Inverse of an upper triangular matrix, zero rows and columns where the pivot is zero.
Matrix inverse_upper(const std::vector<double>& r, int64_t k) {
  std::vector<double> inverse(r.size(), 0.0);
  for (int64_t j = 0; j < k; ++j) {
    if (r[j * k + j] == 0) continue;
    inverse[j * k + j] = 1.0 / r[j * k + j];
    for (int64_t i = j - 1; i >= 0; --i) {
      if (r[i * k + i] == 0) continue;
      double sum = 0;
      for (int64_t p = i + 1; p <= j; ++p) sum += r[i * k + p] * inverse[p * k + j];
      inverse[i * k + j] = -sum / r[i * k + i];
    }
  }
  Matrix result(k, k);
  for (size_t i = 0; i < inverse.size(); ++i) result.values[i] = static_cast<float>(inverse[i]);
  return result;
}

/// Left singular vectors and values of a small square matrix M [k, k], by one-sided Jacobi rotations of its columns.
/// @param m  row i is column i of M; on return the rows are orthogonal, each a singular value times its left vector
void jacobi(std::vector<double>& m, int64_t k) {
  for (int sweep = 0; sweep < 60; ++sweep) {
    bool rotated = false;
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t q = p + 1; q < k; ++q) {
        double* x = m.data() + p * k;
        double* y = m.data() + q * k;
        double xx = 0, yy = 0, xy = 0;
#pragma omp simd reduction(+ : xx, yy, xy)
        for (int64_t i = 0; i < k; ++i) {
          xx += x[i] * x[i];
          yy += y[i] * y[i];
          xy += x[i] * y[i];
        }
        if (std::abs(xy) <= 1e-9 * std::sqrt(xx * yy) || xx * yy == 0) continue;
        rotated = true;
        const double zeta = (yy - xx) / (2 * xy);
        const double t = (zeta >= 0 ? 1.0 : -1.0) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t), s = c * t;
#pragma omp simd
        for (int64_t i = 0; i < k; ++i) {
          const double xi = x[i], yi = y[i];
          x[i] = c * xi - s * yi;
          y[i] = s * xi + c * yi;
        }
      }
    }
    if (!rotated) return;
  }
}

/// Fixes each column's sign: its largest entry by magnitude (the first of equals) is positive.
void fix_signs(Matrix& matrix) {
  for (int64_t j = 0; j < matrix.cols; ++j) {
    float largest = 0;
    for (int64_t i = 0; i < matrix.rows; ++i) {
      const float value = matrix.values[static_cast<size_t>(i * matrix.cols + j)];
      if (std::abs(value) > std::abs(largest)) largest = value;
    }
    if (largest >= 0) continue;
    for (int64_t i = 0; i < matrix.rows; ++i) matrix.values[static_cast<size_t>(i * matrix.cols + j)] *= -1.0f;
  }
}

}  // namespace

SparseMatrix transpose(const SparseMatrix& matrix) {
  SparseMatrix result;
  result.rows = matrix.cols;
  result.cols = matrix.rows;
  result.offsets.assign(static_cast<size_t>(matrix.cols) + 1, 0);
  for (const int32_t column : matrix.columns) ++result.offsets[static_cast<size_t>(column) + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  result.columns.resize(matrix.columns.size());
  result.values.resize(matrix.values.size());
  std::vector<int64_t> next(result.offsets.begin(), result.offsets.end() - 1);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    for (int64_t e = matrix.begin(r); e < matrix.end(r); ++e) {
      const auto place = static_cast<size_t>(next[static_cast<size_t>(matrix.columns[static_cast<size_t>(e)])]++);
      result.columns[place] = static_cast<int32_t>(r);
      result.values[place] = matrix.values[static_cast<size_t>(e)];
    }
  }
  return result;
}

Matrix multiply(const SparseMatrix& a, const Matrix& b) {
  TESSERA_CHECK(a.cols == b.rows, shape, "cannot multiply [{}, {}] by [{}, {}]", a.rows, a.cols, b.rows, b.cols);
  Matrix out(a.rows, b.cols);
  parallel_for(a.rows, 64, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      float* row = out.values.data() + r * out.cols;
      for (int64_t e = a.begin(r); e < a.end(r); ++e) {
        const float value = a.values[static_cast<size_t>(e)];
        const float* from = b.values.data() + a.columns[static_cast<size_t>(e)] * b.cols;
#pragma omp simd
        for (int64_t j = 0; j < b.cols; ++j) row[j] += value * from[j];
      }
    }
  });
  return out;
}

Matrix transpose(const Matrix& matrix) {
  Matrix result(matrix.cols, matrix.rows);
  for (int64_t i = 0; i < matrix.rows; ++i) {
    for (int64_t j = 0; j < matrix.cols; ++j) {
      result.values[static_cast<size_t>(j * matrix.rows + i)] = matrix.values[static_cast<size_t>(i * matrix.cols + j)];
    }
  }
  return result;
}

PackedMatrix::PackedMatrix(const Matrix& b, bool transposed) {
  depth_ = transposed ? b.cols : b.rows;
  const int64_t cols = transposed ? b.rows : b.cols;
  num_panels_ = (cols + kPanel - 1) / kPanel;
  values_.assign(static_cast<size_t>(num_panels_ * depth_ * kPanel), 0.0f);
  for (int64_t j = 0; j < cols; ++j) {
    float* panel = values_.data() + j / kPanel * depth_ * kPanel + j % kPanel;
    for (int64_t p = 0; p < depth_; ++p) {
      panel[p * kPanel] = b.values[static_cast<size_t>(transposed ? j * depth_ + p : p * cols + j)];
    }
  }
}

void PackedMatrix::multiply(const float* a, int64_t rows, float* out) const {
  for (int64_t panel = 0; panel < num_panels_; ++panel) {
    for (int64_t r = 0; r < rows; r += kTileRows) {
      multiply_tile(a + r * depth_, std::min(kTileRows, rows - r), depth_, values_.data() + panel * depth_ * kPanel,
                    out + r * padded_cols() + panel * kPanel, padded_cols());
    }
  }
}

Matrix multiply(const Matrix& a, const Matrix& b) {
  TESSERA_CHECK(a.cols == b.rows, shape, "cannot multiply [{}, {}] by [{}, {}]", a.rows, a.cols, b.rows, b.cols);
  const PackedMatrix packed(b);
  Matrix out(a.rows, b.cols);
  constexpr int64_t kChunk = 64;
  parallel_for((a.rows + kChunk - 1) / kChunk, 1, [&](int64_t first, int64_t last) {
    std::vector<float> buffer(static_cast<size_t>(kChunk * packed.padded_cols()));
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * kChunk, count = std::min(kChunk, a.rows - begin);
      packed.multiply(a.values.data() + begin * a.cols, count, buffer.data());
      for (int64_t r = 0; r < count; ++r) {
        std::copy_n(buffer.data() + r * packed.padded_cols(), b.cols, out.values.data() + (begin + r) * b.cols);
      }
    }
  });
  return out;
}

std::vector<double> orthonormalise(Matrix& columns) {
  const int64_t k = columns.cols;
  std::vector<double> total;
  for (int pass = 0; pass < 2; ++pass) {
    const std::vector<double> r = cholesky(gram(columns), k);
    columns = multiply(columns, inverse_upper(r, k));
    if (pass == 0) {
      total = r;
      continue;
    }
    std::vector<double> product(r.size(), 0.0);  // r x total, both upper triangular
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t p = i; p < k; ++p) {
        for (int64_t j = p; j < k; ++j) product[i * k + j] += r[i * k + p] * total[p * k + j];
      }
    }
    total = std::move(product);
  }
  return total;
}

Svd randomised_svd(const SparseMatrix& matrix, int64_t dim, int64_t oversampling, int64_t power_iterations,
                   uint64_t seed) {
  const int64_t width = std::min({dim + oversampling, matrix.rows, matrix.cols});
  Svd result;
  result.left = Matrix(matrix.rows, dim);
  result.values.assign(static_cast<size_t>(dim), 0.0f);
  if (width == 0) return result;
  const SparseMatrix flipped = transpose(matrix);
  Matrix basis(matrix.cols, width);
  Random random(seed, "svd.start");
  for (float& value : basis.values) value = static_cast<float>(random.normal());
  Matrix range = multiply(matrix, basis);  // [rows, width]
  orthonormalise(range);
  for (int64_t i = 0; i < power_iterations; ++i) {
    basis = multiply(flipped, range);  // [cols, width]
    orthonormalise(basis);
    range = multiply(matrix, basis);
    orthonormalise(range);
  }
  basis = multiply(flipped, range);
  // A ~ range x R^T x basis^T. The rows of R are the columns of R^T, as jacobi() wants them.
  std::vector<double> small = orthonormalise(basis);
  jacobi(small, width);
  std::vector<double> norms(static_cast<size_t>(width));
  for (int64_t i = 0; i < width; ++i) {
    norms[static_cast<size_t>(i)] = std::sqrt(
        std::inner_product(small.begin() + i * width, small.begin() + (i + 1) * width, small.begin() + i * width, 0.0));
  }
  std::vector<int64_t> order(static_cast<size_t>(width));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return norms[static_cast<size_t>(a)] > norms[static_cast<size_t>(b)]; });
  Matrix rotation(width, dim);
  for (int64_t j = 0; j < std::min(dim, width); ++j) {
    const int64_t from = order[static_cast<size_t>(j)];
    const double norm = norms[static_cast<size_t>(from)];
    if (norm <= 1e-6 * norms[static_cast<size_t>(order[0])]) break;
    result.values[static_cast<size_t>(j)] = static_cast<float>(norm);
    for (int64_t i = 0; i < width; ++i) {
      rotation.values[static_cast<size_t>(i * dim + j)] =
          static_cast<float>(small[static_cast<size_t>(from * width + i)] / norm);
    }
  }
  result.left = multiply(range, rotation);
  fix_signs(result.left);
  return result;
}

void scale_columns(Matrix& matrix, std::span<const float> values, double power) {
  TESSERA_CHECK(static_cast<int64_t>(values.size()) == matrix.cols, shape, "{} factors for {} columns", values.size(),
                matrix.cols);
  std::vector<float> factors;
  for (const float value : values) factors.push_back(value > 0 ? static_cast<float>(std::pow(value, power)) : 0.0f);
  for (int64_t i = 0; i < matrix.rows; ++i) {
    for (size_t j = 0; j < factors.size(); ++j) matrix.row(i)[j] *= factors[j];
  }
}

void normalise_rows(Matrix& matrix) {
  for (int64_t i = 0; i < matrix.rows; ++i) {
    double norm = 0;
    for (const float value : matrix.row(i)) norm += static_cast<double>(value) * value;
    if (norm == 0) continue;
    const double scale = 1.0 / std::sqrt(norm);
    for (float& value : matrix.row(i)) value = static_cast<float>(value * scale);
  }
}

}  // namespace tessera
