#include "lexical/explain.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace tessera {

namespace {

constexpr double kMinNormlen = 0.5;  ///< as given to Xapian::BM25Weight

/// BM25 as Xapian 1.4 computes it with k2 = 0, k3 = 1.
class Bm25 {
 public:
  Bm25(const Xapian::Database& database, const LexicalOptions& options, Xapian::docid document)
      : database_(database), options_(options) {
    const double mean = database.get_average_length();
    const double norm = std::max(mean > 0 ? database.get_doclength(document) / mean : 1, kMinNormlen);
    base_ = options.k1 * (norm * options.b + 1 - options.b);
  }
  double operator()(const std::string& term, double count) const {
    const double items = database_.get_doccount();
    const double with = database_.get_termfreq(term);
    double rarity = (items - with + 0.5) / (with + 0.5);
    if (rarity < 2) rarity = rarity * 0.5 + 1;
    return std::log(rarity) * (options_.k1 + 1) * count / (base_ + count);
  }

 private:
  const Xapian::Database& database_;
  const LexicalOptions& options_;
  double base_ = 0;
};

/// Raw terms that the query asks for, as sets.
struct AskedTerms {
  std::set<std::string> words, stems;
  explicit AskedTerms(const MatchedTerms& terms)
      : words(terms.words.begin(), terms.words.end()), stems(terms.stems.begin(), terms.stems.end()) {
    for (const auto& letters : terms.letters) {
      for (const std::string& pair : letter_terms(letters)) words.insert(pair);
    }
  }
};

}  // namespace

std::vector<LexicalReason> explain_score(LexicalReader& reader, const LexicalOptions& options,
                                         const MatchedTerms& terms, Xapian::docid document, double score) {
  const AskedTerms asked(terms);
  const Bm25 bm25(reader.database, options, document);
  const auto weights = field_weights(options);
  struct Part {
    std::string word;
    std::array<double, kNumLexicalFields> count{};
  };
  std::map<std::string, std::vector<Part>> by_term;  // scoring term -> the item's words behind it
  for (auto it = reader.database.termlist_begin(document); it != reader.database.termlist_end(document); ++it) {
    const std::string word = *it;
    if (word.empty() || (word[0] >= 'A' && word[0] <= 'Z')) continue;
    const std::string stem = reader.forms.stems() ? reader.forms.stem(word) : "";
    const bool stemmed = !stem.empty() && asked.stems.contains(stem);
    if (!stemmed && !asked.words.contains(word)) continue;
    Part part{word, {}};
    for (auto at = reader.database.positionlist_begin(document, word);
         at != reader.database.positionlist_end(document, word); ++at) {
      const size_t field = std::min<size_t>(*at / kFieldSpacing, kNumLexicalFields - 1);
      part.count[field] += static_cast<double>(weights[field]);
    }
    by_term[stemmed ? stem_term(stem) : word].push_back(std::move(part));
  }
  std::vector<LexicalReason> reasons;
  double sum = 0;
  for (const auto& [term, parts] : by_term) {
    double count = 0;
    for (const Part& part : parts) {
      for (const double c : part.count) count += c;
    }
    if (count <= 0) continue;
    const double weight = bm25(term, count);
    sum += weight;
    for (const Part& part : parts) {
      for (size_t field = 0; field < kNumLexicalFields; ++field) {
        if (part.count[field] > 0)
          reasons.push_back({part.word, kLexicalFields[field], weight * part.count[field] / count});
      }
    }
  }
  for (LexicalReason& reason : reasons) reason.weight *= sum > 0 ? score / sum : 0;
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const LexicalReason& a, const LexicalReason& b) { return a.weight > b.weight; });
  return reasons;
}

}  // namespace tessera
