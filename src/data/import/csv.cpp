// Our own schema as CSV: items.csv and events.csv (or .tsv) with a header line. Categories are written
// `Beauty > Makeup > Nails | Beauty > Gifts`; a column of items.csv that the schema does not know is an attribute.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "data/import/csv_reader.h"
#include "data/import/importer.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;

/// The columns of a CSV file by name.
class CsvHeader {
 public:
  void read(std::span<const std::string_view> fields, const fs::path& file) {
    for (const std::string_view field : fields) {
      std::string name(trimmed(field));
      TESSERA_CHECK(std::find(names_.begin(), names_.end(), name) == names_.end(), data,
                    "{}:1: column '{}' is there twice", file.string(), name);
      names_.push_back(std::move(name));
    }
  }
  bool empty() const { return names_.empty(); }
  const std::vector<std::string>& names() const { return names_; }
  /// The place of a column, or -1.
  int find(std::string_view name) const {
    const auto it = std::find(names_.begin(), names_.end(), name);
    return it == names_.end() ? -1 : static_cast<int>(it - names_.begin());
  }
  /// @throws Error(data) naming the file and the columns it has
  void require(std::string_view name, const fs::path& file) const {
    if (find(name) >= 0) return;
    const std::string near = nearest(name, names_);
    fail(ErrorKind::data, "{}:1: there is no column '{}'{}; the first line must name the columns, found: {}",
         file.string(), name, near.empty() ? "" : " (is it '" + near + "'?)", fmt::join(names_, ", "));
  }

 private:
  std::vector<std::string> names_;
};

/// Reads a file with a header; `row` is called for every other record, as one row of the job.
template <class Start, class Row>
void read_table(ImportJob& job, const fs::path& file, CsvHeader& header, const Start& start, const Row& row) {
  const auto record = [&](const CsvRecord& csv) {
    if (header.empty()) {
      header.read(csv.fields, file);
      start();
      return;
    }
    job.row(file, csv.line, [&] {
      TESSERA_CHECK(csv.fields.size() == header.names().size(), data, "{} fields, the header names {}",
                    csv.fields.size(), header.names().size());
      row(csv.fields);
    });
  };
  for_each_record(file, 0, record, [&](int64_t line, int64_t num_lines, const char* reason) {
    job.bad_rows(file, line, reason, num_lines);
  });
  TESSERA_CHECK(!header.empty(), data, "{}: is empty; wanted a line with the names of the columns", file.string());
}

nlohmann::json csv_categories(std::string_view text) {
  nlohmann::json paths = nlohmann::json::array();
  for (const std::string_view path_text : split_text(text, "|")) {
    nlohmann::json path = nlohmann::json::array();
    for (const std::string_view name : split_text(path_text, ">")) {
      if (!trimmed(name).empty()) path.push_back(std::string(trimmed(name)));
    }
    if (!path.empty()) paths.push_back(std::move(path));
  }
  return paths;
}

bool csv_boolean(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes") return true;
  TESSERA_CHECK(text == "false" || text == "0" || text == "no", data, "available must be true or false, found '{}'",
                text);
  return false;
}

/// The record in the schema of items.jsonl.
nlohmann::json csv_item(const CsvHeader& header, std::span<const std::string_view> fields) {
  nlohmann::json row = nlohmann::json::object();
  for (size_t i = 0; i < fields.size(); ++i) {
    std::string_view name = header.names()[i];
    const std::string text(trimmed(fields[i]));
    if (text.empty()) continue;
    if (name == "categories") {
      row["categories"] = csv_categories(text);
    } else if (name == "price") {
      row["price"] = parse_number(text, "price");
    } else if (name == "available") {
      row["available"] = csv_boolean(text);
    } else if (name == "attributes") {
      const nlohmann::json attributes = parse_object(text);
      for (const auto& [key, value] : attributes.items()) row["attributes"][key] = value;
    } else if (name == "id" || name == "title" || name == "description" || name == "brand" || name == "created_at" ||
               name == "image") {
      row[std::string(name)] = text;
    } else {
      if (name.starts_with("attributes.")) name.remove_prefix(std::string_view("attributes.").size());
      row["attributes"][std::string(name)] = text;
    }
  }
  return row;
}

void read_csv_items(ImportJob& job, const fs::path& file) {
  CsvHeader header;
  read_table(
      job, file, header, [&] { header.require("id", file); },
      [&](std::span<const std::string_view> fields) {
        job.dataset.items.add(item_from_json(csv_item(header, fields)));
      });
}

void read_csv_events(ImportJob& job, const fs::path& file, bool open_catalogue) {
  enum Column { user, item, action, time, query, request, scene, position, value, num_columns };
  static constexpr const char* kNames[] = {"user",    "item",  "action",   "time", "query",
                                           "request", "scene", "position", "value"};
  CsvHeader header;
  std::array<int, num_columns> place{};
  EventSink sink(job.dataset, open_catalogue);
  const auto start = [&] {
    for (const Column column : {user, item, action, time}) header.require(kNames[column], file);
    for (size_t c = 0; c < place.size(); ++c) place[c] = header.find(kNames[c]);
    for (const std::string& name : header.names()) {
      if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) {
        job.note(fmt::format("column '{}' of {} is not used", name, file.string()));
      }
    }
  };
  read_table(job, file, header, start, [&](std::span<const std::string_view> fields) {
    const auto text = [&](Column c) {
      return place[c] < 0 ? std::string_view() : trimmed(fields[static_cast<size_t>(place[c])]);
    };
    EventRow row;
    row.user = text(user);
    row.item = text(item);
    row.action = text(action);
    row.time = parse_time_field(text(time));
    row.query = text(query);
    row.request = text(request);
    row.scene = text(scene);
    if (!text(position).empty()) {
      row.position = parse_integer(text(position), "position");
      TESSERA_CHECK(row.position >= 0, data, "position must be 0 or more, found {}", row.position);
    }
    if (!text(value).empty()) row.value = parse_number(text(value), "value");
    sink.add(row);
  });
}

std::optional<fs::path> find_table(const fs::path& folder, const std::string& name) {
  const auto csv = find_file(folder, name + ".csv");
  return csv ? csv : find_file(folder, name + ".tsv");
}

}  // namespace

void import_csv(ImportJob& job, const fs::path& source) {
  const fs::path folder = folder_of(source);
  const auto events = fs::is_directory(source) ? find_table(folder, "events") : std::optional(source);
  const auto items = find_table(folder, "items");
  TESSERA_CHECK(items || events, data, "{}: holds neither items.csv nor events.csv", folder.string());
  if (items) {
    read_csv_items(job, *items);
  } else {
    job.note("there is no items.csv: items have ids, but no texts");
  }
  if (!events || (items && fs::equivalent(*events, *items))) {
    job.note("there is no events.csv: the dataset has no behaviour");
    return;
  }
  read_csv_events(job, *events, !items);
}

}  // namespace tessera
