// The real program is killed at random moments while items and events are written; what it has acknowledged is there
// when it starts again.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <regex>
#include <set>

#include "base/random.h"
#include "serve/service_fixture.h"

namespace tessera {
namespace {

using test::Answered;
using test::Caller;
using test::Json;
using test::TinyRuns;

constexpr int kWriters = 3;

/// `tessera serve tiger`, as a process.
class Program {
 public:
  Program(const std::filesystem::path& folder, int number) : output_(folder / ("out" + std::to_string(number))) {
    const std::string runs = TinyRuns::get().context().runs, state = folder / "state", output = output_;
    start_ = std::chrono::steady_clock::now();
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(file, 1), dup2(file, 2);
      execl(TESSERA_PROGRAM, TESSERA_PROGRAM, "--runs", runs.c_str(), "serve", "tiger", "--listen", "127.0.0.1:0",
            "--state", state.c_str(), nullptr);
      _exit(127);
    }
    wait_until_it_serves();
  }
  ~Program() { kill_it(); }
  int port() const { return port_; }
  double seconds_to_start() const { return seconds_; }
  void kill_it() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  void wait_until_it_serves() {
    static const std::regex address("at http://127\\.0\\.0\\.1:([0-9]+)");
    std::string text;
    for (int i = 0; i < 6000 && port_ == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      std::ifstream in(output_);
      text.assign(std::istreambuf_iterator<char>(in), {});
      std::smatch found;
      if (std::regex_search(text, found, address)) port_ = std::stoi(found[1]);
      if (waitpid(child_, nullptr, WNOHANG) == child_) {
        child_ = 0;
        FAIL() << "the program ended: " << text;
      }
    }
    ASSERT_NE(port_, 0) << text;
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  std::filesystem::path output_;
  std::chrono::steady_clock::time_point start_;
  double seconds_ = 0;
  pid_t child_ = 0;
  int port_ = 0;
};

/// What one thread has sent, and of that what was acknowledged.
struct Written {
  std::map<std::string, int> items;      ///< id -> last acknowledged price, -1: erased
  std::map<std::string, int> attempted;  ///< id -> the price of a write without an answer
  std::set<std::string> events;          ///< acknowledged event ids
  size_t acknowledged = 0;               ///< writes, since the beginning
};

/// A word that only this item's title has: "w1x17".
std::string word_of(std::string id) {
  std::replace(id.begin(), id.end(), '-', 'x');
  return id;
}

void write_until_it_dies(int port, int writer, int round, Written& written) {
  Caller caller(port);
  Random random(42, "test.serve.torture.writer", static_cast<uint64_t>(writer * 1000 + round));
  try {
    for (int i = 1;; ++i) {
      const std::string id = fmt::format("w{}-{}", writer, random.below(40));
      const int price = round * 1'000'000 + i;
      if (random.below(2) == 0) {
        const bool erase = random.below(6) == 0 && written.items.contains(id) && written.items[id] >= 0;
        written.attempted[id] = erase ? -1 : price;
        const Answered done =
            erase ? caller.ask("DELETE", "/v1/items/" + id)
                  : caller.put("/v1/items/" + id, {{"title", "torture " + word_of(id)}, {"price", price}});
        ASSERT_LT(done.status, 300) << done.body.dump();
        written.items[id] = erase ? -1 : price;
        written.attempted.erase(id);
        ++written.acknowledged;
      } else {
        const std::string event = fmt::format("{}-{}-{}", writer, round, i);
        const Answered done = caller.post(
            "/v1/events",
            {{"event_id", event}, {"user", "torture" + std::to_string(writer)}, {"item", "w0-0"}, {"action", "click"}});
        ASSERT_EQ(done.status, 200) << done.body.dump();
        written.events.insert(event);
        ++written.acknowledged;
      }
    }
  } catch (const Error&) {  // it was killed
  }
}

void expect_all_there(int port, std::vector<Written>& all) {
  Caller caller(port);
  std::set<std::string> events;
  const Json newest = caller.get("/v1/events?limit=1000").body["events"];
  for (const Json& event : newest) events.insert(event["event_id"]);
  for (Written& written : all) {
    for (auto& [id, price] : written.items) {
      const Answered found = caller.get("/v1/items/" + id);
      const int now = found.status == 404 ? -1 : found.body["price"].get<int>();
      const auto tried = written.attempted.find(id);
      EXPECT_TRUE(now == price || (tried != written.attempted.end() && now == tried->second))
          << id << ": acknowledged " << price << ", found " << now;
      const auto by_text = caller.get("/v1/search?num_typos=0&prefix=false&q=" + word_of(id)).ids();
      EXPECT_EQ(by_text, now < 0 ? std::vector<std::string>{} : std::vector<std::string>{id});
      price = now;
    }
    written.attempted.clear();
    for (const std::string& event : written.events) {
      // Beyond the newest thousand: sent again, it must be a duplicate.
      if (events.contains(event)) continue;
      const Answered again =
          caller.post("/v1/events", {{"event_id", event}, {"user", "torture"}, {"item", "w0-0"}, {"action", "click"}});
      EXPECT_EQ(again.body["duplicates"], 1) << event;
    }
    written.events.clear();
  }
}

/// TESSERA_TORTURE: how many kills, instead of 10.
TEST(ServiceTortureSlow, NothingThatWasAcknowledgedIsLostWhenItIsKilled) {
  if (!std::filesystem::exists(TESSERA_PROGRAM)) GTEST_SKIP() << "the program is not built";
  test::TemporaryFolder folder;
  TinyRuns::get();
  const char* const wanted = getenv("TESSERA_TORTURE");
  const int kills = wanted != nullptr ? std::stoi(wanted) : 10;
  Random random(42, "test.serve.torture");
  std::vector<Written> written(kWriters);
  double slowest = 0;
  for (int round = 0; round < kills; ++round) {
    Program program(folder.path(), round);
    if (HasFatalFailure()) return;
    slowest = std::max(slowest, program.seconds_to_start());
    expect_all_there(program.port(), written);
    std::vector<std::thread> threads;
    for (int w = 0; w < kWriters; ++w)
      threads.emplace_back([&, w] { write_until_it_dies(program.port(), w, round, written[static_cast<size_t>(w)]); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random.below(700)));
    program.kill_it();
    for (std::thread& thread : threads) thread.join();
  }
  Program program(folder.path(), kills);
  if (HasFatalFailure()) return;
  expect_all_there(program.port(), written);
  size_t acknowledged = 0;
  for (const Written& one : written) acknowledged += one.acknowledged;
  EXPECT_GT(acknowledged, 100u);
  printf("%d kills, %zu acknowledged writes, slowest start %.2f s: nothing lost\n", kills, acknowledged, slowest);
  RecordProperty("acknowledged", static_cast<int>(acknowledged));
  RecordProperty("slowest_start_ms", static_cast<int>(slowest * 1000));
}

}  // namespace
}  // namespace tessera
