#include "store/snapshot_manifest.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;

const std::string kHash(32, 'a');

SnapshotManifest small_manifest() {
  return {"first", 1700000000, {{"CURRENT", 16, kHash}, {"000009.sst", 1234567, std::string(32, '0')}}};
}

std::string with_file(const std::string& name) {
  SnapshotManifest manifest = small_manifest();
  manifest.files[0].name = name;
  return manifest.to_json();
}

TEST(SnapshotManifest, IsReadAsItWasWritten) {
  const SnapshotManifest manifest = SnapshotManifest::parse(small_manifest().to_json(), "m");
  EXPECT_EQ(manifest.name, "first");
  EXPECT_EQ(manifest.created_at, 1700000000);
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[1].name, "000009.sst");
  EXPECT_EQ(manifest.size_bytes(), 1234583u);
}

TEST(SnapshotManifest, FileNamesThatLeadElsewhereAreRefused) {
  for (const char* name :
       {"", ".", "..", "../CURRENT", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\nb", "a b", "\xc3\xa9"}) {
    expect_error(ErrorKind::corrupt, "plain", [&] { SnapshotManifest::parse(with_file(name), "m"); });
  }
  expect_error(ErrorKind::corrupt, "plain", [&] { SnapshotManifest::parse(with_file(std::string(65, 'a')), "m"); });
  expect_error(ErrorKind::corrupt, "plain", [&] { SnapshotManifest::parse(with_file(std::string("a\0b", 3)), "m"); });
  expect_error(ErrorKind::corrupt, "twice", [&] { SnapshotManifest::parse(with_file("000009.sst"), "m"); });
}

TEST(SnapshotManifest, AnythingButAManifestIsRefused) {
  for (const std::string text : {"", "{}", "[]", "null", "nonsense", "{\"schema\":\"other\"}", "{\"schema\":7}"}) {
    expect_error(ErrorKind::corrupt, "m:", [&] { SnapshotManifest::parse(text, "m"); });
  }
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = small_manifest().to_json();
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  expect_error(ErrorKind::unsupported, "version 2",
               [&] { SnapshotManifest::parse(changed("\"version\": 1", "\"version\": 2"), "m"); });
  expect_error(ErrorKind::corrupt, "version 0",
               [&] { SnapshotManifest::parse(changed("\"version\": 1", "\"version\": 0"), "m"); });
  expect_error(ErrorKind::corrupt, "5 fields",
               [&] { SnapshotManifest::parse(changed("\"version\"", "\"x\":1,\"version\""), "m"); });
  expect_error(ErrorKind::corrupt, "3 fields",
               [&] { SnapshotManifest::parse(changed("\"size\": 16", "\"size\": 16,\"x\":1"), "m"); });
  expect_error(ErrorKind::corrupt, "size",
               [&] { SnapshotManifest::parse(changed("\"size\": 16", "\"size\": -1"), "m"); });
  expect_error(ErrorKind::corrupt, "size",
               [&] { SnapshotManifest::parse(changed("\"size\": 16", "\"size\": 1.5"), "m"); });
  expect_error(ErrorKind::corrupt, "32 hex", [&] { SnapshotManifest::parse(changed(kHash, "aa"), "m"); });
  expect_error(ErrorKind::corrupt, "JSON", [&] { SnapshotManifest::parse(std::string(100000, '['), "m"); });
  expect_error(ErrorKind::corrupt, "JSON", [&] { SnapshotManifest::parse(small_manifest().to_json() + "x", "m"); });
  expect_error(ErrorKind::corrupt, "bytes",
               [&] { SnapshotManifest::parse(std::string(kMaxManifestBytes + 1, ' '), "m"); });
}

TEST(SnapshotManifest, ChangedBytesAreReadOrRefused) {
  Random random(11, "test.store.manifest");
  const std::string text = small_manifest().to_json();
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = text;
    for (uint64_t n = 1 + random.below(3); n > 0; --n) {
      const size_t at = random.below(damaged.size());
      random.below(2) == 0 ? damaged.erase(at, 1 + random.below(4))
                           : damaged.replace(at, 1, 1, static_cast<char>(random.below(256)));
    }
    try {
      const SnapshotManifest manifest = SnapshotManifest::parse(damaged, "m");
      EXPECT_EQ(SnapshotManifest::parse(manifest.to_json(), "m").files.size(), manifest.files.size());
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported);
    }
  }
}

}  // namespace
}  // namespace tessera
