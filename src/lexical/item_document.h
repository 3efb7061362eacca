#pragma once

#include <xapian.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/catalogue.h"
#include "lexical/lexical_index.h"
#include "lexical/word_forms.h"
#include "lexical/words.h"

namespace tessera {

inline constexpr size_t kNumLexicalFields = 5;
inline constexpr std::array<const char*, kNumLexicalFields> kLexicalFields = {"title", "brand", "categories",
                                                                              "attributes", "description"};
inline constexpr int32_t kFieldSpacing = 1 << 14;   ///< positions of field f start at f * kFieldSpacing
inline constexpr size_t kMaxFieldBytes = 1u << 20;  ///< of an item

/// Weights by field, in the order of kLexicalFields.
std::array<int64_t, kNumLexicalFields> field_weights(const LexicalOptions& options);

/// The texts that are indexed, in the order of kLexicalFields: names of categories and values of attributes one a line.
std::array<std::string, kNumLexicalFields> field_texts(const Item& item);

/// @throws Error(data) naming the item if a field is longer than kMaxFieldBytes
void check_field_sizes(const Item& item);

/// Whether a raw term goes into the spelling dictionary: a word of letters, at least three.
bool is_spelling(std::string_view term);

/// An item's Xapian document id: position + 1.
inline Xapian::docid docid_of(ItemId item) {
  return static_cast<Xapian::docid>(index(item)) + 1;
}
inline ItemId item_of(Xapian::docid id) {
  return ItemId{static_cast<int32_t>(id - 1)};
}

/// Turns items into documents: per word a raw term with positions and a stem term, both counted with the field's
/// weight. Not thread-safe.
class DocumentMaker {
 public:
  explicit DocumentMaker(const LexicalOptions& options);
  /// @param item  of checked sizes
  Xapian::Document make(const Item& item);

 private:
  std::array<int64_t, kNumLexicalFields> weights_;
  TextReader text_;
  WordForms forms_;
};

}  // namespace tessera
