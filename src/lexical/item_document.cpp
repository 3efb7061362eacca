#include "lexical/item_document.h"

#include <algorithm>

#include "base/error.h"

namespace tessera {

std::array<int64_t, kNumLexicalFields> field_weights(const LexicalOptions& options) {
  return {options.title, options.brand, options.categories, options.attributes, options.description};
}

std::array<std::string, kNumLexicalFields> field_texts(const Item& item) {
  std::string categories, attributes;
  for (size_t p = 0; p < item.categories.size(); ++p) {
    for (size_t level = 0; level < item.categories[p].size(); ++level) {
      const auto& paths = item.categories;
      const bool shared =
          p > 0 && level < paths[p - 1].size() &&
          std::equal(paths[p].begin(), paths[p].begin() + static_cast<int64_t>(level) + 1, paths[p - 1].begin());
      if (!shared) categories += paths[p][level] + "\n";  // "Beauty" of two paths below it counts once
    }
  }
  for (const auto& [name, value] : item.attributes) attributes += value + "\n";
  return {item.title, item.brand, std::move(categories), std::move(attributes), item.description};
}

void check_field_sizes(const Item& item) {
  std::array<size_t, kNumLexicalFields> sizes{item.title.size(), item.brand.size(), 0, 0, item.description.size()};
  for (const auto& path : item.categories) {
    for (const std::string& name : path) sizes[2] += name.size() + 1;
  }
  for (const auto& [name, value] : item.attributes) sizes[3] += value.size() + 1;
  for (size_t field = 0; field < kNumLexicalFields; ++field) {
    TESSERA_CHECK(sizes[field] <= kMaxFieldBytes, data, "item '{}': its {} has {} bytes, wanted at most {}", item.id,
                  kLexicalFields[field], sizes[field], kMaxFieldBytes);
  }
}

bool is_spelling(std::string_view term) {
  if (term.size() < 3 || term.size() > 40 || (term[0] >= 'A' && term[0] <= 'Z')) return false;
  size_t letters = 0;
  for (const char c : term) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte >= '0' && byte <= '9') || byte >= 0xE1) return false;  // U+1000 on: CJK and scripts of syllables
    if ((byte & 0xC0u) != 0x80u) ++letters;
  }
  return letters >= 3;
}

DocumentMaker::DocumentMaker(const LexicalOptions& options)
    : weights_(field_weights(options)), text_(options.strip_accents), forms_(options.language, false) {}

Xapian::Document DocumentMaker::make(const Item& item) {
  Xapian::Document document;
  const auto texts = field_texts(item);
  for (size_t field = 0; field < kNumLexicalFields; ++field) {
    const auto weight = static_cast<Xapian::termcount>(weights_[field]);
    if (weight == 0) continue;
    const int32_t first = static_cast<int32_t>(field) * kFieldSpacing;
    for (const TextTerm& term : text_terms(text_.units(texts[field]), first)) {
      if (term.position >= first + kFieldSpacing - 1) break;
      document.add_posting(term.text, static_cast<Xapian::termpos>(term.position), weight);
      if (forms_.stems() && !term.letter) document.add_term(stem_term(forms_.stem(term.text)), weight);
    }
  }
  return document;
}

}  // namespace tessera
