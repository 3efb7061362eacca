#include "store/rocks_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/file_size_limit.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "store/store.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::FileSizeLimit;
using test::TemporaryFolder;

/// A store in a temporary folder, and its files.
struct RocksPlace {
  TemporaryFolder folder;
  fs::path root = folder / "db";
  std::unique_ptr<Store> store = open();

  std::unique_ptr<Store> open(const StoreOptions& options = {}) {
    return open_store("rocksdb:" + root.string(), options);
  }
  void reopen() {
    store.reset();
    store = open();
  }
  fs::path state() const {
    std::string name = read_file(root / "current");
    name.pop_back();
    return root / name;
  }
  fs::path newest(const std::string& ending) const {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(state())) {
      if (entry.path().string().ends_with(ending)) found = std::max(found, entry.path());
    }
    return found;
  }
};

void flip_byte(const fs::path& path, size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 0x55);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

TEST(RocksStore, ASecondOpenerIsToldWhoHasIt) {
  RocksPlace place;
  expect_error(ErrorKind::io, fmt::format("already open in process {}", getpid()), [&] { place.open(); });
  place.reopen();
}

TEST(RocksStore, AFolderOfSomethingElseIsLeftAlone) {
  TemporaryFolder folder;
  test::put_bytes(folder / "letter.txt", "dear");
  expect_error(ErrorKind::config, "holds other files", [&] { open_store(folder.path().string()); });
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  test::put_bytes(folder / "file", "x");
  expect_error(ErrorKind::io, "cannot", [&] { open_store((folder / "file").string()); });
  fs::create_directories(folder / "volume" / "lost+found");
  EXPECT_NE(open_store((folder / "volume").string()), nullptr);
}

TEST(RocksStore, ANewerSchemaIsRefused) {
  RocksPlace place;
  const fs::path state = place.state();
  place.store.reset();
  {
    auto database = rocks::Database::open(state, 1 << 20);
    ASSERT_TRUE(database->db().Put({}, std::string(rocks::kSchemaKey), "2").ok());
  }
  expect_error(ErrorKind::unsupported, "schema version 2", [&] { place.open(); });
  fs::remove_all(state);
  fs::create_directory(state);
  rocks::Database::create(state);
  {
    auto database = rocks::Database::open(state, 1 << 20);
    ASSERT_TRUE(database->db().Put({}, std::string(rocks::kSchemaKey), "one").ok());
  }
  expect_error(ErrorKind::corrupt, "schema version is \"one\"", [&] { place.open(); });
}

TEST(RocksStore, ATornTailOfTheLogLosesNothingBeforeIt) {
  RocksPlace place;
  for (int i = 0; i < 20; ++i) {
    place.store->commit(WriteBatch().put("items", "a", std::to_string(i)).append("events", "", std::to_string(i)));
  }
  const fs::path log = place.newest(".log"), saved = place.folder / "saved";
  const std::string bytes = read_file(log);
  fs::copy(place.root, saved, fs::copy_options::recursive);
  const std::string log_name = log.filename().string(), state_name = place.state().filename().string();
  place.store.reset();
  uint64_t before = 0;
  for (size_t size = 0; size <= bytes.size();
       size += size + 97 < bytes.size() || size == bytes.size() ? 97 : bytes.size() - size) {
    const fs::path copy = place.folder / "copy";
    fs::remove_all(copy);
    fs::copy(saved, copy, fs::copy_options::recursive);
    fs::resize_file(copy / state_name / log_name, size);
    auto store = open_store(copy.string());
    const uint64_t events = store->extent("events", "").size();
    ASSERT_GE(events, before);
    before = events;
    if (events > 0) {
      ASSERT_EQ(store->get("items", "a"), std::to_string(events - 1)) << "half a batch";
    }
    const uint64_t next = store->commit(WriteBatch().append("events", "", "x")).operations[0].sequence;
    ASSERT_EQ(next, events + 1);
  }
  EXPECT_EQ(before, 20u);
}

