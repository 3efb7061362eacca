#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/file_size_limit.h"
#include "base/temporary_folder.h"
#include "store/snapshot_manifest.h"
#include "store/store.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::TemporaryFolder;

struct SnapshotPlace {
  TemporaryFolder folder;
  fs::path root = folder / "db";
  std::unique_ptr<Store> store = open_store(root.string());
  fs::path snapshot(const std::string& name) const { return root / "snapshots" / name; }

  SnapshotPlace() {
    store->commit(WriteBatch().put("items", "a", "old").append("history", "u", "old"));
    store->snapshot("first");
    store->commit(WriteBatch().put("items", "a", "new").append("history", "u", "new"));
  }
  fs::path table() const {
    for (const auto& entry : fs::directory_iterator(snapshot("first") / "data")) {
      if (entry.path().extension() == ".sst") return entry.path();
    }
    return {};
  }
  /// Refused, and the present state stays.
  void expect_refused(std::string_view text) {
    expect_error(ErrorKind::corrupt, text, [&] { store->restore("first"); });
    EXPECT_EQ(store->get("items", "a"), "new");
    EXPECT_EQ(store->commit(WriteBatch().append("history", "v", "x")).operations.size(), 1u);
    size_t states = 0;
    for (const auto& entry : fs::directory_iterator(root))
      states += entry.path().filename().string().find("state-") != std::string::npos;
    EXPECT_EQ(states, 1u);
  }
};

TEST(RocksSnapshots, ARestorePutsTheOldStateBack) {
  SnapshotPlace place;
  const auto listed = place.store->snapshots();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].name, "first");
  EXPECT_GT(listed[0].size_bytes, 0u);
  EXPECT_GT(listed[0].created_at, 1'600'000'000);
  for (int round = 0; round < 3; ++round) {
    place.store->restore("first");
    EXPECT_EQ(place.store->get("items", "a"), "old");
    EXPECT_EQ(
        place.store->commit(WriteBatch().put("items", "a", "newer").append("history", "u", "x")).operations[1].sequence,
        2u);
  }
  place.store.reset();
  place.store = open_store(place.root.string());
  EXPECT_EQ(place.store->get("items", "a"), "newer");
  expect_error(ErrorKind::data, "already", [&] { place.store->snapshot("first"); });
  place.store->erase_snapshot("first");
  EXPECT_TRUE(place.store->snapshots().empty());
  expect_error(ErrorKind::data, "no snapshot", [&] { place.store->restore("first"); });
  expect_error(ErrorKind::data, "no snapshot", [&] { place.store->erase_snapshot("first"); });
  place.store->snapshot("first");
}

TEST(RocksSnapshots, NamesThatLeaveTheFolderAreRefused) {
  SnapshotPlace place;
  fs::copy(place.snapshot("first"), place.folder / "outside", fs::copy_options::recursive);
  for (const std::string name : {"../../outside", "..", "/etc", "a/b", ".hidden", ""}) {
    expect_error(ErrorKind::data, "cannot name a snapshot", [&] { place.store->snapshot(name); });
    expect_error(ErrorKind::data, "cannot name a snapshot", [&] { place.store->restore(name); });
    expect_error(ErrorKind::data, "cannot name a snapshot", [&] { place.store->erase_snapshot(name); });
  }
  EXPECT_TRUE(fs::exists(place.folder / "outside" / "manifest.json"));
}

TEST(RocksSnapshots, ChangedFilesAreRefused) {
  SnapshotPlace place;
  const fs::path table = place.table(), data = place.snapshot("first") / "data";
  const std::string bytes = read_file(table);
  std::string changed = bytes;
  changed[changed.size() / 2] ^= 1;
  test::put_bytes(table, changed);
  place.expect_refused("was changed");
  test::put_bytes(table, bytes + "x");
  place.expect_refused("its manifest says");
  fs::remove(table);
  place.expect_refused("is missing");
  test::put_bytes(table, bytes);
  test::put_bytes(data / "extra.sst", "x");
  place.expect_refused("not in the manifest");
  fs::remove(data / "extra.sst");
  test::put_bytes(place.snapshot("first") / "run.sh", "x");
  place.expect_refused("does not belong");
  fs::remove(place.snapshot("first") / "run.sh");
  place.store->restore("first");
  EXPECT_EQ(place.store->get("items", "a"), "old");
}

