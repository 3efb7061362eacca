#include "data/simulate/picture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace tessera::shop {
namespace {

using Rgb = std::array<float, 3>;  // each in [0, 255]

// In the order of the lexicon's lists.
constexpr std::array<Rgb, 18> kColours = {{{38, 38, 42},
                                           {246, 246, 242},
                                           {140, 144, 150},
                                           {32, 46, 92},
                                           {122, 184, 232},
                                           {26, 136, 138},
                                           {34, 84, 54},
                                           {156, 176, 142},
                                           {212, 164, 46},
                                           {246, 216, 66},
                                           {238, 130, 40},
                                           {208, 40, 44},
                                           {122, 24, 48},
                                           {242, 150, 176},
                                           {196, 172, 222},
                                           {112, 58, 150},
                                           {222, 204, 172},
                                           {118, 78, 48}}};
constexpr std::array<Rgb, 5> kSeasonLight = {
    {{226, 240, 222}, {250, 240, 214}, {240, 224, 208}, {222, 232, 244}, {236, 236, 236}}};

int place_of(const std::vector<int>& values, int value) {
  return static_cast<int>(std::find(values.begin(), values.end(), value) - values.begin());
}

bool in_box(float x, float y, float left, float top, float right, float bottom) {
  return x >= left && x <= right && y >= top && y <= bottom;
}

bool in_ellipse(float x, float y, float cx, float cy, float rx, float ry) {
  const float u = (x - cx) / rx, v = (y - cy) / ry;
  return u * u + v * v <= 1;
}

bool in_arc(float x, float y, float cx, float cy, float radius, float width) {
  return std::abs(std::hypot(x - cx, y - cy) - radius) <= width / 2;
}

/// A trapezium with a horizontal top and bottom, symmetric about x = 0.
bool in_trapezium(float x, float y, float top, float bottom, float half_top, float half_bottom) {
  if (y < top || y > bottom) return false;
  return std::abs(x) <= half_top + (half_bottom - half_top) * (y - top) / (bottom - top);
}

bool in_clothes(Glyph glyph, float x, float y) {
  const float ax = std::abs(x);
  switch (glyph) {
    case Glyph::top:
      return (in_box(x, y, -0.45F, -0.6F, 0.45F, 0.7F) && !in_ellipse(x, y, 0, -0.62F, 0.2F, 0.16F)) ||
             (y >= -0.6F && ax > 0.4F && ax < 0.85F && std::abs(y + 0.6F - (ax - 0.4F) * 0.9F - 0.18F) < 0.2F);
    case Glyph::bottom:
      return in_box(x, y, -0.42F, -0.8F, 0.42F, -0.35F) || (y > -0.4F && y < 0.85F && ax > 0.05F && ax < 0.46F);
    case Glyph::coat:
      return (in_trapezium(x, y, -0.75F, 0.85F, 0.4F, 0.55F) && !(ax < 0.03F && y > -0.5F) &&
              !(y < -0.45F && ax < 0.22F * (-0.45F - y) / 0.3F)) ||
             (y > -0.72F && y < 0.4F && ax > 0.5F && ax < 0.76F && ax < 0.6F + 0.16F * (y + 0.72F));
    case Glyph::dress:
      return in_trapezium(x, y, -0.35F, 0.85F, 0.24F, 0.62F) || in_trapezium(x, y, -0.62F, -0.35F, 0.34F, 0.24F) ||
             (y > -0.85F && y <= -0.6F && ax > 0.2F && ax < 0.3F);
    case Glyph::shoe:
      return in_box(x, y, -0.8F, 0.3F, 0.82F, 0.45F) || (y <= 0.3F && in_ellipse(x, y, 0.35F, 0.3F, 0.45F, 0.38F)) ||
             (in_box(x, y, -0.75F, -0.35F, 0, 0.3F) && y > -0.35F + 0.3F * std::max(0.0F, x + 0.35F));
    case Glyph::boot:
      return in_box(x, y, -0.6F, -0.8F, -0.02F, 0.55F) || in_box(x, y, -0.65F, 0.6F, 0.75F, 0.75F) ||
             (y <= 0.6F && in_ellipse(x, y, 0.2F, 0.6F, 0.5F, 0.42F));
    default:
      return in_ellipse(x, y, 0, 0, 0.6F, 0.6F);
  }
}

bool in_vessel(Glyph glyph, float x, float y) {
  switch (glyph) {
    case Glyph::bottle:
      return in_box(x, y, -0.14F, -0.85F, 0.14F, -0.45F) || in_trapezium(x, y, -0.5F, -0.25F, 0.16F, 0.36F) ||
             in_box(x, y, -0.36F, -0.25F, 0.36F, 0.85F);
    case Glyph::jar:
      return in_box(x, y, -0.5F, -0.35F, 0.4F, 0.6F) || in_box(x, y, -0.54F, -0.56F, 0.44F, -0.42F) ||
             in_arc(x, y, 0.45F, 0.12F, 0.26F, 0.13F);
    case Glyph::tube:
      return in_trapezium(x, y, -0.75F, 0.45F, 0.42F, 0.26F) || in_box(x, y, -0.18F, 0.5F, 0.18F, 0.82F);
    case Glyph::pan:
      return in_ellipse(x, y, -0.25F, 0.1F, 0.55F, 0.5F) || in_box(x, y, 0.2F, 0.02F, 0.95F, 0.17F);
    case Glyph::pot:
      return in_ellipse(x, y, -0.05F, 0.2F, 0.5F, 0.48F) || in_box(x, y, -0.14F, -0.48F, 0.06F, -0.25F) ||
             (x > 0.3F && x < 0.85F && std::abs(y - 0.2F + (x - 0.3F) * 0.8F) < 0.11F) ||
             in_arc(x, y, -0.6F, 0.15F, 0.27F, 0.1F);
    default:
      return in_ellipse(x, y, 0, 0, 0.72F, 0.72F);  // a plate, a clock, a helmet
  }
}

bool in_gear(Glyph glyph, float x, float y) {
  const float ax = std::abs(x);
  switch (glyph) {
    case Glyph::bag:
      return in_trapezium(x, y, -0.25F, 0.75F, 0.5F, 0.64F) || (y < -0.2F && in_arc(x, y, 0, -0.25F, 0.34F, 0.12F));
    case Glyph::suitcase:
      return in_box(x, y, -0.5F, -0.5F, 0.5F, 0.7F) || in_box(x, y, -0.2F, -0.85F, -0.12F, -0.5F) ||
             in_box(x, y, 0.12F, -0.85F, 0.2F, -0.5F) || in_box(x, y, -0.2F, -0.85F, 0.2F, -0.76F) ||
             in_ellipse(x, y, -0.35F, 0.78F, 0.1F, 0.1F) || in_ellipse(x, y, 0.35F, 0.78F, 0.1F, 0.1F);
    case Glyph::cloth:
      return ax < 0.75F - 0.09F * std::cos(y * 4.5F) && std::abs(y) < 0.55F - 0.08F * std::cos(x * 4.0F);
    case Glyph::lamp:
      return in_trapezium(x, y, -0.8F, -0.2F, 0.25F, 0.55F) || in_box(x, y, -0.06F, -0.2F, 0.06F, 0.7F) ||
             in_box(x, y, -0.35F, 0.7F, 0.35F, 0.82F);
    case Glyph::tool:
      return in_box(x, y, -0.09F, 0, 0.09F, 0.9F) || in_ellipse(x, y, 0, -0.42F, 0.3F, 0.48F);
    case Glyph::book:
      return in_box(x, y, -0.58F, -0.75F, 0.58F, 0.75F) && !in_box(x, y, -0.44F, -0.75F, -0.39F, 0.75F);
    case Glyph::tent:
      return in_trapezium(x, y, -0.7F, 0.65F, 0.03F, 0.88F) && !in_trapezium(x, y, -0.05F, 0.65F, 0.02F, 0.22F);
    case Glyph::toy:
      return in_ellipse(x, y, 0, 0.3F, 0.5F, 0.52F) || in_ellipse(x, y, 0, -0.35F, 0.4F, 0.38F) ||
             in_ellipse(ax, y, 0.36F, -0.66F, 0.18F, 0.18F);
    case Glyph::ring:
      return (y < 0.2F && in_arc(x, y, 0, 0, 0.66F, 0.16F)) || in_box(ax, y, 0.5F, 0.02F, 0.82F, 0.65F);
    case Glyph::buds:
      return in_ellipse(ax, y, 0.42F, -0.2F, 0.3F, 0.34F) || in_box(ax, y, 0.36F, 0, 0.54F, 0.62F);
    case Glyph::phone:
      return in_box(x, y, -0.42F, -0.85F, 0.42F, 0.85F) && !in_ellipse(x, y, -0.2F, -0.62F, 0.13F, 0.13F);
    case Glyph::watch:
      return in_box(x, y, -0.2F, -0.92F, 0.2F, 0.92F) || in_ellipse(x, y, 0, 0, 0.46F, 0.46F);
    default:
      return false;
  }
}

bool in_glyph(Glyph glyph, float x, float y) {
  if (glyph <= Glyph::boot) return in_clothes(glyph, x, y);
  if (glyph == Glyph::bottle || glyph == Glyph::round || glyph == Glyph::jar || glyph == Glyph::pan ||
      glyph == Glyph::pot || glyph == Glyph::tube) {
    return in_vessel(glyph, x, y);
  }
  return in_gear(glyph, x, y);
}

/// How much of the second colour a pattern shows at a point. Order as in the lexicon's list.
float pattern_at(int pattern, float x, float y) {
  const auto wave = [](float v, float period) { return v / period - std::floor(v / period); };
  switch (pattern) {
    case 1:
      return wave(y, 0.3F) < 0.45F ? 1.0F : 0.0F;  // striped
    case 2:
      return (wave(x, 0.44F) < 0.5F ? 0.5F : 0.0F) + (wave(y, 0.44F) < 0.5F ? 0.5F : 0.0F);  // checked
    case 3:
      return std::hypot(wave(x, 0.36F) - 0.5F, wave(y, 0.36F) - 0.5F) < 0.27F ? 1.0F : 0.0F;  // dotted
    case 4: {                                                                                 // floral
      const float u = wave(x, 0.6F) - 0.5F, v = wave(y, 0.6F) - 0.5F, angle = std::atan2(v, u);
      return std::hypot(u, v) < 0.25F + 0.14F * std::cos(5 * angle) ? 1.0F : 0.0F;
    }
    case 5:
      return wave(x + y, 0.5F) < 0.5F ? (wave(x - y, 0.5F) < 0.5F ? 1.0F : 0.3F) : 0.0F;  // geometric
    case 6:
      return y > 0.1F ? 1.0F : 0.0F;  // two-tone
    case 7:
      return std::abs(std::sin(5 * x + 3 * std::sin(4 * y + 2 * x))) < 0.28F ? 0.8F : 0.0F;  // marbled
    default:
      return 0;
  }
}

Rgb mix(const Rgb& a, const Rgb& b, float share) {
  Rgb out;
  for (size_t c = 0; c < 3; ++c) out[c] = a[c] + (b[c] - a[c]) * share;
  return out;
}

/// Everything that does not depend on the pixel.
struct Drawing {
  Drawing(const Lexicon& lexicon, const ShopItem& item) {
    const Leaf& leaf = lexicon.leaves[static_cast<size_t>(item.leaf)];
    const auto place = [&](int a) {
      return place_of(leaf.values[static_cast<size_t>(a)], item.value[static_cast<size_t>(a)]);
    };
    glyph = leaf.glyph;
    pattern = place(kPattern);
    body = kColours[static_cast<size_t>(place(kColour))];
    const float light = 0.3F * body[0] + 0.59F * body[1] + 0.11F * body[2];
    accent = light > 150 ? mix(body, {60, 50, 70}, 0.55F) : mix(body, {255, 250, 240}, 0.6F);
    back = mix(kSeasonLight[static_cast<size_t>(place(kSeason))], {255, 255, 255}, 0.25F);
    if (light > 205) back = mix(back, {120, 132, 150}, 0.4F);  // a white thing stays visible
    gloss = 0.15F + 0.13F * static_cast<float>(place(kFinish));
    // Leaves that share a silhouette differ in proportion, and so do shapes within a leaf.
    width = 0.82F + 0.12F * static_cast<float>(item.leaf % 3) + 0.05F * static_cast<float>(place(kShape));
    height = 1.02F - 0.09F * static_cast<float>(item.leaf % 3);
    const uint32_t hue = static_cast<uint32_t>(item.brand) * 2654435761U;
    for (size_t c = 0; c < 3; ++c) tag[c] = static_cast<float>(40 + (hue >> (8 * c) & 0xFFU) * 3 / 4);
    round_tag = item.brand % 2 == 0;
  }

