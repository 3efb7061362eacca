// Queries: what a need looks like in a search box, and what the shop's engine makes of it.
#include <algorithm>

#include "data/simulate/user_model.h"

namespace tessera::shop {
namespace {

/// Characters of UTF-8 text.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (const char c : text) {
    if ((static_cast<uint8_t>(c) & 0xC0U) == 0x80U && !out.empty()) {
      out.back() += c;
    } else {
      out.emplace_back(1, c);
    }
  }
  return out;
}

/// Swaps, drops or doubles one character, never the first.
std::string misspell(std::string_view word, Random& random) {
  std::vector<std::string> letters = characters(word);
  if (letters.size() < 3) return std::string(word);
  const size_t at = 1 + random.below(letters.size() - 2);
  if (letters[at][0] == ' ' || letters[at + 1][0] == ' ') return std::string(word);
  switch (random.below(3)) {
    case 0:
      std::swap(letters[at], letters[at + 1]);
      break;
    case 1:
      letters.erase(letters.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    default:
      letters[at] += letters[at];
  }
  std::string out;
  for (const std::string& letter : letters) out += letter;
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

int64_t count_words(std::string_view text) {
  return 1 + std::count(text.begin(), text.end(), ' ');
}

/// A value as people type it: "cotton", "for kids", "with pockets" -> "pockets".
std::string typed(const Lexicon& lexicon, int value) {
  std::string text = lower(lexicon.text(value));
  for (const std::string_view prefix : {"with ", "made in "}) {
    if (text.rfind(prefix, 0) == 0) text.erase(0, prefix.size());
  }
  return text;
}

/// The shop's engine knows its own words: a broken one is understood half of the time.
class QueryWriter {
 public:
  QueryWriter(const World& world, Random& random) : world_(world), random_(random) {}

  /// @return whether the engine understands the word
  bool add(std::string word) {
    bool understood = true;
    const double wrong = world_.lexicon.chinese ? 0.04 : 0.07;
    if (characters(word).size() >= 3 && random_.chance(wrong)) {
      const std::string broken = misspell(word, random_);
      if (broken != word) {
        query.misspelt = true;
        understood = random_.chance(0.5);
        word = broken;
      }
    }
    words_.push_back(std::move(word));
    return understood;
  }

  Query finish() {
    const bool tight = world_.lexicon.chinese && random_.chance(0.45);
    for (const std::string& word : words_) {
      if (!query.text.empty() && !tight) query.text += ' ';
      query.text += word;
    }
    return std::move(query);
  }

  Query query;

 private:
  const World& world_;
  Random& random_;
  std::vector<std::string> words_;
};

Query broad_query(const World& world, const Leaf& leaf, Random& random) {
  QueryWriter writer(world, random);
  const bool group = random.chance(0.6);
  writer.query.scope = group ? Query::Scope::group : Query::Scope::department;
  writer.query.target = group ? leaf.group : leaf.department;
  const auto& names = group ? world.lexicon.groups : world.lexicon.departments;
  std::string name = lower(names[static_cast<size_t>(writer.query.target)]);
  // "shoes & bags" is typed as one of its halves.
  if (const size_t both = name.find(" & "); both != std::string::npos) {
    name = random.chance(0.5) ? name.substr(0, both) : name.substr(both + 3);
  }
  writer.add(name);
  return writer.finish();
}

}  // namespace

Query write_query(const World& world, const Need& need, Random& random) {
  const Lexicon& lexicon = world.lexicon;
  const Leaf& leaf = lexicon.leaves[static_cast<size_t>(need.leaf)];
  if (random.chance(0.1)) return broad_query(world, leaf, random);

  std::vector<int> wishes = need.wishes;
  random.shuffle(std::span(wishes));
  const auto brand_wish = std::find_if(
      wishes.begin(), wishes.end(), [&](int v) { return lexicon.values[static_cast<size_t>(v)].attribute == kBrand; });
  if (brand_wish != wishes.end() && random.chance(0.2)) {
    QueryWriter writer(world, random);
    const int value = *brand_wish;
    const bool understood = writer.add(lower(lexicon.text(value)));
    writer.query.scope = understood ? Query::Scope::brand : Query::Scope::department;
    const auto brand =
        std::find_if(lexicon.brands.begin(), lexicon.brands.end(), [&](const Brand& b) { return b.value == value; });
    writer.query.target = understood ? static_cast<int>(brand - lexicon.brands.begin()) : leaf.department;
    return writer.finish();
  }

  QueryWriter writer(world, random);
  const std::string noun = lower(random.chance(0.25) ? leaf.synonym : leaf.noun);
  int64_t room = 4 - count_words(noun);
  std::vector<int> after;
  for (const int wish : wishes) {
    if (random.chance(0.25)) continue;  // people leave things unsaid
    const std::string word = typed(lexicon, wish);
    if (count_words(word) > room) continue;
    room -= count_words(word);
    const int attribute = lexicon.values[static_cast<size_t>(wish)].attribute;
    if (attribute == kFeature || attribute == kScene || (attribute == kAudience && random.chance(0.5))) {
      after.push_back(wish);
    } else if (writer.add(word)) {
      writer.query.understood.push_back(wish);
    }
  }
  const bool understood = writer.add(noun);
  writer.query.scope = understood ? Query::Scope::leaf : Query::Scope::department;
  writer.query.target = understood ? need.leaf : leaf.department;
  for (const int wish : after) {
    if (writer.add(typed(lexicon, wish))) writer.query.understood.push_back(wish);
  }
  return writer.finish();
}

}  // namespace tessera::shop
