#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lexical/fair_shared_mutex.h"

namespace tessera {

/// Texts with weights, found by how they start, or how one of their words starts, give or take edits. Kept as a sorted
/// array of starts with a tree of greatest weights over it, and a short list of what is newer.
/// search() is safe from any number of threads, also while one thread (at a time) calls the other functions.
class PrefixTable {
 public:
  static constexpr size_t kMaxStarts = 12;      ///< starts of words of a text; those behind are not found
  static constexpr size_t kMaxStartBytes = 96;  ///< of a text from a start on; what is behind is not compared
  static constexpr size_t kMaxRecent = 512;     ///< texts that the sorted array does not have yet

  /// @param every_word  whether texts are found by the start of each word (CJK: each letter), or only of the first
  explicit PrefixTable(bool every_word);
  ~PrefixTable();

  /// Adds a text in the form of TextReader::key(). @return its slot, which stays until remove()
  int32_t add(std::string key, float weight, int32_t payload);
  struct New {
    std::string key;
    float weight = 0;
    int32_t payload = 0;
  };
  /// The same for many, seen all at once. @return their slots
  std::vector<int32_t> add_all(std::vector<New> texts);
  void remove(int32_t slot);
  void set_weight(int32_t slot, float weight);
  int64_t size() const;
  int64_t size_bytes() const;

  struct Match {
    int32_t payload = 0;
    int32_t slot = 0;
    int32_t edits = 0;  ///< Levenshtein distance in code points between the prefix and the nearest start of the text
    float weight = 0;
  };
  /// @param accept  whether a payload may be found
  /// @return at most `limit`: fewest edits first, then by falling weight, then rising payload. A search that has to
  /// look
  ///   through too much (kMaxNodes, kMaxPops) ends with what it has.
  std::vector<Match> search(std::string_view prefix, int32_t max_edits, size_t limit,
                            const std::function<bool(int32_t)>& accept = {}) const;

  static constexpr int64_t kMaxNodes = 60000, kMaxPops = 20000;

 private:
  struct Base;
  struct Range;
  class Walk;
  int32_t take_slot(New text);
  void rebuild(const std::vector<int32_t>& added);

  bool every_word_;
  mutable FairSharedMutex mutex_;  ///< of everything below; a writer builds the next base outside of it
  std::vector<std::string> keys_;
  std::vector<float> weights_;  ///< -infinity: removed
  std::vector<int32_t> payloads_;
  std::vector<int32_t> recent_;       ///< slots, not in the base
  std::vector<int32_t> free_, dead_;  ///< slots to take, and slots that the base still names
  std::unique_ptr<Base> base_;
  int64_t size_ = 0;
};

/// Places in a key where a search may start: its begin and those of its words, at most PrefixTable::kMaxStarts.
std::vector<uint16_t> key_starts(std::string_view key, bool every_word);

/// The least Levenshtein distance between `prefix` and any prefix of `text`, in code points; more than `limit`: limit
/// + 1.
int32_t prefix_distance(const std::u32string& prefix, std::string_view text, int32_t limit);

/// Whether only texts that start with the prefix's first letter are looked at: always, but for one edit in scripts of
/// few letters.
bool first_letter_is_right(const std::u32string& prefix, int32_t edits);

/// The code points of valid UTF-8.
std::u32string code_points(std::string_view utf8);

}  // namespace tessera
