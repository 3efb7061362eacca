#include "data/simulate/lexicon.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "data/simulate/shop_words.h"

namespace tessera::shop {
namespace {

constexpr std::array<const char*, kNumAttributes> kAttributeNames = {
    "brand",      "material", "colour",  "size",  "audience", "season", "style", "scene", "function",
    "price_band", "series",   "pattern", "shape", "finish",   "origin", "care",  "pack",  "feature"};

constexpr std::array<std::string_view, 24> kGlyphNames = {
    "top", "bottom", "coat", "dress", "shoe", "boot", "bag",  "case",  "cloth", "lamp", "bottle", "round",
    "jar", "pan",    "tool", "book",  "pot",  "ring", "buds", "phone", "watch", "tube", "tent",   "toy"};

constexpr int kNumBrands = 120;
constexpr int kSeriesPerBrand = 4;

std::string_view trim_words(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split_words(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(trim_words(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "English|Chinese"; one word serves both where there is no bar.
struct Bilingual {
  explicit Bilingual(std::string_view text) {
    const size_t bar = text.find('|');
    english = text.substr(0, bar);
    chinese = bar == std::string_view::npos ? english : text.substr(bar + 1);
  }
  std::string pick(bool want_chinese) const { return std::string(want_chinese ? chinese : english); }
  std::string_view english, chinese;
};

using ScopedValues = std::array<std::vector<int>, kNumAttributes>;

/// Reads shop_tree() line by line.
class TreeReader {
 public:
  explicit TreeReader(Lexicon& lexicon) : lexicon_(lexicon) {}

  void read(std::string_view tree) {
    for (const std::string_view line : split_words(tree, '\n')) {
      if (!line.empty()) read_line(line);
    }
    close_leaf();
    for (size_t i = 0; i < complements_.size(); ++i) {
      for (const std::string_view name : complements_[i]) {
        lexicon_.leaves[i].complements.push_back(leaf_of(name));
      }
    }
  }

  int add_value(int attribute, const Bilingual& word) {
    // One English word may stand for two Chinese ones; they are two values.
    const auto key = std::make_pair(attribute, std::string(word.english) + "|" + std::string(word.chinese));
    const auto [it, is_new] = numbers_.emplace(key, static_cast<int>(lexicon_.values.size()));
    if (is_new) lexicon_.values.push_back({attribute, std::string(word.english), word.pick(lexicon_.chinese)});
    return it->second;
  }

 private:
  void read_line(std::string_view line) {
    if (line[0] == '@') return read_values(line.substr(1));
    close_leaf();
    const std::string_view rest = trim_words(line.substr(1));
    if (line[0] == 'D') {
      lexicon_.departments.push_back(Bilingual(rest).pick(lexicon_.chinese));
      scopes_[1] = scopes_[2] = {};
      depth_ = 1;
    } else if (line[0] == 'G') {
      lexicon_.groups.push_back(Bilingual(rest).pick(lexicon_.chinese));
      scopes_[2] = {};
      depth_ = 2;
    } else {
      read_leaf(rest);
    }
  }

  void read_leaf(std::string_view rest) {
    const auto parts = split_words(rest, ';');
    TESSERA_CHECK(parts.size() == 6, internal, "shop words: '{}' has {} parts, 6 wanted", rest, parts.size());
    const Bilingual name(parts[0]), synonym(parts[2]);
    Leaf leaf;
    leaf.english = name.english;
    leaf.plural = name.pick(lexicon_.chinese);
    leaf.noun = lexicon_.chinese ? std::string(name.chinese) : std::string(parts[1]);
    leaf.synonym = synonym.pick(lexicon_.chinese);
    leaf.price = std::stod(std::string(parts[3]));
    const auto glyph = std::find(kGlyphNames.begin(), kGlyphNames.end(), parts[4]);
    TESSERA_CHECK(glyph != kGlyphNames.end(), internal, "shop words: no glyph is called '{}'", parts[4]);
    leaf.glyph = static_cast<Glyph>(glyph - kGlyphNames.begin());
    leaf.department = static_cast<int>(lexicon_.departments.size()) - 1;
    leaf.group = static_cast<int>(lexicon_.groups.size()) - 1;
    lexicon_.leaves.push_back(std::move(leaf));
    complements_.push_back(split_words(parts[5], ','));
    scopes_[3] = {};
    depth_ = 3;
    open_ = true;
  }

  void read_values(std::string_view line) {
    const size_t space = line.find(' ');
    const auto name = std::find(kAttributeNames.begin(), kAttributeNames.end(), line.substr(0, space));
    TESSERA_CHECK(name != kAttributeNames.end(), internal, "shop words: no attribute is called '{}'",
                  line.substr(0, space));
    const auto attribute = static_cast<int>(name - kAttributeNames.begin());
    auto& list = scopes_[static_cast<size_t>(depth_)][static_cast<size_t>(attribute)];
    for (const std::string_view word : split_words(line.substr(space), ',')) {
      list.push_back(add_value(attribute, Bilingual(word)));
    }
  }

  /// A leaf's values are known when its lines are over.
  void close_leaf() {
    if (!open_) return;
    open_ = false;
    const Glyph glyph = lexicon_.leaves.back().glyph;
    // In a department whose care is storage, only tools have a colour of their own.
    const auto& care = scopes_[1][kCare];
    lexicon_.leaves.back().packaged =
        glyph != Glyph::tool && !care.empty() && lexicon_.values[static_cast<size_t>(care[0])].english == "keep cool";
    for (size_t a = 0; a < kNumAttributes; ++a) {
      for (int depth = 3; depth >= 0; --depth) {
        if (scopes_[static_cast<size_t>(depth)][a].empty()) continue;
        lexicon_.leaves.back().values[a] = scopes_[static_cast<size_t>(depth)][a];
        break;
      }
    }
  }

  int leaf_of(std::string_view name) const {
    for (size_t i = 0; i < lexicon_.leaves.size(); ++i) {
      if (lexicon_.leaves[i].english == name) return static_cast<int>(i);
    }
    fail(ErrorKind::internal, "shop words: no leaf is called '{}'", name);
  }

  Lexicon& lexicon_;
  std::map<std::pair<int, std::string>, int> numbers_;
  std::array<ScopedValues, 4> scopes_;
  std::vector<std::vector<std::string_view>> complements_;
  int depth_ = 0;
  bool open_ = false;
};

void add_brands(Lexicon& lexicon, TreeReader& reader, uint64_t seed) {
  const auto starts = split_words(brand_starts(), ','), ends = split_words(brand_ends(), ',');
  const auto series = split_words(series_names(), ',');
  std::vector<size_t> order(starts.size() * ends.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  Random random(seed, "shop.brands");
  random.shuffle(std::span(order));
  lexicon.department_brands.resize(lexicon.departments.size());
  const auto num_departments = static_cast<int>(lexicon.departments.size());
  for (int b = 0; b < kNumBrands; ++b) {
    const Bilingual start(starts[order[static_cast<size_t>(b)] / ends.size()]);
    const Bilingual end(ends[order[static_cast<size_t>(b)] % ends.size()]);
    const std::string english = std::string(start.english) + std::string(end.english);
    const std::string chinese = std::string(start.chinese) + std::string(end.chinese);
    Brand brand;
    brand.value = reader.add_value(kBrand, Bilingual(english + "|" + chinese));
    brand.level = 0.35 * random.normal();
    const size_t first = random.below(series.size());
    for (int s = 0; s < kSeriesPerBrand; ++s) {
      brand.series.push_back(
          reader.add_value(kSeries, Bilingual(series[(first + static_cast<size_t>(7 * s)) % series.size()])));
    }
    // Every brand has a home department; every second one also sells in another.
    const int home = b % num_departments;
    lexicon.department_brands[static_cast<size_t>(home)].push_back(b);
    if (b % 2 == 0) {
      const auto shift = 1 + static_cast<int>(random.below(static_cast<uint64_t>(num_departments - 1)));
      lexicon.department_brands[static_cast<size_t>((home + shift) % num_departments)].push_back(b);
    }
    lexicon.brands.push_back(std::move(brand));
  }
}

}  // namespace

const char* attribute_name(int attribute) {
  return kAttributeNames[static_cast<size_t>(attribute)];
}

Lexicon make_lexicon(std::string_view language, uint64_t seed) {
  TESSERA_CHECK(language == "en" || language == "zh", config, "language is '{}', en or zh wanted", language);
  Lexicon lexicon;
  lexicon.chinese = language == "zh";
  TreeReader reader(lexicon);
  reader.read(shop_tree());
  for (size_t l = 0; l < lexicon.leaves.size(); ++l) {
    TESSERA_CHECK(lexicon.leaves[l].group == static_cast<int>(l / kLeavesPerGroup), internal,
                  "shop words: every group has {} leaves, but '{}' is out of step", kLeavesPerGroup,
                  lexicon.leaves[l].english);
  }
  add_brands(lexicon, reader, seed);
  return lexicon;
}

}  // namespace tessera::shop
