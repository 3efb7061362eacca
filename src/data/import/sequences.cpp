// Item sequences: one line a user, `user item item ...`, oldest first. Beside the file there may be items.jsonl (the
// texts), queries.tsv and search.txt (the query under which each purchase was made).
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/import/encoding.h"
#include "data/import/importer.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr uint8_t kOrder = 4;  // its number in every new BehaviourLog

struct TokenHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
/// The item that a token of a sequence stands for.
using TokenMap = std::unordered_map<std::string, ItemId, TokenHash, std::equal_to<>>;

/// The next token of the line, which is shortened by it; "" at its end.
std::string_view next_token(std::string_view& line) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return line = {};
  line.remove_prefix(begin);
  const size_t end = std::min(line.find_first_of(kSpace), line.size());
  const std::string_view token = line.substr(0, end);
  line.remove_prefix(end);
  return token;
}

std::string text_or_number(const Json& row, const char* key) {
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return {};
  if (it->is_number_integer()) return it->dump();
  TESSERA_CHECK(it->is_string(), data, "{} must be a string, found {}", key, it->dump());
  return it->get<std::string>();
}

/// One row of items.jsonl. `asin` is the public id where there is one, `id` is what the sequences say; `keywords` are
/// the description, or the title of an item that has none.
void add_item(Json row, Catalogue& items, TokenMap& tokens) {
  const std::string asin = text_or_number(row, "asin");
  const std::string id = text_or_number(row, "id");
  const std::string token = id.empty() ? asin : id;
  TESSERA_CHECK(!token.empty(), data, "it has neither an id nor an asin");
  TESSERA_CHECK(!tokens.contains(token), data, "item {} is listed twice; keep one of the rows", token);
  row["id"] = asin.empty() ? id : asin;
  Item item = item_from_json(row);
  const std::string keywords = text_or_number(row, "keywords");
  if (item.title.empty()) {
    item.title = keywords;
  } else if (item.description.empty()) {
    item.description = keywords;
  }
  tokens.emplace(token, items.add(std::move(item)));
}

/// The queries of a log of sequences, by line: the user and one query number for each item.
class SearchLog {
 public:
  /// @return false if the folder has no such files
  bool read(ImportJob& job, const fs::path& folder) {
    const auto queries = find_file(folder, "queries.tsv");
    const auto search = find_file(folder, "search.txt");
    if (!queries || !search) return false;
    for_each_line(*queries, [&](std::string_view text, int64_t line) {
      if (line > 1 && !trimmed(text).empty())
        job.row(*queries, line, [&] { add_query(job.dataset.log.queries, text); });
    });
    for_each_line(*search, [&](std::string_view text, int64_t line) {
      lines_.push_back({users_.size(), query_.size(), false});
      if (!trimmed(text).empty()) job.row(*search, line, [&] { add_line(text); });
    });
    lines_.push_back({users_.size(), query_.size(), false});
    return true;
  }

  /// The query numbers (-1: none) of a line of the sequences.
  /// @throws Error(data) if the line of search.txt is of another user or length
  std::span<const int32_t> queries_of(int64_t line, std::string_view user, size_t num_items) const {
    const auto at = static_cast<size_t>(line - 1);
    TESSERA_CHECK(at + 1 < lines_.size(), data, "search.txt has no line {}", line);
    const Line &here = lines_[at], &next = lines_[at + 1];
    const std::string_view its_user = std::string_view(users_).substr(here.user, next.user - here.user);
    TESSERA_CHECK(here.good, data, "line {} of search.txt cannot be used", line);
    TESSERA_CHECK(its_user == user, data, "line {} of search.txt is of user '{}', not '{}'", line, its_user, user);
    TESSERA_CHECK(next.query - here.query == num_items, data, "line {} of search.txt has {} queries for {} items", line,
                  next.query - here.query, num_items);
    return std::span(query_).subspan(here.query, num_items);
  }

 private:
  struct Line {
    size_t user, query;  ///< where its part of users_ and query_ begins
    bool good;
  };

  void add_query(Vocabulary& queries, std::string_view text) {
    const auto fields = split_text(text, "\t");
    TESSERA_CHECK(fields.size() >= 2 && !fields[1].empty(), data, "wanted `query_id <tab> query`, found {} fields",
                  fields.size());
    TESSERA_CHECK(is_utf8(fields[1]), data, "the query is not UTF-8");
    TESSERA_CHECK(!numbers_.contains(fields[0]), data, "query {} is listed twice", fields[0]);
    numbers_.emplace(std::string(fields[0]), queries.add(fields[1]));
  }

