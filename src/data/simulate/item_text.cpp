// Titles and descriptions: a small grammar over an item's attributes.
#include <fmt/format.h>

#include <cctype>
#include <string>
#include <vector>

#include "data/simulate/item_model.h"

namespace tessera::shop {
namespace {

std::string capitalised(std::string_view text) {
  std::string out(text);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    start = c == ' ' || c == '-';
  }
  // Words that stay small inside a title.
  for (const std::string_view small : {" In ", " The ", " With ", " And ", " For ", " Of "}) {
    for (size_t at = out.find(small); at != std::string::npos; at = out.find(small, at + 1)) {
      out[at + 1] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[at + 1])));
    }
  }
  return out;
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string with_article(const std::string& text) {
  const bool vowel = !text.empty() && std::string_view("aeiouAEIOU").find(text[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + text;
}

/// The words of one item, ready for the templates.
struct ItemWords {
  ItemWords(const Lexicon& lexicon, const ShopItem& item)
      : lexicon(lexicon), item(item), leaf(lexicon.leaves[static_cast<size_t>(item.leaf)]) {}
  const std::string& operator[](Attribute a) const { return lexicon.text(item.value[a]); }
  const std::string& english(Attribute a) const { return lexicon.values[static_cast<size_t>(item.value[a])].english; }
  bool plain() const { return english(kPattern) == "plain"; }
  /// Colour and pattern; of what it comes in, where the thing itself has none.
  std::string look(const char* space, const char* packaging) const {
    const std::string colour = (*this)[kColour];
    if (leaf.packaged) return colour + packaging;
    return plain() ? colour : colour + space + (*this)[kPattern];
  }
  bool single() const { return english(kPack) == "single"; }

  const Lexicon& lexicon;
  const ShopItem& item;
  const Leaf& leaf;
};

/// "women" as it stands before the noun, or "" when it has to follow as "for ...".
std::string possessive(const std::string& audience) {
  if (audience == "women") return "Women's";
  if (audience == "men") return "Men's";
  if (audience == "kids") return "Kids'";
  if (audience == "girls") return "Girls'";
  if (audience == "unisex") return "Unisex";
  return "";
}

void join(std::string& text, const std::string& part, const char* separator = " ") {
  if (part.empty()) return;
  if (!text.empty()) text += separator;
  text += part;
}

std::string english_title(const ItemWords& w, Random& random) {
  std::string title = w[kBrand];
  if (random.chance(0.75)) join(title, w[kSeries]);
  const std::string whose = possessive(w.english(kAudience));
  join(title, whose);
  const bool colour_first = random.chance(0.55);
  if (random.chance(0.35)) join(title, capitalised(w[kStyle]));
  if (random.chance(0.3)) join(title, capitalised(w[kFunction]));
  if (colour_first) join(title, capitalised(w[kColour]));
  if (!w.plain() && !w.leaf.packaged && random.chance(0.8)) join(title, capitalised(w[kPattern]));
  const std::string material = w[kMaterial];
  if (random.chance(0.8) && w.leaf.noun.find(material) == std::string::npos) join(title, capitalised(material));
  join(title, capitalised(w.leaf.noun));
  if (random.chance(0.3)) {
    const std::string feature = w[kFeature];
    join(title, capitalised(feature), feature.rfind("with ", 0) == 0 ? " " : ", ");
  }
  if (whose.empty() && random.chance(0.35)) join(title, capitalised("for " + w[kAudience]));
  if (random.chance(0.3)) join(title, capitalised(w[kShape]), ", ");
  if (!colour_first) join(title, capitalised(w[kColour]), ", ");
  if (random.chance(0.6)) join(title, w[kSize], ", ");
  if (!w.single()) join(title, capitalised(w[kPack]), ", ");
  return title;
}

std::string english_description(const ItemWords& w, Random& random) {
  const std::string look = w.look(" ", " packaging");
  const std::string& audience = w.english(kAudience) == "unisex" ? "everyone" : w[kAudience];
  std::string text;
  switch (random.below(4)) {
    case 0:
      text = fmt::format("{} {} in {}: {}, and made for {}.", sentence(w[kStyle]), w.leaf.noun, look, w[kFunction],
                         w[kScene]);
      break;
    case 1:
      text = fmt::format("From the {} series by {}: {} in {}, ideal for {}.", w[kSeries], w[kBrand], w.leaf.noun, look,
                         w[kScene]);
      break;
    case 2:
      text = fmt::format("Designed for {}: {} {} in {}, at its best for {}.", audience, w[kStyle], w.leaf.noun, look,
                         w[kScene]);
      break;
    default:
      text = fmt::format("{} {} bringing together {} and {} in {}.", sentence(w[kStyle]), w.leaf.synonym, w[kMaterial],
                         with_article(w[kFinish] + " finish"), look);
  }
  text += fmt::format(" Highlights: {}, {}, {}.", w[kFunction], w[kFeature], w[kShape]);
  if (random.chance(0.7)) {
    text += fmt::format(" Material: {}; finish: {}; size: {}.", w[kMaterial], w[kFinish], w[kSize]);
  }
  if (random.chance(0.6)) text += fmt::format(" For {}. Best season: {}.", audience, w[kSeason]);
  if (random.chance(0.7)) text += fmt::format(" {}, {}.", sentence(w[kCare]), w[kOrigin]);
  if (!w.single()) text += fmt::format(" Comes as {}.", with_article(w[kPack]));
  return text;
}

std::string chinese_title(const ItemWords& w, Random& random) {
  std::string title = w[kBrand];
  if (random.chance(0.75)) title += w[kSeries] + "系列";
  title += " ";
  if (random.chance(0.4)) title += w[kSeason];
  if (random.chance(0.7)) title += w[kAudience];
  if (random.chance(0.45)) title += w[kStyle];
  if (random.chance(0.4)) title += w[kFunction];
  if (!w.plain() && !w.leaf.packaged && random.chance(0.8)) title += w[kPattern];
  if (random.chance(0.8) && w.leaf.noun.find(w[kMaterial]) == std::string::npos) title += w[kMaterial];
  title += w.leaf.noun;
  if (random.chance(0.35)) title += " " + w[kFeature];
  if (random.chance(0.3)) title += " " + w[kShape];
  title += " " + w[kColour];
  if (random.chance(0.6)) title += " " + w[kSize];
  if (!w.single()) title += " " + w[kPack];
  return title;
}

std::string chinese_description(const ItemWords& w, Random& random) {
  std::string text;
  const std::string look = w.look("", "包装");
  switch (random.below(3)) {
    case 0:
      text = fmt::format("{}设计的{}{}，{}，适合{}。", w[kStyle], look, w.leaf.noun, w[kFunction], w[kScene]);
      break;
    case 1:
      text = fmt::format("{}{}系列{}，{}设计，{}的好选择。", w[kBrand], w[kSeries], w.leaf.noun, w[kStyle], w[kScene]);
      break;
    default:
      text = fmt::format("这款{}采用{}，搭配{}质感，{}外观。", w.leaf.synonym, w[kMaterial], w[kFinish], look);
  }
  text += fmt::format("亮点：{}、{}、{}。", w[kFunction], w[kFeature], w[kShape]);
  if (random.chance(0.7)) text += fmt::format("材质：{}；规格：{}；工艺：{}。", w[kMaterial], w[kSize], w[kFinish]);
  if (random.chance(0.6)) text += fmt::format("适用：{}；季节：{}。", w[kAudience], w[kSeason]);
  if (random.chance(0.7)) text += fmt::format("护理：{}，{}。", w[kCare], w[kOrigin]);
  if (!w.single()) text += fmt::format("包装：{}。", w[kPack]);
  return text;
}

}  // namespace

Item describe_item(const Lexicon& lexicon, const ShopItem& item, int32_t number, uint64_t seed) {
  const ItemWords words(lexicon, item);
  Random random(seed, "shop.text", static_cast<uint64_t>(number));
  Item out;
  out.id = fmt::format("i{:06}", number);
  out.title = lexicon.chinese ? chinese_title(words, random) : english_title(words, random);
  out.description = lexicon.chinese ? chinese_description(words, random) : english_description(words, random);
  out.brand = words[kBrand];
  out.categories = {{lexicon.departments[static_cast<size_t>(words.leaf.department)],
                     lexicon.groups[static_cast<size_t>(words.leaf.group)], words.leaf.plural}};
  out.price = item.price;
  out.created_at = item.created_at;
  for (int a = 0; a < kNumAttributes; ++a) {
    out.attributes.emplace(attribute_name(a), lexicon.text(item.value[static_cast<size_t>(a)]));
  }
  return out;
}

}  // namespace tessera::shop
