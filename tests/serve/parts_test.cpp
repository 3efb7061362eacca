// The parts of the service by themselves: fusion, events, questions, tasks, workers, the batcher's refusals.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "serve/behaviour.h"
#include "serve/fusion.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"
#include "serve/tasks.h"
#include "serve/workers.h"

namespace tessera {
namespace {

using Json = nlohmann::json;
using serve::Batcher;
using serve::Degraded;
using serve::Event;
using serve::fuse;
using serve::FusedHit;
using test::expect_error;

std::vector<LexicalHit> text_hits(std::initializer_list<std::pair<int, double>> hits) {
  std::vector<LexicalHit> out;
  for (const auto& [item, score] : hits) out.push_back({ItemId{item}, score, {}});
  return out;
}

Results personal_hits(std::initializer_list<std::pair<int, float>> hits) {
  Results out;
  for (const auto& [item, score] : hits) out.items.push_back(ItemId{item}), out.scores.push_back(score);
  return out;
}

TEST(Fusion, RanksAddUpAsTheFormulaSays) {
  serve::FusionOptions options;
  options.rrf_k = 10;
  options.personal_weight = 2;
  const auto fused = fuse(text_hits({{1, 9}, {2, 5}}), personal_hits({{2, -1}, {3, -2}}), 0.5, options);
  ASSERT_EQ(fused.size(), 3u);
  EXPECT_EQ(fused[0].item, ItemId{2});
  EXPECT_DOUBLE_EQ(fused[0].score, 1.0 / 12 + 0.5 * 2 / 11);
  EXPECT_EQ(fused[1].item, ItemId{1});
  EXPECT_DOUBLE_EQ(fused[1].score, 1.0 / 11);
  EXPECT_EQ(fused[2].item, ItemId{3});
  EXPECT_DOUBLE_EQ(fused[2].score, 0.5 * 2 / 12);
  EXPECT_EQ(fused[0].lexical_rank, 2);
  EXPECT_EQ(fused[0].personal_rank, 1);
}

TEST(Fusion, ScoresAreScaledToOne) {
  serve::FusionOptions options;
  options.fusion = "linear";
  const auto fused = fuse(text_hits({{1, 8}, {2, 4}}), personal_hits({{2, -1}, {3, -2}, {1, -5}}), 1, options);
  ASSERT_EQ(fused.size(), 3u);
  EXPECT_EQ(fused[0].item, ItemId{2});
  EXPECT_DOUBLE_EQ(fused[0].score, 0.5 + 1.0);
  EXPECT_DOUBLE_EQ(fused[1].score, 1.0);   // item 1: the best text, the worst taste
  EXPECT_DOUBLE_EQ(fused[2].score, 0.75);  // item 3
}

TEST(Fusion, WithoutAPersonTheTextDecidesAndTiesGoToTheLowerItem) {
  const auto fused = fuse(text_hits({{9, 2}, {4, 1}}), personal_hits({{4, 0}}), 0, {});
  EXPECT_EQ(fused[0].item, ItemId{9});
  serve::FusionOptions linear;
  linear.fusion = "linear";
  const auto equal = fuse(text_hits({{9, 0}, {4, 0}}), {}, 1, linear);
  EXPECT_EQ(equal[0].item, ItemId{4});
  EXPECT_TRUE(fuse({}, {}, 1, {}).empty());
}

TEST(Events, NamesOfOtherSystemsAreUnderstood) {
  struct Row {
    const char* json;
    const char *user, *session, *item, *action;
    int64_t time, position;
  };
  const Row rows[] = {
      {R"({"user":"u","item":"i","action":"click"})", "u", "", "i", "click", 77, 0},
      {R"({"user_id":"u","item_id":"i","event_type":"purchase","timestamp":"1970-01-01T00:01:00Z"})", "u", "", "i",
       "order", 60, 0},
      {R"({"user":7,"item":8,"action":"view","time":1700000000000})", "7", "", "8", "view", 1700000000, 0},
      {R"({"session_id":"s","item":"i","action":"add_to_cart","position":3})", "", "s", "i", "cart", 77, 3},
      // UBI 1.3
      {R"({"action_name":"item_click","client_id":"c","query_id":"q1","timestamp":"1970-01-01T00:00:05Z",
          "user_query":"lamp","event_attributes":{"object":{"object_id":"i9","object_id_field":"sku"},
          "position":{"ordinal":4}}})",
       "", "c", "i9", "click", 5, 4},
      {R"({"action":"search","query":"red lamp","user":"u"})", "u", "", "", "search", 77, 0},
      {R"({"action":"wishlist","user":"u","item":"i","session":null})", "u", "", "i", "wishlist", 77, 0},
  };
  for (const Row& row : rows) {
    const Event event = serve::event_from_json(Json::parse(row.json), 77);
    EXPECT_EQ(event.user, row.user) << row.json;
    EXPECT_EQ(event.session, row.session) << row.json;
    EXPECT_EQ(event.item, row.item) << row.json;
    EXPECT_EQ(event.action, row.action) << row.json;
    EXPECT_EQ(event.time, row.time) << row.json;
    EXPECT_EQ(event.position, row.position) << row.json;
    const Event again = serve::event_from_json(serve::event_to_json(event), 0);
    EXPECT_EQ(again.user + again.session + again.item + again.action,
              event.user + event.session + event.item + event.action);
    EXPECT_EQ(again.time, event.time);
  }
}

