#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "data/catalogue.h"
#include "lexical/lexical_query.h"
#include "lexical/synonyms.h"

namespace tessera {

/// How items are indexed and weighed. A stored index made with others is built anew.
struct LexicalOptions {
  std::string language = "en";
  int64_t title = 4, brand = 3, categories = 2, attributes = 2, description = 1;
  bool strip_accents = true;
  double k1 = 1.2, b = 0.5;
  bool stop_words = true;
  int64_t max_expansions = 16;

  template <class F>
  void fields(F& f) {
    f("language", language, "stemmer: a Snowball name (en, german, ...), or zh, ja, ko, none for no stemming");
    f("title", title, "weight of a word in the title; 0: not indexed", range(0, 100));
    f("brand", brand, "weight of a word in the brand", range(0, 100));
    f("categories", categories, "weight of a word in the categories", range(0, 100));
    f("attributes", attributes, "weight of a word in the attributes' values", range(0, 100));
    f("description", description, "weight of a word in the description", range(0, 100));
    f("strip_accents", strip_accents, "e matches an accented e, in Latin and Greek");
    f("k1", k1, "BM25: how slowly repeated words saturate", range(0, 100));
    f("b", b, "BM25: how much long texts are marked down", range(0, 1));
    f("stop_words", stop_words, "leave words such as 'for' out of queries (English and Chinese)");
    f("max_expansions", max_expansions, "words that an unfinished last word stands for, the most usual",
      range(1, 1000));
  }
};

inline constexpr int64_t kMaxChangesAtOnce = 5000;

/// A change of one item.
struct LexicalChange {
  ItemId item{};
  const Item* content = nullptr;  ///< borrowed; null: erase, also when it is not there
};

struct LexicalStats {
  int64_t items = 0;
  int64_t version = 0;
  double mean_length = 0;   ///< weighted words an item
  int64_t size_bytes = 0;   ///< of the files
  int64_t num_readers = 0;  ///< open readers, kept for reuse
};

/// Lexical search over items (Xapian). Any number of threads may search while one changes items: a change is seen,
/// whole, by every search that starts after apply() returned. Searches never wait for a change.
class LexicalIndex {
 public:
  /// @param folder  where it is kept; "": in a temporary folder, gone with the object. An index there is opened if it
  /// was
  ///   made with the same options and ended in a usable state; else it starts empty, version() is 0, and
  ///   `start_reason()` says why. After a crash of the process it is usable; after one of the machine it is not
  ///   trusted.
  /// @throws Error(config) for options out of range, a language that is not known, or a folder that holds something
  /// else;
  ///   Error(io) if the folder cannot be used or another process uses it
  explicit LexicalIndex(const LexicalOptions& options = {}, const std::filesystem::path& folder = {});
  ~LexicalIndex();
  LexicalIndex(const LexicalIndex&) = delete;
  LexicalIndex& operator=(const LexicalIndex&) = delete;

  /// The version given to the last apply(): what a caller has to catch up from. 0: start with every item.
  int64_t version() const;
  /// Why it did not open what was in the folder; "" if it did or there was nothing.
  const std::string& start_reason() const;

  /// Puts and erases items and stores `version` with them, all or none; more than kMaxChangesAtOnce are seen in parts
  /// of that many, and `version` with the last. Later changes of one item win. One call at a time goes on, others wait.
  /// @throws Error(data) for a negative item, or a field above 1 MiB
  void apply(std::span<const LexicalChange> changes, int64_t version);
  /// Every item of the catalogue, by position.
  void apply_all(const Catalogue& catalogue, int64_t version);

  /// @throws Error(data) for a query beyond its limits; Error(overload) past its deadline
  LexicalResult search(const LexicalQuery& query) const;

  /// Replaces all synonyms; the next search uses them. @throws Error(data) for an empty or overlong one
  void set_synonyms(std::vector<Synonym> synonyms);

  LexicalStats stats() const;
  const LexicalOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
