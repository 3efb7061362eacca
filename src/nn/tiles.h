#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

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

/// Whether tiles beat the instructions on registers, which take rows * inner / 2 cycles for a panel. A tile takes 16
/// cycles, 26 where one row of tiles leaves only two sums to wait for (each is ready after 52), and every block about
/// 100 for the first load and for its sums' way through memory, a call about 100 for its configuration. At 8 rows by 32
/// inner places that is even with four panels and ahead from then on. Reckoned, not measured.
constexpr bool tiles_pay(int64_t rows, int64_t inner) {
  return rows >= 8 && rows * inner >= 256;
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

/// Calls visit(register) for the sums of a block: 0, 1 for the first row of tiles, 2, 3 for the second.
template <int kRowTiles, int kPanels, class Visit>
inline void visit_sums(const Visit& visit) {
  visit(std::integral_constant<int, 0>{});
  if constexpr (kPanels == 2) visit(std::integral_constant<int, 1>{});
  if constexpr (kRowTiles == 2) visit(std::integral_constant<int, 2>{});
  if constexpr (kRowTiles == 2 && kPanels == 2) visit(std::integral_constant<int, 3>{});
}

/// Adds one tile's worth of inner places to a block's sums. Rows of A go through registers kA0 and kA1, panels of B
/// through kB0 and kB1; where both of B share one register, the first is loaded again for the second row of tiles.
template <int kRowTiles, int kPanels, int kA0, int kA1, int kB0, int kB1, class Tiles>
inline void multiply_step(Tiles& tiles, const c10::BFloat16* const (&a)[2], const c10::BFloat16* const (&b)[2],
                          int64_t inner, int64_t row_bytes) {
  const c10::BFloat16 *b0 = b[0] + inner * kLanes, *b1 = b[1] + inner * kLanes;
  tiles.template load<kA0>(a[0] + inner, row_bytes);
  tiles.template load<kB0>(b0, 64);
  tiles.template multiply<0, kA0, kB0>();
  if constexpr (kPanels == 2) {
    tiles.template load<kB1>(b1, 64);
    tiles.template multiply<1, kA0, kB1>();
  }
  if constexpr (kRowTiles == 2) {
    tiles.template load<kA1>(a[1] + inner, row_bytes);
    if constexpr (kPanels == 2) {
      tiles.template multiply<3, kA1, kB1>();
      if constexpr (kB0 == kB1) tiles.template load<kB0>(b0, 64);
    }
    tiles.template multiply<2, kA1, kB0>();
  }
}

/// Tiles `tile` and, with kRowTiles 2, the next, times the panels at `column`.
template <int kRowTiles, int kPanels, bool kTail, class Tiles, class Store>
void multiply_block(Tiles& tiles, const TileProduct& p, int64_t tile, int64_t column, const Store& store) {
  const int64_t row_bytes = p.lda * int64_t{sizeof(c10::BFloat16)}, whole = p.inner / kTileInner * kTileInner;
  const c10::BFloat16* const a[2] = {p.a + p.first_row(tile) * p.lda, p.a + p.first_row(tile + kRowTiles - 1) * p.lda};
  const c10::BFloat16* const b[2] = {p.b + column * p.inner, p.b + (column + (kPanels - 1) * kLanes) * p.inner};
  visit_sums<kRowTiles, kPanels>([&](auto c) { tiles.template zero<c>(); });
  for (int64_t i = 0; i < whole; i += kTileInner) {
    if constexpr (kTail) {
      multiply_step<kRowTiles, kPanels, 4, 4, 6, 6>(tiles, a, b, i, row_bytes);
    } else {
      multiply_step<kRowTiles, kPanels, 4, 5, 6, 7>(tiles, a, b, i, row_bytes);
    }
  }
  if constexpr (kTail) multiply_step<kRowTiles, kPanels, 5, 5, 7, 7>(tiles, a, b, whole, row_bytes);

  alignas(64) float sums[4][kTileHeight * kLanes];
  visit_sums<kRowTiles, kPanels>([&](auto c) { tiles.template store<c>(sums[c], kLanes * int64_t{sizeof(float)}); });
  for (int t = 0; t < kRowTiles; ++t) {
    const int64_t first = p.first_row(tile + t);
    for (int64_t r = (tile + t) * p.height - first; r < p.height; ++r)  // rows that the tile before does not have
      for (int c = 0; c < kPanels; ++c)
        store(first + r, column + c * kLanes, load_floats(sums[2 * t + c] + r * kLanes));
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
  for (; column + 2 * kLanes <= p.columns; column += 2 * kLanes)
    multiply_tile_panels<2, kTail>(tiles, p, column, store);
  if (column < p.columns) multiply_tile_panels<1, kTail>(tiles, p, column, store);
}

/// C = A B by tiles, given to `store(row, column, Floats)` in whole panels.
/// @param a  [rows >= 1, >= inner], row i at a + i * lda
/// @param b  panels of bfloat16 [inner, columns], inner a multiple of 2 and columns of 16
template <class Tiles, class Store>
void multiply_by_tiles(const c10::BFloat16* a, int64_t lda, int64_t rows, const c10::BFloat16* b, int64_t inner,
                       int64_t columns, const Store& store) {
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
