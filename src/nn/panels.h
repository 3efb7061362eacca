#pragma once

#include <cstdint>
#include <type_traits>

#include "nn/floats.h"
#include "nn/tiles.h"

/// Matrix products of a few hundred rows with a matrix that stays: its columns lie in *panels* of kLanes, so that the
/// inner loop reads memory in order and nothing is packed, copied or allocated for a product. At such sizes a general
/// library spends as long on preparing as on multiplying (docs/results.md has the figures).
///
/// A panel holds, for each group of kGroup inner places, kLanes columns with kGroup values each: the order in which the
/// processor's instructions for pairs of bfloat16 want them, those on registers and those on tiles (nn/tiles.h).
namespace tessera::simd {

/// Inner places that one instruction multiplies: 2 of bfloat16, 1 of float.
template <class T>
inline constexpr int64_t kGroup = sizeof(T) == 2 ? 2 : 1;

/// Whether products of this type have instructions in this build. Without them they are right, but slow.
template <class T>
inline constexpr bool kMultiplies = true;
#if !defined(__AVX512BF16__) && !defined(TESSERA_TILES)
template <>
inline constexpr bool kMultiplies<c10::BFloat16> = false;
#endif

inline constexpr int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}

/// B of C = A B, borrowed.
template <class T>
struct Panels {
  const T* data = nullptr;
  int64_t inner = 0;    ///< rows of B, a multiple of kGroup<T>; the rows added for that are zero
  int64_t columns = 0;  ///< a multiple of kLanes; likewise
};

/// Elements of the panels for a matrix [inner, columns].
template <class T>
int64_t panel_elements(int64_t inner, int64_t columns) {
  return round_up(inner, kGroup<T>) * round_up(columns, kLanes);
}

/// Packs B given by its columns: column c is `from + c * stride`, `inner` values one after the other. So weights
/// [out, in] are packed (a row of weights is a column of B), and keys [S, D].
/// @param to  panel_elements() places; the padding becomes zero
template <class T, class From>
Panels<T> pack_columns(const From* from, int64_t stride, int64_t inner, int64_t columns, T* to) {
  constexpr int64_t kStep = kLanes * kGroup<T>;
  const Panels<T> panels{to, round_up(inner, kGroup<T>), round_up(columns, kLanes)};
  for (int64_t c = 0; c < panels.columns; ++c) {
    T* lane = to + c / kLanes * panels.inner * kLanes + c % kLanes * kGroup<T>;
    const int64_t whole = c < columns ? inner / kGroup<T> * kGroup<T> : 0;
    for (int64_t i = 0; i < whole; i += kGroup<T>, lane += kStep) {
      if constexpr (std::is_same_v<T, From>) {
        std::memcpy(static_cast<void*>(lane), from + c * stride + i, kGroup<T> * sizeof(T));
      } else {
        for (int64_t j = 0; j < kGroup<T>; ++j) lane[j] = static_cast<T>(from[c * stride + i + j]);
      }
    }
    for (int64_t i = whole; i < panels.inner; i += kGroup<T>, lane += kStep)
      for (int64_t j = 0; j < kGroup<T>; ++j)
        lane[j] = static_cast<T>(c < columns && i + j < inner ? static_cast<float>(from[c * stride + i + j]) : 0.0f);
  }
  return panels;
}

/// One group of B's rows in panel order: kLanes values of a row, or of two rows in turns. @param b  null: zeros
inline void interleave(const float* a, const float*, float* to) {
  store_floats(to, load_floats(a));
}
inline void interleave(const c10::BFloat16* a, const c10::BFloat16* b, c10::BFloat16* to) {
  Halves even, odd{};
  std::memcpy(&even, a, sizeof(even));
  if (b != nullptr) std::memcpy(&odd, b, sizeof(odd));
  const Words pairs = __builtin_convertvector(even, Words) | __builtin_convertvector(odd, Words) << 16;
  std::memcpy(static_cast<void*>(to), &pairs, sizeof(pairs));
}

/// Packs B given by its rows: row i is `from + i * stride`. So values [S, D] are packed.
template <class T>
Panels<T> pack_rows(const T* from, int64_t stride, int64_t inner, int64_t columns, T* to) {
  constexpr int64_t kStep = kLanes * kGroup<T>;
  const Panels<T> panels{to, round_up(inner, kGroup<T>), round_up(columns, kLanes)};
  for (int64_t p = 0; p < panels.columns; p += kLanes) {
    const int64_t width = columns - p;
    for (int64_t i = 0; i < inner; i += kGroup<T>, to += kStep) {
      const T *row = from + i * stride + p, *next = i + 1 < inner ? row + stride : nullptr;
      if (width >= kLanes) {
        interleave(row, next, to);
        continue;
      }
      T edge[2][kLanes] = {};  // the last columns: nothing is read behind them
      for (int64_t c = 0; c < width; ++c) {
        edge[0][c] = row[c];
        if (next != nullptr) edge[1][c] = next[c];
      }
      interleave(edge[0], edge[1], to);
    }
  }
  return panels;
}

/// acc + a * b, pair by pair, where the processor has no instruction for it.
inline Floats multiply_add_pairs(Floats acc, Words a, Words b) {
  acc += std::bit_cast<Floats>(a << 16) * std::bit_cast<Floats>(b << 16);
  return acc + std::bit_cast<Floats>(a & 0xffff0000u) * std::bit_cast<Floats>(b & 0xffff0000u);
}

