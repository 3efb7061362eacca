#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <vector>

#include "base/file_size_limit.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::FileSizeLimit;
using test::put_bytes;
using test::TemporaryFolder;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(MappedFile, MapsMovesAndRefuses) {
  const TemporaryFolder folder;
  put_bytes(folder / "a", "hello");
  put_bytes(folder / "empty", "");
  MappedFile file(folder / "a");
  EXPECT_EQ(file.text(), "hello");
  MappedFile moved(std::move(file));
  EXPECT_EQ(moved.text(), "hello");
  EXPECT_TRUE(file.bytes().empty());
  moved = MappedFile(folder / "empty");
  EXPECT_EQ(moved.text(), "");
  expect_error(ErrorKind::io, "none: cannot be opened: No such file", [&] { MappedFile(folder / "none"); });
  expect_error(ErrorKind::io, "not a regular file", [&] { MappedFile(folder.path()); });
}

TEST(ReadFile, WholeFilesAndSpecialOnes) {
  const TemporaryFolder folder;
  const std::string big(1'234'567, 'x');
  put_bytes(folder / "big", big);
  put_bytes(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "big"), big);
  EXPECT_EQ(read_file(folder / "empty"), "");
  EXPECT_FALSE(read_file("/proc/self/stat").empty());  // claims to have no bytes
  expect_error(ErrorKind::io, "cannot be opened", [&] { read_file(folder / "none"); });
  expect_error(ErrorKind::io, "cannot be read", [&] { read_file(folder.path()); });
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a");
    file.write("lost");
    EXPECT_FALSE(fs::exists(folder / "a"));
  }
  EXPECT_TRUE(names_in(folder.path()).empty());
  put_bytes(folder / "a", "old");
  const std::string big(3'000'000, 'b');
  {
    AtomicFile file(folder / "a");
    file.write("start ");
    file.write(big);
    file.write(" end");
    EXPECT_EQ(read_file(folder / "a"), "old");
    file.commit();
    expect_error(ErrorKind::internal, "after commit", [&] { file.write("more"); });
    expect_error(ErrorKind::internal, "twice", [&] { file.commit(); });
  }
  EXPECT_EQ(read_file(folder / "a"), "start " + big + " end");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, RefusesWhatCannotBeWritten) {
  const TemporaryFolder folder;
  expect_error(ErrorKind::io, "none/a: cannot be written: No such file", [&] { write_file(folder / "none/a", "x"); });
  expect_error(ErrorKind::io, "empty path", [&] { write_file("", "x"); });
  expect_error(ErrorKind::io, "root folder", [&] { write_file("/", "x"); });
  fs::create_directories(folder / "taken/inside");
  expect_error(ErrorKind::io, "taken: cannot be replaced", [&] { write_file(folder / "taken", "x"); });
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"taken"});
}

TEST(AtomicFile, AWriteThatFailsNamesTheFileAndLeavesNothing) {
  const TemporaryFolder folder;
  const FileSizeLimit limit(1 << 16);
  expect_error(ErrorKind::io, "big: cannot be written: File too large",
               [&] { write_file(folder / "big", std::string(1 << 20, 'x')); });
  expect_error(ErrorKind::io, "late: cannot be written: File too large",
               [&] { write_file(folder / "late", std::string(1 << 17, 'x')); });
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(AtomicFolder, AppearsOnlyWithCommitAndReplaces) {
  const TemporaryFolder folder;
  const fs::path target = folder / "deep/run";
  { AtomicFolder lost(target); }
  EXPECT_TRUE(names_in(folder / "deep").empty());
  for (const std::string text : {"one", "two"}) {
    AtomicFolder fresh(target / "");
    fs::create_directories(fresh.path() / "inside");
    write_file(fresh.path() / "inside/a", text);
    write_file(fresh.path() / text, text);
    fresh.commit();
    expect_error(ErrorKind::internal, "twice", [&] { fresh.commit(); });
    EXPECT_EQ(read_file(target / "inside/a"), text);
  }
  EXPECT_EQ(names_in(target), (std::vector<std::string>{"inside", "two"}));
  EXPECT_EQ(names_in(folder / "deep"), std::vector<std::string>{"run"});
}

TEST(AtomicFolder, RefusesAFileInTheWay) {
  const TemporaryFolder folder;
  put_bytes(folder / "run", "precious");
  expect_error(ErrorKind::io, "run: is in the way", [&] { AtomicFolder(folder / "run"); });
  EXPECT_EQ(read_file(folder / "run"), "precious");
}

TEST(AtomicFolder, RemovesLeftoversOfDeadProcessesOnly) {
  const TemporaryFolder folder;
  const fs::path target = folder / "run";
  const pid_t child = fork();
  if (child == 0) {
    const AtomicFolder* lost = new AtomicFolder(target);
    put_bytes(lost->path() / "half", "x");
    _exit(0);  // as if killed: no destructor runs
  }
  waitpid(child, nullptr, 0);
  ASSERT_EQ(names_in(folder.path()).size(), 1u);
  fs::create_directories(folder / fmt::format(".run.tmp-{}", child));         // a name without a start time
  fs::create_directories(folder / fmt::format(".run.tmp-{}-1-0", getpid()));  // our id, but an older process
  fs::create_directories(folder / fmt::format(".run.tmp-{}", getppid()));     // alive
  fs::create_directories(folder / ".run.tmp-strange");
  fs::create_directories(folder / fmt::format(".other.tmp-{}", child));
  const AtomicFolder first(target);
  const AtomicFolder second(target);
  const auto names = names_in(folder.path());
  EXPECT_EQ(names.size(), 5u) << fmt::format("{}", fmt::join(names, " "));
  EXPECT_TRUE(fs::exists(first.path()));
  EXPECT_TRUE(fs::exists(folder / fmt::format(".run.tmp-{}", getppid())));
  EXPECT_TRUE(fs::exists(folder / ".run.tmp-strange"));
  EXPECT_TRUE(fs::exists(folder / fmt::format(".other.tmp-{}", child)));
}

TEST(ContentHash, KnownAnswersAndStreaming) {
  const TemporaryFolder folder;
  EXPECT_EQ(ContentHash().hex(), "99aa06d3014798d86001c324468d497f");  // xxh128sum of nothing
  const std::string text(10'000, 'q');
  put_bytes(folder / "a", text);
  ContentHash whole, parts, file, other;
  whole.add(text);
  for (size_t i = 0; i < text.size(); i += 77) parts.add(std::string_view(text).substr(i, 77));
  file.add_file(folder / "a");
  other.add(text + "r");
  EXPECT_EQ(whole.hex(), parts.hex());
  EXPECT_EQ(whole.hex(), file.hex());
  EXPECT_NE(whole.hex(), other.hex());
  EXPECT_EQ(whole.hex().size(), 32u);
}

}  // namespace
}  // namespace tessera
