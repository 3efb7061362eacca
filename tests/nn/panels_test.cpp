#include "nn/panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "nn/product_cases.h"

namespace tessera {

namespace {

using c10::BFloat16;
using simd::Floats;
using simd::kLanes;

template <class T>
class Panels : public testing::Test {};
using PanelTypes = testing::Types<float, BFloat16>;
TYPED_TEST_SUITE(Panels, PanelTypes);

/// B[i, c] in panels, by the rule that nn/panels.h states.
template <class T>
T at(const simd::Panels<T>& b, int64_t i, int64_t c) {
  constexpr int64_t kGroup = simd::kGroup<T>;
  return b.data[c / kLanes * kLanes * b.inner + i / kGroup * kGroup * kLanes + c % kLanes * kGroup + i % kGroup];
}

/// Distinct numbers that bfloat16 holds.
float nth(int64_t i) {
  return static_cast<float>(i % 251 - 125) * static_cast<float>(1 << i % 7);
}

uint16_t bits_of(BFloat16 value) {
  return value.x;
}

/// One register of `value`, rounded.
uint16_t rounded(float value) {
  BFloat16 out[kLanes];
  simd::store_floats(out, simd::all(value));
  for (int i = 1; i < kLanes; ++i) EXPECT_EQ(bits_of(out[i]), bits_of(out[0]));
  return bits_of(out[0]);
}

}  // namespace

TYPED_TEST(Panels, MultiplyAnyShape) {
  ProductCases<TypeParam> cases;
  cases.check_many([](const TypeParam* a, int64_t lda, int64_t rows, const simd::Panels<TypeParam>& b,
                      const auto& store) { simd::multiply(a, lda, rows, b, store); });
}

TYPED_TEST(Panels, MultiplyAnyShapeByRegisters) {
  ProductCases<TypeParam> cases;
  cases.check_many([](const TypeParam* a, int64_t lda, int64_t rows, const simd::Panels<TypeParam>& b,
                      const auto& store) { simd::multiply_by_registers(a, lda, rows, b, store); });
}

TYPED_TEST(Panels, MultiplyFractions) {
  constexpr int64_t kRows = 37, kColumns = 70, kInner = 333, kStride = 352;
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<TypeParam> a(kRows * kStride), b(simd::panel_elements<TypeParam>(kInner, kColumns));
  std::vector<float> weights(kColumns * kInner);
  for (auto& v : a) v = static_cast<TypeParam>(normal(random));
  for (float& v : weights) v = static_cast<float>(static_cast<TypeParam>(normal(random)));
  const auto panels = simd::pack_columns<TypeParam>(weights.data(), kInner, kInner, kColumns, b.data());
  simd::multiply(a.data(), kStride, kRows, panels, [&](int64_t row, int64_t column, Floats v) {
    for (int lane = 0; lane < kLanes && column + lane < kColumns; ++lane) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < kInner; ++i) {
        const double product =
            double{static_cast<float>(a[row * kStride + i])} * double{weights[(column + lane) * kInner + i]};
        sum += product;
        size += std::abs(product);
      }
      ASSERT_NEAR(v[lane], sum, size * 1e-6);
    }
  });
}

TYPED_TEST(Panels, RowsDoNotDependOnTheirNeighbours) {
  constexpr int64_t kRows = 45, kColumns = 5 * kLanes;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const int64_t inner : {30, 32, 64, 100}) {
    std::vector<TypeParam> a(kRows * inner), b(simd::panel_elements<TypeParam>(inner, kColumns));
    std::vector<float> weights(kColumns * inner), all(kRows * kColumns), some(kRows * kColumns);
    for (auto& v : a) v = static_cast<TypeParam>(normal(random));
    for (float& v : weights) v = normal(random);
    const auto panels = simd::pack_columns<TypeParam>(weights.data(), inner, inner, kColumns, b.data());
    const auto multiply = [&](int64_t begin, int64_t end, std::vector<float>& c) {
      simd::multiply(a.data() + begin * inner, inner, end - begin, panels, [&](int64_t row, int64_t column, Floats v) {
        simd::store_floats(c.data() + (begin + row) * kColumns + column, v);
      });
    };
    multiply(0, kRows, all);
    for (int64_t size = 1; size < kRows; ++size) {
      for (int64_t row = 0; row < kRows; row += size) multiply(row, std::min(kRows, row + size), some);
      ASSERT_EQ(some, all) << size << " rows at a time, " << inner << " inner";
    }
  }
}

