#include "lexical/lexical_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <unordered_map>

#include "lexical/explain.h"
#include "lexical/fair_shared_mutex.h"
#include "lexical/index_store.h"
#include "lexical/item_document.h"
#include "lexical/query_plan.h"
#include "lexical/search.h"
#include "lexical/xapian_call.h"

namespace tessera {

namespace {

constexpr const char* kVersionKey = "tessera.version";
constexpr size_t kMaxIdleReaders = 64;
constexpr size_t kMaxSynonyms = 100000;

/// Checks the ranges that the options declare. @throws Error(config)
LexicalOptions checked(LexicalOptions options) {
  LexicalOptions result = options;
  assign(result, list_options(options).dump(), "text index");
  const auto weights = field_weights(result);
  TESSERA_CHECK(std::any_of(weights.begin(), weights.end(), [](int64_t w) { return w > 0; }), config,
                "text index: every field has weight 0, so that nothing is indexed; give one a weight");
  return result;
}

/// What decides the documents: an index made with another is of no use.
std::string fingerprint_of(const LexicalOptions& o) {
  return fmt::format("format 1, {}, fields {} {} {} {} {}, accents {}", o.language, o.title, o.brand, o.categories,
                     o.attributes, o.description, o.strip_accents);
}

}  // namespace

struct LexicalIndex::State {
  explicit State(const LexicalOptions& given, const std::filesystem::path& folder)
      : options(checked(given)),
        maker(options),
        store(folder, fingerprint_of(options)),
        synonyms(std::make_shared<SynonymTable>()) {
    const std::string text = store.writer().get_metadata(kVersionKey);
    int64_t stored = 0;
    std::from_chars(text.data(), text.data() + text.size(), stored);
    version = stored;
  }

  std::unique_ptr<LexicalReader> take_reader();
  std::unique_ptr<LexicalReader> open_reader();
  void give_back(std::unique_ptr<LexicalReader> reader);
  /// Runs `body` on a reader at the last commit, again if commits overtake it.
  template <class F>
  auto with_reader(std::string_view what, F&& body) -> decltype(body(std::declval<LexicalReader&>()));
  void apply_changes(std::span<const LexicalChange> changes);
  void commit(std::span<const LexicalChange> changes, int64_t new_version);
  void count_spellings(Xapian::docid id, int64_t sign);

