#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "nn/floats.h"

// Intel's AMX: eight registers of 16 rows of 64 bytes. Its instructions exist where AVX-512 exists, so kLanes is 16.
#if defined(__AMX_BF16__) && defined(__AVX512F__) && defined(__linux__)
#define TESSERA_TILES 1
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// Products of bfloat16 on processors that multiply tiles: 16 rows by 16 columns over 32 inner places at once.
///
/// A panel of nn/panels.h is a row of such tiles of B as it lies in memory. Where the inner places are no multiple of
/// 32, the last tiles are narrower, so nothing is read behind a row of A or behind the panels, and nothing is padded.
///
/// Everything but the instructions is written over a policy `Tiles`, which tests replace by plain code.
namespace tessera::simd {

inline constexpr int64_t kTileHeight = 16;  ///< rows of a tile of A or C, at most
inline constexpr int64_t kTileInner = 32;   ///< inner places of a tile, at most

/// Whether a product goes by tiles. A tile takes 16 cycles and its sum is ready after 52, so that four sums at a time
/// hide each other; the instructions on registers take 16 cycles for each of the tile's rows. A block adds about 100
/// cycles for its first loads and its sums' way through memory, a call as many for the configuration. From three rows
/// on tiles are ahead, and with one or two, in the first step of decoding alone, a few microseconds behind: reckoned,
/// not measured.
///
/// The rows have no say: tiles and registers add in different orders, and what a row gives must not depend on how many
/// rows stand beside it.
constexpr bool tiles_pay(int64_t inner) {
  return inner >= kTileInner;
}

/// What `ldtilecfg` reads: the shapes of the eight registers.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  /// C in registers 0 to 3; whole tiles of A in 4 and of B in 6. Registers 5 (A) and 7 (B) are whole too if
  /// `tail_pairs` is 0; else they hold so many pairs of inner places.
  TileShapes(int64_t height, int64_t tail_pairs) {
    const int64_t pairs = tail_pairs == 0 ? kTileInner / 2 : tail_pairs;
    for (int c = 0; c < 4; ++c) shape(c, height, 64);
    shape(4, height, 64);
    shape(5, height, pairs * 4);
    shape(6, kTileInner / 2, 64);
    shape(7, pairs, 64);
  }

