#include "lexical/suggest.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/parallel.h"
#include "lexical/fair_shared_mutex.h"
#include "lexical/prefix_table.h"
#include "lexical/words.h"

namespace tessera {

namespace {

constexpr int64_t kMaxSuggestions = 100;
constexpr int64_t kRankedItems = 200;  ///< candidates for a person's own ranking
constexpr size_t kMaxTitleBytes = 4096;
constexpr double kSecondsPerDay = 86400;

SuggestOptions checked_suggest(SuggestOptions options) {
  SuggestOptions result = options;
  assign(result, list_options(options).dump(), "suggestions");
  return result;
}

/// log2(2^a + 2^b)
double add_log2(double a, double b) {
  const double most = std::max(a, b);
  return most + std::log2(1 + std::exp2(std::min(a, b) - most));
}

/// A text on one line, without space at its ends and no more than one between words.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = static_cast<uint8_t>(c) <= 0x20 || c == 0x7F;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

void check_weight(double weight) {
  TESSERA_CHECK(std::isfinite(weight) && weight > 0, data, "a query's weight is {}, wanted more than 0", weight);
}

void check_item(const ItemTitle& item) {
  TESSERA_CHECK(index(item.item) >= 0, data, "suggestions: item {} has no position in the catalogue", index(item.item));
  TESSERA_CHECK(std::isfinite(item.popularity), data, "suggestions: the popularity of item {} is {}, wanted a number",
                index(item.item), item.popularity);
}

int32_t allowed_edits(size_t letters) {
  return letters > 7 ? 2 : letters > 3 ? 1 : 0;
}

}  // namespace

/// A query's weight w at time t is kept as log2(w) + (t - start) / half-life, which orders queries the same at any
/// time, so that nothing has to be counted down.
struct Suggester::State {
  explicit State(const SuggestOptions& given) : options(checked_suggest(given)) {
    readers.emplace_back(options.strip_accents);
    readers.front().key("a");  // ICU loads its data now, not in the first request
  }

  struct Query {
    std::string text;
    double log_weight = 0;
    int32_t slot = -1;
  };
  std::string key(std::string_view text) const;
  double half_lives(int64_t now) const {
    return (static_cast<double>(now) - static_cast<double>(start)) / (options.half_life_days * kSecondsPerDay);
  }
  /// A query on one line, and its key; nothing where it is not to be kept.
  std::optional<std::pair<std::string, std::string>> readable(std::string_view text) const;
  double begin_count(double weight, int64_t now);                ///< @return its logarithm at `start`
  bool count_again(const std::string& form, double log_weight);  ///< false: not known yet
  int32_t new_query(std::string line, const std::string& form, double log_weight);
  void place_query(int32_t id, int32_t slot);
  void forget_least();
  void erase_query(int32_t id);
  void remove_item(ItemId item);

  const SuggestOptions options;
  mutable std::mutex readers_mutex;
  mutable std::vector<TextReader> readers;  ///< not in use

