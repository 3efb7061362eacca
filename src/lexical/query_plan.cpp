#include "lexical/query_plan.h"

#include <algorithm>

namespace tessera {

namespace {

constexpr int kMaxScannedTerms = 50000;
constexpr double kExpandedShare = 0.2;      // of the items: an unfinished word stands for words with as many in all,
constexpr double kMinExpandedItems = 2000;  // and never fewer than this
constexpr size_t kLettersForOneTypo = 4, kLettersForTwoTypos = 7;

size_t num_letters(const std::string& utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0u) != 0x80u; }));
}

/// Joins with OP_MAX: of several readings of one word, the best counts.
Xapian::Query best_of(const Xapian::Query& a, const Xapian::Query& b) {
  if (a.empty()) return b;
  return b.empty() ? a : Xapian::Query(Xapian::Query::OP_MAX, a, b);
}

}  // namespace

bool QueryPlan::hopeless() const {
  return std::any_of(slots.begin(), slots.end(), [](const QuerySlot& slot) { return slot.frequency <= 0; });
}

Xapian::Query QueryPlan::compose(const std::vector<bool>& dropped) const {
  std::vector<Xapian::Query> wanted(phrases), nice(optional);
  for (size_t i = 0; i < slots.size(); ++i) (dropped[i] ? nice : wanted).push_back(slots[i].query);
  Xapian::Query query = wanted.empty() ? Xapian::Query(Xapian::Query::OP_SCALE_WEIGHT, Xapian::Query::MatchAll, 0)
                                       : Xapian::Query(Xapian::Query::OP_AND, wanted.begin(), wanted.end());
  if (!nice.empty() && !wanted.empty()) {
    query = Xapian::Query(Xapian::Query::OP_AND_MAYBE, query,
                          Xapian::Query(Xapian::Query::OP_OR, nice.begin(), nice.end()));
  }
  if (excluded.empty()) return query;
  return Xapian::Query(Xapian::Query::OP_AND_NOT, query,
                       Xapian::Query(Xapian::Query::OP_OR, excluded.begin(), excluded.end()));
}

QueryPlanner::Meaning QueryPlanner::term(const std::string& text) const {
  return {Xapian::Query(text), static_cast<double>(reader_.database.get_termfreq(text))};
}

QueryPlanner::Meaning QueryPlanner::all_of(const std::vector<Meaning>& parts) const {
  if (parts.size() == 1) return parts.front();
  Meaning all{Xapian::Query(), parts.front().frequency};
  std::vector<Xapian::Query> queries;
  for (const Meaning& part : parts) {
    queries.push_back(part.query);
    all.frequency = std::min(all.frequency, part.frequency);
  }
  all.query = Xapian::Query(Xapian::Query::OP_AND, queries.begin(), queries.end());
  return all;
}

QueryPlanner::Meaning QueryPlanner::word(const QueryWord& word, MatchedTerms& terms) const {
  if (!word.letters.empty()) {
    terms.letters.push_back(word.letters);
    std::vector<Meaning> parts;
    for (const std::string& pair : letter_terms(word.letters)) parts.push_back(term(pair));
    return all_of(parts);
  }
  if (!reader_.forms.stems()) {
    terms.words.push_back(word.text);
    return term(word.text);
  }
  terms.stems.push_back(word.stem);
  return term(stem_term(word.stem));
}

QueryPlanner::Meaning QueryPlanner::unfinished(const std::string& text, MatchedTerms& terms) const {
  std::vector<std::pair<double, std::string>> known;
  int scanned = 0;
  for (auto it = reader_.database.allterms_begin(text); it != reader_.database.allterms_end(text); ++it) {
    known.emplace_back(-static_cast<double>(it.get_termfreq()), *it);
    if (++scanned == kMaxScannedTerms) break;
  }
  if (known.empty()) return {};
  const size_t kept = std::min<size_t>(known.size(), max_expansions_);
  std::partial_sort(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(kept), known.end());
  const double most = std::max(kMinExpandedItems, reader_.database.get_doccount() * kExpandedShare);
  Meaning meaning;
  std::vector<std::string> words;
  for (size_t i = 0; i < kept; ++i) {
    const double frequency = -known[i].first;
    if (!words.empty() && meaning.frequency + frequency > most) continue;
    meaning.frequency += frequency;
    words.push_back(std::move(known[i].second));
  }
  meaning.query = Xapian::Query(Xapian::Query::OP_SYNONYM, words.begin(), words.end());
  terms.words.insert(terms.words.end(), words.begin(), words.end());
  terms.prefixes.push_back(text);
  return meaning;
}

