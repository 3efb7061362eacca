#include "text/keywords.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace tessera {

KeywordAutomaton::KeywordAutomaton(std::span<const std::string> keywords) : sorted_(keywords.size()) {
  size_t total = 0;
  for (size_t i = 0; i < keywords.size(); ++i) {
    TESSERA_CHECK(!keywords[i].empty(), data, "keyword {} is empty", i);
    total += keywords[i].size();
  }
  TESSERA_CHECK(total < static_cast<size_t>(std::numeric_limits<int32_t>::max()), data,
                "{} bytes of keywords are too many, wanted less than 2^31", total);
  std::iota(sorted_.begin(), sorted_.end(), 0);
  std::stable_sort(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) {
    return keywords[static_cast<size_t>(a)] < keywords[static_cast<size_t>(b)];
  });

  // Breadth first over the sorted keywords: a node stands for the range of those that share its prefix, so its
  // children are the parts of that range with equal next bytes, and get neighbouring numbers.
  std::vector<std::pair<int32_t, int32_t>> ranges{{0, static_cast<int32_t>(sorted_.size())}};
  nodes_.resize(1);
  const auto keyword_at = [&](int32_t at) -> const std::string& {
    return keywords[static_cast<size_t>(sorted_[static_cast<size_t>(at)])];
  };
  for (size_t n = 0; n < nodes_.size(); ++n) {
    auto [begin, end] = ranges[n];
    const auto depth = static_cast<size_t>(nodes_[n].depth);
    nodes_[n].first_keyword = begin;
    while (begin < end && keyword_at(begin).size() == depth) ++begin;  // the shortest sort first
    nodes_[n].num_keywords = begin - nodes_[n].first_keyword;
    nodes_[n].first_child = static_cast<int32_t>(nodes_.size());
    while (begin < end) {
      const char label = keyword_at(begin)[depth];
      int32_t part_end = begin + 1;
      while (part_end < end && keyword_at(part_end)[depth] == label) ++part_end;
      Node node;
      node.depth = static_cast<int32_t>(depth) + 1;
      node.label = static_cast<uint8_t>(label);
      nodes_.push_back(node);
      ranges.emplace_back(begin, part_end);
      ++nodes_[n].num_children;
      begin = part_end;
    }
  }

  root_children_.fill(0);
  for (int32_t c = 0; c < nodes_[0].num_children; ++c) root_children_[nodes_[static_cast<size_t>(1 + c)].label] = 1 + c;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    Node& node = nodes_[n];
    node.output = node.num_keywords > 0 ? static_cast<int32_t>(n) : nodes_[static_cast<size_t>(node.fail)].output;
    for (int32_t c = node.first_child; c < node.first_child + node.num_children; ++c) {
      Node& next = nodes_[static_cast<size_t>(c)];
      next.fail = n == 0 ? 0 : step(node.fail, next.label);
    }
  }
}

int32_t KeywordAutomaton::child(int32_t node, uint8_t label) const {
  if (node == 0) return root_children_[label];
  const Node& parent = nodes_[static_cast<size_t>(node)];
  const auto first = nodes_.begin() + parent.first_child, last = first + parent.num_children;
  const auto found =
      std::lower_bound(first, last, label, [](const Node& n, uint8_t wanted) { return n.label < wanted; });
  return found != last && found->label == label ? static_cast<int32_t>(found - nodes_.begin()) : 0;
}

int32_t KeywordAutomaton::step(int32_t node, uint8_t label) const {
  while (true) {
    const int32_t next = child(node, label);
    if (next != 0 || node == 0) return next;
    node = nodes_[static_cast<size_t>(node)].fail;
  }
}

KeywordMatch KeywordAutomaton::match_at(int32_t node, size_t end, int32_t nth) const {
  const Node& found = nodes_[static_cast<size_t>(node)];
  return {sorted_[static_cast<size_t>(found.first_keyword + nth)], end - static_cast<size_t>(found.depth), end};
}

std::vector<KeywordMatch> KeywordAutomaton::find_all(std::string_view text) const {
  std::vector<KeywordMatch> matches;
  int32_t state = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    state = step(state, static_cast<uint8_t>(text[i]));
    int32_t node = nodes_[static_cast<size_t>(state)].output;
    while (node != 0) {
      const Node& found = nodes_[static_cast<size_t>(node)];
      for (int32_t nth = 0; nth < found.num_keywords; ++nth) matches.push_back(match_at(node, i + 1, nth));
      node = nodes_[static_cast<size_t>(found.fail)].output;
    }
  }
  return matches;
}

std::vector<KeywordMatch> KeywordAutomaton::find_longest(std::string_view text) const {
  std::vector<KeywordMatch> matches;
  KeywordMatch best;  // end 0: none yet
  int32_t state = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) state = step(state, static_cast<uint8_t>(text[i]));
    // Any later match starts at or behind the start of the state's prefix: past the best one's start, that is settled.
    const size_t open_from = i + 1 - static_cast<size_t>(nodes_[static_cast<size_t>(state)].depth);
    if (best.end > 0 && (i == text.size() || open_from > best.begin)) {
      matches.push_back(best);
      if (i == text.size() && best.end == i) break;
      i = best.end - 1;  // go on behind it, from the root
      state = 0;
      best = {};
      continue;
    }
    const int32_t node = nodes_[static_cast<size_t>(state)].output;
    if (i == text.size() || node == 0) continue;
    const KeywordMatch match = match_at(node, i + 1, 0);
    if (best.end == 0 || match.begin < best.begin || (match.begin == best.begin && match.end > best.end)) best = match;
  }
  return matches;
}

}  // namespace tessera
