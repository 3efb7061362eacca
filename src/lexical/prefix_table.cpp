#include "lexical/prefix_table.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <queue>
#include <unordered_set>
#include <utility>

#include "base/parallel.h"
#include "text/unicode_form.h"

namespace tessera {

namespace {

constexpr float kRemoved = -std::numeric_limits<float>::infinity();
constexpr size_t kMaxPrefixPoints = 64;

char32_t next_point(std::string_view text, size_t& at) {
  auto position = static_cast<int32_t>(at);
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(reinterpret_cast<const uint8_t*>(text.data()), position, static_cast<int32_t>(text.size()), c);
  at = static_cast<size_t>(position);
  return static_cast<char32_t>(c);
}

}  // namespace

/// A row of the edit-distance table: cell j is the distance between what was read and the first j letters.
struct PrefixEditRow {
  std::array<uint8_t, kMaxPrefixPoints + 1> cells;

  static PrefixEditRow first(size_t size) {
    PrefixEditRow row;
    for (size_t j = 0; j <= size; ++j) row.cells[j] = static_cast<uint8_t>(j);
    return row;
  }
  /// @return the least cell
  uint8_t read(const std::u32string& prefix, char32_t c) {
    uint8_t diagonal = cells[0];
    uint8_t least = ++cells[0];
    for (size_t j = 1; j <= prefix.size(); ++j) {
      const uint8_t above = cells[j];
      const auto change = static_cast<uint8_t>(diagonal + (prefix[j - 1] == c ? 0 : 1));
      cells[j] = std::min({change, static_cast<uint8_t>(above + 1), static_cast<uint8_t>(cells[j - 1] + 1)});
      least = std::min(least, cells[j]);
      diagonal = above;
    }
    return least;
  }
};

std::u32string code_points(std::string_view utf8) {
  std::u32string points;
  for (size_t at = 0; at < utf8.size();) points += next_point(utf8, at);
  return points;
}

int32_t prefix_distance(const std::u32string& prefix, std::string_view text, int32_t limit) {
  PrefixEditRow row = PrefixEditRow::first(prefix.size());
  int32_t best = row.cells[prefix.size()];
  for (size_t at = 0; at < text.size();) {
    if (row.read(prefix, next_point(text, at)) > std::min(best, limit)) break;
    best = std::min<int32_t>(best, row.cells[prefix.size()]);
  }
  return std::min(best, limit + 1);
}

bool first_letter_is_right(const std::u32string& prefix, int32_t edits) {
  return !prefix.empty() && (edits != 1 || prefix[0] >= 0x2E80);
}

std::vector<uint16_t> key_starts(std::string_view key, bool every_word) {
  std::vector<uint16_t> starts;
  bool open = true;  // a start may follow
  for (size_t at = 0; at < key.size() && at < 60000 && starts.size() < PrefixTable::kMaxStarts;) {
    const size_t here = at;
    const char32_t c = next_point(key, at);
    const bool cjk = c >= 0x1100 && is_cjk(static_cast<UChar32>(c));
    if (c != U' ' && (open || cjk)) {
      starts.push_back(static_cast<uint16_t>(here));
      if (!every_word) break;
    }
    open = c == U' ' || cjk;
  }
  return starts;
}

/// The sorted starts. Immutable but for the tree of weights.
struct PrefixTable::Base {
  struct Start {
    int32_t slot;
    uint16_t at;
  };
  std::vector<Start> starts;
  std::vector<uint32_t> first;   ///< [slots + 1]: where a slot's places begin
  std::vector<uint32_t> places;  ///< in `starts`, by slot
  std::vector<float> tree;       ///< [2 * leaves]: node n has the children 2n and 2n + 1; the root is 1
  size_t leaves = 1;

  /// Fills the rest from `starts`. @param weights  by slot
  void index(const std::vector<float>& weights);