  mutable std::mutex writer_mutex;  ///< of all changes; of `by_key` and `items`
  mutable FairSharedMutex mutex;    ///< of the queries and times, which suggest() reads
  int64_t start = 0, latest = 0;    ///< of the queries' times: the first, the greatest
  bool started = false;
  std::vector<Query> queries;  ///< by payload; slot -1: free
  std::vector<int32_t> free_queries;
  std::unordered_map<std::string, int32_t> by_key;
  std::unordered_map<ItemId, int32_t> items;  ///< their slots
  PrefixTable query_table{false}, item_table{true};
};

std::string Suggester::State::key(std::string_view text) const {
  std::unique_ptr<TextReader> reader;
  {
    const std::lock_guard guard(readers_mutex);
    if (!readers.empty()) {
      reader = std::make_unique<TextReader>(std::move(readers.back()));
      readers.pop_back();
    }
  }
  if (!reader) reader = std::make_unique<TextReader>(options.strip_accents);
  std::string key = reader->key(text);
  const std::lock_guard guard(readers_mutex);
  readers.push_back(std::move(*reader));
  return key;
}

/// The caller has the writer's mutex, as for all that follows; `mutex` is taken for as long as a search would see.
void Suggester::State::erase_query(int32_t id) {
  Query& query = queries[static_cast<size_t>(id)];
  query_table.remove(query.slot);
  by_key.erase(key(query.text));
  const std::unique_lock lock(mutex);
  query = {};
  free_queries.push_back(id);
}

std::optional<std::pair<std::string, std::string>> Suggester::State::readable(std::string_view text) const {
  const auto most = static_cast<size_t>(options.max_letters);
  if (text.size() > 8 * most) return std::nullopt;
  std::string line = valid_utf8(one_line(text));
  std::string form = key(line);
  if (form.empty() || code_points(form).size() > most || code_points(line).size() > 2 * most) return std::nullopt;
  return std::pair(std::move(line), std::move(form));
}

bool Suggester::State::count_again(const std::string& form, double log_weight) {
  const auto found = by_key.find(form);
  if (found == by_key.end()) return false;
  Query& query = queries[static_cast<size_t>(found->second)];
  const double sum = add_log2(query.log_weight, log_weight);
  query_table.set_weight(query.slot, static_cast<float>(sum));
  const std::unique_lock lock(mutex);
  query.log_weight = sum;
  return true;
}

int32_t Suggester::State::new_query(std::string line, const std::string& form, double log_weight) {
  const std::unique_lock lock(mutex);
  if (free_queries.empty()) {
    free_queries.push_back(static_cast<int32_t>(queries.size()));
    queries.emplace_back();
  }
  const int32_t id = free_queries.back();
  free_queries.pop_back();
  queries[static_cast<size_t>(id)] = {std::move(line), log_weight, -1};
  by_key.emplace(form, id);
  return id;
}

void Suggester::State::place_query(int32_t id, int32_t slot) {
  const std::unique_lock lock(mutex);
  queries[static_cast<size_t>(id)].slot = slot;
}

void Suggester::State::remove_item(ItemId item) {
  const auto found = items.find(item);
  if (found == items.end()) return;
  item_table.remove(found->second);
  items.erase(found);
}

double Suggester::State::begin_count(double weight, int64_t now) {
  const std::unique_lock lock(mutex);
  if (!started) start = latest = now;
  started = true;
  latest = std::max(latest, now);
  return std::log2(weight) + half_lives(now);
}

/// Makes room for a twentieth of the limit, so that it is seldom done.
void Suggester::State::forget_least() {
  std::vector<std::pair<double, int32_t>> all;
  for (size_t id = 0; id < queries.size(); ++id) {
    if (queries[id].slot >= 0) all.emplace_back(queries[id].log_weight, static_cast<int32_t>(id));
  }
  const auto wanted = static_cast<size_t>(options.max_queries - options.max_queries / 20);
  if (all.size() <= wanted) return;
  const auto last = all.begin() + static_cast<std::ptrdiff_t>(all.size() - wanted);
  std::nth_element(all.begin(), last, all.end());
  for (auto it = all.begin(); it != last; ++it) erase_query(it->second);
}

Suggester::Suggester(const SuggestOptions& options) : state_(std::make_unique<State>(options)) {}
Suggester::~Suggester() = default;

bool Suggester::add_query(std::string_view text, double weight, int64_t now) {
  check_weight(weight);
  State& state = *state_;
  auto read = state.readable(text);
  if (!read) return false;
  auto& [line, form] = *read;
  const std::lock_guard writing(state.writer_mutex);
  const double log_weight = state.begin_count(weight, now);
  if (state.count_again(form, log_weight)) return true;
  if (static_cast<int64_t>(state.by_key.size()) >= state.options.max_queries) state.forget_least();
  const int32_t id = state.new_query(std::move(line), form, log_weight);
  state.place_query(id, state.query_table.add(std::move(form), static_cast<float>(log_weight), id));
  return true;
}

int64_t Suggester::add_queries(const std::vector<QuerySuggestion>& queries, int64_t now) {
  for (const QuerySuggestion& query : queries) check_weight(query.weight);
  State& state = *state_;
  const std::lock_guard writing(state.writer_mutex);
  std::vector<PrefixTable::New> added;
  std::unordered_map<std::string, size_t> place;  // in `added`, of forms that are new
  int64_t counted = 0;
  for (const QuerySuggestion& query : queries) {
    auto read = state.readable(query.text);
    if (!read) continue;
    auto& [line, form] = *read;
    ++counted;
    const double log_weight = state.begin_count(query.weight, now);
    if (const auto found = place.find(form); found != place.end()) {
      State::Query& known = state.queries[static_cast<size_t>(added[found->second].payload)];
      known.log_weight = add_log2(known.log_weight, log_weight);
      added[found->second].weight = static_cast<float>(known.log_weight);
    } else if (!state.count_again(form, log_weight)) {
      const int32_t id = state.new_query(std::move(line), form, log_weight);
      place.emplace(form, added.size());
      added.push_back({std::move(form), static_cast<float>(log_weight), id});
    }
  }
  std::vector<int32_t> ids;
  for (const PrefixTable::New& text : added) ids.push_back(text.payload);
  const std::vector<int32_t> slots = state.query_table.add_all(std::move(added));
  for (size_t i = 0; i < ids.size(); ++i) state.place_query(ids[i], slots[i]);
  if (static_cast<int64_t>(state.by_key.size()) > state.options.max_queries) state.forget_least();
  return counted;
}

bool Suggester::remove_query(std::string_view text) {
  State& state = *state_;
  const std::string key = state.key(one_line(text));
  const std::lock_guard writing(state.writer_mutex);
  const auto found = state.by_key.find(key);
  if (found == state.by_key.end()) return false;
  state.erase_query(found->second);
  return true;
}

std::vector<QuerySuggestion> Suggester::queries(int64_t now) const {
  const State& state = *state_;
  const std::shared_lock lock(state.mutex);
  std::vector<QuerySuggestion> result;
  for (const State::Query& query : state.queries) {
    if (query.slot >= 0) result.push_back({query.text, std::exp2(query.log_weight - state.half_lives(now)), 0});
  }
  return result;
}

void Suggester::put_item(const ItemTitle& item) {
  check_item(item);
  State& state = *state_;
  std::string key = state.key(std::string_view(item.title).substr(0, kMaxTitleBytes));
  const std::lock_guard writing(state.writer_mutex);
  state.remove_item(item.item);
  state.items[item.item] = state.item_table.add(std::move(key), static_cast<float>(item.popularity), index(item.item));
}

void Suggester::put_items(const std::vector<ItemTitle>& items) {
  State& state = *state_;
  std::unordered_set<int32_t> seen;
  for (const ItemTitle& item : items) {
    check_item(item);
    TESSERA_CHECK(seen.insert(index(item.item)).second, data, "suggestions: item {} comes twice", index(item.item));
  }
  std::vector<PrefixTable::New> added(items.size());
  parallel_for(static_cast<int64_t>(items.size()), 512, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const ItemTitle& item = items[i];
      added[i] = {state.key(std::string_view(item.title).substr(0, kMaxTitleBytes)),
                  static_cast<float>(item.popularity), index(item.item)};
    }
  });
  const std::lock_guard writing(state.writer_mutex);
  for (const ItemTitle& item : items) state.remove_item(item.item);
  const std::vector<int32_t> slots = state.item_table.add_all(std::move(added));
  for (size_t i = 0; i < items.size(); ++i) state.items[items[i].item] = slots[i];
}