TEST(RocksSnapshots, LinksAndOtherThanPlainFilesAreRefused) {
  SnapshotPlace place;
  const fs::path table = place.table(), snapshot = place.snapshot("first"), data = snapshot / "data";
  const fs::path outside = place.folder / "outside";
  fs::rename(table, outside);
  fs::create_symlink(outside, table);
  place.expect_refused("is a link");
  fs::remove(table);
  ASSERT_EQ(mkfifo(table.c_str(), 0600), 0);
  place.expect_refused("");
  fs::remove(table);
  fs::create_directory(table);
  place.expect_refused("not a plain file");
  fs::remove(table);
  fs::rename(outside, table);
  fs::rename(data, outside);
  fs::create_directory_symlink(outside, data);
  place.expect_refused("wanted a folder");
  fs::remove(data);
  fs::rename(outside, data);
  fs::rename(snapshot / "manifest.json", outside);
  place.expect_refused("is missing");
  fs::create_symlink(outside, snapshot / "manifest.json");
  place.expect_refused("is a link");
  fs::remove(snapshot / "manifest.json");
  fs::rename(outside, snapshot / "manifest.json");
  fs::rename(snapshot, outside);
  fs::create_directory_symlink(outside, snapshot);
  place.expect_refused("wanted a folder");
  EXPECT_TRUE(place.store->snapshots().empty());
  fs::remove(snapshot);
  fs::rename(outside, place.snapshot("second"));
  expect_error(ErrorKind::corrupt, "another snapshot", [&] { place.store->restore("second"); });
  fs::rename(place.root / "snapshots", outside);
  fs::create_directory_symlink(outside, place.root / "snapshots");
  expect_error(ErrorKind::corrupt, "wanted a folder", [&] { place.store->snapshot("third"); });
  expect_error(ErrorKind::corrupt, "wanted a folder", [&] { place.store->erase_snapshot("second"); });
}

TEST(RocksSnapshots, AManifestThatNamesOtherFilesDoesNotReachThem) {
  SnapshotPlace place;
  SnapshotManifest manifest = read_manifest(place.snapshot("first"));
  manifest.files[0].name = "../../../lock";
  test::put_bytes(place.snapshot("first") / "manifest.json", manifest.to_json());
  place.expect_refused("plain");
  test::put_bytes(place.snapshot("first") / "manifest.json", "{");
  place.expect_refused("JSON");
}

TEST(RocksSnapshots, AConsistentLieIsStillRefusedByTheDatabase) {
  SnapshotPlace place;
  const fs::path data = place.snapshot("first") / "data";
  std::string bytes = read_file(place.table());
  bytes[bytes.size() - 10] ^= 1;
  test::put_bytes(place.table(), bytes);
  const SnapshotManifest manifest = describe_snapshot(data, "first", 5);
  test::put_bytes(place.snapshot("first") / "manifest.json", manifest.to_json());
  place.expect_refused("");
}

TEST(RocksSnapshots, AFullDiskLeavesNothingHalf) {
  SnapshotPlace place;
  place.store->commit(WriteBatch().put("items", "large", std::string(1 << 20, 'x')));
  {
    test::FileSizeLimit limit(1000);
    expect_error(ErrorKind::io, "", [&] { place.store->restore("first"); });
    EXPECT_EQ(place.store->get("items", "a"), "new");
  }
  place.store->restore("first");
  EXPECT_EQ(place.store->get("items", "a"), "old");
}

TEST(RocksSnapshots, ReadersAndWritersGoOnWhileStatesAreSwapped) {
  SnapshotPlace place;
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> others;
  for (int r = 0; r < 3; ++r) {
    others.emplace_back([&] {
      while (!done) {
        const auto value = place.store->get("items", "a");
        wrong += value != "old" && value != "new";
        place.store->for_each("items", [&](std::string_view key, std::string_view) { wrong += key != "a"; });
        wrong += place.store->tail("history", "u", 1).size() != 1;
      }
    });
  }
  others.emplace_back([&] {
    while (!done) place.store->commit(WriteBatch().put("items", "a", "new").append("history", "u", "new", 10));
  });
  for (int i = 0; i < 8; ++i) {
    place.store->restore("first");
    place.store->snapshot(fmt::format("s{}", i));
  }
  done = true;
  for (std::thread& other : others) other.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(place.store->snapshots().size(), 9u);
}

}  // namespace
}  // namespace tessera