  void set_weight(int32_t slot, float weight) {
    if (static_cast<size_t>(slot) + 1 >= first.size()) return;
    for (uint32_t p = first[static_cast<size_t>(slot)]; p < first[static_cast<size_t>(slot) + 1]; ++p) {
      size_t node = leaves + places[p];
      tree[node] = weight;
      for (node /= 2; node > 0; node /= 2) {
        const float most = std::max(tree[2 * node], tree[2 * node + 1]);
        if (tree[node] == most) break;
        tree[node] = most;
      }
    }
  }
};

void PrefixTable::Base::index(const std::vector<float>& weights) {
  const size_t size = starts.size();
  while (leaves < size) leaves *= 2;
  tree.assign(2 * leaves, kRemoved);
  first.assign(weights.size() + 1, 0);
  places.resize(size);
  for (const Start& start : starts) ++first[static_cast<size_t>(start.slot) + 1];
  for (size_t s = 1; s < first.size(); ++s) first[s] += first[s - 1];
  std::vector<uint32_t> filled(first.begin(), first.end() - 1);
  for (uint32_t p = 0; p < size; ++p) {
    const auto slot = static_cast<size_t>(starts[p].slot);
    places[filled[slot]++] = p;
    tree[leaves + p] = weights[slot];
  }
  for (size_t node = leaves - 1; node > 0; --node) tree[node] = std::max(tree[2 * node], tree[2 * node + 1]);
}

/// Starts [begin, end) of the base.
struct PrefixTable::Range {
  uint32_t begin = 0, end = 0;
};

namespace {

std::string_view start_text(const std::vector<std::string>& keys, int32_t slot, uint16_t at) {
  return std::string_view(keys[static_cast<size_t>(slot)]).substr(at, PrefixTable::kMaxStartBytes);
}

/// std::sort, in parts on all cores that are merged then.
template <class T, class Less>
void sort_in_parallel(std::vector<T>& values, const Less& less) {
  const auto size = static_cast<int64_t>(values.size());
  const int64_t part = std::max<int64_t>(4096, (size + num_threads() - 1) / num_threads());
  const auto at = [&](int64_t i) { return values.begin() + std::min(i, size); };
  parallel_for((size + part - 1) / part, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) std::sort(at(p * part), at((p + 1) * part), less);
  });
  for (int64_t width = part; width < size; width *= 2)
    for (int64_t from = 0; from + width < size; from += 2 * width)
      std::inplace_merge(at(from), at(from + width), at(from + 2 * width), less);
}

/// The first eight bytes as a number that sorts as they do; a shorter text is filled up with zeros.
uint64_t head_of(std::string_view text) {
  uint64_t head = 0;
  for (size_t i = 0; i < 8; ++i) head = head << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return head;
}

}  // namespace

PrefixTable::PrefixTable(bool every_word) : every_word_(every_word), base_(std::make_unique<Base>()) {
  base_->tree.assign(2, kRemoved);
  base_->first.assign(1, 0);
}
PrefixTable::~PrefixTable() = default;

int64_t PrefixTable::size() const {
  const std::shared_lock lock(mutex_);
  return size_;
}

int64_t PrefixTable::size_bytes() const {
  const std::shared_lock lock(mutex_);
  size_t bytes = keys_.capacity() * (sizeof(std::string) + sizeof(float) + sizeof(int32_t));
  for (const std::string& key : keys_) bytes += key.capacity() > 15 ? key.capacity() + 1 : 0;
  bytes += base_->starts.capacity() * sizeof(Base::Start) + base_->places.capacity() * sizeof(uint32_t);
  return static_cast<int64_t>(bytes + base_->first.capacity() * sizeof(uint32_t) +
                              base_->tree.capacity() * sizeof(float));
}

int32_t PrefixTable::take_slot(New text) {
  if (free_.empty()) {
    free_.push_back(static_cast<int32_t>(keys_.size()));
    keys_.emplace_back();
    weights_.push_back(kRemoved);
    payloads_.push_back(0);
  }
  const int32_t slot = free_.back();
  free_.pop_back();
  keys_[static_cast<size_t>(slot)] = std::move(text.key);
  weights_[static_cast<size_t>(slot)] = text.weight;
  payloads_[static_cast<size_t>(slot)] = text.payload;
  ++size_;
  return slot;
}

int32_t PrefixTable::add(std::string key, float weight, int32_t payload) {
  if (recent_.size() >= kMaxRecent) rebuild({});
  const std::unique_lock lock(mutex_);
  const int32_t slot = take_slot({std::move(key), weight, payload});
  recent_.push_back(slot);
  return slot;
}

std::vector<int32_t> PrefixTable::add_all(std::vector<New> texts) {
  std::vector<int32_t> slots;
  {
    const std::unique_lock lock(mutex_);
    for (New& text : texts) slots.push_back(take_slot(std::move(text)));
  }
  rebuild(slots);
  return slots;
}

void PrefixTable::remove(int32_t slot) {
  const std::unique_lock lock(mutex_);
  weights_[static_cast<size_t>(slot)] = kRemoved;
  --size_;
  const auto found = std::find(recent_.begin(), recent_.end(), slot);
  if (found != recent_.end()) {
    recent_.erase(found);
    free_.push_back(slot);
  } else {
    base_->set_weight(slot, kRemoved);
    dead_.push_back(slot);
  }
}

void PrefixTable::set_weight(int32_t slot, float weight) {
  const std::unique_lock lock(mutex_);
  weights_[static_cast<size_t>(slot)] = weight;
  base_->set_weight(slot, weight);
}

