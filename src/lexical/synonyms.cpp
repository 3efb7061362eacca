#include "lexical/synonyms.h"

#include <algorithm>

#include "base/error.h"

namespace tessera {

namespace {

std::string synonym_key(const SynonymTable::Words& words, size_t begin, size_t end) {
  std::string key;
  for (size_t i = begin; i < end; ++i) {
    key += words[i];
    key += '\0';
  }
  return key;
}

}  // namespace

void SynonymTable::add(const Words& from, const Words& to) {
  for (const Words* words : {&from, &to}) {
    TESSERA_CHECK(!words->empty(), data, "a synonym has no word (only signs?); give it at least one");
    TESSERA_CHECK(words->size() <= kMaxWords, data, "a synonym has {} words, wanted at most {}", words->size(),
                  kMaxWords);
  }
  if (from == to) return;
  std::vector<Words>& known = by_key_[synonym_key(from, 0, from.size())];
  if (std::find(known.begin(), known.end(), to) != known.end()) return;
  TESSERA_CHECK(known.size() < kMaxAlternatives, data, "'{}' has more than {} synonyms; remove some", from.front(),
                kMaxAlternatives);
  known.push_back(to);
  longest_ = std::max(longest_, from.size());
}

std::vector<SynonymTable::Match> SynonymTable::find(const Words& words) const {
  std::vector<Match> matches;
  for (size_t begin = 0; begin < words.size();) {
    size_t next = begin + 1;
    for (size_t length = std::min(longest_, words.size() - begin); length > 0; --length) {
      const auto found = by_key_.find(synonym_key(words, begin, begin + length));
      if (found == by_key_.end()) continue;
      matches.push_back({begin, begin + length, &found->second});
      next = begin + length;
      break;
    }
    begin = next;
  }
  return matches;
}

}  // namespace tessera