TEST(Events, WhatCannotBeIsRefusedWithItsName) {
  const std::pair<const char*, const char*> rows[] = {
      {R"([])", "object"},
      {R"({"user":"u","item":"i"})", "action"},
      {R"({"item":"i","action":"click"})", "user or a session"},
      {R"({"user":"u","action":"click"})", "item"},
      {R"({"user":"u","action":"search"})", "item"},
      {R"({"user":"u","item":"i","action":"click","time":"yesterday"})", "RFC 3339"},
      {R"({"user":"u","item":"i","action":"click","time":"6384-01-01T00:00:00Z"})", "1970 to 5138"},
      {R"({"user":"u","item":"i","action":"click","time":"1969-12-31T23:59:59Z"})", "1970 to 5138"},
      {R"({"user":"u","item":"i","action":"click","time":100000000000001})", "seconds"},
      {R"({"user":"u","item":"i","action":"click","time":-1})", "time"},
      {R"({"user":"u","item":"i","action":"click","time":1.5})", "time"},
      {R"({"user":"u","item":"i","action":"click","position":-1})", "position"},
      {R"({"user":"u","item":"i","action":"click","position":"1"})", "position"},
      {R"({"user":"u","item":"i","action":"click","value":"1"})", "value"},
      {R"({"user":{},"item":"i","action":"click"})", "user"},
      {R"({"user":"\u0001u","item":"i","action":"click"})", "01"},
  };
  for (const auto& [json, word] : rows)
    expect_error(ErrorKind::data, word, [&] { serve::event_from_json(Json::parse(json), 0); });
  expect_error(ErrorKind::data, "user", [] {
    serve::event_from_json({{"user", std::string(513, 'u')}, {"item", "i"}, {"action", "click"}}, 0);
  });
}

HttpRequest asked(const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.body = body;
  request.start = std::chrono::steady_clock::now();
  return request;
}

TEST(Questions, ABodyIsReadAndItsLimitsKept) {
  using serve::Question;
  const Question question = serve::question_from(
      asked(R"({"q":"a","page":3,"per_page":20,"pinned_hits":"a:1,b:2","history":[],"seen_policy":"exclude"})"),
      Question::Kind::search, 2000);
  EXPECT_EQ(question.offset, 40);
  EXPECT_EQ(question.limit, 20);
  EXPECT_TRUE(question.has_history);
  EXPECT_TRUE(question.exclude_seen);
  ASSERT_EQ(question.pins.size(), 2u);
  EXPECT_EQ(question.pins[1].item, "b");
  EXPECT_FALSE(serve::question_from(asked("{}"), Question::Kind::search, 1).exclude_seen);
  EXPECT_TRUE(serve::question_from(asked("{}"), Question::Kind::recommend, 1).exclude_seen);
  Json ids = Json::array();
  for (int i = 0; i < 5001; ++i) ids.push_back("i");
  for (const Json& bad : {Json{{"exclude_ids", ids}}, Json{{"exclude_ids", {std::string(513, 'i')}}}, Json{{"q", 1}},
                          Json{{"filter_by", std::string(4097, 'a')}}, Json{{"history", "a"}}, Json{{"nonsense", 1}},
                          Json{{"offset", 9990}, {"limit", 11}}, Json{{"pinned_hits", "x:1001"}}})
    EXPECT_THROW(serve::question_from(asked(bad.dump()), Question::Kind::search, 1), ProblemError)
        << bad.dump().substr(0, 80);
}

TEST(Questions, AScopedKeyNarrowsTheCallersFilterAndReplacesTheRest) {
  const auto filter_of = [](const std::string& body) {
    HttpRequest request = asked(body);
    request.identity.embedded_params = R"({"filter_by":"price:<1","limit":3,"expires_at":4000000000})";
    const serve::Question question = serve::question_from(request, serve::Question::Kind::search, 1);
    EXPECT_EQ(question.limit, 3);
    return question.filter_by;
  };
  EXPECT_EQ(filter_of(R"({"filter_by":"price:>1","limit":9})"), "(price:>1) && (price:<1)");
  for (const char* body : {"{}", R"({"filter_by":""})", R"({"filter_by":null})", R"({"filter_by":7})"})
    EXPECT_EQ(filter_of(body), "price:<1") << body;
  // A parenthesis of the caller does not reach into the key's condition.
  for (const char* filter : {"price:>1) || (price:>0", "price:>1 ||", "("})
    expect_error(ErrorKind::data, "", [&] { filter_of(Json{{"filter_by", filter}}.dump()); });
  HttpRequest expiring = asked(R"({"expires_at":1})");
  EXPECT_THROW(serve::question_from(expiring, serve::Question::Kind::search, 1), ProblemError);
}