TYPED_TEST(Panels, MultiplyOfNoRowsStoresNothing) {
  std::vector<TypeParam> b(simd::panel_elements<TypeParam>(4, 4));
  const auto panels = simd::pack_columns<TypeParam>(std::vector<float>(16).data(), 4, 4, 4, b.data());
  simd::multiply(b.data(), 4, 0, panels, [](int64_t, int64_t, Floats) { FAIL(); });
}

TYPED_TEST(Panels, PackColumns) {
  constexpr int64_t kMost = 70, kGap = 3;
  Guarded<TypeParam> to(simd::panel_elements<TypeParam>(kMost, kMost)), same(kMost * (kMost + kGap));
  Guarded<float> floats(kMost * (kMost + kGap));
  for (const int64_t columns : {1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 70})
    for (const int64_t inner : {1, 2, 3, 16, 31, 32, 33, 70}) {
      SCOPED_TRACE(testing::Message() << columns << " columns, " << inner << " inner");
      const int64_t stride = inner + kGap, size = (columns - 1) * stride + inner;
      const int64_t elements = simd::panel_elements<TypeParam>(inner, columns);
      float* from = floats.take(size);
      TypeParam* from_same = same.take(size);
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t i = 0; i < inner; ++i)
          from_same[c * stride + i] = static_cast<TypeParam>(from[c * stride + i] = nth(c * inner + i));
      for (const bool converted : {true, false}) {
        TypeParam* out = to.take(elements);
        const auto b = converted ? simd::pack_columns<TypeParam>(from, stride, inner, columns, out)
                                 : simd::pack_columns<TypeParam>(from_same, stride, inner, columns, out);
        ASSERT_EQ(b.data, out);
        ASSERT_EQ(b.inner * b.columns, elements);
        ASSERT_EQ(b.inner % simd::kGroup<TypeParam>, 0);
        ASSERT_EQ(b.columns % kLanes, 0);
        for (int64_t c = 0; c < b.columns; ++c)
          for (int64_t i = 0; i < b.inner; ++i)
            ASSERT_EQ(static_cast<float>(at(b, i, c)), c < columns && i < inner ? nth(c * inner + i) : 0.0f);
        ASSERT_TRUE(to.untouched_before());
      }
    }
}

TYPED_TEST(Panels, PackRows) {
  constexpr int64_t kMost = 70, kGap = 3;
  Guarded<TypeParam> to(simd::panel_elements<TypeParam>(kMost, kMost)), rows(kMost * (kMost + kGap));
  for (const int64_t columns : {1, 3, 4, 8, 15, 16, 17, 31, 32, 33, 70})
    for (const int64_t inner : {1, 2, 3, 16, 31, 32, 33, 70}) {
      SCOPED_TRACE(testing::Message() << columns << " columns, " << inner << " inner");
      const int64_t stride = columns + kGap;
      TypeParam* from = rows.take((inner - 1) * stride + columns);
      for (int64_t i = 0; i < inner; ++i)
        for (int64_t c = 0; c < columns; ++c) from[i * stride + c] = static_cast<TypeParam>(nth(i * columns + c));
      const auto b = simd::pack_rows<TypeParam>(from, stride, inner, columns,
                                                to.take(simd::panel_elements<TypeParam>(inner, columns)));
      ASSERT_EQ(b.inner, simd::round_up(inner, simd::kGroup<TypeParam>));
      ASSERT_EQ(b.columns, simd::round_up(columns, kLanes));
      for (int64_t c = 0; c < b.columns; ++c)
        for (int64_t i = 0; i < b.inner; ++i)
          ASSERT_EQ(static_cast<float>(at(b, i, c)), c < columns && i < inner ? nth(i * columns + c) : 0.0f);
      ASSERT_TRUE(to.untouched_before());
    }
}

TYPED_TEST(Panels, MultiplyAddLines) {
  constexpr int64_t kSize = kLanes * simd::kGroup<TypeParam>;
  TypeParam a[kSize], b[kSize];
  float wanted = 0;
  for (int64_t i = 0; i < kSize; ++i) {
    a[i] = static_cast<TypeParam>(static_cast<float>(i % 7 - 3));
    b[i] = static_cast<TypeParam>(static_cast<float>(i % 5 - 1));
    wanted += static_cast<float>(a[i]) * static_cast<float>(b[i]);
  }
  Floats line;
  std::memcpy(&line, b, sizeof(line));
  EXPECT_EQ(simd::sum_of(simd::multiply_add_lines(simd::all(2), a, line)), wanted + 2 * kLanes);
}