QueryPlanner::Meaning QueryPlanner::synonym(const SynonymTable::Words& words, MatchedTerms& terms) {
  std::vector<Meaning> parts;
  for (const std::string& stem : words) {
    QueryWord part{stem, stem, {}};
    for (const TextUnit& unit : reader_.text.units(stem)) {
      if (unit.cjk) part.letters.push_back(unit.text);
    }
    parts.push_back(word(part, terms));
  }
  return all_of(parts);
}

Xapian::Query QueryPlanner::phrase(const QueryPhrase& phrase) const {
  if (phrase.size() == 1) return Xapian::Query(phrase.front().text);
  std::vector<std::string> words;
  for (const TextTerm& term : phrase) words.push_back(term.text);
  return Xapian::Query(Xapian::Query::OP_PHRASE, words.begin(), words.end(),
                       static_cast<Xapian::termcount>(words.size()));
}

QueryPlan QueryPlanner::plan(const ParsedQuery& query, bool prefix, const std::vector<std::string>& corrections) {
  QueryPlan plan;
  SynonymTable::Words stems;
  for (const QueryWord& word : query.words) stems.push_back(word.stem);
  const auto expressions = synonyms_.find(stems);
  auto expression = expressions.begin();
  for (size_t at = 0; at < query.words.size();) {
    const bool known = expression != expressions.end() && expression->begin == at;
    const size_t end = known ? expression->end : at + 1;
    std::vector<Meaning> parts;
    for (size_t w = at; w < end; ++w) {
      Meaning meaning = word(query.words[w], plan.terms);
      const auto add = [&](const Meaning& other) {
        meaning.query = best_of(meaning.query, other.query);
        meaning.frequency += other.frequency;
      };
      const bool open = prefix && query.unfinished && w + 1 == query.words.size() && query.words[w].letters.empty();
      if (open) add(unfinished(query.words[w].text, plan.terms));
      if (w < corrections.size() && !corrections[w].empty()) {
        add(word({corrections[w], reader_.forms.stem(corrections[w]), {}}, plan.terms));
      }
      parts.push_back(std::move(meaning));
    }
    Meaning whole = all_of(parts);
    for (size_t a = 0; known && a < expression->alternatives->size(); ++a) {
      const Meaning other = synonym((*expression->alternatives)[a], plan.terms);
      whole.query = best_of(whole.query, other.query);
      whole.frequency += other.frequency;
    }
    plan.slots.push_back({whole.query, at, end, whole.frequency});
    if (known) ++expression;
    at = end;
  }
  for (const std::string& pair : query.bridges) plan.optional.push_back(Xapian::Query(pair));
  for (const QueryPhrase& words : query.phrases) {
    plan.phrases.push_back(phrase(words));
    for (const TextTerm& term : words) plan.terms.words.push_back(term.text);
  }
  for (const QueryPhrase& words : query.excluded) {
    const bool one = words.size() == 1 && reader_.forms.stems();
    plan.excluded.push_back(one ? Xapian::Query(stem_term(reader_.forms.stem(words.front().text))) : phrase(words));
  }
  return plan;
}

std::vector<std::string> QueryPlanner::corrections(const ParsedQuery& query, bool prefix, int64_t num_typos,
                                                   double rare) const {
  std::vector<std::string> result(query.words.size());
  for (size_t w = 0; w < query.words.size(); ++w) {
    const QueryWord& word = query.words[w];
    const size_t letters = num_letters(word.text);
    const int64_t allowed = letters < kLettersForOneTypo ? 0 : letters < kLettersForTwoTypos ? 1 : 2;
    const auto edits = static_cast<unsigned>(std::min(num_typos, allowed));
    if (edits == 0 || !word.letters.empty()) continue;
    MatchedTerms ignored;
    double frequency = this->word(word, ignored).frequency;
    if (prefix && query.unfinished && w + 1 == query.words.size())
      frequency += unfinished(word.text, ignored).frequency;
    if (frequency > rare) continue;
    const std::string other = reader_.database.get_spelling_suggestion(word.text, edits);
    if (!other.empty() && reader_.forms.stem(other) != word.stem) result[w] = other;
  }
  return result;
}

}  // namespace tessera
