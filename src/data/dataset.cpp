#include "data/dataset.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "data/item_json.h"
#include "data/time.h"

namespace tessera {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int64_t kSchemaVersion = 1;
constexpr const char* kSchemaName = "tessera-dataset";
constexpr const char* kHashedFiles[] = {"items.jsonl",         "users.jsonl",      "queries.jsonl",
                                        "events/user.npy",     "events/item.npy",  "events/action.npy",
                                        "events/time.npy",     "events/query.npy", "events/request.npy",
                                        "events/position.npy", "events/value.npy", "events/scene.npy"};

/// Collects small writes, so that a file of many lines costs few calls.
class LineWriter {
 public:
  explicit LineWriter(const fs::path& path) : file_(path) {}
  void line(std::string_view text) {
    buffer_ += text;
    buffer_ += '\n';
    if (buffer_.size() >= size_t{1} << 20) flush();
  }
  void commit() {
    flush();
    file_.commit();
  }

 private:
  void flush() {
    file_.write(buffer_);
    buffer_.clear();
  }
  AtomicFile file_;
  std::string buffer_;
};

template <class T>
void write_column(const fs::path& folder, const char* name, DType type, const std::vector<T>& column) {
  const ArrayView view{type, {static_cast<int64_t>(column.size())}, std::as_bytes(std::span(column))};
  write_npy(folder / "events" / (std::string(name) + ".npy"), view);
}

template <class T>
std::vector<T> read_column(const fs::path& folder, const char* name, DType type, int64_t length) {
  const fs::path path = folder / "events" / (std::string(name) + ".npy");
  const NpyFile file(path);
  const ArrayView& array = file.array();
  TESSERA_CHECK(array.type == type && array.shape.size() == 1, corrupt,
                "{}: holds a {}-dimensional array of {}, wanted one dimension of {}; import the data again",
                path.string(), array.shape.size(), to_string(array.type), to_string(type));
  TESSERA_CHECK(array.shape[0] == length, corrupt, "{}: holds {} events, dataset.json says {}; import the data again",
                path.string(), array.shape[0], length);
  std::vector<T> column(static_cast<size_t>(length));
  if (length > 0) std::memcpy(column.data(), array.bytes.data(), column.size() * sizeof(T));
  return column;
}

int64_t number_of(int64_t value) {
  return value;
}
int64_t number_of(ItemId value) {
  return index(value);
}
int64_t number_of(UserId value) {
  return index(value);
}

/// @param low  the smallest number allowed: 0, or -1 where "none" is one
template <class T>
void check_range(const std::vector<T>& column, const char* name, int64_t low, int64_t count, const std::string& where) {
  for (size_t e = 0; e < column.size(); ++e) {
    const int64_t value = number_of(column[e]);
    TESSERA_CHECK(value >= low && value < count, data,
                  "{}: event {} has {} {}, allowed is {} to {}; import the data again", where, e, name, value, low,
                  count - 1);
  }
}

void check_lengths(const BehaviourLog& log, const std::string& where) {
  const std::pair<const char*, size_t> columns[] = {{"item", log.item.size()},       {"action", log.action.size()},
                                                    {"time", log.time.size()},       {"query", log.query.size()},
                                                    {"request", log.request.size()}, {"position", log.position.size()},
                                                    {"value", log.value.size()},     {"scene", log.scene.size()}};
  for (const auto& [name, size] : columns) {
    TESSERA_CHECK(size == log.user.size(), data, "{}: column {} holds {} events, column user holds {}", where, name,
                  size, log.user.size());
  }
}

void check_columns(const Dataset& dataset, const std::string& where) {
  const BehaviourLog& log = dataset.log;
  constexpr int64_t kAnyInt32 = int64_t{1} << 31;
  check_range(log.user, "user", 0, dataset.users.size(), where);
  check_range(log.item, "item", 0, dataset.items.size(), where);
  check_range(log.action, "action", 0, log.actions.size(), where);
  check_range(log.time, "time", kMinTime, kMaxTime + 1, where);
  check_range(log.query, "query", -1, log.queries.size(), where);
  check_range(log.request, "request", -1, kAnyInt32, where);
  check_range(log.position, "position", -1, kAnyInt32, where);
  check_range(log.scene, "scene", -1, log.scenes.size(), where);
  for (size_t e = 0; e < log.value.size(); ++e) {
    TESSERA_CHECK(!std::isinf(log.value[e]), data, "{}: event {} has an infinite value; import the data again", where,
                  e);
  }
}

void check_order(const BehaviourLog& log, const std::string& where) {
  for (size_t e = 1; e < log.user.size(); ++e) {
    TESSERA_CHECK(log.user[e - 1] < log.user[e] || (log.user[e - 1] == log.user[e] && log.time[e - 1] <= log.time[e]),
                  corrupt, "{}: event {} is out of order (wanted: ascending user, then time); import the data again",
                  where, e);
  }
}

void write_events(const BehaviourLog& log, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder / "events", error);
  TESSERA_CHECK(!error, io, "{}: cannot make the folder: {}", (folder / "events").string(), error.message());
  write_column(folder, "user", DType::i32, log.user);
  write_column(folder, "item", DType::i32, log.item);
  write_column(folder, "action", DType::u8, log.action);
  write_column(folder, "time", DType::i64, log.time);
  write_column(folder, "query", DType::i32, log.query);
  write_column(folder, "request", DType::i32, log.request);
  write_column(folder, "position", DType::i32, log.position);
  write_column(folder, "value", DType::f32, log.value);
  write_column(folder, "scene", DType::i16, log.scene);
}

