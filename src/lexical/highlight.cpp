#include "lexical/highlight.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "lexical/item_document.h"

namespace tessera {

namespace {

constexpr size_t kMaxHighlightBytes = 64u << 10;
constexpr std::string_view kEllipsis = "\u2026";

/// The start of a text, cut at a character.
std::string_view limited(std::string_view text) {
  if (text.size() <= kMaxHighlightBytes) return text;
  size_t size = kMaxHighlightBytes;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0u) == 0x80u) --size;
  return text.substr(0, size);
}

/// Appends the text with what is not UTF-8 replaced, and entities where asked for.
void append_text(std::string& out, std::string_view text, bool escape_html) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    const int32_t start = at;
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    const char only = c >= 0 && c < 0x80 ? static_cast<char>(c) : '\0';
    if (c < 0) {
      out += "\uFFFD";
    } else if (escape_html && (only == '&' || only == '<' || only == '>' || only == '"' || only == '\'')) {
      out += only == '&' ? "&amp;" : only == '<' ? "&lt;" : only == '>' ? "&gt;" : only == '"' ? "&quot;" : "&#39;";
    } else {
      out += text.substr(static_cast<size_t>(start), static_cast<size_t>(at - start));
    }
  }
}

/// The terms as sets, and where they are in a text.
class TermFinder {
 public:
  TermFinder(const MatchedTerms& terms, WordForms& forms)
      : terms_(terms),
        forms_(forms),
        words_(terms.words.begin(), terms.words.end()),
        stems_(terms.stems.begin(), terms.stems.end()) {}

  /// By unit: which of the matched texts it belongs to, counted from 0; -1: none.
  std::vector<int32_t> find(const std::vector<TextUnit>& units) {
    std::vector<int32_t> match(units.size(), -1);
    for (size_t i = 0; i < units.size(); ++i) {
      if (!units[i].cjk) {
        if (is_match(units[i].text)) match[i] = number(units[i].text);
        continue;
      }
      if (words_.contains(units[i].text)) match[i] = number(units[i].text);
      const bool pair = i + 1 < units.size() && units[i + 1].joined;
      if (pair && words_.contains(units[i].text + units[i + 1].text)) {
        match[i] = match[i + 1] = number(units[i].text + units[i + 1].text);
      }
      for (const auto& letters : terms_.letters) mark_letters(units, i, letters, match);
    }
    return match;
  }

 private:
  bool is_match(const std::string& word) {
    return words_.contains(word) || (!stems_.empty() && stems_.contains(forms_.stem(word))) ||
           std::any_of(terms_.prefixes.begin(), terms_.prefixes.end(),
                       [&](const std::string& prefix) { return word.starts_with(prefix); });
  }
  int32_t number(const std::string& text) {
    return numbers_.emplace(text, static_cast<int32_t>(numbers_.size())).first->second;
  }
  void mark_letters(const std::vector<TextUnit>& units, size_t at, const std::vector<std::string>& letters,
                    std::vector<int32_t>& match) {
    if (letters.empty() || letters.size() > units.size() - at) return;
    std::string whole;
    for (size_t i = 0; i < letters.size(); ++i) {
      if (units[at + i].text != letters[i] || (i > 0 && !units[at + i].joined)) return;
      whole += letters[i];
    }
    const int32_t id = number(whole);
    for (size_t i = 0; i < letters.size(); ++i) match[at + i] = id;
  }

  const MatchedTerms& terms_;
  WordForms& forms_;
  std::unordered_set<std::string> words_, stems_;
  std::unordered_map<std::string, int32_t> numbers_;
};

/// The units [first, end) of at most `window` that hold the most different matches, then the most; around their middle.
std::pair<size_t, size_t> best_window(const std::vector<int32_t>& match, size_t window) {
  if (match.size() <= window) return {0, match.size()};
  std::unordered_map<int32_t, int> inside;
  int total = 0;
  std::pair<size_t, int> best{0, 0};
  size_t best_at = 0;
  for (size_t end = 1; end <= match.size(); ++end) {
    if (const int32_t in = match[end - 1]; in >= 0) ++inside[in], ++total;
    if (end > window) {
      if (const int32_t out = match[end - 1 - window]; out >= 0) {
        --total;
        if (--inside[out] == 0) inside.erase(out);
      }
    }
    const std::pair<size_t, int> now{inside.size(), total};
    if (now > best) {
      best = now;
      best_at = end > window ? end - window : 0;
    }
  }
  size_t first = best_at, last = std::min(best_at + window, match.size()) - 1;
  while (match[first] < 0) ++first;
  while (match[last] < 0) --last;
  const size_t slack = (window - (last - first + 1)) / 2;
  const size_t begin = std::min(first > slack ? first - slack : 0, match.size() - window);
  return {begin, begin + window};
}

}  // namespace

Highlighter::Highlighter(const LexicalOptions& options)
    : text_(options.strip_accents), forms_(options.language, false) {}

std::optional<Highlight> Highlighter::highlight(std::string_view text, const MatchedTerms& terms,
                                                const HighlightOptions& options) {
  TESSERA_CHECK(options.window >= 1, data, "a highlight window of {} words is too small, wanted at least 1",
                options.window);
  text = limited(text);
  const std::vector<TextUnit> units = text_.placed_units(text);
  const std::vector<int32_t> match = TermFinder(terms, forms_).find(units);
  if (std::all_of(match.begin(), match.end(), [](int32_t m) { return m < 0; })) return std::nullopt;
  const auto [first, end] = best_window(match, static_cast<size_t>(options.window));
  const size_t from = first == 0 ? 0 : units[first].begin;
  const size_t to = end == units.size() ? text.size() : units[end - 1].end;

  Highlight result;
  if (from > 0) result.snippet += kEllipsis;
  size_t at = from;
  for (size_t i = first; i < end;) {
    if (match[i] < 0) {
      ++i;
      continue;
    }
    const size_t begin = std::max<size_t>(units[i].begin, at);
    size_t close = units[i].end;
    for (++i; i < end && match[i] >= 0 && units[i].begin <= close; ++i) close = std::max<size_t>(close, units[i].end);
    if (close <= begin) continue;  // a second word of one sign, already marked
    append_text(result.snippet, text.substr(at, begin - at), options.escape_html);
    result.snippet += options.pre;
    append_text(result.snippet, text.substr(begin, close - begin), options.escape_html);
    result.snippet += options.post;
    std::string token;
    append_text(token, text.substr(begin, close - begin), false);
    auto& tokens = result.matched_tokens;
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(std::move(token));
    at = close;
  }
  append_text(result.snippet, text.substr(at, to - at), options.escape_html);
  if (to < text.size()) result.snippet += kEllipsis;
  return result;
}

std::vector<Highlight> Highlighter::highlight(const Item& item, const MatchedTerms& terms,
                                              const HighlightOptions& options) {
  std::vector<Highlight> result;
  const auto texts = field_texts(item);
  for (size_t field = 0; field < kNumLexicalFields; ++field) {
    if (auto found = highlight(texts[field], terms, options)) {
      found->field = kLexicalFields[field];
      while (found->snippet.ends_with('\n')) found->snippet.pop_back();
      result.push_back(std::move(*found));
    }
  }
  return result;
}

}  // namespace tessera
