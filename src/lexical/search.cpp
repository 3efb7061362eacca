#include "lexical/search.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "lexical/explain.h"
#include "lexical/item_document.h"

namespace tessera {

namespace {

constexpr double kRareShare = 2e-5;  ///< of the items: a word below this may be misspelt
constexpr uint32_t kMatchesPerClock = 256;
constexpr double kFewShare = 0.1;  ///< of the items: up to so many allowed ones are walked along
constexpr int kMaxTries = 6;       ///< of dropping one word more; then all but the rarest go

/// The allowed items as a list of postings, which a match can skip along: faster than asking for each match where few
/// are allowed.
class AllowedPostings : public Xapian::PostingSource {
 public:
  AllowedPostings(std::span<const uint64_t> bits, Xapian::doccount items)
      : bits_(bits.first(std::min(bits.size(), kMaxWords))) {
    for (const uint64_t word : bits_) size_ += static_cast<Xapian::doccount>(std::popcount(word));
    size_ = std::min(size_, items);
  }
  Xapian::doccount size() const { return size_; }

  void init(const Xapian::Database& /*database*/) override { position_ = kBefore; }
  Xapian::doccount get_termfreq_min() const override { return 0; }
  Xapian::doccount get_termfreq_est() const override { return size_; }
  Xapian::doccount get_termfreq_max() const override { return size_; }
  void next(double /*min_weight*/) override { seek(position_ + 1); }
  void skip_to(Xapian::docid id, double /*min_weight*/) override {
    const auto wanted = static_cast<int64_t>(id) - 1;
    if (wanted > position_) seek(wanted);
  }
  bool at_end() const override { return position_ >= static_cast<int64_t>(bits_.size()) * 64; }
  Xapian::docid get_docid() const override { return static_cast<Xapian::docid>(position_ + 1); }

 private:
  static constexpr size_t kMaxWords = size_t{1} << 25;  // 2^31 items
  static constexpr int64_t kBefore = -1;

  void seek(int64_t from) {
    auto word = static_cast<size_t>(from / 64);
    uint64_t left = word < bits_.size() ? bits_[word] & ~uint64_t{0} << (from % 64) : 0;
    while (left == 0 && ++word < bits_.size()) left = bits_[word];
    position_ =
        left == 0 ? static_cast<int64_t>(bits_.size()) * 64 : static_cast<int64_t>(word) * 64 + std::countr_zero(left);
  }

  std::span<const uint64_t> bits_;
  Xapian::doccount size_ = 0;
  int64_t position_ = kBefore;
};

/// Lets through what the query allows, and looks at the clock.
class AllowedItems : public Xapian::MatchDecider {
 public:
  explicit AllowedItems(const LexicalQuery& query) : query_(query) {}
  bool operator()(const Xapian::Document& document) const override {
    if (query_.deadline && ++seen_ % kMatchesPerClock == 0) {
      TESSERA_CHECK(std::chrono::steady_clock::now() < *query_.deadline, overload,
                    "text search: not done by its deadline; ask for less or allow more time");
    }
    const ItemId item = item_of(document.get_docid());
    if (query_.allowed_bits) {
      const auto position = static_cast<size_t>(index(item));
      const auto& bits = *query_.allowed_bits;
      if (position / 64 >= bits.size() || (bits[position / 64] >> (position % 64) & 1) == 0) return false;
    }
    return !query_.allowed || query_.allowed(item);
  }

 private:
  const LexicalQuery& query_;
  mutable uint32_t seen_ = 0;
};

/// Counts every match, and keeps it where all are wanted.
class CollectMatches : public Xapian::MatchSpy {
 public:
  explicit CollectMatches(bool keep) : keep_(keep) {}
  void operator()(const Xapian::Document& document, double /*weight*/) override {
    ++found;
    if (keep_) matches.push_back(item_of(document.get_docid()));
  }
  int64_t found = 0;
  std::vector<ItemId> matches;

 private:
  bool keep_;
};

/// One run of a composed query.
struct Answer {
  int64_t found = 0;
  std::vector<ItemId> matches;
  Xapian::MSet page;
};

class Search {
 public:
  Search(LexicalReader& reader, const LexicalOptions& options, const SynonymTable& synonyms, const LexicalQuery& query)
      : reader_(reader),
        options_(options),
        query_(query),
        planner_(reader, synonyms, static_cast<Xapian::termcount>(options.max_expansions)),
        parsed_(parse_query(query.text, reader.text, reader.forms)) {}

  LexicalResult run();

 private:
  bool enough() const { return answer_.found >= query_.min_results; }
  void ask(const std::vector<bool>& dropped);
  void correct();
  void drop_words();
  LexicalResult result();