void read_events(BehaviourLog& log, const fs::path& folder, int64_t length) {
  log.user = read_column<UserId>(folder, "user", DType::i32, length);
  log.item = read_column<ItemId>(folder, "item", DType::i32, length);
  log.action = read_column<uint8_t>(folder, "action", DType::u8, length);
  log.time = read_column<int64_t>(folder, "time", DType::i64, length);
  log.query = read_column<int32_t>(folder, "query", DType::i32, length);
  log.request = read_column<int32_t>(folder, "request", DType::i32, length);
  log.position = read_column<int32_t>(folder, "position", DType::i32, length);
  log.value = read_column<float>(folder, "value", DType::f32, length);
  log.scene = read_column<int16_t>(folder, "scene", DType::i16, length);
}

void write_tables(const Dataset& dataset, const fs::path& folder) {
  LineWriter items(folder / "items.jsonl");
  for (const Item& item : dataset.items.items()) items.line(item_to_json(item));
  items.commit();
  LineWriter users(folder / "users.jsonl");
  for (int32_t u = 0; u < dataset.users.size(); ++u) {
    Json row{{"user", dataset.users.name(u)}};
    if (!dataset.user_attributes.empty()) {
      const std::string& text = dataset.user_attributes[static_cast<size_t>(u)];
      if (!text.empty()) row["attributes"] = parse_object(text);
    }
    users.line(to_line(row));
  }
  users.commit();
  LineWriter queries(folder / "queries.jsonl");
  for (const std::string& query : dataset.log.queries.names()) queries.line(to_line(Json{{"query", query}}));
  queries.commit();
}

/// Calls row(object) for every line of a JSONL file; what it throws is told with file and line.
template <class Row>
void read_rows(const fs::path& path, const Row& row) {
  for_each_line(path, [&](std::string_view text, int64_t number) {
    try {
      row(parse_object(text));
    } catch (const Error& e) {
      fail(ErrorKind::corrupt, "{}:{}: {}; import the data again", path.string(), number, e.what());
    }
  });
}

