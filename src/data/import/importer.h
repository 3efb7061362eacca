#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "data/import.h"

namespace tessera {

/// One import in progress: what every importer reads its options from and writes its rows to.
class ImportJob {
 public:
  ImportJob(const ImportOptions& options, Dataset& dataset, ImportReport& report, Progress& progress)
      : options(options), dataset(dataset), report(report), progress_(progress) {}

  /// Counts one row and runs `body`. An Error(data) that it throws makes the row a bad one.
  template <class Body>
  void row(const std::filesystem::path& file, int64_t line, const Body& body) {
    count(1);
    try {
      body();
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::data) throw;
      remember(file, line, e.what(), 1);
    }
  }
  /// Counts rows that cannot even be taken apart.
  void bad_rows(const std::filesystem::path& file, int64_t line, const std::string& reason, int64_t num_rows) {
    count(num_rows);
    remember(file, line, reason, num_rows);
  }
  void note(std::string text) { report.notes.push_back(std::move(text)); }

  const ImportOptions& options;
  Dataset& dataset;
  ImportReport& report;

 private:
  void count(int64_t rows);
  void remember(const std::filesystem::path& file, int64_t line, const std::string& reason, int64_t num_rows);
  Progress& progress_;
};

/// One event as an importer reads it; the texts live as long as the row.
struct EventRow {
  std::string_view user, item, action;
  int64_t time = 0;
  std::string_view query, request, scene;  ///< empty: none
  int64_t position = -1;                   ///< -1: none
  double value = std::numeric_limits<double>::quiet_NaN();
};

/// Turns event rows into columns: numbers the users, queries, requests, actions and scenes.
class EventSink {
 public:
  /// @param open_catalogue  an item that is not in the catalogue is added to it, with its id alone; otherwise it is an
  /// error
  EventSink(Dataset& dataset, bool open_catalogue) : dataset_(dataset), open_catalogue_(open_catalogue) {}
  /// @throws Error(data) if a field is missing or out of range; nothing is added then
  void add(const EventRow& row);

 private:
  ItemId item(std::string_view id);
  uint8_t action(std::string_view name);

  Dataset& dataset_;
  bool open_catalogue_;
  std::string last_action_name_;
  uint8_t last_action_ = 0;
  // Requests have no names in a dataset, so their 64-bit hashes are kept instead of their texts.
  std::unordered_map<uint64_t, int32_t> requests_;
};

/// Ratings whose items may have a description in another file: the catalogue is built when both have been read.
class RatingSink {
 public:
  RatingSink(Dataset& dataset, bool all_items) : dataset_(dataset), all_items_(all_items) {}
  /// @throws Error(data) if the rating is not within [0, 5], or the time is out of range
  void rating(std::string_view user, std::string_view item, double rating, int64_t time);
  /// Describes an item; dropped when nobody rated it, unless all items are wanted. Call it after the ratings.
  /// @throws Error(data) if the item has been described before
  void describe(Item item);
  /// Fills the catalogue. @return number of rated items without a description
  int64_t finish();

 private:
  Dataset& dataset_;
  bool all_items_;
  Vocabulary ids_;
  std::vector<Item> items_;  ///< by number in ids_; an empty id: not described yet
};

/// The file of that name in the folder, plain or compressed (.gz, .zst), if there is one.
std::optional<std::filesystem::path> find_file(const std::filesystem::path& folder, const std::string& name);
/// The first line of a file, or "". @throws Error(io | corrupt)
std::string first_line(const std::filesystem::path& path);
/// File name without .gz or .zst.
std::string plain_name(const std::filesystem::path& path);
/// The folder of a source: itself, or where the file lies.
std::filesystem::path folder_of(const std::filesystem::path& source);

/// A whole number. @throws Error(data) naming the field
int64_t parse_integer(std::string_view text, const char* what);
/// A finite number. @throws Error(data) naming the field
double parse_number(std::string_view text, const char* what);
/// A time of data/time.h. @throws Error(data)
int64_t parse_time_field(std::string_view text);
/// Splits at every occurrence of the separator; as many parts as separators plus one.
std::vector<std::string_view> split_text(std::string_view text, std::string_view separator);
std::string_view trimmed(std::string_view text);

/// One importer a layout; `source` is a folder or the file with the events.
void import_sequences(ImportJob& job, const std::filesystem::path& source);
void import_jsonl(ImportJob& job, const std::filesystem::path& source);
void import_csv(ImportJob& job, const std::filesystem::path& source);
void import_movielens(ImportJob& job, const std::filesystem::path& source);
void import_amazon(ImportJob& job, const std::filesystem::path& source);

}  // namespace tessera
