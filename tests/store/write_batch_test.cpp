#include "store/write_batch.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;

TEST(WriteBatch, WhatCannotBeKeptIsRefusedWithItsReason) {
  WriteBatch batch;
  expect_error(ErrorKind::data, "1 to 32 of a-z and _", [&] { batch.put("Items", "a", "b"); });
  expect_error(ErrorKind::data, "cannot name a list", [&] { batch.append("", "a", "b"); });
  expect_error(ErrorKind::data, "cannot name a list", [&] { batch.erase_list("a/b", "a"); });
  expect_error(ErrorKind::data, "at most 4096", [&] { batch.put("items", std::string(4097, 'a'), "b"); });
  expect_error(ErrorKind::data, "empty key", [&] { batch.erase("items", ""); });
  expect_error(ErrorKind::data, "at most 16777216",
               [&] { batch.append("events", "", std::string(kMaxStoreValue + 1, 'a')); });
  expect_error(ErrorKind::data, "wanted 1 to 256", [&] { batch.append_once("events", "", "a", ""); });
  expect_error(ErrorKind::data, "wanted 1 to 256",
               [&] { batch.append_once("events", "", "a", std::string(257, 'i')); });
  expect_error(ErrorKind::data, "end_once without", [&] { batch.end_once(); });
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.num_bytes(), 0u);
  EXPECT_TRUE(batch.guards().empty());
}

TEST(WriteBatch, ARefusedOperationLeavesTheBatchAsItWas) {
  WriteBatch batch;
  batch.put("items", "a", "1");
  const size_t bytes = batch.num_bytes();
  expect_error(ErrorKind::data, "too long",
               [&] { batch.append_once("events", "", std::string(kMaxStoreValue + 1, 'a'), "id"); });
  EXPECT_EQ(batch.size(), 1u);
  EXPECT_EQ(batch.num_bytes(), bytes);
  EXPECT_TRUE(batch.guards().empty());
  EXPECT_FALSE(batch.inside_once());
  batch.begin_once("events", "", "id");
  expect_error(ErrorKind::data, "end_once first", [&] { batch.begin_once("events", "", "other"); });
  EXPECT_TRUE(batch.inside_once());
  batch.end_once();
  batch.clear();
  EXPECT_TRUE(batch.empty());
}

TEST(WriteBatch, HoldsABoundedNumberOfOperationsAndBytes) {
  WriteBatch batch;
  for (size_t i = 0; i < kMaxBatchOperations; ++i) batch.erase("items", "a");
  expect_error(ErrorKind::data, "at most 100000 operations", [&] { batch.erase("items", "a"); });
  WriteBatch large;
  const std::string value(kMaxStoreValue, 'a');
  for (int i = 0; i < 3; ++i) large.put("items", "a", value);
  expect_error(ErrorKind::data, "commit it in parts", [&] { large.put("items", "a", value); });
  EXPECT_EQ(large.size(), 3u);
}

TEST(WriteBatch, NamesOfSnapshotsStayInTheirFolder) {
  for (const char* name : {"a", "A-1_b.2", "2024-01-01"}) check_snapshot_name(name);
  for (const std::string name : {"", ".", "..", ".a", "a/b", "../a", "/etc", "a\\b", "a b", "a\n", "\xc3\xa9"}) {
    expect_error(ErrorKind::data, "cannot name a snapshot", [&] { check_snapshot_name(name); });
  }
  expect_error(ErrorKind::data, "cannot name a snapshot", [] { check_snapshot_name(std::string("a\0b", 3)); });
  expect_error(ErrorKind::data, "cannot name a snapshot", [] { check_snapshot_name(std::string(65, 'a')); });
}

}  // namespace
}  // namespace tessera
