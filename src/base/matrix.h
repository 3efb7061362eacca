#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

/// Dense float32 matrix, row-major, owning. The torch-free currency for item vectors and codebooks.
struct Matrix {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<float> values;  ///< size rows * cols

  Matrix() = default;
  Matrix(int64_t num_rows, int64_t num_cols)
      : rows(num_rows), cols(num_cols), values(static_cast<size_t>(num_rows * num_cols)) {}

  std::span<float> row(int64_t i) { return {values.data() + i * cols, static_cast<size_t>(cols)}; }
  std::span<const float> row(int64_t i) const { return {values.data() + i * cols, static_cast<size_t>(cols)}; }
};

}  // namespace tessera
