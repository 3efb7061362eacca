#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace tessera {

/// A label and all values it can have. A value outside the set is counted as "other", so that nothing a caller sends
/// can make new series.
struct MetricLabel {
  std::string name;
  std::vector<std::string> values;
};

/// Handles of one series: cheap to copy, thread-safe, valid as long as the Metrics.
class MetricCounter {
 public:
  explicit MetricCounter(prometheus::Counter* counter) : counter_(counter) {}
  void add(double value = 1) const;
  double value() const;

 private:
  prometheus::Counter* counter_;
};
class MetricGauge {
 public:
  explicit MetricGauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  void set(double value) const;
  void add(double value) const;
  double value() const;

 private:
  prometheus::Gauge* gauge_;
};
class MetricHistogram {
 public:
  explicit MetricHistogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  void observe(double value) const;

 private:
  prometheus::Histogram* histogram_;
};

/// All series of one name, one for each combination of label values. at() takes the values in the order of the labels,
/// takes no lock once a series exists, and never fails: unknown values become "other".
template <class Handle>
class MetricFamily {
 public:
  struct Table;
  explicit MetricFamily(std::shared_ptr<Table> table) : table_(std::move(table)) {}
  Handle at(std::initializer_list<std::string_view> values) const;

 private:
  std::shared_ptr<Table> table_;
};
using CounterFamily = MetricFamily<MetricCounter>;
using GaugeFamily = MetricFamily<MetricGauge>;
using HistogramFamily = MetricFamily<MetricHistogram>;

/// The metrics of the process, in Prometheus' sense. Names come without the prefix "tessera_", which is added here;
/// names that begin with "process_" keep theirs, as dashboards expect. Thread-safe.
///
/// Registering a name again with the same labels gives the same series. All registering functions
/// @throws Error(config) for a bad name, a name of another kind or other labels, or more than 100,000 combinations
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  MetricCounter counter(const std::string& name, const std::string& help);
  MetricGauge gauge(const std::string& name, const std::string& help);
  MetricHistogram histogram(const std::string& name, const std::string& help, std::vector<double> bounds);
  CounterFamily counters(const std::string& name, const std::string& help, std::vector<MetricLabel> labels);
  GaugeFamily gauges(const std::string& name, const std::string& help, std::vector<MetricLabel> labels);
  HistogramFamily histograms(const std::string& name, const std::string& help, std::vector<MetricLabel> labels,
                             std::vector<double> bounds);

  /// A gauge whose value is asked for at every exposition, e.g. a queue's depth. `read` may be called from any thread,
  /// one call at a time. A second call for the name replaces `read`; null removes it.
  void gauge_from(const std::string& name, const std::string& help, std::function<double()> read);
  /// A gauge that is 1 and tells facts by its labels ("model_info"). Called again, the older labels vanish.
  void info(const std::string& name, const std::string& help,
            const std::vector<std::pair<std::string, std::string>>& labels);

  /// The text exposition format, version 0.0.4, with the state of this process (process_*) from the operating system.
  std::string exposition();

  /// 2.5 ms to 10 s, in seconds: for requests.
  static std::vector<double> request_seconds();
  /// 50 us to 2.5 s, in seconds: for stages of a request.
  static std::vector<double> stage_seconds();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The content type of Metrics::exposition().
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace tessera
