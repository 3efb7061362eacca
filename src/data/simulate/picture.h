#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/simulate/item_model.h"

namespace tessera::shop {

inline constexpr int kPixelCells = 8;
inline constexpr int kPixelDim = kPixelCells * kPixelCells * 3;

/// Draws an item: background from its season, silhouette from its leaf, colour, pattern, finish, and the brand's tag.
/// @return [size, size, 3] RGB bytes
std::vector<uint8_t> draw_item(const Lexicon& lexicon, const ShopItem& item, int size);

/// Mean colour of each of 8 x 8 cells. @param out  [192], in [0, 1]
void pixel_vector(std::span<const uint8_t> rgb, int size, std::span<float> out);

/// An 8-bit RGB PNG. Compressed where zlib is built in; stored blocks otherwise.
std::string encode_png(std::span<const uint8_t> rgb, int size);

}  // namespace tessera::shop