 private:
  void shape(int tile, int64_t height, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(height);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

#if defined(TESSERA_TILES)
/// The processor's own tiles, configured for as long as this lives. Other libraries configure them too, so nothing is
/// kept between products.
///
/// Instructions, not intrinsics: those of GCC 12 do not say that loads read memory, nor that the whole configuration
/// is read.
class HardwareTiles {
 public:
  /// Whether the operating system lets this process use tiles; asked once. Thread-safe.
  static bool permitted() {
    constexpr int kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    static const bool granted = syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
    return granted;
  }

  explicit HardwareTiles(const TileShapes& shapes) { asm volatile("ldtilecfg %0" ::"m"(shapes)); }
  ~HardwareTiles() { asm volatile("tilerelease"); }
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;

  template <int kTile>
  void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  /// Rows `stride` bytes apart.
  template <int kTile>
  void load(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  /// C += A B of bfloat16.
  template <int kC, int kA, int kB>
  void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
};
#endif

/// C = A B as multiply() of nn/panels.h has it, cut into tiles of like height.
struct TileProduct {
  const c10::BFloat16* a;
  int64_t lda, rows;
  const c10::BFloat16* b;  ///< panels
  int64_t inner, columns;  ///< multiples of 2 and of 16
  int64_t height;          ///< of every tile of A, at most `rows`

  /// Where tile t begins. The last ones overlap those before, so that all have one height and end with A.
  int64_t first_row(int64_t t) const { return std::min(t * height, rows - height); }
};

/// Calls visit(n) for 0 .. kCount - 1 as constants.
template <int kCount, class Visit>
inline void visit_each(const Visit& visit) {
  [&]<int... kN>(std::integer_sequence<int, kN...>) {
    (visit(std::integral_constant<int, kN>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

/// Adds one tile's worth of inner places to a block's sums, register t * kPanels + p for row of tiles t and panel p.
/// Rows of A go through registers kA0 and kA1, panels of B in turns through kB0 and kB1; where these are one, the first
/// panel is loaded again for the second row of tiles.
/// @param panel  elements from a panel of B to the next
template <int kRowTiles, int kPanels, int kA0, int kA1, int kB0, int kB1, class Tiles>
inline void multiply_step(Tiles& tiles, const c10::BFloat16* a0, const c10::BFloat16* a1, int64_t row_bytes,
                          const c10::BFloat16* b, int64_t panel) {
  static_assert(kRowTiles * kPanels <= 4 && kPanels != 3);
  tiles.template load<kA0>(a0, row_bytes);
  tiles.template load<kB0>(b, 64);
  tiles.template multiply<0, kA0, kB0>();
  if constexpr (kPanels >= 2) {
    tiles.template load<kB1>(b + panel, 64);
    tiles.template multiply<1, kA0, kB1>();
  }
  if constexpr (kPanels == 4) {
    tiles.template load<kB0>(b + 2 * panel, 64);
    tiles.template multiply<2, kA0, kB0>();
    tiles.template load<kB1>(b + 3 * panel, 64);
    tiles.template multiply<3, kA0, kB1>();
  }
  if constexpr (kRowTiles == 2) {
    tiles.template load<kA1>(a1, row_bytes);
    if constexpr (kPanels == 2) {
      tiles.template multiply<kPanels + 1, kA1, kB1>();
      if constexpr (kB0 == kB1) tiles.template load<kB0>(b, 64);
    }
    tiles.template multiply<kPanels, kA1, kB0>();
  }
}

/// Tiles `tile` and, with kRowTiles 2, the next, times kPanels panels from `column` on: at most four sums.
template <int kRowTiles, int kPanels, bool kTail, class Tiles, class Store>
void multiply_block(Tiles& tiles, const TileProduct& p, int64_t tile, int64_t column, const Store& store) {
  const int64_t row_bytes = p.lda * int64_t{sizeof(c10::BFloat16)}, panel = p.inner * kLanes;
  const c10::BFloat16 *a0 = p.a + p.first_row(tile) * p.lda, *a1 = p.a + p.first_row(tile + kRowTiles - 1) * p.lda;
  const c10::BFloat16* b = p.b + column * p.inner;
  visit_each<kRowTiles * kPanels>([&](auto c) { tiles.template zero<c>(); });
  for (int64_t i = p.inner / kTileInner; i > 0; --i) {
    if constexpr (kTail) {
      multiply_step<kRowTiles, kPanels, 4, 4, 6, 6>(tiles, a0, a1, row_bytes, b, panel);
    } else {
      multiply_step<kRowTiles, kPanels, 4, 5, 6, 7>(tiles, a0, a1, row_bytes, b, panel);
    }
    a0 += kTileInner, a1 += kTileInner, b += kTileInner * kLanes;
  }
  if constexpr (kTail) multiply_step<kRowTiles, kPanels, 5, 5, 7, 7>(tiles, a0, a1, row_bytes, b, panel);

  alignas(64) float sums[kRowTiles][kPanels][kTileHeight * kLanes];
  visit_each<kRowTiles * kPanels>(
      [&](auto c) { tiles.template store<c>(sums[c / kPanels][c % kPanels], kLanes * int64_t{sizeof(float)}); });
  for (int t = 0; t < kRowTiles; ++t) {
    const int64_t first = p.first_row(tile + t);
    for (int64_t r = (tile + t) * p.height - first; r < p.height; ++r)  // rows that the tile before does not have
      for (int c = 0; c < kPanels; ++c) store(first + r, column + c * kLanes, load_floats(sums[t][c] + r * kLanes));
  }
}

template <int kPanels, bool kTail, class Tiles, class Store>
void multiply_tile_panels(Tiles& tiles, const TileProduct& p, int64_t column, const Store& store) {
  const int64_t count = (p.rows + p.height - 1) / p.height;
  int64_t tile = 0;
  for (; tile + 2 <= count; tile += 2) multiply_block<2, kPanels, kTail>(tiles, p, tile, column, store);
  if (tile < count) multiply_block<1, kPanels, kTail>(tiles, p, tile, column, store);
}

template <bool kTail, class Tiles, class Store>
void multiply_tile_columns(Tiles& tiles, const TileProduct& p, const Store& store) {
  int64_t column = 0;
  if (p.height == p.rows) {
    for (; column + 4 * kLanes <= p.columns; column += 4 * kLanes)
      multiply_block<1, 4, kTail>(tiles, p, 0, column, store);
  }
  for (; column + 2 * kLanes <= p.columns; column += 2 * kLanes)
    multiply_tile_panels<2, kTail>(tiles, p, column, store);
  if (column < p.columns) multiply_tile_panels<1, kTail>(tiles, p, column, store);
}

/// C = A B by tiles, given to `store(row, column, Floats)` in whole panels.
/// @param a  [rows, >= inner], row i at a + i * lda
/// @param b  panels of bfloat16 [inner, columns], inner a multiple of 2 and columns of 16
template <class Tiles, class Store>
void multiply_by_tiles(const c10::BFloat16* a, int64_t lda, int64_t rows, const c10::BFloat16* b, int64_t inner,
                       int64_t columns, const Store& store) {
  if (rows <= 0) return;
  const int64_t count = (rows + kTileHeight - 1) / kTileHeight, height = (rows + count - 1) / count;
  const int64_t tail = inner % kTileInner / 2;
  const TileProduct product{a, lda, rows, b, inner, columns, height};
  Tiles tiles(TileShapes(height, tail));
  if (tail == 0) {
    multiply_tile_columns<false>(tiles, product, store);
  } else {
    multiply_tile_columns<true>(tiles, product, store);
  }
}

}  // namespace tessera::simd
