#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/progress.h"
#include "data/dataset.h"

namespace tessera {

/// What to import and how strict to be.
struct ImportOptions {
  std::string source;           ///< a folder, or the file with the events
  std::string format = "auto";  ///< "auto" decides by the names of the files
  std::string name;             ///< of the dataset; empty: the name of the source
  double max_bad = 0.01;        ///< share of bad rows, over all files, from which the import fails
  bool all_items = false;       ///< movielens and amazon: keep items that nobody rated
  template <class F>
  void fields(F& f) {
    f("source", source, "folder or file to import");
    f("format", format, "layout of the source", one_of({"auto", "sequences", "jsonl", "csv", "movielens", "amazon"}));
    f("name", name, "name of the dataset (none: that of the source)");
    f("max_bad", max_bad, "share of bad rows that is accepted", range(0, 1));
    f("all_items", all_items, "movielens, amazon: keep items without any rating too");
  }
};

/// A row that was kept out.
struct BadRow {
  std::string file;
  int64_t line;  ///< 1-based
  std::string reason;
};

struct ImportReport {
  std::string format;  ///< the layout that was read
  int64_t rows = 0;    ///< lines read, over all files, bad ones included
  int64_t bad_rows = 0;
  std::vector<BadRow> examples;    ///< the first 20 bad rows
  std::vector<std::string> notes;  ///< what was unusual but is no error, one sentence each
  int64_t events = 0, items = 0, users = 0;
  double seconds = 0;
};

/// Reads behaviour and catalogue from files. Memory is bounded by the columns of the log, the names of users and
/// queries, and the catalogue; the text of the events is streamed. Nothing is written: save_dataset() does that.
/// Layouts (docs/formats.md): `sequences` (lines of `user item item ...`, with items.jsonl, queries.tsv and search.txt
/// beside it where there are any), `jsonl` (items.jsonl, users.jsonl, events.jsonl), `csv` (items.csv, events.csv),
/// `movielens` (100k, 1M/10M, latest), `amazon` (2014, 2018 and 2023 reviews and metadata). Files may be compressed
/// (.gz, .zst).
/// @param report  filled in even when the import fails
/// @throws Error(config) for an unknown format; Error(io | corrupt) for files that cannot be read; Error(data) when
/// more than
///         max_bad of the rows are bad, with examples, or when nothing is left
Dataset import_dataset(const ImportOptions& options, Reporter& reporter, ImportReport& report);

}  // namespace tessera
