#include "data/import.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/import/importer.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;

constexpr size_t kExamplesInMessage = 5;

struct ImportFormat {
  const char* name;
  void (*read)(ImportJob& job, const fs::path& source);
};
constexpr ImportFormat kImportFormats[] = {{"sequences", import_sequences},
                                           {"jsonl", import_jsonl},
                                           {"csv", import_csv},
                                           {"movielens", import_movielens},
                                           {"amazon", import_amazon}};

/// The layout of a folder by the names of its files; "" if it is none that is known.
std::string format_of_folder(const fs::path& folder) {
  for (const char* name : {"u.data", "ratings.dat", "ratings.csv"}) {
    if (find_file(folder, name)) return "movielens";
  }
  if (find_file(folder, "events.jsonl")) return "jsonl";
  if (find_file(folder, "events.csv") || find_file(folder, "events.tsv")) return "csv";
  if (find_file(folder, "interactions.txt")) return "sequences";
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("meta_") || name.starts_with("reviews_")) return "amazon";
  }
  if (find_file(folder, "items.jsonl")) return "jsonl";
  return find_file(folder, "items.csv") ? "csv" : "";
}

std::string format_of_file(const fs::path& file) {
  const fs::path name = plain_name(file);
  const std::string ending = name.extension().string();
  if (name == "u.data" || name == "ratings.dat" || name == "ratings.csv") return "movielens";
  if (ending == ".txt") return "sequences";
  if (ending == ".csv" || ending == ".tsv") return "csv";
  if (ending != ".json" && ending != ".jsonl") return "";
  const std::string first = first_line(file);
  const bool reviews = first.find("reviewerID") != std::string::npos || first.find("parent_asin") != std::string::npos;
  return reviews ? "amazon" : ending == ".jsonl" ? "jsonl" : "";
}

std::string detect_format(const fs::path& source) {
  const bool folder = fs::is_directory(source);
  const std::string format = folder ? format_of_folder(source) : format_of_file(source);
  TESSERA_CHECK(
      !format.empty(), data,
      "{}: its layout is not recognised; wanted a folder with interactions.txt, events.jsonl, events.csv, u.data, "
      "ratings.dat, ratings.csv or meta_*; or say which one it is with --format",
      source.string());
  return format;
}

void check_bad_share(const ImportOptions& options, const ImportReport& report) {
  if (static_cast<double>(report.bad_rows) <= options.max_bad * static_cast<double>(report.rows)) return;
  std::string examples;
  for (size_t i = 0; i < std::min(report.examples.size(), kExamplesInMessage); ++i) {
    const BadRow& bad = report.examples[i];
    examples += fmt::format("\n  {}:{}: {}", bad.file, bad.line, bad.reason);
  }
  fail(ErrorKind::data,
       "{}: {} of {} rows are bad ({:.2f}%, allowed is {:.2f}%), so nothing is imported:{}\nmend the rows, or accept "
       "more with "
       "--max-bad",
       options.source, report.bad_rows, report.rows,
       100.0 * static_cast<double>(report.bad_rows) / static_cast<double>(report.rows), 100 * options.max_bad,
       examples);
}

std::string provenance_of(const ImportOptions& options, const ImportReport& report) {
  nlohmann::json bad = nlohmann::json::array();
  for (const BadRow& row : report.examples)
    bad.push_back({{"file", row.file}, {"line", row.line}, {"reason", row.reason}});
  ImportOptions copy = options;
  return to_line({{"importer", report.format},
                  {"source", options.source},
                  {"options", list_options(copy).dump()},
                  {"rows", report.rows},
                  {"bad_rows", report.bad_rows},
                  {"bad_examples", bad},
                  {"notes", report.notes}});
}

std::string default_name(const fs::path& source) {
  const fs::path full = fs::absolute(source).lexically_normal();
  if (fs::is_directory(source)) return (full.has_filename() ? full : full.parent_path()).filename().string();
  return fs::path(plain_name(full)).stem().string();
}

}  // namespace

Dataset import_dataset(const ImportOptions& options, Reporter& reporter, ImportReport& report) {
  report = {};
  TESSERA_CHECK(!options.source.empty(), config, "import: no source given; name a folder or a file");
  TESSERA_CHECK(options.max_bad >= 0 && options.max_bad <= 1, config, "max_bad = {}: must be a share between 0 and 1",
                options.max_bad);
  const fs::path source(options.source);
  TESSERA_CHECK(fs::exists(source), io, "{}: no such file or folder", options.source);
  TESSERA_CHECK(!fs::exists(source / "dataset.json"), data, "{}: is a dataset already; there is nothing to import",
                options.source);
  report.format = options.format == "auto" ? detect_format(source) : options.format;
  std::vector<std::string> names;
  for (const ImportFormat& format : kImportFormats) names.emplace_back(format.name);
  const auto found = std::find(names.begin(), names.end(), report.format);
  TESSERA_CHECK(found != names.end(), config, "import format '{}': wanted auto, {}", report.format,
                fmt::join(names, ", "));

  Dataset dataset;
  dataset.name = options.name.empty() ? default_name(source) : options.name;
  Progress progress(reporter, "import " + dataset.name, 0, "rows");
  ImportJob job(options, dataset, report, progress);
  kImportFormats[found - names.begin()].read(job, source);
  progress.set(report.rows);
  report.events = dataset.log.size();
  report.items = dataset.items.size();
  report.users = dataset.users.size();
  report.seconds = progress.seconds();
  check_bad_share(options, report);
  TESSERA_CHECK(dataset.items.size() > 0, data, "{}: holds no items and no events", options.source);
  dataset.log.sort();
  dataset.provenance = provenance_of(options, report);
  report.seconds = progress.seconds();
  return dataset;
}

}  // namespace tessera
