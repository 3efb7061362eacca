// What the outside does to an import: compressed files, damaged ones, a disk that is full.
#include <gtest/gtest.h>

#include "base/compress.h"
#include "base/file_size_limit.h"
#include "base/temporary_folder.h"
#include "data/import.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::put_bytes;

Dataset import(const fs::path& source) {
  ImportOptions options;
  options.source = source.string();
  ImportReport report;
  return import_dataset(options, silent_reporter(), report);
}

TEST(ImportOutside, AFullDiskLeavesNothing) {
  const test::TemporaryFolder folder;
  std::string lines;
  for (int user = 0; user < 3000; ++user) lines += "u" + std::to_string(user) + " a b c d e f\n";
  put_bytes(folder / "log.txt", lines);
  Dataset dataset = import(folder / "log.txt");
  const fs::path target = folder / "dataset";
  {
    const test::FileSizeLimit limit(1 << 14);
    test::expect_error(ErrorKind::io, "cannot be written", [&] { save_dataset(dataset, target); });
  }
  EXPECT_FALSE(fs::exists(target));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  save_dataset(dataset, target);
  EXPECT_EQ(load_dataset(target).log.size(), dataset.log.size());
}

#if TESSERA_WITH_COMPRESSION

const std::string kReviews = R"({"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1391040000})"
                             "\n"
                             R"({"reviewerID": "A1", "asin": "B2", "overall": 1.0, "unixReviewTime": 1391030000})"
                             "\n";
const std::string kMetadata = "{'asin': 'B1', 'title': 'Nail Polish'}\n{'asin': 'B2', 'title': 'Brush'}\n";

TEST(ImportOutside, CompressedFilesOfAnImporter) {
  const test::TemporaryFolder folder;
  put_bytes(folder / "reviews_Beauty_5.json.gz", test::gzip(kReviews));
  put_bytes(folder / "meta_Beauty.json.zst", test::zstd(kMetadata));
  const Dataset dataset = import(folder.path());
  EXPECT_EQ(dataset.log.size(), 2);
  EXPECT_EQ(dataset.items[dataset.items.at("B2")].title, "Brush");
}

TEST(ImportOutside, DamagedArchivesAreNamed) {
  for (const bool cut : {true, false}) {
    for (const std::string ending : {".gz", ".zst"}) {
      const test::TemporaryFolder folder;
      std::string bytes = ending == ".gz" ? test::gzip(kReviews) : test::zstd(kReviews);
      if (cut) {
        bytes.resize(bytes.size() / 2);
      } else {
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
        bytes[bytes.size() / 2 + 1] = static_cast<char>(bytes[bytes.size() / 2 + 1] ^ 0x2a);
      }
      put_bytes(folder / ("reviews_Beauty_5.json" + ending), bytes);
      const auto [kind, message] = test::error_of([&] { import(folder.path()); });
      EXPECT_TRUE(kind == "corrupt" || kind == "data") << kind << ": " << message;
      EXPECT_NE(message.find("reviews_Beauty_5.json" + ending), std::string::npos) << message;
    }
  }
}

#endif

}  // namespace
}  // namespace tessera
