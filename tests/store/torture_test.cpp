// Processes that write are killed at random moments; what they were told is durable must be there afterwards.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "store/store.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

constexpr int kWriters = 4;
constexpr int kSlots = 20;
constexpr int kKept = 50;

/// What a child says through the pipe; shorter than PIPE_BUF, so that one write is whole.
struct Said {
  enum Kind : int32_t { ready, committed, made_snapshot, erases_snapshot, wrote, restored };
  int32_t kind, writer, batch, unused;
  uint64_t sequence;
};

int number_in(std::string_view text) {
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int counter_of(Store& store, int writer) {
  const auto found = store.get("counters", std::to_string(writer));
  return found ? number_in(*found) : -1;
}

std::string item_key(int writer, int slot, int part) {
  return fmt::format("{}/{}/{}", writer, slot, part);
}

WriteBatch mixed_batch(int writer, int b, Random& random) {
  const std::string text = fmt::format("{}:{}", writer, b), number = std::to_string(b);
  WriteBatch batch;
  batch.begin_once("events", "", text).append("events", "", text);
  batch.append("history", std::to_string(writer), text, kKept).end_once();
  batch.put("counters", std::to_string(writer), number);
  for (int part = 0; part < 3; ++part) {
    batch.put("items", item_key(writer, b % kSlots, part), number);
    batch.erase("items", item_key(writer, (b + kSlots / 2) % kSlots, part));
  }
  if (random.below(8) == 0)
    batch.put("blobs", fmt::format("{}/{}", writer, random.below(20)), std::string(random.below(200'000), 'b'));
  if (random.below(16) == 0) batch.erase_list("scratch", std::to_string(writer));
  batch.append("scratch", std::to_string(writer), number);
  return batch;
}

void say(int descriptor, Said::Kind kind, int writer, int batch, uint64_t sequence = 0) {
  const Said said{kind, writer, batch, 0, sequence};
  if (write(descriptor, &said, sizeof said) != sizeof said) _exit(3);
}

[[noreturn]] void write_until_killed(Store& store, int descriptor, uint64_t seed) {
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      Random random(seed, "test.store.torture.writer", static_cast<uint64_t>(w));
      for (int b = counter_of(store, w) + 1;; ++b) {
        const CommitResult result = store.commit(mixed_batch(w, b, random));
        say(descriptor, Said::committed, w, b, result.operations[0].sequence);
      }
    });
  }
  Random random(seed, "test.store.torture.snapshots");
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(40)));
    const int number = static_cast<int>(random.below(3));
    const std::string name = fmt::format("s{}", number);
    bool there = false;
    for (const SnapshotInfo& snapshot : store.snapshots()) there |= snapshot.name == name;
    if (there) {
      say(descriptor, Said::erases_snapshot, 0, number);
      store.erase_snapshot(name);
    } else {
      store.snapshot(name);
      say(descriptor, Said::made_snapshot, 0, number);
    }
  }
}

[[noreturn]] void restore_until_killed(Store& store, int descriptor, int first) {
  for (int i = first;; ++i) {
    WriteBatch batch;
    for (int key = 0; key < 40; ++key) batch.put("marks", std::to_string(key), std::to_string(i));
    batch.append("marks", "", std::to_string(i));
    store.commit(batch);
    say(descriptor, Said::wrote, 0, i);
    store.restore("base");
    say(descriptor, Said::restored, 0, i);
  }
}

/// The child's side: started by Torture below with this test alone, killed by it.
TEST(StoreTorture, DISABLED_Child) {
  const char* const words = getenv("TESSERA_TORTURE_CHILD");
  if (words == nullptr) GTEST_SKIP() << "only runs as a child of StoreTortureSlow";
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(60);
  int descriptor = 0, mode = 0, first = 0;
  unsigned long long seed = 0;
  char folder[512] = {};
  ASSERT_EQ(sscanf(words, "%d %d %d %llu %511s", &descriptor, &mode, &first, &seed, folder), 5);
  auto store = open_store(folder);
  say(descriptor, Said::ready, 0, 0);
  if (mode == 0) write_until_killed(*store, descriptor, seed);
  restore_until_killed(*store, descriptor, first);
}

class Torture {
 public:
  explicit Torture(uint64_t seed) : random_(seed, "test.store.torture"), acknowledged_(kWriters, -1) {}

  /// One child, one kill, one look at what is left.
  void point() {
    if (points_++ % 10 == 0) fresh_folder();
    const bool restores = random_.below(5) == 0;
    const std::vector<Said> said = run_child(restores);
    if (HasFatalFailure()) return;
    if (restores) {
      check_restores(said);
    } else {
      check_writes(said);
    }
  }
  uint64_t commits() const { return commits_; }
  uint64_t restores() const { return restores_; }
  uint64_t snapshots() const { return snapshots_; }