TEST(RocksStore, DamageIsRefusedNamingTheFile) {
  RocksPlace place;
  for (int i = 0; i < 50; ++i) place.store->commit(WriteBatch().put("items", std::to_string(i), std::string(100, 'x')));
  place.store->snapshot("flushes");
  for (int i = 0; i < 50; ++i) place.store->commit(WriteBatch().put("items", std::to_string(i), std::string(100, 'y')));
  const fs::path log = place.newest(".log"), table = place.newest(".sst"), saved = place.folder / "saved";
  fs::path manifest;
  for (const auto& entry : fs::directory_iterator(place.state())) {
    if (entry.path().filename().string().starts_with("MANIFEST")) manifest = entry.path();
  }
  fs::copy(place.root, saved, fs::copy_options::recursive);
  const fs::path current = place.state() / "CURRENT";
  place.store.reset();
  const auto damaged = [&](std::string_view text, auto&& damage) {
    fs::remove_all(place.root);
    fs::copy(saved, place.root, fs::copy_options::recursive);
    damage();
    expect_error(ErrorKind::corrupt, text, [&] { place.open(); });
  };
  damaged(log.filename().string(),
          [&] { flip_byte(log, read_file(log).find(std::string(50, 'y'), fs::file_size(log) / 2)); });
  damaged(manifest.filename().string(), [&] { flip_byte(manifest, fs::file_size(manifest) / 2); });
  damaged("", [&] { fs::remove(manifest); });
  damaged("CURRENT", [&] { fs::remove(current); });
  damaged("CURRENT", [&] { test::put_bytes(current, "nonsense"); });
  damaged(table.filename().string(), [&] { fs::remove(table); });
  damaged(table.filename().string(), [&] { fs::resize_file(table, 100); });
  damaged(table.filename().string(), [&] { flip_byte(table, fs::file_size(table) - 5); });
  damaged("current", [&] { test::put_bytes(place.root / "current", "../../etc\n"); });
  damaged("which is not there", [&] { test::put_bytes(place.root / "current", "state-000077\n"); });
  damaged("there are 2 states", [&] {
    fs::remove(place.root / "current");
    fs::create_directory(place.root / "state-000009");
  });
}

TEST(RocksStore, NoDamageOfTheLogIsTakenForATornTail) {
  RocksPlace place;
  for (int i = 0; i < 50; ++i) place.store->commit(WriteBatch().append("events", "", std::string(40, 'x')));
  const fs::path log = place.newest(".log"), saved = place.folder / "saved";
  fs::copy(place.root, saved, fs::copy_options::recursive);
  place.store.reset();
  const std::string bytes = read_file(saved / log.parent_path().filename() / log.filename());
  Random random(6, "test.store.log");
  size_t at = 0;
  for (int record = 0; record < 49; ++record) {
    const size_t length = static_cast<unsigned char>(bytes[at + 4]) +
                          256 * static_cast<size_t>(static_cast<unsigned char>(bytes[at + 5]));
    // Bytes of the header one after the other, the length among them, and one of the payload.
    const size_t damaged = at + (record % 8 < 7 ? static_cast<size_t>(record % 8) : 7 + random.below(length));
    fs::remove_all(place.root);
    fs::copy(saved, place.root, fs::copy_options::recursive);
    flip_byte(log, damaged);
    SCOPED_TRACE(fmt::format("byte {} of record {}", damaged - at, record));
    expect_error(ErrorKind::corrupt, log.filename().string(), [&] { place.open(); });
    at += 7 + length;
  }
  fs::remove_all(place.root);
  fs::copy(saved, place.root, fs::copy_options::recursive);
  test::put_bytes(log, bytes.substr(0, 500) + std::string(700, '\0') + bytes.substr(1200));
  expect_error(ErrorKind::corrupt, "zeroed", [&] { place.open(); });
  test::put_bytes(log, bytes + std::string(100'000, '\0'));  // a file that grew, whose last pages never came
  EXPECT_EQ(place.open()->extent("events", "").size(), 50u);
}

TEST(RocksStore, ADamagedBlockIsAnErrorOfItsReadsOnly) {
  RocksPlace place;
  place.store->commit(WriteBatch().put("items", "a", std::string(5000, 'x')));
  place.store->snapshot("flushes");
  const fs::path table = place.newest(".sst");
  place.store.reset();
  flip_byte(table, 8);
  place.store = place.open();
  expect_error(ErrorKind::corrupt, table.filename().string(), [&] { place.store->get("items", "a"); });
  EXPECT_EQ(place.store->get("users", "a"), std::nullopt);
  place.store->commit(WriteBatch().put("items", "b", "1"));
  EXPECT_EQ(place.store->get("items", "b"), "1");
}

TEST(RocksStore, RandomDamageNeverCrashes) {
  RocksPlace place;
  Random random(9, "test.store.damage");
  for (int i = 0; i < 60; ++i) {
    place.store->commit(
        WriteBatch().put("items", std::to_string(i), std::string(random.below(300), 'x')).append("events", "", "e"));
    if (i == 30) place.store->snapshot("flushes");
  }
  const fs::path saved = place.folder / "saved";
  fs::copy(place.root, saved, fs::copy_options::recursive);
  const std::string state = place.state().filename().string();
  place.store.reset();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(saved / state)) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  for (int i = 0; i < 40; ++i) {
    fs::remove_all(place.root);
    fs::copy(saved, place.root, fs::copy_options::recursive);
    const fs::path file = place.root / state / files[random.below(files.size())];
    const size_t size = fs::file_size(file);
    if (size == 0) continue;
    if (random.below(3) == 0) {
      fs::resize_file(file, random.below(size));
    } else {
      for (int n = 0; n < 3; ++n) flip_byte(file, random.below(size));
    }
    try {
      auto store = place.open();
      store->for_each("items", [](std::string_view, std::string_view) {});
      (void)store->range("events", "", 0, 1000);
      store->commit(WriteBatch().append("events", "", "x"));
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::io) << error.what();
    }
  }
}