/// Reads items.jsonl on all cores.
void read_items(Catalogue& items, const fs::path& path) {
  const MappedFile file(path);
  std::vector<std::string_view> lines;
  for (std::string_view rest = file.text(); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::vector<Item> parsed(lines.size());
  std::vector<std::string> errors(lines.size());
  parallel_for(static_cast<int64_t>(lines.size()), 256, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      try {
        if (!lines[i].empty()) parsed[i] = item_from_line(lines[i]);
      } catch (const Error& e) {
        errors[i] = e.what();
      }
    }
  });
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    try {
      if (!errors[i].empty()) fail(ErrorKind::corrupt, "{}", errors[i]);
      items.add(std::move(parsed[i]));
    } catch (const Error& e) {
      fail(ErrorKind::corrupt, "{}:{}: {}; import the data again", path.string(), i + 1, e.what());
    }
  }
}

std::string string_at(const Json& row, const char* key) {
  const auto it = row.find(key);
  TESSERA_CHECK(it != row.end() && it->is_string(), data, "wanted a string '{}'", key);
  return it->get<std::string>();
}

void read_new_name(Vocabulary& names, const std::string& name, const char* what) {
  const int64_t before = names.size();
  names.add(name);
  TESSERA_CHECK(names.size() == before + 1, data, "{} '{}' is listed twice", what, name);
}

void read_tables(Dataset& dataset, const fs::path& folder) {
  read_items(dataset.items, folder / "items.jsonl");
  bool any_attributes = false;
  read_rows(folder / "users.jsonl", [&](const Json& row) {
    read_new_name(dataset.users, string_at(row, "user"), "user");
    const auto attributes = row.find("attributes");
    TESSERA_CHECK(attributes == row.end() || attributes->is_object(), data, "attributes must be an object");
    any_attributes = any_attributes || attributes != row.end();
    dataset.user_attributes.push_back(attributes == row.end() ? std::string() : to_line(*attributes));
  });
  if (!any_attributes) dataset.user_attributes = {};
  read_rows(folder / "queries.jsonl",
            [&](const Json& row) { read_new_name(dataset.log.queries, string_at(row, "query"), "query"); });
}

std::string hash_folder(const Dataset& dataset, const fs::path& folder) {
  ContentHash hash;
  hash.add(to_line(Json{{"actions", dataset.log.actions.names()}, {"scenes", dataset.log.scenes.names()}}));
  for (const char* file : kHashedFiles) {
    hash.add(file);
    hash.add_file(folder / file);
  }
  return hash.hex();
}

int64_t count_at(const Json& counts, const char* key) {
  const auto it = counts.find(key);
  TESSERA_CHECK(it != counts.end() && it->is_number_integer() && *it >= 0, corrupt, "counts.{} must be a whole number",
                key);
  const auto count = it->get<int64_t>();
  TESSERA_CHECK(count <= int64_t{1} << 40, corrupt, "counts.{} = {} is not credible", key, count);
  return count;
}

Vocabulary names_at(const Json& info, const char* key, int64_t limit) {
  const auto it = info.find(key);
  TESSERA_CHECK(it != info.end() && it->is_array() && static_cast<int64_t>(it->size()) <= limit, corrupt,
                "'{}' must be a list of at most {} names", key, limit);
  Vocabulary names;
  for (const Json& name : *it) {
    TESSERA_CHECK(name.is_string(), corrupt, "'{}' must be a list of names", key);
    read_new_name(names, name.get<std::string>(), key);
  }
  return names;
}

/// dataset.json with everything but the file contents checked.
Json read_info(const fs::path& path) {
  const Json info = parse_object(read_file(path));
  TESSERA_CHECK(info.value("schema", Json()) == kSchemaName, corrupt, "it is no Tessera dataset: 'schema' must be '{}'",
                kSchemaName);
  const auto version = info.value("version", Json());
  TESSERA_CHECK(version.is_number_integer() && version >= 1, corrupt, "'version' must be a whole number");
  TESSERA_CHECK(version <= kSchemaVersion, unsupported,
                "it has schema version {}, this program reads up to {}; use a newer program or import the data again",
                version.dump(), kSchemaVersion);
  TESSERA_CHECK(info.contains("counts") && info["counts"].is_object(), corrupt, "'counts' is missing");
  string_at(info, "name");
  string_at(info, "content_hash");
  return info;
}

}  // namespace