  LexicalReader& reader_;
  const LexicalOptions& options_;
  const LexicalQuery& query_;
  QueryPlanner planner_;
  ParsedQuery parsed_;
  QueryPlan plan_;
  std::vector<bool> dropped_;
  std::vector<std::string> corrections_;
  Answer answer_;
};

void Search::ask(const std::vector<bool>& dropped) {
  Xapian::Enquire enquire(reader_.database);
  enquire.set_weighting_scheme(Xapian::BM25Weight(options_.k1, 0, 1, options_.b, 0.5));
  std::optional<AllowedPostings> few;
  if (query_.allowed_bits) {
    few.emplace(*query_.allowed_bits, reader_.database.get_doccount());
    if (few->size() > reader_.database.get_doccount() * kFewShare) few.reset();
  }
  const Xapian::Query composed = plan_.compose(dropped);
  enquire.set_query(few ? Xapian::Query(Xapian::Query::OP_FILTER, composed, Xapian::Query(&*few)) : composed);
  CollectMatches collect(query_.all_matches);
  enquire.add_matchspy(&collect);
  const AllowedItems allowed(query_);
  const bool filtered = query_.allowed_bits || query_.allowed || query_.deadline;
  // With every item to check, Xapian cuts nothing short: the spy sees each match once.
  answer_.page =
      enquire.get_mset(static_cast<Xapian::doccount>(query_.offset), static_cast<Xapian::doccount>(query_.limit),
                       reader_.database.get_doccount() + 1, nullptr, filtered ? &allowed : nullptr);
  answer_.found = collect.found;
  answer_.matches = std::move(collect.matches);
}

void Search::correct() {
  const double rare = reader_.database.get_doccount() * kRareShare;
  corrections_ = planner_.corrections(parsed_, query_.prefix, query_.num_typos, rare);
  const bool any =
      std::any_of(corrections_.begin(), corrections_.end(), [](const auto& word) { return !word.empty(); });
  if (!any) {
    corrections_.clear();
    return;
  }
  plan_ = planner_.plan(parsed_, query_.prefix, corrections_);
  if (!plan_.hopeless()) ask(dropped_);
}

void Search::drop_words() {
  size_t kept = plan_.slots.size();
  const auto drop = [&](size_t slot) {
    dropped_[slot] = true;
    --kept;
  };
  for (size_t i = 0; i < plan_.slots.size(); ++i) {
    if (plan_.slots[i].frequency <= 0) drop(i);
  }
  const bool changed = kept < plan_.slots.size();
  if (changed && (kept > 0 || !plan_.phrases.empty())) ask(dropped_);
  for (int tries = 0; !enough() && kept > 1;) {
    size_t usual = plan_.slots.size();
    for (size_t i = 0; i < plan_.slots.size(); ++i) {
      if (dropped_[i]) continue;
      if (usual == plan_.slots.size() || plan_.slots[i].frequency > plan_.slots[usual].frequency) usual = i;
    }
    drop(usual);
    if (++tries < kMaxTries || kept == 1) ask(dropped_);
  }
  if (answer_.found == 0) dropped_.assign(dropped_.size(), false);  // nothing was gained
}

LexicalResult Search::run() {
  plan_ = planner_.plan(parsed_, query_.prefix, {});
  dropped_.assign(plan_.slots.size(), false);
  if (!plan_.hopeless()) ask(dropped_);
  if (!enough() && query_.num_typos > 0) correct();
  if (!enough() && query_.drop_words && !plan_.slots.empty()) drop_words();
  return result();
}

LexicalResult Search::result() {
  LexicalResult result;
  result.found = answer_.found;
  result.matches = std::move(answer_.matches);
  result.terms = std::move(plan_.terms);
  for (auto hit = answer_.page.begin(); hit != answer_.page.end(); ++hit) {
    result.hits.push_back({item_of(*hit), hit.get_weight(), {}});
    if (query_.explain) {
      result.hits.back().why = explain_score(reader_, options_, result.terms, *hit, hit.get_weight());
    }
  }
  for (size_t i = 0; i < dropped_.size(); ++i) {
    if (!dropped_[i]) continue;
    const uint32_t begin = parsed_.words[plan_.slots[i].first_word].begin;
    const uint32_t end = parsed_.words[plan_.slots[i].end_word - 1].end;
    result.dropped_words.push_back(valid_utf8(query_.text.substr(begin, end - begin)));
  }
  if (!corrections_.empty() && result.found > 0) {
    size_t at = 0;
    for (size_t w = 0; w < parsed_.words.size(); ++w) {
      if (corrections_[w].empty()) continue;
      result.corrected_query += query_.text.substr(at, parsed_.words[w].begin - at) + corrections_[w];
      at = parsed_.words[w].end;
    }
    result.corrected_query = valid_utf8(result.corrected_query + query_.text.substr(at));
  }
  return result;
}

}  // namespace

void check_query(const LexicalQuery& query) {
  TESSERA_CHECK(query.text.size() <= static_cast<size_t>(kMaxQueryBytes), data,
                "the query has {} bytes, wanted at most {}", query.text.size(), kMaxQueryBytes);
  TESSERA_CHECK(query.limit >= 0 && query.offset >= 0, data, "limit {} and offset {} must not be negative", query.limit,
                query.offset);
  TESSERA_CHECK(query.limit <= kMaxQueryResults && query.offset <= kMaxQueryResults - query.limit, data,
                "offset {} + limit {} is beyond result {}; narrow the query instead", query.offset, query.limit,
                kMaxQueryResults);
  TESSERA_CHECK(query.num_typos >= 0 && query.num_typos <= 2, data, "num_typos is {}, wanted 0 to 2", query.num_typos);
}

LexicalResult search_reader(LexicalReader& reader, const LexicalOptions& options, const SynonymTable& synonyms,
                            const LexicalQuery& query) {
  return Search(reader, options, synonyms, query).run();
}

}  // namespace tessera