TEST(RocksStore, AFullDiskIsAnErrorAndTheStoreStaysReadable) {
  RocksPlace place;
  place.store->commit(WriteBatch().put("items", "a", "1").append("events", "", "1"));
  {
    FileSizeLimit limit(100'000);
    WriteBatch large;
    large.put("items", "a", "2").append("events", "", "2").put("items", "large", std::string(1 << 20, 'x'));
    expect_error(ErrorKind::io, "", [&] { place.store->commit(large); });
    EXPECT_EQ(place.store->get("items", "a"), "1");
    EXPECT_EQ(place.store->get("items", "large"), std::nullopt);
    EXPECT_EQ(place.store->tail("events", "", 9).size(), 1u);
    EXPECT_GE(place.store->facts().failed_commits, 1u);
  }
  place.reopen();
  EXPECT_EQ(place.store->get("items", "a"), "1");
  EXPECT_EQ(place.store->commit(WriteBatch().append("events", "", "2")).operations[0].sequence, 2u);
}

TEST(RocksStore, TrimmedAndErasedListsLeaveNothingBehind) {
  RocksPlace place;
  for (int i = 0; i < 3000; i += 20) {
    WriteBatch batch;
    for (int j = i; j < i + 20; ++j) batch.append("history", "u", std::to_string(j), i < 2000 ? 0 : 50);
    place.store->commit(batch);
  }
  EXPECT_EQ(place.store->extent("history", "u").first, 2951u);
  EXPECT_EQ(place.store->tail("history", "u", 100).size(), 50u);
  EXPECT_EQ(place.store->tail("history", "u", 1).at(0).value, "2999");
  place.store->commit(
      WriteBatch().append_once("history", "u", "x", "id").erase_list("history", "u").append("history", "v", "y"));
  EXPECT_TRUE(place.store->tail("history", "u", 5).empty());
  EXPECT_EQ(place.store->list_keys("history", std::nullopt, 5), std::vector<std::string>{"v"});
  const fs::path state = place.state();
  place.store.reset();
  auto database = rocks::Database::open(state, 1 << 20);
  std::unique_ptr<rocksdb::Iterator> it(database->db().NewIterator({}));
  int keys = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++keys;
  EXPECT_EQ(keys, 3);  // the schema; head and entry of "v"
}

TEST(RocksStore, SyncsAreReported) {
  TemporaryFolder folder;
  std::atomic<uint64_t> syncs{0}, commits{0};
  StoreOptions options;
  options.on_sync = [&](double seconds, uint64_t count) {
    EXPECT_GE(seconds, 0);
    ++syncs;
    commits += count;
  };
  auto store = open_store((folder / "db").string(), options);
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < 25; ++i) store->commit(WriteBatch().append("events", "", "x"));
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(commits, 100u);
  const StoreFacts facts = store->facts();
  EXPECT_EQ(facts.syncs, syncs);
  EXPECT_EQ(facts.backend, "rocksdb");
  EXPECT_GT(facts.memory_bytes, 0u);
  EXPECT_TRUE(facts.warnings.empty());
}

}  // namespace
}  // namespace tessera
