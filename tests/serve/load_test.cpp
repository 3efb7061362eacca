// Many callers at once: swaps of the model, more load than can be served, and the end of the service.
#include <atomic>

#include "serve/service_fixture.h"

namespace tessera {
namespace {

using test::Answered;
using test::Caller;
using test::item_of;
using test::Json;
using test::Served;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Callers that ask the same kind of question until they are told to stop.
class Crowd {
 public:
  Crowd(Served& shop, int callers, std::function<void(Caller&, int)> ask) {
    for (int i = 0; i < callers; ++i) {
      threads_.emplace_back([this, &shop, ask, i] {
        Caller caller = shop.caller();
        try {
          while (!stop_) ask(caller, i);
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
  }
  ~Crowd() { stop(); }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST(LoadSlow, WhatIsErasedOrSoldOutIsInNoAnswerThatStartsLater) {
  Served shop;
  std::atomic<int> answers{0}, stale{0};
  std::array<std::atomic<bool>, 8> gone{};
  for (int i = 0; i < 8; ++i) shop->put("/v1/items/z" + std::to_string(i), item_of("zebra"));
  Crowd crowd(shop, 3, [&](Caller& caller, int i) {
    std::array<bool, 8> before{};
    for (size_t j = 0; j < gone.size(); ++j) before[j] = gone[j];
    const Answered found = i == 0 ? caller.get("/v1/search?q=zebra&limit=50") : caller.get("/v1/recommend?limit=208");
    EXPECT_EQ(found.status, 200);
    for (size_t j = 0; j < gone.size(); ++j)
      if (before[j] && gone[j] && found.has("z" + std::to_string(j))) ++stale;
    ++answers;
  });
  for (int round = 0; round < 5; ++round) {
    for (size_t j = 0; j < gone.size(); ++j) {
      const std::string target = "/v1/items/z" + std::to_string(j);
      if (j % 2 == 0) {
        shop->ask("DELETE", target);
      } else {
        shop->ask("PATCH", target, R"({"available":false})");
      }
      gone[j] = true;
    }
    const int enough = answers + 6;
    for (int i = 0; i < 1000 && answers < enough; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (size_t j = 0; j < gone.size(); ++j) gone[j] = false;
    for (size_t j = 0; j < gone.size(); ++j) shop->put("/v1/items/z" + std::to_string(j), item_of("zebra"));
  }
  crowd.stop();
  EXPECT_EQ(stale, 0);
  EXPECT_GT(answers, 25);
}

TEST(LoadSlow, ModelsAreSwappedWithoutAFailedRequest) {
  Served shop;
  std::atomic<int> answered{0}, failed{0};
  Crowd crowd(shop, 4, [&](Caller& caller, int i) {
    const Answered found = i % 2 == 0 ? caller.get("/v1/recommend?limit=5&user_id=" + std::to_string(i))
                                      : caller.get("/v1/search?q=a&limit=5");
    if (found.status != 200) ++failed;
    ++answered;
  });
  for (int round = 0; round < 4; ++round) {
    const char* next = round % 2 == 0 ? "tiger2" : "tiger";
    const Json done = shop.wait_for(shop->ask("POST", std::string("/v1/models/") + next + ":activate"));
    EXPECT_EQ(done["state"], "succeeded") << done.dump();
    const std::string id = "swap" + std::to_string(round);
    EXPECT_EQ(shop->put("/v1/items/" + id, item_of("zebra")).status, 201);
    EXPECT_TRUE(shop->post("/v1/recommend", {{"filter_by", "id:=" + id}}).has(id));
  }
  EXPECT_EQ(shop.wait_for(shop->ask("POST", "/v1/models:rollback"))["state"], "succeeded");
  // The model that comes back knows what was put while it was away.
  EXPECT_TRUE(shop->post("/v1/recommend", {{"filter_by", "id:=swap3"}, {"user_id", shop.user()}}).has("swap3"));
  crowd.stop();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 20);
}

TEST(LoadSlow, MoreThanCanBeServedIsAnsweredWithLessOrRefusedButNeverStuck) {
  Served shop([](serve::ServeOptions& options) {
    options.batcher.max_batch = 1;
    options.batcher.max_waiting = 2;
    options.batcher.hurry_from = 1;
    options.workers = 1;
    options.max_waiting_requests = 4;
    options.max_in_flight = 12;
  });
  std::atomic<int> whole{0}, degraded{0}, refused{0}, other{0};
  std::mutex mutex;
  std::vector<double> seconds;
  const std::string user = shop.user();
  Crowd crowd(shop, 16, [&](Caller& caller, int) {
    const auto start = Clock::now();
    const Answered found = caller.get("/v1/recommend?limit=20&user_id=" + user);
    if (found.status == 200) {
      (found.body["degraded"] == true ? degraded : whole) += 1;
      EXPECT_EQ(found.ids().size(), 20u);
      EXPECT_EQ(found.body.contains("degraded_reason"), found.body["degraded"] == true);
    } else if (found.status == 503) {
      EXPECT_TRUE(found.raw.headers.has("Retry-After"));
      ++refused;
    } else {
      ++other;
    }
    const std::lock_guard lock(mutex);
    seconds.push_back(seconds_since(start));
  });
  std::this_thread::sleep_for(std::chrono::seconds(3));
  crowd.stop();
  EXPECT_EQ(other, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(degraded + whole, 20);
  std::sort(seconds.begin(), seconds.end());
  EXPECT_LT(seconds.at(seconds.size() * 99 / 100), 2.5);
  EXPECT_EQ(shop->get("/v1/recommend?limit=3").status, 200);
}

TEST(Load, ABeamIsSmallWhileOthersWait) {
  Served shop([](serve::ServeOptions& options) { options.batcher.hurry_from = 1; });
  const Answered found = shop->get("/v1/recommend?limit=5&user_id=" + shop.user());
  EXPECT_EQ(found.ids().size(), 5u);
  EXPECT_EQ(found.body["degraded"], true);
  EXPECT_EQ(found.body["degraded_reason"], "small_beam");
  EXPECT_NE(shop->get("/metrics").raw.body.find("degraded_responses_total{reason=\"small_beam\"} 1"),
            std::string::npos);
}

TEST(Load, AnAnswerThatHasNoTimeForTheModelComesWithoutIt) {
  Served shop;
  int degraded = 0;
  for (int i = 0; i < 20; ++i) {
    const Answered found = shop->get("/v1/recommend?limit=5&search_cutoff_ms=1&user_id=" + shop.user());
    if (found.status != 200) {
      EXPECT_EQ(found.status, 503);
      continue;
    }
    EXPECT_EQ(found.ids().size(), 5u);
    if (found.body["degraded"] == true) {
      EXPECT_EQ(found.body["degraded_reason"], "deadline");
      ++degraded;
    }
  }
  RecordProperty("degraded", degraded);
}

TEST(Load, TheEndAnswersWhatIsInFlight) {
  Served shop;
  std::atomic<int> sent{0}, answered{0}, broken{0};
  const std::string user = shop.user();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Caller caller = shop.caller();
      caller.get("/livez");
      ++sent;
      try {
        const Answered found = caller.get("/v1/recommend?explain=true&limit=20&user_id=" + user);
        if (found.status == 200 || found.status == 503) ++answered;
      } catch (const Error&) {
        ++broken;  // it came after the end
      }
    });
  while (sent < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  const auto start = Clock::now();
  shop.service().stop(std::chrono::seconds(10));
  EXPECT_LT(seconds_since(start), 9);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered + broken, 4);
  EXPECT_GT(answered, 0);
  shop.service().stop(std::chrono::seconds(1));  // again does nothing
}

}  // namespace
}  // namespace tessera
