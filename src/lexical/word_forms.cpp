#include "lexical/word_forms.h"

#include <array>

#include "base/error.h"

namespace tessera {

namespace {

constexpr size_t kMaxKnownStems = 100000;

constexpr std::array kEnglishStops = {"a",     "an",   "and",  "are", "as",   "at",   "be",    "but",  "by",
                                      "for",   "from", "had",  "has", "have", "in",   "into",  "is",   "it",
                                      "its",   "of",   "on",   "or",  "that", "the",  "their", "then", "there",
                                      "these", "they", "this", "to",  "was",  "were", "which", "with"};
constexpr std::array kChineseStops = {"\u7684", "\u4e86", "\u548c", "\u4e0e", "\u53ca", "\u6216", "\u5728",
                                      "\u662f", "\u7ed9", "\u7528", "\u8ddf", "\u4e4b", "\u7b49", "\u6b3e"};

bool without_stems(const std::string& language) {
  return language == "zh" || language == "ja" || language == "ko" || language == "none";
}

Xapian::Stem make_stem(const std::string& language) {
  if (without_stems(language)) return {};
  try {
    return Xapian::Stem(language);
  } catch (const Xapian::Error&) {
    fail(ErrorKind::config, "language '{}' has no stemmer; wanted zh, ja, ko, none or one of: {}", language,
         Xapian::Stem::get_available_languages());
  }
}

}  // namespace

WordForms::WordForms(const std::string& language, bool stop_words) : stem_(make_stem(language)) {
  if (!stop_words) return;
  if (language == "en" || language == "english") stop_words_.insert(kEnglishStops.begin(), kEnglishStops.end());
  if (language == "zh") stop_words_.insert(kChineseStops.begin(), kChineseStops.end());
}

const std::string& WordForms::stem(const std::string& word) {
  const auto found = known_.find(word);
  if (found != known_.end()) return found->second;
  if (known_.size() >= kMaxKnownStems) known_.clear();
  return known_.emplace(word, stem_(word)).first->second;
}

}  // namespace tessera