  Rgb at(float x, float y) const {
    const bool tag_here =
        round_tag ? in_ellipse(x, y, 0.8F, 0.8F, 0.14F, 0.14F) : in_box(x, y, 0.66F, 0.66F, 0.94F, 0.94F);
    if (tag_here) return tag;
    const float u = x / width, v = y / height;
    if (!in_glyph(glyph, u, v)) {
      const bool shadow = in_glyph(glyph, u - 0.07F, v - 0.09F);
      return mix(back, {70, 70, 86}, shadow ? 0.3F : 0.05F * (y + 1));
    }
    const Rgb colour = mix(body, accent, pattern_at(pattern, u, v));
    const float shine = std::max(0.0F, 1 - std::hypot(u + 0.25F, v + 0.4F) / 0.6F);
    return mix(mix(colour, {255, 255, 255}, gloss * shine), {0, 0, 0}, 0.1F * (u + v + 1.2F) / 2);
  }

  Glyph glyph = Glyph::book;
  int pattern = 0;
  Rgb body{}, accent{}, back{}, tag{};
  float gloss = 0, width = 1, height = 1;
  bool round_tag = false;
};

}  // namespace

std::vector<uint8_t> draw_item(const Lexicon& lexicon, const ShopItem& item, int size) {
  const Drawing drawing(lexicon, item);
  std::vector<uint8_t> rgb(static_cast<size_t>(size) * static_cast<size_t>(size) * 3);
  constexpr int kSamples = 2;
  size_t at = 0;
  for (int py = 0; py < size; ++py) {
    for (int px = 0; px < size; ++px) {
      Rgb sum{};
      for (int s = 0; s < kSamples * kSamples; ++s) {
        const float x = (static_cast<float>(px * kSamples + s % kSamples) + 0.5F) / static_cast<float>(size * kSamples);
        const float y = (static_cast<float>(py * kSamples + s / kSamples) + 0.5F) / static_cast<float>(size * kSamples);
        const Rgb colour = drawing.at(2 * x - 1, 2 * y - 1);
        for (size_t c = 0; c < 3; ++c) sum[c] += colour[c];
      }
      for (const float c : sum) {
        rgb[at++] = static_cast<uint8_t>(std::clamp(c / (kSamples * kSamples) + 0.5F, 0.0F, 255.0F));
      }
    }
  }
  return rgb;
}

void pixel_vector(std::span<const uint8_t> rgb, int size, std::span<float> out) {
  TESSERA_CHECK(out.size() == kPixelDim, shape, "pixel vector of {} numbers, {} wanted", out.size(), kPixelDim);
  const auto side = static_cast<size_t>(size), cells = static_cast<size_t>(kPixelCells);
  for (size_t cy = 0; cy < cells; ++cy) {
    for (size_t cx = 0; cx < cells; ++cx) {
      const size_t top = cy * side / cells, bottom = (cy + 1) * side / cells;
      const size_t left = cx * side / cells, right = (cx + 1) * side / cells;
      std::array<float, 3> sum{};
      for (size_t y = top; y < bottom; ++y) {
        for (size_t x = left; x < right; ++x) {
          for (size_t c = 0; c < 3; ++c) sum[c] += static_cast<float>(rgb[(y * side + x) * 3 + c]);
        }
      }
      const auto area = static_cast<float>((bottom - top) * (right - left));
      for (size_t c = 0; c < 3; ++c) out[(cy * cells + cx) * 3 + c] = sum[c] / area / 255.0F;
    }
  }
}

}  // namespace tessera::shop
