// Least squares of implicit feedback against the dense normal equations.

#include "methods/als.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/random.h"

namespace tessera {
namespace {

Matrix random_matrix(int64_t rows, int64_t cols, const char* name) {
  Matrix out(rows, cols);
  Random random(3, name);
  for (float& value : out.values) value = static_cast<float>(random.normal());
  return out;
}

/// Row r of `had` by eq. 4 of the paper with all confidences and preferences written out.
at::Tensor by_hand(const SparseMatrix& had, int64_t r, const Matrix& fixed, double alpha, double lambda) {
  const at::Tensor y =
      torch::from_blob(const_cast<float*>(fixed.values.data()), {fixed.rows, fixed.cols}).to(at::kDouble);
  at::Tensor confidence = at::ones({fixed.rows}, at::kDouble), preference = at::zeros({fixed.rows}, at::kDouble);
  for (int64_t e = had.begin(r); e < had.end(r); ++e) {
    const int64_t column = had.columns[static_cast<size_t>(e)];
    confidence[column] += alpha * had.values[static_cast<size_t>(e)];
    preference[column] = 1;
  }
  const at::Tensor weighted = y * confidence.unsqueeze(1);
  const at::Tensor left = y.t().mm(weighted) + lambda * at::eye(fixed.cols, at::kDouble);
  return at::linalg_solve(left, weighted.t().mv(preference));
}

class Als : public testing::Test {
 protected:
  Als() {
    had_.rows = 3;
    had_.cols = 7;
    had_.offsets = {0, 3, 3, 5};
    had_.columns = {0, 2, 5, 1, 6};
    had_.values = {1, 2, 0.5, 1, 1};
  }
  SparseMatrix had_;
};

TEST_F(Als, RowsSolveTheNormalEquations) {
  const Matrix fixed = random_matrix(7, 4, "fixed");
  for (const int64_t cg_steps : {0, 30}) {
    Matrix rows = random_matrix(3, 4, "rows");
    als_sweep(had_, fixed, {.alpha = 10, .regularisation = 0.3, .frequency_power = 0.5, .cg_steps = cg_steps}, rows);
    for (const int64_t r : {0, 2}) {
      const double lambda = 0.3 * std::sqrt(static_cast<double>(had_.end(r) - had_.begin(r)));
      const at::Tensor wanted = by_hand(had_, r, fixed, 10, lambda);
      for (int64_t j = 0; j < 4; ++j)
        EXPECT_NEAR(rows.row(r)[static_cast<size_t>(j)], wanted[j].item<double>(), 1e-4) << cg_steps;
    }
    for (const float value : rows.row(1)) EXPECT_EQ(value, 0) << "a row without entries";
  }
}

TEST_F(Als, FewGradientStepsStartFromTheRow) {
  const Matrix fixed = random_matrix(7, 4, "fixed");
  Matrix exact(3, 4);
  als_sweep(had_, fixed, {.alpha = 10, .regularisation = 0.3}, exact);
  Matrix rows = exact;
  als_sweep(had_, fixed, {.alpha = 10, .regularisation = 0.3, .cg_steps = 1}, rows);
  for (size_t i = 0; i < rows.values.size(); ++i) EXPECT_NEAR(rows.values[i], exact.values[i], 1e-4);
}

}  // namespace
}  // namespace tessera