TEST(Floats, ExpOfNonpositive) {
  double worst = 0;
  for (int i = 0; i <= 870000; i += kLanes) {
    float x[kLanes], e[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) x[lane] = -std::min(87.0f, static_cast<float>(i + lane) * 1e-4f);
    simd::store_floats(e, simd::exp_nonpositive(simd::load_floats(x)));
    for (int lane = 0; lane < kLanes; ++lane) {
      const double wanted = std::exp(double{x[lane]});
      worst = std::max(worst, std::abs(e[lane] - wanted) / wanted);
    }
  }
  EXPECT_LT(worst, 3e-7);
  EXPECT_EQ(simd::exp_nonpositive(simd::all(0.0f))[0], 1.0f);
  EXPECT_EQ(simd::exp_nonpositive(simd::all(-0.0f))[0], 1.0f);
  for (const float x : {-87.001f, -1e4f, -1e30f, -std::numeric_limits<float>::infinity()})
    EXPECT_EQ(simd::exp_nonpositive(simd::all(x))[kLanes - 1], 0.0f) << x;
  EXPECT_TRUE(std::isnan(simd::exp_nonpositive(simd::all(NAN))[0]));
}

TEST(Floats, LanesComeTogether) {
  float v[kLanes];
  for (int i = 0; i < kLanes; ++i) v[i] = static_cast<float>(i * i - 20);
  float sum = 0;
  for (const float x : v) sum += x;
  EXPECT_EQ(simd::sum_of(simd::load_floats(v)), sum);
  for (int i = 0; i < kLanes; ++i) {
    Floats w = simd::all(-3);
    w[i] = -1;
    EXPECT_EQ(simd::largest_of(w), -1) << i;
    EXPECT_EQ(simd::sum_of(w), static_cast<float>(-3 * kLanes + 2)) << i;
  }
  EXPECT_EQ(simd::largest_of(simd::all(-std::numeric_limits<float>::infinity())),
            -std::numeric_limits<float>::infinity());
}

TEST(Floats, EveryBfloat16IsLoadedExactly) {
  for (uint32_t first = 0; first < 65536; first += kLanes) {
    BFloat16 half[kLanes];
    for (int i = 0; i < kLanes; ++i) half[i] = BFloat16(static_cast<uint16_t>(first + i), BFloat16::from_bits());
    float wide[kLanes];
    simd::store_floats(wide, simd::load_floats(half));
    for (uint32_t i = 0; i < kLanes; ++i) ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), (first + i) << 16);
  }
}

TEST(Floats, Bfloat16RoundsToNearestEven) {
  std::mt19937 random(5);
  for (int i = 0; i < 200000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isnan(x) || std::fpclassify(x) == FP_SUBNORMAL) continue;
    ASSERT_EQ(rounded(x), bits_of(BFloat16(x))) << x;
  }
  const float one = 1.0f, step = 0.0078125f;  // between neighbours of 1
  EXPECT_EQ(rounded(one + step / 2), 0x3f80);
  EXPECT_EQ(rounded(one + step * 3 / 2), 0x3f82);
  EXPECT_EQ(rounded(std::nextafter(one + step / 2, 2.0f)), 0x3f81);
  EXPECT_EQ(rounded(-0.0f), 0x8000);
}

TEST(Floats, Bfloat16KeepsWhatIsNoNumber) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(rounded(infinity), 0x7f80);
  EXPECT_EQ(rounded(-infinity), 0xff80);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), 0x7f80);  // nearest is beyond the largest
  for (const uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu}) {
    const uint16_t half = rounded(std::bit_cast<float>(bits));
    EXPECT_EQ(half & 0x7f80, 0x7f80) << bits;
    EXPECT_NE(half & 0x7f, 0) << bits;
  }
}

TEST(Floats, Bfloat16OfDenormalsIsThemOrZero) {
  for (const uint32_t bits : {0x00000001u, 0x00008000u, 0x00018000u, 0x00400000u, 0x007f7fffu, 0x80010000u}) {
    const auto x = std::bit_cast<float>(bits);
    const uint16_t half = rounded(x), zero = std::signbit(x) ? 0x8000 : 0;
    EXPECT_TRUE(half == bits_of(BFloat16(x)) || half == zero) << bits << " to " << half;
  }
  EXPECT_EQ(rounded(std::numeric_limits<float>::min()), 0x0080);
}

}  // namespace tessera
