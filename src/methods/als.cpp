#include "methods/als.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace tessera {

namespace {

float dot(const float* a, const float* b, int64_t size) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < size; ++j) sum += a[j] * b[j];
  return sum;
}

/// y += scale x
void add_scaled(float scale, const float* x, float* y, int64_t size) {
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) y[j] += scale * x[j];
}

/// Solves A x = b in place of b. @param a  [d, d], its upper triangle; overwritten by R of A = R^T R
void cholesky_solve(float* a, float* b, int64_t d) {
  for (int64_t i = 0; i < d; ++i) {
    float* row = a + i * d;
    for (int64_t p = 0; p < i; ++p) add_scaled(-a[p * d + i], a + p * d + i, row + i, d - i);
    TESSERA_CHECK(row[i] > 0, data,
                  "als: the normal equations are singular; raise `regularisation` (row {} of {} has pivot {})", i, d,
                  row[i]);
    const float scale = 1 / std::sqrt(row[i]);
    for (int64_t j = i; j < d; ++j) row[j] *= scale;
    b[i] *= 1 / row[i];  // R^T z = b, column by column
    add_scaled(-b[i], row + i + 1, b + i + 1, d - i - 1);
  }
  for (int64_t i = d - 1; i >= 0; --i) {
    const float* row = a + i * d;
    b[i] = (b[i] - dot(row + i + 1, b + i + 1, d - i - 1)) / row[i];
  }
}

}  // namespace

AlsSolver::AlsSolver(const Matrix& factors, const AlsOptions& options)
    : factors_(factors), options_(options), gram_(multiply(transpose(factors), factors)) {}

void AlsSolver::solve(std::span<const int32_t> columns, std::span<const float> values, std::span<float> x) const {
  if (columns.empty()) {
    std::fill(x.begin(), x.end(), 0.0f);
    return;
  }
  const auto lambda = static_cast<float>(options_.regularisation *
                                         std::pow(static_cast<double>(columns.size()), options_.frequency_power));
  if (options_.cg_steps > 0) {
    descend(columns, values, lambda, x.data());
  } else {
    solve_exactly(columns, values, lambda, x.data());
  }
}

void AlsSolver::solve_exactly(std::span<const int32_t> columns, std::span<const float> values, float lambda,
                              float* x) const {
  const int64_t d = gram_.cols;
  std::vector<float> a = gram_.values;
  std::fill_n(x, d, 0.0f);
  for (int64_t j = 0; j < d; ++j) a[static_cast<size_t>(j * d + j)] += lambda;
  for (size_t e = 0; e < columns.size(); ++e) {
    const float* f = factors_.row(columns[e]).data();
    const auto extra = static_cast<float>(options_.alpha) * values[e];
    for (int64_t i = 0; i < d; ++i) add_scaled(extra * f[i], f + i, a.data() + i * d + i, d - i);
    add_scaled(1 + extra, f, x, d);
  }
  cholesky_solve(a.data(), x, d);
}

void AlsSolver::descend(std::span<const int32_t> columns, std::span<const float> values, float lambda, float* x) const {
  const int64_t d = gram_.cols;
  std::vector<float> residual(static_cast<size_t>(d)), direction, product(static_cast<size_t>(d));
  const auto apply = [&](const float* from, float* to) {  // to = A from
    for (int64_t i = 0; i < d; ++i) to[i] = dot(gram_.values.data() + i * d, from, d) + lambda * from[i];
    for (size_t e = 0; e < columns.size(); ++e) {
      const float* f = factors_.row(columns[e]).data();
      add_scaled(static_cast<float>(options_.alpha) * values[e] * dot(f, from, d), f, to, d);
    }
  };
  apply(x, residual.data());
  for (float& value : residual) value = -value;
  for (size_t e = 0; e < columns.size(); ++e) {
    add_scaled(1 + static_cast<float>(options_.alpha) * values[e], factors_.row(columns[e]).data(), residual.data(), d);
  }
  direction = residual;
  float length = dot(residual.data(), residual.data(), d);
  for (int64_t step = 0; step < options_.cg_steps && length > 1e-20f; ++step) {
    apply(direction.data(), product.data());
    const float curvature = dot(direction.data(), product.data(), d);
    if (!(curvature > 0)) return;
    add_scaled(length / curvature, direction.data(), x, d);
    add_scaled(-length / curvature, product.data(), residual.data(), d);
    const float next = dot(residual.data(), residual.data(), d);
    for (int64_t j = 0; j < d; ++j) {
      direction[static_cast<size_t>(j)] =
          residual[static_cast<size_t>(j)] + next / length * direction[static_cast<size_t>(j)];
    }
    length = next;
  }
}

void als_sweep(const SparseMatrix& had, const Matrix& fixed, const AlsOptions& options, Matrix& rows) {
  TESSERA_CHECK(had.rows == rows.rows && had.cols == fixed.rows && rows.cols == fixed.cols, shape,
                "als: entries [{}, {}], rows [{}, {}], fixed side [{}, {}]", had.rows, had.cols, rows.rows, rows.cols,
                fixed.rows, fixed.cols);
  const AlsSolver solver(fixed, options);
  parallel_for(had.rows, 64, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const auto begin = static_cast<size_t>(had.begin(r)), count = static_cast<size_t>(had.end(r)) - begin;
      solver.solve(std::span(had.columns).subspan(begin, count), std::span(had.values).subspan(begin, count),
                   rows.row(r));
    }
  });
}

}  // namespace tessera
