#include "http/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <thread>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;

/// The value of the line that begins with the text, or NaN.
double value_of(const std::string& exposition, const std::string& series) {
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(series + " ", 0) == 0) return std::stod(line.substr(series.size() + 1));
  }
  return std::nan("");
}

TEST(Metrics, CountsByLabels) {
  Metrics metrics;
  const CounterFamily events = metrics.counters("events_total", "Events.", {{"action", {"click", "view"}}});
  events.at({"click"}).add();
  events.at({"click"}).add(2);
  events.at({"anything a caller sends"}).add();
  events.at({"anything else"}).add();
  metrics.gauge("items", "Items.").set(7);
  metrics.gauge("items", "Items.").add(1);
  const HistogramFamily stages =
      metrics.histograms("stage_duration_seconds", "Stages.", {{"stage", {"parse"}}}, Metrics::stage_seconds());
  stages.at({"parse"}).observe(0.003);
  const std::string text = metrics.exposition();
  EXPECT_EQ(value_of(text, "tessera_events_total{action=\"click\"}"), 3);
  EXPECT_EQ(value_of(text, "tessera_events_total{action=\"other\"}"), 2);
  EXPECT_EQ(text.find("caller"), std::string::npos);
  EXPECT_EQ(value_of(text, "tessera_items"), 8);
  EXPECT_EQ(value_of(text, "tessera_stage_duration_seconds_bucket{stage=\"parse\",le=\"0.0025\"}"), 0);
  EXPECT_EQ(value_of(text, "tessera_stage_duration_seconds_bucket{stage=\"parse\",le=\"0.005\"}"), 1);
  EXPECT_EQ(value_of(text, "tessera_stage_duration_seconds_count{stage=\"parse\"}"), 1);
}

TEST(Metrics, TellsTheStateOfTheProcess) {
  Metrics metrics;
  const std::string text = metrics.exposition();
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value_of(text, "process_open_fds"), 3);
  EXPECT_GE(value_of(text, "process_threads"), 1);
  EXPECT_GT(value_of(text, "process_start_time_seconds"), 1.5e9);
  const double before = value_of(text, "process_cpu_seconds_total");
  EXPECT_GE(value_of(metrics.exposition(), "process_cpu_seconds_total"), before);
}

TEST(Metrics, ReadsGaugesAndReplacesFacts) {
  Metrics metrics;
  double depth = 3;
  metrics.gauge_from("queue_depth", "Depth.", [&] { return depth; });
  metrics.info("model_info", "The model.", {{"version", "1"}, {"sid_version", "a"}});
  EXPECT_EQ(value_of(metrics.exposition(), "tessera_queue_depth"), 3);
  depth = 5;
  metrics.info("model_info", "The model.", {{"version", "2\"\n"}, {"sid_version", "\xff"}});
  const std::string text = metrics.exposition();
  EXPECT_EQ(value_of(text, "tessera_queue_depth"), 5);
  EXPECT_EQ(text.find("version=\"1\""), std::string::npos);
  EXPECT_NE(text.find("version=\"2\\\"\\n\""), std::string::npos) << text;
  metrics.gauge_from("queue_depth", "Depth.", nullptr);
  depth = 9;
  EXPECT_EQ(value_of(metrics.exposition(), "tessera_queue_depth"), 5);
}

TEST(Metrics, RefusesMisuse) {
  Metrics metrics;
  metrics.counter("a_total", "A.");
  EXPECT_NO_THROW(metrics.counter("a_total", "A."));
  expect_error(ErrorKind::config, "there already", [&] { metrics.gauge("a_total", "A."); });
  expect_error(ErrorKind::config, "there already", [&] { metrics.counters("a_total", "A.", {{"x", {"1"}}}); });
  expect_error(ErrorKind::config, "there already", [&] { metrics.info("a_total", "A.", {}); });
  expect_error(ErrorKind::config, "no name for a metric", [&] { metrics.counter("a b", "A."); });
  expect_error(ErrorKind::config, "no name for a label", [&] { metrics.counters("b", "B.", {{"le x", {"1"}}}); });
  expect_error(ErrorKind::config, "must ascend", [&] { metrics.histogram("h", "H.", {2, 1}); });
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back(std::to_string(i));
  expect_error(ErrorKind::config, "combinations", [&] { metrics.counters("c", "C.", {{"x", many}, {"y", many}}); });
}

TEST(Metrics, IsSafeFromManyThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const CounterFamily family = metrics.counters("n_total", "N.", {{"x", {"0", "1", "2"}}});
      for (int i = 0; i < 5000; ++i) family.at({std::to_string(i % 4)}).add();
      metrics.exposition();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value_of(metrics.exposition(), "tessera_n_total{x=\"1\"}"), 5000);
  EXPECT_EQ(value_of(metrics.exposition(), "tessera_n_total{x=\"other\"}"), 5000);
}

}  // namespace
}  // namespace tessera