TEST(Questions, AScopedKeyNarrowsAQueryStringToo) {
  HttpRequest request;
  request.identity.embedded_params = R"({"filter_by":"brand:=x","limit":3,"expires_at":99})";
  request.query.add("filter_by", "brand:=y");
  request.query.add("filter_by", "brand:=z");
  serve::narrow_by_key(request);
  EXPECT_EQ(request.query.get("filter_by"), "(brand:=y) && (brand:=x)");
  EXPECT_EQ(request.query.get("limit"), "3");
  EXPECT_EQ(request.query.all().size(), 2u);
}

TEST(ServiceTasks, RunInOrderAndKeepTheirErrors) {
  serve::Tasks tasks;
  std::atomic<int> order{0};
  const auto first = tasks.enqueue("a", "x", [&] { EXPECT_EQ(order++, 0); });
  const auto second = tasks.enqueue("b", "y", [&] {
    EXPECT_EQ(order++, 1);
    fail(ErrorKind::data, "it went wrong");
  });
  for (int i = 0; i < 500 && order < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  tasks.stop();
  EXPECT_EQ(tasks.find(first.id)->state, serve::TaskInfo::State::succeeded);
  EXPECT_EQ(tasks.find(second.id)->state, serve::TaskInfo::State::failed);
  EXPECT_NE(tasks.find(second.id)->error.find("it went wrong"), std::string::npos);
  EXPECT_EQ(tasks.list().front().id, second.id);
  EXPECT_FALSE(tasks.find("none"));
  expect_error(ErrorKind::overload, "tasks", [&] { tasks.enqueue("c", "z", [] {}); });
}

TEST(ServiceTasks, ThoseThatWaitAtTheEndFail) {
  serve::Tasks tasks;
  std::atomic<bool> go{false};
  tasks.enqueue("a", "", [&] {
    while (!go) std::this_thread::yield();
  });
  const auto waiting = tasks.enqueue("b", "", [] {});
  std::thread stopper([&] { tasks.stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  go = true;
  stopper.join();
  EXPECT_EQ(tasks.find(waiting.id)->state, serve::TaskInfo::State::failed);
}

TEST(ServiceWorkers, RefuseBeyondTheQueueButTakeWhatIsUrgent) {
  serve::Workers workers(1, 1);
  std::atomic<bool> go{false}, started{false};
  std::atomic<int> done{0};
  ASSERT_TRUE(workers.submit([&] {
    started = true;
    while (!go) std::this_thread::yield();
    ++done;
  }));
  while (!started) std::this_thread::yield();
  EXPECT_TRUE(workers.submit([&] { ++done; }));
  EXPECT_FALSE(workers.submit([&] { ++done; }));
  EXPECT_TRUE(workers.submit([&] { ++done; }, true));
  EXPECT_EQ(workers.waiting(), 2u);
  go = true;
  workers.stop();
  EXPECT_EQ(done, 3);
  EXPECT_FALSE(workers.submit([] {}));
}

TEST(Batching, WhatIsLateOrComesAfterTheEndIsAnsweredWithoutTheModel) {
  Metrics metrics;
  const HistogramFamily stages = serve::stage_seconds(metrics);
  Batcher batcher({}, metrics, stages);
  std::atomic<int> calls{0};
  std::atomic<Degraded> how{Degraded::no};
  const auto question = [&](serve::Clock::time_point deadline) {
    serve::Generation generation;
    generation.deadline = deadline;
    generation.done = [&](const Results& results, Degraded degraded) {
      EXPECT_TRUE(results.items.empty());
      how = degraded;
      ++calls;
    };
    return generation;
  };
  batcher.submit(question(serve::Clock::now() - std::chrono::milliseconds(1)));
  for (int i = 0; i < 500 && calls < 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(how, Degraded::deadline);
  batcher.stop();
  batcher.submit(question(serve::Clock::time_point::max()));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(how, Degraded::queue_full);
}

TEST(Batching, WhoHasWaitedTooLongIsAnsweredWithoutTheModel) {
  Metrics metrics;
  const HistogramFamily stages = serve::stage_seconds(metrics);
  Batcher batcher({.max_wait_ms = 5}, metrics, stages);
  std::promise<void> first_began, second_waits;
  std::promise<Degraded> second;
  serve::Generation busy;
  busy.deadline = serve::Clock::now();
  busy.done = [&](const Results&, Degraded) {
    first_began.set_value();
    second_waits.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  batcher.submit(std::move(busy));
  first_began.get_future().wait();
  serve::Generation waiting;
  waiting.deadline = serve::Clock::time_point::max();
  waiting.done = [&](const Results&, Degraded degraded) { second.set_value(degraded); };
  batcher.submit(std::move(waiting));
  second_waits.set_value();
  EXPECT_EQ(second.get_future().get(), Degraded::queue_full);
}

}  // namespace
}  // namespace tessera