  void add_line(std::string_view text) {
    const size_t first_query = query_.size();
    const std::string_view user = next_token(text);
    for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) {
      const auto it = numbers_.find(token);
      if (it == numbers_.end() && token != "0") {
        query_.resize(first_query);
        fail(ErrorKind::data, "query {} is not in queries.tsv", token);
      }
      query_.push_back(it == numbers_.end() ? -1 : it->second);
    }
    users_ += user;
    lines_.back().good = true;
  }

  std::unordered_map<std::string, int32_t, TokenHash, std::equal_to<>> numbers_;
  std::vector<Line> lines_;
  std::string users_;
  std::vector<int32_t> query_;
};

/// Reads the sequences themselves.
class SequenceReader {
 public:
  SequenceReader(ImportJob& job, TokenMap tokens, bool open_catalogue, const SearchLog* search)
      : dataset_(job.dataset), tokens_(std::move(tokens)), open_catalogue_(open_catalogue), search_(search) {}

  /// @throws Error(data) if the line cannot be used; nothing of it is added then
  void add_line(std::string_view text, int64_t line) {
    const std::string_view user = next_token(text);
    items_.clear();
    new_items_.clear();
    for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) find_item(token);
    TESSERA_CHECK(!items_.empty(), data, "user '{}' has no items", user);
    std::span<const int32_t> queries;
    if (search_ != nullptr) queries = search_->queries_of(line, user, items_.size());
    TESSERA_CHECK(is_utf8(user), data, "the user is not UTF-8");
    const int64_t known_users = dataset_.users.size();
    const auto user_id = static_cast<UserId>(dataset_.users.add(user));
    TESSERA_CHECK(dataset_.users.size() > known_users, data, "user '{}' has a line already; put all items into one",
                  user);
    for (const auto& [token, at] : new_items_) items_[at] = add_new_item(token);
    for (size_t i = 0; i < items_.size(); ++i) {
      dataset_.log.add(user_id, items_[i], kOrder, static_cast<int64_t>(i));
      if (!queries.empty()) dataset_.log.query.back() = queries[i];
    }
  }

 private:
  void find_item(std::string_view token) {
    if (const auto it = tokens_.find(token); it != tokens_.end()) {
      items_.push_back(it->second);
      return;
    }
    TESSERA_CHECK(open_catalogue_, data, "item '{}' is not in items.jsonl", token);
    TESSERA_CHECK(is_utf8(token), data, "an item is not UTF-8");
    new_items_.emplace_back(token, items_.size());
    items_.push_back(ItemId{-1});
  }

  ItemId add_new_item(std::string_view token) {
    if (const auto it = tokens_.find(token); it != tokens_.end()) return it->second;
    Item item;
    item.id = std::string(token);
    const ItemId id = dataset_.items.add(std::move(item));
    tokens_.emplace(std::string(token), id);
    return id;
  }

  Dataset& dataset_;
  TokenMap tokens_;
  bool open_catalogue_;
  const SearchLog* search_;
  std::vector<ItemId> items_;  ///< of the present line
  std::vector<std::pair<std::string_view, size_t>> new_items_;
};

}  // namespace

void import_sequences(ImportJob& job, const fs::path& source) {
  const fs::path folder = folder_of(source);
  fs::path events = source;
  if (fs::is_directory(source)) {
    const auto found = find_file(folder, "interactions.txt");
    TESSERA_CHECK(found, data, "{}: holds no interactions.txt; name the file with the sequences", folder.string());
    events = *found;
  }
  TokenMap tokens;
  const auto items = find_file(folder, "items.jsonl");
  if (items) {
    for_each_line(*items, [&](std::string_view text, int64_t line) {
      if (trimmed(text).empty()) return;
      job.row(*items, line, [&] { add_item(parse_object(text), job.dataset.items, tokens); });
    });
  } else {
    job.note("there is no items.jsonl beside the sequences: items have ids, but no texts");
  }
  SearchLog search;
  const bool has_search = search.read(job, folder);
  SequenceReader reader(job, std::move(tokens), !items, has_search ? &search : nullptr);
  for_each_line(events, [&](std::string_view text, int64_t line) {
    if (trimmed(text).empty()) return;
    job.row(events, line, [&] { reader.add_line(text, line); });
  });
  job.note("times are positions in the sequences");
}

}  // namespace tessera