/// Puts `added` and the recent ones among the sorted starts. Only the one writer changes what this reads, so that
/// searches go on until the new base is swapped in.
void PrefixTable::rebuild(const std::vector<int32_t>& added) {
  auto next = std::make_unique<Base>();
  const auto before = [&](const Base::Start& a, const Base::Start& b) {
    const int order = start_text(keys_, a.slot, a.at).compare(start_text(keys_, b.slot, b.at));
    return order != 0 ? order < 0 : std::pair(a.slot, a.at) < std::pair(b.slot, b.at);
  };
  struct Fresh {
    uint64_t head;  ///< the first eight bytes, big end first: most pairs differ there
    Base::Start start;
  };
  std::vector<Fresh> fresh;
  for (const std::vector<int32_t>* slots : {&added, &std::as_const(recent_)}) {
    for (const int32_t slot : *slots) {
      const std::string& key = keys_[static_cast<size_t>(slot)];
      for (const uint16_t at : key_starts(key, every_word_))
        fresh.push_back({head_of(start_text(keys_, slot, at)), {slot, at}});
    }
  }
  sort_in_parallel(fresh, [&](const Fresh& a, const Fresh& b) {
    return a.head != b.head ? a.head < b.head : before(a.start, b.start);
  });
  next->starts.reserve(base_->starts.size() + fresh.size());
  const auto keep = [&](auto from, auto to) {
    std::copy_if(from, to, std::back_inserter(next->starts),
                 [&](const Base::Start& start) { return weights_[static_cast<size_t>(start.slot)] != kRemoved; });
  };
  auto from = base_->starts.cbegin();
  for (const auto& [head, start] : fresh) {
    const auto to = std::upper_bound(from, base_->starts.cend(), start, before);
    keep(from, to);
    next->starts.push_back(start);
    from = to;
  }
  keep(from, base_->starts.cend());
  next->index(weights_);

  const std::unique_lock lock(mutex_);
  base_ = std::move(next);
  recent_.clear();
  for (const int32_t slot : dead_) keys_[static_cast<size_t>(slot)].clear();
  free_.insert(free_.end(), dead_.begin(), dead_.end());
  dead_.clear();
}

/// Walks the starts as a trie whose nodes are ranges, with a row of edit distances a node. Where no more edit is left,
/// only the letters that the prefix goes on with are looked up, so that the number of nodes does not grow with the
/// alphabet.
class PrefixTable::Walk {
 public:
  Walk(const PrefixTable& table, const std::u32string& prefix, int32_t edits)
      : table_(table), prefix_(prefix), edits_(edits) {}

  std::vector<Range> run() {
    const auto size = static_cast<uint32_t>(table_.base_->starts.size());
    Node root{0, size, 0, 0, PrefixEditRow::first(prefix_.size())};
    if (first_letter_is_right(prefix_, edits_)) {
      look_up(root, prefix_[0]);
    } else {
      open_.push_back(root);
    }
    for (int64_t nodes = 0; !open_.empty() && nodes < kMaxNodes; ++nodes) {
      const Node node = open_.back();
      open_.pop_back();
      if (node.row.cells[prefix_.size()] <= edits_) {
        ranges_.push_back({node.begin, node.end});
      } else if (node.least == edits_) {
        for (size_t j = 0; j < prefix_.size(); ++j) {
          const bool repeated = std::find(prefix_.begin(), prefix_.begin() + static_cast<std::ptrdiff_t>(j),
                                          prefix_[j]) != prefix_.begin() + static_cast<std::ptrdiff_t>(j);
          if (node.row.cells[j] == edits_ && !(repeated && tried(node, j))) look_up(node, prefix_[j]);
        }
      } else {
        open_all(node);
      }
    }
    return std::move(ranges_);
  }

 private:
  struct Node {
    uint32_t begin, end;
    uint16_t depth;  // bytes
    uint8_t least;   // cell of the row
    PrefixEditRow row;
  };

