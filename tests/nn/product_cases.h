#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "nn/guarded.h"
#include "nn/panels.h"

namespace tessera {

inline constexpr int64_t kMostRows = 70, kMostColumns = 100, kMostInner = 200, kMostGap = 40;

struct ProductShape {
  int64_t rows, columns, inner, gap;  ///< `gap` elements between rows of A
};

/// Products of small whole numbers, whose sums are exact in any order, checked against a plain loop. A and B end where
/// memory ends, and NaN stands between the rows of A.
template <class T>
class ProductCases {
 public:
  ProductCases()
      : a_(kMostRows * (kMostInner + kMostGap + 2)), b_(simd::panel_elements<T>(kMostInner + 2, kMostColumns)) {}

  /// @param multiply  called with (a, lda, rows, panels, store)
  template <class Multiply>
  void check(const ProductShape& shape, const Multiply& multiply) {
    const auto [rows, columns, inner, gap] = shape;
    const int64_t used = simd::round_up(inner, simd::kGroup<T>), lda = used + gap;
    const int64_t wide = simd::round_up(columns, simd::kLanes);
    std::uniform_int_distribution<int> value(-8, 8);
    T* a = a_.take((rows - 1) * lda + used);
    std::vector<float> weights(static_cast<size_t>(columns * inner));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < used; ++i) a[r * lda + i] = static_cast<T>(static_cast<float>(value(random_)));
    for (float& w : weights) w = static_cast<float>(value(random_));
    const simd::Panels<T> panels =
        simd::pack_columns<T>(weights.data(), inner, inner, columns, b_.take(simd::panel_elements<T>(inner, columns)));

    std::vector<float> wanted(static_cast<size_t>(rows * wide), 0.0f);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float sum = 0;
        for (int64_t i = 0; i < inner; ++i) sum += static_cast<float>(a[r * lda + i]) * weights[c * inner + i];
        wanted[r * wide + c] = sum;
      }

    std::vector<float> got(wanted.size(), NAN);
    int64_t stores = 0;
    bool inside = true;
    multiply(a, lda, rows, panels, [&](int64_t row, int64_t column, simd::Floats v) {
      ++stores;
      if (row < 0 || row >= rows || column < 0 || column >= wide || column % simd::kLanes != 0) {
        inside = false;
      } else {
        simd::store_floats(got.data() + row * wide + column, v);
      }
    });
    SCOPED_TRACE(testing::Message() << rows << " rows, " << columns << " columns, " << inner << " inner, gap " << gap);
    ASSERT_TRUE(inside);
    ASSERT_EQ(stores, rows * wide / simd::kLanes);
    ASSERT_EQ(got, wanted);
    ASSERT_TRUE(b_.untouched_before());
  }

  ProductShape any() {
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random_);
    };
    return {pick(1, kMostRows), pick(1, kMostColumns), pick(1, kMostInner), pick(0, kMostGap)};
  }

  /// Every pairing of the sizes around which kernels change their course, then shapes by chance.
  template <class Multiply>
  void check_many(const Multiply& multiply) {
    for (const int64_t rows : {1, 2, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 48, 49, 70})
      for (const int64_t columns : {1, 16, 17, 32, 33, 48, 64, 65, 100})
        for (const int64_t inner : {1, 2, 16, 31, 32, 33, 64, 95})
          ASSERT_NO_FATAL_FAILURE(check({rows, columns, inner, any().gap}, multiply));
    for (int i = 0; i < 300; ++i) ASSERT_NO_FATAL_FAILURE(check(any(), multiply));
  }

 private:
  Guarded<T> a_, b_;
  std::mt19937 random_{7};
};

}  // namespace tessera