void Suggester::set_popularity(ItemId item, double popularity) {
  check_item({item, "", popularity});
  State& state = *state_;
  const std::lock_guard writing(state.writer_mutex);
  const auto found = state.items.find(item);
  if (found != state.items.end()) state.item_table.set_weight(found->second, static_cast<float>(popularity));
}

void Suggester::erase_item(ItemId item) {
  const std::lock_guard writing(state_->writer_mutex);
  state_->remove_item(item);
}

Suggestions Suggester::suggest(const SuggestRequest& request) const {
  for (const int64_t limit : {request.max_queries, request.max_items}) {
    TESSERA_CHECK(limit >= 0 && limit <= kMaxSuggestions, data, "{} suggestions are asked for, wanted 0 to {}", limit,
                  kMaxSuggestions);
  }
  const State& state = *state_;
  Suggestions result;
  const std::string_view typed = std::string_view(request.prefix).substr(0, kMaxTitleBytes);
  std::string prefix = state.key(typed);
  if (prefix.empty()) return result;
  const int32_t edits = request.fuzzy ? allowed_edits(code_points(prefix).size()) : 0;
  if (typed.back() == ' ') prefix += ' ';  // the word is finished

  const auto queries = state.query_table.search(prefix, edits, static_cast<size_t>(request.max_queries));
  const int64_t wanted = request.score ? std::min(kRankedItems, 10 * request.max_items) : request.max_items;
  std::function<bool(int32_t)> accept;
  if (request.allowed) accept = [&](int32_t item) { return request.allowed(ItemId{item}); };
  auto items = state.item_table.search(prefix, edits, static_cast<size_t>(wanted), accept);
  {
    const std::shared_lock lock(state.mutex);
    for (const auto& match : queries) {
      const State::Query& query = state.queries[static_cast<size_t>(match.payload)];
      if (query.slot != match.slot) continue;  // forgotten meanwhile
      result.queries.push_back({query.text, std::exp2(query.log_weight - state.half_lives(state.latest)), match.edits});
    }
  }
  for (const auto& match : items) result.items.push_back({ItemId{match.payload}, match.weight, match.edits});
  if (request.score) {
    std::vector<double> scores;
    std::vector<size_t> order;
    for (const ItemSuggestion& item : result.items) {
      scores.push_back(request.score(item.item));
      order.push_back(order.size());
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      if (result.items[a].edits != result.items[b].edits) return result.items[a].edits < result.items[b].edits;
      return scores[a] > scores[b];
    });
    std::vector<ItemSuggestion> ranked;
    for (size_t i = 0; i < order.size() && static_cast<int64_t>(i) < request.max_items; ++i) {
      ranked.push_back(result.items[order[i]]);
    }
    result.items = std::move(ranked);
  }
  return result;
}

int64_t Suggester::num_queries() const {
  return state_->query_table.size();
}
int64_t Suggester::num_items() const {
  return state_->item_table.size();
}

int64_t Suggester::size_bytes() const {
  const State& state = *state_;
  int64_t bytes = state.query_table.size_bytes() + state.item_table.size_bytes();
  const std::lock_guard writing(state.writer_mutex);
  for (const State::Query& query : state.queries) bytes += static_cast<int64_t>(2 * query.text.size() + 160);
  return bytes + static_cast<int64_t>(state.items.size() * 32);
}

}  // namespace tessera
