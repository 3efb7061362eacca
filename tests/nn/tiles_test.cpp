#include "nn/tiles.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "nn/product_cases.h"

namespace tessera {

namespace {

using c10::BFloat16;
using simd::TileShapes;

/// Tiles as Intel's manual describes them, with its reasons to fault.
class EmulatedTiles {
 public:
  explicit EmulatedTiles(const TileShapes& shapes) : shapes_(shapes) {
    unsigned char raw[64];
    std::memcpy(raw, &shapes, sizeof(raw));
    require(raw[0] == 1, "palette");
    for (int i = 1; i < 16; ++i) require(raw[i] == 0, "first row and reserved bytes");
    for (int t = 0; t < 16; ++t) {
      const int rows = raw[48 + t], bytes = raw[16 + 2 * t] | raw[17 + 2 * t] << 8;
      require(t < 8 ? rows <= 16 && bytes <= 64 : rows == 0 && bytes == 0, "size of a tile");
      require((rows == 0) == (bytes == 0), "a tile with rows or bytes alone");
    }
  }

  template <int kTile>
  void zero() {
    tile<kTile>() = {};
    known_[kTile] = true;
  }
  template <int kTile>
  void load(const void* from, int64_t stride) {
    tile<kTile>() = {};
    for (int r = 0; r < shapes_.rows[kTile]; ++r)
      std::memcpy(tiles_[kTile][r].data(), static_cast<const char*>(from) + r * stride, shapes_.row_bytes[kTile]);
    known_[kTile] = true;
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    tile<kTile>();
    require(known_[kTile], "stored before it is written");
    for (int r = 0; r < shapes_.rows[kTile]; ++r)
      std::memcpy(static_cast<char*>(to) + r * stride, tiles_[kTile][r].data(), shapes_.row_bytes[kTile]);
  }
  template <int kC, int kA, int kB>
  void multiply() {
    tile<kC>(), tile<kA>(), tile<kB>();
    require(kC != kA && kC != kB && kA != kB, "three different tiles");
    require(known_[kC] && known_[kA] && known_[kB], "used before it is written");
    const int rows = shapes_.rows[kC], columns = shapes_.row_bytes[kC] / 4, pairs = shapes_.rows[kB];
    require(shapes_.row_bytes[kC] % 4 == 0 && shapes_.row_bytes[kA] % 4 == 0, "whole columns");
    require(shapes_.rows[kA] == rows && shapes_.row_bytes[kA] / 4 == pairs, "A fits B and C");
    require(shapes_.row_bytes[kB] == shapes_.row_bytes[kC], "B fits C");
    for (int m = 0; m < rows; ++m) {
      float even[16] = {}, odd[16] = {};
      for (int k = 0; k < pairs; ++k)
        for (int n = 0; n < columns; ++n) {
          even[n] += value(kA, m, 2 * k) * value(kB, k, 2 * n);
          odd[n] += value(kA, m, 2 * k + 1) * value(kB, k, 2 * n + 1);
        }
      float sums[16];
      std::memcpy(sums, tiles_[kC][m].data(), sizeof(sums));
      for (int n = 0; n < columns; ++n) sums[n] += even[n] + odd[n];
      std::memcpy(tiles_[kC][m].data(), sums, sizeof(sums));
    }
  }

 private:
  using Tile = std::array<std::array<unsigned char, 64>, 16>;

  static void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  }
  template <int kTile>
  Tile& tile() {
    static_assert(kTile >= 0 && kTile < 8);
    require(shapes_.rows[kTile] > 0, "a tile without a shape");
    return tiles_[kTile];
  }
  float value(int tile, int row, int column) const {
    uint16_t bits;
    std::memcpy(&bits, tiles_[tile][row].data() + 2 * column, sizeof(bits));
    return std::bit_cast<float>(uint32_t{bits} << 16);
  }

  TileShapes shapes_;
  std::array<Tile, 8> tiles_{};
  std::array<bool, 8> known_{};
};

template <class Tiles>
constexpr auto by_tiles =
    [](const BFloat16* a, int64_t lda, int64_t rows, const simd::Panels<BFloat16>& b, const auto& store) {
      simd::multiply_by_tiles<Tiles>(a, lda, rows, b.data, b.inner, b.columns, store);
    };

constexpr bool kPanelsAreTiles = simd::kLanes == 16;

}  // namespace

TEST(Tiles, MultiplyAnyShape) {
  if (!kPanelsAreTiles) GTEST_SKIP() << "panels of this build are no tiles";
  ProductCases<BFloat16> cases;
  cases.check_many(by_tiles<EmulatedTiles>);
}

TEST(TilesSlow, MultiplyEveryHeightAndTail) {
  if (!kPanelsAreTiles) GTEST_SKIP() << "panels of this build are no tiles";
  ProductCases<BFloat16> cases;
  for (int64_t rows = 1; rows <= 50; ++rows)
    for (const int64_t columns : {16, 32, 48, 64})
      for (int64_t inner = 2; inner <= 66; inner += 2)
        ASSERT_NO_FATAL_FAILURE(cases.check({rows, columns, inner, inner % 3}, by_tiles<EmulatedTiles>));
}

TEST(Tiles, CoverEveryRowWithLittleOverlap) {
  for (int64_t rows = 1; rows <= 1000; ++rows) {
    const int64_t count = (rows + simd::kTileHeight - 1) / simd::kTileHeight, height = (rows + count - 1) / count;
    const simd::TileProduct p{nullptr, 0, rows, nullptr, 0, 0, height};
    ASSERT_LE(height, std::min(rows, simd::kTileHeight));
    ASSERT_EQ(p.first_row(0), 0);
    ASSERT_EQ(p.first_row(count - 1) + height, rows);
    for (int64_t t = 0; t < count; ++t) {
      ASSERT_LE(p.first_row(t), t * height) << rows;
      ASSERT_GT(p.first_row(t) + height, t * height) << rows;
    }
  }
}

#if defined(TESSERA_TILES)
TEST(Tiles, OfTheProcessorMultiplyAnyShape) {
  if (!simd::HardwareTiles::permitted()) GTEST_SKIP() << "the system permits no tiles";
  ProductCases<BFloat16> cases;
  cases.check_many(by_tiles<simd::HardwareTiles>);
}
#endif

}  // namespace tessera
