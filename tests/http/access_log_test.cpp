#include "http/access_log.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

using nlohmann::json;
using test::TemporaryFolder;

HttpExchange exchange(double seconds = 0.01, int status = 200) {
  HttpExchange done;
  done.method = "GET";
  done.target = "/v1/search?q=\"x\"&x-typesense-api-key=verysecret";
  done.request_id = "r1";
  done.peer = "127.0.0.1";
  done.status = status;
  done.seconds = seconds;
  done.user_agent = "agent tsk_abcdefgh";
  return done;
}

TEST(AccessLog, WritesJsonWithoutSecrets) {
  std::string text;
  {
    AccessLog log(make_callback_sink([&](std::string_view lines) { text += lines; }), {});
    log.write(exchange());
  }
  const json line = json::parse(text);
  EXPECT_EQ(line["target"], "/v1/search?q=\"x\"&x-typesense-api-key=***");
  EXPECT_EQ(line["user_agent"], "agent tsk_***");
  EXPECT_EQ(line["status"], 200);
  EXPECT_DOUBLE_EQ(line["duration_ms"].get<double>(), 10);
  EXPECT_FALSE(line.contains("slow"));
  EXPECT_EQ(line["time"].get<std::string>().size(), 24u);
}

TEST(AccessLog, AnyBytesMakeOneLineOfJson) {
  Random random(2, "log");
  for (int i = 0; i < 2000; ++i) {
    HttpExchange done = exchange();
    for (std::string* field : {&done.target, &done.method, &done.user_agent, &done.private_detail, &done.request_id}) {
      field->resize(random.below(random.chance(0.1) ? 5000 : 30));
      for (char& c : *field) c = static_cast<char>(random.below(256));
    }
    const std::string line = access_log_line(done, true);
    ASSERT_TRUE(json::accept(line)) << line;
    ASSERT_EQ(line.find('\n'), line.size() - 1);
  }
}

TEST(AccessLog, SlowThresholdIsLive) {
  std::string text;
  AccessLog log(make_callback_sink([&](std::string_view lines) { text += lines; }), {8192, 100, true});
  log.write(exchange(0.05));
  log.write(exchange(0.2));
  log.write(exchange(0.05, 500));
  log.flush();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_NE(text.find("\"slow\":true"), std::string::npos);
  log.set_slow_ms(10);
  EXPECT_EQ(log.slow_ms(), 10);
  log.write(exchange(0.05));
  log.set_only_slow(false);
  log.write(exchange(0.001));
  log.flush();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(AccessLog, ReopensItsFile) {
  const TemporaryFolder folder;
  AccessLog log(make_file_sink(folder / "access.log"), {});
  log.write(exchange());
  log.flush();
  std::filesystem::rename(folder / "access.log", folder / "access.log.1");
  log.write(exchange());
  log.flush();
  log.reopen();
  log.write(exchange());
  log.flush();
  const std::string old = read_file(folder / "access.log.1"), fresh = read_file(folder / "access.log");
  EXPECT_EQ(std::count(old.begin(), old.end(), '\n'), 2);
  EXPECT_EQ(std::count(fresh.begin(), fresh.end(), '\n'), 1);
  test::expect_error(ErrorKind::io, "access log", [&] { make_file_sink(folder / "none" / "x"); });
}

TEST(AccessLog, DropsAndCountsInsteadOfWaiting) {
  std::mutex mutex;
  mutex.lock();
  AccessLog log(make_callback_sink([&](std::string_view) { const std::lock_guard wait(mutex); }), {4, -1, false});
  for (int i = 0; i < 100; ++i) log.write(exchange());
  EXPECT_GE(log.dropped(), 100 - 8);
  mutex.unlock();
  log.flush();
  AccessLog failing(make_callback_sink([](std::string_view) { throw std::runtime_error("full"); }), {});
  failing.write(exchange());
  failing.flush();
  EXPECT_EQ(failing.dropped(), 1);
  AccessLog none(nullptr, {});
  none.write(exchange());
  none.flush();
  none.reopen();
}

}  // namespace
}  // namespace tessera