void write_dataset(Dataset& dataset, const fs::path& folder) {
  const std::string where = fmt::format("dataset '{}'", dataset.name);
  check_lengths(dataset.log, where);
  dataset.log.sort();
  check_columns(dataset, where);
  TESSERA_CHECK(
      dataset.user_attributes.empty() || static_cast<int64_t>(dataset.user_attributes.size()) == dataset.users.size(),
      data, "{}: attributes of {} users, but there are {}", where, dataset.user_attributes.size(),
      dataset.users.size());
  write_tables(dataset, folder);
  write_events(dataset.log, folder);
  dataset.content_hash = hash_folder(dataset, folder);
  nlohmann::ordered_json info;
  info["schema"] = kSchemaName;
  info["version"] = kSchemaVersion;
  info["name"] = dataset.name;
  info["counts"] = {{"items", dataset.items.size()},
                    {"users", dataset.users.size()},
                    {"queries", dataset.log.queries.size()},
                    {"events", dataset.log.size()}};
  info["actions"] = dataset.log.actions.names();
  info["scenes"] = dataset.log.scenes.names();
  info["provenance"] = dataset.provenance.empty() ? Json::object() : parse_object(dataset.provenance);
  info["content_hash"] = dataset.content_hash;
  write_file(folder / "dataset.json",
             info.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void save_dataset(Dataset& dataset, const fs::path& folder) {
  const bool taken = fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder));
  TESSERA_CHECK(!taken || fs::exists(folder / "dataset.json"), io,
                "{}: is there already and is no dataset, so it is not replaced; choose another name", folder.string());
  AtomicFolder target(folder);
  write_dataset(dataset, target.path());
  target.commit();
}

Dataset load_dataset(const fs::path& folder) {
  const fs::path info_path = folder / "dataset.json";
  TESSERA_CHECK(fs::exists(info_path), io,
                "{}: no such file; '{}' is not a dataset folder (make one with `tessera import`)", info_path.string(),
                folder.string());
  Dataset dataset;
  Json info;
  int64_t num_items = 0, num_users = 0, num_queries = 0, num_events = 0;
  try {
    info = read_info(info_path);
    num_items = count_at(info["counts"], "items");
    num_users = count_at(info["counts"], "users");
    num_queries = count_at(info["counts"], "queries");
    num_events = count_at(info["counts"], "events");
    dataset.log.actions = names_at(info, "actions", 256);
    dataset.log.scenes = names_at(info, "scenes", 32768);
  } catch (const Error& e) {
    fail(e.kind() == ErrorKind::data ? ErrorKind::corrupt : e.kind(), "{}: {}", info_path.string(), e.what());
  }
  dataset.name = info["name"].get<std::string>();
  dataset.provenance = to_line(info.value("provenance", Json::object()));
  read_tables(dataset, folder);
  const std::string where = folder.string();
  TESSERA_CHECK(
      dataset.items.size() == num_items && dataset.users.size() == num_users &&
          dataset.log.queries.size() == num_queries,
      corrupt, "{}: holds {} items, {} users, {} queries, but dataset.json says {}, {}, {}; import the data again",
      where, dataset.items.size(), dataset.users.size(), dataset.log.queries.size(), num_items, num_users, num_queries);
  read_events(dataset.log, folder, num_events);
  check_columns(dataset, where);
  check_order(dataset.log, where);
  dataset.content_hash = hash_folder(dataset, folder);
  const auto stated = info["content_hash"].get<std::string>();
  TESSERA_CHECK(
      dataset.content_hash == stated, corrupt,
      "{}: its files have changed since it was written (content hash {}, dataset.json says {}); import the data again",
      where, dataset.content_hash, stated);
  return dataset;
}

}  // namespace tessera