 private:
  static bool HasFatalFailure() { return testing::Test::HasFatalFailure(); }
  std::string writes() const { return (*folder_ / "writes").string(); }
  std::string marks() const { return (*folder_ / "marks").string(); }

  std::string child_log() const { return (*folder_ / "child.log").string(); }

  void fresh_folder() {
    folder_ = std::make_unique<TemporaryFolder>();
    acknowledged_.assign(kWriters, -1);
    known_events_ = 0;
    named_.clear();
    auto store = open_store(marks());
    WriteBatch batch;
    for (int key = 0; key < 40; ++key) batch.put("marks", std::to_string(key), "-7");
    batch.append("marks", "", "-7");
    store->commit(batch);
    store->snapshot("base");
    mark_ = -7;
  }

  std::vector<Said> run_child(bool restores) {
    std::vector<Said> said;
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    const std::string words =
        fmt::format("TESSERA_TORTURE_CHILD={} {} {} {} {}", ends[1], restores ? 1 : 0, mark_ < 0 ? 0 : mark_ + 1,
                    random_.next_u64() >> 1, restores ? marks() : writes());
    const pid_t child = fork();
    if (child == 0) {
      const int log = open(child_log().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      dup2(log, 1);
      dup2(log, 2);
      char* const arguments[] = {const_cast<char*>("test_store"),
                                 const_cast<char*>("--gtest_filter=StoreTorture.DISABLED_Child"),
                                 const_cast<char*>("--gtest_also_run_disabled_tests"), nullptr};
      char* const environment[] = {const_cast<char*>(words.c_str()), nullptr};
      execve("/proc/self/exe", arguments, environment);
      _exit(127);
    }
    close(ends[1]);
    // Most are killed at work, some while they open.
    const bool while_opening = random_.below(6) == 0;
    const auto sleep = std::chrono::microseconds(random_.below(while_opening ? 120'000 : 250'000));
    auto deadline = std::chrono::steady_clock::now() + (while_opening ? sleep : std::chrono::microseconds(20'000'000));
    bool killed = false;
    for (Said one{};;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd waiting{ends[0], POLLIN, 0};
      if (!killed && (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0)) {
        kill(child, SIGKILL);
        killed = true;
      }
      const ssize_t size = read(ends[0], &one, sizeof one);
      if (size == 0) break;
      EXPECT_EQ(size, static_cast<ssize_t>(sizeof one));
      if (one.kind == Said::ready && !while_opening) deadline = std::chrono::steady_clock::now() + sleep;
      said.push_back(one);
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself: " << status << "\n"
                                                                    << read_file(child_log());
    return said;
  }

  void check_writes(const std::vector<Said>& said) {
    auto store = open_store(writes());
    const auto events = store->range("events", "", known_events_ + 1, 10'000'000);
    std::map<int, int> last;
    for (size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(events[i].sequence, known_events_ + 1 + i);
      const int writer = number_in(events[i].value),
                b = number_in(events[i].value.substr(events[i].value.find(':') + 1));
      if (last.contains(writer)) {
        ASSERT_EQ(b, last[writer] + 1);
      }
      last[writer] = b;
    }
    for (const Said& one : said) {
      if (one.kind != Said::committed) continue;
      ++commits_;
      ASSERT_GT(one.sequence, known_events_);
      ASSERT_LE(one.sequence - known_events_, events.size()) << "an acknowledged event is lost";
      ASSERT_EQ(events[one.sequence - known_events_ - 1].value, fmt::format("{}:{}", one.writer, one.batch));
      acknowledged_[static_cast<size_t>(one.writer)] = one.batch;
    }
    known_events_ += events.size();
    for (int w = 0; w < kWriters; ++w) ASSERT_NO_FATAL_FAILURE(check_writer(*store, w, last));
    ASSERT_NO_FATAL_FAILURE(check_snapshots(*store, said));
  }

  void check_writer(Store& store, int w, const std::map<int, int>& last) {
    const int counter = counter_of(store, w), acknowledged = acknowledged_[static_cast<size_t>(w)];
    ASSERT_TRUE(counter == acknowledged || counter == acknowledged + 1) << counter << " against " << acknowledged;
    acknowledged_[static_cast<size_t>(w)] = counter;
    if (counter < 0) return;
    if (last.contains(w)) {
      ASSERT_EQ(last.at(w), counter) << "half a batch";
    }
    const auto history = store.tail("history", std::to_string(w), 2 * kKept);
    ASSERT_EQ(history.size(), static_cast<size_t>(std::min(counter + 1, kKept)));
    for (size_t i = 0; i < history.size(); ++i) {
      ASSERT_EQ(history[i].value, fmt::format("{}:{}", w, counter - static_cast<int>(history.size() - 1 - i)));
    }
    ASSERT_EQ(number_in(store.tail("scratch", std::to_string(w), 1).at(0).value), counter);
    for (int slot = 0; slot < kSlots; ++slot) {
      const auto first = store.get("items", item_key(w, slot, 0));
      for (int part = 1; part < 3; ++part)
        ASSERT_EQ(store.get("items", item_key(w, slot, part)), first) << "half a batch";
      if (slot == counter % kSlots) {
        ASSERT_EQ(first, std::to_string(counter));
      }
    }
  }

  void check_snapshots(Store& store, const std::vector<Said>& said) {
    std::set<int> maybe;
    for (const Said& one : said) {
      if (one.kind == Said::made_snapshot) named_.insert(one.batch);
      if (one.kind == Said::made_snapshot) ++snapshots_;
      if (one.kind == Said::erases_snapshot) named_.erase(one.batch);
    }
    std::set<std::string> listed;
    for (const SnapshotInfo& snapshot : store.snapshots()) listed.insert(snapshot.name);
    for (const int number : named_)
      ASSERT_TRUE(listed.contains(fmt::format("s{}", number))) << "a finished snapshot is gone";
    const fs::path folder = fs::path(writes()) / "snapshots";
    size_t present = 0;
    if (fs::exists(folder))
      present = static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
    ASSERT_EQ(present, listed.size()) << "something half is left of a snapshot";
    named_.clear();
    for (const std::string& name : listed) named_.insert(number_in(std::string_view(name).substr(1)));
    if (!listed.empty() && random_.below(8) == 0) check_restored_copy(*listed.begin());
  }

  /// A snapshot that was taken while writers were at work holds whole batches too.
  void check_restored_copy(const std::string& name) {
    const fs::path copy = *folder_ / "copy";
    fs::remove_all(copy);
    auto store = open_store(copy.string());
    fs::create_directories(copy / "snapshots");
    fs::copy(fs::path(writes()) / "snapshots" / name, copy / "snapshots" / name, fs::copy_options::recursive);
    store->restore(name);
    std::map<int, int> none;
    const std::vector<int> before = acknowledged_;
    for (int w = 0; w < kWriters; ++w) {
      acknowledged_[static_cast<size_t>(w)] = counter_of(*store, w);
      ASSERT_LE(acknowledged_[static_cast<size_t>(w)], before[static_cast<size_t>(w)]);
      ASSERT_NO_FATAL_FAILURE(check_writer(*store, w, none));
    }
    acknowledged_ = before;
  }

  void check_restores(const std::vector<Said>& said) {
    std::set<int> allowed{mark_, mark_ < 0 ? 0 : mark_ + 1, -7};
    for (const Said& one : said) {
      if (one.kind == Said::wrote) allowed = {one.batch, -7};
      if (one.kind == Said::restored) allowed = {-7, one.batch + 1};
      restores_ += one.kind == Said::restored;
    }
    auto store = open_store(marks());
    mark_ = number_in(store->get("marks", "0").value_or("none"));
    ASSERT_TRUE(allowed.contains(mark_)) << mark_ << " after a restore was " << (said.empty() ? -1 : said.back().kind);
    for (int key = 0; key < 40; ++key) ASSERT_EQ(store->get("marks", std::to_string(key)), std::to_string(mark_));
    ASSERT_EQ(store->tail("marks", "", 1).at(0).value, std::to_string(mark_));
    size_t states = 0;
    for (const auto& entry : fs::directory_iterator(marks()))
      states += entry.path().filename().string().find("state-") != std::string::npos;
    ASSERT_EQ(states, 1u) << "a leftover of a restore stays";
  }

  Random random_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::vector<int> acknowledged_;  ///< by writer: the last batch known to be there
  uint64_t known_events_ = 0, commits_ = 0, restores_ = 0, snapshots_ = 0;
  std::set<int> named_;  ///< snapshots that must be there
  int mark_ = -7, points_ = 0;
};

/// TESSERA_TORTURE: how many points, instead of 50.
TEST(StoreTortureSlow, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
  const char* const wanted = getenv("TESSERA_TORTURE");
  const int points = wanted != nullptr ? number_in(wanted) : 50;
  Torture torture(20240601);
  for (int i = 0; i < points; ++i) {
    torture.point();
    if (HasFailure()) FAIL() << "at point " << i;
  }
  RecordProperty("points", points);
  RecordProperty("commits", static_cast<int>(torture.commits()));
  printf("%d kills, %llu acknowledged commits, %llu snapshots, %llu restores: nothing lost, every open good\n", points,
         static_cast<unsigned long long>(torture.commits()), static_cast<unsigned long long>(torture.snapshots()),
         static_cast<unsigned long long>(torture.restores()));
  EXPECT_GT(torture.commits(), 0u);
}

}  // namespace
}  // namespace tessera
