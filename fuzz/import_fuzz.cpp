// Bytes as files to import: the first byte chooses the layout, the byte 0x1E separates its files. Imported or refused;
// what was imported is a dataset, which is written and read alike.
#include <array>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "data/import.h"
#include "scratch.h"

using namespace tessera;
using fuzz::expect;

namespace {

struct Layout {
  const char* format;
  std::vector<const char*> files;
};

const std::array<Layout, 8>& layouts() {
  static const std::array<Layout, 8> all = {{
      {"sequences", {"interactions.txt", "items.jsonl", "queries.tsv", "search.txt"}},
      {"jsonl", {"events.jsonl", "items.jsonl", "users.jsonl"}},
      {"csv", {"events.csv", "items.csv"}},
      {"movielens", {"u.data", "u.item", "u.genre"}},
      {"movielens", {"ratings.dat", "movies.dat"}},
      {"movielens", {"ratings.csv", "movies.csv"}},
      {"amazon", {"reviews_A.json", "meta_A.json"}},
      {"amazon", {"A.jsonl", "meta_A.jsonl"}},
  }};
  return all;
}

void put_files(const std::filesystem::path& folder, const Layout& layout, std::string_view text, bool compressed) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  for (const char* const name : layout.files) {
    const size_t end = name == layout.files.back() ? std::string_view::npos : text.find('\x1e');
    fuzz::put_file(folder / (std::string(name) + (compressed ? ".gz" : "")), text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path source = fuzz::scratch_folder() / "source", target = fuzz::scratch_folder() / "set";
  if (size < 1) return 0;
  const Layout& layout = layouts()[data[0] % 8];
  put_files(source, layout, {reinterpret_cast<const char*>(data) + 1, size - 1}, (data[0] & 0x80) != 0);
  ImportOptions options;
  options.source = source.string();
  options.format = (data[0] & 0x40) != 0 ? "auto" : layout.format;
  options.max_bad = (data[0] & 0x20) != 0 ? 0.01 : 1;
  options.all_items = (data[0] & 0x10) != 0;
  ImportReport report;
  Dataset dataset;
  try {
    dataset = import_dataset(options, silent_reporter(), report);
  } catch (const Error& error) {
    expect(error.kind() == ErrorKind::data || error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::io);
    expect(error.what()[0] != '\0');
    return 0;
  }
  expect(report.bad_rows <= report.rows && dataset.items.size() == report.items && dataset.log.size() == report.events);
  if ((data[0] & 0x08) == 0) return 0;  // the rest costs ten times as much as an import
  std::filesystem::remove_all(target);
  std::filesystem::create_directory(target);
  write_dataset(dataset, target);
  const Dataset again = load_dataset(target);
  expect(again.content_hash == dataset.content_hash && again.items.size() == dataset.items.size());
  expect(again.log.size() == dataset.log.size() && again.users.size() == dataset.users.size());
  return 0;
}