  /// Whether letter j of the prefix was looked up under an earlier cell.
  bool tried(const Node& node, size_t j) const {
    for (size_t i = 0; i < j; ++i) {
      if (prefix_[i] == prefix_[j] && node.row.cells[i] == edits_) return true;
    }
    return false;
  }
  std::string_view rest(uint32_t place, size_t depth) const {
    const Base::Start& start = table_.base_->starts[place];
    const std::string_view text = start_text(table_.keys_, start.slot, start.at);
    return text.substr(std::min(depth, text.size()));
  }
  /// Where those that go on with `label` end; the one at `low` does.
  uint32_t end_of(uint32_t low, uint32_t end, size_t depth, std::string_view label) const {
    uint32_t step = 1;
    while (low + step < end && rest(low + step, depth).starts_with(label)) {
      low += step;
      step *= 2;
    }
    uint32_t high = std::min(end, low + step);
    while (high - low > 1) {
      const uint32_t middle = low + (high - low) / 2;
      (rest(middle, depth).starts_with(label) ? low : high) = middle;
    }
    return high;
  }
  void open_child(const Node& node, uint32_t begin, uint32_t end, std::string_view label, char32_t c) {
    Node child{begin, end, static_cast<uint16_t>(node.depth + label.size()), 0, node.row};
    child.least = child.row.read(prefix_, c);
    if (child.least <= edits_) open_.push_back(child);
  }
  void look_up(const Node& node, char32_t c) {
    char bytes[4];
    int32_t size = 0;
    U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(c));
    const std::string_view label(bytes, static_cast<size_t>(size));
    uint32_t low = node.begin, high = node.end;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (rest(middle, node.depth) < label) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == node.end || !rest(low, node.depth).starts_with(label)) return;
    open_child(node, low, end_of(low, node.end, node.depth, label), label, c);
  }
  void open_all(const Node& node) {
    uint32_t at = node.begin;
    while (at < node.end && rest(at, node.depth).empty()) ++at;  // ends here; the shortest sort first
    while (at < node.end) {
      const std::string_view text = rest(at, node.depth);
      size_t size = 0;
      const char32_t c = next_point(text, size);
      const uint32_t end = end_of(at, node.end, node.depth, text.substr(0, size));
      open_child(node, at, end, text.substr(0, size), c);
      at = end;
    }
  }

  const PrefixTable& table_;
  const std::u32string& prefix_;
  const int32_t edits_;
  std::vector<Node> open_;
  std::vector<Range> ranges_;
};

std::vector<PrefixTable::Match> PrefixTable::search(std::string_view prefix, int32_t max_edits, size_t limit,
                                                    const std::function<bool(int32_t)>& accept) const {
  std::u32string points = code_points(prefix);
  if (points.size() > kMaxPrefixPoints) points.resize(kMaxPrefixPoints);
  std::vector<Match> matches;
  if (limit == 0) return matches;
  const std::shared_lock lock(mutex_);

  struct Candidate {
    int32_t edits;
    float weight;
    uint32_t node;  // of the tree; 0: a slot alone
    int32_t slot;
    int32_t payload;
    bool operator<(const Candidate& other) const {  // the best is the greatest
      if (edits != other.edits) return edits > other.edits;
      if (weight != other.weight) return weight < other.weight;
      if ((node == 0) != (other.node == 0)) return node == 0;  // open every node of this weight before taking a slot
      return payload > other.payload;
    }
  };
  std::priority_queue<Candidate> queue;
  std::unordered_set<int32_t> taken;
  for (int32_t edits = 0; edits <= max_edits && matches.size() < limit; ++edits) {
    queue = {};
    for (const Range& range : Walk(*this, points, edits).run()) {  // those of fewer edits are in it too, but taken
      for (size_t l = range.begin + base_->leaves, r = range.end + base_->leaves; l < r; l /= 2, r /= 2) {
        for (const size_t node : {l % 2 == 1 ? l++ : 0, r % 2 == 1 ? --r : 0}) {
          if (node > 0 && base_->tree[node] != kRemoved) {
            queue.push({edits, base_->tree[node], static_cast<uint32_t>(node), 0, 0});
          }
        }
      }
    }
    for (const int32_t slot : recent_) {
      const std::string& key = keys_[static_cast<size_t>(slot)];
      for (const uint16_t at : key_starts(key, every_word_)) {
        const std::string_view text = start_text(keys_, slot, at);
        size_t ignored = 0;
        if (first_letter_is_right(points, edits) && next_point(text, ignored) != points[0]) continue;
        if (prefix_distance(points, text, edits) > edits) continue;
        queue.push({edits, weights_[static_cast<size_t>(slot)], 0, slot, payloads_[static_cast<size_t>(slot)]});
        break;
      }
    }
    for (int64_t pops = 0; !queue.empty() && matches.size() < limit && pops < kMaxPops; ++pops) {
      const Candidate top = queue.top();
      queue.pop();
      if (top.node >= base_->leaves) {
        const int32_t slot = base_->starts[top.node - base_->leaves].slot;
        queue.push({edits, top.weight, 0, slot, payloads_[static_cast<size_t>(slot)]});
      } else if (top.node > 0) {
        for (const uint32_t child : {2 * top.node, 2 * top.node + 1}) {
          if (base_->tree[child] != kRemoved) queue.push({edits, base_->tree[child], child, 0, 0});
        }
      } else if (taken.insert(top.slot).second && (!accept || accept(top.payload))) {
        matches.push_back({top.payload, top.slot, edits, top.weight});
      }
    }
  }
  return matches;
}

}  // namespace tessera
