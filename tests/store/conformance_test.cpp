#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/random.h"
#include "store/backends.h"
#include "store/reference_store.h"

namespace tessera {
namespace {

using test::expect_error;
using test::ReferenceStore;

const std::vector<std::string> kCollections{"items", "users", "rules"};
const std::vector<std::string> kLists{"events", "history"};

/// Few keys, so that operations meet; bytes that encodings tend to trip over.
std::string random_key(Random& random, bool list) {
  static const std::vector<std::string> odd{std::string("\0", 1),
                                            std::string("\0\xff", 2),
                                            "\xff\xff",
                                            std::string("a\0b", 3),
                                            "{a}",
                                            "a:b",
                                            std::string("a\0\x01", 3),
                                            "\r\n$3",
                                            std::string(4096, 'k')};
  const uint64_t pick = random.below(40);
  if (pick < odd.size()) return odd[pick];
  if (pick == 39 && list) return "";
  return "key" + std::to_string(random.below(30));
}

std::string random_value(Random& random) {
  std::string value(random.below(random.below(50) == 0 ? 20000 : 60), '\0');
  for (char& c : value) c = static_cast<char>(random.below(256));
  return value;
}

void add_random_operation(Random& random, const std::string& name, bool list, WriteBatch& batch) {
  const uint64_t pick = random.below(10);
  const std::string key = random_key(random, list);
  if (!list) {
    pick < 7 ? batch.put(name, key, random_value(random)) : batch.erase(name, key);
  } else if (pick < 9) {
    batch.append(name, key, random_value(random), random.below(3) == 0 ? 1 + random.below(8) : 0);
  } else {
    batch.erase_list(name, key);
  }
}

/// A batch that a cluster takes too: of lists, or of one collection.
WriteBatch random_batch(Random& random, bool one_slot) {
  WriteBatch batch;
  const bool lists = random.below(2) == 0;
  const std::string& collection = kCollections[random.below(kCollections.size())];
  const uint64_t num = 1 + random.below(12);
  bool guarded = false;
  for (uint64_t i = 0; i < num; ++i) {
    const bool list = one_slot ? lists : random.below(2) == 0;
    if (guarded && random.below(3) == 0) {
      batch.end_once();
      guarded = false;
    }
    if (!guarded && (lists || !one_slot) && random.below(3) == 0) {
      batch.begin_once(kLists[random.below(2)], random_key(random, true), "id" + std::to_string(random.below(12)));
      guarded = true;
    }
    add_random_operation(random,
                         list       ? kLists[random.below(2)]
                         : one_slot ? collection
                                    : kCollections[random.below(3)],
                         list, batch);
  }
  if (guarded) batch.end_once();
  return batch;
}

void expect_same_results(const CommitResult& found, const CommitResult& wanted) {
  ASSERT_EQ(found.operations.size(), wanted.operations.size());
  for (size_t i = 0; i < wanted.operations.size(); ++i) {
    ASSERT_EQ(found.operations[i].sequence, wanted.operations[i].sequence) << i;
    ASSERT_EQ(found.operations[i].duplicate, wanted.operations[i].duplicate) << i;
  }
}

void expect_same_list(Store& store, const ReferenceStore::Name& name, const ReferenceStore::List& list,
                      Random& random) {
  const auto extent = store.extent(name.first, name.second);
  ASSERT_EQ(extent.first, list.first);
  ASSERT_EQ(extent.next, list.next());
  const size_t n = random.below(10);
  const auto tail = store.tail(name.first, name.second, n);
  ASSERT_EQ(tail.size(), std::min(n, list.entries.size()));
  for (size_t i = 0; i < tail.size(); ++i) {
    ASSERT_EQ(tail[i].sequence, list.next() - tail.size() + i);
    ASSERT_EQ(tail[i].value, list.entries[list.entries.size() - tail.size() + i]);
  }
  const uint64_t from = random.below(list.next() + 3), limit = random.below(10);
  const auto range = store.range(name.first, name.second, from, limit);
  const uint64_t begin = std::max(from, list.first);
  ASSERT_EQ(range.size(), begin >= list.next() ? 0 : std::min(limit, list.next() - begin));
  for (size_t i = 0; i < range.size(); ++i) {
    ASSERT_EQ(range[i].sequence, begin + i);
    ASSERT_EQ(range[i].value, list.entries[begin - list.first + i]);
  }
}

void expect_same_state(Store& store, const ReferenceStore& reference, Random& random) {
  for (const auto& [collection, map] : reference.maps) {
    auto wanted = map.begin();
    store.for_each(collection, [&](std::string_view key, std::string_view value) {
      ASSERT_NE(wanted, map.end());
      ASSERT_EQ(key, wanted->first);
      ASSERT_EQ(value, wanted->second);
      ++wanted;
    });
    ASSERT_EQ(wanted, map.end());
    std::string after;
    std::vector<std::string> keys;
    for (const size_t limit = 1 + random.below(7); true;) {
      const auto page = store.scan(collection, after, limit);
      for (const StoreEntry& entry : page) keys.push_back(entry.key);
      if (page.size() < limit) break;
      after = page.back().key;
    }
    ASSERT_EQ(keys.size(), map.size());
    ASSERT_TRUE(std::equal(keys.begin(), keys.end(), map.begin(),
                           [](const auto& key, const auto& e) { return key == e.first; }));
  }
  std::set<ReferenceStore::Name> with_entries;
  for (const auto& [name, list] : reference.lists) {
    ASSERT_NO_FATAL_FAILURE(expect_same_list(store, name, list, random));
    if (!list.entries.empty()) with_entries.insert(name);
  }
  std::set<ReferenceStore::Name> found;
  for (const std::string& list : kLists) {
    std::optional<std::string> after;
    while (true) {
      const auto keys = store.list_keys(list, after, 5);
      for (const std::string& key : keys) found.insert({list, key});
      if (keys.size() < 5) break;
      after = keys.back();
    }
  }
  ASSERT_EQ(found, with_entries);
}

class StoreConformance : public test::StoreTest {};
class StoreConformanceSlow : public test::StoreTest {};
class StoreClusterSlow : public test::StoreTest {};

void run_model(test::Backend& backend, uint64_t seed, int num_batches, const std::function<void()>& restart) {
  StoreOptions options;
  options.id_window = 5;
  Random random(seed, "test.store.model");
  ReferenceStore reference(options.id_window);
  auto store = open_store(backend.url(), options);
  for (int i = 0; i < num_batches; ++i) {
    const WriteBatch batch = random_batch(random, backend.is_cluster());
    ASSERT_NO_FATAL_FAILURE(expect_same_results(store->commit(batch), reference.commit(batch))) << "batch " << i;
    const std::string& collection = kCollections[random.below(3)];
    const std::string key = random_key(random, false);
    const auto found = store->get(collection, key);
    const auto wanted = reference.maps[collection].find(key);
    ASSERT_EQ(found.has_value(), wanted != reference.maps[collection].end());
    if (found) {
      ASSERT_EQ(*found, wanted->second);
    }
    if (random.below(300) == 0) {
      store.reset();
      restart();
      store = open_store(backend.url(), options);
    }
    if (random.below(150) == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_same_state(*store, reference, random));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_same_state(*store, reference, random));
}

TEST_P(StoreConformance, BehavesAsTheModelOverRandomBatches) {
  run_model(*backend_, 1, 1200, [&] { backend_->restart(); });
}
TEST_P(StoreConformanceSlow, BehavesAsTheModelOverManyRandomBatches) {
  run_model(*backend_, 2, 4000, [&] { backend_->restart(); });
}
TEST_P(StoreClusterSlow, BehavesAsTheModelOverRandomBatches) {
  run_model(*backend_, 3, 2000, [] {});
}

TEST_P(StoreConformance, AnEventSentAgainIsSkippedWhole) {
  auto store = open();
  WriteBatch event;
  event.begin_once("events", "", "e1").append("events", "", "click").append("history", "u", "click", 100).end_once();
  const CommitResult first = store->commit(event);
  EXPECT_EQ(first.operations[0].sequence, 1u);
  EXPECT_EQ(first.operations[1].sequence, 1u);
  const CommitResult again = store->commit(event);
  EXPECT_TRUE(again.operations[0].duplicate && again.operations[1].duplicate);
  EXPECT_EQ(store->extent("events", "").size(), 1u);
  EXPECT_EQ(store->extent("history", "u").size(), 1u);
  WriteBatch twice;
  twice.append_once("events", "", "a", "e2").append_once("events", "", "b", "e2").append("events", "", "c");
  const CommitResult mixed = store->commit(twice);
  EXPECT_EQ(mixed.operations[0].sequence, 2u);
  EXPECT_TRUE(mixed.operations[1].duplicate);
  EXPECT_EQ(mixed.operations[2].sequence, 3u);
  EXPECT_EQ(store->facts().duplicates, 3u);
}

TEST_P(StoreConformance, TheWindowOfIdsIsBounded) {
  StoreOptions options;
  options.id_window = 3;
  auto store = open(options);
  const auto is_duplicate = [&](const std::string& id) {
    return store->commit(WriteBatch().append_once("events", "", "x", id)).operations[0].duplicate;
  };
  for (const char* id : {"a", "b", "c"}) EXPECT_FALSE(is_duplicate(id));
  EXPECT_TRUE(is_duplicate("a"));
  EXPECT_FALSE(is_duplicate("d"));  // "a" falls out
  EXPECT_FALSE(is_duplicate("a"));
  EXPECT_TRUE(is_duplicate("d"));
  store->commit(WriteBatch().erase_list("events", ""));
  EXPECT_FALSE(is_duplicate("d"));
  EXPECT_EQ(store->extent("events", "").next, 2u);
}

void write_from_many(Store& store, int num_writers, int num_batches) {
  std::vector<std::vector<uint64_t>> acknowledged(static_cast<size_t>(num_writers));
  std::atomic<bool> done{false};
  std::atomic<int> unordered{0};
  std::thread reader([&] {
    while (!done) {
      const auto tail = store.tail("events", "", 20);
      for (size_t i = 1; i < tail.size(); ++i) unordered += tail[i].sequence != tail[i - 1].sequence + 1;
    }
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < num_writers; ++w) {
    writers.emplace_back([&, w] {
      const std::string user = "u" + std::to_string(w);
      for (int b = 0; b < num_batches; ++b) {
        const std::string value = user + ":" + std::to_string(b);
        WriteBatch batch;
        batch.begin_once("events", "", value).append("events", "", value).append("history", user, value).end_once();
        const CommitResult result = store.commit(batch);
        acknowledged[static_cast<size_t>(w)].push_back(result.operations[0].sequence);
        // The next answer sees it.
        const auto tail = store.tail("history", user, 1);
        if (tail.size() != 1 || tail[0].value != value) ++unordered;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(unordered, 0);
  const auto events = store.range("events", "", 0, 1'000'000);
  ASSERT_EQ(events.size(), static_cast<size_t>(num_writers * num_batches));
  for (int w = 0; w < num_writers; ++w) {
    for (int b = 0; b < num_batches; ++b) {
      const uint64_t sequence = acknowledged[static_cast<size_t>(w)][static_cast<size_t>(b)];
      ASSERT_EQ(events.at(sequence - 1).value, "u" + std::to_string(w) + ":" + std::to_string(b));
    }
  }
}

TEST_P(StoreConformance, EveryAcknowledgedWriteOfManyWritersIsThere) {
  auto store = open();
  write_from_many(*store, 8, 100);
  const StoreFacts facts = store->facts();
  EXPECT_EQ(facts.commits, 800u);
  EXPECT_EQ(facts.operations, 1600u);
  EXPECT_GT(facts.sync_seconds, 0);
  if (GetParam() == "rocksdb") {
    EXPECT_LT(facts.syncs, facts.commits);
  }
  store.reset();
  backend_->restart();
  store = open();
  EXPECT_EQ(store->extent("events", "").size(), 800u);
}

TEST_P(StoreClusterSlow, EveryAcknowledgedWriteOfManyWritersIsThere) {
  auto store = open();
  write_from_many(*store, 8, 50);
}

TEST_P(StoreConformance, TheSameEventFromManyWritersCountsOnce) {
  auto store = open();
  std::atomic<int> fresh{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 8; ++w) {
    writers.emplace_back([&] {
      for (int b = 0; b < 40; ++b) {
        fresh += !store->commit(WriteBatch().append_once("events", "", "x", std::to_string(b))).operations[0].duplicate;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(fresh, 40);
  EXPECT_EQ(store->extent("events", "").size(), 40u);
}

TEST_P(StoreConformance, LargeValuesAndLargeBatchesGoThrough) {
  auto store = open();
  const std::string large(kMaxStoreValue, 'v');
  store->commit(WriteBatch().put("items", "large", large).append("history", "u", large));
  EXPECT_EQ(store->get("items", "large"), large);
  EXPECT_EQ(store->tail("history", "u", 3).at(0).value, large);
  WriteBatch many;
  for (int i = 0; i < 20000; ++i) many.put("items", fmt::format("{:06}", i), "value");
  store->commit(many);
  EXPECT_EQ(store->scan("items", "000099", 2).at(1).key, "000101");
  size_t count = 0;
  store->for_each("items", [&](std::string_view, std::string_view) { ++count; });
  EXPECT_EQ(count, 20001u);
  EXPECT_EQ(store->scan("items", "", 5000).size(), 5000u);
  EXPECT_TRUE(store->scan("items", "", 0).empty());
  EXPECT_TRUE(store->tail("history", "u", 0).empty());
  store->commit(WriteBatch());
  EXPECT_TRUE(store->commit(WriteBatch().begin_once("events", "", "id").end_once()).operations.empty());
}

TEST_P(StoreConformance, NamesAndKeysOfReadsAreChecked) {
  auto store = open();
  expect_error(ErrorKind::data, "cannot name a collection", [&] { store->get("Items", "a"); });
  expect_error(ErrorKind::data, "cannot name a collection", [&] { store->scan("", "", 1); });
  expect_error(ErrorKind::data, "cannot name a list", [&] { store->tail(std::string(33, 'a'), "", 1); });
  expect_error(ErrorKind::data, "empty key", [&] { store->get("items", ""); });
  expect_error(ErrorKind::data, "too long", [&] { store->extent("events", std::string(4097, 'a')); });
  WriteBatch open_batch;
  open_batch.begin_once("events", "", "x").append("events", "", "y");
  expect_error(ErrorKind::data, "end_once", [&] { store->commit(open_batch); });
}

INSTANTIATE_TEST_SUITE_P(All, StoreConformance, testing::Values("rocksdb", "redis"),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(All, StoreConformanceSlow, testing::Values("rocksdb", "redis"),
                         [](const auto& one) { return one.param; });
INSTANTIATE_TEST_SUITE_P(All, StoreClusterSlow, testing::Values("cluster"), [](const auto& one) { return one.param; });

}  // namespace
}  // namespace tessera
