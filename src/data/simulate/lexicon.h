#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::shop {

/// The attribute classes; their names are the keys of Item::attributes.
enum Attribute : uint8_t {
  kBrand,
  kMaterial,
  kColour,
  kSize,
  kAudience,
  kSeason,
  kStyle,
  kScene,
  kFunction,
  kPriceBand,
  kSeries,
  kPattern,
  kShape,
  kFinish,
  kOrigin,
  kCare,
  kPack,
  kFeature,
  kNumAttributes
};
const char* attribute_name(int attribute);

/// Silhouettes of the pictures.
enum class Glyph : uint8_t {
  top,
  bottom,
  coat,
  dress,
  shoe,
  boot,
  bag,
  suitcase,
  cloth,
  lamp,
  bottle,
  round,
  jar,
  pan,
  tool,
  book,
  pot,
  ring,
  buds,
  phone,
  watch,
  tube,
  tent,
  toy
};

inline constexpr int kLeavesPerGroup = 3;

/// A value of an attribute class, e.g. navy. Numbered across all classes.
struct Value {
  int attribute = 0;
  std::string english;  ///< language-free key
  std::string text;     ///< in the shop's language
};

/// A leaf category.
struct Leaf {
  std::string english, plural, noun, synonym;
  double price = 0;  ///< usual price in dollars
  Glyph glyph = Glyph::book;
  int department = 0;
  int group = 0;                 ///< numbered across departments
  bool packaged = false;         ///< a cream or the like: its colour and pattern are the packaging's
  std::vector<int> complements;  ///< leaves that go with it, most usual first
  std::array<std::vector<int>, kNumAttributes> values;  ///< possible values by class
};

struct Brand {
  int value = 0;            ///< its number as a Value of class brand
  double level = 0;         ///< log of its prices relative to other brands, about N(0, 0.35)
  std::vector<int> series;  ///< values of class series
};

/// All words of the shop in one language. The numbers of values, leaves and brands are the same in every language.
struct Lexicon {
  bool chinese = false;
  std::vector<Value> values;
  std::vector<std::string> departments, groups;
  std::vector<Leaf> leaves;
  std::vector<Brand> brands;
  std::vector<std::vector<int>> department_brands;  ///< positions in `brands`, best known first

  const std::string& text(int value) const { return values[static_cast<size_t>(value)].text; }
};

/// @param language  "en" or "zh"
Lexicon make_lexicon(std::string_view language, uint64_t seed);

}  // namespace tessera::shop
