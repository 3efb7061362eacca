#pragma once

#include <xapian.h>

#include <optional>
#include <string>
#include <vector>

#include "lexical/lexical_query.h"
#include "lexical/query_parser.h"
#include "lexical/synonyms.h"

namespace tessera {

/// A thread's own way to the index.
struct LexicalReader {
  Xapian::Database database;
  uint64_t generation = 0;  ///< of the commit it sees
  TextReader text;
  WordForms forms;
};

/// One wanted word or expression with everything that may stand for it.
struct QuerySlot {
  Xapian::Query query;
  size_t first_word = 0, end_word = 0;  ///< of ParsedQuery::words
  double frequency = 0;                 ///< about how many items hold it; 0: none does
};

/// A query in Xapian's terms, still to be composed.
struct QueryPlan {
  std::vector<QuerySlot> slots;
  std::vector<Xapian::Query> phrases, excluded, optional;
  MatchedTerms terms;

  /// Every slot that `dropped` does not name is wanted, the dropped ones add to the score only.
  Xapian::Query compose(const std::vector<bool>& dropped) const;
  bool hopeless() const;  ///< a slot or phrase that no item holds
};

/// Turns parsed queries into plans for one reader.
class QueryPlanner {
 public:
  QueryPlanner(LexicalReader& reader, const SynonymTable& synonyms, Xapian::termcount max_expansions)
      : reader_(reader), synonyms_(synonyms), max_expansions_(max_expansions) {}

  /// @param corrections  by word: what it may mean too, or ""; empty: none
  QueryPlan plan(const ParsedQuery& query, bool prefix, const std::vector<std::string>& corrections);
  /// By word: the spelling to try instead of it, or "". Words with more than `rare` items are right.
  std::vector<std::string> corrections(const ParsedQuery& query, bool prefix, int64_t num_typos, double rare) const;

 private:
  struct Meaning {
    Xapian::Query query;
    double frequency = 0;
  };
  Meaning term(const std::string& text) const;
  Meaning all_of(const std::vector<Meaning>& parts) const;
  Meaning word(const QueryWord& word, MatchedTerms& terms) const;
  Meaning unfinished(const std::string& text, MatchedTerms& terms) const;
  Meaning synonym(const SynonymTable::Words& words, MatchedTerms& terms);
  Xapian::Query phrase(const QueryPhrase& phrase) const;

  LexicalReader& reader_;
  const SynonymTable& synonyms_;
  Xapian::termcount max_expansions_;
};

}  // namespace tessera
