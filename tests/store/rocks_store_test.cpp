#include <gtest/gtest.h>

#include "base/temporary_folder.h"
#include "store/store.h"

namespace tessera {
namespace {

using test::expect_error;
using test::TemporaryFolder;

TEST(RocksStore, ASnapshotIsRestored) {
  TemporaryFolder folder;
  auto store = open_store((folder / "db").string());
  store->commit(WriteBatch().put("items", "a", "1").append("history", "u", "x"));
  EXPECT_EQ(store->snapshot("first").name, "first");
  store->commit(WriteBatch().put("items", "a", "2").append("history", "u", "y"));
  EXPECT_EQ(store->get("items", "a"), "2");
  store->restore("first");
  EXPECT_EQ(store->get("items", "a"), "1");
  EXPECT_EQ(store->tail("history", "u", 5).size(), 1u);
  store.reset();
  store = open_store((folder / "db").string());
  EXPECT_EQ(store->get("items", "a"), "1");
  expect_error(ErrorKind::io, "already open", [&] { open_store((folder / "db").string()); });
}

}  // namespace
}  // namespace tessera