/// acc + a * b for one group of inner places.
inline Floats multiply_add(Floats acc, const float* a, Floats b) {
  return acc + *a * b;
}
inline Floats multiply_add(Floats acc, const c10::BFloat16* a, Floats b) {
  int32_t pair;
  std::memcpy(&pair, a, sizeof(pair));
#if defined(__AVX512BF16__)
  return std::bit_cast<Floats>(_mm512_dpbf16_ps(std::bit_cast<__m512>(acc), std::bit_cast<__m512bh>(b),
                                                std::bit_cast<__m512bh>(_mm512_set1_epi32(pair))));
#else
  return multiply_add_pairs(acc, Words{} + static_cast<uint32_t>(pair), std::bit_cast<Words>(b));
#endif
}

/// acc + a * b, both whole registers of kLanes * kGroup values.
inline Floats multiply_add_lines(Floats acc, const float* a, Floats b) {
  return acc + load_floats(a) * b;
}
inline Floats multiply_add_lines(Floats acc, const c10::BFloat16* a, Floats b) {
  Floats line;
  std::memcpy(&line, a, sizeof(line));
#if defined(__AVX512BF16__)
  return std::bit_cast<Floats>(
      _mm512_dpbf16_ps(std::bit_cast<__m512>(acc), std::bit_cast<__m512bh>(line), std::bit_cast<__m512bh>(b)));
#else
  return multiply_add_pairs(acc, std::bit_cast<Words>(line), std::bit_cast<Words>(b));
#endif
}

// 6 x 4 accumulators and what is multiplied fill the 32 registers of AVX-512, 6 x 2 the 16 of AVX.
inline constexpr int kTileRows = 6;
inline constexpr int kTilePanels = kLanes == 16 ? 4 : 2;

/// kRows rows of A times kPanels panels of B.
template <int kRows, int kPanels, class T, class Store>
inline void multiply_tile(const T* a, int64_t lda, const T* b, int64_t inner, int64_t row, int64_t column,
                          const Store& store) {
  Floats sum[kRows][kPanels] = {};
  for (int64_t i = 0; i < inner; i += kGroup<T>) {
    Floats panel[kPanels];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) std::memcpy(&panel[p], b + (p * inner + i) * kLanes, sizeof(Floats));
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) sum[r][p] = multiply_add(sum[r][p], a + r * lda + i, panel[p]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) store(row + r, column + p * kLanes, sum[r][p]);
  }
}

template <int kPanels, class T, class Store>
void multiply_panels(const T* a, int64_t lda, int64_t rows, const T* b, int64_t inner, int64_t column,
                     const Store& store) {
  const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  int64_t row = 0;
  for (int64_t t = 0; t < tiles; ++t) {
    const T* from = a + row * lda;
    const int64_t take = (rows - row + tiles - t - 1) / (tiles - t);  // tiles of like height
    switch (take) {
      case 1:
        multiply_tile<1, kPanels>(from, lda, b, inner, row, column, store);
        break;
      case 2:
        multiply_tile<2, kPanels>(from, lda, b, inner, row, column, store);
        break;
      case 3:
        multiply_tile<3, kPanels>(from, lda, b, inner, row, column, store);
        break;
      case 4:
        multiply_tile<4, kPanels>(from, lda, b, inner, row, column, store);
        break;
      case 5:
        multiply_tile<5, kPanels>(from, lda, b, inner, row, column, store);
        break;
      default:
        multiply_tile<6, kPanels>(from, lda, b, inner, row, column, store);
    }
    row += take;
  }
}

/// multiply() by the instructions on registers.
template <class T, class Store>
void multiply_by_registers(const T* a, int64_t lda, int64_t rows, const Panels<T>& b, const Store& store) {
  int64_t column = 0;
  for (; column + kTilePanels * kLanes <= b.columns; column += kTilePanels * kLanes)
    multiply_panels<kTilePanels>(a, lda, rows, b.data + column * b.inner, b.inner, column, store);
  for (; column + 2 * kLanes <= b.columns; column += 2 * kLanes)
    multiply_panels<2>(a, lda, rows, b.data + column * b.inner, b.inner, column, store);
  for (; column < b.columns; column += kLanes)
    multiply_panels<1>(a, lda, rows, b.data + column * b.inner, b.inner, column, store);
}

/// C = A B, given to `store(row, column, Floats)` in whole panels, each once; what lies behind the last column of B is
/// zero there. C must not overlap A. Reads no place of A behind b.inner. A row's values do not depend on the other rows
/// or on their number, to the bit.
/// @param a  [rows, >= b.inner], row i at a + i * lda
template <class T, class Store>
void multiply(const T* a, int64_t lda, int64_t rows, const Panels<T>& b, const Store& store) {
#if defined(TESSERA_TILES)
  if constexpr (std::is_same_v<T, c10::BFloat16>) {
    if (tiles_pay(b.inner) && HardwareTiles::permitted()) {
      multiply_by_tiles<HardwareTiles>(a, lda, rows, b.data, b.inner, b.columns, store);
      return;
    }
  }
#endif
  multiply_by_registers(a, lda, rows, b, store);
}

}  // namespace tessera::simd