  const LexicalOptions options;
  DocumentMaker maker;      ///< the writer's
  std::mutex writer_mutex;  ///< of all that changes the database
  FairSharedMutex commits;  ///< held by a commit; shared by a search that commits overtook before
  IndexStore store;
  std::unordered_map<std::string, int64_t> spellings;  ///< changes of the batch that goes on
  std::atomic<int64_t> version = 0;
  std::atomic<uint64_t> generation = 1;  ///< of commits
  mutable std::mutex pool_mutex;
  std::vector<std::unique_ptr<LexicalReader>> idle;
  mutable std::mutex synonyms_mutex;
  std::shared_ptr<const SynonymTable> synonyms;
};

std::unique_ptr<LexicalReader> LexicalIndex::State::take_reader() {
  {
    const std::lock_guard guard(pool_mutex);
    if (!idle.empty()) {
      auto reader = std::move(idle.back());
      idle.pop_back();
      return reader;
    }
  }
  return open_reader();
}

std::unique_ptr<LexicalReader> LexicalIndex::State::open_reader() {
  return std::make_unique<LexicalReader>(LexicalReader{store.open_reader(), 0, TextReader(options.strip_accents),
                                                       WordForms(options.language, options.stop_words)});
}

void LexicalIndex::State::give_back(std::unique_ptr<LexicalReader> reader) {
  const std::lock_guard guard(pool_mutex);
  if (idle.size() < kMaxIdleReaders) idle.push_back(std::move(reader));
}

template <class F>
auto LexicalIndex::State::with_reader(std::string_view what, F&& body)
    -> decltype(body(std::declval<LexicalReader&>())) {
  return xapian_call(what, [&] {
    constexpr int kFreeTries = 3;  // the last try keeps commits out
    for (int attempt = 0;; ++attempt) {
      std::shared_lock<FairSharedMutex> no_commits;
      if (attempt == kFreeTries) no_commits = std::shared_lock(commits);
      const auto return_it = [this](LexicalReader* used) { give_back(std::unique_ptr<LexicalReader>(used)); };
      std::unique_ptr<LexicalReader, decltype(return_it)> reader(nullptr, return_it);
      const uint64_t current = generation;
      try {
        reader.reset((attempt == 0 ? take_reader() : open_reader()).release());
        if (reader->generation != current) reader->database.reopen();
        reader->generation = current;
        return body(*reader);
      } catch (const Xapian::DatabaseError&) {
        // A commit overtook this reader, which may now hold tables of two commits and take that for damage: a new one.
        delete reader.release();
        if (attempt == kFreeTries) throw;
      }
    }
  });
}

/// Adds the words of a stored document to `spellings`, `sign` times.
void LexicalIndex::State::count_spellings(Xapian::docid id, int64_t sign) {
  Xapian::WritableDatabase& writer = store.writer();
  for (auto term = writer.termlist_begin(id); term != writer.termlist_end(id); ++term) {
    if (std::string word = *term; is_spelling(word)) spellings[std::move(word)] += sign;
  }
}

void LexicalIndex::State::apply_changes(std::span<const LexicalChange> changes) {
  Xapian::WritableDatabase& writer = store.writer();
  spellings.clear();
  for (const LexicalChange& change : changes) {
    const Xapian::docid id = docid_of(change.item);
    bool there = id <= writer.get_lastdocid();
    if (there) {
      try {
        count_spellings(id, -1);
      } catch (const Xapian::DocNotFoundError&) {
        there = false;
      }
    }
    if (change.content == nullptr) {
      if (there) writer.delete_document(id);
      continue;
    }
    const Xapian::Document document = maker.make(*change.content);
    for (auto term = document.termlist_begin(); term != document.termlist_end(); ++term) {
      if (std::string word = *term; is_spelling(word)) ++spellings[std::move(word)];
    }
    writer.replace_document(id, document);
  }
  for (const auto& [word, count] : spellings) {
    if (count > 0) writer.add_spelling(word, static_cast<Xapian::termcount>(count));
    if (count < 0) writer.remove_spelling(word, static_cast<Xapian::termcount>(-count));
  }
}

void LexicalIndex::State::commit(std::span<const LexicalChange> changes, int64_t new_version) {
  Xapian::WritableDatabase& writer = store.writer();
  writer.begin_transaction();
  try {
    apply_changes(changes);
    writer.set_metadata(kVersionKey, std::to_string(new_version));
    const std::unique_lock committing(commits);
    writer.commit_transaction();
  } catch (...) {
    try {
      writer.cancel_transaction();
    } catch (const Xapian::Error&) {
      // The first error says more; without a transaction there is nothing to take back.
    }
    throw;
  }
  version = new_version;
  ++generation;
}

LexicalIndex::LexicalIndex(const LexicalOptions& options, const std::filesystem::path& folder)
    : state_(std::make_unique<State>(options, folder)) {}

LexicalIndex::~LexicalIndex() = default;

int64_t LexicalIndex::version() const {
  return state_->version;
}
const std::string& LexicalIndex::start_reason() const {
  return state_->store.start_reason();
}
const LexicalOptions& LexicalIndex::options() const {
  return state_->options;
}

void LexicalIndex::apply(std::span<const LexicalChange> changes, int64_t version) {
  for (const LexicalChange& change : changes) {
    TESSERA_CHECK(index(change.item) >= 0, data, "text index: item {} has no position in the catalogue",
                  index(change.item));
    if (change.content != nullptr) check_field_sizes(*change.content);
  }
  const std::lock_guard writing(state_->writer_mutex);
  xapian_call("text index: items cannot be changed", [&] {
    do {
      const auto part = changes.first(std::min(changes.size(), static_cast<size_t>(kMaxChangesAtOnce)));
      changes = changes.subspan(part.size());
      state_->commit(part, changes.empty() ? version : state_->version.load());
    } while (!changes.empty());
  });
}

void LexicalIndex::apply_all(const Catalogue& catalogue, int64_t version) {
  std::vector<LexicalChange> changes;
  changes.reserve(static_cast<size_t>(catalogue.size()));
  for (int32_t i = 0; i < catalogue.size(); ++i) changes.push_back({ItemId{i}, &catalogue[ItemId{i}]});
  apply(changes, version);
}

LexicalResult LexicalIndex::search(const LexicalQuery& query) const {
  check_query(query);
  State& state = *state_;
  std::shared_ptr<const SynonymTable> synonyms;
  {
    const std::lock_guard guard(state.synonyms_mutex);
    synonyms = state.synonyms;
  }
  return state.with_reader(
      "text search", [&](LexicalReader& reader) { return search_reader(reader, state.options, *synonyms, query); });
}

void LexicalIndex::set_synonyms(std::vector<Synonym> synonyms) {
  TESSERA_CHECK(synonyms.size() <= kMaxSynonyms, data, "{} synonyms are too many, wanted at most {}", synonyms.size(),
                kMaxSynonyms);
  auto table = std::make_shared<SynonymTable>();
  TextReader text(state_->options.strip_accents);
  WordForms forms(state_->options.language, false);
  const auto words_of = [&](const std::string& expression) {
    SynonymTable::Words words;
    for (const QueryWord& word : parse_query(expression, text, forms).words) words.push_back(word.stem);
    return words;
  };
  for (const Synonym& synonym : synonyms) {
    std::vector<SynonymTable::Words> all;
    for (const std::string& expression : synonym.words) all.push_back(words_of(expression));
    if (!synonym.root.empty()) {
      const SynonymTable::Words root = words_of(synonym.root);
      for (const auto& words : all) table->add(root, words);
      continue;
    }
    TESSERA_CHECK(all.size() <= SynonymTable::kMaxAlternatives, data, "'{}' has {} synonyms, wanted at most {}",
                  synonym.words.front(), all.size(), SynonymTable::kMaxAlternatives);
    for (const auto& from : all) {
      for (const auto& to : all) table->add(from, to);
    }
  }
  const std::lock_guard guard(state_->synonyms_mutex);
  state_->synonyms = std::move(table);
}

LexicalStats LexicalIndex::stats() const {
  State& state = *state_;
  LexicalStats stats;
  state.with_reader("text index", [&](LexicalReader& reader) {
    stats.items = reader.database.get_doccount();
    stats.mean_length = reader.database.get_average_length();
  });
  stats.version = state.version;
  stats.size_bytes = state.store.size_bytes();
  const std::lock_guard guard(state.pool_mutex);
  stats.num_readers = static_cast<int64_t>(state.idle.size());
  return stats;
}

}  // namespace tessera
