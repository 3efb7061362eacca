#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/compress.h"
#include "base/file.h"
#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;
using test::put_bytes;
using test::TemporaryFolder;
using Lines = std::vector<std::string>;

Lines lines_of(const std::filesystem::path& path) {
  Lines lines;
  for_each_line(path, [&](std::string_view text, int64_t number) {
    lines.emplace_back(text);
    EXPECT_EQ(number, static_cast<int64_t>(lines.size()));
  });
  return lines;
}

Lines lines_of_text(std::string_view text) {
  const TemporaryFolder folder;
  put_bytes(folder / "a.txt", text);
  return lines_of(folder / "a.txt");
}

/// Lines of many lengths, some longer than the reader's buffer.
Lines random_lines(uint64_t seed) {
  Random random(seed, "lines");
  Lines lines(300);
  for (std::string& line : lines) {
    line.resize(random.below(random.chance(0.02) ? 400'000 : 100));
    for (char& c : line) c = static_cast<char>('a' + random.below(26));
  }
  lines.back() = "end";
  return lines;
}

std::string joined(const Lines& lines) {
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

TEST(Lines, EndsAndMarks) {
  EXPECT_EQ(lines_of_text(""), Lines{});
  EXPECT_EQ(lines_of_text("a"), Lines{"a"});
  EXPECT_EQ(lines_of_text("a\n"), Lines{"a"});
  EXPECT_EQ(lines_of_text("\n\n"), (Lines{"", ""}));
  EXPECT_EQ(lines_of_text("a\r\nb\rc\r\n\r"), (Lines{"a", "b\rc", ""}));
  EXPECT_EQ(lines_of_text("\xEF\xBB\xBF"
                          "a\n\xEF\xBB\xBF"
                          "b"),
            (Lines{"a",
                   "\xEF\xBB\xBF"
                   "b"}));
  EXPECT_EQ(lines_of_text(std::string_view("a\0b\n", 4)), (Lines{std::string("a\0b", 3)}));
}

TEST(Lines, LongerThanTheBuffer) {
  const Lines lines = random_lines(1);
  EXPECT_EQ(lines_of_text(joined(lines)), lines);
}

TEST(Lines, TooLongALineIsRefused) {
  const TemporaryFolder folder;
  put_bytes(folder / "a.txt", "short\n" + std::string((64 << 20) + 1, 'x'));
  expect_error(ErrorKind::corrupt, "line 2 is longer", [&] { lines_of(folder / "a.txt"); });
}

TEST(Lines, ErrorsPass) {
  const TemporaryFolder folder;
  put_bytes(folder / "a.txt", "a\nb\n");
  expect_error(ErrorKind::io, "none.txt: cannot be opened", [&] { lines_of(folder / "none.txt"); });
  expect_error(ErrorKind::io, "cannot be read", [&] { lines_of(folder.path()); });
  expect_error(ErrorKind::data, "row 2", [&] {
    for_each_line(folder / "a.txt",
                  [](std::string_view, int64_t number) { TESSERA_CHECK(number < 2, data, "row {}", number); });
  });
}

#if TESSERA_WITH_COMPRESSION

using test::gzip;
using test::zstd;

class CompressedLines : public ::testing::TestWithParam<std::string> {
 protected:
  static std::string pack(std::string_view text) { return GetParam() == ".gz" ? gzip(text) : zstd(text); }
  Lines read(std::string_view bytes) const {
    put_bytes(folder_ / ("a" + GetParam()), bytes);
    return lines_of(folder_ / ("a" + GetParam()));
  }
  TemporaryFolder folder_;
};

TEST_P(CompressedLines, RoundTrip) {
  const Lines lines = random_lines(2);
  EXPECT_EQ(read(pack(joined(lines))), lines);
  EXPECT_EQ(read(pack("")), Lines{});
}

TEST_P(CompressedLines, HighlyCompressedIsStreamed) {
  EXPECT_EQ(read(pack(std::string(5'000'000, '\n'))).size(), 5'000'000u);
}

TEST_P(CompressedLines, SeveralMembers) {
  EXPECT_EQ(read(pack("a\nb") + pack("") + pack("c\nd\n")), (Lines{"a", "bc", "d"}));
}

TEST_P(CompressedLines, CutOffAnywhereIsCorrupt) {
  const std::string whole = pack("one line\nand a second one\n");
  for (size_t size = 0; size < whole.size(); ++size)
    expect_error(ErrorKind::corrupt, "cut off", [&] { read(whole.substr(0, size)); });
  const std::string long_one = pack(joined(random_lines(3)));
  expect_error(ErrorKind::corrupt, "cut off", [&] { read(long_one.substr(0, long_one.size() - 1)); });
}

TEST_P(CompressedLines, OtherBytesAreCorrupt) {
  expect_error(ErrorKind::corrupt, "is not valid", [&] { read("this is plain text, not a compressed file"); });
  expect_error(ErrorKind::corrupt, "", [&] { read(pack("a\n") + "garbage behind the end"); });
}

TEST_P(CompressedLines, RandomDamageNeverCrashes) {
  const std::string whole = pack(fmt::format("{}\n", fmt::join(std::vector<int>(500, 7), "\n")));
  Random random(4, "damage");
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    for (uint64_t i = random.below(4) + 1; i > 0; --i)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next_u32());
    try {
      read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CompressedLines, ::testing::Values(".gz", ".zst"));

#else

TEST(Lines, CompressedFilesNeedTheFullBuild) {
  const TemporaryFolder folder;
  put_bytes(folder / "a.gz", "x");
  expect_error(ErrorKind::unsupported, "TESSERA_SERVE", [&] { lines_of(folder / "a.gz"); });
}

#endif

}  // namespace
}  // namespace tessera
