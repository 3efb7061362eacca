#include "lexical/query_parser.h"

#include <algorithm>
#include <array>

#include "lexical/lexical_query.h"

namespace tessera {

namespace {

/// A part of the query between quotes or signs: bytes [begin, end).
struct QueryPart {
  size_t begin = 0, end = 0;
  bool phrase = false, excluded = false;
};

/// Bytes of the double quote that starts at `at`; 0: none does.
size_t quote_size(std::string_view text, size_t at) {
  constexpr std::array<std::string_view, 6> kQuotes = {"\"", "\u201c", "\u201d", "\u201e", "\u300c", "\u300d"};
  for (const auto quote : kQuotes) {
    if (text.substr(at, quote.size()) == quote) return quote.size();
  }
  return 0;
}

/// Bytes of the space that starts at `at` (ASCII, no-break and ideographic); 0: none does.
size_t space_size(std::string_view text, size_t at) {
  if (static_cast<uint8_t>(text[at]) <= 0x20) return 1;
  if (text.substr(at, 2) == "\u00a0") return 2;
  return text.substr(at, 3) == "\u3000" ? 3 : 0;
}

/// Phrases and excluded parts; what lies between them is plain.
std::vector<QueryPart> special_parts(std::string_view text) {
  std::vector<QueryPart> parts;
  bool at_start = true;  // of a word
  for (size_t at = 0; at < text.size();) {
    const bool minus = text[at] == '-' && at_start && at + 1 < text.size() && space_size(text, at + 1) == 0;
    const size_t open = minus ? at + 1 : at;
    if (const size_t quote = quote_size(text, open); quote > 0) {
      size_t close = open + quote;
      while (close < text.size() && quote_size(text, close) == 0) ++close;
      parts.push_back({open + quote, close, true, minus});
      at = close < text.size() ? close + quote_size(text, close) : close;
      at_start = true;
      continue;
    }
    if (minus) {
      size_t end = open;
      while (end < text.size() && space_size(text, end) == 0) ++end;
      parts.push_back({open, end, true, true});
      at = end;
      continue;
    }
    const size_t space = space_size(text, at);
    at_start = space > 0;
    at += std::max<size_t>(space, 1);
  }
  return parts;
}

QueryPhrase phrase_of(const std::vector<TextUnit>& units) {
  QueryPhrase phrase;
  const auto terms = text_terms(units);
  std::copy_if(terms.begin(), terms.end(), std::back_inserter(phrase),
               [](const TextTerm& term) { return !term.letter; });
  return phrase;
}

/// Joins the units of a plain part into words.
void append_query_words(const std::vector<TextUnit>& units, WordForms& forms, ParsedQuery& query) {
  for (size_t i = 0; i < units.size(); ++i) {
    const TextUnit& unit = units[i];
    if (unit.cjk && unit.joined && i > 0) {
      if (!unit.starts_word) {
        QueryWord& word = query.words.back();
        word.text += unit.text;
        word.letters.push_back(unit.text);
        word.end = unit.end;
        continue;
      }
      query.bridges.push_back(units[i - 1].text + unit.text);
    }
    QueryWord word{unit.text, {}, {}, unit.begin, unit.end};
    if (unit.cjk) word.letters = {unit.text};
    query.words.push_back(std::move(word));
  }
  for (QueryWord& word : query.words) {
    if (word.stem.empty()) word.stem = word.letters.empty() ? forms.stem(word.text) : word.text;
  }
}

}  // namespace

std::vector<std::string> letter_terms(const std::vector<std::string>& letters) {
  if (letters.size() == 1) return letters;
  std::vector<std::string> pairs;
  for (size_t i = 0; i + 1 < letters.size(); ++i) pairs.push_back(letters[i] + letters[i + 1]);
  return pairs;
}

ParsedQuery parse_query(std::string_view text, TextReader& reader, WordForms& forms) {
  ParsedQuery query;
  const std::vector<QueryPart> special = special_parts(text);
  const std::vector<TextUnit> units = reader.placed_units(text);
  std::vector<TextUnit> plain;
  std::vector<std::vector<TextUnit>> inside(special.size());
  size_t part = 0;
  std::vector<TextUnit>* previous = nullptr;
  for (const TextUnit& unit : units) {
    while (part < special.size() && special[part].end <= unit.begin) ++part;
    const bool within = part < special.size() && unit.begin >= special[part].begin;
    std::vector<TextUnit>* target = within ? &inside[part] : &plain;
    target->push_back(unit);
    if (target != previous) target->back().joined = false;
    if (target != previous) target->back().starts_word = true;
    previous = target;
  }
  for (size_t i = 0; i < special.size(); ++i) {
    if (inside[i].empty()) continue;
    if (inside[i].size() > static_cast<size_t>(kMaxQueryWords)) inside[i].resize(static_cast<size_t>(kMaxQueryWords));
    QueryPhrase phrase = phrase_of(inside[i]);
    (special[i].excluded ? query.excluded : query.phrases).push_back(std::move(phrase));
  }
  append_query_words(plain, forms, query);
  const bool ends = !query.words.empty() && query.words.back().end == text.size();
  const bool any =
      !query.phrases.empty() || std::any_of(query.words.begin(), query.words.end(),
                                            [&](const QueryWord& word) { return !forms.is_stop_word(word.text); });
  query.unfinished = ends && !(any && forms.is_stop_word(query.words.back().text));
  if (any) std::erase_if(query.words, [&](const QueryWord& word) { return forms.is_stop_word(word.text); });
  const auto limit = static_cast<size_t>(kMaxQueryWords);
  if (query.words.size() > limit) {
    query.words.resize(limit);
    query.unfinished = false;
  }
  if (query.bridges.size() > limit) query.bridges.resize(limit);
  if (query.phrases.size() > limit) query.phrases.resize(limit);
  if (query.excluded.size() > limit) query.excluded.resize(limit);
  return query;
}

}  // namespace tessera
